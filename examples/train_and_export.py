"""Train a detector and export it, in small: ten steps on forty generated scenes, so AP is nil."""

from pathlib import Path

from evonas.data import load_coco, make_digits
from evonas.detector.archive import load_archive
from evonas.export.produce import calibration_images, export_detector
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.run import run_training

DATA, RUN = Path("digits"), Path("run")
make_digits(DATA, train=30, val=10)  # or any COCO-format folder of yours

request = plan_training("nano:0173a00230027c0", DATA, "nano", ["steps=10", "batch_size=8"])
RunFolder(RUN).create(request)
result = run_training(RUN)
print("AP", result["val"]["map"])

archive = load_archive(RUN / "best.safetensors")
images = calibration_images(load_coco(DATA, "train"), archive.image_size, 8)
for file in export_detector(archive, RUN / "files", ["archive", "tflite", "tflite-int8"], images):
    print(file.file, f"{file.size:,} bytes", file.notes)
