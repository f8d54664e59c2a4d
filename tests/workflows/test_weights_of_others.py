"""Weights as other programs leave them: wrapped, prefixed, tied, pickled. They are read, or told why not."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model
from torch import Tensor, nn
from warm import Result

from zoo_core import Model, ModelSpec, TensorSpec, ZooError, open_zoo
from zoo_core.training.pretrained import load_published
from zoo_core.workflows.exports.chosen_weights import ChosenWeights, choose_weights

State = dict[str, Tensor]


class Tied(nn.Module):
    """Two names for one matrix."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))
        self.last = nn.Linear(4, 4, bias=False)
        self.last.weight = self.features[0].weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x))


def build_tied() -> nn.Module:
    return Tied()


TIED = Model(
    spec=ModelSpec(
        name="tied",
        build=build_tied,
        task="features",
        summary="a model for tests",
        inputs={"x": TensorSpec("N", 4)},
        outputs={"y": TensorSpec("N", 4)},
    ),
    plugin="tests:tests",
)


def trained_state() -> State:
    torch.manual_seed(5)
    return {name: torch.rand_like(tensor) for name, tensor in mlp().state_dict().items()}


def mlp() -> nn.Module:
    return open_zoo().model("mlp").build()


def prefixed(state: State, prefix: str) -> State:
    return {f"{prefix}{name}": tensor for name, tensor in state.items()}


def chosen(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[ChosenWeights, str]:
    capsys.readouterr()
    found = choose_weights(open_zoo().model("mlp"), {}, str(path))
    return found, capsys.readouterr().err


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod.", "state_dict.net."])
def test_a_prefix_is_taken_off_and_told(prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, state = tmp_path / "mine.safetensors", trained_state()
    save_file(prefixed(state, prefix), path)
    found, told = chosen(path, capsys)
    assert all(torch.equal(found.checkpoint[name], tensor) for name, tensor in state.items())
    assert found.renamed == f"read without the prefix '{prefix}'"
    assert told == f"Warning: the weights in {path}: {found.renamed}\n"


def test_names_that_are_the_models_are_not_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file(trained_state(), tmp_path / "mine.safetensors")
    found, told = chosen(tmp_path / "mine.safetensors", capsys)
    assert (found.renamed, told) == ("", "")


def test_what_lies_beside_the_weights_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({**prefixed(trained_state(), "module."), "n_averaged": torch.ones(())}, path)
    found, _ = chosen(path, capsys)
    assert found.renamed == "read without the prefix 'module.'; 1 other tensor left out"


def test_a_wrapper_around_a_part_is_taken_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, state = tmp_path / "mine.safetensors", trained_state()
    first = next(iter(state)).partition(".")[0]
    wrapped = {name.replace(f"{first}.", f"{first}.module.", 1): tensor for name, tensor in state.items()}
    save_file(prefixed(wrapped, "model."), path)
    found, _ = chosen(path, capsys)
    assert found.checkpoint.keys() == state.keys()
    assert found.renamed == "read without the prefix 'model.' and 'module' and '_orig_mod' inside their names"


def test_two_that_fit_are_refused_and_either_can_be_taken(zoo_here: Callable[..., Result]) -> None:
    state = trained_state()
    averaged = {name: tensor + 1 for name, tensor in state.items()}
    save_file({**prefixed(state, "model."), **prefixed(averaged, "ema.")}, "mine.safetensors")
    done = zoo_here("export", "mlp", "--weights", "mine.safetensors")
    assert done.code == 1
    assert (
        "the weights in mine.safetensors fit the model more than once: under 'ema.' and under 'model.'" in done.stderr
    )
    converted("mine.safetensors", "Hint: to take those under 'model.': ", done)
    assert all(torch.equal(tensor, state[name]) for name, tensor in load_file("mine.model.safetensors").items())
    assert zoo_here("export", "mlp", "--weights", "mine.model.safetensors").code == 0


def test_the_report_tells_of_the_prefix(zoo_here: Callable[..., Result]) -> None:
    save_file(prefixed(trained_state(), "module."), "mine.safetensors")
    report = zoo_here("export", "mlp", "--weights", "mine.safetensors", "--json").json
    told = {check["rule"]: check["detail"] for check in report["checks"]}
    assert (report["outcome"], told["names of weights"]) == ("verified", "read without the prefix 'module.'")


def test_training_begins_with_prefixed_weights(zoo_here: Callable[..., Result]) -> None:
    save_file(prefixed(trained_state(), "module."), "mine.safetensors")
    done = zoo_here(
        "train", "mlp", "--dataset", "digits", "-o", "height=28", "-o", "width=28", "--init-from", "mine.safetensors",
        "-d", "train_size=60", "-d", "size=28", "--epochs", "1",
    )  # fmt: skip
    assert done.code == 0, done.stderr
    assert "Warning: the weights in mine.safetensors: read without the prefix 'module.'" in done.stderr


def test_published_weights_in_a_wrapper_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    state = trained_state()
    part = load_published(mlp(), prefixed(state, "model_state.module."), source="V1 of some")
    assert all(torch.equal(part.tensors[name], tensor) for name, tensor in state.items())
    assert "the weights V1 of some: read without the prefix 'model_state.module.'" in capsys.readouterr().err
    both = {**prefixed(state, "model."), **prefixed(state, "ema.")}
    with pytest.raises(ZooError, match="the weights V1 of some fit the model more than once") as caught:
        load_published(mlp(), both, source="V1 of some")
    assert caught.value.hint == "the plugin must publish one of them alone"


def test_weights_of_another_model_are_told_as_they_are_called(tmp_path: Path) -> None:
    save_file({"a.first.weight": torch.ones(2, 2), "b.first.weight": torch.ones(2, 2)}, tmp_path / "other.safetensors")
    with pytest.raises(ZooError, match=r"do not fit the model: missing: .*; unexpected: a\.first\.weight"):
        choose_weights(open_zoo().model("mlp"), {}, str(tmp_path / "other.safetensors"))


def test_a_tied_tensor_that_is_stored_once_is_found(tmp_path: Path) -> None:
    path, module = tmp_path / "tied.safetensors", Tied()
    save_model(module, str(path))
    assert len(load_file(path)) < len(module.state_dict())
    found = choose_weights(TIED, {}, str(path))
    assert torch.equal(found.checkpoint["last.weight"], found.checkpoint["features.0.weight"])
    assert "taken from the tensor that it is tied to" in found.renamed


def shared(state: State) -> State:
    whole = torch.cat([tensor.reshape(-1) for tensor in state.values()])
    pieces = whole.split([tensor.numel() for tensor in state.values()])
    return {name: piece.view_as(state[name]) for name, piece in zip(state, pieces, strict=True)}


def strided(state: State) -> State:
    return {name: tensor.t().contiguous().t() if tensor.ndim == 2 else tensor for name, tensor in state.items()}


def checkpoint_of_lightning(state: State) -> dict[str, Any]:
    return {
        "epoch": 3,
        "pytorch-lightning_version": "2.5.0",
        "state_dict": prefixed(state, "model."),
        "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]}],
        "loops": {"fit_loop": {"state_dict": {}}},
        "hyper_parameters": {"lr": 0.1},
    }


FORMS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "wrapped": lambda state: {"model_state_dict": state, "epoch": 3, "optimizer": {"state": {}, "param_groups": []}},
    "prefixed": lambda state: prefixed(state, "module."),
    "shared": shared,
    "strided": strided,
    "lightning": checkpoint_of_lightning,
}


def converted(file: str, before: str, done: Result) -> None:
    """Run the printed command as it is pasted, in a shell."""
    command = done.stderr.partition(before)[2].strip()
    assert command, done.stderr
    assert file in command.replace("'\"'\"'", "'")
    subprocess.run(command, shell=True, check=True, capture_output=True)


@pytest.mark.parametrize("form", FORMS)
def test_what_torch_save_has_written_is_read(form: str, tmp_path: Path) -> None:
    state, file = trained_state(), tmp_path / f"it's my {form} file.pth"
    torch.save(FORMS[form](state), file)
    taken = choose_weights(open_zoo().model("mlp"), {}, str(file))
    assert all(torch.equal(taken.checkpoint[name], tensor) for name, tensor in state.items())


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (mlp, "opening it would run torch.nn.modules"),
        (lambda: [torch.ones(3)], "it holds no tensors by name"),
        (lambda: {"epoch": 3}, "it holds no tensors by name"),
        (lambda: {"args": Path("x"), "model": {"weight": torch.ones(2)}}, "opening it would run pathlib"),
    ],
)
def test_what_holds_more_than_tensors_is_refused_unopened(
    content: Callable[[], Any], why: str, zoo_here: Callable[..., Result]
) -> None:
    torch.save(content(), "mine.pth")
    refused = zoo_here("export", "mlp", "--weights", "mine.pth")
    assert refused.code == 4
    assert f"Error: mine.pth is not read: {why}" in refused.stderr
    assert "Hint: where the model was made: torch.save(model.state_dict(), 'mine.pth')" in refused.stderr


