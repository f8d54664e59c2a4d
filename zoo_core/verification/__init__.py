"""The parts of the check that need no torch, for the export and for who gets the file.

Open `conclude/recheck.py` first, which is `zoo verify`. `feed/` is what the file is fed with, `subject/` runs it in a
child process, `expect/` says what is right, `conclude/` has the rules. `mutants/` plants faults, and counts which of
them are seen.
"""
