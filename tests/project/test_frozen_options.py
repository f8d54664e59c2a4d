"""The options of every bundled command are those in docs/options.json: what a script types goes on working."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from zoo_core.cli import COMMANDS

ROOT = Path(__file__).parents[2]
RENEW = "python docs/make_options.py"
CONTRACT = (
    "Taking an option away or changing it is a change of contract: scripts rely on it. Keep what was typed working for"
    " one minor version, with a warning that names the new way, and say so in CHANGELOG.md. Then renew the file with"
)

Options = dict[str, dict[str, Any]]


def read_commands(text: str = "import json, sys; json.dump(made['read_options'](), sys.stdout)") -> str:
    # In a process of its own, with bundled plugins only: what other tests did to a command is not in it.
    code = f"import runpy; made = runpy.run_path('docs/make_options.py'); {text}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return done.stdout


def changes(frozen: Options, present: Options) -> tuple[list[str], list[str]]:
    """What breaks somebody's script, and what is only new, each as `zoo COMMAND OPTION`."""
    broken, new = [], []
    for command in {**frozen, **present}:
        old, now = frozen.get(command), present.get(command)
        if old is None:
            new.append(f"zoo {command}")
            continue
        for name in {**old, **(now or {})}:
            said = f"zoo {command} {name}".replace("  ", " ")
            if now is None or name not in now:
                broken.append(f"{said} is gone")
            elif name not in old:
                (broken if now[name].get("required") else new).append(said)
            elif old[name] != now[name]:
                broken.append(f"{said} was {old[name]} and is {now[name]}")
    return broken, new


def test_no_option_is_gone_or_changed() -> None:
    frozen = json.loads(ROOT.joinpath("docs", "options.json").read_text(encoding="utf-8"))
    broken, new = changes(frozen, json.loads(read_commands()))
    assert not broken, f"{CONTRACT}: {RENEW}"
    assert not new, f"these are not in docs/options.json yet: {RENEW}"


def test_the_file_is_what_the_script_writes() -> None:
    written = ROOT.joinpath("docs", "options.json").read_text(encoding="utf-8")
    assert written == read_commands("import sys; sys.stdout.write(made['make_text']())"), f"run: {RENEW}"


def test_every_bundled_command_is_in_the_file() -> None:
    frozen = json.loads(ROOT.joinpath("docs", "options.json").read_text(encoding="utf-8"))
    assert {*COMMANDS, "view", "plot", "new", "features"} <= {command.partition(" ")[0] for command in frozen}


def test_what_counts_as_a_change() -> None:
    before: Options = {"go": {"--far": {"type": "flag"}, "--to": {"type": "path"}}}
    assert changes(before, before) == ([], [])
    assert changes(before, {}) == (["zoo go --far is gone", "zoo go --to is gone"], [])
    assert changes(before, {"go": {"--to": {"type": "path"}}}) == (["zoo go --far is gone"], [])
    more = {"go": {**before["go"], "--soon": {"type": "flag"}}, "stop": {}}
    assert changes(before, more) == ([], ["zoo go --soon", "zoo stop"])
    must = {"go": {**before["go"], "argument 1": {"type": "text", "required": True}}}
    assert changes(before, must) == (["zoo go argument 1"], [])
    other = {"go": {**before["go"], "--to": {"type": "text"}}}
    assert changes(before, other) == (["zoo go --to was {'type': 'path'} and is {'type': 'text'}"], [])


def test_the_script_reads_everything_that_matters() -> None:
    @click.command("go")
    @click.argument("places", nargs=-1, required=True)
    @click.option("--kind", type=click.Choice(["a", "b"]), default="a")
    @click.option("--often", type=click.IntRange(min=0), multiple=True)
    @click.option("--fast/--slow")
    def go() -> None: ...

    namespace: dict[str, Any] = {"__file__": str(ROOT / "docs" / "make_options.py"), "__name__": "made"}
    exec(ROOT.joinpath("docs", "make_options.py").read_text(encoding="utf-8"), namespace)
    found = namespace["_parameters"](go, click.Context(go))
    assert found == {
        "argument 1": {"type": "text", "required": True, "values": -1},
        "--fast": {"type": "flag", "off": "--slow"},
        "--kind": {"type": "choice", "default": "a", "choices": ["a", "b"], "case_sensitive": True},
        "--often": {"type": "integer range", "multiple": True, "min": 0},
    }
