"""Which plugins are found and loaded, and what `zoo plugins` says of each."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from plugin_code import GOOD, OFFER, by_id

from zoo_core.cli.bundled import bundled_verbs


def test_every_bundled_plugin_is_ok(run_zoo: Any) -> None:
    rows = [row for row in run_zoo("plugins", "--json").json if row["distribution"] == "zoo-core"]
    assert rows == sorted(rows, key=lambda row: row["id"])
    assert {row["id"] for row in rows} >= {"zoo-core:lenet5", "zoo-core:mlp", "zoo-core:digits", "zoo-core:mnist"}
    assert [(row["status"], row["problem"]) for row in rows] == [("ok", None)] * len(rows)


def test_what_a_plugin_prints_stays_out_of_the_answer(run_zoo: Any, fake_distribution: Any) -> None:
    # The last words have no newline: on the same line as an answer they would spoil it.
    noise = "import os, sys\nprint('hello')\nsys.stderr.write('noise')\nos.system('echo child; echo child >&2')\n"
    noise += "os.write(1, b'{raw}')\n"
    fake_distribution("zoo-noisy", noise + GOOD + OFFER)
    result = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-noisy"})
    assert by_id(result.json)["zoo-noisy:zoo-noisy"]["status"] == "ok"
    assert result.stderr == ""


def test_a_plugin_loaded_in_the_command_itself_cannot_spoil_its_json(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-noisy", "print('hello')\n" + GOOD + OFFER)
    result = run_zoo("info", "good-model", "--json", env={"ZOO_PLUGINS": "zoo-noisy"})
    assert result.json["parameters"] == 7850
    assert "hello" in result.stderr


@pytest.mark.heavy
def test_a_slow_plugin_offers_but_is_marked(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-slow", "import time\ntime.sleep(1.3)\n" + GOOD + OFFER)
    row = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-slow"}).json)["zoo-slow:zoo-slow"]
    assert row["status"] == "slow"
    assert row["problem"].startswith("loading it takes 1.")
    assert row["offers"] == ["model:good-model"]


def test_only_twice_slow_is_slow(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    once = f"import os, time\nif not os.path.exists({str(tmp_path / 'seen')!r}):\n    time.sleep(1.3)\n"
    fake_distribution("zoo-slow", f"{once}open({str(tmp_path / 'seen')!r}, 'w').close()\n" + GOOD + OFFER)
    row = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-slow"}).json)["zoo-slow:zoo-slow"]
    assert (row["status"], row["problem"]) == ("ok", None)


def test_an_entry_point_that_names_nothing(run_zoo: Any, fake_distribution: Any) -> None:
    entries = {"gone": "no_such_package", "attribute": "zoo_half:nothing", "empty": "", "part": "zoo_half.gone"}
    fake_distribution("zoo-half", GOOD + OFFER, entries=entries)
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "gone,attribute,empty,part"}).json)
    assert "'no_such_package' cannot be found" in rows["zoo-half:gone"]["problem"]
    assert "zoo_half has no 'nothing'" in rows["zoo-half:attribute"]["problem"]
    assert "'zoo_half.gone' cannot be found" in rows["zoo-half:part"]["problem"]
    assert rows["zoo-half:empty"]["status"] == "broken"


def test_damaged_metadata_hides_no_other_plugin(run_zoo: Any, fake_distribution: Any, site: Path) -> None:
    fake_distribution("zoo-good", GOOD + OFFER)
    for name in ("zoo_damaged", "zoo_other"):
        damaged = site / f"{name}-1.0.dist-info"
        damaged.mkdir()
        damaged.joinpath("METADATA").write_bytes(b"\xff\xfe\x00garbage")
        damaged.joinpath("entry_points.txt").write_text("[zoo.plugins]\nno equals sign\n[other\nx = y\n")
    rows = by_id(run_zoo("plugins", "--json").json)
    assert "zoo-good:zoo-good" in rows
    for plugin in ("zoo-damaged:no equals sign", "zoo-other:no equals sign"):  # named as their folders are
        assert (rows[plugin]["status"], rows[plugin]["version"]) == ("broken", "1.0")


def test_the_same_entry_point_name_in_two_distributions(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-one", GOOD + OFFER, entries={"nets": "zoo_one"})
    fake_distribution("zoo-two", GOOD + OFFER.replace("good-model", "other"), entries={"nets": "zoo_two"})
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "nets"}).json)
    assert rows["zoo-one:nets"]["offers"] == ["model:good-model"]
    assert rows["zoo-two:nets"]["offers"] == ["model:other"]
    only = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-two:nets"}).json)
    assert (only["zoo-one:nets"]["status"], only["zoo-one:nets"]["problem"]) == ("disabled", None)
    assert only["zoo-two:nets"]["status"] == "ok"


def test_zoo_plugins_none_disables_the_bundled_ones_too_but_verbs_tasks_and_recipes(run_zoo: Any) -> None:
    rows = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "none"}).json
    always = {row["id"].partition(":")[2] for row in rows if row["status"] == "ok"}
    tasks = {"classification", "detection", "embedding", "image-to-image", "multilabel", "raw-outputs", "regression"}
    recipes = {"picture", "ragged", "table", "text", "waveform"}
    assert always == {*bundled_verbs(), *tasks, *recipes}
    assert {row["status"] for row in rows if row["id"].partition(":")[2] not in always} == {"disabled"}
    assert run_zoo("list", "--json", env={"ZOO_PLUGINS": "none"}).json == []


def test_zoo_plugins_misspelt(run_zoo: Any) -> None:
    result = run_zoo("list", env={"ZOO_PLUGINS": "lenet"})
    assert result.code == 2
    assert "Error: ZOO_PLUGINS: there is no plugin 'lenet'" in result.stderr
    assert "Did you mean 'lenet5'" in result.stderr


def test_zoo_strict_raises_the_problem(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-bad", "1 / 0")
    result = run_zoo("list", env={"ZOO_STRICT": "1"})
    assert result.code == 1
    assert "Error: plugin zoo-bad:zoo-bad: when it is imported: ZeroDivisionError" in result.stderr


def test_a_timeout_that_is_no_number(run_zoo: Any) -> None:
    result = run_zoo("list", env={"ZOO_PLUGIN_TIMEOUT": "soon"})
    assert result.code == 2
    assert "ZOO_PLUGIN_TIMEOUT is a number of seconds above 0, not 'soon'" in result.stderr


def test_a_hanging_plugin_leaves_no_process_behind(run_zoo: Any, fake_distribution: Any, tmp_path: Path) -> None:
    code = f"""
    import os, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}}")
    time.sleep(600)
    """
    fake_distribution("zoo-bad", code)
    start = time.monotonic()
    row = run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-bad", "ZOO_PLUGIN_TIMEOUT": "2"}).json
    assert time.monotonic() - start < 60
    assert "it is not loaded after 2 s" in by_id(row)["zoo-bad:zoo-bad"]["problem"]
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert not _alive(pid)


def _alive(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, IndexError):
            return False
        if state == "Z":
            return False  # dead, and waiting for its parent to notice
        time.sleep(0.1)
    return True


LATE = """
import os, signal, sys, threading, time

