"""From a PyTorch module to an ONNX file on the disk: traced once, then optimised, cleaned and saved.

Open `convert.py` first, which gives a `Converted` (`program.py`). `module.py` says what is traced; `torchscript.py` is
the other exporter; `clean.py` takes away every trace of a machine; `saving.py` writes the file.
"""
