"""`python -m zoo_core.training.as_safetensors FILE [PREFIX]`: the tensors of a file of weights, as .safetensors.

In a process of its own, because a file of torch.save is a pickle, even though it is read with `weights_only=True`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from zoo_core.errors import UsageError, ZooError, error_lines
from zoo_core.foreign_text import terminal_line
from zoo_core.records import counted


def main(arguments: Sequence[str]) -> int:
    """Convert, and say what was written; the exit code is that of a ZooError."""
    try:
        if len(arguments) not in {1, 2}:
            raise UsageError("as_safetensors takes FILE and perhaps PREFIX", hint="the file is written beside FILE")
        written, count = convert_file(Path(arguments[0]), prefix="".join(arguments[1:]))
    except ZooError as error:
        sys.stderr.write(f"{error_lines(error.message, error.hint)}\n")
        return error.exit_code
    sys.stdout.write(f"{terminal_line(str(written))}: {counted(count, 'tensor')}\n")
    return 0


def convert_file(path: Path, *, prefix: str = "") -> tuple[Path, int]:
    """Write the tensors whose names begin with `prefix` beside the file, without it; the new file and their number.

    Raises ZooError when the file cannot be read, holds no such tensor, or when another one is in the way.
    """
    from .checkpoint import save_tensors
    from .weight_files import read_weight_file

    target = path.with_suffix("".join(f".{part}" for part in prefix.split(".") if part) + ".safetensors")
    if target.exists():
        raise ZooError(f"{target} is there already", hint="remove it, or rename it")
    found = read_weight_file(path, option="as_safetensors")
    kept = {name.removeprefix(prefix): tensor for name, tensor in found.items() if name.startswith(prefix)}
    if not kept:
        raise ZooError(f"no tensor in {path} has a name that begins with {prefix!r}", hint="see the names in the file")
    save_tensors(target, kept, facts={})
    return target, len(kept)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
