"""Latencies of networks on devices: sources, measurements, predictors. Torch-free."""

from evonas.graph.tflite import write_tflite
from evonas.latency.campaigns.imports import FaultyRowsError, check_results
from evonas.latency.campaigns.prefixes import measure_prefixes
from evonas.latency.campaigns.workflow import (
    add_device,
    device_summaries,
    evaluate_device,
    fit_device,
    import_device,
    measure_device,
    measure_network,
    unseen_networks,
)
from evonas.latency.devices import Device, list_devices, load_device, own_npus
from evonas.latency.own import add_npu, own_devices, own_files, remove_device, rename_device
from evonas.latency.predictors.fit import evaluate, fit_predictor, held_out
from evonas.latency.predictors.metrics import Accuracy, accuracy
from evonas.latency.predictors.predictor import (
    LatencyPredictor,
    list_predictors,
    load_predictor,
    save_predictor,
)
from evonas.latency.store import Measurements, load_measurements, measurements_path

__all__ = [
    "Accuracy",
    "Device",
    "FaultyRowsError",
    "LatencyPredictor",
    "Measurements",
    "accuracy",
    "add_device",
    "add_npu",
    "check_results",
    "device_summaries",
    "evaluate",
    "evaluate_device",
    "fit_device",
    "fit_predictor",
    "held_out",
    "import_device",
    "list_devices",
    "list_predictors",
    "load_device",
    "load_measurements",
    "load_predictor",
    "measure_device",
    "measure_network",
    "measure_prefixes",
    "measurements_path",
    "own_devices",
    "own_files",
    "own_npus",
    "remove_device",
    "rename_device",
    "save_predictor",
    "unseen_networks",
    "write_tflite",
]
