"""The rules of conformance, one function each: its docstring is the promise, its body tries to break it.

Open `model_rules.py` first; each file is about one thing: plugins, models (as declared, as computed, as trained, as
exported), datasets, trainers. What a rule is stands in `zoo_core.checks.rule`, which rules are applied to what in
`zoo_core.checks.runner`.
"""
