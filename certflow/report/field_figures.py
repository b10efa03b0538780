"""The figure of a gradient field in the plane with its kinks, KKT points and some paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from certflow.report.figures import COLOURS, GREY, ONE_COLUMN, blank, styled
from certflow.report.kkt_figures import MARKERS, mark
from certflow.report.panels import FieldPanel
from certflow.report.polygon_figures import kink_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE = 3.1


@styled
def field_figure(panel: FieldPanel) -> Figure:
    """Arrows of the field, the unit circle with its KKT points, kinks by their shape, and every path."""
    entries = len({kind for kind, _ in panel.marks}) + len({convex for *_, convex in panel.kinks})
    rows = -(-(entries + len(panel.paths) + 1) // 2)
    figure = blank(ONE_COLUMN, SIDE + 0.17 * rows + 0.1)
    axes = figure.subplots()
    axes.quiver(
        *panel.at.T, *panel.field.T, color=GREY, alpha=0.55, angles="xy", width=0.0035, pivot="mid", zorder=1
    )  # fmt: skip
    reach = 1.06 * float(np.abs(panel.at).max())
    for start, end, convex in panel.kinks:
        axes.plot(
            *np.array([start, end]).T, color="black", linestyle=kink_style(convex), linewidth=1.4,
            label="convex kink" if convex else "concave kink", zorder=2,
        )  # fmt: skip
    angles = np.linspace(0, 2 * np.pi, 361)
    axes.plot(np.cos(angles), np.sin(angles), color="black", linewidth=0.6, label="unit circle", zorder=2)
    for (name, curves), colour in zip(panel.paths, COLOURS, strict=False):
        axes.plot(*curves[0][0], "o", color=colour, markersize=3, zorder=5)
        for curve in curves:
            seen = curve[np.abs(curve).max(axis=1) <= reach]
            axes.plot(*curve.T, color=colour, linewidth=1.4, label=name, zorder=4)
            _arrow(axes, seen, colour)
    for kind, at in panel.marks:
        marker, fill, name = MARKERS[kind]
        axes.plot(*at[:, None], marker, label=name, **mark(fill))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-reach, reach)
    axes.set_aspect("equal")
    axes.set_xlabel(f"${panel.names[0]}$")
    axes.set_ylabel(f"${panel.names[1]}$")
    named = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    figure.legend(
        named.values(), named.keys(), loc="outside lower center", ncols=2,
        handlelength=1.7, handletextpad=0.5, columnspacing=1.0, labelspacing=0.3,
    )  # fmt: skip
    return figure


def _arrow(axes: Axes, curve: np.ndarray, colour: str) -> None:
    """The way in which a path runs, in its middle by length."""
    lengths = np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))
    middle = int(np.searchsorted(lengths, lengths[-1] / 2))
    axes.annotate(
        "", curve[middle + 1], curve[middle], zorder=5,
        arrowprops={"arrowstyle": "-|>", "color": colour, "mutation_scale": 9, "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip
