"""Figures of limit flows through kinks (power 1): a plane whose rim is infinity for two features, both halves
of the sphere of directions for three.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from certflow.problem import Problem
from certflow.progress import Progress
from certflow.report.figures import COLOURS, GREY, ONE_COLUMN, TWO_COLUMNS, YELLOW, blank, save, styled
from certflow.report.kkt_panels import great_circle, on_discs
from certflow.report.polygon_panels import (
    MOST_NEURONS,
    FinalCone,
    Landmark,
    PolygonPanel,
    Stretch,
    polygon_panel,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS: dict[Landmark, tuple[str, str, float]] = {
    Landmark.START: ("o", "white", 3.2),
    Landmark.DEAD: ("o", GREY, 3.2),
    Landmark.CROSSED: (".", "black", 3.5),
    Landmark.FLIP: ("P", YELLOW, 5.5),
    Landmark.LIMIT: ("^", "", 6.5),
    Landmark.STOPS: ("s", "white", 5),
    Landmark.ORIGIN: ("D", "white", 5),
    Landmark.BRANCHES: ("*", YELLOW, 8.5),
    Landmark.OPEN: ("X", "white", 5.5),
}
"""Marker, fill and size of each; limits have the colour of the neurons that go there."""
_SMALL = (Landmark.START, Landmark.CROSSED, Landmark.DEAD)
_THIN, _BRANCH, _THICK = 0.7, 1.1, 2.2
_FAR = 1e9
MANY_LINES = 40
_STEPS = 61

LIMIT_FLOWS = "limit_flows"
"""The name of the files."""

Place = Callable[[np.ndarray], np.ndarray]
"""Points (m × d) to places (m × 2) in one disc, NaN where they are not in it."""


def save_limit_flows(problem: Problem, folder: str | Path, progress: Progress | None = None) -> list[str]:
    """Write limit_flows.png and .svg into the existing `folder`; returns the names.

    Raises `Inconclusive` where there is no figure: unless the network has power 1 and two or three features.
    """
    return save(polygons_figure(polygon_panel(problem, progress)), folder, LIMIT_FLOWS)


@styled
def polygons_figure(panel: PolygonPanel) -> Figure:
    """One disc (three features: two) for each sign of v with the kinks, every neuron's path in the colour of
    its limit, and what happens on it.
    """
    halves = panel.inputs - 1
    discs = [(sign, half) for sign in panel.signs for half in range(halves)]
    columns = min(2, len(discs))
    rows = len(discs) // columns
    width = ONE_COLUMN if columns == 1 else TWO_COLUMNS
    side, entries = width / columns, _legend(panel)
    in_a_row = 2 if columns == 1 else 5
    some = panel.neurons > MOST_NEURONS
    legend = -(-len(entries) // in_a_row) + some
    height = rows * side + 0.18 * legend + 0.1
    figure = blank(width, height)
    # Placed by hand: equal discs, the legend below.
    figure.set_layout_engine("none")
    for i, (sign, half) in enumerate(discs):
        row, column = divmod(i, columns)
        box = (column / columns, 1 - (row + 1) * side / height, 1 / columns, side / height)
        _disc(figure.add_axes(box), panel, sign, half)
    axes = figure.axes[0]
    figure.legend(
        title=f"the first {MOST_NEURONS} of {panel.neurons:,} neurons" if some else None,
        handles=[axes.plot([], [], label=name, **settings)[0] for name, settings in entries],
        loc="lower center",
        ncols=in_a_row,
        handletextpad=0.4,
        columnspacing=1.2,
        borderaxespad=0.1,
        labelspacing=0.3,
    )
    return figure


def _disc(axes: Axes, panel: PolygonPanel, sign: int, half: int) -> None:
    """One disc: kinks, final cones, paths and events of one sign of v."""
    place: Place = _plane if panel.inputs == 2 else lambda points: on_discs(_unit(points))[half]
    many = len(panel.kinks) > MANY_LINES
    for kink in panel.kinks:
        axes.plot(
            *place(_kink_line(kink.normal)).T, color="black", linewidth=0.4, alpha=0.25 if many else 0.5,
            linestyle=kink_style(kink.convex == (sign > 0)), zorder=1,
        )  # fmt: skip
    for cone in panel.cones:
        if cone.sign == sign:
            _draw_cone(axes, cone, place, _cone_colour(panel, cone))
    _paths(axes, panel, place, sign)
    for what in Landmark:
        marked = defaultdict(list)
        for each in panel.happenings:
            if each.what is what and each.sign == sign:
                marked[_colour(panel, each.neuron)].append(each.at * (_FAR if what is Landmark.LIMIT else 1))
        for colour, points in marked.items():
            axes.plot(
                *place(np.array(points)).T, clip_on=False, zorder=5 if what in _SMALL else 6,
                **_mark(what, colour),
            )  # fmt: skip
    _rim(axes, panel, sign, half)


def _paths(axes: Axes, panel: PolygonPanel, place: Place, sign: int) -> None:
    """All paths of one look in one line, broken between them."""
    broken = np.full((1, 2), np.nan)
    lines: defaultdict[tuple[str, bool, bool], list[np.ndarray]] = defaultdict(list)
    for stretch in panel.stretches:
        if stretch.sign == sign:
            look = (_colour(panel, stretch.neuron), stretch.slides and not stretch.branch, stretch.branch)
            lines[look] += [place(_line(stretch) if panel.inputs == 2 else _arc(stretch)), broken]
    for (colour, slides, branch), points in lines.items():
        width = _THICK if slides else _BRANCH if branch else _THIN
        axes.plot(
            *np.concatenate(points).T, color=colour, linewidth=width,
            linestyle=":" if branch else "-", alpha=0.9, zorder=4 if slides else 3, solid_capstyle="round",
        )  # fmt: skip


def _line(stretch: Stretch) -> np.ndarray:
    """Points of a stretch, to far away if it is endless."""
    if not stretch.endless:
        share = np.linspace(0, 1, _STEPS)[:, None]
        return (1 - share) * stretch.start + share * stretch.end
    # Evenly on the disc: the tangent runs through the same angles.
    far = np.tan(np.linspace(0, np.pi / 2 - 1e-9, _STEPS))[:, None]
    size = max(float(np.linalg.norm(stretch.start)), 1e-3)
    return stretch.start + far * size * stretch.end / np.linalg.norm(stretch.end)


def _arc(stretch: Stretch) -> np.ndarray:
    """The directions along a stretch, with the point where they change to the other half of the sphere."""
    start, end = _unit(np.array([stretch.start, stretch.end]))
    share = np.linspace(0, 1, _STEPS)
    if start[2] * end[2] < 0:
        share = np.sort(np.append(share, start[2] / (start[2] - end[2])))
    return _unit((1 - share)[:, None] * start + share[:, None] * end)


def _plane(points: np.ndarray) -> np.ndarray:
    """Poincaré's disc: the plane with infinity as its rim; lines through 0 stay straight."""
    return points / np.sqrt(1 + (points**2).sum(axis=1))[:, None]


