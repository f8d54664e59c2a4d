"""What a run or an export answers: metrics on a dataset, and predictions for files.

Open `predictor.py` first: a run or an export, opened alike. `prepared.py` makes a dataset fit it, `evaluate.py`
measures; `predict.py`, `predicted.py` and `shown.py` are `zoo predict`.
"""
