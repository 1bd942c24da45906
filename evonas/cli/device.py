"""`evonas device`: where latencies come from, and how far predictions can be trusted."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from evonas.cli.interrupts import keeps
from evonas.cli.options import count_option, processes_option, seed_option, space_option
from evonas.cli.output import AsJson, print_json, print_table

if TYPE_CHECKING:
    from evonas.graph.tflite import Precision
    from evonas.latency.campaigns.workflow import Networks
    from evonas.latency.predictors.fit import Kind
    from evonas.space import SearchSpace

app = typer.Typer(no_args_is_help=True)

MODELS = ("linear", "boosted", "neighbours")

DeviceName = Annotated[str, typer.Option("--device", help="Name of a device.")]
SpaceName = Annotated[str, space_option()]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Data folder to use instead of your own and the shipped one."),
]


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
    _print_figures(fitted)


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
    _print_figures(summary)


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
    _print_figures(summary)


def _write_picture(path: Path, device: str, space: "SearchSpace", data_dir: Path | None) -> None:
    from evonas.figures.devices import errors_data, errors_figure
    from evonas.files import write_atomically

    data = errors_data(device, space, data_dir)
    assert data is not None, "what was evaluated has measurements"
    figure = errors_figure(data)
    figure.update_layout(title=f"{device}, {space.name}", height=640, margin={"t": 90})
    write_atomically(path, figure.to_html(include_plotlyjs=True).encode())


@app.command("export-samples")
def export_samples(
    out: Annotated[Path, typer.Option(help="Folder.")],
    space: SpaceName = "nano",
    count: Annotated[int, count_option("Number of networks.", least=20)] = 100,
    precision: Annotated[str, typer.Option(help="Of the TFLite files: fp32 or int8.")] = "fp32",
    seed: Annotated[int, seed_option("Seed for choosing the networks.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write networks to be measured on a device of your own, and a CSV file to fill."""
    from evonas.errors import unknown_name
    from evonas.latency.campaigns.samples import export_samples as export
    from evonas.space import load_space

    if precision not in ("fp32", "int8"):
        raise unknown_name("precision", precision, ("fp32", "int8"))
    with keeps(lambda: f"{out} has some networks; the same command writes them all"):
        results = export(load_space(space), count, out, cast("Precision", precision), seed)
    if as_json:
        print_json({"space": space, "count": count, "results": str(results)})
        return
    typer.echo(
        f"{count} networks in {out}: fill {results} (or run measure_android.sh), then: "
        f"evonas device import {results} --device NAME --space {space}"
    )


@app.command("import")
def import_(
    results: Annotated[
        Path, typer.Argument(help="The filled CSV file.", exists=True, dir_okay=False)
    ],
    device: DeviceName,
    space: SpaceName = "nano",
    force: Annotated[
        bool, typer.Option("--force", help="Accept times that look wrong: outliers, no agreement.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Add a device of your own from its measurements; at least 20 networks are required."""
    from evonas.latency import import_device, list_predictors

    replaced = device in list_predictors(space, data_dir)
    found = import_device(results, device, space, data_dir, force)
    skipped = int(found.predictor.versions.get("rows_without_latency", "0"))
    if replaced:
        typer.echo(f"{device} was there in {space} already: replaced", err=True)
    if skipped:
        typer.echo(f"{skipped} rows have no latency: left out", err=True)
    if found.twins:
        twins = ", ".join(found.twins)
        typer.echo(f"{twins}: the same times under another name, not used for the fit", err=True)
    summary = {
        "device": device,
        "space": space,
        "replaced": replaced,
        "n": found.predictor.n_train,
        "rows_without_latency": skipped,
        "twins": list(found.twins),
        "nearest": found.nearest,
        "mape_scratch": found.scratch.mape,
        "mape_adapted": found.adapted.mape if found.adapted else None,
        **found.predictor.accuracy,
    }
    if as_json:
        print_json(summary)
        return
    _print_figures(summary)


@app.command()
def remove(
    device: Annotated[str, typer.Argument(help="Name of a device in your own folder.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Remove your own measurements and predictors of a device; shipped ones take their place."""
    from evonas.latency import remove_device

    files = [str(file) for file in remove_device(device, data_dir)]
    if as_json:
        print_json({"device": device, "removed": files})
        return
    for file in files:
        typer.echo(f"removed {file}")


@app.command()
def rename(
    device: Annotated[str, typer.Argument(help="Name of a device in your own folder.")],
    name: Annotated[str, typer.Argument(help="Its new name.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Give your own measurements and predictors of a device another name."""
    from evonas.latency import rename_device

    files = [str(file) for file in rename_device(device, name, data_dir)]
    if as_json:
        print_json({"device": name, "was": device, "files": files})
        return
    typer.echo(f"{device} is {name} now")


def _print_figures(summary: Mapping[str, object]) -> None:
    for name, value in summary.items():
        shown = f"{value:.4f}" if isinstance(value, float) else str(value)
        typer.echo(f"{name:<15} {shown}")


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
