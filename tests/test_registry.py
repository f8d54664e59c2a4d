"""Names: bare, qualified, shadowed, doubled, old and unknown; families, commands and events."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import write_distribution

from zoo_core import EpochRow, ModelSpec, Zoo, ZooError, open_zoo
from zoo_core.errors import UsageError
from zoo_core.workflows.catalogue.info import find_entry

HEAD = """
from zoo_core import ModelSpec, TensorSpec, hookimpl

def build(*, num_classes: int = 10):
    from torch import nn
    return nn.Sequential(nn.Flatten(), nn.Linear(784, num_classes))

def spec(name, **more):
    return ModelSpec(
        name=name, build=build, task="image-classification", summary="A model for tests",
        inputs={"image": TensorSpec("N", 1, 28, 28)}, outputs={"logits": TensorSpec("N", "num_classes")}, **more,
    )
"""


def offering(*specs: str) -> str:
    return HEAD + "@hookimpl\ndef zoo_models():\n    return [" + ", ".join(specs) + "]\n"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes a distribution and puts it on this process's search path."""
    folder = tmp_path / "inside"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)

    def write(name: str, code: str, **more: Any) -> Path:
        # A package name of its own for each test: modules stay in sys.modules.
        package = f"{name.replace('-', '_')}_{abs(hash(tmp_path)) % 10**8}"
        return write_distribution(folder, name, code, package=package, **more)

    return write


def test_python_use_of_the_catalogue() -> None:
    zoo = open_zoo()
    model = zoo.model("lenet5")
    assert isinstance(model.spec, ModelSpec)
    assert (model.name, model.plugin) == ("lenet5", "zoo-core:lenet5")
    assert zoo.model("zoo-core:lenet5/lenet5").spec is model.spec
    module = model.build(num_classes=3)
    assert module.fc3.out_features == 3
    assert [entry.kind for entry in zoo.entries("trainer")] == ["trainer"]
    assert zoo.trainer("supervised").name == "supervised"


def test_a_bundled_name_cannot_be_shadowed(install: Any) -> None:
    install("zoo-thief", offering("spec('lenet5')"))
    zoo = open_zoo()
    assert zoo.model("lenet5").plugin == "zoo-core:lenet5"
    assert zoo.model("zoo-thief:zoo-thief/lenet5").spec.summary == "A model for tests"
    shown = {entry.shown for entry in zoo.entries("model") if entry.name == "lenet5"}
    assert shown == {"lenet5", "zoo-thief:zoo-thief/lenet5"}


def test_a_name_offered_twice_belongs_to_neither(install: Any) -> None:
    install("zoo-one", offering("spec('same')", "spec('only')"))
    install("zoo-two", offering("spec('same')"))
    zoo = open_zoo()
    with pytest.raises(UsageError, match="model 'same' is offered by more than one plugin") as caught:
        zoo.model("same")
    assert caught.value.hint == "say which: zoo-one:zoo-one/same or zoo-two:zoo-two/same"
    assert zoo.model("zoo-two:zoo-two/same").plugin == "zoo-two:zoo-two"
    assert zoo.model("only").plugin == "zoo-one:zoo-one"


def test_an_old_name_works_with_a_warning(install: Any, capsys: pytest.CaptureFixture[str]) -> None:
    install("zoo-one", offering("spec('net-2', aliases=('net',))"))
    assert open_zoo().model("net").name == "net-2"
    assert capsys.readouterr().err == "Warning: model 'net' is now called 'net-2'\n"


def test_an_old_name_of_two_models(install: Any) -> None:
    install("zoo-one", offering("spec('a', aliases=('old',))", "spec('b', aliases=('old',))"))
    with pytest.raises(UsageError, match="'old' is an old name of more than one model") as caught:
        open_zoo().model("old")
    assert caught.value.hint == "say which: zoo-one:zoo-one/a or zoo-one:zoo-one/b"


