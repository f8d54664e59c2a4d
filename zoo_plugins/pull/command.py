"""`zoo pull`: an export from a registry or a hub."""

from __future__ import annotations

from pathlib import Path

import click

from zoo_core.commands import FilePath, counted, json_option, print_json, say, shell_word

EXAMPLES = """
\b
Examples:
  zoo pull oci://registry.example/models/lenet5:1            into exported/lenet5
  zoo verify lenet5
  zoo pull hf://your-name/lenet5-digits --to models/digits
  zoo pull oci://registry.example/models/lenet5@sha256:...   this content, and no other
"""


@click.command("pull", epilog=EXAMPLES)
@click.argument("address", metavar="ADDRESS")
@click.option("--to", type=FilePath(), metavar="DIR", help="The new folder. Default: exported/NAME.")
@json_option
def command(address: str, to: Path | None, as_json: bool) -> None:
    """Fetch an export from a registry (oci://HOST/NAME:TAG) or a hub (hf://OWNER/NAME, hf://OWNER/NAME@REVISION).
    Without :TAG it is the one called latest, and without a revision the newest.

    Every file is held against its sha256 in the report that comes with it, and what comes from a registry against its
    digest. Who made the report, this cannot say; an address with @sha256:... or with a commit does not change what it
    means. Nothing is run: zoo verify does that, in a process with limits.

    Nothing is written over, and what fails leaves nothing behind. Needs `zoo-core[registry]`, or `zoo-core[hub]`.
    --json prints {"address", "path", "digest", "files"}; "digest" is a commit for a hub.
    """
    from zoo_core.workflows.remote import read_address

    from .fetched import fetch

    place = read_address(address)
    fetched = fetch(place, to)
    if as_json:
        print_json({"address": str(place), "path": str(fetched.path), "digest": fetched.digest, "files": fetched.files})
        return
    say(
        f"{fetched.path}: {counted(len(fetched.files), 'file')} of {place}, {fetched.digest}",
        "Each has the sha256 of its report.",
    )
    say(f"Next: zoo verify {shell_word(fetched.typed)}")
