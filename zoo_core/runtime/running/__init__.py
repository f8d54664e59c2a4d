"""A vetted file, put to work: from pictures or numbers on the disk to answers for people.

Open `model.py` first: `open_model(path)(files)`. `predictions.py` goes from inputs to answers: `sources.py` says what
can be given, `numbers.py` reads CSV and .npy, `arrangement.py` says which samples they are. `session.py` opens
onnxruntime, `inputs.py` checks what goes in.
"""
