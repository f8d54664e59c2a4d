"""The command line: parse, call, print. Commands are loaded when they are run, so that `zoo list` stays light.

Open `export_command.py` first: each command is one such file, and calls one function of `zoo_core.workflows`.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from zoo_core.commands.common import note
from zoo_core.distributions import damaged_distributions
from zoo_core.errors import Terminated, ZooError, did_you_mean, error_lines, in_words
from zoo_core.errors import UnverifiedWarning as UnverifiedWarning
from zoo_core.foreign_text import terminal_line
from zoo_core.long_work import listen_to_progress
from zoo_core.training.distributed.speaking import ended_together, stream_of_failure
from zoo_core.unwatched import PluginCodeAhead, plugins_refused
from zoo_core.version import __version__

from .bundled import bundled_verb, bundled_verbs, whole
from .misplaced import hint_of_misplaced
from .streams import NobodyListensError, broken_pipes_told_apart, drop_output, own_stdout, some_stderr, tell_warnings

if TYPE_CHECKING:
    from zoo_core.registry import Zoo

COMMANDS = {
    "quickstart": "Train, export, verify and predict on embedded data.",
    "list": "List models, datasets and trainers, or your runs and exports.",
    "info": "Show one model, dataset, trainer, task or export.",
    "plugins": "Show every plugin, or why it could not be loaded.",
    "train": "Train a model on a dataset.",
    "eval": "Measure a run or an export on a dataset.",
    "export": "Export to ONNX, prove it equal to PyTorch, publish it.",
    "verify": "Check an export again, on this machine, without PyTorch.",
    "predict": "Predict real files with an export.",
    "doctor": "Look at this machine, and at a model stage by stage.",
    "cache": "Show what trainings keep on the disk, or remove it.",
    "check": "Check a plugin, or one model, against the rules of conformance.",
}

RUN_NO_PLUGIN = {"list", "plugins", "cache", "check", "view", "new", "rm"}
"""Commands in whose own process no plugin's code computes anything."""
RUN_PLUGINS_SELDOM = {"verify", "predict", "serve"}
"""Commands that come upon code of a plugin that is not bundled only with an export that needs it: they begin without a
worker, which takes its time, and begin anew in one before the first such code."""

_AFTER_ANY_LOSS = "zoo doctor MODEL, or zoo check PLUGIN, finds the line: each looks at it in a process of its own"
AFTER_LOSS = {
    "train": "the epochs that were done are kept, and the same command with --resume goes on; zoo doctor MODEL finds "
    "what ends the process",
    "export": "no export appears before it is verified; zoo doctor MODEL finds what ends the process",
}
"""What to do, by command."""


