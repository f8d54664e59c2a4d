"""The verdict: each rule holds the saved file against what is expected of it.

Open `check.py` first: one function a rule, joined in `check_file`. `file_check.py` has the rules about what the file
holds, before it is run; `row_check.py` those about its results, row by row; `staged_check.py` those for a model in
stages. The rules that need no torch are in
`zoo_core.verification`, where the bounds are computed too.
"""
