"""Architecture's files for devices: of its trainings here, or with a supernet's weights."""

import streamlit as st

from app.shared.downloads import device_files
from app.shared.exports import ExportTask
from app.shared.settings import RUNS, find_data
from app.shared.trainings import finished_trainings, run_names
from evonas.paths import find_data as find_shipped
from evonas.space import Design, whole_space

_SUPERNET = "supernet"


def device_downloads(design: Design) -> None:
    """Draws where weights are from, and the files with their checks."""
    st.subheader("Files for a device")
    tasks, words = export_tasks(design)
    if not tasks:
        st.info("A file needs weights: train this network, or import published ones.")
        if design.arch_id is not None:
            st.page_link(
                "training/page.py", label="Train it", query_params={"arch": design.arch_id}
            )
        return
    chosen = st.selectbox(
        "Weights",
        list(tasks),
        key="weights",
        bind="query-params",
        format_func=lambda name: words[name],
        help="A supernet's weights are shared: good for latency and memory on a device, not for "
        "its accuracy. Train the network for that.",
    )
    name = (design.arch_id or design.name).replace(":", "-")
    device_files(tasks[chosen], f"{name}-{chosen.replace(':', '-')}")


def export_tasks(design: Design) -> tuple[dict[str, ExportTask], dict[str, str]]:
    """Returns by name what can be exported, trainings first, and what each is called."""
    tasks: dict[str, ExportTask] = {}
    runs = {job.id: job.run for job, of, _ in finished_trainings() if of.name == design.name}
    for key, run in runs.items():
        data = run.request().data
        tasks[key] = ExportTask(
            str(run.path), run.exports, data if data.is_dir() else None, run.best
        )
    words = {key: f"trained here: {name}" for key, name in run_names(runs).items()}
    if design.space is None or design.arch_id is None:
        return tasks, words
    supernet = find_shipped(f"supernets/{whole_space(design.space.name)}.safetensors")
    for data_name, folder in find_data().items() if supernet.is_file() else ():
        key = f"{_SUPERNET}:{data_name}"
        out = RUNS / "exports" / f"{design.arch_id.replace(':', '-')}-{data_name}"
        tasks[key] = ExportTask(design.arch_id, out, folder)
        words[key] = f"the shipped supernet's, batch norm and int8 ranges on {data_name}"
    return tasks, words
