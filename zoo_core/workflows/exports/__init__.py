"""From a run, or a model with weights, to a published export.

Open `export_source.py` first: it makes the plan that `zoo_core.export` carries out. `chosen_weights.py` finds the
weights: published ones, those of a file, or seeded fresh ones.
"""
