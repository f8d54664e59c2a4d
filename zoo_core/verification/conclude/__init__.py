"""The rules that need no torch, and the verdict they give together.

Open `recheck.py` first: `zoo verify` from the folder to the report. `structure.py`, `weights.py`, `same_decisions.py`
and `repeat.py` hold a rule or a family of them each; the export's own check uses them too.
"""
