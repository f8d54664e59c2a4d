"""From `zoo train` to a finished run.

Open `train.py` first, then `train_plan.py` (what is decided before data are read) and `one_training.py` (build, fit,
measure, write). `resuming.py` finds the run to go on with; `remarks.py` says what nothing fails of.
"""
