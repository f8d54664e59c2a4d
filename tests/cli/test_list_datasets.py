"""`zoo list datasets` says of each whether its data are on this disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def data_of(zoo: Callable[..., Any], **more: Any) -> dict[str, str]:
    return {row["name"]: row["data"] for row in zoo("list", "datasets", "--json", **more).json}


def test_data_are_bundled_here_fetched_or_the_users_own(run_zoo: Callable[..., Any], tmp_path: Path) -> None:
    place = {"ZOO_DATA": str(tmp_path / "data")}
    found = data_of(run_zoo, env=place)
    assert set(found.values()) == {"bundled", "download", "own"}
    assert {name for name in found if found[name] == "own"} >= {
        "image-folder",
        "picture-pairs",
        "table-file-regression",
    }
    assert (found["digits"], found["peaks"], found["mnist"]) == ("bundled", "bundled", "download")
    tmp_path.joinpath("data", "mnist").mkdir(parents=True)
    assert data_of(run_zoo, env=place)["mnist"] == "download"
    tmp_path.joinpath("data", "mnist", "t10k-images-idx3-ubyte.gz").touch()
    tmp_path.joinpath("data", "oxford-pet").mkdir()
    tmp_path.joinpath("data", "oxford-pet", "images.tar.gz").touch()
    found = data_of(run_zoo, env=place)
    assert [found[name] for name in ("mnist", "kmnist", "oxford-pet", "oxford-pet-breeds")] == [
        "here", "download", "here", "here"
    ]  # fmt: skip
    shown = run_zoo("list", "datasets", env=place).stdout.splitlines()
    assert shown[0].split() == ["NAME", "TASK", "DATA", "SUMMARY"]
    kinds = {line.split()[0]: " ".join(line.split()[2:5]) for line in shown[1:] if line}
    assert kinds["kmnist"].startswith("--download (21 MB)")
    assert kinds["image-folder"].startswith("your own")


def test_a_plugin_says_itself_that_files_are_the_users_own(
    run_zoo: Callable[..., Any], fake_distribution: Callable[..., Path]
) -> None:
    code = """
        from zoo_core import DatasetSpec, TensorSpec, hookimpl

        def load(root, *, split, download):
            raise FileNotFoundError(root)

        @hookimpl
        def zoo_datasets():
            yield DatasetSpec(
                name="notes", load=load, task="regression", summary="numbers of yours",
                inputs={"values": TensorSpec("N", 3)}, own_files=True,
            )
    """
    fake_distribution("zoo-notes", code)
    assert data_of(run_zoo)["notes"] == "own"
    refused = run_zoo("train", "regressor", "--dataset", "notes")
    assert refused.code == 2, refused.stderr
    assert "dataset notes needs the folder of your data, or their file" in refused.stderr
    fake_distribution("zoo-notes", code.replace("own_files=True", "own_files='yes'"))
    broken = {row["id"]: row["problem"] for row in run_zoo("plugins", "--json").json}
    assert "'notes': own_files is True or False, not 'yes'" in broken["zoo-notes:zoo-notes"]
