"""Figures from plain arrays; the only importer of matplotlib, lazily, and without touching its global state.

`save` writes PNG and SVG, byte for byte the same every time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from certflow.atomic import write_atomically
from certflow.report.panels import (
    AngleMarks,
    DescentPanel,
    LawSeries,
    TimePanel,
    TradePanel,
    nearest,
    wrapped_line,
)
from certflow.running import tick

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ONE_COLUMN = 3.4
"""Width in inches of one column of a paper; text is 7 to 8 points at this width."""
TWO_COLUMNS = 7.0

# Okabe and Ito's palette, distinguishable under every common colour blindness; yellow is left out (too pale
# on white).
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
YELLOW = "#F0E442"
"""On coloured ground only."""
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY)
GREY = "#767676"

_STYLE = {
    "font.size": 8, "axes.titlesize": 8, "axes.labelsize": 8, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"], "mathtext.fontset": "dejavusans",
    "axes.linewidth": 0.6,
    "axes.spines.top": False, "axes.spines.right": False, "xtick.major.width": 0.6, "ytick.major.width": 0.6,
    "lines.linewidth": 1.0, "lines.markersize": 4, "legend.frameon": False,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 200, "svg.hashsalt": "certflow", "svg.fonttype": "path", "axes.formatter.useoffset": False,
    "hatch.linewidth": 0.5, "axes.unicode_minus": True, "axes.axisbelow": True, "text.usetex": False,
}  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")


def _style() -> AbstractContextManager[None]:
    import matplotlib

    # From matplotlib's defaults, not from the user's settings: the same figure everywhere.
    settings: dict[Any, Any] = {
        key: v for key, v in matplotlib.rcParamsDefault.items() if not key.startswith("backend")
    }
    return matplotlib.rc_context(settings | _STYLE)


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """The function, run with the settings that all figures share."""
    import functools

    @functools.wraps(function)
    def inside(*args: P.args, **kwargs: P.kwargs) -> R:
        with _style():
            return function(*args, **kwargs)

    return inside


def blank(width: float, height: float) -> Figure:
    """An empty figure of this size in inches."""
    # Without pyplot there is no global list of figures and no window system.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@styled
def image(figure: Figure, ending: str) -> bytes:
    """The figure as a file with this ending (png, svg, pdf), without dates or versions: equal data give equal
    bytes.
    """
    tick()
    out = io.BytesIO()
    figure.savefig(out, format=ending, metadata=_METADATA[ending])
    return out.getvalue()


def render(figure: Figure) -> dict[str, bytes]:
    """The figure as {"png": ..., "svg": ...}."""
    return {ending: image(figure, ending) for ending in ("png", "svg")}


def save(figure: Figure, folder: str | Path, name: str) -> list[str]:
    """Write `name`.png and `name`.svg into the existing `folder`, atomically; returns the file names."""
    images = render(figure)
    for ending, content in images.items():
        write_atomically(Path(folder) / f"{name}.{ending}", content)
    return [f"{name}.{ending}" for ending in images]


# -- angles of neurons ---------------------------------------------------------------------------------------


def _neuron_colours(panel: DescentPanel, marks: AngleMarks) -> list[str]:
    """By the KKT point each neuron is nearest to at the end; all the same if none is known."""
    if not marks.targets:
        return [BLUE] * panel.angles.shape[1]
    return [COLOURS[i % len(COLOURS)] for i in nearest(panel.angles[-1], marks.targets)[0]]


def _iteration_axis(axes: Axes, panel: DescentPanel, vertical: bool = False) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.yaxis if vertical else axes.xaxis
    (axes.set_ylim if vertical else axes.set_xlim)(0, panel.last)
    axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


@styled
def descent_figure(panels: Sequence[DescentPanel], marks: AngleMarks) -> Figure:
    """Figure 1 of arXiv 2402.09226, a column per panel: (a) loss and ‖w‖, (b) the angle of each neuron, by
    iteration.

    Dotted lines mark the KKT points that the neurons can run to.
    """
    figure = blank(TWO_COLUMNS, 4.6)
    grid = figure.subplots(3, len(panels), sharex="col", squeeze=False, height_ratios=[1, 1, 2])
    for column, panel in enumerate(panels):
        loss, norm, angle = grid[:, column]
        loss.plot(panel.iterations, panel.loss, color="black")
        loss.set_ylim(0, 1.1 * float(panel.loss.max()))
        norm.semilogy(panel.iterations, panel.norm, color="black")
        for j, colour in enumerate(_neuron_colours(panel, marks)):
            angle.plot(
                *wrapped_line(panel.iterations, panel.angles[:, j]), color=colour, linewidth=0.7, alpha=0.9
            )
        for value in marks.targets:
            angle.axhline(value, color=GREY, linestyle=":", linewidth=0.9, zorder=0)
            angle.annotate(
                f"{value:.1f}°", (1.0, value), xycoords=("axes fraction", "data"),
                xytext=(2, 0), textcoords="offset points",
                va="center", fontsize=6.5, color=GREY, annotation_clip=False,
            )  # fmt: skip
        angle.set_ylim(-180, 180)
        angle.set_yticks([-180, -90, 0, 90, 180])
        _iteration_axis(angle, panel)
        angle.set_xlabel("iteration")
        loss.set_title(panel.title)
    for axes, label in zip(grid[:, 0], ("loss", "‖w‖", "angle of each neuron [°]"), strict=True):
        axes.set_ylabel(label)
    figure.align_ylabels(grid[:, 0])
    for axes, letter in ((grid[0, 0], "(a)"), (grid[2, 0], "(b)")):
        axes.annotate(
            letter,
            (0, 1),
            xycoords="axes fraction",
            xytext=(-42, 4),
            textcoords="offset points",
            fontweight="bold",
        )
    return figure


@styled
def ncf_figure(
    degrees: np.ndarray, curves: Sequence[np.ndarray], marks: AngleMarks, panels: Sequence[DescentPanel]
) -> Figure:
    """Figure 3 of arXiv 2402.09226: the constrained NCF over the angle, its KKT points, and below it each
    neuron's angle.

    `degrees` (m) and one array (m) per different neuron function in `curves`; marks lie on the first curve.
    """
    figure = blank(ONE_COLUMN, 1.7 + 1.5 * len(panels))
    rows = figure.subplots(1 + len(panels), 1, sharex=True, squeeze=False)[:, 0]
    top = rows[0]
    for curve, style in zip(curves, ("-", "--", "-.", ":") * len(curves), strict=False):
        top.plot(degrees, curve, color="black", linestyle=style)
    _mark_points(top, degrees, curves[0], marks)
    top.set_ylabel(r"$N(\theta)$")
    for axes, panel in zip(rows[1:], panels, strict=True):
        for value in marks.targets:
            axes.axvline(value, color=GREY, linestyle=":", linewidth=0.9, zorder=0)
        for j, colour in enumerate(_neuron_colours(panel, marks)):
            angle, iteration = wrapped_line(panel.iterations, panel.angles[:, j])[::-1]
            axes.plot(angle, iteration, color=colour, linewidth=0.7, alpha=0.9)
        _iteration_axis(axes, panel, vertical=True)
        axes.invert_yaxis()
        axes.set_ylabel("iteration")
        axes.set_title(panel.title, loc="left")
    rows[-1].set_xlim(-180, 180)
    rows[-1].set_xticks([-180, -90, 0, 90, 180])
    rows[-1].set_xlabel(r"angle $\theta$ [°]")
    figure.align_ylabels(rows)
    return figure


def _mark_points(axes: Axes, degrees: np.ndarray, curve: np.ndarray, marks: AngleMarks) -> None:
    height = lambda angles: np.interp(np.asarray(angles, dtype=float), degrees, curve)  # noqa: E731
    for angles, marker, fill, label in (
        (marks.maxima, "^", VERMILLION, "maximum"), (marks.minima, "v", "white", "minimum"),
        (marks.others, "s", GREY, "other"),
    ):  # fmt: skip
        if len(angles):
            axes.plot(
                angles, height(angles), marker, markerfacecolor=fill, markeredgecolor="black", markersize=5,
                markeredgewidth=0.6, linestyle="none", label=label, clip_on=False, zorder=5,
            )  # fmt: skip
    for i, (start, end) in enumerate(marks.arcs):
        # An arc may pass 180°; it is drawn in the two parts that the picture has.
        pieces = [(start, end)] if start <= end else [(start, 180.0), (-180.0, end)]
        for k, (left, right) in enumerate(pieces):
            inside = np.linspace(left, right, 50)
            axes.plot(
                inside,
                height(inside),
                color=SKY,
                linewidth=3,
                alpha=0.7,
                label="arc" if i == k == 0 else None,
            )
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handletextpad=0.2, columnspacing=1.0
        )


# -- the two laws and the time near the origin ---------------------------------------------------------------


@styled
def angle_law_figure(
    series: Sequence[LawSeries], ylabel: str = "angle error [rad]", near: float = 20.0
) -> Figure:
    """Angle error versus delta, both logarithmic; filled points are those inside each series' fit window.

    Dashed lines have the predicted slope, dotted lines are the floors. Where many neurons share the picture,
    there is one dashed line per different prediction, and no floors. If a fit window reaches below
    10^-`near`, a second panel shows the whole range.
    """
    crowded = len(series) > len(COLOURS)
    lowest = min(float(np.min(one.log10_delta)) for one in series)
    views = [(max(-near, lowest), f"δ ≥ $10^{{{-near:.0f}}}$" if lowest < -near else "")]
    if any(one.window is not None and one.window[0] < -near for one in series):
        views.append((lowest, "all δ"))
    figure = blank(ONE_COLUMN if len(views) == 1 else TWO_COLUMNS, 2.7)
    for axes, (least, title) in zip(figure.subplots(1, len(views), squeeze=False)[0], views, strict=True):
        for i, one in enumerate(series):
            _law_line(axes, one, least, BLUE if crowded else COLOURS[i], crowded)
        _law_guides(axes, series, least, crowded)
        axes.set_title(title)
        axes.set_xlabel("δ")
        for axis in (axes.xaxis, axes.yaxis):
            _powers_of_ten(axis)
        axes.grid(linewidth=0.3, color="#dddddd")
    figure.axes[0].set_ylabel(ylabel)
    _law_legend(figure, series, crowded)
    return figure


def _law_line(axes: Axes, one: LawSeries, least: float, colour: str, crowded: bool) -> None:
    shown, inside = _shown(one, least)
    width, size = (0.4, 2.0) if crowded else (0.9, 3.0)
    style: dict[str, Any] = {"color": colour, "marker": "o", "markersize": size, "markeredgewidth": 0.5}
    axes.plot(
        one.log10_delta[shown], one.log10_error[shown], linewidth=width, markerfacecolor="white", **style
    )
    axes.plot(one.log10_delta[inside], one.log10_error[inside], linestyle="none", **style)
    if one.floor is not None and not crowded:
        axes.axhline(one.floor, color=colour, linestyle=":", linewidth=0.8, zorder=0)


def _shown(one: LawSeries, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Which points are drawn, and which of them are inside the fit window."""
    shown = (one.log10_delta >= least) & np.isfinite(one.log10_error)
    low, high = one.window or (np.inf, -np.inf)
    return shown, shown & (one.log10_delta >= low) & (one.log10_delta <= high)


