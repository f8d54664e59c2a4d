"""Discovery: entry points to plugins, each loaded alone in a child process; no plugin's fault is raised."""

from __future__ import annotations

from .plugins import Plugin, discover

__all__ = ["Plugin", "discover"]
