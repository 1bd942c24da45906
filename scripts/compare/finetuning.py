"""Fine-tuning on new classes against training from scratch, at equal time.

    python -m scripts.compare.finetuning --init benchmark_data/supernets/nano.safetensors

The new classes are the letters A, K and W on the backgrounds of the digits scenes: 200 training
images. Both trainings have the same recipe and steps, and so take the same time.
"""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from evonas.data.clutter import blend, paint_background
from evonas.data.glyphs import Pose, crop_to_ink, lay
from evonas.retraining import RunFolder, plan_training
from evonas.retraining.run import Machine, run_training

LETTERS = "AKW"
_SIZE = 64


def letter_mask(letter: str, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Returns a letter's opacity at random size, aspect, slant and thickness."""
    drawn = Image.new("L", (64, 64))
    ImageDraw.Draw(drawn).text((12, 4), letter, fill=255, font=ImageFont.load_default(size=44))
    glyph = crop_to_ink(np.asarray(drawn))
    height = int(rng.integers(14, 36))
    width = max(6, height * glyph.shape[1] * int(rng.integers(75, 135)) // (glyph.shape[0] * 100))
    return lay(glyph, Pose(height, width, int(rng.integers(-14, 15)), int(rng.integers(50, 100))))


def draw_letters(rng: np.random.Generator) -> tuple[Image.Image, list[tuple[int, list[int]]]]:
    """Returns a scene of one to three letters, and their labels and boxes as left, top, w, h."""
    canvas = paint_background(_SIZE, rng)
    found: list[tuple[int, list[int]]] = []
    for _ in range(int(rng.integers(1, 4))):
        label = int(rng.integers(len(LETTERS)))
        mask = letter_mask(LETTERS[label], rng)
        height, width = mask.shape
        for _ in range(20):
            top, left = (int(rng.integers(0, _SIZE - side + 1)) for side in (height, width))
            if all(
                left >= x + w or x >= left + width or top >= y + h or y >= top + height
                for _, (x, y, w, h) in found
            ):
                part = canvas[top : top + height, left : left + width]
                bright = part.mean() > 128
                colour = rng.integers(0, 60, 3) if bright else rng.integers(196, 256, 3)
                blend(part, mask, colour)
                found.append((label, [left, top, width, height]))
                break
    return Image.fromarray(canvas.clip(0, 255).astype(np.uint8)), found


def make_letters(folder: Path, train: int, val: int) -> None:
    """Writes a COCO-format folder of letters."""
    (folder / "annotations").mkdir(parents=True)
    for number, (split, count) in enumerate({"train": train, "val": val}.items()):
        (folder / split).mkdir()
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for index in range(count):
            image, found = draw_letters(np.random.default_rng((number, index)))
            name = f"{index:04d}.png"
            image.save(folder / split / name)
            images.append({"id": index, "file_name": name, "width": _SIZE, "height": _SIZE})
            annotations += [
                {"id": len(annotations) + i, "image_id": index, "category_id": label, "bbox": box}
                for i, (label, box) in enumerate(found)
            ]
        categories = [{"id": label, "name": letter} for label, letter in enumerate(LETTERS)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        file = folder / "annotations" / f"instances_{split}.json"
        file.write_text(json.dumps(content))


def main(
    init: Annotated[Path, typer.Option(help="A run, archive or supernet's weights.")],
    arch: str = "nano:1050a7700700ba1",
    steps: int = 150,
    batch_size: int = 16,
    threads: int = 0,
) -> None:
    """Prints both APs and their difference."""
    if threads:
        torch.set_num_threads(threads)
    changes = [
        f"steps={steps}", f"batch_size={batch_size}", "learning_rate=1e-3", "ema_decay=0.97",
        f"warmup_steps={steps // 10}", "validations=2",
    ]  # fmt: skip
    found = {}
    with tempfile.TemporaryDirectory() as place:
        data = Path(place) / "letters"
        make_letters(data, train=200, val=200)
        for name, start in (("fine-tuned", str(init)), ("from scratch", "scratch")):
            folder = RunFolder(Path(place) / name)
            folder.create(plan_training(arch, data, changes=changes, init=start))
            result = run_training(folder.path, Machine(report=lambda line: print("  " + line)))
            found[name] = result["val"]["map"]
            print(f"{name}: AP {found[name]:.4f} after {steps} steps, {result['seconds']:.0f} s")
    print(f"difference {found['fine-tuned'] - found['from scratch']:.4f}")


if __name__ == "__main__":
    typer.run(main)
