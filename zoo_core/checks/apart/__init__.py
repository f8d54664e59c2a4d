"""Processes of their own for what a plugin does: it may end, hang or change the one that it runs in.

Open `own_process.py` first, which runs one function apart; `dataset_child.py` and `plugin_child.py` are such functions.
"""
