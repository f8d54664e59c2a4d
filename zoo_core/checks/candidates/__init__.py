"""What rules are tried on: a plugin, a dataset, a model or a trainer, opened once for all rules.

Open `candidates.py` first; `model_candidate.py` and `trainer_candidate.py` need torch.
"""
