"""Open, vet and run an exported file: numpy, onnxruntime and Pillow only."""
