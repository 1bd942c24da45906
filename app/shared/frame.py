"""What every page has around it: the shortlist, and its errors as one message."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.shared.address import say_left_out
from app.shared.settings import as_text, shown
from app.shared.state import clear_shortlist, shortlist
from app.shared.tables import find_tables, load_table
from evonas.errors import EvonasError
from evonas.table import BenchmarkTable

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

# The first screen is for the picture: less of Streamlit's empty space above it. Small text needs
# more contrast than Streamlit gives it. On a touch screen a finger on a picture scrolls the page,
# unless picking is on; a toolbar, which stays there once it was touched, would lie over legends.
_STYLE = """<style>
[data-testid="stCaptionContainer"] { color: inherit; opacity: 0.8 }
[data-testid="stSliderThumbValue"] { color: inherit }
:is(.st-key-view, .st-key-over, .st-key-budget-in) :is(button, button p) {
  color: inherit !important
}
[class*="st-key-figures"] { row-gap: 0 }
[data-testid="stMainBlockContainer"] { padding-top: 2.6rem; padding-bottom: 3rem }
.st-key-pick { display: none }
@media (pointer: coarse), (max-width: 640px) {
  .st-key-pick { display: flex }
  .js-plotly-plot .modebar { display: none }
  .js-plotly-plot .draglayer .drag { pointer-events: none !important }
  .js-plotly-plot .parcoords, .js-plotly-plot .parcoords * { pointer-events: none !important }
  .st-key-picking .js-plotly-plot .draglayer .drag { pointer-events: all !important }
}
</style>"""
# While a page is being left, Streamlit writes the next page's parameters under the address of the
# one that is left, so that Back would come to it without its own. Those entries are kept out of the
# browser's history; the one of the next page has all of them. Five seconds are a page that failed.
# What a page writes before its visitor has done anything is no step to come back to either.
# A link of the class evonas-here changes the address of the page that is open, without loading it.
_HISTORY = """<script>
if (!window.evonasHistory) {
  window.evonasHistory = true;
  let leaving = 0, acted = false;
  const place = (url) => new URL(url, location.href).pathname.replace(/\\/explore$/, "/");
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    const elsewhere = event.button || event.ctrlKey || event.metaKey || event.shiftKey;
    if (!link || elsewhere || link.target === "_blank" || link.origin !== location.origin) return;
    if (link.closest(".evonas-here")) {
      event.preventDefault();
      history.pushState(null, "", link.href);
      window.dispatchEvent(new PopStateEvent("popstate"));
      return;
    }
    if (place(link.href) !== place(location.href)) leaving = Date.now();
  }, true);
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => { acted = true; }, true);
  }
  window.addEventListener("popstate", () => { leaving = 0; acted = false; });
  const push = history.pushState;
  history.pushState = function (state, title, url) {
    const here = place(url) === place(location.href);
    if (here && Date.now() - leaving < 5000) return;
    if (here && !acted) return history.replaceState(state, title, url);
    if (!here) { leaving = 0; acted = false; }
    push.call(history, state, title, url);
  };
}
</script>"""
# 0.0002 rather than 200µ, 20,000 rather than 20k.
_TICKS = {"exponentformat": "none", "separatethousands": True}
_BESIDE = 420  # pixels of menu and margins beside a picture
# What the one normalised hypervolume is, for its help texts.
HYPERVOLUME = (
    "Share, 0 to 1, of the box between AP 1 at no cost and AP 0 at the cost of the costliest of "
    "10,000 random networks of the space that the front dominates. The same everywhere: in "
    "Explore, Searches, `evonas search` and its reports. Larger is better."
)
# Name of a container round a picture in which a finger picks.
PICKING = "picking"


def run_page(page: Callable[[], None]) -> None:
    """Draws a page; an error that a user can cause becomes one message."""
    st.html(_STYLE)
    st.html(_HISTORY, unsafe_allow_javascript=True)
    try:
        page()
    except EvonasError as error:
        st.error(shown(error))


def live(part: Callable[..., None], seconds: float | None) -> Callable[..., None]:
    """Returns a part of a page that is drawn anew every so many seconds, or only with its page.

    Its errors become messages in its place: those of a fragment never reach its page.
    """

    @wraps(part)
    def guarded(*arguments: Any) -> None:
        try:
            part(*arguments)
        except EvonasError as error:
            st.error(shown(error))

    return st.fragment(guarded, run_every=seconds)


def shortlist_panel() -> None:
    """Draws the shortlist, with links to its networks."""
    entries = shortlist()
    with st.popover(f"Shortlist ({len(entries)})", width="stretch"):
        if not entries:
            st.caption("Lasso points or tick rows in Explore, then add them here.")
            return
        for arch_id in entries:
            architecture_link(arch_id)
        st.page_link("compare/page.py", label="Compare, note, download")
        if st.checkbox("Clear the shortlist, notes too", key="clear asked"):
            st.button(
                f"Remove all {len(entries)} for good",
                on_click=_clear,
                key="clear shortlist",
                type="primary",
            )


def _clear() -> None:
    clear_shortlist()
    st.session_state["clear asked"] = False


def metrics(figures: Mapping[str, str], part: str = "", **helps: str) -> None:
    """Draws figures in a row, which breaks where the window is narrow.

    Args:
        figures: Values by label.
        part: Of the page, where it has several such rows.
        helps: What a figure means, by label.
    """
    with st.container(horizontal=True, gap="medium", key=f"figures{part}"):
        for label, value in figures.items():
            st.metric(label, value, help=helps.get(label), width="content")


def picture(figure: "Figure", key: str, alt: str) -> None:
    """Draws a figure that is only looked at, as wide as its place.

    Args:
        figure: The figure.
        key: Its name on the page.
        alt: What it shows, in words.
    """
    figure.update_xaxes(**_TICKS)
    figure.update_yaxes(**_TICKS)
    config = {"displaylogo": False}
    st.plotly_chart(figure, width="stretch", key=key, config=config, alt=alt)


def wide_picture(figure: "Figure", key: str, alt: str, least: int) -> None:
    """Draws a figure as wide as its place, but no narrower than it needs: it scrolls sideways.

    Args:
        figure: The figure.
        key: Its name on the page.
        alt: What it shows, in words.
        least: Pixels that it needs.
    """
    outer, rest = f"wide-{key}", least + _BESIDE
    st.html(
        f"<style>.st-key-{outer} {{ overflow-x: auto }} .st-key-{outer} > * "
        f"{{ min-width: {least}px }} .st-key-{outer} [tabindex] {{ display: none }} "
        f"@media (max-width: {rest}px) {{ .st-key-{outer} [tabindex] {{ display: block }} }}"
        "</style>"
    )
    with st.container(key=outer):
        # What scrolls is to be reached by keyboard too: from here, by the arrow keys.
        st.html('<div tabindex="0">Scroll sideways for the rest of it.</div>')
        picture(figure, key, alt)


def attempt(action: Callable[[str], None], name: str) -> None:
    """Does what a button is for; an error that a user can cause becomes one message."""
    try:
        action(name)
    except EvonasError as error:
        st.toast(shown(error), icon="⚠️")


def time_left(seconds: float) -> str:
    """Returns in words when something will be done.

    >>> time_left(64.6)
    'about 1:05 left'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"about {minutes}:{rest:02d} left"


