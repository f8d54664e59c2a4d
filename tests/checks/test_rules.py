"""Each rule of conformance has a plugin that breaks it, and that no other rule complains about."""

from __future__ import annotations

import contextlib
import re
import sqlite3
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streams
from broken_plugins import ANY_SIZE, DATASET, MODEL, TRAINER, Break, broken
from rule_breaks import DATASETS, EXPORT, MODELS, OTHER_WAYS, PLUGINS, TRAINERS
from strangers_models import STRANGERS


def failed(zoo: Callable[..., Any], name: str, *more: str) -> dict[str, str]:
    """The rules that `zoo check NAME` finds broken, and what it says."""
    result = zoo("check", name, "--json", *more)
    assert result.code in {0, 3}, result.stderr
    assert (result.code == 3) == bool(result.json["failed"])
    return {row["rule"]: row["detail"] for row in result.json["failed"]}


@pytest.mark.parametrize("rule", MODELS)
def test_a_broken_model(rule: str, zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=broken(MODEL, MODELS[rule]), entries={"tried": "zoo_tried"})
    # The export looks at everything that is computed once more, by itself, and takes the longest.
    others = [text for name in MODELS if name != EXPORT for text in ("--rule", name)]
    found = failed(zoo_here, "model:tried", *(others if rule != EXPORT else ()))
    assert set(found) == {rule}, found


@pytest.mark.parametrize("rule", PLUGINS)
def test_a_broken_plugin(rule: str, zoo_here: Any, fake_distribution: Any, site: Any) -> None:
    site.mkdir()
    site.joinpath("pandas.py").touch()
    fake_distribution("zoo-tried", files=broken(MODEL, PLUGINS[rule]), entries={"tried": "zoo_tried"})
    only = [text for name in PLUGINS for text in ("--rule", name)]
    found = failed(zoo_here, "tried", *(only if rule != "loads" else ()))
    assert set(found) == {rule}, found


@pytest.mark.parametrize("rule", DATASETS)
def test_a_broken_dataset(rule: str, zoo_here: Any, fake_distribution: Any, tmp_path: Any) -> None:
    fake_distribution("zoo-tried", files=broken(DATASET, DATASETS[rule]), entries={"tried": "zoo_tried"})
    tmp_path.joinpath("root").mkdir()
    tmp_path.joinpath("root", "data").touch()
    found = failed(zoo_here, "dataset:tried", "-d", f"root={tmp_path / 'root'}")
    assert set(found) == {rule}, found


