"""What is refused before onnxruntime sees a file: somebody else's file must not harm who opens it.

Open `vet.py` first: each rule has a name and a reason. `cost.py` bounds what operators make of little, `stored.py`
looks at tensors and paths, `versions.py` asks which versions onnxruntime reads, `agreement.py` holds what the file
says of itself against its graph.
"""
