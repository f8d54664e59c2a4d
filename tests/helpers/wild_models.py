"""A plugin of models whose builders, modules and forwards do what they must not; `WILD` says what is told of each."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

PLUGIN = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def net(forward=None, **methods):
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(6, 3)

        def forward(self, x):
            return self.fc(x) if forward is None else forward(self, x)

    for name, method in methods.items():
        setattr(Net, name, method)
    return Net()

def fail(error):
    raise error

class Odd(BaseException):
    pass

class Mute(Exception):
    def __str__(self):
        raise RuntimeError("no text")

@hookimpl
def zoo_models():
    for name, build in list(globals().items()):
        if name.startswith("build_"):
            yield ModelSpec(
                name=name.removeprefix("build_").replace("_", "-"), build=build, task="features", summary="wild",
                inputs={"x": TensorSpec("N", 6)}, outputs={"y": TensorSpec("N", 3)},
            )
"""


@dataclass(frozen=True)
class Wild:
    """The body of a builder, and what `zoo export` tells; `built`: whether the builder does its part."""

    body: str
    told: str
    built: bool = True


def _forward(result: str, told: str) -> Wild:
    return Wild(f"import torch\nreturn net(lambda self, x: {result})", told)


def _module(methods: str, told: str) -> Wild:
    return Wild(f"return net({methods})", told)


