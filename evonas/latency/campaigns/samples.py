"""A user's own device, the way out: networks to be measured there and a CSV file to fill."""

import csv
import io
from pathlib import Path

from evonas.errors import ConfigurationError
from evonas.files import write_atomically
from evonas.graph.onnx import write_onnx
from evonas.graph.tflite import Precision, write_tflite
from evonas.latency.campaigns.campaign import campaign_genotypes
from evonas.space import SearchSpace

COLUMNS = ("arch_id", "file", "latency", "unit")
# Runs on the device, without evonas; it travels with the networks.
BENCH = Path(__file__).with_name("bench_device.py")

_SCRIPT = """#!/bin/sh
# Measures the networks of this folder on an Android device over adb and fills results.csv.
# Needs adb and TensorFlow Lite's benchmark_model for the device's architecture:
#   ./measure_android.sh path/to/benchmark_model [further options, such as --use_gpu=true]
set -eu
tool=$1
shift
folder=/data/local/tmp/evonas
adb shell mkdir -p $folder
adb push "$tool" $folder/benchmark_model >/dev/null
adb shell chmod +x $folder/benchmark_model
echo "arch_id,file,latency,unit" > results.filled.csv
tail -n +2 results.csv | tr -d '\\r' | while IFS=, read -r arch_id file rest; do
    adb push "tflite/$file.tflite" $folder/network.tflite >/dev/null
    # "Inference (avg): 1234.5" is in microseconds
    us=$(adb shell $folder/benchmark_model --graph=$folder/network.tflite --num_threads=1 \\
        --warmup_runs=5 --num_runs=50 "$@" < /dev/null 2>&1 |
        sed -n 's/.*Inference (avg): \\([0-9.e+]*\\).*/\\1/p' | tail -n 1)
    echo "$arch_id,$file,$us,us" >> results.filled.csv
    echo "$arch_id $us us"
done
mv results.filled.csv results.csv
"""


def export_samples(
    space: SearchSpace, count: int, out: Path, precision: Precision = "fp32", seed: int = 0
) -> Path:
    """Writes networks as TFLite and ONNX files, `results.csv` to fill, and what fills it.

    `bench_device.py` does so where there is Python, `measure_android.sh` on a phone over adb.

    Args:
        space: The space.
        count: Number of networks; half are random, half spread over the costs.
        out: Folder.
        precision: Of the TFLite files; ONNX is always fp32.
        seed: Seed for choosing the networks.

    Returns:
        The CSV file.

    Raises:
        MissingPackageError: LiteRT or onnx is not installed.
        DataError: The folder cannot be written.
        ConfigurationError: Its `results.csv` has measurements in it.
    """
    results = out / "results.csv"
    _check_not_filled(results)
    genotypes, _ = campaign_genotypes(space, count, seed)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for genotype, arch_id in zip(genotypes, space.arch_ids(genotypes), strict=True):
        architecture, name = space.decode(genotype), arch_id.partition(":")[2]
        write_atomically(out / "tflite" / f"{name}.tflite", write_tflite(architecture, precision))
        write_atomically(out / "onnx" / f"{name}.onnx", write_onnx(architecture))
        rows.writerow([arch_id, name, "", "ms"])
    for name, content in (
        ("measure_android.sh", _SCRIPT.encode()),
        (BENCH.name, BENCH.read_bytes()),
    ):
        write_atomically(out / name, content)
        (out / name).chmod(0o755)
    write_atomically(results, text.getvalue().encode())
    return results


def _check_not_filled(results: Path) -> None:
    """Refuses to write over measurements, which may have taken days."""
    if not results.exists():
        return
    try:
        rows = list(csv.DictReader(io.StringIO(results.read_text(encoding="utf-8"))))
        filled = sum(bool((row.get("latency") or "").strip()) for row in rows)
    except (OSError, ValueError, csv.Error):
        filled = 1  # no file of ours: not to be written over either
    if filled:
        raise ConfigurationError(
            f"{results}: has {filled} measured networks; import or move it, or name another folder"
        )
