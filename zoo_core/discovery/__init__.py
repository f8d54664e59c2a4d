"""Discovery: entry points to plugins, each loaded alone in a child process; no plugin's fault is raised.

Open `plugins.py` first: `discover`. `entry_points.py` finds what is installed, `cache.py` keeps the answers;
`cold.py` is the parent's side of a cold discovery, which believes what `record_form.py` says; `cold_child.py` is the
child's side: `offers.py` asks the hooks, `describe.py` makes plain data of the answers, `shared_state.py` sees what a
plugin changes for others, `process_facts.py` the settings among it. `telling.py` tells an event to one plugin.
"""

from __future__ import annotations

from .plugins import Plugin, discover

__all__ = ["Plugin", "discover"]
