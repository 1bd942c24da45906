"""The detector in torch: network, anchors, loss, post-processing."""

from evonas.detector.anchors import anchor_boxes, box_iou, decode_boxes, encode_boxes
from evonas.detector.loss import Loss, detection_loss, match
from evonas.detector.network import ActivationCache, Detector, Network
from evonas.detector.postprocess import Detections, postprocess
from evonas.detector.protocol import FAST, PROTOCOLS, PUBLISHED, Protocol, load_protocol
from evonas.detector.unit import Unit

__all__ = [
    "FAST",
    "PROTOCOLS",
    "PUBLISHED",
    "ActivationCache",
    "Detections",
    "Detector",
    "Loss",
    "Network",
    "Protocol",
    "Unit",
    "anchor_boxes",
    "box_iou",
    "decode_boxes",
    "detection_loss",
    "encode_boxes",
    "load_protocol",
    "match",
    "postprocess",
]
