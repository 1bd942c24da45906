"""The stages of a find: which existing commands each runs, and what there is when it is done."""

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from evonas.data import list_splits
from evonas.errors import ConfigurationError, EvonasError
from evonas.find.question import is_asked
from evonas.find.spec import FindPlan, FindSpec, read_plan
from evonas.retraining import RunFolder
from evonas.search.finalists import OVER_BUDGET, TOO_LARGE

# Networks of a space of one's own that a device is asked about, where it can be.
_MEASURED = 60


@dataclass(frozen=True, slots=True)
class Call:
    """A call of `evonas`.

    Attributes:
        arguments: Of the command line.
        output: File that takes its standard output; None for the log.
    """

    arguments: tuple[str, ...]
    output: Path | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage.

    Attributes:
        name: In one word.
        title: What it does.
        is_done: Whether what it makes is there.
        calls: What it runs; asked when the stages before are done.
    """

    name: str
    title: str
    is_done: Callable[[], bool]
    calls: Callable[[], Sequence[Call]]


def stages(spec: FindSpec, out: Path) -> list[Stage]:
    """Returns the stages in their order."""
    files = _Files(spec, out)
    return [
        Stage("check", "check the data", files.checked.exists, files.check),
        Stage("data", "cut the data as it is trained on", files.has_data, files.make_data),
        Stage("space", "make the search space", files.has_space, files.make_space),
        Stage("latency", "ask the device about networks", files.has_latency, files.ask_device),
        Stage("cost", "measure what this machine needs", files.plan.exists, files.measure_cost),
        Stage("supernet", "train the supernet", files.supernet.exists, files.train_supernet),
        Stage("search", "search the space", files.found.exists, files.search),
        Stage("training", "train the best networks", files.are_trained, files.train),
        Stage("files", "write the files", files.exported.exists, files.export),
        Stage("evaluation", "measure AP", files.is_evaluated, files.evaluate),
    ]


def read_front(out: Path) -> list[dict[str, str]]:
    """Returns the rows of the search's front."""
    with (out / "search" / "front.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def places(spec: FindSpec, out: Path) -> tuple[str, Path]:
    """Returns the space, by name or file, and the data that is trained on."""
    files = _Files(spec, out)
    return files.space, files.data


def trained_runs(spec: FindSpec, out: Path) -> list[Path]:
    """Returns the folders of the trained networks, the best by the search first."""
    return _Files(spec, out).run_folders()


def chosen_run(spec: FindSpec, out: Path) -> Path:
    """Returns the folder of the trained network with the best AP on the validation split.

    Raises:
        EvonasError: One is not done, or damaged.
    """
    folders = trained_runs(spec, out)
    scores = [RunFolder(folder).read_metrics()["val"]["map"] or 0.0 for folder in folders]
    return folders[scores.index(max(scores))]


def evaluations(spec: FindSpec, out: Path) -> dict[str, Path]:
    """Returns the files with AP of the chosen network, by the exported file that they are of."""
    return {name: out / f"val-{name}.json" for name in ("detector.safetensors", _INT8)}


_INT8 = "detector-int8.tflite"


class _Files:
    """The folder: what lies where, and the commands that put it there."""

    def __init__(self, spec: FindSpec, out: Path) -> None:
        self.spec, self.out = spec, out
        self.checked = out / "check.json"
        self.plan = out / "plan.json"
        self.supernet = out / "supernet.safetensors"
        self.found = out / "search" / "run.json"
        self.exported = out / "files" / "card.json"
        self.evaluated = evaluations(spec, out)

    # --- what is there ------------------------------------------------------------------------

    @property
    def data(self) -> Path:
        """What is trained on."""
        return self.out / "data" if self._is_cut() else self.spec.data

    @property
    def space(self) -> str:
        return self.spec.space or str(self.out / "space.yaml")

    def has_data(self) -> bool:
        return self.data.exists()

    def has_space(self) -> bool:
        return bool(self.spec.space) or Path(self.space).exists()

    def has_latency(self) -> bool:
        """Whether the device has a predictor that can be had, for this space."""
        from evonas.latency import list_predictors
        from evonas.space import load_space

        if not self.has_space():
            return False
        if not is_asked(self.spec.device):
            return True
        return self.spec.device in list_predictors(load_space(self.space))

    def are_trained(self) -> bool:
        return self.found.exists() and all(
            RunFolder(folder).metrics.exists() for folder in self.run_folders()
        )

    def is_evaluated(self) -> bool:
        return all(path.exists() for path in self.evaluated.values())

    def run_folders(self) -> list[Path]:
        return [self.out / "trained" / str(i + 1) for i in range(len(self.finalists()))]

    def finalists(self) -> list[str]:
        """Returns the most accurate networks of the front that are within budget, measured.

        Raises:
            ConfigurationError: There are none.
        """
        marks = (OVER_BUDGET, TOO_LARGE)
        within = [
            row
            for row in read_front(self.out)
            if not any(float(row.get(mark) or 0) for mark in marks)
        ]
        if not within:
            wanted = " and ".join(self.spec.conditions()) or "no condition"
            raise ConfigurationError(
                f"{self.out / 'search'}: no network meets {wanted} and fits the device; ask for "
                "less, or give the search another space with --space"
            )
        within.sort(key=lambda row: -float(row["map"]))
        return [row["arch_id"] for row in within[: self.spec.trained]]

    # --- the commands -------------------------------------------------------------------------

    def check(self) -> list[Call]:
        return [_call("data", "check", self.spec.data, "--json", output=self.checked)]

    def make_data(self) -> list[Call]:
        if self.spec.tile:
            return [
                _call(
                    "data", "tile", self.spec.data, f"--size={self.spec.image_size}",
                    f"--scale={self.spec.image_size / self.spec.tile!r}", f"--out={self.data}",
                )
            ]  # fmt: skip
        return [_call("data", "split", self.spec.data, "--split=val=0.2", f"--out={self.data}")]

    def make_space(self) -> list[Call]:
        return [
            _call(
                "space", "make", "--from=nano", f"--image-size={self.spec.image_size}",
                f"--taps={_TAPS}", f"--data={self.data}", f"--name={self._space_name()}",
                f"--out={self.space}",
            )
        ]  # fmt: skip

    def ask_device(self) -> list[Call]:
        device = ("--device", self.spec.device, "--space", self.space)
        return [
            _call("device", "measure", *device, f"--count={_MEASURED}"),
            _call("device", "fit", *device),
        ]

    def measure_cost(self) -> list[Call]:
        return [_call("find", "--out", self.out, "--plan")]

    def train_supernet(self) -> list[Call]:
        plan = self._plan()
        return [
            _call(
                "supernet", "train", f"--space={self.space}", f"--data={self.data}",
                f"--out={self.supernet}", f"--recipe={self.spec.supernet_recipe}",
                *_changes((*self.spec.supernet_changes, *plan.changes), plan.supernet_steps),
                f"--seed={self.spec.seed}",
            )
        ]  # fmt: skip

    def search(self) -> list[Call]:
        plan = self._plan()
        return [
            _call(
                "search", f"--space={self.space}", f"--objectives=map,{self.spec.latency}",
                *(f"--where={text}" for text in self.spec.conditions()),
                f"--weights={self.supernet}", f"--data={self.data}",
                f"--population={plan.population}", f"--generations={plan.generations}",
                f"--seed={self.spec.seed}", f"--table={self.out / 'table'}",
                f"--out={self.out / 'search'}",
            )
        ]  # fmt: skip

    def train(self) -> list[Call]:
        plan, calls = self._plan(), []
        for arch_id, folder in zip(self.finalists(), self.run_folders(), strict=True):
            run = RunFolder(folder)
            if run.metrics.exists():
                continue
            if run.config.exists():
                calls.append(_call("train", "--resume", f"--out={folder}"))
                continue
            calls.append(
                _call(
                    "train", arch_id, f"--space={self.space}", f"--data={self.data}",
                    f"--recipe={self.spec.recipe}",
                    *_changes((*self.spec.training_changes, *plan.changes), plan.training_steps),
                    f"--init={self.supernet}", f"--seed={self.spec.seed}", f"--out={folder}",
                )
            )  # fmt: skip
        return calls

    def export(self) -> list[Call]:
        run = chosen_run(self.spec, self.out)
        return [_call("export", run, f"--data={self.data}", f"--out={self.exported.parent}")]

    def evaluate(self) -> list[Call]:
        split = "test" if "test" in list_splits(self.spec.data) else "val"
        data = self.spec.data if self.spec.tile or split == "test" else self.data
        tiles = (f"--tile={self.spec.tile}",) if self.spec.tile else ()
        return [
            _call(
                "val", self.exported.parent / name, f"--data={data}", f"--split={split}", *tiles,
                f"--seed={self.spec.seed}", "--json", output=path,
            )
            for name, path in self.evaluated.items()
            if not path.exists()
        ]  # fmt: skip

    def _plan(self) -> FindPlan:
        return read_plan(self.out)

    def _is_cut(self) -> bool:
        try:
            return bool(self.spec.tile) or "val" not in list_splits(self.spec.data)
        except EvonasError:
            return False

    def _space_name(self) -> str:
        """Returns a name for the space that no other has."""
        from evonas.space import list_spaces

        stem = re.sub("[^a-z0-9]+", "-", f"find-{self.out.resolve().name}".lower()).strip("-")[:40]
        taken = set(list_spaces())
        names = (stem if i == 1 else f"{stem}-{i}" for i in count(1))
        return next(name for name in names if name not in taken)


# Maps of a stride of 8 and 16, and an extra level of 32.
_TAPS = "3,4"


def _changes(changes: Sequence[str], steps: int) -> list[str]:
    """Returns the options that change a recipe and set its steps."""
    warmup = min(100, steps // 10)
    return [f"--set={change}" for change in (*changes, f"steps={steps}", f"warmup_steps={warmup}")]


def _call(*arguments: object, output: Path | None = None) -> Call:
    return Call(tuple(map(str, arguments)), output)
