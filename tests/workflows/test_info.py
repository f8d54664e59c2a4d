"""`zoo info`: what one entry of the catalogue says, to people and to scripts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from broken_plugins import MODEL, Break, broken
from PIL import Image
from plugin_code import MANY as GOOD

from zoo_core import open_zoo
from zoo_core.workflows.catalogue.info import describe

COUNTS: list[tuple[tuple[str, ...], int]] = [
    (("lenet5", "--dataset", "mnist"), 61_706),
    (("lenet5", "-o", "in_channels=3", "-o", "height=32", "-o", "width=32"), 83_126),
    (("mlp", "--dataset", "mnist", "-o", "hidden=128,64"), 109_386),
]


@pytest.mark.parametrize(("arguments", "parameters"), COUNTS)
def test_info_counts_parameters(arguments: tuple[str, ...], parameters: int, run_zoo: Any) -> None:
    found = run_zoo("info", *arguments, "--json").json
    assert found["parameters"] == parameters


def test_the_trainer_explains_every_option_in_a_line(run_zoo: Any) -> None:
    found = run_zoo("info", "supervised", "--json").json
    options = {option["name"]: option for option in found["options"]}
    assert {"epochs", "lr", "augment", "loss"} <= options.keys()
    assert all(option["help"] and "\n" not in option["help"] for option in options.values())
    assert options["lr"]["optional"]
    lines = run_zoo("info", "supervised").stdout.splitlines()
    for option in options.values():
        (line,) = [line for line in lines if line.startswith(f"  {option['name']}=")]
        assert option["help"] in line
    (schedule,) = [line for line in lines if line.startswith("  schedule=one-cycle ")]
    assert schedule.endswith("[str, one of constant, step, cosine, one-cycle, plateau]")
    (rate,) = [line for line in lines if line.startswith("  lr=none ")]
    assert rate.endswith("[float or none]")


def test_a_dataset_explains_the_options_that_every_dataset_has(run_zoo: Any) -> None:
    found = run_zoo("info", "digits", "--json").json
    assert all(option["help"] for option in found["options"] if option["name"].endswith(("_size", "root", "classes")))


LOSS = """

        def margin(outputs, targets):
            'How far the right class is from the best other one.'
            from torch.nn.functional import multi_margin_loss

            return multi_margin_loss(outputs["logits"], targets)
        """


def test_the_samples_of_a_dataset_are_counted_by_split_and_class(zoo_here: Any) -> None:
    found = zoo_here("info", "digits", "-d", "test_size=20", "-d", "train_size=30", "-d", "classes=3,8", "--json").json
    assert [found["samples"][split]["total"] for split in ("train", "test")] == [30, 20]
    assert found["samples"]["train"]["classes"] == {"3": 15, "8": 15}
    text = zoo_here("info", "digits").stdout
    assert "samples     train         1,257  0=124, 1=127" in text
    assert "            test            360  0=36, 1=37" in text
    masks = zoo_here("info", "peaks", "--json").json["samples"]
    assert masks["train"]["total"] > 0
    assert masks["train"]["classes"] is None


def test_samples_that_are_not_at_hand_are_not_counted(zoo_here: Any) -> None:
    absent = zoo_here("info", "mnist", "--json").json
    assert absent["samples"] is None
    assert absent["hint"].startswith("samples are not counted: dataset mnist is not in ")
    assert "-d root=PATH" in zoo_here("info", "image-folder", "--json").json["hint"]


def test_the_loss_of_a_model_is_told(zoo_here: Any, fake_distribution: Any) -> None:
    files = broken(MODEL, Break(old='license="MIT",', new='license="MIT", loss=margin,'))
    files["__init__.py"] += LOSS
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    words = "the model's own, margin: How far the right class is from the best other one."
    assert zoo_here("info", "model:tried", "--json").json["loss"] == words
    assert f"loss        {words}" in zoo_here("info", "model:tried").stdout
    assert zoo_here("info", "lenet5", "--json").json["loss"] == "cross-entropy; bce for one logit"
    few = ("-d", "train_size=30", "-d", "val_size=10", "-d", "size=6", "--epochs", "1")
    done = zoo_here("train", "tried", "--dataset", "digits", *few)
    assert done.code == 0, done.stderr
    card = Path("runs/tried-digits/README.md").read_text(encoding="utf-8")
    assert f"| Loss | {words} |" in card
    assert zoo_here("train", "tried", "--dataset", "digits", *few, "-t", "loss=focal", "--run", "other").code == 0
    assert "| Loss | focal |" in Path("runs/other/README.md").read_text(encoding="utf-8")


def test_counts_from_python() -> None:
    zoo = open_zoo()
    assert describe(zoo, "lenet5")["parameters"] == 61_706
    assert describe(zoo, "mlp", options={"hidden": ""})["parameters"] == 7_850
    assert describe(zoo, "model:zoo-core:mlp/mlp", options={"activation": "tanh"})["parameters"] == 109_386


def test_info_of_a_model_has_its_options_and_shapes(run_zoo: Any) -> None:
    found = run_zoo("info", "lenet5", "--dataset", "mnist", "-o", "num_classes=10", "--json").json
    assert found["inputs"] == {"image": {"axes": ["N", 1, 28, 28], "dtype": "float32"}}
    assert found["outputs"] == {"logits": {"axes": ["N", 10], "dtype": "float32"}}
    assert found["options"][1] == {"name": "height", "type": "int", "default": 28, "value": 28}
    text = run_zoo("info", "lenet5").stdout
    assert "parameters  61,706" in text
    assert "Next: zoo train lenet5 --dataset NAME" in text


@pytest.mark.parametrize(
    ("model", "command"),
    [
        ("unet", "train unet --dataset NAME"),
        ("unet1d", "train unet1d --dataset NAME"),
        ("filter-sobel", "export filter-sobel"),
    ],
)
def test_what_comes_next_is_training_where_the_task_can_be_trained(model: str, command: str, run_zoo: Any) -> None:
    assert f"\nNext: zoo {command}\n" in run_zoo("info", model).stdout


def test_info_of_other_kinds(run_zoo: Any) -> None:
    dataset = run_zoo("info", "mnist", "--json").json
    assert (dataset["kind"], len(dataset["classes"]), dataset["splits"][0]) == ("dataset", 10, "train")
    sized = run_zoo("info", "dataset:mnist", "-d", "size=32", "--json").json
    assert sized["inputs"]["image"]["axes"][1:] == [1, 32, 32]
    trainer = run_zoo("info", "supervised", "--json").json
    assert "epochs" in {option["name"] for option in trainer["options"]}
    assert "Next: zoo train MODEL --dataset mnist" in run_zoo("info", "mnist").stdout


def test_info_of_a_folder_says_which_classes_it_has(run_zoo: Any, tmp_path: Path) -> None:
    for name in ("ship", "cat", "dog"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "mine" / name / "one.png")
    assert run_zoo("info", "image-folder", "--json").json["classes"] is None
    here = ("image-folder", "-d", f"root={tmp_path / 'mine'}")
    assert run_zoo("info", *here, "--json").json["classes"] == ["cat", "dog", "ship"]
    assert run_zoo("info", *here, "-d", "classes=ship,cat", "--json").json["classes"] == ["ship", "cat"]
    absent = run_zoo("info", "image-folder", "-d", f"root={tmp_path / 'absent'}")
    assert (absent.code, absent.stdout) == (1, "")
    assert f"Error: there is no folder {tmp_path / 'absent'}" in absent.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("lenet",), 2, "unknown name 'lenet'\nHint: Did you mean 'lenet5'"),
        (("lenet5", "-o", "heigth=32"), 2, "model lenet5 has no option 'heigth'"),
        (("lenet5", "-o", "height=tall"), 2, "model lenet5: height takes int, not 'tall'"),
        (("lenet5", "-o", "height"), 2, "-o takes K=V, not 'height'"),
        (("lenet5", "--dataset", "minst"), 2, "unknown dataset 'minst'"),
        (("lenet5", "-d", "size=32"), 2, "-d needs a dataset"),
        (("supervised", "-o", "x=1"), 2, "supervised is a trainer: -o and --dataset are for models"),
        (("supervised", "-d", "x=1"), 2, "supervised is a trainer: -d is for datasets"),
        (("lenet5", "-o", "height=11"), 1, "images are at least 12x12 for LeNet-5, not 11x28"),
        (("lenet5", "--dataset", "mnist", "-d", "size=8"), 1, "images are at least 12x12 for LeNet-5, not 8x8"),
        (("lenet5", "--dataset", "mnist", "-o", "height=32"), 1, "(N, in_channels, 32, width), but dataset mnist"),
        (("mlp", "-o", "hidden=0"), 1, "every layer is at least 1 wide, not 784 -> 0 -> 10"),
    ],
)
def test_info_typed_wrong(arguments: tuple[str, ...], code: int, message: str, run_zoo: Any) -> None:
    result = run_zoo("info", *arguments, "--json")
    assert (result.code, result.stdout) == (code, "")
    assert message in result.stderr


def test_info_of_a_model_whose_builder_needs_more(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-a", GOOD)
    open_option = run_zoo("info", "smallnet9", "--json").json
    assert open_option["parameters"] is None
    assert open_option["hint"] == "give -o depth=... or --dataset to count parameters"
    assert run_zoo("info", "r18", "-o", "depth=2", "--json").json["parameters"] == 7850
    assert run_zoo("info", "smallnet9", "-o", "depth=2", "-o", "meta=no", "--json").json["parameters"] == 7850
    refused = run_zoo("info", "smallnet9", "-o", "depth=6")
    assert refused.code == 1
    assert "Error: model smallnet9 with num_classes=10, depth=6, meta=true: depth is at most 5, not 6" in refused.stderr


def test_a_name_of_two_kinds(run_zoo: Any, fake_distribution: Any) -> None:
    code = GOOD.replace('"smallnet9"', '"mnist"')
    fake_distribution("zoo-a", code)
    result = run_zoo("info", "mnist")
    assert result.code == 2
    assert "'mnist' is the name of a model and of a dataset" in result.stderr
    assert "say which: model:mnist or dataset:mnist" in result.stderr
    assert run_zoo("info", "model:mnist", "--json").json["plugin"] == "zoo-a:zoo-a"


WEIGHTS = """
from zoo_core import ModelFamily, Preprocess, Weights

