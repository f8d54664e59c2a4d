"""`zoo package`: an export, laid out as a server wants to find it."""

from __future__ import annotations

from typing import Any

import click

from zoo_core.commands import complete_exports, isolation_options, json_option, print_json, say

from .options import package_options

EXAMPLES = """
\b
Examples:
  zoo package lenet5-digits --for triton --to repository/    repository/lenet5-digits/, with config.pbtxt
  zoo package better --for triton --to repository/ --name lenet5-digits --version 2    beside version 1
  tritonserver --model-repository=repository
  zoo package lenet5-digits --for mlserver --to models/      models/lenet5-digits/, with model-settings.json
  mlserver start models
  zoo package lenet5-digits --for kserve --storage oci://registry.example/models/lenet5:1 --to kserve/
  zoo package lenet5-digits --for docker --port 8080 --to container/
  docker build --tag lenet5-digits container/
  zoo package lenet5-digits --for modelcar --to image/       a container image with the files in /models
  zoo push image/ oci://registry.example/models/lenet5:1
"""


@click.command("package", epilog=EXAMPLES)
@click.argument("export", metavar="EXPORT", shell_complete=complete_exports)
@package_options
@isolation_options
@json_option
def command(export: str, asked: Any, isolated: Any, as_json: bool) -> None:
    """Lay an export out as a server wants to find it, once the self-test that it carries has passed here.

    \b
    triton     a model of a Triton model repository: config.pbtxt with inputs, outputs, labels, batching where
               rows are proved independent, the session settings of zoo bench --tune, and a row of the self-test
               to warm up with
    kserve     an InferenceService that has Triton serve what lies at --storage, and what is to be put there: a
               Triton repository, and for oci:// an image that holds it
    mlserver   a model of MLServer: model-settings.json for the zoo's own runtime, which tests the file before it
               is ready; the server needs `zoo-core[mlserver]`
    docker     a Dockerfile for a container with the zoo and this export, packages as they are here, not run by
               root, whose health check is the self-test
    modelcar   an OCI image layout that holds the export in /models, as KServe's Modelcars want it; equal exports
               give equal images

    Nothing is written over, and what fails leaves nothing behind; another --version of a Triton model is put beside
    those that are there, where all but the weights is the same.
    """
    from .targets import packaged

    made = packaged(export, asked, isolated=isolated)
    if as_json:
        print_json({"for": asked.target, "path": str(made.path), "name": made.name, "files": made.files})
        return
    say(f"{made.path}: {made.name} for {asked.target}", *(f"  {name}" for name in made.files), "")
    say(f"Next: {made.then}")
