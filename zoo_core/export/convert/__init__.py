"""From a PyTorch module to an ONNX file on the disk: traced once, then optimised, cleaned and saved.

Open `convert.py` first, which gives a `Converted` (`program.py`). `module.py` says what is traced; `torchscript.py` is
the other exporter; `clean.py` takes away every trace of a machine, and mends where a runtime would be less exact than
PyTorch (`small_values.py`, `split_means.py`, `centred.py`); `saving.py` writes the file.
"""
