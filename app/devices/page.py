"""Devices: what each stands for, and how far its predicted latencies are to be trusted."""

import streamlit as st

from app.devices.import_form import import_form, take_up_import
from app.devices.own_device import own_device
from app.shared.frame import linked_choice, metrics, picture, run_page
from app.shared.settings import as_text, read_only
from evonas.figures.devices import DeviceErrors, errors_data, errors_figure, ops_figure
from evonas.latency import device_summaries, list_devices, list_predictors, own_npus
from evonas.latency.memory_limit import load_memory_limit
from evonas.space import list_spaces, load_space


def page() -> None:
    """Draws the page."""
    st.title("Devices")
    spaces = list_spaces()
    first, second = st.columns(2)
    space = first.selectbox(
        "Space", spaces, index=spaces.index("nano"), key="device-space", bind="query-params"
    )
    take_up_import()
    with second:
        device = linked_choice("Device", list_predictors(space), "device")
    known = (*list_devices(), *own_npus())
    descriptions = {one.name: one.description for one in known}
    st.caption(descriptions.get(device, "A device imported here."))
    own_device(device, space)
    one_device(device, space)
    if not read_only():
        with st.expander("Add a device of your own"):
            import_form(space)
    st.subheader("All devices")
    summaries = device_summaries(space)
    st.dataframe(
        [
            {
                "device": entry["name"],
                "source": entry["source"],
                "precision": entry["precision"],
                "predicts": entry["predicts"],
                "R2": entry["accuracy"].get("r2"),
                "within 5 %": entry["accuracy"].get("within_5"),
                "mean error": entry["accuracy"].get("mape"),
                "Kendall's tau": entry["accuracy"].get("tau"),
            }
            for entry in summaries
        ],
        hide_index=True,
        height="content",
        placeholder="",
        column_config={
            "R2": st.column_config.NumberColumn(format="%.3f"),
            "within 5 %": st.column_config.NumberColumn(format="percent"),
            "mean error": st.column_config.NumberColumn(format="percent"),
            "Kendall's tau": st.column_config.NumberColumn(format="%.3f"),
        },
    )
    st.caption(
        "Figures are of networks held out of the fit. A device that is measured or compiled has "
        "a fitted predictor; an analytic one is a formula and no product."
    )
    st.markdown(
        "\n".join(
            f"- **{as_text(each['name'])}**: {as_text(each['description'])}" for each in summaries
        )
    )


def one_device(device: str, space: str) -> None:
    """Draws a device's predictions against its measurements."""
    data = errors_data(device, load_space(space))
    if data is None:
        st.info(
            f"{device} has no measurements in {space}: its latencies are a closed formula, those "
            "of the space that contains this one, or of a model over all spaces."
        )
        return
    figures = data.predictor.accuracy
    metrics(
        {
            "R2": f"{figures['r2']:.3f}",
            "within 5 %": f"{figures['within_5']:.0%}",
            "mean error": f"{figures['mape']:.1%}",
            "Kendall's tau": f"{figures['tau']:.3f}",
            "unseen networks": f"{figures['n_test']:.0f}",
        }
        if figures
        else {"networks": f"{len(data.measured)}"}
    )
    wide, narrow = st.columns([3, 2])
    with wide:
        picture(
            errors_figure(data),
            "agreement",
            f"Predicted over measured latency of {len(data.measured)} networks on {device}",
        )
        st.caption(
            "Each point is a network that was measured whole; the fit has seen neither those held "
            "out nor those of a front."
        )
    with narrow:
        by_op(data)
    low, high = data.predictor.range_ms
    versions = ", ".join(f"{k} {v}" for k, v in data.versions.items())
    st.caption(
        f"Fitted to {data.predictor.n_train} networks of {low:.3g} to {high:.3g} ms; beyond that "
        f"it extrapolates. Measured with {versions}."
    )
    limit = load_memory_limit(device, data.predictor.space)
    if limit is not None:
        st.caption(
            f"{limit.share:.0%} of {limit.n_train} compiled networks fit into its "
            f"{limit.limit_bytes:,} bytes; which others do is said right in {limit.right:.0%} of "
            "cases. Networks that probably do not fit have no latency."
        )
    worst = abs(data.relative).argsort()[::-1][:10]
    with st.expander("The ten worst predictions"):
        st.dataframe(
            {
                "arch_id": [data.arch_ids[i] for i in worst],
                "measured ms": data.measured[worst],
                "predicted ms": data.predicted[worst],
                "error %": 100 * data.relative[worst],
                "held out": data.held_out[worst],
            },
            hide_index=True,
        )


def by_op(data: DeviceErrors) -> None:
    """Draws the errors by operation."""
    if not data.by_op:
        st.info(
            "All networks were fitted to; the figures above are by cross-validation, each network "
            "predicted by a fit that had not seen it."
        )
        return
    picture(ops_figure(data), "ops", "Mean error of the held-out networks that use each operation")
    st.caption("Held-out networks that use an operation: is one of them mispriced?")


run_page(page)
