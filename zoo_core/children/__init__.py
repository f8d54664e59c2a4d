"""A process of its own for what may crash, hang or print: it streams messages, and its parent watches the clock.

Open `parent.py` first. `child.py` is the other side; neither imports the other, so that a child begins with little.
`watch.py` ends a process that needs too much memory or time, whatever it speaks with its parent.
"""
