"""Preprocessing as a graph of ONNX's own operators, from uint8 pictures of any size to the input of a model.

Open `preparation.py` first: colour, resize, crop, numbers and layout, in the order of docs/preprocessing.md.
`resizing.py` makes the two matrices of a resize from the size of the picture, `filters.py` their weights; `drawing.py`
is what nodes are made with.
"""
