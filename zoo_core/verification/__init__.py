"""The parts of the check that need no torch, for the export and for who gets the file.

`feed/` is what the file is fed with, `subject/` runs it in a child process, `expect/` says what is right, `conclude/`
has the rules and `zoo verify`. `mutants/` plants faults, and counts which of them are seen.
"""
