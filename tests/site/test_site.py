"""`zoo site`: the folder that the real program makes, and what stands in its pages."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from conftest import Result
from hostile_text import HOSTILE, LONE_HALF, MARKUP, assert_harmless
from onnx_files import write_brightness
from serving import SAMPLE

from zoo_core.installation import install_command
from zoo_core.runtime import read_onnx

Zoo = Callable[..., Result]
NAME = "lenet5-digits"
PAGE = f"models/{NAME}/index.html"
BENCH = {
    "schema": 1,
    "machine": "Linux x86_64, 2 processors",
    "rows": [
        {"engine": "torch", "threads": 2, "batch": 1, "p50_s": 0.002, "answers": {"right": True}},
        {"engine": "onnxruntime", "threads": 2, "batch": 1, "p50_s": 0.0005, "answers": {"right": True}},
        {"engine": "openvino", "threads": 2, "batch": 1, "p50_s": 0.0001, "answers": {"right": False}},
        {"engine": "onnxruntime", "threads": 2, "batch": 8, "p50_s": 0.0002, "answers": {"right": True}},
    ],
}


class Elements(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        """The values of an attribute, wherever it stands."""
        return [value for _, attributes in self.tags if (value := attributes.get(name)) is not None]


def make(run_zoo: Zoo, *arguments: str | Path) -> Any:
    """What `zoo site ... --to gallery --json` tells, once it has succeeded."""
    done = run_zoo("site", *arguments, "--to", "gallery", "--json")
    assert done.code == 0, done.stderr
    return done.json


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def copied(folder: Path, name: str = NAME) -> Path:
    """A copy of the sample in `exported/`."""
    return Path(shutil.copytree(SAMPLE, folder / "exported" / name))


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of the sample and of a file of its own, read only; made in this process, by the same function."""
    from zoo_plugins.site.building import build
    from zoo_plugins.site.options import Asked

    folder = tmp_path_factory.mktemp("gallery")
    write_brightness(folder)
    exports = {"brightness": folder / "exported" / "brightness", NAME: SAMPLE}
    build(exports, folder / "site", Asked(title="Models"), progress=lambda _: None)
    return folder / "site"


def test_a_site_of_all_exports_here_is_made(run_zoo: Zoo, tmp_path: Path) -> None:
    copied(tmp_path)
    write_brightness(tmp_path)
    done = run_zoo("site", "--to", "gallery")
    assert done.code == 0, done.stderr
    assert done.stdout.splitlines()[0] == "gallery: 2 pages of exports, and their index"
    index = json.loads((tmp_path / "gallery" / "index.json").read_text())
    assert [row["name"] for row in index["models"]] == ["brightness", NAME]
    listed = {row["name"]: row for row in run_zoo("list", "exports", "--json").json}
    for row in index["models"]:
        assert {key: row[key] for key in ("kind", "task", "plugin")} == {
            key: listed[row["name"]][key] for key in ("kind", "task", "plugin")
        }
        assert (tmp_path / "gallery" / row["source"] / "index.html").is_file()


def test_the_index_says_what_may_be_searched(gallery: Path) -> None:
    rows = {row["name"]: row for row in json.loads((gallery / "index.json").read_text())["models"]}
    row = rows[NAME]
    assert row["report"] == json.loads((SAMPLE / "report.json").read_text())
    assert row["parameters"] == 61706
    assert row["bytes"] == (SAMPLE / "model.onnx").stat().st_size
    assert (row["state"], row["license"], row["dataset"], row["trained"]) == ("verified", "Apache-2.0", "digits", True)
    assert row["metric"]["name"] == "test accuracy"
    assert round(row["metric"]["value"], 4) == 0.9972
    assert round(row["floors"], 2) == 0.8
    assert (row["latency"], row["mutation_score"]) == (None, None)  # nobody has measured them
    assert rows["brightness"]["state"] == "unknown"  # it has no report
    page = Elements((gallery / "index.html").read_text())
    assert f"{row['source']}index.html" in page.values("href")
    assert "0.9972" in page.text


