"""A vetted file, put to work: from pictures or sequences on the disk to answers for people.

Open `model.py` first: `open_model(path)(files)`. `session.py` opens onnxruntime, `inputs.py` checks what goes in,
`sequences.py` reads CSV and .npy.
"""
