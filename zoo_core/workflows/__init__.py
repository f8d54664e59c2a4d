"""What commands do when they join several parts of the zoo: plain functions, data in and data out.

`catalogue/` is `zoo list` and `zoo info`, `trainings/` is `zoo train`, `exports/` is `zoo export`, `answers/` are
`zoo eval` and `zoo predict`. Open `quickstart.py` first, which does all of them once.
"""