def late():
    while not (os.path.exists({log!r}) and os.path.getsize({log!r})):
        time.sleep(0.01)
    {end}

threading.Thread(target=late, daemon=True).start()
"""


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), signal.SIGALRM)"])
def test_what_a_plugin_leaves_behind_is_not_the_next_ones_fault(
    end: str, run_zoo: Any, fake_distribution: Any, tmp_path: Path
) -> None:
    log = tmp_path / "loads"
    fake_distribution("zoo-a", LATE.format(end=end, log=str(log)) + GOOD + OFFER.replace("good-model", "late"))
    slowly = f"import time\nopen({str(log)!r}, 'a').write('x')\ntime.sleep(0.5)\n"
    fake_distribution("zoo-b", slowly + GOOD + OFFER)
    fake_distribution("zoo-c", "import os\nos._exit(3)")
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-a,zoo-b,zoo-c"}).json)
    assert (rows["zoo-b:zoo-b"]["status"], rows["zoo-b:zoo-b"]["offers"]) == ("ok", ["model:good-model"])
    assert log.read_text() == "xx"  # it was asked again, where nobody had been before
    assert "exit code 3" in rows["zoo-c:zoo-c"]["problem"]


def test_a_plugin_that_forks_answers_once(run_zoo: Any, fake_distribution: Any) -> None:
    fake_distribution("zoo-a", "import os\nos.fork()\n" + GOOD + OFFER.replace("good-model", "forked"))
    fake_distribution("zoo-b", "import os\nos._exit(3)")
    start = time.monotonic()
    rows = by_id(run_zoo("plugins", "--json", env={"ZOO_PLUGINS": "zoo-a,zoo-b", "ZOO_PLUGIN_TIMEOUT": "60"}).json)
    assert rows["zoo-a:zoo-a"]["offers"] == ["model:forked"]
    assert "exit code 3" in rows["zoo-b:zoo-b"]["problem"]
    assert time.monotonic() - start < 60  # no second process keeps the line open


@pytest.mark.heavy
def test_five_hundred_plugins_at_once(run_zoo: Any, fake_distribution: Any) -> None:
    faults = {100: "1 / 0", 250: "import os\nos._exit(1)", 400: "import ctypes\nctypes.string_at(0)"}
    for number in range(500):
        fake_distribution(
            f"zoo-many-{number}", faults.get(number, GOOD + OFFER.replace("good-model", f"many-{number}"))
        )
    expected = [f"many-{number}" for number in range(500) if number not in faults]
    for _ in ("cold", "warm"):
        result = run_zoo("list", "many-*")
        assert result.code == 0
        assert [line.split()[0] for line in result.stdout.splitlines() if line.startswith("many-")] == expected
        assert result.stderr == "3 plugins cannot be used: see zoo plugins\n"
    rows = [row for row in run_zoo("plugins", "--json").json if row["distribution"].startswith("zoo-many-")]
    assert {row["id"].rpartition("-")[2] for row in rows if row["status"] == "broken"} == {"100", "250", "400"}
    assert sum(row["status"] in {"ok", "slow"} for row in rows) == 497
