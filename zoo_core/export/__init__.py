"""Export to ONNX, the heart of the zoo: plan -> convert -> reference -> check -> blame -> publish.

Each room uses only those before it. Open `bundle.py` first, which walks the road once and writes the report;
`attempts.py` walks from convert to blame again where a file fails: optimised, not optimised, by the other exporter.
Needs torch and onnx; what can be checked without them is in `zoo_core.verification`.
"""