class ZooGroup(click.Group):
    """A group whose commands live in one module each, imported on use; plugins add commands of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for helps in self._groups().values() for name in helps]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in COMMANDS:  # looked up first: a bundled command cannot be replaced
            module = importlib.import_module(f"zoo_core.cli.{cmd_name}_command")
            command: click.Command = module.command
            return command
        if (bundled := bundled_verb(cmd_name)) is not None:
            return whole(bundled)
        zoo = _open_zoo()
        if cmd_name not in zoo.commands():
            return None
        ctx.meta["zoo.plugin"] = zoo.commands()[cmd_name][1].id
        return whole(zoo.command(cmd_name))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"No such command {name!r}. {did_you_mean(name, self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **more: Any) -> click.Context:
        with broken_pipes_told_apart():
            return super().make_context(*args, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with broken_pipes_told_apart():
                return super().invoke(ctx)
        except (ZooError, click.ClickException, click.exceptions.Exit, click.Abort, NobodyListensError):
            raise  # said in their own words; and nobody listens any more to the last one
        except Exception as error:
            if (plugin := ctx.meta.get("zoo.plugin")) is None:
                raise
            from zoo_core.plugin_faults import plugin_fault, plugin_line

            where = f"the command of plugin {plugin} fails"
            raise plugin_fault(where, error, plugin=plugin, place=plugin_line(error)) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for heading, helps in self._groups().items():
            if helps:
                with formatter.section(heading):
                    formatter.write_dl(list(helps.items()))

    def _groups(self) -> dict[str, dict[str, str]]:
        """One-line helps by the heading that they stand under."""
        try:
            offered = _open_zoo().commands()
        except ZooError:  # a mistyped ZOO_ variable: every command says so, and the help explains the commands
            offered = {}
        bundled = {name: text for name, (text, plugin) in offered.items() if plugin.bundled}
        if not bundled:  # the catalogue does not have them, and they are there all the same
            bundled = {name: command.get_short_help_str(limit=80) for name, command in bundled_verbs().items()}
        others = {name: text for name, (text, _) in offered.items() if name not in {*COMMANDS, *bundled}}
        added = {terminal_line(name): terminal_line(text) for name, text in others.items()}
        return {"Commands": COMMANDS, "More commands, each a bundled plugin": bundled, "Commands of plugins": added}


def _open_zoo() -> Zoo:
    from zoo_core.registry import open_zoo

    return open_zoo()


@click.group(cls=ZooGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zoo")
@click.pass_context
def zoo(ctx: click.Context) -> None:
    """A model zoo whose exports you can trust.

    \b
    Start here:   zoo quickstart
    Then:         zoo list
                  zoo train lenet5 --dataset digits
                  zoo export lenet5-digits

    \b
    Completion of commands and names in your shell:
      bash  eval "$(_ZOO_COMPLETE=bash_source zoo)"
      zsh   eval "$(_ZOO_COMPLETE=zsh_source zoo)"
    """
    if ctx.invoked_subcommand is None:
        print(ctx.get_help())


def main(*, watched: bool = True) -> None:
    """The console entry point. Never returns: exits with the documented code.

    A command in whose process a plugin's code may run is done by a worker, so that this code cannot end it with exit
    code 0; not `watched`, by this very process.
    """
    signal.signal(signal.SIGTERM, _terminate)
    some_stderr()
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not watched or not words or words[0] in RUN_NO_PLUGIN or "_ZOO_COMPLETE" in os.environ:
        sys.exit(_run())
    if words[0] in RUN_PLUGINS_SELDOM:
        with contextlib.suppress(PluginCodeAhead), plugins_refused():
            sys.exit(_run())
    from zoo_core.children.worker import LostWorkerError, in_worker

    try:
        sys.exit(ended_together(in_worker(_run)))
    except LostWorkerError as error:
        message = f"zoo {words[0]} has not finished: {error.message}"
        sys.exit(_fail(message, AFTER_LOSS.get(words[0], _AFTER_ANY_LOSS), error.exit_code, error))


def _terminate(number: int, frame: object) -> None:
    raise Terminated(128 + number)


def _run() -> int:
    tell_warnings()
    listen_to_progress(note)
    with own_stdout():
        return _code_of_command()


def _code_of_command() -> int:
    try:
        code = zoo.main(prog_name="zoo", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ZooError as error:
        return _fail(error.message, error.command_hint, error.exit_code, error)
    except click.UsageError as error:
        if isinstance(error, click.NoSuchOption):
            like = _like(error.option_name, error.possibilities or ())
            error = click.NoSuchOption(error.option_name, error.message, like, error.ctx)
        where = f"zoo {error.ctx.command_path.partition(' ')[2]}".strip() if error.ctx else "zoo"
        hint = "; ".join(filter(None, (hint_of_misplaced(error), f"see {where} --help")))
        return _fail(error.format_message(), hint, 2, error)
    except click.ClickException as error:
        return _fail(error.format_message(), None, error.exit_code, error)
    except Terminated as stop:
        return int(str(stop.code))
    except SystemExit as stop:
        return _ended_by(stop)
    except (KeyboardInterrupt, click.Abort):
        print("\nStopped.", file=sys.stderr)
        return 130
    except (BrokenPipeError, NobodyListensError):
        # The reader went away (`zoo list | head`): nothing left to say, and nowhere to say it.
        drop_output()
        return 0
    except UnicodeDecodeError as error:
        return _damaged(error)
    except OSError as error:
        return _failed_io(error)
    except MemoryError as error:
        return _fail("there is not enough memory for this", "smaller or fewer files at a time", 1, error)
    except Exception as error:  # noqa: BLE001 the last line of defence: our bug, said in one line
        return _bug(error)


def _like(option: str, options: Iterable[str]) -> list[str]:
    """Those of the options that are like it without the dashes, which all of them share."""
    return [each for each in options if get_close_matches(option.lstrip("-"), [each.lstrip("-")])]


def _failed_io(error: OSError) -> int:
    """A disk that is full, a path that cannot be, and a current folder that is gone are no bugs of ours."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        drop_output()
        return _fail(f"cannot write: {error.strerror}", "free some space, or write elsewhere", 1, error)
    if error.filename is not None and error.errno in {errno.ENAMETOOLONG, errno.EACCES, errno.EPERM, errno.ELOOP}:
        from zoo_core.files import io_error

        told = io_error("cannot use", os.fsdecode(error.filename), error)
        return _fail(told.message, told.hint, 1, error)
    try:
        os.getcwd()
    except OSError:
        return _fail("the current folder is not there any more", "go to another one: cd DIR", 1, error)
    return _bug(error)


def _damaged(error: UnicodeDecodeError) -> int:
    # Libraries such as torch read the metadata of every package when they are imported.
    if not (damaged := damaged_distributions()):
        return _bug(error)
    name, why = damaged[0]
    hint = f"remove it, or bring it back: pip install --force-reinstall {name}"
    message = f"the metadata of the package {name} are damaged, and a library that reads them cannot be loaded: {why}"
    return _fail(message, hint, 1, error)


def _ended_by(stop: SystemExit) -> int:
    """A command of ours that has said everything gives its code; any other SystemExit is of somebody else's code."""
    if isinstance(stop.code, int) and stop.code:
        return stop.code
    from zoo_core.plugin_faults import plugin_line

    message = f"the command has not finished: {plugin_line(stop) or 'code of a plugin'} calls sys.exit"
    return _fail(message, _AFTER_ANY_LOSS, 1, stop)


def _bug(error: Exception) -> int:
    message = f"a bug in the zoo: {in_words(error)}"
    return _fail(message, "run it again with ZOO_DEBUG=1 and report the traceback", 70, error)


def _fail(message: str, hint: str | None, code: int, error: BaseException) -> int:
    if (stream := stream_of_failure(message, code)) is None:
        return code
    if os.environ.get("ZOO_DEBUG") == "1":
        import traceback

        for line in "".join(traceback.format_exception(error)).splitlines():
            print(terminal_line(line), file=stream)
    with contextlib.suppress(BrokenPipeError):
        print(error_lines(message, hint), file=stream)
    return code
