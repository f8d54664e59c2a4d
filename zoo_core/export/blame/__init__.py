"""Who is to blame: the error of each node of the file, and the first one that leaves its rounding floor.

Open `inquiry.py` first, which asks; `blame.py` answers with a node, module and line. `probe.py` runs the file with its
inner values as outputs, `traced.py` runs the traced program value by value beside it.
"""