def test_a_page_says_all_that_the_export_says(gallery: Path) -> None:
    page = Elements((gallery / PAGE).read_text())
    report = json.loads((SAMPLE / "report.json").read_text())
    for check in report["checks"]:
        assert check["detail"] in page.text
    for text in (
        "LeNet-5, the 1998 digit reader",  # the card
        "61.7 k",
        "5.7e-06",  # the bound
        "(N, 1, 28, 28)",
        "The picture is read in grey.",
        "It is resized to 28 by 28 pixels, width by height (bicubic, as Pillow does).",
        "Values from 0 to 255 are multiplied by 1/255.",
        "Then 0.3087 is taken away, and the rest divided by 0.3486.",
        "12 nodes: 4 Relu, 3 Gemm, 2 Conv, 2 MaxPool, 1 Reshape.",
        "6 kernels of 5 by 5",
        "zoo verify lenet5-digits",
        "zoo predict lenet5-digits PICTURE...",
        "@misc{lenet5-digits,",
        hashlib.sha256((SAMPLE / "model.onnx").read_bytes()).hexdigest(),
    ):
        assert text in page.text, text
    assert "curl" not in page.text  # where the site will be is not known
    operators = [match[1] for match in re.finditer(r'class="op"[^>]*>([A-Za-z]+)<', (gallery / PAGE).read_text())]
    assert operators == [
        "image", "Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Reshape",
        "Gemm", "Relu", "Gemm", "Relu", "Gemm", "logits",
    ]  # fmt: skip


