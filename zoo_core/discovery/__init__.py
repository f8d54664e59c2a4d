"""Discovery: entry points to plugins, each loaded alone in a child process; no plugin's fault is raised.

Open `plugins.py` first: `discover`. `entry_points.py` finds what is installed, `cache.py` keeps the answers;
`cold.py` is the parent's side of a cold discovery, `cold_child.py` the child's, where `offers.py` asks the hooks
and `describe.py` makes plain data of the answers.
"""

from __future__ import annotations

from .plugins import Plugin, discover

__all__ = ["Plugin", "discover"]
