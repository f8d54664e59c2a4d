"""The zoo's own verbs are plugins that are always there: whatever `ZOO_PLUGINS` says, and without a catalogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result

from zoo_core.cli.bundled import bundled_verbs

Zoo = Callable[..., Result]
VERBS = (
    "bench", "diff", "features", "new", "package", "plot", "pull", "push", "quantize", "rm", "serve", "sign",
    "site", "view",
)  # fmt: skip
NO_DISCOVERY = {"ZOO_PLUGIN_TIMEOUT": "soon"}
"""Whoever discovers plugins stumbles over it."""


def test_the_verbs_are_known_by_name_and_help_before_they_are_loaded() -> None:
    assert tuple(bundled_verbs()) == VERBS
    assert all(command.get_short_help_str(limit=80) for command in bundled_verbs().values())


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_is_found_without_discovery_and_without_a_cache(run_zoo: Zoo, tmp_path: Path, verb: str) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("a cache folder cannot be made here")
    shown = run_zoo(verb, "--help", env={**NO_DISCOVERY, "ZOO_PLUGINS": "none", "ZOO_CACHE": str(nowhere)})
    assert (shown.code, shown.stderr) == (0, "")
    assert f"Usage: zoo {verb}" in shown.stdout
    assert "Examples:" in shown.stdout


def test_what_discovers_does_stumble(run_zoo: Zoo) -> None:
    assert "ZOO_PLUGIN_TIMEOUT" in run_zoo("list", env=NO_DISCOVERY).stderr


def test_zoo_plugins_none_leaves_the_verbs(run_zoo: Zoo, tmp_path: Path) -> None:
    made = run_zoo("new", "plugin", "tiny-net", "--json", env={"ZOO_PLUGINS": "none"})
    assert made.code == 0, made.stderr
    assert (tmp_path / "zoo-tiny-net" / "pyproject.toml").is_file()


def test_the_help_shows_them_in_a_group_of_their_own_also_when_a_variable_is_mistyped(run_zoo: Zoo) -> None:
    for env in ({}, {"ZOO_PLUGINS": "none"}, {"ZOO_PLUGINS": "mistyped"}):
        text = run_zoo("--help", env=env).stdout
        _, _, group = text.partition("More commands, each a bundled plugin:")
        assert [line.split()[0] for line in group.splitlines() if line.strip()] == list(VERBS)


def test_no_other_plugin_can_replace_one(run_zoo: Zoo, fake_distribution: Callable[..., Path]) -> None:
    fake_distribution(
        "zoo-rival",
        """
        import click
        from zoo_core import hookimpl

        @click.command("plot", help="Draw something else.")
        def plot():
            print("replaced")

        @click.command("rival", help="Something of its own.")
        def rival():
            print("here")

        @hookimpl
        def zoo_commands():
            return plot, rival
        """,
    )
    text = run_zoo("--help").stdout
    assert "Draw something else" not in text
    assert "Something of its own" in text.partition("Commands of plugins:")[2]
    assert "replaced" not in run_zoo("plot", "--help").stdout
    assert run_zoo("rival").stdout == "here\n"


def test_a_plugin_may_offer_a_command_whose_body_is_loaded_when_it_is_run(
    run_zoo: Zoo, fake_distribution: Callable[..., Path], tmp_path: Path
) -> None:
    folder = fake_distribution(
        "zoo-late",
        """
        from zoo_core import hookimpl
        from zoo_core.commands import lazy_command

        @hookimpl
        def zoo_commands():
            yield lazy_command("late", help="Comes late.", body="zoo_late.body:command")
        """,
        files={
            "body.py": """
            import pathlib

            import click
            from zoo_core.commands import json_option, print_json

            pathlib.Path(__file__).with_name("loaded").touch()

            @click.command("late")
            @click.option("--times", type=int, default=1)
            @json_option
            def command(times, as_json):
                "Comes late, but comes."
                print_json({"times": times})
            """
        },
    )
    assert "Comes late." in run_zoo("--help").stdout
    assert not (folder / "loaded").exists()
    assert run_zoo("late", "--times", "3", "--json").json == {"times": 3}
    assert (folder / "loaded").exists()
    assert "--times INTEGER" in run_zoo("late", "--help").stdout
    wrong = run_zoo("late", "--time")
    assert wrong.code == 2
    assert "Did you mean '--times'?" in wrong.stderr


def test_a_body_that_is_not_there_names_the_plugin(run_zoo: Zoo, fake_distribution: Callable[..., Path]) -> None:
    fake_distribution(
        "zoo-hollow",
        """
        from zoo_core import hookimpl
        from zoo_core.commands import lazy_command

        @hookimpl
        def zoo_commands():
            yield lazy_command("hollow", help="Has no body.", body="zoo_hollow.gone:command")
            yield lazy_command("odd", help="Has no command.", body="zoo_hollow:zoo_commands")
        """,
    )
    gone = run_zoo("hollow")
    assert gone.code == 1, gone.stderr
    assert "Error: the command of plugin zoo-hollow:zoo-hollow" in gone.stderr
    assert "zoo_hollow.gone" in gone.stderr
    odd = run_zoo("odd")
    assert (odd.code, "is a function, not a click command" in odd.stderr) == (1, True), odd.stderr
