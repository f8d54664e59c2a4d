"""The files of an export that lies on a hub: those that its report lists, of one commit."""

from __future__ import annotations

import shutil
from pathlib import Path

from zoo_core import ZooError
from zoo_core.workflows.remote import Address, open_hub, published_files

REPORT = "report.json"
_MOST_REPORT = 64 << 20
_OWN = ".cache"
"""What `huggingface_hub` leaves in a folder that it fills."""


def fetch_from_hub(address: Address, folder: Path) -> str:
    """Write the files into a folder; the commit that they are of. Raises ZooError where there is no export, and as
    `open_hub` and `published_files`."""
    with open_hub(address) as hub:
        told = hub.model_info(address.name, revision=address.tag, files_metadata=True)
        there = {each.rfilename: each.size for each in told.siblings or []}
        if REPORT not in there:
            raise ZooError(f"{address} holds no export of the zoo: it has no {REPORT}", hint="zoo push makes one")
        if (there[REPORT] or 0) > _MOST_REPORT:
            raise ZooError(f"{address}: its {REPORT} has over {_MOST_REPORT:,} bytes")
        hub.hf_hub_download(address.name, REPORT, revision=told.sha, local_dir=folder)
        listed = published_files(folder)
        if absent := [name for name in listed if name not in there]:
            raise ZooError(f"{address} is not whole: {absent[0]} is missing")
        for name in listed:
            hub.hf_hub_download(address.name, name, revision=told.sha, local_dir=folder)
    shutil.rmtree(folder / _OWN, ignore_errors=True)
    return str(told.sha)