USUAL = Preprocess(resize=32, crop=(28, 28), mean=(0.5,), std=(0.25,), color="L")
LARGER = Preprocess(resize=40, crop=(28, 28), mean=(0.5,), std=(0.25,), color="L")

def unbuildable(*, num_classes: int = 10):
    raise ValueError("not here")

def member(name):
    if name == "plain":
        return spec("fam/plain")
    weights = (
        Weights(name="FIRST", url="https://example.org/a-01234567.pth", sha256="01234567", size=2_500_000,
                license="MIT", metrics={"acc@1": 80.5}),
        Weights(name="SECOND", url="https://example.org/b-01234567.pth", sha256="01234567", labels=("a", "b"),
                preprocess=LARGER),
    )
    return spec(
        f"fam/{name}", weights=weights, preprocess=USUAL, labels=tuple(map(str, range(10))), license="BSD-3-Clause",
        recipe={"lr": 0.1, "augment": "flip"}, fixed_axes={"N": "it is so"},
    )

@hookimpl
def zoo_families():
    yield ModelFamily(prefix="fam", names=lambda: ["trained", "plain"], spec=member)
"""


def test_info_of_a_family_member_with_weights(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-fam", GOOD + WEIGHTS)
    found = run_zoo("info", "fam/trained", "--json").json
    assert found["weights"] == ["FIRST", "SECOND"]
    first, second = found["weights_details"]
    assert (first["size"], first["license"], first["metrics"]) == (2_500_000, "MIT", {"acc@1": 80.5})
    assert (first["label_count"], first["preprocess"]) == (10, None)
    assert (second["size"], second["label_count"], second["preprocess"]["resize"]) == (None, 2, 40)
    assert (found["label_count"], found["preprocess"]["crop"]) == (10, [28, 28])
    assert found["recipe"] == {"lr": 0.1, "augment": "flip"}
    assert found["parameters"] is None  # `depth` has no default: everything else is known all the same

    lines = run_zoo("info", "fam/trained").stdout.splitlines()
    assert "license     BSD-3-Clause" in lines
    assert "preprocess  L; resized shorter side to 32 (bilinear); cropped to 28x28; mean 0.5; std 0.25" in lines
    assert "labels      10" in lines
    assert "recipe      -t lr=0.1 -t augment=flip" in lines
    assert "fixed       N: it is so" in lines
    assert "  FIRST, 2.5 MB, license MIT, acc@1 80.5" in lines
    assert "  SECOND, but resized shorter side to 40 (bilinear)" in lines


def test_info_of_a_family_member_that_says_little(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-fam", GOOD + WEIGHTS)
    found = run_zoo("info", "fam/plain", "--json").json
    assert (found["weights"], found["weights_details"], found["preprocess"]) == ([], [], None)
    assert (found["label_count"], found["recipe"]) == (None, {})
    assert not {"weights", "labels", "recipe"} & {
        line.partition(" ")[0] for line in run_zoo("info", "fam/plain").stdout.splitlines()
    }


@pytest.mark.parametrize("option", ["test_size=5000", "train_size=5000", "val_size=5000"])
def test_an_option_that_cannot_be_with_these_data_is_an_error(option: str, zoo_here: Any) -> None:
    result = zoo_here("info", "digits", "-d", option)
    assert (result.code, result.stdout) == (1, "")
    assert "Error: dataset digits" in result.stderr


def test_the_name_of_something_that_a_broken_plugin_offered_is_told(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=MODEL, entries={"own": "zoo_tried"})
    assert run_zoo("list", "tried").code == 0
    fake_distribution("zoo-tried", "import no_such_library", entries={"own": "zoo_tried"})
    for command in ("info", "export", "doctor", "check"):
        result = run_zoo(command, "tried")
        assert result.code == (3 if command == "doctor" else 2)
        if command != "doctor":
            assert "Hint: Plugin zoo-tried:own cannot be used: " in result.stderr
        assert "no_such_library" in result.stderr
    result = run_zoo("info", "tryed")
    assert "It may be of a plugin that cannot be used: zoo-tried:own; see zoo plugins." in result.stderr
