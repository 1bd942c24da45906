"""A network as a graph of operators, and TFLite and ONNX files from it. Framework-free."""