def _law_guides(axes: Axes, series: Sequence[LawSeries], least: float, crowded: bool) -> None:
    """Dashed lines of the predicted slope over the fit window, through its first point."""
    drawn: set[str] = set()
    for one in series:
        _, inside = _shown(one, least)
        if one.predicted is None or not inside.any() or (crowded and f"{one.predicted:.3f}" in drawn):
            continue
        drawn.add(f"{one.predicted:.3f}")
        x, y = one.log10_delta[inside], one.log10_error[inside]
        ends = np.array([x.max(), x.min()])
        axes.plot(
            ends,
            y[x.argmax()] + one.predicted * (ends - x.max()),
            "--",
            color="black",
            linewidth=0.9,
            zorder=6,
        )


def _law_legend(figure: Figure, series: Sequence[LawSeries], crowded: bool) -> None:
    from matplotlib.lines import Line2D

    def dot(label: str, colour: str, fill: str) -> Line2D:
        return Line2D([], [], color=colour, marker="o", markerfacecolor=fill, linestyle="none", label=label)

    marks = [dot("fitted", GREY, GREY), dot("outside the window", GREY, "white")]
    if any(one.predicted is not None for one in series):
        marks.append(Line2D([], [], color="black", linestyle="--", linewidth=0.9, label="predicted slope"))
    figure.axes[0].legend(handles=marks, handletextpad=0.4, handlelength=1.8)
    columns = 1 if len(figure.axes) == 1 else 2
    if crowded:
        handles = [Line2D([], [], linestyle="none", label=line) for line in _summary(series)]
    else:
        handles = [dot(_fit_text(one), colour, colour) for one, colour in zip(series, COLOURS, strict=False)]
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=columns,
        handletextpad=0.2,
        handlelength=0 if crowded else 1,
    )
    figure.set_figheight(2.5 + 0.15 * -(-len(handles) // columns))


def _fit_text(one: LawSeries) -> str:
    if one.slope is None:
        return f"{one.label}: no slope fitted"
    return f"{one.label}: slope {one.slope:.3f}" + (
        f" (predicted {one.predicted:.3f})" if one.predicted is not None else ""
    )


def _summary(series: Sequence[LawSeries]) -> list[str]:
    fitted = [one for one in series if one.slope is not None]
    if not fitted:
        return [f"{len(series)} neurons, no slope fitted"]
    predicted = [one.predicted for one in fitted if one.predicted is not None]
    lines = [
        f"{len(fitted)} of {len(series)} neurons fitted: slopes "
        f"{_span([one.slope for one in fitted if one.slope is not None])}"
    ]
    return lines + ([f"predicted: {_span(predicted)}"] if predicted else [])


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3f}", f"{max(values):.3f}"
    return low if low == high else f"{low} to {high}"


def _powers_of_ten(axis: Any) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(6, integer=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{value:.0f}}}$" if value else "1"))


