"""The subject of the check: the saved file, run by a child process that cannot fall back on PyTorch.

Open `subject.py` first, the parent's side; `subject_child.py` is the child, and `speed.py` compares
two files.
"""
