"""Published weights in: TensorFlow 1 checkpoints and TFLite files as archives of detectors."""

from evonas.weights.published import import_weights

__all__ = ["import_weights"]
