"""Trying a model in the visitor's browser: JavaScript that is copied into the site, and where its runtime comes from.

The folder is plain JavaScript modules; `assets.py` is all of its Python. `reader/` are copies of `examples/javascript`.
"""