def _unit(points: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(points, axis=1)
    return points / np.where(lengths > 0, lengths, np.nan)[:, None]


def _kink_line(normal: np.ndarray) -> np.ndarray:
    if len(normal) == 3:
        return great_circle(normal)
    along = _FAR * np.array([-normal[1], normal[0]]) / np.linalg.norm(normal)
    return np.array([-along, along])


def kink_style(convex: bool) -> Any:
    """Kinks that push the flow away are drawn through, those that hold it are dashed."""
    return "-" if convex else (0, (4, 2))


def _draw_cone(axes: Axes, cone: FinalCone, place: Place, colour: str) -> None:
    if len(cone.axis) == 2:
        middle = np.arctan2(cone.axis[1], cone.axis[0])
        angles = middle + np.linspace(-cone.width, cone.width, 61)
        axes.fill(
            *np.stack([np.append(0, np.cos(angles)), np.append(0, np.sin(angles))]),
            color=colour, alpha=0.15, linewidth=0, zorder=0,
        )  # fmt: skip
        return
    side = great_circle(cone.axis)
    rim = np.cos(cone.width) * cone.axis + np.sin(cone.width) * side
    axes.plot(*place(rim).T, color=colour, linewidth=0.9, linestyle=":", zorder=2)


def _colour(panel: PolygonPanel, neuron: int) -> str:
    limit = panel.limits.get(neuron)
    return GREY if limit is None else _cone_colour(panel, panel.cones[limit])


def _cone_colour(panel: PolygonPanel, cone: FinalCone) -> str:
    """No colour comes twice among the limits of one sign before all are used."""
    alike = [each for each in panel.cones if each.sign == cone.sign]
    number = next(i for i, each in enumerate(alike) if each is cone)
    return COLOURS[number % len(COLOURS)]


def _mark(what: Landmark, colour: str) -> dict[str, Any]:
    marker, fill, size = _MARKERS[what]
    return {
        "marker": marker, "markerfacecolor": fill or colour, "markeredgecolor": "black", "markersize": size,
        "markeredgewidth": 0.6, "linestyle": "none",
    }  # fmt: skip


def _rim(axes: Axes, panel: PolygonPanel, sign: int, half: int) -> None:
    """The edge of a disc, the names of the half-axes, and which disc it is."""
    angles = np.linspace(0, 2 * np.pi, 361)
    circle = np.stack([np.cos(angles), np.sin(angles)])
    axes.plot(*circle, color="black", linewidth=0.6, zorder=2)
    axes.set_aspect("equal")
    axes.set_axis_off()
    turned = "-" if half else ""
    for x, y, text in (
        (1.09, 0, f"{turned}w_1"),
        (-1.09, 0, f"{'' if half else '-'}w_1"),
        (0, 1.08, "w_2"),
        (0, -1.08, "-w_2"),
    ):
        axes.text(x, y, f"${text}$", ha="center", va="center", fontsize=7)
    title = f"$v {'>' if sign > 0 else '<'} 0$"
    if panel.inputs == 3:
        title += f", $w_3 {'<' if half else '>'} 0$"
    else:
        axes.plot(*circle / np.sqrt(2), color=GREY, linewidth=0.5, linestyle=":", zorder=0)
        for radius, text in ((1 / np.sqrt(2), "$|w(0)|$"), (1.0, r"$\infty$")):
            at = (radius + 0.02) / np.sqrt(2)
            axes.text(at, -at, text, ha="left", va="top", fontsize=6, color=GREY)
    axes.text(-1.13, 1.03, title, ha="left", va="center", fontsize=8)
    axes.set_xlim(-1.17, 1.17)
    axes.set_ylim(-1.17, 1.17)


def _legend(panel: PolygonPanel) -> list[tuple[str, dict[str, Any]]]:
    """The names of all that is drawn, with the settings of a line that shows it."""
    seen = {happening.what for happening in panel.happenings}
    entries = [(str(what), _mark(what, GREY)) for what in Landmark if what in seen]
    if any(stretch.slides and not stretch.branch for stretch in panel.stretches):
        entries.append(("slides on a kink", {"color": GREY, "linewidth": _THICK}))
    if any(stretch.branch for stretch in panel.stretches):
        entries.append(("two ways to go on", {"color": GREY, "linewidth": _BRANCH, "linestyle": ":"}))
    kinds = {kink.convex == (sign > 0) for kink in panel.kinks for sign in panel.signs}
    for convex, name in ((True, "convex kink"), (False, "concave kink")):
        if convex in kinds:
            entries.append((name, {"color": "black", "linewidth": 0.5, "linestyle": kink_style(convex)}))
    if panel.cones:
        wedge = {"linewidth": 6, "alpha": 0.25, "solid_capstyle": "butt"}
        circle = {"linewidth": 0.9, "linestyle": ":"}
        look = wedge if panel.inputs == 2 else circle
        entries.append(("final cone", {"color": COLOURS[0], **look}))
    return entries
