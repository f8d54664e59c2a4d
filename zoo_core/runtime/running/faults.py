"""What is wrong with a file that runs."""

from __future__ import annotations

from zoo_core.errors import ZooError


class WrongExportError(ZooError):
    """An exported file whose outputs are not what it says of them: no input is to blame, and none will do better."""
