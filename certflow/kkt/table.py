"""KKT points as a table: every printed number is right to within one unit of its last digit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from certflow.arithmetic.decimal_text import last_digit_text, plus_minus_text, rounded_text
from certflow.kkt.basins import basins
from certflow.kkt.neuron.circle import PlanarKKT, PlanarPoint
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Kind, Status
from certflow.tables import Column, Table, TableCell

if TYPE_CHECKING:
    from certflow.arithmetic.ball import Ball
    from certflow.problem import Problem

SHOWN_DIGITS = 10
FEWEST_DIGITS = 5
FEWER_DECIMALS = 3
"""Coordinates of unit vectors have so many places fewer than other numbers have digits."""
SHARE_DIGITS = 4
MOST_COLUMNS = 5
"""Points with more coordinates get one column, with their largest coordinates only."""
LARGEST, LARGEST_DECIMALS = 3, 3
OWN_RADIUS = "the only KKT point within"
"""Remarks that begin so differ from row to row; they are for programs (--csv, --json)."""
KINDS = tuple(Kind)
_PLURALS = {
    Kind.MAXIMUM: "maxima",
    Kind.MINIMUM: "minima",
    Kind.SADDLE: "saddles",
    Kind.DEGENERATE: "degenerate",
    Kind.ARC: "arcs",
}


@dataclass(frozen=True)
class MoreColumn:
    """A column that does not come from the set itself: a cell per entry, in the order of the set, and what it
    means.
    """

    column: Column
    cells: Sequence[TableCell]
    note: str


def kkt_table(
    problem: Problem,
    kkt: KKTSet,
    digits: int = 30,
    most: int | None = None,
    every: bool = False,
    shown: int = SHOWN_DIGITS,
    more: Sequence[MoreColumn] = (),
) -> Table:
    """A row per KKT entry: planar ones by angle, others by value; `shown` digits for people, `digits` in the
    CSV.

    With more than `most` entries only so many, maxima first; notes count all. `every`: a column for every
    coordinate, whatever their number (for the CSV). `more` columns follow those of the set.
    """
    signs = output_signs(problem)
    found = {sign: basins(kkt, sign) for sign in signs}
    has_basins = all(each is not None for each in found.values())
    planar = isinstance(kkt, PlanarKKT)
    names = coordinate_names(problem, kkt)
    spread = every or len(names) <= MOST_COLUMNS
    order = _order(kkt, most)
    said = [_remark(kkt.points[i]) for i in order]
    remarks = list(dict.fromkeys(each for each in said if each and not each.startswith(OWN_RADIUS)))
    columns = [Column("kind", align="left")]
    columns += (
        [Column("angle", "°")]
        if planar
        else [Column(n) for n in names]
        if spread
        else [Column("point", align="left")]
    )
    columns += [Column("N", latex="$N$"), Column("gap γ")]
    if has_basins:
        columns += [_basin_column(sign, len(signs) > 1) for sign in signs]
    columns += [each.column for each in more]
    noted = bool(remarks) or (every and any(said))
    if noted:
        columns.append(Column("note", align="left", key="remark"))
    table = Table(f"KKT points of the constrained NCF of {kkt.of}", columns, label="tab:kkt")
    for i, remark in zip(order, said, strict=True):
        point = kkt.points[i]
        row = [TableCell(point.kind)]
        if isinstance(point, PlanarPoint):
            row.append(_angle(point, digits, shown))
        elif spread:
            row += [_coordinate(ball, digits, shown - FEWER_DECIMALS) for ball in point.point]
        else:
            row.append(_sparse(names, point, digits))
        row += [
            _number(ball, digits, shown) if ball is not None else TableCell("–", "")
            for ball in (point.value, point.gap)
        ]
        for each in found.values():
            if has_basins and each is not None:
                row.append(_share(each[i].fraction, digits))
        row += [each.cells[i] for each in more]
        if noted:
            row.append(TableCell(f"({remarks.index(remark) + 1})" if remark in remarks else "", remark))
        table.add(*row)
    table.notes += [each.note for each in more]
    table.notes += [f"({number}) {remark}" for number, remark in enumerate(remarks, 1)]
    if has_basins and len(signs) > 1:
        table.notes.append("basin ±: of neurons with output weights > 0 and < 0; the latter flow down.")
    table.notes += notes(kkt, most)
    if order:
        what = "Every other number" if more else "Every number"
        table.notes.append(f"{what} is proved to within one unit of its last digit.")
    return table


def fitting_kkt_table(
    problem: Problem, kkt: KKTSet, digits: int, most: int | None, width: int, more: Sequence[MoreColumn] = ()
) -> Table:
    """The table with as many digits as `width` characters hold, at least `FEWEST_DIGITS`."""
    for shown in range(SHOWN_DIGITS, FEWEST_DIGITS, -1):
        table = kkt_table(problem, kkt, digits, most, shown=shown, more=more)
        if table.width() <= width:
            return table
    return kkt_table(problem, kkt, digits, most, shown=FEWEST_DIGITS, more=more)


def notes(kkt: KKTSet, most: int | None = None) -> list[str]:
    """What is proved about the list as a whole, as sentences."""
    count = len(kkt.points)
    kinds = Counter(p.kind for p in kkt.points)
    counted = ", ".join(
        f"{kinds[kind]} {kind if kinds[kind] == 1 else _PLURALS[kind]}" for kind in KINDS if kinds[kind]
    )
    if kkt.status == Status.COMPLETE:
        found = [
            f"The list is complete ({counted}): there is no other KKT point. Proof: "
            f"{kkt.method}{_visited(kkt)}."
        ]
    else:
        what = (
            f"Each of these ({counted}) is a KKT point, but there may be others"
            if count
            else "No KKT point is proved"
        )
        found = [f"{what}: {kkt.reason.rstrip('.')}."]
        if kkt.n_max is not None and kkt.n_min is not None:
            low, high = (
                rounded_text(kkt.n_min.lower(), SHOWN_DIGITS),
                rounded_text(kkt.n_max.upper(), SHOWN_DIGITS, up=True),
            )
            found.append(f"On the whole sphere {low} ≤ N ≤ {high}.")
    if most is not None and count > most:
        found.append(f"{most} of {count} are shown, maxima first; --csv and --json give all.")
    return found


def _visited(kkt: KKTSet) -> str:
    counted = (f"{count:,} {name}" for name, count in sorted(kkt.counts.items()) if count > 1)
    visited = ", ".join(counted)
    return f" ({visited})" if visited else ""


def coordinate_names(problem: Problem, kkt: KKTSet) -> list[str]:
    """The names of the coordinates of the points: u1, u2, ... of a neuron, w1, ..., v of one with an output
    weight.
    """
    network = problem.network
    if kkt.of != "one neuron" or not isinstance(network, FeedForward):
        return list(network.weight_names)
    inputs = network.widths[min(network.trained) - 1]
    if network.depth in network.trained:
        return [*(f"w{i + 1}" for i in range(inputs)), "v"]
    return [f"u{i + 1}" for i in range(inputs)]


def output_signs(problem: Problem) -> tuple[int, ...]:
    """The signs of the given output weights, which turn the flow of a neuron around; (1,) where they are
    trained.
    """
    network = problem.network
    if not isinstance(network, FeedForward) or network.depth not in network.given or not network.separable:
        return (1,)
    weights = network.given[network.depth][0]
    return tuple(sign for sign in (1, -1) if any(sign * v > 0 for v in weights)) or (1,)


def _order(kkt: KKTSet, most: int | None) -> list[int]:
    """The entries in the order of the rows."""
    everything = range(len(kkt.points))
    height = [p.value.mid() for p in kkt.points]
    if most is not None and len(everything) > most:
        return sorted(everything, key=lambda i: (KINDS.index(kkt.points[i].kind), -height[i]))[:most]
    return list(everything) if isinstance(kkt, PlanarKKT) else sorted(everything, key=lambda i: -height[i])


def _basin_column(sign: int, both: bool) -> Column:
    if not both:
        return Column("basin", "%", key="basin")
    return Column(f"basin {'+' if sign > 0 else '−'}", "%", key=f"basin of sign {sign}")


def _remark(point: KKTPoint) -> str:
    """What the numbers of a row do not say: that they are one point of a set, and the reason of the kind."""
    if isinstance(point, PlanarPoint) or point.continuum is None:
        return point.reason
    size = point.continuum
    if size.dimension == 0:
        what = "one of several points"
    elif len(size.lines) == len(point.point):
        return point.reason
    else:
        what = "set" if size.dimension is None else f"set of dimension {size.dimension}"
    return f"{what}; {point.reason or size.equation or 'see --json'}"


def _number(ball: Ball, digits: int, shown: int) -> TableCell:
    text, raw = (last_digit_text(ball.mid(), ball.radius(), count) for count in (shown, digits))
    return TableCell(plus_minus_text(Fraction(0), abs(ball).upper()) if text.startswith("0e") else text, raw)


def _coordinate(ball: Ball, digits: int, decimals: int) -> TableCell:
    # Of a unit vector: places after the point, not digits, are of one worth.
    places = (-decimals, -digits)
    return TableCell(*(last_digit_text(ball.mid(), ball.radius(), digits, place) for place in places))


def _share(ball: Ball, digits: int) -> TableCell:
    text = last_digit_text(ball.mid(), ball.radius(), digits, -digits)
    return TableCell(last_digit_text(ball.mid() * 100, ball.radius() * 100, SHARE_DIGITS, -2), text)


def _angle(point: PlanarPoint, digits: int, shown: int) -> TableCell:
    if point.start_deg is None or point.end_deg is None:
        return _number(point.angle_deg, digits, shown)
    start, end = (_number(ball, digits, shown) for ball in (point.start_deg, point.end_deg))
    return TableCell(f"{start.text} to {end.text}", f"{start.raw} to {end.raw}")


def _sparse(names: Sequence[str], point: KKTPoint, digits: int) -> TableCell:
    """The largest coordinates by name, and what the others are."""
    order = sorted(range(len(names)), key=lambda i: -abs(point.point[i].mid()))
    named = sorted(i for i in order[:LARGEST] if point.point[i].sign() != 0)
    text = ", ".join(
        f"{names[i]} = {_coordinate(point.point[i], digits, LARGEST_DECIMALS).text}" for i in named
    )
    others = [point.point[i] for i in range(len(names)) if i not in named]
    rest = (
        ""
        if not others
        else "; others 0"
        if all(ball.sign() == 0 for ball in others)
        else f"; {len(others)} more"
    )
    return TableCell(
        text + rest, " ".join(_coordinate(ball, digits, LARGEST_DECIMALS).raw for ball in point.point)
    )
