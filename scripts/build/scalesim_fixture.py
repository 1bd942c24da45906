"""Makes tests/latency/scalesim.csv: cycles that SCALE-Sim itself counts for some layers.

SCALE-Sim 3.0.0 does not run on numpy 2.4, so it gets an environment of its own, in which this
script needs nothing else:

    python -m venv /tmp/scale && /tmp/scale/bin/pip install scalesim==3.0.0 "numpy<2"
    /tmp/scale/bin/python -m scripts.build.scalesim_fixture tests/latency/scalesim.csv

One group of a depthwise convolution is a layer of one channel and one filter; the closed form
takes as many of them as there are channels.
"""

import contextlib
import csv
import io
import sys
import tempfile
from pathlib import Path

# array rows and columns, side of the padded input, kernel, channels in and out, stride
LAYERS = (
    (8, 8, 10, 3, 4, 16, 1),
    (16, 16, 12, 3, 16, 40, 1),
    (16, 8, 14, 1, 48, 24, 1),
    (32, 32, 11, 5, 8, 32, 2),
    (64, 64, 10, 1, 96, 160, 1),
    (64, 64, 12, 3, 24, 72, 1),
    (64, 64, 12, 3, 1, 1, 1),
    (64, 64, 13, 5, 1, 1, 2),
)
CONFIG = """[general]
run_name = fixture
[architecture_presets]
ArrayHeight: {rows}
ArrayWidth: {columns}
IfmapSramSzkB: 8192
FilterSramSzkB: 8192
OfmapSramSzkB: 8192
IfmapOffset: 0
FilterOffset: 10000000
OfmapOffset: 20000000
Dataflow: ws
Bandwidth: 10
ReadRequestBuffer: 32
WriteRequestBuffer: 32
[layout]
IfmapCustomLayout: False
FilterCustomLayout: False
IfmapSRAMBankBandwidth: 10
IfmapSRAMBankNum: 10
IfmapSRAMBankPort: 2
FilterSRAMBankBandwidth: 10
FilterSRAMBankNum: 10
FilterSRAMBankPort: 2
[sparsity]
SparsitySupport: false
SparseRep: ellpack_block
OptimizedMapping: false
BlockSize: 8
RandomNumberGeneratorSeed: 40
[run_presets]
InterfaceBandwidth: CALC
UseRamulatorTrace: False
"""


def main() -> None:
    """Runs the layers and writes the file."""
    with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow("rows columns size kernel c_in c_out stride cycles".split())
        for layer in LAYERS:
            rows.writerow([*layer, cycles(*layer)])


def cycles(rows: int, columns: int, size: int, kernel: int, *rest: int) -> int:
    """Returns SCALE-Sim's compute cycles, without stalls, of one convolution without padding."""
    from scalesim.scale_sim import scalesim

    c_in, c_out, stride = rest
    with tempfile.TemporaryDirectory() as folder:
        config, topology = Path(folder, "a.cfg"), Path(folder, "t.csv")
        config.write_text(CONFIG.format(rows=rows, columns=columns))
        header = "name,ih,iw,fh,fw,channels,filters,stride,sparsity,"
        topology.write_text(
            f"{header}\nlayer,{size},{size},{kernel},{kernel},{c_in},{c_out},{stride},1:1,\n"
        )
        layout = Path(folder, "l.csv")
        layout.write_text("name," + ",".join(f"c{i}" for i in range(20)) + ",\nlayer,")
        with layout.open("a") as file:
            file.write(",".join(["1"] * 20) + ",\n")
        with contextlib.redirect_stdout(io.StringIO()):
            tool = scalesim(
                save_disk_space=True,
                verbose=False,
                config=str(config),
                topology=str(topology),
                layout=str(layout),
                input_type_gemm=False,
            )
            tool.run_scale(top_path=folder)
        (report,) = Path(folder).rglob("COMPUTE_REPORT.csv")
        with report.open() as lines:
            row = next(csv.DictReader(lines, skipinitialspace=True))
    total, stalls = row["Total Cycles"], row["Stall Cycles"]
    return int(float(total) - float(stalls))


if __name__ == "__main__":
    main()
