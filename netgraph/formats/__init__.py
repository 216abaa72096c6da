"""Reading and writing files: the native format, torch, ONNX, Wolfram text and .wlnet."""