def compact(value: float) -> str:
    """Returns a number of any size as people write it.

    >>> compact(15_283_000.0), compact(0.04213), compact(812.5), compact(0.0)
    ('15.28 M', '0.04213', '812.5', '0')
    """
    for least, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= least:
            divisor = 1e3 if letter == "k" else least
            return f"{value / divisor:.4g} {letter}"
    return f"{value:.4g}"


def hypervolume_text(value: float) -> str:
    """Returns a normalised hypervolume as it is shown.

    >>> hypervolume_text(0.58324), hypervolume_text(float("nan"))
    ('0.5832', '-')
    """
    return "-" if math.isnan(value) else f"{value:.4f}"


def linked_choice(
    label: str,
    names: Sequence[str],
    key: str,
    help: str | None = None,
    words: Mapping[str, str] | None = None,
) -> str:
    """Draws a choice, by default the first, that the page's address always names.

    Streamlit's own binding leaves out of the address what code has chosen.

    Args:
        label: Above the choice.
        names: What there is to choose.
        key: Of the choice, in the session and in the address.
        help: What it is for.
        words: By name what to show in its place.
    """
    linked = st.query_params.get(key)
    if linked and linked not in names:
        say_left_out([linked])
    # Back and Forward bring another address to a page that is open.
    if linked in names and linked != st.session_state.get(f"{key} in the address"):
        st.session_state[key] = linked
    if st.session_state.get(key) not in names:
        st.session_state[key] = linked if linked in names else names[0]
    shown_as = words or {}
    chosen: str = st.selectbox(
        label, names, key=key, help=help, format_func=lambda name: shown_as.get(name, name)
    )
    if linked != chosen:
        st.query_params[key] = chosen
    st.session_state[f"{key} in the address"] = chosen
    return chosen


def architecture_link(arch_id: str) -> None:
    """Draws a link to the page of a network."""
    st.page_link("architecture/page.py", label=arch_id, query_params={"arch": arch_id})


def readable_tables(space: str | None = None) -> dict[str, BenchmarkTable]:
    """Returns the tables that can be read, those with rows of a space if it is named.

    Of the others it says on the page why they cannot.
    """
    found = {}
    for name, path in find_tables().items():
        try:
            table = load_table(path)
        except EvonasError as error:
            st.warning(f"{as_text(name)} cannot be read: {shown(error)}")
            continue
        if space is None or space in table.spaces:
            found[name] = table
    return found
