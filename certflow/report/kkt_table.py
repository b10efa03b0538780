"""The planar KKT set as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from certflow.report.tables import Cell, Column, Table

if TYPE_CHECKING:
    from certflow.arithmetic.ball import Ball
    from certflow.kkt.planar import PlanarKKT, PlanarPoint

SHOWN_DIGITS = 10


def kkt_table(kkt: PlanarKKT, digits: int = 30) -> Table:
    """A row per KKT point or arc, by angle: `SHOWN_DIGITS` digits for people, `digits` in the CSV; all true as printed."""
    columns = [
        Column("kind", align="left"),
        Column("angle", "°"),
        Column("N", latex="$N$"),
        Column("gap γ"),
    ]
    table = Table("KKT points of the constrained NCF of one neuron", columns, label="tab:kkt")
    for point in kkt.points:
        table.add(point.kind, _angle(point, digits), _ball(point.value, digits), _ball(point.gap, digits))
    table.notes.append(f"The list is {kkt.status}; every number is a proved enclosure.")
    return table


def _ball(ball: Ball, digits: int) -> Cell:
    return Cell(ball.text(SHOWN_DIGITS), ball.text(digits))


def _angle(point: PlanarPoint, digits: int) -> Cell:
    if point.start_deg is None or point.end_deg is None:
        return _ball(point.angle_deg, digits)
    ends = (point.start_deg, point.end_deg)
    return Cell(*(" to ".join(end.text(shown) for end in ends) for shown in (SHOWN_DIGITS, digits)))
