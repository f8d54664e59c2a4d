"""`zoo doctor`: this machine, and a model stage by stage as far as it gets.

Open `doctor.py` first; `machine.py` looks at Python, packages, folders and plugins.
"""
