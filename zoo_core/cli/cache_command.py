"""`zoo cache`."""

from __future__ import annotations

import click

from zoo_core.commands.common import json_option, print_json, say
from zoo_core.records import counted

EXAMPLES = """
\b
Examples:
  zoo cache
  zoo cache --clean              removes what trainings have prepared; a training that needs it prepares it anew
  ZOO_CACHE=DIR zoo cache        another place than the user's cache folder
"""


@click.command("cache", epilog=EXAMPLES)
@click.option("--clean", is_flag=True, help="Remove all of it.")
@json_option
def command(clean: bool, as_json: bool) -> None:
    """Show how much trainings keep on the disk of samples that they have prepared (`-t feed=stored`), or remove it.

    It is kept by content and recipe, so that it is never out of date, and shared by all runs.
    """
    from zoo_core.prepared_files import prepared_extent, remove_prepared

    found = remove_prepared() if clean else prepared_extent()
    if as_json:
        print_json({**found.to_json(), "removed": clean})
        return
    what = f"{counted(found.files, 'file')}, {found.bytes / 1e6:,.1f} MB of prepared samples, in {found.folder}"
    say(f"Removed: {what}" if clean else what[0].upper() + what[1:])
    if found.files and not clean:
        say("Next: zoo cache --clean removes them")
