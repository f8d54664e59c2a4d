"""What is to be exported, decided before anything is converted: the model with its weights, sizes, samples and options.

Open `plan.py` first: an `ExportPlan` is all that the other rooms are given. `cut.py` plans the export of one layer,
which `layer.py` finds; `healthy.py`, with `statistics.py`, changes fresh weights so that faults show.
"""
