"""Exports that prepare their pictures themselves: what `Preprocess` says becomes nodes of the file.

Open `bake.py` first, which makes one of a verified float file: `bakeable.py` says what can be, `drawn/` draws it,
`joining.py` puts it before the model, `tried_pictures.py` chooses what it is tried on, `picture_cases.py` says what
has to come out and `beside_pillow.py` whether it does. Needs torch and onnx.
"""
