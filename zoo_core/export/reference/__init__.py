"""What the file must compute, from PyTorch alone: the same weights, run in float32 and in float64.

Open `expected.py` first: its `Expected` holds rows, results and bounds. `reference.py` runs a module, `float64.py`
widens what is written for float32, `beside.py` does it in a copy of the process; `within_limits.py` is for axes that
end somewhere, `staged*.py` are for detectors.
"""