@styled
def time_near_origin_figure(panels: Sequence[TimePanel], order: int) -> Figure:
    """The time until each event over delta, above the two lower bounds of L2; time is t for L = 2, t·δ^(L-2)
    else.
    """
    figure = blank(ONE_COLUMN * len(panels), 2.5)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        x = -panel.log10_delta
        # A bound of 0 (the event holds at the start) has no place on a logarithmic axis.
        time, nmax, beta = (
            np.where(v > 0, v, np.nan) for v in (panel.time, panel.bound_nmax, panel.bound_beta)
        )
        axes.plot(x, time, "o", color="black", markersize=3.5, label="reference flow", zorder=5)
        axes.plot(x, nmax, color=BLUE, marker="_", label=r"lower bound, $N^+_{\max}$")
        axes.plot(x, beta, color=VERMILLION, linestyle="--", marker="_", label=r"lower bound, $\beta\,\|z\|$")
        _delta_axis(axes, panel.log10_delta)
        known = np.concatenate([v[np.isfinite(v)] for v in (time, nmax, beta)])
        if known.size and known.max() > 20 * known.min():
            axes.set_yscale("log")
        else:
            axes.set_ylim(bottom=0)
        axes.set_title(panel.title)
    power = "" if order == 3 else f"$^{{{order - 2}}}$"
    figure.axes[0].set_ylabel("time t" if order == 2 else f"scaled time t·δ{power}")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3)
    return figure


