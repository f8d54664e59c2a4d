"""`zoo verify`."""

from __future__ import annotations

import click

from zoo_core.errors import NotVerifiedError

from .common import json_option, say
from .completion import complete_exports

EXAMPLES = """
\b
Examples:
  zoo verify lenet5-digits              an export in exported/
  zoo verify exported/lenet5-digits     the same, as a path
  zoo verify model.onnx                 a bare file: its self-test travels inside it
  zoo verify lenet5-digits --thorough   every optimisation level and thread count
"""


@click.command("verify", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.option("--thorough", is_flag=True, help="Every optimisation level and thread count of onnxruntime.")
@json_option
def command(source: str, thorough: bool, as_json: bool) -> None:
    """Check an export again: here, on this machine, without PyTorch.

    Hashes, structure, the self-test inside the file, the test vectors beside it, and that its outputs depend on its
    inputs. Exit code 3 unless the outcome is `verified`.
    """
    from zoo_core.shelf import find_export
    from zoo_core.verification import verify_export

    from .report import show_report

    path = find_export(source)
    report = verify_export(path, thorough=thorough)
    show_report(report, as_json=as_json, path=path)
    if report.outcome != "verified":
        bad = next(check for check in report.checks if check.outcome not in {"passed", "skipped"})
        raise NotVerifiedError(
            f"{path} is {report.outcome}: {bad.rule}: {bad.detail}",
            hint="do not use this file; fetch it or export it again",
        )
    if not as_json:
        say(f"Next: zoo predict {source} PICTURE...")