def test_a_file_that_grows_when_it_is_opened_is_refused(zoo_here: Callable[..., Result]) -> None:
    torch.save(trained_state(), "mine.pth")
    with zipfile.ZipFile("mine.pth") as plain, zipfile.ZipFile("small.pth", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    refused = zoo_here("export", "mlp", "--weights", "small.pth")
    assert refused.code == 4
    assert "its parts are compressed, as torch.save never leaves them" in refused.stderr


def test_files_that_are_no_checkpoints(zoo_here: Callable[..., Result]) -> None:
    torch.save({"weight": torch.ones(2)}, "old.pth", _use_new_zipfile_serialization=False)
    with zipfile.ZipFile("other.pt", "w") as archive:
        archive.writestr("code/model.py", "")
    Path("text.ckpt").write_text("hello")
    for file in ("old.pth", "other.pt", "text.ckpt"):
        refused = zoo_here("export", "mlp", "--weights", file)
        assert refused.code == 4
        assert "it is no file of torch.save, or one from before PyTorch 1.6" in refused.stderr


def test_the_converter_says_what_is_wrong(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from zoo_core.training.as_safetensors import main

    torch.save({"weight": torch.ones(2)}, "mine.pth")
    torch.save({"a": {"b": torch.ones(2)}, "a.b": torch.ones(2)}, "twice.pth")
    for arguments, code, message in (
        ([], 2, "as_safetensors takes FILE and perhaps PREFIX"),
        (["absent.pth"], 1, "there is no file absent.pth"),
        (["mine.pth", "ema."], 1, "no tensor in mine.pth has a name that begins with 'ema.'"),
        (["twice.pth"], 1, "a file of weights has two tensors called 'a.b'"),
        (["mine.pth"], 0, "mine.safetensors: 1 tensor"),
        (["mine.pth"], 1, "mine.safetensors is there already"),
    ):
        assert main(arguments) == code
        assert message in "".join(capsys.readouterr())
