"""Runs the stages, one command after the other, and keeps how far it is."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evonas.durations import show_seconds
from evonas.errors import EvonasError
from evonas.files import remove_partial_files, write_atomically
from evonas.find.progress import Progress, read_progress, write_progress
from evonas.find.question import check_question
from evonas.find.report import write_report
from evonas.find.spec import LOCK, FindSpec, check_out_folder, claim_folder, read_plan
from evonas.find.stages import Call, Stage, stages
from evonas.locks import locked


class FindError(EvonasError):
    """A stage that failed; it ends as its command did."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who is told.

    Attributes:
        stage: Told each stage's sentence.
        line: Told each line that a command says.
    """

    stage: Callable[[str], None] = lambda _: None
    line: Callable[[str], None] = lambda _: None


def run_find(spec: FindSpec, out: Path, watcher: Watcher | None = None) -> Path:
    """Runs what is not done yet and writes the report.

    Args:
        spec: What is asked for.
        out: The folder.
        watcher: Told how far it is.

    Returns:
        The report.

    Raises:
        ConfigurationError: A question that makes no sense, or a folder with something else.
        DataError: No data set is there.
        FindError: A stage failed; the same call tries again from there.
        KeyboardInterrupt: Interrupted; the same call resumes.
    """
    watcher = watcher or Watcher()
    check_question(spec)
    check_out_folder(out, spec)
    if not out.exists():
        claim_folder(out, spec)
    with locked(out / LOCK) as ours:
        if not ours:
            raise FindError(f"{out}: another process is at it")
        claim_folder(out, spec)
        remove_partial_files(out)
        _Run(spec, out, watcher).run()
    return write_report(spec, out)


class _Run:
    def __init__(self, spec: FindSpec, out: Path, watcher: Watcher) -> None:
        self.spec, self.out, self.watcher = spec, out, watcher
        self.stages = stages(spec, out)
        self.took = read_progress(out).took

    def run(self) -> None:
        for number, stage in enumerate(self.stages, 1):
            if stage.is_done():
                continue
            self.watcher.stage(self._sentence(number, stage))
            began, before = time.monotonic(), self.took.get(stage.name, 0.0)
            self._keep("running", stage.name)
            try:
                for call in stage.calls():
                    self._call(stage, call)
            except BaseException:
                self.took[stage.name] = before + time.monotonic() - began
                self._keep("stopped", stage.name)
                raise
            self.took[stage.name] = before + time.monotonic() - began
            if not stage.is_done():
                raise FindError(f"{stage.title}: the command ended, but what it makes is not there")
        self._keep("done", "")

    def _sentence(self, number: int, stage: Stage) -> str:
        text = f"stage {number} of {len(self.stages)}: {stage.title}"
        if not (self.out / "plan.json").exists():
            return text
        seconds = read_plan(self.out).seconds
        names = [s.name for s in self.stages[number - 1 :] if not s.is_done()]
        left = sum(max(seconds.get(n, 0.0) - self.took.get(n, 0.0), 0.0) for n in names)
        return f"{text}; about {show_seconds(left)} left in all" if left else text

    def _call(self, stage: Stage, call: Call) -> None:
        """Runs a command; what it says goes to the log and to the watcher.

        Raises:
            FindError: It failed.
        """
        log = self.out / "logs" / f"{stage.name}.txt"
        log.parent.mkdir(exist_ok=True)
        self._remember(call)
        wanted = subprocess.PIPE if call.output else subprocess.STDOUT
        command = [sys.executable, "-m", "evonas", *call.arguments]
        last = ""
        with (
            log.open("a") as file,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=wanted if call.output else subprocess.PIPE,
                stderr=subprocess.STDOUT if not call.output else file,
                text=True,
                errors="replace",
            ) as process,
        ):
            assert process.stdout is not None
            kept: list[str] = []
            try:
                for line in process.stdout:
                    if call.output:
                        kept.append(line)
                        continue
                    file.write(line)
                    file.flush()
                    last = line.strip() or last
                    if not line.startswith("error: "):  # told once, by what is raised
                        self.watcher.line(line.rstrip())
                code = process.wait()
            except KeyboardInterrupt:
                process.wait()  # it got the signal too, and saves
                raise
        if code < 0 or code == 130:
            raise KeyboardInterrupt
        if code:
            reason = (last if not call.output else _last_line(log)).removeprefix("error: ")
            raise FindError(f"{stage.title}: {reason or f'exit code {code}'} (log: {log})", code)
        if call.output:
            write_atomically(call.output, "".join(kept).encode())

    def _remember(self, call: Call) -> None:
        """Keeps the command for the report, once."""
        import shlex

        path = self.out / "commands.txt"
        known = path.read_text().splitlines() if path.exists() else []
        line = shlex.join(["evonas", *call.arguments])
        if line not in known:
            write_atomically(path, "".join(f"{text}\n" for text in [*known, line]).encode())

    def _keep(self, state: str, stage: str) -> None:
        write_progress(self.out, Progress(state, stage, self.took))


def _last_line(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "")
