"""The answer of a query about one delta as tables: the horizon and each radius, then the angles of every block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import MAX_DELTA_EXPONENT, parse_rational
from certflow.report.tables import Cell, Column, Table

_DIGITS = 5
_TIME_DIGITS = 8


def answer_tables(answer: dict[str, Any]) -> list[Table]:
    """The tables of what `certflow.theorems.query.query` returned; all decimals are rounded to the safe side."""
    return [_events(answer), _angles(answer)]


def _events(answer: dict[str, Any]) -> Table:
    columns = [Column("event", align="left"), Column("‖w‖"), Column("t ≥"), Column("t ≤")]
    table = Table(f"When, for δ = {answer['delta']}", columns, label="tab:query-times")
    horizon = answer["horizon"]
    size = _cell(horizon["norm_upper"], up=True)
    table.add("horizon", Cell(f"≤ {size.text}", size.raw), *_times(horizon["time"]))
    since = "the horizon"
    if answer["start"] is not None and answer["order"] > 2:
        size, since = _cell(answer["start"]["norm_upper"], up=True), "t₁"
        table.add("t₁", Cell(f"≤ {size.text}", size.raw), *_times(answer["start"]["time"]))
    for row in answer["times"]:
        table.add(f"first ‖w‖ = ρ after {since}", _cell(row["radius"]), *_times(row["first_reached"]))
    return table


def _angles(answer: dict[str, Any]) -> Table:
    radii = [row["radius"] for row in answer["times"]]
    columns = [Column("block"), Column("outcome", align="left"), Column("at the horizon ≤", key="horizon")]
    columns += [Column(f"at ‖w‖ = {_cell(radius).text} ≤", key=radius) for radius in radii]
    table = Table("Angle of each block to its KKT point (radians)", columns, label="tab:query-angles")
    for block in answer["blocks"]:
        angles = [block["angle_at_horizon"], *(row["angle"] for row in block["angles"])]
        table.add(str(block["index"] + 1), block["outcome"], *(_cell(angle, up=True) for angle in angles))
    if radii:
        table.notes.append("From the horizon until ‖w‖ first exceeds R, whenever it has the stated value.")
    return table


def _times(pair: Sequence[str] | None) -> list[Cell]:
    low, high = pair or (None, None)
    return [_cell(low, digits=_TIME_DIGITS), _cell(high, True, _TIME_DIGITS)]


def _cell(text: str | None, up: bool = False, digits: int = _DIGITS) -> Cell:
    if text is None:
        return Cell("–", "")
    # Products of an extreme delta have larger exponents than delta itself.
    return Cell(rounded_text(parse_rational(text, "bound", 100 * MAX_DELTA_EXPONENT), digits, up), text)