def test_one_error_is_told_once(zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(file="net.py", old="image.flatten(1)", new="image.flaten(1)")
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    others = [text for name in MODELS if name != EXPORT for text in ("--rule", name)]
    found = zoo_here("check", "model:tried", "--json", *others)
    assert found.code == 3
    assert [row["rule"] for row in found.json["failed"]] == ["gives-what-it-declares"]
    assert "'flaten' (zoo_tried/net.py:" in found.json["failed"][0]["detail"]
    needing = {row["rule"] for row in found.json["skipped"] if "needs gives-what-it-declares" in row["detail"]}
    assert {"stays-finite", "explains-bad-sizes", "learns-a-batch", "weights-survive-saving"} <= needing


def test_what_imports_a_heavy_package_is_told_with_its_line(zoo_here: Any, fake_distribution: Any, site: Any) -> None:
    site.mkdir()
    site.joinpath("pandas.py").touch()
    code = {
        **MODEL,
        "__init__.py": MODEL["__init__.py"].replace(
            "from zoo_core", "from . import tables\n\n        from zoo_core", 1
        ),
    }
    code["tables.py"] = "\nimport pandas\n"
    fake_distribution("zoo-tried", files=code, entries={"tried": "zoo_tried"})
    found = failed(zoo_here, "tried", "--rule", "imports-without-heavy-packages")
    assert "pandas (zoo_tried/tables.py:2): move that import" in found["imports-without-heavy-packages"]


def test_what_follows_from_a_heavy_import_is_told_once(zoo_here: Any, fake_distribution: Any, site: Any) -> None:
    """The package is slow and writes a file, as torch is and starts a process."""
    fake_distribution("zoo-tried", files=broken(MODEL, PLUGINS["imports-without-heavy-packages"]))
    slow = (
        "import pathlib, time\npathlib.Path(__file__).with_name('trace').touch()\nuntil = time.process_time() + 0.2\n"
    )
    site.joinpath("pandas.py").write_text(f"{slow}while time.process_time() < until:\n    pass\n")
    only = [text for name in PLUGINS for text in ("--rule", name)]
    found = zoo_here("check", "zoo-tried", "--json", *only)
    assert [row["rule"] for row in found.json["failed"]] == ["imports-without-heavy-packages"]
    told = "follows from imports-without-heavy-packages, which is to be mended first"
    following = {row["rule"] for row in found.json["skipped"] if row["detail"] == told}
    assert following == {"imports-quickly", "imports-without-side-effects"}
    alone = zoo_here("check", "zoo-tried", "--json", "--rule", "imports-quickly")
    assert [row["rule"] for row in alone.json["failed"]] == ["imports-quickly"]


def test_a_long_summary_is_remarked_upon(zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(old='summary="tried"', new=f'summary="{"long " * 21}"')
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    done = zoo_here("check", "tried", "--rule", "summaries-are-short", "--json")
    (remark,) = done.json["remarks"]
    assert (done.code, remark["rule"]) == (0, "summaries-are-short")
    assert remark["detail"].startswith("the summary of model tried has 105 characters")


def test_a_license_and_a_source_that_say_little_are_remarked_upon(zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(old='license="MIT"', new='license="Apache 2"')
    files = broken(MODEL, fault)
    files["__init__.py"] = re.sub('source="[^"]*"', 'source="my head"', files["__init__.py"])
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    done = zoo_here("check", "model:tried", "--rule", "says-where*", "--json")
    (remark,) = done.json["remarks"]
    assert done.code == 0
    assert "the license 'Apache 2' is no SPDX name, such as Apache-2.0" in remark["detail"]
    assert "the source 'my head' is no address, such as https://" in remark["detail"]


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("aliases=('lenet5',)", "aliases has 'lenet5', which is a model of plugin zoo-core:lenet5"),
        ("renamed={'classes': 'num_clases'}", "the builder has no option 'num_clases'. Did you mean 'num_classes'"),
        ("renamed={'num_classes': 'num_classes'}", "and 'num_classes' is an option of the builder"),
    ],
)
def test_an_old_name_that_leads_nowhere(field: str, words: str, zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(old='license="MIT",', new=f'license="MIT", {field},')
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    assert words in failed(zoo_here, "model:tried", "--rule", "old-names*")["old-names-lead-somewhere"]


ABSENT = {
    "a file": "inputs = np.load(root / 'inputs.npy')\n            drawn =",
    "words of its own": "from zoo_core import ZooError\n            "
    "raise ZooError(f'no pictures in {root}', hint='ask the author')\n            drawn =",
}


@pytest.mark.parametrize("absent", ABSENT)
def test_data_that_are_not_here_are_skipped(absent: str, zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(old="drawn =", new=ABSENT[absent])
    fake_distribution("zoo-tried", files=broken(DATASET, fault), entries={"tried": "zoo_tried"})
    result = zoo_here("check", "dataset:tried", "--rule", "gives-what*", "--rule", "explains*", "--json")
    # That a missing file is told in words of one's own is another promise.
    assert [row["rule"] for row in result.json["failed"]] == ["explains-missing-data"] * (absent == "a file")
    skipped = {row["rule"]: row["detail"] for row in result.json["skipped"]}
    assert skipped["gives-what-it-declares"].startswith("its data are not here (-d root=DIR): ")


STREAM = """

from zoo_core import DatasetSpec, Preprocess, TensorSpec, hookimpl


@hookimpl
def zoo_datasets():
    yield DatasetSpec(
        name="pictures", load=load, task="image-classification", summary="Pictures of a database",
        inputs={"image": TensorSpec("N", 3, 6, 5)}, classes=("a", "b", "c", "d"), preprocess=Preprocess(resize=(6, 5)),
        splits=("train",), source="https://example.org/pictures", license="CC0-1.0",
    )
"""


def test_the_stream_of_the_docs_passes_the_rules_of_datasets(
    zoo_here: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    page = Path(__file__).parents[2].joinpath("docs/datasets.md").read_text(encoding="utf-8")
    code = page.partition("by a `StreamSplit`:\n\n```python\n")[2].partition("```")[0]
    fake_distribution("zoo-stream", code + STREAM)
    rows = [(number, streams.pictures(kind="content")(number), number % 4, "train") for number in range(60)]
    with contextlib.closing(sqlite3.connect(tmp_path / "pictures.db")) as database, database:
        database.execute("CREATE TABLE pictures (id, jpeg, class, split)")
        database.executemany("INSERT INTO pictures VALUES (?, ?, ?, ?)", rows)
    root = ("-d", f"root={tmp_path}", "--json")
    kept = zoo_here("check", "dataset:pictures", *root, "--rule", "explains*", "--rule", "gives-what*")
    assert (kept.code, len(kept.json["passed"])) == (0, 2), kept.json
    careless = code.replace("    if not file.is_file():", "    if False:")
    fake_distribution("zoo-stream", careless + STREAM)
    (told,) = zoo_here("check", "dataset:pictures", *root, "--rule", "explains*").json["failed"]
    assert "raise ZooError(what is missing, hint=what to do)" in told["detail"]


@pytest.mark.parametrize(
    "fault",
    ["np.load(__file__ + '.npy')\n            drawn =", "1 / 0\n            drawn ="],
    ids=["a file of the package", "a bug"],
)
def test_a_loader_that_fails_for_another_reason_is_broken(fault: str, zoo_here: Any, fake_distribution: Any) -> None:
    fault_of = Break(old="drawn =", new=fault)
    fake_distribution("zoo-tried", files=broken(DATASET, fault_of), entries={"tried": "zoo_tried"})
    assert set(failed(zoo_here, "dataset:tried", "--rule", "gives-what*")) == {"gives-what-it-declares"}


def test_made_up_data_that_declare_no_classes_are_looked_at(zoo_here: Any, fake_distribution: Any) -> None:
    code = """
    import numpy as np

    from zoo_core import DatasetSpec, TensorSpec, hookimpl
    from zoo_core.data import ArraySplit


    def load(root, *, split, download):
        values = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
        return ArraySplit(inputs={"values": values}, targets=values[:, :1])


    @hookimpl
    def zoo_datasets():
        yield DatasetSpec(
            name="made-up", load=load, task="regression", summary="made up", inputs={"values": TensorSpec("N", 3)}
        )
    """
    fake_distribution("zoo-made", code, entries={"made": "zoo_made"})
    result = zoo_here("check", "dataset:made-up", "--json")
    said = {row["rule"]: row["detail"] for row in (*result.json["failed"], *result.json["skipped"])}
    assert "is also in split" in said["splits-are-disjoint"]
    assert "no source and no license" in said["says-where-it-comes-from"]
    assert set(said) == {"splits-are-disjoint", "says-where-it-comes-from", "classes-have-samples"}, said


@pytest.mark.parametrize("rule", TRAINERS)
def test_a_broken_trainer(rule: str, zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=broken(TRAINER, TRAINERS[rule]), entries={"tried": "zoo_tried"})
    found = failed(zoo_here, "trainer:tried")
    assert set(found) == {rule}, found


@pytest.mark.parametrize(
    ("kind", "rule", "fault", "words"), OTHER_WAYS, ids=[f"{rule}-{words[:30]}" for _, rule, _, words in OTHER_WAYS]
)
def test_other_ways_to_break_a_rule(
    kind: str, rule: str, fault: Break, words: str, zoo_here: Any, fake_distribution: Any, tmp_path: Any
) -> None:
    healthy = {"model": MODEL, "plugin": MODEL, "dataset": DATASET, "trainer": TRAINER}[kind]
    fake_distribution("zoo-tried", files=broken(healthy, fault), entries={"tried": "zoo_tried"})
    tmp_path.joinpath("root").mkdir()
    tmp_path.joinpath("root", "data").touch()
    # What a dataset does wrong is for one rule to say; the rules of the others look at one thing from several sides.
    more = ("-d", f"root={tmp_path / 'root'}") if kind == "dataset" else ("--rule", rule)
    found = failed(zoo_here, f"{kind}:tried", *more)
    assert set(found) == {rule}
    assert words in found[rule]


@pytest.mark.parametrize(
    ("rule", "fault", "words"),
    [
        (
            "explains-bad-sizes",
            Break(old="if 0 in (height, width, num_classes)", new="if height and 8 // (height - 1) == 0"),
            "height=1: the builder fails with ZeroDivisionError",
        ),
        (
            "follows-its-sizes",
            Break(old="return Net(num_classes)", new="return Net(num_classes + (height == 65))"),
            "output 'logits' is declared as (2, 3) but has the shape (2, 4)",
        ),
    ],
)
def test_a_broken_model_whose_free_axes_an_option_fixes(
    rule: str, fault: Break, words: str, zoo_here: Any, fake_distribution: Any
) -> None:
    fake_distribution("zoo-tried", files=broken(ANY_SIZE, fault), entries={"tried": "zoo_tried"})
    assert words in failed(zoo_here, "model:tried", "--rule", rule)[rule]


@pytest.mark.parametrize("healthy", [MODEL, ANY_SIZE, DATASET, TRAINER], ids=["model", "free", "dataset", "trainer"])
def test_a_healthy_plugin(healthy: dict[str, str], zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=healthy, entries={"tried": "zoo_tried"})
    assert failed(zoo_here, "tried") == {}


def test_ordinary_models_of_a_newcomer_break_no_rule(zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-own", files=STRANGERS, entries={"own": "zoo_own"})
    others = [text for name in (*MODELS, *PLUGINS) if name != EXPORT for text in ("--rule", name)]
    result = zoo_here("check", "own", "--json", *others)
    assert result.code == 0, result.json["failed"]
    remarks = {row["subject"]: row["detail"] for row in result.json["remarks"] if row["rule"] == "explains-bad-sizes"}
    assert set(remarks) == {"model own-lenet", "model own-signal", "model own-vit"}
    assert "height=1 is refused by its forward in the words of PyTorch: " in remarks["model own-vit"]


@pytest.mark.slow
def test_ordinary_models_of_a_newcomer_are_exported(zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-own", files=STRANGERS, entries={"own": "zoo_own"})
    assert failed(zoo_here, "own", "--rule", EXPORT) == {}


def test_an_axis_without_a_place_is_refused_by_the_zoo(zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-own", files=STRANGERS, entries={"own": "zoo_own"})
    for name, option in (("own-pooled", "in_channels"), ("own-mlp", "num_classes"), ("own-vit", "height")):
        result = zoo_here("info", name, "-o", f"{option}=0")
        assert result.code == 1, result.stdout
        assert f"{option} is the size of an axis, which is at least 1, not 0" in result.stderr


def test_a_pattern_that_no_rule_fits(zoo_here: Any) -> None:
    result = zoo_here("check", "lenet5", "--rule", "stays-finit")
    assert result.code == 2
    assert "no rule for lenet5 is called stays-finit" in result.stderr
    assert "stays-finite" in result.stderr


def test_a_name_that_means_nothing_and_one_that_means_two_things(zoo_here: Any, fake_distribution: Any) -> None:
    result = zoo_here("check", "lenet6")
    assert (result.code, result.stdout) == (2, "")
    assert "there is no plugin and no model called 'lenet6'" in result.stderr
    assert "unknown plugin 'lenet6'" in zoo_here("check", "plugin:lenet6").stderr
    fake_distribution("zoo-other", files=MODEL, entries={"lenet5": "zoo_other"})
    result = zoo_here("check", "lenet5")
    assert result.code == 2
    assert "say which: plugin:zoo-core:lenet5 or plugin:zoo-other:lenet5" in result.stderr


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("lenet5", "-o", "hight=3"), "has no option 'hight'"),
        (("dataset:digits", "-d", "seeed=3"), "has no option 'seeed'"),
        (("digits", "-o", "height=3"), "-o is for models, and digits has none"),
        (("filters", "-o", "padding=true"), "filters has more than one model: it is not clear which one -o is for"),
        (("recipe:waveform", "-o", "rate=8000"), "-o is for models, and recipe:waveform has none"),
    ],
)
def test_options_that_nothing_can_take(typed: tuple[str, ...], message: str, zoo_here: Any) -> None:
    result = zoo_here("check", *typed)
    assert (result.code, result.stdout) == (2, "")
    assert message in result.stderr


HEALTHY = {
    "a recurrent layer keeps a list of its own parameters": Break(
        file="net.py",
        old="self.last = nn.Linear(8, num_classes)",
        new="""self.last = nn.Linear(8, num_classes)
                self.mine = [self.first.weight]
                self.rnn = nn.GRU(8, 8, batch_first=True)
                self.normed = torch.nn.utils.spectral_norm(nn.Linear(8, 8))""",
    ),
    "a type that forbids a size": Break(old="in_channels: int = 1", new='in_channels: "Literal[1, 3]" = 1'),
    "a range without zero": Break(
        old='TensorSpec("N", "in_channels", "height", "width")',
        new='TensorSpec("N", "in_channels", "height", "width", low=1, high=2)',
    ),
}


@pytest.mark.parametrize("case", HEALTHY)
def test_what_is_unusual_is_not_broken(case: str, zoo_here: Any, fake_distribution: Any) -> None:
    files = broken(MODEL, HEALTHY[case])
    files["__init__.py"] = "from typing import Literal\n" + textwrap.dedent(files["__init__.py"])
    if "forbids" in case:  # what its type forbids never comes to the builder
        looked_up = "super().__init__()\n                {1: 1, 3: 3}[in_channels]"
        files["net.py"] = files["net.py"].replace("super().__init__()", looked_up)
    if case == "a range without zero":
        files["net.py"] = files["net.py"].replace("image.flatten(1)", "image.log().flatten(1)")
    if "recurrent" in case:
        layer = "self.normed(self.rnn(torch.relu(self.first(image.flatten(1)))[:, None])[0][:, 0])"
        files["net.py"] = files["net.py"].replace("torch.relu(self.first(image.flatten(1)))", layer)
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    others = [text for name in MODELS if name != EXPORT for text in ("--rule", name)]
    assert failed(zoo_here, "model:tried", *others) == {}


def test_a_trainer_for_other_tasks_or_that_stops_early_is_not_blamed(zoo_here: Any, fake_distribution: Any) -> None:
    other = Break(
        file="loop.py",
        old="CALLS.append(job)",
        new="""from zoo_core import ZooError

            raise ZooError(f"only masks, not {job.task.name}")""",
    )
    fake_distribution("zoo-other", files=broken(TRAINER, other), entries={"other": "zoo_other"})
    result = zoo_here("check", "trainer:zoo-other:other/tried", "--json")
    assert result.code == 0, result.stderr
    skipped = {row["rule"]: row["detail"] for row in result.json["skipped"]}
    assert skipped["repeats-itself"].startswith("it rejects the job, an image classification: only masks")
    early = Break(
        file="loop.py",
        old="CALLS.append(job)",
        new="job = dataclasses.replace(job, epochs=min(job.epochs, 4)) if job.epochs < 100 else job",
    )
    files = broken(TRAINER, early)
    files["loop.py"] = files["loop.py"].replace(
        "return result", "return dataclasses.replace(result, stopped_early=True)"
    )
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    assert failed(zoo_here, "trainer:zoo-tried:tried/tried") == {}


def test_hooks_are_watched_like_the_import(zoo_here: Any, fake_distribution: Any) -> None:
    fault = Break(
        old="def zoo_models():",
        new="""def zoo_models():
            import socket
            from pathlib import Path

            socket.getaddrinfo("localhost", 80)
            Path(__file__).with_name("trace").touch()""",
    )
    fake_distribution("zoo-tried", files=broken(MODEL, fault), entries={"tried": "zoo_tried"})
    assert set(failed(zoo_here, "tried", "--rule", "imports*")) == {"imports-offline", "imports-without-side-effects"}


def test_every_rule_has_a_broken_plugin() -> None:
    from zoo_core.checks.rules import (
        dataset_rules,
        export_rules,
        forward_rules,
        model_rules,
        plugin_rules,
        train_rules,
        trainer_rules,
    )

    of_models = (model_rules, forward_rules, train_rules, export_rules)
    assert {rule.name for module in of_models for rule in module.RULES} == set(MODELS)
    assert {rule.name for rule in plugin_rules.RULES} == (
        set(PLUGINS) - {"expected-failures-are-rules"} | {"imports-public-names-only", "summaries-are-short"}
    )  # of the last two come remarks
    assert {rule.name for rule in dataset_rules.RULES} == set(DATASETS)
    assert {rule.name for rule in trainer_rules.RULES} == set(TRAINERS)


def test_a_declared_failure_is_skipped_with_its_reason(zoo_here: Any, fake_distribution: Any) -> None:
    fault = MODELS["keeps-no-hidden-tensors"]
    files = broken(broken(MODEL, fault), _declared("keeps-no-hidden-tensors"))
    fake_distribution("zoo-tried", files=files, entries={"tried": "zoo_tried"})
    result = zoo_here("check", "tried", "--json")
    assert result.code == 0, result.stderr
    skipped = {row["rule"]: row for row in result.json["skipped"]}["keeps-no-hidden-tensors"]
    assert skipped["expected"] == "as published"
    assert skipped["detail"].startswith("expected to fail, as published: sizes is a plain tensor")


def test_a_declared_failure_that_does_not_happen_fails(zoo_here: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-tried", files=broken(MODEL, _declared("stays-finite")), entries={"tried": "zoo_tried"})
    assert failed(zoo_here, "tried", "--rule", "stays-finite") == {
        "stays-finite": "it passes, but expected_failures says 'as published': take it out"
    }


def _declared(rule: str) -> Break:
    return Break(
        old='license="MIT",', new=f'license="MIT",\n                expected_failures={{"{rule}": "as published"}},'
    )
