"""A training run: from its folder's request to the folder's results."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evonas.data import CocoDataset, list_splits, load_coco, refuse_unlearnable
from evonas.data.tensors import CocoImages, DetectionBatch, fits_in_memory, load_tensors
from evonas.detector import FAST, Detector, load_protocol
from evonas.detector.archive import Archive, Card, load_archive, save_archive
from evonas.durations import show_rate, show_seconds
from evonas.errors import ConfigurationError
from evonas.files import read_json, remove_partial_files, write_json
from evonas.json_values import without_nan
from evonas.locks import locked
from evonas.retraining.environment import check_classes, check_environment
from evonas.retraining.events import EventFiles
from evonas.retraining.examples import write_examples
from evonas.retraining.folder import RunFolder
from evonas.retraining.initial import initial_card, initial_detector
from evonas.retraining.request import Retraining
from evonas.retraining.result import check_table, has_result, keep_result
from evonas.space import Architecture
from evonas.training.anchor_fit import fit_anchors
from evonas.training.batch_size_probe import largest_batch
from evonas.training.checkpoint import checkpoint_steps
from evonas.training.confusion import confusion_matrix
from evonas.training.evaluation import evaluate_detections
from evonas.training.evaluator import Evaluator, figures, per_class, precision_recall
from evonas.training.loop import Progress, TrainingError, train
from evonas.training.memory import is_out_of_memory
from evonas.training.processes import ALONE, Processes
from evonas.training.validation import as_input

_CALIBRATION_PIXELS = 512 * 64**2  # of the images that set batch norm statistics
_LEAST_CALIBRATION = 32  # images


@dataclass(frozen=True, slots=True)
class Machine:
    """What a run uses of the machine that it is on.

    Attributes:
        device: Where the network runs.
        workers: Processes that decode images, for data that does not fit into memory.
        processes: Those that train together.
        report: Told each line of the log.
        interrupted: Asked after each step; when true, the state is saved and the run stops.
    """

    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    workers: int = 0
    processes: Processes = ALONE
    report: Callable[[str], None] = lambda _: None
    interrupted: Callable[[], bool] = lambda: False


def run_training(
    path: Path, machine: Machine | None = None, request: Retraining | None = None
) -> dict[str, Any]:
    """Runs what a folder's configuration asks for, or goes on with it; see `RunFolder.create`.

    Args:
        path: The run's folder.
        machine: Where and how to run; one process on the CPU by default.
        request: What the folder was created with; by default it is read from the folder.

    Returns:
        The metrics, as in `metrics.json`.

    Raises:
        EvonasError: Whatever is wrong with the request, the data or the folder.
        KeyboardInterrupt: Interrupted, after saving.
    """
    folder, machine = RunFolder(path), machine or Machine()
    request = request or folder.request()
    if folder.metrics.exists():
        result = folder.read_metrics()
        if machine.processes.rank == 0 and not has_result(request):
            environment = read_json(folder.environment, "the environment of a run")
            keep_result(request, environment, result)
        return result
    if machine.processes.rank > 0:
        return _Run(folder, request, machine).run()
    with locked(folder.lock) as ours:
        if not ours:
            raise ConfigurationError(f"{path}: another process is running it")
        remove_partial_files(path)
        return _Run(folder, request, machine).run()


class _Run:
    """One process's part in a run."""

    def __init__(self, folder: RunFolder, request: Retraining, machine: Machine) -> None:
        self.folder, self.request, self.machine = folder, request, machine
        self.leads = machine.processes.rank == 0
        train_set = load_coco(request.data, "train")
        refuse_unlearnable(train_set)
        self.classes = train_set.class_names
        val_set = load_coco(request.data, "val")
        check_classes(val_set, self.classes)
        self.environment = check_environment(folder, request, machine.processes)
        check_table(request, self.environment)
        self.initial = initial_card(request.init)
        self.architecture = self._architecture(train_set)
        self.protocol = load_protocol(request.recipe.protocol)
        trained_for = self.initial.resizing if self.initial else "antialiased"
        self.resizing = request.recipe.resizing or trained_for
        size = self.architecture.skeleton.image_size
        count = max(_LEAST_CALIBRATION, _CALIBRATION_PIXELS // size**2)
        self.calibration = load_tensors(train_set.first(count), size, self.resizing)
        load = load_tensors if fits_in_memory(len(train_set), size) else CocoImages
        self.data: DetectionBatch | CocoImages = load(train_set, size, self.resizing)
        self.evaluator = self._evaluator(val_set)
        self.rows: list[dict[str, Any]] = []
        self.began = time.monotonic()

    def run(self) -> dict[str, Any]:
        request, machine = self.request, self.machine
        detector = initial_detector(
            request.design,
            self.architecture,
            self.classes,
            request.init,
            request.seed,
            self.calibration,
            request.recipe.initialisation == "published",
        ).to(machine.device)
        steps = self._take_up()
        self.events = EventFiles(self.folder.events, steps, wanted=self.leads)
        with self.events:
            self._train_if_not_over(detector)
        return self._finish()

    def _train_if_not_over(self, detector: Detector) -> None:
        if not self._is_over() and not self._has_room_to_train(detector):
            raise self._too_large()

    def _train(self, detector: Detector) -> None:
        recipe = self.request.recipe
        train(
            detector,
            lambda _: detector.architecture,
            self.data,
            recipe,
            self.request.seed,
            self.folder.checkpoint,
            report=self._report,
            report_steps=max(1, min(50, recipe.steps // 20)),
            validate=self._validate,
            interrupted=self.machine.interrupted,
            workers=self.machine.workers,
            processes=self.machine.processes,
        )

    def _has_room_to_train(self, detector: Detector) -> bool:
        """Trains; returns False, with all that it took given back, when memory runs out."""
        try:
            self._train(detector)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            return False
        return True

    def _too_large(self) -> TrainingError:
        count, batch = self.machine.processes.count, self.request.recipe.batch_size
        name, device = self.request.architecture, self.machine.device
        fits = count * largest_batch(name, len(self.classes), device, batch // count)
        advice = f"{fits} fit: --set batch_size={fits}" if fits else "not even one fits"
        return TrainingError(f"out of memory with a batch of {batch} images; {advice}")

    def _take_up(self) -> int:
        """Drops what came after the checkpoint; returns its step."""
        steps = checkpoint_steps(self.folder.checkpoint)
        if self.leads:
            self.rows = self.folder.keep_curves(steps)
        self.rows = self.machine.processes.from_first(self.rows)
        self.began = time.monotonic() - (self.rows[-1]["seconds"] if self.rows else 0.0)
        verb = f"resumes after step {steps}" if steps else "starts"
        self._say(
            f"{self.request.architecture}: {verb}, recipe {self.request.recipe_name}, "
            f"{len(self.data)} training and {len(self.evaluator.dataset)} validation images"
        )
        return steps

    def _report(self, progress: Progress) -> None:
        row = {
            "step": progress.step,
            "seconds": self._seconds(),
            "loss": progress.loss,
            "learning_rate": self.request.recipe.learning_rate_at(progress.step - 1),
            "images_per_second": round(progress.images_per_second, 2),
        }
        self._record(row)
        self._say(
            f"step {progress.step}/{progress.steps}  loss {progress.loss:.3f}  "
            f"{self._best_text()}  {show_rate(progress.images_per_second)} images/s  "
            f"left {show_seconds(progress.seconds_left)}"
        )

    def _validate(self, step: int, weights: dict[str, Tensor]) -> bool:
        detector = self._averaged(weights)
        metrics = self.evaluator(detector)
        ap = None if metrics.ap != metrics.ap else metrics.ap  # no image has a box
        better = not self._validations() or (ap or 0.0) > (self._best()["map"] or 0.0)
        if better and self.leads:
            card = self._card(step, metrics.ap, metrics.ap50)
            save_archive(self.folder.best, Archive(detector, card))
        self._record(
            {
                "step": step,
                "seconds": self._seconds(),
                "map": ap,
                "map50": metrics.ap50,
                "coco": figures(metrics),
                "best": better,
            }
        )
        self._say(f"step {step}  validation AP {metrics.ap:.4f}  AP50 {metrics.ap50:.4f}")
        return self._is_over()

    def _averaged(self, weights: dict[str, Tensor]) -> Detector:
        recipe = self.request.recipe
        detector = Detector(self.architecture).to(self.machine.device)
        detector.load_state_dict(weights)
        detector = detector.to(memory_format=torch.channels_last)
        if recipe.ema_decay and not recipe.freeze_norm:
            # The averaged weights never ran; their batch norm statistics are taken anew.
            detector.calibrate(as_input(self.calibration.images.to(self.machine.device)))
        return detector

    def _architecture(self, train_set: CocoDataset) -> Architecture:
        """The network with the data's classes and, where not the space's, other anchors."""
        request = self.request
        architecture = request.design.architecture.with_classes(len(self.classes))
        if request.recipe.fit_anchors:
            return architecture.with_anchors(fit_anchors(train_set, architecture.skeleton))
        if request.recipe.anchors:
            return request.recipe.with_anchors(architecture)
        anchors = self.initial.anchors if self.initial else None
        return architecture if anchors is None else architecture.with_anchors(anchors)

    def _card(self, step: int, ap: float, ap50: float) -> Card:
        made = {
            "source": "trained",
            "recipe": self.request.recipe_name,
            "init": self.request.init,
            "seed": self.request.seed,
            "step": step,
            **self.environment,
        }
        metrics = {"map": ap, "map50": ap50}
        of = f"val of {self.request.data.name}, fingerprint {self.environment['data']}"
        anchors = self.architecture.skeleton.head.anchors
        own = self.request.design.architecture.skeleton.head.anchors
        return Card(
            self.request.architecture,
            self.classes,
            detection=self.protocol if self.protocol.candidates else FAST,
            protocol=self.protocol,
            resizing=self.resizing,
            metrics=metrics,
            metrics_of=of,
            anchors=anchors if anchors != own else None,
            made=made,
        )

    # --- what the curves say ----------------------------------------------------------------

    def _validations(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if "map" in row]

    def _best(self) -> dict[str, Any]:
        return max(self._validations(), key=lambda row: row["map"] or 0.0)

    def _best_text(self) -> str:
        best = self._best()["map"] if self._validations() else None
        return "AP -" if best is None else f"AP {best:.4f}"

    def _is_over(self) -> bool:
        """Whether training has ended early: no better AP for too many validations."""
        patience, rows = self.request.recipe.patience, self._validations()
        return bool(patience and rows and len(rows) - 1 - rows.index(self._best()) >= patience)

    # --- the end ----------------------------------------------------------------------------

    def _finish(self) -> dict[str, Any]:
        archive = load_archive(self.folder.best, self.request.design)
        detector = archive.detector.to(self.machine.device).folded()
        result: dict[str, Any] = {
            "architecture": self.request.architecture,
            "best_step": self._best()["step"],
            "steps": self.rows[-1]["step"],
            "seconds": self.rows[-1]["seconds"],
            "protocol": self.protocol.as_dict(),
            "resizing": self.resizing,
        }
        curves: dict[str, Any] = {}
        confusion: dict[str, Any] = {"classes": [*self.classes, ""]}
        for split in ("val", "test"):
            if split in list_splits(self.request.data):
                evaluator = self._evaluator_of(split)
                detections = evaluator.detect(detector)
                metrics = evaluate_detections(evaluator.ground_truth, detections)
                result[split] = {
                    "map": metrics.ap,
                    "map50": metrics.ap50,
                    "coco": figures(metrics),
                    "per_class": per_class(metrics, self.classes),
                }
                curves[split] = precision_recall(metrics, self.classes)
                confusion[split] = confusion_matrix(evaluator.ground_truth, detections).tolist()
                if split == "val" and self.leads:
                    write_examples(self.folder, evaluator.dataset, detections)
                self._say(f"{split}: AP {metrics.ap:.4f}  AP50 {metrics.ap50:.4f}")
        if self.leads:
            write_json(self.folder.card, asdict(archive.card))
            write_json(self.folder.curves_by_class, curves)
            write_json(self.folder.confusion, confusion)
            write_json(self.folder.metrics, result)
            keep_result(self.request, self.environment, result)
        return dict(without_nan(result))

    def _evaluator_of(self, split: str) -> Evaluator:
        if split == "val":
            return self.evaluator
        dataset = load_coco(self.request.data, split)
        check_classes(dataset, self.classes)
        return self._evaluator(dataset)

    def _evaluator(self, dataset: CocoDataset) -> Evaluator:
        machine = self.machine
        return Evaluator(
            dataset,
            self.architecture.skeleton.image_size,
            machine.device,
            machine.workers,
            machine.processes,
            self.protocol,
            self.resizing,
        )

    # --- records, by the first process only -------------------------------------------------

    def _record(self, row: dict[str, Any]) -> None:
        self.rows.append(row)
        self.events.add(row)
        if self.leads:
            self.folder.add_to_curves(row)

    def _say(self, line: str) -> None:
        if self.leads:
            self.folder.add_to_log(f"{time.strftime('%Y-%m-%d %H:%M:%S')}  {line}")
            self.machine.report(line)

    def _seconds(self) -> float:
        return round(time.monotonic() - self.began, 2)
