"""The trade-off of a theorem: delta_bar against the number of blocks proved, the angle epsilon and the
radius R.

Every row is a theorem of its own with a certificate of its own, announced only after the independent checker
has accepted it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from certflow.arithmetic.doubles import logarithm
from certflow.atomic import file_name
from certflow.certificates import NOT_CHECKED, write_certificate
from certflow.certifying import Theorem, announced, unannounced
from certflow.exact import format_rational, shown
from certflow.outcome import BadInput, Fate, Inconclusive
from certflow.problem import Problem, ProblemSource
from certflow.progress import Progress, require_progress
from certflow.report.figures import save, trade_off_figure
from certflow.report.panels import TradePanel
from certflow.running import OutOfTime
from certflow.tables import Column, Table, TableCell, write_table
from certflow.theorems.early_direction.advice import asked_delta
from certflow.theorems.early_direction.words import down, number_runs, up
from certflow.theorems.registry import default_statement, having, theorem

NAME = "trade-off"
"""Of the table and the figure, without their endings."""


@dataclass(frozen=True, repr=False)
class TradeOffRow:
    """One theorem: `varied` says in what it differs from the one that was asked for ("" in nothing, "blocks",
    "epsilon", "radius", or "delta_bar" for one that was asked for as well), and `name` is that of its file.
    """

    varied: str
    name: str
    theorem: Theorem

    @property
    def claim(self) -> Any:
        """What it claims."""
        return self.theorem.claim

    @property
    def file(self) -> str:
        """The name of the file of its certificate."""
        return f"{self.name}.json"

    @property
    def proved(self) -> int:
        """Of how many blocks it is proved where they go."""
        return sum(block.outcome.decided for block in self.theorem.blocks)

    def record(self) -> dict[str, Any]:
        """The row for JSON."""
        found, claim = self.theorem, self.claim
        return {
            "row": self.name,
            "varied": self.varied or None,
            "epsilon": format_rational(claim.epsilon),
            "delta_bar": format_rational(claim.delta_bar),
            "radius": None if claim.radius is None else format_rational(claim.radius),
            "proved": [block.index + 1 for block in found.blocks if block.outcome.decided],
            "followed": [block.index + 1 for block in found.blocks if block.outcome is Fate.FOLLOWED],
            "outcome": str(found.outcome),
            "reason": found.reason,
            "sha256": found.sha256,
            "checked": found.checked,
            "fault": found.fault,
        }

    def __repr__(self) -> str:
        return f"<TradeOffRow {self.name}: {self.theorem!r}>"


@dataclass(repr=False)
class TradeOff:
    """The `rows` that are proved, the theorem that was asked for first; `stopped` says why there are no more,
    if the work was ended early. Without rows nothing is proved, and `reason` says why.
    """

    problem: Problem
    rows: list[TradeOffRow] = field(default_factory=list)
    reason: str = ""
    stopped: str = ""
    asked: Fraction | None = None

    @property
    def table(self) -> Table:
        """The rows as a table with `to_text`, `to_markdown`, `to_latex` and `to_csv`."""
        columns = [
            Column("row", align="left"),
            Column("proved"),
            Column("ε", key="epsilon"),
            Column("δ̄", latex=r"$\bar\delta$", key="delta_bar"),
            Column("R", latex="$R$", key="radius"),
            Column("not proved", align="left", width=110),
        ]
        found = Table("What a larger δ costs", columns, label="tab:trade-off")
        for row in self.rows:
            claim, count = row.claim, len(row.theorem.blocks)
            found.add(
                row.name,
                TableCell(f"{row.proved} of {count}", str(row.proved)),
                TableCell(up(claim.epsilon), format_rational(claim.epsilon)),
                TableCell(down(claim.delta_bar), format_rational(claim.delta_bar)),
                TableCell("∞")
                if claim.radius is None
                else TableCell(down(claim.radius), format_rational(claim.radius)),
                _missing(row.theorem),
            )
        if self.rows:
            found.notes += self._notes()
        return found

    def _notes(self) -> list[str]:
        notes = ["Every row is a theorem for every δ up to its bound, until ‖w‖ first exceeds R."]
        if any(row.varied == "blocks" for row in self.rows):
            notes.append(
                "Which blocks are given up is searched, not proved to be best; R is what is left for it."
            )
        if not all(row.theorem.checked for row in self.rows):
            notes.append(f"{NOT_CHECKED}.")
        if self.stopped:
            notes.append(f"Not complete: {self.stopped}")
        return notes

    def panels(self) -> list[TradePanel]:
        """What the figure shows: delta_bar over each of the three, where more than one row has it."""
        found = []
        for varied, label in (("blocks", "blocks proved"), ("epsilon", "ε"), ("radius", "R")):
            own = [row for row in self.rows if row.varied in ("", varied)]
            points = sorted((_place(row, varied), _log10(row.claim.delta_bar), not row.varied) for row in own)
            if len(points) > 1:
                x, y, asked = zip(*points, strict=True)
                found.append(TradePanel(label, np.array(x), np.array(y), np.array(asked), varied == "blocks"))
        return found

    def save(self, folder: str | os.PathLike[str]) -> list[str]:
        """Write the certificates of all rows, the table, and the figure if there is something to draw, into
        the folder, which is made if need be; returns the names of the files. Raises `BadInput` if it cannot.
        """
        place = Path(file_name(folder, "folder"))
        try:
            place.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"{place}: the folder cannot be made ({error.strerror}).") from error
        for row in self.rows:
            write_certificate(place / row.file, row.theorem.certificate)
        files = [row.file for row in self.rows]
        return files + self.save_pictures(place)

    def save_pictures(self, folder: Path) -> list[str]:
        """Write the table, and the figure if there is something to draw, into the existing folder."""
        files = write_table(self.table, folder, NAME) if self.rows else []
        panels = self.panels()
        asked = None if self.asked is None else _log10(self.asked)
        return [*files, *save(trade_off_figure(panels, asked), folder, NAME)] if panels else files

    def record(self) -> dict[str, Any]:
        """The result for JSON."""
        return {
            "rows": [row.record() for row in self.rows],
            "reason": self.reason,
            "stopped": self.stopped or None,
        }

    def __str__(self) -> str:
        return self.table.to_text() if self.rows else f"inconclusive: {self.reason}"

    def __repr__(self) -> str:
        return f"<TradeOff: {len(self.rows)} rows>" if self.rows else f"<TradeOff: {self.reason[:100]}>"

    def _repr_markdown_(self) -> str:
        return self.table.to_markdown() if self.rows else str(self)


TellRow = Callable[[TradeOffRow], None]
"""Told every row as soon as it is proved."""


def trade_off(
    problem: ProblemSource,
    epsilon: Any = None,
    start_angle: Any = None,
    progress: Progress | None = None,
    check: bool = True,
    delta_bar: Any = None,
    tell: TellRow | None = None,
) -> TradeOff:
    """The theorem of `certify`, and theorems that give up something for a larger delta_bar or the other way
    round: about fewer blocks, for other angles, and up to other radii.

    The arguments are those of `certify`; with `delta_bar` there is also the row of what is proved for every
    delta up to it. With `check` every row is accepted by the independent checker, and what it refuses is left
    out. Each row is told to `tell` as soon as it is there; once the time is over, those that are there are
    the result. Raises `BadInput` for numbers that make no sense, and for networks whose theorem has no such
    trade-off.
    """
    problem = Problem.load(problem)
    require_progress(progress)
    if not isinstance(check, bool):
        raise BadInput(f"check: expected True or False, got {shown(check)}.")
    of = theorem(default_statement(problem), "prove")
    part = of.part("trade_off")
    if part is None:
        able = ", ".join(having("trade_off"))
        raise BadInput(f"trade-off: there is none for the statement {of.statement}, only for {able}.")
    result = TradeOff(problem)
    if problem.loss.kind == "custom":
        result.reason = "certificates hold the square and the logistic loss only."
        return result
    if delta_bar is not None:
        result.asked = asked_delta(delta_bar)
    angle = 0 if start_angle is None else start_angle
    try:
        for each in part.compromises(problem, epsilon, angle, delta_bar, progress):
            try:
                found = announced(each.found, progress, check)
            except Inconclusive as error:
                found = unannounced(problem, error)
            if found.claim is None:
                result.reason = result.reason or found.reason
                continue
            row = TradeOffRow(each.varied, each.name, found)
            result.rows.append(row)
            if tell is not None:
                tell(row)
    except OutOfTime as error:
        result.stopped = str(error)
    return result


def _missing(found: Theorem) -> str:
    """The blocks of which it is not proved where they go."""
    kinds = {"followed": Fate.FOLLOWED, "nothing known": Fate.INCONCLUSIVE}
    parts = []
    for said, fate in kinds.items():
        own = [block.index + 1 for block in found.blocks if block.outcome is fate]
        if own:
            parts.append(f"{said}: {number_runs(own)}")
    return "; ".join(parts)


def _place(row: TradeOffRow, varied: str) -> float:
    """Where the row lies on the axis of its panel, on logarithmic ones as the decimal logarithm."""
    claim = row.claim
    if varied == "blocks":
        return row.proved
    value = claim.epsilon if varied == "epsilon" else claim.radius
    return -np.inf if value is None else _log10(value)


def _log10(value: Fraction) -> float:
    return logarithm(value) / float(np.log(10))
