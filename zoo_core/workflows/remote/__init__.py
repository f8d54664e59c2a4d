"""Exports on other machines: what an address means, what a registry says, and whether the files are those published.

Open `address.py` first. `oci_registry.py` speaks to a registry of the Open Container Initiative, `manifest.py` reads
what it has, `hub.py` speaks to a hub; `report_files.py` holds the files of an export against its report,
`signature.py` against who signed them, and `signing_faults.py` says what is wrong there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.lazy import lazy_names

if TYPE_CHECKING:
    from .address import Address, read_address
    from .hub import open_hub
    from .manifest import Descriptor, Manifest, read_manifest, write_manifest
    from .oci_registry import Registry
    from .report_files import check_published_files, checked_names, published_files
    from .signature import check_signature, sign_export, signature_of

__all__ = [
    "Address",
    "Descriptor",
    "Manifest",
    "Registry",
    "check_published_files",
    "check_signature",
    "checked_names",
    "open_hub",
    "published_files",
    "read_address",
    "read_manifest",
    "sign_export",
    "signature_of",
    "write_manifest",
]

__getattr__, __dir__ = lazy_names(
    __name__,
    {
        ".address": ("Address", "read_address"),
        ".hub": ("open_hub",),
        ".manifest": ("Descriptor", "Manifest", "read_manifest", "write_manifest"),
        ".report_files": ("check_published_files", "checked_names", "published_files"),
        ".oci_registry": ("Registry",),
        ".signature": ("check_signature", "sign_export", "signature_of"),
    },
)
