"""A process of its own for what may crash, hang or print: it streams messages, and its parent watches the clock.

`parent` and `child` are its two sides; neither imports the other, so that a child begins with little.
"""
