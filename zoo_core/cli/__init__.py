"""The command line: parse, call, print. Commands are loaded when they are run, so that `zoo list` stays light."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from typing import Any

import click

from .. import __version__
from ..errors import ZooError, did_you_mean

COMMANDS = {
    "quickstart": "Train, export, verify and predict on embedded data.",
    "list": "List models, datasets and trainers, or your runs and exports.",
    "info": "Show one model, dataset or trainer.",
    "plugins": "Show every plugin, or why it could not be loaded.",
    "train": "Train a model on a dataset.",
    "eval": "Measure a run or an export on a dataset.",
    "export": "Export to ONNX, prove it equal to PyTorch, publish it.",
    "verify": "Check an export again, on this machine, without PyTorch.",
    "predict": "Predict real files with an export.",
    "view": "Show an export's graph in the browser.",
    "plot": "Draw pictures of a run.",
}


class ZooGroup(click.Group):
    """A group whose commands live in one module each, imported on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"zoo_core.cli.{cmd_name}_command")
        command: click.Command = module.command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[Any, Any, list[str]]:
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(ctx, name) is None:
            raise click.UsageError(f"No such command {name!r}. {did_you_mean(name, self.list_commands(ctx))}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=ZooGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="zoo")
def zoo() -> None:
    """A model zoo whose exports you can trust.

    \b
    Start here:   zoo quickstart
    Then:         zoo list
                  zoo train lenet5 --dataset digits
                  zoo export lenet5-digits
    """


def main() -> None:
    """The console entry point. Never returns: exits with the documented code."""
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_run())


def _terminate(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _run() -> int:
    try:
        code = zoo.main(standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except ZooError as error:
        return _fail(error.message, error.hint, error.exit_code, error)
    except click.UsageError as error:
        where = f"zoo {error.ctx.command_path.partition(' ')[2]}".strip() if error.ctx else "zoo"
        return _fail(error.format_message(), f"see {where} --help", 2, error)
    except click.ClickException as error:
        return _fail(error.format_message(), None, error.exit_code, error)
    except (KeyboardInterrupt, click.Abort):
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader went away (`zoo list | head`): nothing left to say, and nowhere to say it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 the last line of defence: our bug, said in one line
        message = f"a bug in the zoo: {type(error).__name__}: {error}"
        return _fail(message, "run it again with ZOO_DEBUG=1 and report the traceback", 70, error)


def _fail(message: str, hint: str | None, code: int, error: BaseException) -> int:
    if os.environ.get("ZOO_DEBUG") == "1":
        import traceback

        traceback.print_exception(error)
    print(f"Error: {message}", file=sys.stderr)
    if hint:
        print(f"Hint: {hint}", file=sys.stderr)
    return code
