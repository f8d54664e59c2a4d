"""An ONNX file as data, read without the onnx package: every length is distrusted, tensors stay on the disk.

Open `wire.py` first: `read_onnx` gives an `OnnxFile`. Below it `protobuf.py` and `varints.py` (the wire format),
`graph_wire.py` and `graph.py` (nodes), `tensors.py` and `outside.py` (weights); `metadata.py` is what the file says.
"""
