"""The site on loopback: its files and nothing else."""

from __future__ import annotations

from pathlib import Path

from zoo_core.commands import FileContent, LoopbackServer, serve_on_loopback


def open_site(folder: Path, *, port: int = 0) -> LoopbackServer:
    """A server for the files below `folder`; port 0 takes a free one. Raises ZooError when the port is taken."""
    root = folder.resolve()

    def file_at(path: str) -> FileContent | None:
        parts = f"{path}index.html".split("/") if path.endswith("/") else path.split("/")
        if "\0" in path or any(part in {"", ".", ".."} for part in parts[1:]):
            return None
        return FileContent(root.joinpath(*parts[1:]), within=root)

    return serve_on_loopback(file_at, port=port, headers={"Cache-Control": "no-cache"})
