"""`zoo sign`: who says that an export is theirs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from zoo_core.commands import (
    FilePath,
    complete_exports,
    find_export,
    isolation_options,
    json_option,
    print_json,
    say,
    shell_word,
)

EXAMPLES = """
\b
Examples:
  zoo sign lenet5-digits --key key.pem                     writes exported/lenet5-digits.sig
  zoo verify lenet5-digits --key key.pub
  ZOO_SIGN_PASSWORD=... zoo sign model.onnx --key key.pem
"""


@click.command("sign", epilog=EXAMPLES)
@click.argument("export", metavar="EXPORT", shell_complete=complete_exports)
@click.option("--key", type=FilePath(), required=True, metavar="FILE", help="Your private key, PEM.")
@click.option("--to", type=FilePath(), metavar="FILE", help="The signature. Default: beside the export, NAME.sig.")
@isolation_options
@json_option
def command(export: str, key: Path, to: Path | None, isolated: Any, as_json: bool) -> None:
    """Sign all files of an export, once they are those of its report and its self-test has passed here.

    Whoever has the public key sees with zoo verify --key that the files are those, and that its owner has signed them.
    The signature has the format of the OpenSSF's model-signing, whose own program reads it, too. Nothing is sent
    anywhere. Needs `zoo-core[sign]`, and a key of an elliptic curve:

    \b
      openssl ecparam -name prime256v1 -genkey -noout -out key.pem
      openssl ec -in key.pem -pubout -out key.pub

    ZOO_SIGN_PASSWORD holds the password of a key that has one. --json prints {"export", "signature"}.
    """
    from zoo_core.runtime import open_model
    from zoo_core.workflows.answers import require_self_test
    from zoo_core.workflows.remote import check_published_files, sign_export, signature_of

    path = find_export(export)
    if path.is_dir():
        own = f"move it out of {path} if it is yours: a signature is of all files there; else fetch the export again"
        check_published_files(path, no_other=True, of_another=own)
    with open_model(path, isolated=isolated) as model:
        require_self_test(model, otherwise=f"{export} is not signed")
    signature = signature_of(path) if to is None else to
    sign_export(path, key=key, to=signature, password=os.environ.get("ZOO_SIGN_PASSWORD"))
    if as_json:
        print_json({"export": str(path), "signature": str(signature)})
        return
    say(f"{signature}: the signature of {path}")
    where = "" if to is None else f" --signature {shell_word(str(to))}"
    say(f"Next: zoo verify {shell_word(export)} --key PUBLIC.pem{where}")
