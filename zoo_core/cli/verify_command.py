"""`zoo verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from zoo_core.commands.common import FilePath, json_option, say
from zoo_core.commands.completion import complete_exports
from zoo_core.commands.isolation import isolation_options, provider_option
from zoo_core.commands.next_step import use_of, words_of

EXAMPLES = """
\b
Examples:
  zoo verify lenet5-digits              an export in exported/
  zoo verify exported/lenet5-digits     the same, as a path
  zoo verify model.onnx                 a bare file: its self-test travels inside it
  zoo verify lenet5-digits --key key.pub  and is it signed by whom you think?
  zoo verify lenet5-digits --thorough   every optimisation level and thread count
  zoo verify lenet5-digits --provider cuda    and is it right on the graphics card?
  zoo verify lenet5-digits --mutants    does the check see faults? about a minute for a small model
"""


@click.command("verify", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.option("--thorough", is_flag=True, help="Every optimisation level and thread count of onnxruntime.")
@click.option("--mutants", is_flag=True, help="Then plant faults in copies and count those that the check sees.")
@click.option("--save", is_flag=True, help="With --mutants: keep the score as EXPORT.mutants.json, for zoo site.")
@click.option("--key", type=FilePath(), metavar="FILE", help="The public key of who has to have signed it: zoo sign.")
@click.option("--signature", type=FilePath(), metavar="FILE", help="With --key. Default: beside the export, NAME.sig.")
@isolation_options
@provider_option
@json_option
def command(
    source: str,
    thorough: bool,
    mutants: bool,
    save: bool,
    provider: str | None,
    isolated: Any,
    as_json: bool,
    **signed: Path | None,
) -> None:
    """Check an export again: here, on this machine, without PyTorch.

    Hashes, structure, the self-test inside the file, the test vectors beside it, and that its outputs depend on its
    inputs. Exit code 3 unless the outcome is `verified`; with `--mutants` also when a planted fault changes an output
    by more than rounding and the check does not see it; with `--key` when this key's owner has not signed its files.

    `--provider` holds the answers of that against those of the processor, within the bounds of the self-test, or as
    many times more as the provider declares to round more coarsely, and counts the nodes that it computes. The verdict
    is kept in the user's state folder, and heeded by other commands with `--provider`.
    """
    from zoo_core.shelf import find_export
    from zoo_core.verification.conclude.recheck import verify_export
    from zoo_core.workflows.answers.on_provider import also_on
    from zoo_core.workflows.remote.signature import require_signed

    from .planting import check_planting, keep_score, planted_score
    from .report import refuse_unverified, show_report

    check_planting(mutants, save)
    path = find_export(source)
    require_signed(path, **signed)
    report = verify_export(path, thorough=thorough, isolated=isolated)
    report = also_on(provider, report, path, isolated=isolated)
    score = planted_score(path, isolated) if mutants and report.outcome == "verified" else None
    show_report(report, as_json=as_json, path=path, mutants=score)
    keep_score(path, score if save else None, told=not as_json)
    refuse_unverified(report, path=path, mutants=score)
    if not as_json:
        say(f"Next: {use_of(source, words_of(source))}")
