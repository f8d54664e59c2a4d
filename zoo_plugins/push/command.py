"""`zoo push`: an export into a registry or onto a hub."""

from __future__ import annotations

from typing import Any

import click

from zoo_core import UsageError
from zoo_core.commands import complete_exports, isolation_options, json_option, note, print_json, say, shell_word

EXAMPLES = """
\b
Examples:
  zoo push lenet5-digits oci://registry.example/models/lenet5:1
  zoo pull oci://registry.example/models/lenet5:1
  zoo push image/ oci://registry.example/models/lenet5-image:1    what zoo package --for modelcar has made
  zoo push lenet5-digits hf://your-name/lenet5-digits --private
"""


@click.command("push", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT|IMAGE", shell_complete=complete_exports)
@click.argument("address", metavar="ADDRESS")
@click.option("--replace", is_flag=True, help="Where another content has the address already, take its place.")
@click.option("--private", is_flag=True, help="A new repository on a hub is seen by its owner alone.")
@isolation_options
@json_option
def command(source: str, address: str, replace: bool, private: bool, isolated: Any, as_json: bool) -> None:
    """Put an export into a registry (oci://HOST/NAME:TAG) or onto a hub (hf://OWNER/NAME), once its files are those of
    its report and its self-test has passed here.

    A registry keeps it as an artifact with a layer for each file; equal exports have equal digests. IMAGE is the folder
    of an OCI image layout, such as zoo package makes for KServe, and is put there as it is. Needs `zoo-core[registry]`,
    or `zoo-core[hub]`; logins are those of docker, and of `hf auth login`. HF_ENDPOINT names another hub. Without :TAG
    it is the one called latest.

    What has the address already is not replaced, unless it is asked for. --json prints {"address", "digest", "files"};
    "digest" is a commit on a hub.
    """
    from zoo_core.workflows.remote import read_address

    from .content import content_of
    from .to_hub import push_to_hub
    from .to_registry import push_to_registry

    place = read_address(address)
    if private and place.kind != "hf":
        raise UsageError("--private is for a hub; who sees what lies in a registry, the registry says")
    content = content_of(source, place, isolated=isolated)
    if content.left_out:
        note(f"Not sent, because the report of the export does not list it: {', '.join(content.left_out[:5])}")
    if place.kind == "hf":
        sent = push_to_hub(content, place, replace=replace, private=private)
    else:
        sent = push_to_registry(content, place, replace=replace)
    if as_json:
        print_json({"address": sent.address, "digest": sent.digest, "files": content.files})
        return
    say(f"{sent.address}: {'is there already' if sent.was_there else 'pushed'}, {sent.digest}")
    if content.is_export:
        say(f"Next: zoo pull {shell_word(sent.address)}")