WILD = {
    "raises": Wild("raise KeyError('k')", "its builder fails: KeyError: 'k', at zoo_wild/__init__.py:", built=False),
    "exits": Wild("import sys; sys.exit(0)", "its builder fails: SystemExit: 0", built=False),
    "raises-odd": Wild("raise Odd('odd')", "its builder fails: Odd: odd", built=False),
    "raises-mute": Wild("raise Mute()", "its builder fails: Mute: its message cannot be read", built=False),
    "returns-none": Wild("return None", "its builder returns a NoneType, not an nn.Module", built=False),
    "returns-class": Wild("import torch; return torch.nn.Linear", "its builder returns the class Linear", built=False),
    "without-init": Wild(
        "import torch\nclass Bare(torch.nn.Module):\n    def __init__(self):\n        pass\nreturn Bare()",
        "Bare.__init__ does not call super().__init__()",
        built=False,
    ),
    "default-dtype": Wild(
        "import torch; torch.set_default_dtype(torch.float64); return net()",
        "its builder changes torch's default dtype to float64 for the whole process",
        built=False,
    ),
    "default-device": Wild(
        "import torch; torch.set_default_device('meta'); return net()",
        "its builder changes torch's default device to meta for the whole process",
        built=False,
    ),
    "forward-raises": _forward(
        "fail(OSError('lost'))", "the model fails on plausible inputs of the shape (1, 6): OSErr"
    ),
    "forward-exits": _forward("fail(SystemExit(0))", "(1, 6): SystemExit: 0, at zoo_wild/__init__.py:"),
    "forward-odd": _forward("fail(Odd('odd'))", "(1, 6): Odd: odd, at zoo_wild/__init__.py:"),
    "forward-mute": _forward("fail(Mute())", "Mute: its message cannot be read"),
    "forward-dtype": _forward(
        "[torch.set_default_dtype(torch.float64), self.fc(x)][1]", "the model's forward changes torch's default dtype"
    ),
    "forward-grad": _forward("torch.autograd.grad(self.fc(x).sum(), x)[0]", "does not require grad"),
    "gives-none": _forward("None", "the model declares the outputs y but returned 1: NoneType"),
    "gives-text": _forward("{'y': 'text'}", "the model declares the outputs y but returned 1: str"),
    "gives-nested": _forward("[[self.fc(x)]]", "the model declares the outputs y but returned 1: list"),
    "gives-two": _forward("(self.fc(x), x)", "the model declares the outputs y but returned 2: Tensor, Tensor"),
    "gives-bool": _forward("self.fc(x) > 0", "y is bool in PyTorch, and declared as float32"),
    "gives-complex": _forward("torch.complex(self.fc(x), self.fc(x))", "y is complex64 in PyTorch"),
    "gives-sparse": _forward("self.fc(x).to_sparse()", "the model gives y as a tensor that is sparse"),
    "gives-meta": _forward("self.fc(x).to('meta')", "the model gives y as a tensor that is on the meta device"),
    "changes-weights": _forward("[self.fc.weight.add_(0.1), self.fc(x)][1]", "a different y each time it is run"),
    "new-weights": _forward(
        "[setattr(self, 'more', torch.nn.Parameter(x.sum(0))), self.fc(x)][1]", "a second build is another model"
    ),
    "state-raises": _module(
        "state_dict=lambda self: fail(RuntimeError('no state'))", "RuntimeError: no state, at zoo_w"
    ),
    "state-list": _module("state_dict=lambda self: [1]", "its state_dict() gives a list, not tensors by name"),
    "extra-state": _module("get_extra_state=lambda self: {}", "_extra_state is a dict and no tensor"),
    "load-raises": _module(
        "load_state_dict=lambda self, *a, **k: fail(OSError('no load'))", "OSError: no load, at zoo_"
    ),
    "eval-raises": _module("eval=lambda self: fail(RuntimeError('no eval'))", "RuntimeError: no eval, at zoo_wild/"),
    "hook-raises": Wild(
        "model = net()\nmodel.register_forward_hook(lambda *given: fail(RuntimeError('hook')))\nreturn model",
        "RuntimeError: hook, at zoo_wild/__init__.py:",
    ),
    "meta": Wild(
        "import torch; return torch.nn.Linear(6, 3, device='meta')", "weight is on the meta device: only dense"
    ),
    "sparse": Wild(
        "import torch\nmodel = net()\nmodel.more = torch.nn.Parameter(torch.eye(3).to_sparse())\nreturn model",
        "more is sparse: only dense tensors with values",
    ),
    "dotted": Wild(
        "import torch\nmodel = net()\nmodel._parameters['a.b'] = torch.nn.Parameter(torch.ones(3))\nreturn model",
        "the name of the parameter 'a.b' has a dot",
    ),
    "quantised": Wild(
        "import torch, warnings\n"
        "model = net()\n"
        "with warnings.catch_warnings(action='ignore'):\n"
        "    model.register_buffer('more', torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8))\n"
        "return model",
        "more is quantised: only dense tensors with values",
    ),
    "complex": Wild(
        "import torch\nmodel = net()\nmodel.more = torch.nn.Parameter(torch.ones(3) * 1j)\nreturn model",
        "1 parameter is complex64, more among them: complex weights cannot be proved equal yet",
    ),
    "other-each-time": Wild(
        "import torch\nwidth = int(torch.randint(9, 9999, ()))\nreturn torch.nn.Linear(6, width)",
        "the weights do not fit the model",
    ),
}

FINE = {
    "loud": "return net(lambda self, x: [print('hello'), self.fc(x)][1])",
    "in-place": "return net(lambda self, x: self.fc(x.add_(1)))",
    "no-copy": "return net(__deepcopy__=lambda self, memo: fail(RuntimeError('no copy')))",
    "scripted": (
        "import torch, warnings\n"
        "with warnings.catch_warnings(action='ignore'):\n"
        "    return torch.jit.script(torch.nn.Sequential(torch.nn.Linear(6, 3)))"
    ),
    "seeded": "import torch; torch.manual_seed(3); return net()",
}


def wild_plugin() -> str:
    """The text of the plugin `zoo_wild`, with all of `WILD` and `FINE`."""
    bodies = {**{name: wild.body for name, wild in WILD.items()}, **FINE}
    builders = (
        f"def build_{name.replace('-', '_')}():\n{textwrap.indent(body, '    ')}\n" for name, body in bodies.items()
    )
    return PLUGIN + "\n" + "\n".join(builders)
