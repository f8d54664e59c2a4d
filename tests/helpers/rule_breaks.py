"""How each rule of conformance is broken: edits of the healthy plugins that no other rule complains about."""

from __future__ import annotations

from broken_plugins import Break

FORWARD = "logits = self.last(torch.relu(self.first(image.flatten(1))))"
EXPORT = "exports-and-is-verified"
BUILT = "self.last = nn.Linear(8, num_classes)"

MODELS = {
    "says-where-it-comes-from": Break(old='license="MIT"', new='license=""'),
    "old-names-lead-somewhere": Break(old='license="MIT",', new='license="MIT", renamed={"classes": "num_clases"},'),
    "options-can-be-typed": Break(
        old="num_classes: int = 3):", new='num_classes: int = 3, mode: str | None = "none"):'
    ),
    "has-a-recipe-that-can-be-used": Break(
        old='license="MIT",', new='license="MIT",\n                recipe={"learning_rate": 0.1},'
    ),
    "builds-with-defaults": Break(old="num_classes: int = 3):", new="num_classes: int = 3, hidden: int):"),
    "refuses-unknown-options": Break(
        old="@hookimpl",
        new="""
        import functools

        def lenient(builder):
            @functools.wraps(builder)
            def build(**options):
                return builder(**{name: options[name] for name in builder.__kwdefaults__ if name in options})
            return build

        build = lenient(build)

        @hookimpl""",
    ),
    "integers-have-a-range": Break(
        old='TensorSpec("N", "in_channels", "height", "width")',
        new='TensorSpec("N", "in_channels", "height", "width", dtype="int64")',
    ),
    "task-is-offered": Break(old='task="image-classification"', new='task="image-clasification"'),
    "explains-bad-sizes": Break(
        file="net.py", old=BUILT, new=f"{BUILT}\n                self.ratio = 8 // (height - 1)"
    ),
    "seed-decides-the-weights": Break(
        file="net.py",
        old="self.last = nn.Linear(8, num_classes)",
        new="""self.last = nn.Linear(8, num_classes)
                import os
                with torch.no_grad():
                    self.last.bias.fill_(int.from_bytes(os.urandom(2), "little") / 2**16)""",
    ),
    "keeps-no-hidden-tensors": Break(
        file="net.py",
        old="self.last = nn.Linear(8, num_classes)",
        new="self.last = nn.Linear(8, num_classes)\n                self.sizes = {'a': [torch.ones(2)]}",
    ),
    "weights-survive-saving": Break(
        file="net.py",
        old="def forward(",
        new="""def get_extra_state(self):
                return {"steps": 3}

            def set_extra_state(self, state):
                pass

            def forward(""",
    ),
    "packaged-weights-fit": Break(
        old="yield ModelSpec(",
        new="""from zoo_core import Weights

            absent = Weights(name="mine", file="zoo_tried:absent.safetensors", sha256=None)
            yield ModelSpec(
                weights=(absent,),""",
    ),
    "gives-what-it-declares": Break(
        old='TensorSpec("N", "num_classes")', new='TensorSpec("N", "num_classes", dtype="float64")'
    ),
    "follows-its-sizes": Break(file="net.py", old="nn.Linear(8, num_classes)", new="nn.Linear(8, 3)"),
    "stays-finite": Break(
        file="net.py",
        old=FORWARD,
        new=FORWARD + "\n                logits = logits / image.abs().flatten(1).amax(1, True)",
    ),
    "gives-logits": Break(file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits.softmax(1)"),
    "rows-are-independent": Break(
        file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits + logits.mean(0)"
    ),
    "evaluates-alike": Break(
        file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits * (1 + 1e-6 * torch.rand(()))"
    ),
    "leaves-its-input-alone": Break(file="net.py", old=FORWARD, new="image.clamp_(min=0)\n                " + FORWARD),
    "every-parameter-learns": Break(
        file="net.py",
        old="self.last = nn.Linear(8, num_classes)",
        new="self.last = nn.Linear(8, num_classes)\n                self.spare = nn.Linear(2, 2)",
    ),
    "learns-a-batch": Break(
        old='license="MIT",',
        new='license="MIT",\n                loss=lambda outputs, targets: outputs["logits"].sum() * 0,',
    ),
    EXPORT: Break(file="net.py", old=FORWARD, new=FORWARD + "\n                logits = torch.digamma(logits.exp())"),
}

PLUGINS = {
    "loads": Break(old="from zoo_core import", new="raise OSError('out of luck')\nfrom zoo_core import"),
    "imports-without-heavy-packages": Break(
        old="from zoo_core import", new="import pandas\n\n        from zoo_core import"
    ),
    "imports-quickly": Break(
        old="from zoo_core import",
        new="""import time
        until = time.process_time() + 0.2
        while time.process_time() < until:
            pass
        from zoo_core import""",
    ),
    "imports-offline": Break(
        old="from zoo_core import",
        new="import socket\n        socket.getaddrinfo('localhost', 80)\n        from zoo_core import",
    ),
    "imports-without-side-effects": Break(
        old="from zoo_core import",
        new="from pathlib import Path\n        Path(__file__).with_name('trace').touch()\n        from zoo_core import",
    ),
    "names-stay-apart": Break(old="def build(", new="def net():\n            pass\n\n\n        def build("),
    "family-members-are-specs": Break(
        old="@hookimpl",
        new="""
        def member(name):
            return ModelSpec(
                name=f"kin/{name}", build=build, task="image-classification", summary="kin",
                inputs={"image": TensorSpec("N", "in_channels", "height", "width")},
                outputs={"logits": TensorSpec("N", "num_classes")}, source="https://example.org",
            )

        @hookimpl
        def zoo_families():
            from zoo_core import ModelFamily

            yield ModelFamily(prefix="kin", names=lambda: ["first"], spec=member)

        @hookimpl""",
    ),
    "commands-have-help": Break(
        old="@hookimpl",
        new="""
        @hookimpl
        def zoo_commands():
            import click

            yield click.Command("silent", callback=print)

        @hookimpl""",
    ),
    "expected-failures-are-rules": Break(
        old='license="MIT",', new='license="MIT",\n                expected_failures={"learns-a-bach": "misspelt"},'
    ),
}

DATASETS = {
    "says-where-it-comes-from": Break(old='source="https://example.org"', new='source=""'),
    "gives-what-it-declares": Break(old="targets =", new="inputs[7, 0, 2, 2] = np.nan\n            targets ="),
    "classes-have-samples": Break(old="np.arange(60) % 3", new="np.arange(60) % 2"),
    "splits-are-disjoint": Break(old='(0 if split == "train" else 1)', new="(0)"),
    "keeps-its-order": Break(
        old="return ArraySplit(",
        new="""order = [int(name) for name in {str(number) for number in range(60)}]
            inputs, targets = inputs[order], targets[order]
            return ArraySplit(""",
    ),
    "explains-missing-data": Break(
        old="drawn =",
        new="next(iter(root.iterdir()))\n            drawn =",
    ),
}

TRAINERS = {
    "works-with-defaults": Break(old="lr: float = 0.1", new="lr: float"),
    "tells-every-epoch": Break(
        file="loop.py", old="return result", new="return dataclasses.replace(result, epochs=result.epochs + 1)"
    ),
    "makes-the-loss-fall": Break(file="loop.py", old="momentum=0.9", new="momentum=0.9, maximize=True"),
    "repeats-itself": Break(
        file="loop.py",
        old="optimizer =",
        new="""if len(CALLS) == 2:
                job.module[1].bias.data.add_(0.01)
            optimizer =""",
    ),
    "resumes-exactly": Break(
        file="loop.py",
        old="optimizer =",
        new="""if job.state is not None:
                job = dataclasses.replace(job, state=dataclasses.replace(job.state, optimizer={}))
            optimizer =""",
    ),
    "stops-when-it-is-told-to": Break(
        file="loop.py",
        old="result = loop.fit(on_epoch=on_epoch)",
        new="""try:
                result = loop.fit(on_epoch=on_epoch)
            except KeyboardInterrupt:
                return loop.result()""",
    ),
}

CHECKED = """if min(in_channels, height, width, num_classes) < 1:
                    raise ValueError("every size is 1 or more")"""
LOOP = "result = loop.fit(on_epoch=on_epoch)"

OTHER_WAYS = [
    # kind, rule, what is broken in another way than above, and what is said of it
    (
        "model",
        "gives-what-it-declares",
        Break(file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits[:2]"),
        "output 'logits' is declared as (3, 3) but has the shape (2, 3) (N=3)",
    ),
    (
        "model",
        "has-a-recipe-that-can-be-used",
        Break(old='license="MIT",', new='license="MIT",\n                recipe={"lr": "fast"},'),
        "the recipe of model tried for trainer supervised: lr takes float or none, not 'fast'",
    ),
    (
        "model",
        "seed-decides-the-weights",
        Break(file="net.py", old=BUILT, new=f"torch.manual_seed(0)\n                {BUILT}"),
        "whatever the seed, torch draws the same after a build: leave out torch.manual_seed",
    ),
    (
        "model",
        "weights-survive-saving",
        Break(
            file="net.py",
            old=BUILT,
            new=f"{BUILT}\n                self.shift = float(torch.rand(()))\n"
            "                self.register_forward_hook(lambda module, given, found: found + self.shift)",
        ),
        "output 'logits' differs after the weights were saved and read back",
    ),
    (
        "model",
        "explains-bad-sizes",
        Break(file="net.py", old=CHECKED, new="if height < 2:\n                    raise ValueError"),
        "height=1 is refused by the builder without a message",
    ),
    (
        "model",
        "explains-bad-sizes",
        Break(
            file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits / (8 // (image.shape[2] - 1))"
        ),
        "height=1: its forward fails with ZeroDivisionError",
    ),
    (
        "model",
        "every-parameter-learns",
        Break(file="net.py", old=FORWARD, new=FORWARD + "\n                logits = logits.detach()"),
        "no gradient reaches the output",
    ),
    (
        "model",
        "every-parameter-learns",
        Break(
            file="net.py",
            old=FORWARD,
            new=FORWARD + "\n                logits = logits + (self.last.bias * 0).sum().sqrt()",
        ),
        "the gradient of last.bias is not finite",
    ),
    (
        "plugin",
        "imports-without-side-effects",
        Break(
            old="from zoo_core import",
            new="import subprocess\n        subprocess.run(['true'])\n        from zoo_core import",
        ),
        "loading zoo_tried starts a process: true",
    ),
    (
        "plugin",
        "family-members-are-specs",
        Break(
            old="@hookimpl",
            new="""
        @hookimpl
        def zoo_families():
            from zoo_core import ModelFamily

            yield ModelFamily(prefix="kin", names=lambda: ["first"], spec=lambda name: 1 / 0)

        @hookimpl""",
        ),
        "kin/first: model 'kin/first' of plugin zoo-tried:tried cannot be used: in family 'kin': ZeroDivisionError",
    ),
    (
        "dataset",
        "gives-what-it-declares",
        Break(old="(60, 1, 6, 6)", new="(60, 1, 6, 7)"),
        "split train: the samples have the shape (N, 1, 6, 7), but the dataset declares (N, 1, 6, 6)",
    ),
    (
        "dataset",
        "gives-what-it-declares",
        Break(old='TensorSpec("N", 1, 6, 6)', new='TensorSpec("N", 1, 6, 6, dtype="float64")'),
        "split train: arrays without preprocessing are float64, not float32",
    ),
    (
        "dataset",
        "gives-what-it-declares",
        Break(old="targets = np", new='inputs = inputs[: None if split == "train" else 0]\n            targets = np'),
        "split test: 0 samples need as many whole numbers as targets",
    ),
    (
        "dataset",
        "gives-what-it-declares",
        Break(old="np.arange(60) % 3", new="np.arange(60) % 4"),
        "split train: targets from 0 to 3, but 3 classes",
    ),
    (
        "dataset",
        "keeps-its-order",
        Break(
            old="drawn =",
            new='import os\n            os.environ.get("PYTHONHASHSEED") and os._exit(3)\n            drawn =',
        ),
        "its process ends with exit code 3 before it answers",
    ),
    (
        "dataset",
        "explains-missing-data",
        Break(
            old="drawn =",
            new="""from zoo_core import ZooError
            if not list(root.iterdir()):
                raise ZooError("nothing there")
            drawn =""",
        ),
        "its error gives no hint about what to do: nothing there",
    ),
    (
        "trainer",
        "tells-every-epoch",
        Break(file="loop.py", old="return result", new="return {}"),
        "fit returns a dict, not a TrainResult",
    ),
    (
        "trainer",
        "tells-every-epoch",
        Break(file="loop.py", old="CALLS.append(job)", new="job = dataclasses.replace(job, epochs=job.epochs - 1)"),
        "6 epochs were asked for, 5 were trained",
    ),
    (
        "trainer",
        "resumes-exactly",
        Break(file="loop.py", old="CALLS.append(job)", new="job = dataclasses.replace(job, state=None)"),
        "resumed after epoch 3, it trains the epochs [1, 2, 3, 4, 5, 6]",
    ),
    (
        "trainer",
        "resumes-exactly",
        Break(file="loop.py", old="CALLS.append(job)", new="job = dataclasses.replace(job, run=None)"),
        "it leaves no checkpoint; job.run.save_state(...) after each epoch, as Loop does",
    ),
    (
        "trainer",
        "stops-when-it-is-told-to",
        Break(
            file="loop.py",
            old=LOOP,
            new=f"try:\n                {LOOP}\n            except KeyboardInterrupt:\n"
            '                raise RuntimeError("disturbed") from None',
        ),
        "Ctrl-C ends it with an error of its own: RuntimeError: disturbed",
    ),
    (
        "trainer",
        "stops-when-it-is-told-to",
        Break(
            file="loop.py",
            old="CALLS.append(job)",
            new="if job.epochs > 100:\n                job = dataclasses.replace(job, epochs=1)",
        ),
        "it ends before the second epoch: fit returns",
    ),
]
