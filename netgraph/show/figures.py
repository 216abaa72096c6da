"""Empty figures in the house's style, to be drawn on: no window is opened and no setting of matplotlib changed."""

import io
from functools import partial

from netgraph.errors import NetError

QUIET = "#6b7280"


def blank_figure(size: tuple[float, float], what: str):
    """A matplotlib figure without axes, `size` in inches; `what` draws it, for the message.

    Errors: NetError where matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise NetError(f"{what} draws with matplotlib, which is not installed", fix="pip install netgraph[plot]") from None
    drawn = Figure(figsize=size, layout="constrained", facecolor="white")
    # A figure that no window manages is shown by notebooks only if it says how.
    vars(drawn)["_repr_svg_"] = partial(as_svg, drawn)
    return drawn


def empty_figure(size: tuple[float, float], what: str):
    """A matplotlib figure with one pair of axes. Errors: those of `blank_figure`."""
    drawn = blank_figure(size, what)
    style(drawn.add_subplot(facecolor="white"))
    return drawn


def style(axes) -> None:
    """Quiet axes: a light grid beneath what is drawn, lines at the left and the bottom alone."""
    axes.xaxis.label.set_color(QUIET)
    axes.yaxis.label.set_color(QUIET)
    axes.grid(True, which="major", color="#e5e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(which="both", color="#d1d5db", labelcolor=QUIET, labelsize=9)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#d1d5db")


def whole_ticks(axis) -> None:
    """Ticks at whole numbers alone."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator("auto", integer=True))


def as_svg(drawn) -> str:
    text = io.StringIO()
    drawn.savefig(text, format="svg")
    return text.getvalue()[text.getvalue().index("<svg") :]