@styled
def trade_off_figure(panels: Sequence[TradePanel], log10_asked: float | None = None) -> Figure:
    """delta_bar over the number of blocks, epsilon and R, a panel each, with a line at the delta that was
    asked for.
    """
    from matplotlib.ticker import MaxNLocator

    figure = blank(ONE_COLUMN, 1.7 * len(panels))
    for axes, panel in zip(figure.subplots(len(panels), 1, squeeze=False)[:, 0], panels, strict=True):
        shown = np.isfinite(panel.x)
        logarithmic = not panel.counted and np.ptp(panel.x[shown]) >= 0.9
        x = panel.x if panel.counted or logarithmic else 10.0**panel.x
        y = panel.log10_delta_bar
        axes.plot(x[shown], y[shown], "o-", color=BLUE, markersize=3)
        marked = shown & panel.asked
        axes.plot(x[marked], y[marked], "o", color=VERMILLION, markersize=5, zorder=5, label="as asked")
        heights = [y.min(), y.max()]
        if panel.counted and log10_asked is not None:
            axes.axhline(log10_asked, color=GREY, linestyle="--", label="δ asked about")
            heights.append(log10_asked)
        if logarithmic:
            _powers_of_ten(axes.xaxis)
        else:
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=panel.counted))
        low, high = min(heights), max(heights)
        spare = 0.05 * (high - low) + 0.1
        axes.set_ylim(np.floor(low - spare), np.ceil(high + spare))
        _powers_of_ten(axes.yaxis)
        axes.set_xlabel(panel.label)
        axes.set_ylabel("δ̄")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure


def _delta_axis(axes: Axes, log10_delta: np.ndarray) -> None:
    """delta grows to the right, on a logarithmic scale of its exponent, so that 1e-2 and 1e-1000 share one
    axis.
    """
    exponents = sorted({float(-v) for v in log10_delta})
    if exponents[0] > 0:
        axes.set_xscale("log")
    axes.minorticks_off()
    chosen: list[float] = []
    for value in exponents:
        place = np.log10(value) if exponents[0] > 0 else value
        span = (
            np.log10(exponents[-1] / exponents[0]) if exponents[0] > 0 else exponents[-1] - exponents[0]
        ) or 1.0
        last = (np.log10(chosen[-1]) if exponents[0] > 0 else chosen[-1]) if chosen else -np.inf
        if place - last > 0.06 * span:
            chosen.append(value)
    axes.invert_xaxis()
    axes.set_xticks(chosen, [f"$10^{{{-value:.4g}}}$" for value in chosen], rotation=45)
    axes.set_xlabel("δ")
