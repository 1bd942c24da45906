"""`evonas demo`: the whole chain on shipped weights and predictors."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from evonas.cli.options import seed_option

_OBJECTIVES = ("map", "latency:cpu-xnnpack", "latency:ethos-u55-256")


def demo(
    out: Annotated[Path, typer.Option(help="Folder of table, front and picture.")] = Path(
        "runs/demo"
    ),
    data: Annotated[
        Path | None, typer.Option(help="Folder of the digits scenes; created if missing.")
    ] = None,
    seed: Annotated[int, seed_option("The same seed finds the same front.")] = 0,
) -> None:
    """Search `nano` for detectors that are accurate and fast on a CPU and an NPU.

    The shipped supernet scores every architecture live, on digits scenes; run again, it takes
    all scores from its table.
    """
    from evonas.cli.searching import SearchOptions, print_front, run
    from evonas.paths import cache_dir
    from evonas.search import make_spec

    scenes = data or cache_dir() / "digits"
    _make_scenes(scenes)
    typer.echo(
        "searching the space 'nano' with NSGA-II: COCO AP on digits scenes, latency predicted "
        "for cpu-xnnpack (measured on an x86 core) and ethos-u55-256 (Arm's compiler Vela)",
        err=True,
    )
    options = SearchOptions(
        make_spec("nano", _OBJECTIVES, seed=seed),
        table=out / "table",
        out=out,
        data=scenes,
    )
    result, sources = run(options)
    print_front(result, sources)
    rows = result.rows()
    picture = f", its picture in {out}/front.html" if (out / "front.html").exists() else ""
    typer.echo(
        f"""
The front is in {out}/front.csv{picture}.
What to do next:
  look at one network     evonas arch show {rows[0]["arch_id"]}
  query the table         evonas table front {options.table} --objectives map,latency:ethos-u55-256
  search on, with a bound evonas search --space nano --data {scenes} --table {options.table} \\
                            --objectives map,latency:cpu-xnnpack --where "madds <= 2e7"
  explore it in a browser evonas app {options.table}
  search your own data    evonas supernet train --help"""
    )


def _make_scenes(folder: Path) -> None:
    from evonas.data import make_digits

    if folder.exists():
        return
    with typer.progressbar(
        length=5000, label=f"drawing digits scenes into {folder}", file=sys.stderr
    ) as bar:
        make_digits(folder, on_image=lambda done, _: bar.update(done - bar.pos))
