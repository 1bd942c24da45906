"""`evonas device`: where latencies come from, and how far predictions can be trusted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from evonas.cli import own_device
from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, processes_option, seed_option
from evonas.cli.output import AsJson, print_json, print_table
from evonas.cli.own_device import DataDir, DeviceName, SpaceName, print_figures

if TYPE_CHECKING:
    from evonas.latency.campaigns.workflow import Networks
    from evonas.latency.predictors.fit import Kind
    from evonas.space import SearchSpace

app = typer.Typer(no_args_is_help=True)

MODELS = ("linear", "boosted", "neighbours")


@app.command("list")
def list_(space: SpaceName = "nano", data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the devices: source, precision, the error of their predictors, and where they lie."""
    from evonas.latency import device_summaries
    from evonas.paths import own_data

    summaries = device_summaries(space, data_dir)
    if as_json:
        print_json({"space": space, "devices": summaries})
        return
    rows = []
    for device in summaries:
        figures = device["accuracy"]
        trust = [
            f"{figures['r2']:.3f}" if figures else "-",
            f"{figures['within_5']:.0%}" if figures else "-",
        ]
        known = "all spaces" if device["kind"] == "across" else "shipped" if figures else "-"
        own = "your own" if device["predicts"] else "not fitted"
        lies = own if device["own"] else known
        rows.append([device["name"], device["source"], device["precision"], *trust, lies])
    headings = ["device", "source", "precision", "R2", "within 5 %", "predictor"]
    print_table(headings, rows, f"space {space}")
    for device in summaries:
        typer.echo(f"{device['name']}: {device['description']}")
    typer.echo(f"your own lie in {own_data('latency', data_dir)}")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name for the device.")],
    npu: Annotated[str, typer.Option(help="ethos-u55-32 to ethos-u85-2048.")],
    system_config: Annotated[
        str, typer.Option(help="Name of a section [System_Config.NAME] of the file.")
    ],
    memory_mode: Annotated[
        str, typer.Option(help="Name of a section [Memory_Mode.NAME] of the file.")
    ],
    vela_config: Annotated[
        Path | None, typer.Option(help="Configuration file of Vela; default: the one Arm ships.")
    ] = None,
    sram_limit: Annotated[
        int | None,
        count_option("Bytes of SRAM for a network; default: the memory mode's.", most=2**40),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add an Ethos-U NPU of your own, for `device measure`, `device fit` and `search`."""
    from evonas.latency import add_npu
    from evonas.latency.npu import MAX_CONFIG_BYTES
    from evonas.latency.sources.ethos import arm_config
    from evonas.limits import read_text

    text = read_text(vela_config, MAX_CONFIG_BYTES) if vela_config else arm_config()
    where = str(vela_config) if vela_config else "Arm's vela.ini"
    device = add_npu(name, npu, text, where, system_config, memory_mode, sram_limit, data_dir)
    assert device.npu is not None
    if as_json:
        print_json(
            {
                "device": name,
                "npu": npu,
                "system_config": system_config,
                "memory_mode": memory_mode,
                "clock_hz": device.npu.clock_hz,
                "sram_bytes": device.npu.cache_bytes if device.npu.limited else None,
                "vela_config": device.npu.fingerprint,
            }
        )
        return
    typer.echo(f"{name}: {device.description}")
    typer.echo(
        f"next: evonas device measure --device {name} --space SPACE --count 200 "
        "--prefixes 3000 --fit"
    )


@app.command()
def measure(
    device: DeviceName,
    space: SpaceName = "nano",
    count: Annotated[
        int, count_option("Networks to measure, those measured before included.")
    ] = 1000,
    seed: Annotated[int, seed_option("Seed of the campaign.")] = 0,
    core: Annotated[
        int | None, processes_option("CPU core to run on (measured sources).", least=0)
    ] = None,
    workers: Annotated[int, processes_option("Processes (compiler sources).")] = 1,
    ray: Annotated[
        str, typer.Option(help="Ray cluster (compiler sources): auto, HOST:PORT or local.")
    ] = "",
    front: Annotated[
        Path | None,
        typer.Option(
            help="front.csv of a search, whose networks are measured too.",
            exists=True,
            dir_okay=False,
        ),
    ] = None,
    prefixes: Annotated[
        int,
        count_option("Networks cut short to compile besides, for --model neighbours.", 0, 10**6),
    ] = 0,
    then_fit: Annotated[
        bool, typer.Option("--fit", help="Fit a predictor to all of them afterwards.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Measure networks on a device; a campaign that was stopped resumes."""
    from evonas.errors import ConfigurationError
    from evonas.latency import measure_device
    from evonas.latency.store import own_measurements_path
    from evonas.space import load_space
    from evonas.table.text import read_text

    if front and front.suffix != ".csv":
        raise ConfigurationError(f"--front {front}: the front.csv of a search is expected")
    found = read_text(front)[0] if front else ()
    cut = _measure_prefixes(device, space, prefixes, seed, workers, data_dir) if prefixes else 0
    path = own_measurements_path(device, load_space(space), data_dir)
    kept = f"networks measured so far are in {path}; the same command resumes"
    with keeps(lambda: kept), _progress_bar(f"{device} {space}") as advance:
        result = measure_device(
            device, space, count, seed, data_dir, core, advance, workers, found, ray
        )
    misfits = int(result.misfits.sum())
    summary: dict[str, object] = {
        "device": device,
        "space": space,
        "n": len(result),
        "rejected": len(result) - misfits - len(result.trusted()),
        "too_large": misfits,
        "prefixes": cut,
        "versions": dict(result.versions),
    }
    if cut and not as_json:
        typer.echo(f"{cut} networks cut short compiled")
    if not as_json:
        typer.echo(f"{len(result)} networks measured, {summary['rejected']} of them rejected")
    if misfits and not as_json:
        needed = result.columns["sram_peak_bytes"][result.misfits]
        typer.echo(
            f"{misfits} of them do not fit into {result.versions['sram_limit']} bytes of SRAM: "
            f"they need {needed.min():,.0f} to {needed.max():,.0f} and have no latency"
        )
    fitted = _fitted(device, space, None, data_dir) if then_fit else {}
    if as_json:
        print_json(summary | fitted)
        return
    print_figures(fitted)


def _measure_prefixes(
    device: str, space: str, count: int, seed: int, workers: int, data_dir: Path | None
) -> int:
    """Compiles networks cut short and returns how many are known."""
    from evonas.latency import measure_prefixes
    from evonas.latency.store import own_prefixes_path
    from evonas.space import load_space

    path = own_prefixes_path(device, load_space(space), data_dir)
    kept = f"networks compiled so far are in {path}; the same command resumes"
    with keeps(lambda: kept), _progress_bar(f"{device} {space}, cut short") as advance:
        return len(measure_prefixes(device, space, count, seed, data_dir, advance, workers))


@app.command()
def fit(
    device: DeviceName,
    space: SpaceName = "nano",
    model: Annotated[
        str | None,
        typer.Option(
            help="linear, boosted or neighbours; default: the best one on held-out networks."
        ),
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Fit a predictor to a device's measurements and save it."""
    from evonas.errors import unknown_name

    if model not in (None, *MODELS):
        raise unknown_name("model", model, MODELS)
    summary = _fitted(device, space, cast("Kind | None", model), data_dir)
    if as_json:
        print_json(summary)
        return
    print_figures(summary)


def _fitted(
    device: str, space: str, model: "Kind | None", data_dir: Path | None
) -> dict[str, object]:
    """Fits a predictor and returns what is to be told of it."""
    from evonas.latency import fit_device
    from evonas.latency.memory_limit import load_memory_limit

    predictor = fit_device(device, space, data_dir, model)
    limit = load_memory_limit(device, predictor.space, data_dir)
    fits = {"fits": limit.share, "fits_said_right": limit.right} if limit else {}
    return {
        "device": device,
        "space": space,
        "kind": predictor.model.kind,
        "n_train": predictor.n_train,
        "checksum": predictor.checksum,
        "margin": predictor.margin() if predictor.interval else None,
        **predictor.accuracy,
        **fits,
    }


@app.command()
def evaluate(
    device: DeviceName,
    space: SpaceName = "nano",
    on: Annotated[
        str, typer.Option(help="random (held out of the fit) or front (measured with --front).")
    ] = "random",
    picture: Annotated[
        Path | None, typer.Option(help="HTML file: predicted against measured.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Report a predictor's errors on measured networks that it was not fitted to."""
    from evonas.errors import unknown_name
    from evonas.latency import evaluate as compare
    from evonas.latency import unseen_networks

    if on not in ("random", "front"):
        raise unknown_name("choice of networks", on, ("random", "front"))
    predictor, test = unseen_networks(device, space, data_dir, cast("Networks", on))
    summary = {"device": device, "space": space, **compare(predictor, test).as_dict()}
    predicted = predictor.predict(test.genotypes)
    summary["outside_range"] = int(predictor.outside(predicted).sum())
    if predictor.interval:
        summary["margin"] = predictor.margin()
        summary["over_margin"] = float((test.latency_ms > predictor.upper(test.genotypes)).mean())
    if picture:
        _write_picture(picture, device, predictor.space, data_dir)
    if as_json:
        print_json(summary)
        return
    print_figures(summary)


def _write_picture(path: Path, device: str, space: "SearchSpace", data_dir: Path | None) -> None:
    from evonas.figures.devices import errors_data, errors_figure
    from evonas.files import write_atomically

    data = errors_data(device, space, data_dir)
    assert data is not None, "what was evaluated has measurements"
    figure = errors_figure(data)
    figure.update_layout(title=f"{device}, {space.name}", height=640, margin={"t": 90})
    write_atomically(path, figure.to_html(include_plotlyjs=True).encode())


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Shows done, total and time left on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeLeft())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title)
        yield lambda done, total: progress.update(task, completed=done, total=total)


# Devices of one's own, in a file of their own.
app.command("export-samples")(own_device.export_samples)
app.command("import")(own_device.import_)
app.command()(own_device.remove)
app.command()(own_device.rename)
