"""Pages of `zoo site` beside those of exports: two exports compared, and a directory of plugins."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result
from hostile_text import HOSTILE, MARKUP
from onnx_files import write_brightness
from serving import SAMPLE
from test_site import Elements

Zoo = Callable[..., Result]
NAME = "lenet5-digits"
PROMISE = {"promise": "", "expected": "", "seconds": 0.1}


def test_two_exports_are_compared_as_zoo_diff_does(run_zoo: Zoo, tmp_path: Path) -> None:
    write_brightness(tmp_path, labels=("dark", "middle", "bright"))
    other = write_brightness(tmp_path, name="other", labels=("dark", "middle", MARKUP), license="MIT")
    done = run_zoo("site", "brightness", other.parent, "--to", "gallery", "--compare", "brightness", other.parent)
    assert done.code == 0, done.stderr
    place = tmp_path / "gallery" / "compare" / "1"
    found = json.loads((place / "diff.json").read_text())
    printed = run_zoo("diff", "brightness", "other", "--json").json
    assert found.pop("a") == {"name": "brightness", "sha256": printed.pop("a")["sha256"]}
    assert found.pop("b") == {"name": "other", "sha256": printed.pop("b")["sha256"]}
    assert found == printed
    page = Elements((place / "index.html").read_text())
    assert "Same graph and weights, another meaning." in page.text
    assert MARKUP in page.text
    for side in ("brightness", "other"):
        assert f"../../models/{side}/index.html" in page.values("href")
        own = Elements((tmp_path / "gallery" / "models" / side / "index.html").read_text())
        assert "../../compare/1/index.html" in own.values("href")
    assert "compare/1/index.html" in Elements((tmp_path / "gallery" / "index.html").read_text()).values("href")


def test_what_has_no_page_is_not_compared(run_zoo: Zoo, tmp_path: Path) -> None:
    write_brightness(tmp_path)
    done = run_zoo("site", "brightness", "--to", "gallery", "--compare", "brightness", SAMPLE)
    assert (done.code, "is compared, but has no page" in done.stderr) == (2, True)
    bad = Path(shutil.copytree(SAMPLE, tmp_path / "bad"))
    bad.joinpath("model.onnx").write_bytes(b"\x89PNG\r\n\x1a\n")
    done = run_zoo("site", "brightness", bad, "--to", "gallery", "--compare", "brightness", bad)
    assert (done.code, "brightness and bad cannot be compared: " in done.stderr) == (1, True)
    assert not (tmp_path / "gallery").exists()


def test_plugins_are_listed_with_their_licences_and_checks(
    run_zoo: Zoo, fake_distribution: Callable[..., Path]
) -> None:
    fake_distribution("zoo-free", "from zoo_core import hookimpl\n")
    told = run_zoo("plugins", "--json").json
    ours = {row["license"] for row in told if row["distribution"] == "zoo-core"}
    assert ours == {"Apache-2.0"}
    assert [row["license"] for row in told if row["distribution"] == "zoo-free"] == [""]


def test_the_directory_of_plugins_says_what_was_found(run_zoo: Zoo, tmp_path: Path) -> None:
    rows = [
        {"id": "zoo-a:a", "distribution": "zoo-a", "version": "1.0", "status": "ok", "license": MARKUP},
        {"id": "zoo-b:b", "distribution": "zoo-b", "version": "2.0", "status": "broken", "problem": HOSTILE},
        {"id": "zoo-c:c", "distribution": "zoo-c", "version": "3.0", "status": "ok", "license": "MIT"},
    ]
    rows = [{"problem": None, "offers": [f"model:{row['id']}-net"], **row} for row in rows]
    check = {
        "passed": [{"subject": "plugin zoo-a:a", "rule": "loads", "outcome": "passed", "detail": "", **PROMISE}],
        "failed": [{"subject": "model zoo-a:a/anet", "rule": "stays-finite", "detail": HOSTILE, **PROMISE}],
        "skipped": [],
        "remarks": [],
    }
    (tmp_path / "plugins.json").write_text(json.dumps(rows))
    (tmp_path / "check.json").write_text(json.dumps(check))
    words = ("site", SAMPLE, "--to", "gallery", "--plugins", "plugins.json", "--checks", "check.json")
    done = run_zoo(*words)
    assert done.code == 0, done.stderr
    listed = json.loads((tmp_path / "gallery" / "plugins.json").read_text())
    assert [(each["id"], each["license"], each["status"]) for each in listed] == [
        ("zoo-a:a", MARKUP, "ok"),
        ("zoo-b:b", "", "broken"),
        ("zoo-c:c", "MIT", "ok"),
    ]
    assert listed[0]["check"] == {"outcome": "failed", "passed": 1, "failed": 1, "skipped": 0, "remarks": 0}
    page = Elements((tmp_path / "gallery" / "plugins.html").read_text())
    for text in ("3 plugins of 3 distributions", "1 passed, 1 failed", "stays-finite: evil", MARKUP, "not checked"):
        assert text in page.text, text
    assert "script" not in {tag for tag, _ in page.tags}
    assert "plugins.html" in Elements((tmp_path / "gallery" / "index.html").read_text()).values("href")
    alone = run_zoo("site", "--to", "plugins", "--plugins", "plugins.json")  # whoever writes plugins may have no export
    assert (alone.code, "plugins: a directory of 3 plugins, and no export" in alone.stdout) == (0, True), alone.stderr
    assert "3 plugins of 3 distributions" in Elements((tmp_path / "plugins" / "index.html").read_text()).text
    (tmp_path / "check.json").write_text("[]")
    assert "check.json is not what zoo check PLUGIN --json prints" in run_zoo(*words).stderr
    (tmp_path / "check.json").write_text('{"passed": [{"subject": "model lenet5"}]}')
    assert "check.json names no plugin" in run_zoo(*words).stderr
    alone = run_zoo("site", SAMPLE, "--to", "gallery", "--checks", "check.json")
    assert (alone.code, "--checks belong to a page of plugins" in alone.stderr) == (2, True)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "other.json lists no plugin"),
        (
            '[{"id": "x"}]',
            "other.json is not what zoo plugins --json prints: entry 1 has no id, distribution and status",
        ),
        ("[3]", "entry 1 has no id, distribution and status"),
        ("{", "other.json is not what zoo plugins --json prints: "),
    ],
)
def test_a_file_of_other_things_is_no_directory_of_plugins(
    content: str, words: str, run_zoo: Zoo, tmp_path: Path
) -> None:
    (tmp_path / "other.json").write_text(content)
    done = run_zoo("site", "--to", "gallery", "--plugins", "other.json")
    assert (done.code, words in done.stderr) == (1, True), done.stderr
    assert not (tmp_path / "gallery").exists()
