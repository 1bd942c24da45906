"""The way out of torch: archives to ONNX and TFLite files, checked against their source."""
