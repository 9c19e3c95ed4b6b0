"""The bridge: checkpoint -> ONNX graphs and manifest (the artifact), checked for parity."""
