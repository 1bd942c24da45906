r"""What weight sharing costs: a supernet's step against a static network's, and scoring speed.

    python -m scripts.bench.supernet --data ~/.cache/evonas/digits --threads 2

Times are medians of runs that alternate between the two. On a machine that does other things as
well, only ratios mean something, and those of processor time with one thread the most:
`--threads 1 --processor-time` (of the steps; scoring is timed by the wall, in one process and in
one for each thread).
"""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import typer
from torch.profiler import ProfilerActivity, profile

from evonas.data import load_coco
from evonas.data.tensors import load_tensors
from evonas.detector import Detector, Network, anchor_boxes, detection_loss
from evonas.paths import shipped_data
from evonas.scoring.supernet import SCORING_IMAGES, SupernetScorer
from evonas.space import Architecture, load_space
from evonas.supernet import UniformSampling
from evonas.supernet.train import new_supernet
from evonas.training.loop import train
from evonas.training.memory import keep_freed_memory
from evonas.training.recipe import Recipe
from evonas.training.recipes import SUPERNET_RECIPES

BATCH = 32
Clock = Callable[[], float]


def compare_steps(space_name: str, count: int, repeats: int, clock: Clock) -> None:
    """Prints seconds and ratio of forward and backward steps for random architectures."""
    space = load_space(space_name)
    supernet = new_supernet(space_name, space.skeleton.head.class_slots, seed=0).train()
    size = space.skeleton.image_size
    images = torch.rand(BATCH, 3, size, size).contiguous(memory_format=torch.channels_last) * 2 - 1
    boxes = torch.tensor([[[4.0, 4.0, size / 2, size / 2]]]).repeat(BATCH, 1, 1)
    labels = torch.zeros(BATCH, 1, dtype=torch.int64)
    anchors = anchor_boxes(space.skeleton)

    def step(network: Network, architecture: Architecture) -> Callable[[], None]:
        def run() -> None:
            network.zero_grad(set_to_none=True)
            codes, logits = network.run(images, architecture)
            loss = detection_loss(codes, logits, anchors, boxes, labels).total
            torch.autograd.backward(loss)

        return run

    print(f"{'arch':<24} {'M MAdds':>8} {'static s':>9} {'supernet s':>10} {'ratio':>6}")
    genotypes = space.sample(count, np.random.default_rng(0))
    ratios = []
    for arch_id, genotype, cost in zip(
        space.arch_ids(genotypes), genotypes, space.costs(genotypes)["madds"], strict=True
    ):
        architecture = space.decode(genotype)
        static = Detector(architecture).to(memory_format=torch.channels_last).train()
        alone, shared = timed(
            [step(static, architecture), step(supernet, architecture)], repeats, clock
        )
        ratios.append(shared / alone)
        print(
            f"{arch_id:<24} {cost / 1e6:>8.1f} {alone:>9.4f} {shared:>10.4f} {ratios[-1]:>6.3f}",
            flush=True,
        )
    print(f"supernet / static: median {median(ratios):.3f}, largest {max(ratios):.3f}")


def timed(runs: list[Callable[[], None]], repeats: int, clock: Clock) -> list[float]:
    """Returns each one's median seconds; they take turns."""
    seconds: list[list[float]] = [[] for _ in runs]
    for turn in range(repeats + 1):
        for run, times in zip(runs, seconds, strict=True):
            began = clock()
            run()
            if turn:  # the first one warms up
                times.append(clock() - began)
    return [median(times) for times in seconds]


def profile_training(space_name: str, data: Path, steps: int) -> None:
    """Prints the share of whole training steps that convolutions take, by torch's profiler."""
    dataset = load_coco(data, "train")
    supernet = new_supernet(space_name, dataset.n_classes, seed=0)
    batch = load_tensors(dataset, supernet.space.skeleton.image_size)
    sampling = UniformSampling(supernet.space, seed=0)
    recipe = Recipe(
        steps=steps, learning_rate=SUPERNET_RECIPES["nano"].learning_rate, bfloat16=False
    )
    train(supernet, sampling, batch, recipe, seed=0)
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        train(supernet, sampling, batch, recipe, seed=0)
    events = profiler.key_averages()
    total = sum(event.self_cpu_time_total for event in events)
    print(f"share of {steps} training steps' CPU time, operators from 3 % on:")
    for event in sorted(events, key=lambda event: -event.self_cpu_time_total):
        if event.self_cpu_time_total > 0.03 * total:
            print(f"  {event.key:<50} {event.self_cpu_time_total / total:>6.1%}")
    convolutions = sum(e.self_cpu_time_total for e in events if "conv" in e.key.lower())
    print(f"convolutions, forward and backward: {convolutions / total:.1%}")


def time_scoring(space_name: str, data: Path, weights: Path, count: int) -> list[float]:
    """Returns the seconds that a supernet takes for each of some random architectures."""
    scorer = SupernetScorer(weights, data)
    genotypes = load_space(space_name).sample(count, np.random.default_rng(0))
    scorer(genotypes[:1])
    seconds = []
    for genotype in genotypes:
        began = time.perf_counter()
        scorer(genotype[None])
        seconds.append(time.perf_counter() - began)
    return seconds


def _alone(*arguments: Any) -> list[float]:
    """Times scoring in a process of its own, with one thread."""
    keep_freed_memory()
    torch.set_num_threads(1)
    return time_scoring(*arguments)


def compare_scoring(space: str, data: Path, weights: Path, count: int, cores: int) -> None:
    """Prints the architectures a second of one process with all threads, and of one a core."""
    together = [time_scoring(space, data, weights, count)]
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_alone, space, data, weights, count) for _ in range(cores)]
        apart = [job.result() for job in jobs]
    print(f"scoring on up to {SCORING_IMAGES} images, architectures a second:")
    for name, runs in ((f"one process, {cores} threads", together), (f"{cores} processes", apart)):
        middle, mean = (sum(1 / of(times) for times in runs) for of in (median, np.mean))
        print(f"  {name:<25} {middle:.2f} for the median one, {mean:.2f} on average")


def main(
    data: Annotated[Path, typer.Option(help="COCO-format folder.")],
    space: str = "nano",
    weights: Annotated[Path | None, typer.Option(help="Supernet to score by.")] = None,
    count: Annotated[int, typer.Option(help="Random architectures.")] = 20,
    repeats: Annotated[int, typer.Option(help="Timed steps of each.")] = 7,
    profiled_steps: int = 20,
    threads: int = 2,
    processor_time: Annotated[bool, typer.Option("--processor-time")] = False,
) -> None:
    """Prints step ratios, the share of convolutions and the scoring speed."""
    keep_freed_memory()
    torch.set_num_threads(threads)
    clock = time.process_time if processor_time else time.perf_counter
    print(f"{threads} threads, {clock.__name__}, batches of {BATCH}, torch {torch.__version__}")
    compare_steps(space, count, repeats, clock)
    profile_training(space, data, profiled_steps)
    weights = weights or shipped_data() / "supernets" / f"{space}.safetensors"
    compare_scoring(space, data, weights, count, threads)


if __name__ == "__main__":
    typer.run(main)
