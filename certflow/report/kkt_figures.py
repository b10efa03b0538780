"""Figures of KKT points: N over the circle with its basins, or a map of N on the sphere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from certflow.kkt.points import KKTSet
from certflow.kkt.table import coordinate_names
from certflow.outcome import Inconclusive, Kind
from certflow.problem import Problem
from certflow.report.figures import (
    COLOURS,
    GREY,
    ONE_COLUMN,
    SKY,
    TWO_COLUMNS,
    VERMILLION,
    YELLOW,
    blank,
    image,
    styled,
)  # fmt: skip
from certflow.report.kkt_panels import Band, CirclePanel, SpherePanel, circle_panel, on_discs, sphere_panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MARKERS = {
    Kind.MAXIMUM: ("^", VERMILLION, "maximum"),
    Kind.MINIMUM: ("v", "white", "minimum"),
    Kind.SADDLE: ("D", SKY, "saddle"),
    Kind.DEGENERATE: ("s", GREY, "degenerate"),
}
"""Marker, fill and name of each kind."""
_LOOSE = {"linestyle": "none", "zorder": 6}
NARROW = 0.11
"""Bands narrower than this part of the picture have no label."""
LEVELS = 16
HEIGHT = 3.5
MANY_LINES = 40


def kkt_figure(problem: Problem, kkt: KKTSet, ending: str) -> bytes:
    """The figure of the set as a file with this ending (png, svg, pdf).

    Raises `Inconclusive` where there is no figure: unless the points lie on a circle or a sphere (2 or 3
    coordinates).
    """
    size = len(coordinate_names(problem, kkt))
    if size not in (2, 3):
        raise Inconclusive(
            f"only KKT points with 2 or 3 coordinates can be drawn, and here they have {size}."
        )
    figure = (
        circle_figure(circle_panel(problem, kkt)) if size == 2 else sphere_figure(sphere_panel(problem, kkt))
    )
    return image(figure, ending)


# -- the circle ----------------------------------------------------------------------------------------------


@styled
def circle_figure(panel: CirclePanel) -> Figure:
    """N over the angle, its KKT points by kind and arcs thick; below a row of basins for each sign of the
    output.
    """
    figure = blank(ONE_COLUMN, 2.1 + 0.28 * len(panel.rows))
    heights = [1.0, *(0.13 for _ in panel.rows)]
    rows = figure.subplots(1 + len(panel.rows), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
    top = rows[0]
    top.plot(panel.degrees, panel.values, color="black", zorder=3)
    for i, (start, end) in enumerate(panel.arcs):
        inside = np.linspace(start, end, 200)
        height = np.interp(inside, panel.degrees, panel.values)
        top.plot(
            inside,
            height,
            color=SKY,
            linewidth=4,
            solid_capstyle="butt",
            label=None if i else "arc",
            zorder=2,
        )
    for kind, (marker, fill, name) in MARKERS.items():
        places = np.array([(angle, value) for each, angle, value in panel.marks if each == kind]).reshape(
            -1, 2
        )
        if len(places):
            top.plot(places[:, 0], places[:, 1], marker, label=name, clip_on=False, **mark(fill))
    top.set_ylabel(r"$N(\theta)$")
    top.margins(y=0.12)
    if panel.marks or panel.arcs:
        top.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=5, handletextpad=0.2, columnspacing=1.0
        )
    # One colour for an attractor in all rows.
    attractors = list(dict.fromkeys(band.entry for _, bands in panel.rows for band in bands))
    for axes, (sign, bands) in zip(rows[1:], panel.rows, strict=True):
        _basin_row(
            axes, bands, attractors, "basin" if len(panel.rows) == 1 else f"basin {'+' if sign > 0 else '−'}"
        )
    rows[-1].set_xlim(-180, 180)
    rows[-1].set_xticks([-180, -90, 0, 90, 180])
    rows[-1].set_xlabel(rf"angle $\theta$ of $({', '.join(_tex(name) for name in panel.names)})$ [°]")
    return figure


def _basin_row(axes: Axes, bands: Sequence[Band], attractors: Sequence[int], label: str) -> None:
    for band in bands:
        colour = COLOURS[attractors.index(band.entry) % len(COLOURS)]
        width = band.end - band.start
        axes.barh(
            0, width, left=band.start, height=1, color=colour, alpha=0.55, edgecolor="black", linewidth=0.4
        )
        if band.label and width > 360 * NARROW:
            axes.text(band.start + width / 2, 0, band.label, ha="center", va="center_baseline", fontsize=6.5)
    axes.set_ylim(-0.5, 0.5)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylabel(label, rotation=0, ha="right", va="center")


def mark(fill: str) -> dict[str, Any]:
    """How the marker of a KKT point with this fill is drawn."""
    return {
        "markerfacecolor": fill,
        "markeredgecolor": "black",
        "markersize": 5,
        "markeredgewidth": 0.6,
        **_LOOSE,
    }


def _tex(name: str) -> str:
    letters = name.rstrip("0123456789")
    return f"{letters}_{{{name[len(letters) :]}}}" if letters != name else name


# -- the sphere ----------------------------------------------------------------------------------------------


@styled
def sphere_figure(panel: SpherePanel) -> Figure:
    """N on both halves of the sphere in Lambert's equal-area map: colours and contours, kinks thin, KKT
    points by kind.
    """
    # Placed by hand: two discs side by side, the scale to their right, the legend below.
    figure = blank(TWO_COLUMNS, HEIGHT)
    figure.set_layout_engine("none")
    discs = [figure.add_axes((left, 0.09, 0.44, 0.44 * TWO_COLUMNS / HEIGHT)) for left in (0.0, 0.44)]
    known = np.concatenate([values[np.isfinite(values)] for values in panel.values])
    size = float(np.abs(known).max()) or 1.0
    low, high = float(known.min()), float(known.max())
    levels = round_levels(low, high)
    places = on_discs(np.array([mark.at for mark in panel.marks]).reshape(-1, 3))
    for k, axes in enumerate(discs):
        axis = np.linspace(-1, 1, len(panel.values[k]))
        filled: Any = axes.contourf(
            axis, axis, panel.values[k], levels=levels, cmap="RdBu_r", vmin=-size, vmax=size, zorder=1
        )
        if panel.regions[k].any():
            axes.contourf(
                axis,
                axis,
                np.where(panel.regions[k], 1.0, 0.0),
                levels=[0.5, 1.5],
                colors="none",
                hatches=["xxxx"],
                zorder=2,
            )
        _zero_line(axes, axis, panel.values[k], low, high)
        for line in panel.lines:
            axes.plot(
                *on_discs(line)[k].T,
                color="black",
                linewidth=0.3,
                alpha=0.45 if len(panel.lines) < MANY_LINES else 0.25,
            )
        for line in panel.arcs:
            axes.plot(*on_discs(line)[k].T, color=SKY, linewidth=2.5, zorder=5)
        for kind, (marker, fill, _) in MARKERS.items():
            inside = np.array(
                [p for p, mark in zip(places[k], panel.marks, strict=True) if mark.kind == kind]
            ).reshape(-1, 2)
            axes.plot(
                inside[:, 0],
                inside[:, 1],
                marker,
                clip_on=False,
                **mark(YELLOW if kind == Kind.MAXIMUM else fill),
            )
        _rim(axes, panel.names, k)
    scale = figure.add_axes((0.905, 0.2, 0.018, 0.6))
    figure.colorbar(filled, cax=scale, format="%.4g")
    scale.set_title("$N$")
    _sphere_legend(figure, panel)
    return figure


def round_levels(low: float, high: float) -> np.ndarray:
    """About `LEVELS` multiples of 1, 2 or 5 times a power of ten that reach from below `low` to above
    `high`.
    """
    span = high - low if high - low > 1e-9 * max(abs(low), abs(high)) else abs(high) or 1.0
    power = 10.0 ** np.floor(np.log10(span / LEVELS))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor * LEVELS >= span)
    return step * np.arange(np.floor(low / step), max(np.ceil(high / step), np.floor(low / step) + 1) + 1)


def _zero_line(axes: Axes, axis: np.ndarray, values: np.ndarray, low: float, high: float) -> None:
    if low < 0 < high:
        axes.contour(
            axis, axis, values, levels=[0.0], colors="black", linewidths=0.8, linestyles="--", zorder=3
        )


def _rim(axes: Axes, names: Sequence[str], k: int) -> None:
    """The edge of a disc, with the names of the half-axes around it and at its centre."""
    angles = np.linspace(0, 2 * np.pi, 361)
    axes.plot(np.cos(angles), np.sin(angles), color="black", linewidth=0.6, zorder=4)
    axes.set_aspect("equal")
    axes.set_axis_off()
    first, second, third = (_tex(name) for name in names)
    side = "-" if k else ""
    other = "" if k else "-"
    for x, y, text in (
        (1.09, 0, f"{side}{first}"),
        (-1.09, 0, f"{other}{first}"),
        (0, 1.07, second),
        (0, -1.08, f"-{second}"),
    ):
        axes.text(x, y, f"${text}$", ha="center", va="center", fontsize=7)
    axes.text(-1.15, 1.05, rf"${third} {'<' if k else '>'} 0$", ha="left", va="center", fontsize=8)
    axes.set_xlim(-1.17, 1.17)
    axes.set_ylim(-1.17, 1.17)


def _sphere_legend(figure: Figure, panel: SpherePanel) -> None:
    axes = figure.axes[0]
    kinds = {mark.kind for mark in panel.marks}
    handles: list[Any] = [
        axes.plot([], [], marker, label=name, **mark(YELLOW if kind == Kind.MAXIMUM else fill))[0]
        for kind, (marker, fill, name) in MARKERS.items()
        if kind in kinds
    ]
    if panel.arcs:
        handles += axes.plot([], [], color=SKY, linewidth=2.5, label="arc of KKT points")
    if any(region.any() for region in panel.regions):
        handles += axes.fill(
            [], [], facecolor="none", hatch="xxxx", edgecolor="black", label="region of KKT points"
        )
    if panel.lines:
        handles += axes.plot([], [], color="black", linewidth=0.5, alpha=0.6, label="kink")
    if any((values < 0).any() for values in panel.values) and any(
        (values > 0).any() for values in panel.values
    ):
        handles += axes.plot([], [], color="black", linewidth=0.8, linestyle="--", label="N = 0")
    figure.legend(handles=handles, loc="lower center", ncols=8, handletextpad=0.4, columnspacing=1.2)