def test_the_data_of_a_page_are_those_of_the_file(gallery: Path) -> None:
    place = gallery / "models" / NAME
    data = json.loads((place / "model.json").read_text())
    assert data["metadata"] == json.loads(read_onnx(SAMPLE / "model.onnx").metadata_props["zoo"])
    assert data["report"] == json.loads((SAMPLE / "report.json").read_text())
    assert data["graph"]["operators"] == {"Relu": 4, "Gemm": 3, "Conv": 2, "MaxPool": 2, "Reshape": 1}
    assert data["files"][0]["name"] == "model.onnx"
    for each in data["files"]:
        content = (place / each["name"]).read_bytes()
        assert content == (SAMPLE / each["name"]).read_bytes()
        assert (each["bytes"], each["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_listed_files_are_an_export_again(gallery: Path, run_zoo: Zoo, tmp_path: Path) -> None:
    place = gallery / "models" / NAME
    for each in json.loads((place / "model.json").read_text())["files"]:
        target = tmp_path / NAME / each["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place / each["name"], target)
    verified = run_zoo("verify", NAME, "--trusted")
    assert verified.code == 0, verified.stdout


def test_equal_exports_give_equal_bytes_wherever_they_lie(run_zoo: Zoo, tmp_path: Path, gallery: Path) -> None:
    write_brightness(tmp_path)
    make(run_zoo, SAMPLE, "brightness")
    made = contents(tmp_path / "gallery")
    assert made == contents(gallery)
    assert not [name for name, content in made.items() if str(tmp_path).encode() in content]
    (tmp_path / "gallery" / "left-over.html").write_text("of an older site")
    make(run_zoo, SAMPLE, "brightness")  # an earlier site is replaced as a whole
    assert contents(tmp_path / "gallery") == made
    assert sorted(path.name for path in tmp_path.iterdir()) == ["exported", "gallery"]


def test_nothing_comes_from_elsewhere_and_nothing_acts_in_a_page(gallery: Path) -> None:
    for path in gallery.rglob("*.html"):
        page = Elements(path.read_text())
        policy = next(each["content"] for tag, each in page.tags if each.get("http-equiv") == "Content-Security-Policy")
        assert str(policy).startswith("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; ")
        for tag, attributes in page.tags:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
            if tag in {"script", "img", "link"}:
                address = attributes.get("src") or attributes.get("href")
                assert address is not None, (path, tag)  # no script or style within the page
                assert (path.parent / address).is_file(), address


def test_what_was_measured_before_is_shown(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    folder.with_name(f"{NAME}.bench.json").write_text(json.dumps(BENCH))
    mutants = {"mutants": {"made": 62, "equivalent": 2, "killed": 59, "survived": 1}}
    folder.joinpath("mutants.json").write_text(json.dumps(mutants))  # in the export, or beside it
    make(run_zoo)
    for name in ("bench.json", "mutants.json"):
        assert (tmp_path / "gallery" / "models" / NAME / name).is_file()
    row = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"][0]
    assert row["latency"] == {"seconds": 0.0005, "engine": "onnxruntime", "threads": 2, "machine": BENCH["machine"]}
    assert round(row["mutation_score"], 3) == 0.983
    assert row["state"] == "verified"
    text = Elements((tmp_path / "gallery" / "index.html").read_text()).text
    assert "500 µs onnxruntime, Linux x86_64, 2 processors" in text
    assert "98.3 %" in text


def test_numbers_of_another_file_are_left_out(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    beside = folder.with_name(f"{NAME}.bench.json")
    for digest, shown in (("0" * 64, False), (hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(), True)):
        beside.write_text(json.dumps({"sha256": digest, **BENCH}))
        make(run_zoo)
        row = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"][0]
        assert (row["latency"] is not None) == shown
        assert (tmp_path / "gallery" / "models" / NAME / "bench.json").is_file() == shown


def test_commands_fetch_every_file_from_where_the_site_will_be(run_zoo: Zoo, tmp_path: Path) -> None:
    make(run_zoo, SAMPLE, "--address", "https://models.example.org/zoo", "--title", "My models")
    page = Elements((tmp_path / "gallery" / PAGE).read_text())
    for name in ("model.onnx", "report.json", "test_data_set_0/input_0.pb"):
        where = f"https://models.example.org/zoo/models/{NAME}/{name}"
        assert f"curl --create-dirs -o {name} {where}\n" in page.text
    assert "My models" in page.text
    wrong = run_zoo("site", SAMPLE, "--to", "gallery", "--address", "models.example.org")
    assert (wrong.code, "--address takes where the site will be" in wrong.stderr) == (2, True)


def test_hostile_labels_names_and_cards_stay_text(run_zoo: Zoo, tmp_path: Path) -> None:
    file = write_brightness(
        tmp_path,
        name="evil",
        labels=("<script>alert(1)</script>", MARKUP, "third"),
        license=MARKUP,
        source=f"javascript:{MARKUP}",
    )
    checks = [{"rule": HOSTILE, "outcome": HOSTILE, "detail": HOSTILE}]
    file.with_name("report.json").write_text(json.dumps({"outcome": HOSTILE, "checks": checks, "reference": HOSTILE}))
    file.with_name("README.md").write_text(
        '# <img src=x onerror=alert(1)>\n\n[go](javascript:alert(1)) [to](https://example.org/" onclick="alert(1))\n\n'
        "| a | <b>b</b> |\n| --- | --- |\n| `<i>` | &lt;script&gt; |\n\n    <script>alert(2)</script>\n\n"
        "[safe](https://example.org/a?b=1&c=2)\n"
    )
    hostile = tmp_path / "exported" / f"<b>{LONE_HALF}'\"&#?%"
    file.parent.rename(hostile)
    done = run_zoo("site", hostile, "--to", "gallery")
    assert done.code == 0, done.stderr
    assert_harmless(done.stdout + done.stderr)
    (path,) = (tmp_path / "gallery" / "models").glob("*/index.html")
    page = Elements(path.read_text(encoding="utf-8"))
    assert {"script", "img", "b", "i"}.isdisjoint({tag for tag, _ in page.tags} - {"script"})
    assert [each for tag, each in page.tags if tag == "script"] == [
        {"type": "module", "src": "../../assets/try/page.js"}
    ]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert [each for each in page.values("href") if ":" in each] == [
        "https://example.org/",  # an address in a text, up to what is no part of one
        "https://example.org/a?b=1&c=2",
    ]
    for text in ("<script>alert(1)</script>", MARKUP, "<img src=x onerror=alert(1)>", "[go](javascript:alert(1))"):
        assert text in page.text, text
    index = Elements((tmp_path / "gallery" / "index.html").read_text(encoding="utf-8"))
    (link,) = [each for each in index.values("href") if each.startswith("models/")]
    assert re.fullmatch(r"models/[A-Za-z0-9%_.~-]+/index\.html", link)
    assert "<b>half" in index.text


def test_pages_and_scripts_in_an_export_are_not_copied(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    report = json.loads((folder / "report.json").read_text())
    ours = {"evil.html": "<script>alert(1)</script>", "a/evil.js": "alert(1)", "model.json": "{}", "evil.svg": "<svg/>"}
    for name, text in ours.items():
        folder.joinpath(name).parent.mkdir(exist_ok=True)
        folder.joinpath(name).write_text(text)
        report["files"][name] = hashlib.sha256(text.encode()).hexdigest()
    folder.joinpath("report.json").write_text(json.dumps(report))
    make(run_zoo)
    place = tmp_path / "gallery" / "models" / NAME
    assert [path.name for path in place.rglob("*evil*")] == []
    assert json.loads((place / "model.json").read_text())["name"] == NAME
    page = Elements((place / "index.html").read_text())
    assert "have no place in this site: a/evil.js, evil.html, evil.svg, model.json." in page.text
    folder.joinpath("report.json").write_text(json.dumps({**report, "files": {"../../elsewhere.json": "0" * 64}}))
    assert run_zoo("site", "--to", "gallery").code == 4


def test_changed_files_are_not_shown_as_verified(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    folder.joinpath("README.md").write_text("# Another card\n")
    make(run_zoo)
    row = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"][0]
    assert row["state"] == "changed"
    assert "These are not the files that were verified." in Elements((tmp_path / "gallery" / PAGE).read_text()).text


def test_what_no_check_says_is_no_state(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    report = json.loads(folder.joinpath("report.json").read_text())
    for said, state in (("failed", "failed"), ("certified by me", "changed")):
        folder.joinpath("report.json").write_text(json.dumps({**report, "outcome": said}))
        make(run_zoo)
        (row,) = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"]
        assert row["state"] == state


def test_a_damaged_export_has_a_row_that_says_why(run_zoo: Zoo, tmp_path: Path) -> None:
    copied(tmp_path)
    bad = copied(tmp_path, "picture")
    bad.joinpath("model.onnx").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    done = run_zoo("site", "--to", "gallery", "--json")
    assert done.code == 1
    assert done.json["pages"] == [NAME]
    assert [each["name"] for each in done.json["damaged"]] == ["picture"]
    assert "picture has no page: exported/picture/model.onnx was refused" in done.stderr
    row = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"][1]
    assert row["state"] == "damaged"
    assert row["error"].startswith("picture/model.onnx")
    assert row["error"] in Elements((tmp_path / "gallery" / "index.html").read_text()).text
    alone = run_zoo("site", bad, "--to", "other")
    assert alone.code == 4
    assert not (tmp_path / "other").exists()


def test_damaged_records_beside_a_good_file_are_left_out(run_zoo: Zoo, tmp_path: Path) -> None:
    folder = copied(tmp_path)
    for name, text in {"report.json": "[1, 2", "bench.json": '{"rows": 3}', "netron.json": "null"}.items():
        folder.joinpath(name).write_text(text)
    make(run_zoo)
    row = json.loads((tmp_path / "gallery" / "index.json").read_text())["models"][0]
    assert (row["state"], row["report"], row["latency"], row["floors"]) == ("unknown", None, None, None)


def test_nothing_of_anybodys_is_written_over(run_zoo: Zoo, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    mine.joinpath("index.json").write_text('{"made_by": "somebody else"}')
    refused = run_zoo("site", SAMPLE, "--to", "mine")
    assert refused.code == 1
    assert "mine exists, is not empty and is not an earlier site, so it is not replaced" in refused.stderr
    assert contents(mine) == {"index.json": b'{"made_by": "somebody else"}'}
    (tmp_path / "link").symlink_to(mine)
    assert "is a symbolic link" in run_zoo("site", SAMPLE, "--to", "link").stderr
    assert "is a file, not a folder" in run_zoo("site", SAMPLE, "--to", "mine/index.json").stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "mine"]


def test_no_export_and_two_of_one_name_are_errors(run_zoo: Zoo, tmp_path: Path) -> None:
    none = run_zoo("site", "--to", "gallery")
    assert (none.code, "there is no export in exported/" in none.stderr) == (2, True)
    shutil.copytree(SAMPLE, tmp_path / "elsewhere" / NAME)
    two = run_zoo("site", SAMPLE, tmp_path / "elsewhere" / NAME, "--to", "gallery")
    assert (two.code, f"two of these exports are called '{NAME}'" in two.stderr) == (2, True)
    assert run_zoo("site", "nothing-like-that", "--to", "gallery").code == 2


def test_without_jinja2_the_extra_is_named(site: Path, run_zoo: Zoo) -> None:
    site.mkdir()
    site.joinpath("sitecustomize.py").write_text("import sys\nsys.modules['jinja2'] = None\n")
    done = run_zoo("site", SAMPLE, "--to", "gallery")
    assert done.code == 1
    assert done.stderr == (
        f"Error: zoo site needs the package 'jinja2', which is not installed\nHint: {install_command('site')}\n"
    )


def test_the_run_of_an_export_is_shown_as_long_as_it_is_that_run(run_zoo: Zoo, workplace: Path) -> None:
    run = workplace / "runs" / NAME
    (picture,) = (run / "plots").glob("curves.png")
    shutil.copyfile(picture, run / "plots" / "confusion.png")
    (run / "plots" / "errors.png").write_text("<script>alert(1)</script>")
    make(run_zoo)
    place = workplace / "gallery" / "models" / NAME
    page = Elements((place / "index.html").read_text())
    assert "Run lenet5-digits: 4 epochs" in page.text
    assert "accuracy by epoch" in page.text
    assert [attributes["class"] for tag, attributes in page.tags if tag == "polyline"] == ["train", "validation"] * 2
    assert (place / "confusion.png").read_bytes() == picture.read_bytes()
    assert not (place / "errors.png").exists()  # it is no picture
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert json.loads((place / "model.json").read_text())["run"]["epochs"] == rows
    record = json.loads((run / "run.json").read_text())
    record["test"]["accuracy"] = 0.5  # as if it had been trained once more under its name
    run.joinpath("run.json").write_text(json.dumps(record))
    make(run_zoo)
    assert "How it was trained" not in (place / "index.html").read_text()
    assert json.loads((place / "model.json").read_text())["run"] is None