def test_unknown_names() -> None:
    zoo = open_zoo()
    with pytest.raises(UsageError, match="unknown model 'lenet'") as caught:
        zoo.model("lenet")
    assert caught.value.hint == "Did you mean 'lenet5' or 'largenet' or 'melnet'?"
    assert caught.value.exit_code == 2
    with pytest.raises(UsageError, match="'lenet5' is a model, not a trainer"):
        zoo.trainer("lenet5")


def test_an_unknown_name_whose_plugin_is_broken(install: Any) -> None:
    install("zoo-one", "1 / 0", entries={"gadget": "no_such_module"})
    with pytest.raises(UsageError, match="unknown model 'gadget'") as caught:
        open_zoo().model("gadget")
    assert "Plugin zoo-one:gadget cannot be used: " in str(caught.value.hint)


def test_a_qualified_name_whose_plugin_is_not_installed() -> None:
    with pytest.raises(UsageError, match="unknown model 'x': plugin zoo-gone:own, which offers it, is not") as caught:
        open_zoo().model("zoo-gone:own/x")
    assert caught.value.hint == "install zoo-gone again; zoo plugins shows what there is"


def test_a_qualified_name_whose_plugin_does_not_offer_it_now(install: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    install("zoo-one", offering("spec('mine')"), entries=None)
    with pytest.raises(ZooError, match=r"which does not offer it in the version 1\.0") as caught:
        open_zoo().model("zoo-one:zoo-one/mime")
    assert (caught.value.hint, caught.value.exit_code) == ("Did you mean 'mine'?", 2)
    with pytest.raises(UsageError, match=r"does not offer it in the version 1\.0") as caught:
        find_entry(open_zoo(), "zoo-one:zoo-one/mime")
    assert caught.value.hint == "Did you mean 'mine'?"
    for ask in (Zoo.model, find_entry):
        with pytest.raises(UsageError, match="'mine': there is no plugin zoo-one:zoo-on") as caught:
            ask(open_zoo(), "zoo-one:zoo-on/mine")
        assert caught.value.hint == "Did you mean 'zoo-one:zoo-one'?"
    monkeypatch.setenv("ZOO_PLUGINS", "lenet5")
    with pytest.raises(ZooError, match="comes from plugin zoo-one:zoo-one, which ZOO_PLUGINS leaves out") as caught:
        open_zoo().model("zoo-one:zoo-one/mine")
    assert caught.value.hint == "unset ZOO_PLUGINS, or add zoo-one to it"


FAMILY = (
    HEAD + "from zoo_core import ModelFamily\n"
    "@hookimpl\ndef zoo_families():\n"
    "    yield ModelFamily(prefix='fam', names=lambda: ['r18', 'r9', 'liar'], spec=member, library='famlib')\n"
    "def member(name):\n"
    "    print('made', name)\n"
    "    return spec('fam/other' if name == 'liar' else f'fam/{name}')\n"
)


def test_a_family_lists_its_members_and_makes_only_the_one_that_is_used(
    install: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    install("zoo-fam", FAMILY)
    zoo = open_zoo()
    plugin = next(plugin for plugin in zoo.plugins if plugin.id == "zoo-fam:zoo-fam")
    assert plugin.offers == ("family:fam",)
    names = {entry.shown for entry in zoo.entries("model")}
    assert {"fam/r9", "fam/r18"} <= names
    assert zoo.model("fam/r9").build(num_classes=2)[1].out_features == 2
    assert capsys.readouterr() == ("", "made r9\n")  # a plugin's prints are no result
    with pytest.raises(ZooError, match="gives 'fam/other' when asked for 'fam/liar'"):
        zoo.model("fam/liar")


def test_a_plugin_that_breaks_after_discovery(install: Any) -> None:
    folder = install("zoo-one", offering("spec('x')"))
    zoo = open_zoo()
    (folder / "__init__.py").write_text("raise OSError('gone')")
    with pytest.raises(ZooError, match="plugin zoo-one:zoo-one cannot be loaded: when it is imported: OSError: gone"):
        zoo.model("x")


def test_a_plugin_that_offers_less_after_discovery(install: Any) -> None:
    folder = install("zoo-one", offering("spec('x')", "spec('y')"))
    zoo = open_zoo()
    (folder / "__init__.py").write_text(offering("spec('y')"))
    with pytest.raises(ZooError, match="no longer offers the model 'x'"):
        zoo.model("x")


BUILDERS = {
    "refuses": ("raise ValueError('too small')", "model bad with n=3: too small"),
    "fails": ("return [][1]", "model bad with n=3: its builder fails: IndexError"),
    "mistypes": ("import json.nothing", "its builder fails: ModuleNotFoundError: No module named 'json.nothing'"),
    "misses": ("import no_such_library", "its builder needs the package 'no_such_library', which is not installed"),
    "no-module": ("return 7", "model bad with n=3: its builder returns a int, not an nn.Module"),
    "none": ("pass", "its builder returns a NoneType, not an nn.Module"),
}


@pytest.mark.parametrize("case", BUILDERS)
def test_a_builder_that_fails(case: str, install: Any) -> None:
    body, message = BUILDERS[case]
    code = HEAD.replace("def build(", "def unused(") + f"def build(*, n: int = 1, num_classes: int = 2):\n    {body}\n"
    install("zoo-one", code + "@hookimpl\ndef zoo_models():\n    return [spec('bad')]\n")
    with pytest.raises(ZooError) as caught:
        open_zoo().model("bad").build(n=3)
    assert message.replace("n=3", "n=3, num_classes=2") in caught.value.message
    assert caught.value.exit_code == 1


def test_build_checks_options() -> None:
    with pytest.raises(UsageError, match="model lenet5 has no option 'heigth'") as caught:
        open_zoo().model("lenet5").build(heigth=3)
    assert "'height'" in str(caught.value.hint)
    with pytest.raises(UsageError, match="num_classes takes int, not 'many'"):
        open_zoo().model("lenet5").build(num_classes="many")


def test_a_size_that_the_builder_cannot_take() -> None:
    with pytest.raises(ZooError, match="images are at least 12x12 for LeNet-5, not 11x28") as caught:
        open_zoo().model("lenet5").build(height=11)
    assert caught.value.exit_code == 1


LISTENER = (
    "from zoo_core import hookimpl\n"
    "@hookimpl\ndef zoo_epoch_ended(run, row):\n    print('epoch', run, row)\n    {}\n"
    "@hookimpl\ndef zoo_exported(report):\n    print('exported', report)\n"
)


def test_events_are_told_to_those_who_listen(install: Any, capsys: pytest.CaptureFixture[str]) -> None:
    install("zoo-log", LISTENER.format("pass"))
    zoo = Zoo(plugin for plugin in open_zoo().plugins if not plugin.bundled)
    zoo.tell("zoo_epoch_ended", run="r", row=1)
    zoo.tell("zoo_trained", run="r", result=None)  # nobody listens
    zoo.tell("zoo_exported", report="e")
    assert capsys.readouterr() == ("", "epoch r 1\nexported e\n")


@pytest.mark.parametrize("body", ["1 / 0", "raise SystemExit(3)"])
def test_a_listener_that_raises_is_muted_with_one_warning(
    body: str, install: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    install("zoo-log", LISTENER.format(body))
    install("zoo-other", LISTENER.format("pass"))
    zoo = open_zoo()
    for row in (1, 2):
        zoo.tell("zoo_epoch_ended", run="r", row=row)
    lines = capsys.readouterr().err.splitlines()
    warnings = [line for line in lines if line.startswith("Warning:")]
    assert len(warnings) == 1
    assert warnings[0].startswith("Warning: plugin zoo-log:zoo-log gets no more events: in zoo_epoch_ended")
    assert lines.count("epoch r 2") == 1


ROW = EpochRow(epoch=1, train={"loss": 0.5}, validation={"loss": 0.6}, learning_rate=0.1, seconds=1.0)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("row.validation['loss'] = 0.0", "what a listener is told cannot be changed"),
        ("row.train.clear()", "what a listener is told cannot be changed"),
        ("row.train = {}", "cannot assign to field 'train'"),
        ("import os; os.chdir('/')", "/__init__.py:2 changes the working folder of the whole program"),
        ("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)", "changes signal handlers of the whole"),
        ("import torch; torch.set_grad_enabled(False)", "changes PyTorch's settings of the whole"),
    ],
)
def test_a_listener_changes_nothing_but_itself(
    body: str, words: str, install: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    install("zoo-log", LISTENER.format(body))
    before = torch.is_grad_enabled(), os.getcwd(), signal.getsignal(signal.SIGINT), ROW.to_json()
    zoo = open_zoo()
    zoo.tell("zoo_epoch_ended", run="r", row=ROW)
    told = capsys.readouterr().err
    assert words in told
    assert "Warning: plugin zoo-log:zoo-log gets no more events: " in told
    assert (torch.is_grad_enabled(), os.getcwd(), signal.getsignal(signal.SIGINT), ROW.to_json()) == before


def test_a_listener_may_write_keep_and_copy_what_it_is_told_and_draw_random_numbers(
    install: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (
        "import copy, dataclasses, json, pickle, random\n    random.random()\n    own = dict(row.train)\n"
        "    own['loss'] = 9\n    dict.clear(row.validation)\n    kept = pickle.loads(pickle.dumps(row))\n"
        "    copy.deepcopy(kept).train['loss'] = 8\n"
        "    print(json.dumps(row.train), json.dumps(dataclasses.asdict(row)['train']), own)"
    )
    install("zoo-log", LISTENER.format(body))
    random.seed(7)
    open_zoo().tell("zoo_epoch_ended", run="r", row=ROW)
    drawn = random.random()
    random.seed(7)
    assert drawn == random.random()
    assert '{"loss": 0.5} {"loss": 0.5} {\'loss\': 9}' in capsys.readouterr().err
    assert ROW.validation == {"loss": 0.6}


COMMANDS = """
import click
from zoo_core import ZooError, hookimpl

@click.command("greet")
@click.argument("name")
def greet(name):
    \"\"\"Greet somebody.\"\"\"
    if name == "nobody":
        raise ZooError("nobody is there", hint="greet somebody")
    if name == "gone":
        raise BrokenPipeError(32, "Broken pipe")
    if name == "absent":
        open("no/such/file")
    print(f"hello {name}", 1 // len(name.strip()))

@click.command("list")
def mine():
    print("mine")

@hookimpl
def zoo_commands():
    return [greet, mine]
"""


def test_commands_of_plugins(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-greet", COMMANDS)
    shown = run_zoo("--help").stdout
    assert "Commands of plugins:\n  greet  Greet somebody." in shown
    assert run_zoo("greet", "you").stdout == "hello you 0\n"
    assert "mine" not in run_zoo("list").stdout  # a bundled command cannot be replaced
    refused = run_zoo("greet", "nobody")
    assert (refused.code, refused.stderr) == (1, "Error: nobody is there\nHint: greet somebody\n")
    for name, error in ((" ", "ZeroDivisionError"), ("absent", "FileNotFoundError")):
        failed = run_zoo("greet", name)
        assert failed.code == 1
        assert f"Error: the command of plugin zoo-greet:zoo-greet fails: {error}" in failed.stderr
    assert run_zoo("greet", "gone").stderr == ""  # the reader of `zoo greet | head` went away: no fault of the plugin


def test_a_command_offered_twice_is_nobodys(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-greet", COMMANDS)
    fake_distribution("zoo-greeting", COMMANDS)
    result = run_zoo("greet", "you")
    assert result.code == 2
    assert "greet" not in run_zoo("--help").stdout


def test_a_command_that_nobody_offers() -> None:
    with pytest.raises(UsageError, match="no plugin offers the command 'nothing'"):
        open_zoo().command("nothing")
