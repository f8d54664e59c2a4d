"""Exports that prepare their pictures themselves: what `Preprocess` says becomes nodes of the file.

Open `bake.py` first, which makes one of a verified float file: `bakeable.py` says what can be, `graph/` draws it,
`joining.py` puts it before the model, `pictures.py` chooses what it is tried on, `expected.py` says what has to come
out and `agreement.py` whether it does. Needs torch and onnx.
"""
