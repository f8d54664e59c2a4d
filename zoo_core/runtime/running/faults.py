"""What is wrong with a file that runs, or with what it is fed."""

from __future__ import annotations

from zoo_core.errors import ZooError


class WrongExportError(ZooError):
    """An exported file whose outputs are not what it says of them: no input is to blame, and none will do better."""


class WrongSizeError(ZooError):
    """An input whose height, width or length the model does not take; cut, resized or padded it would do."""
