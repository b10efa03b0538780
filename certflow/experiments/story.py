"""What the main job says while it works, a few rows of each table, and its summary of five lines."""

from __future__ import annotations

import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from certflow.arithmetic.decimal_text import rounded_text
from certflow.certifying import Theorem
from certflow.experiments.angle_error import Law
from certflow.experiments.angle_tables import DOUBTFUL, deviation, fits_table
from certflow.experiments.theorem import CERTIFICATE
from certflow.experiments.time_near_origin import TimeRow, time_table
from certflow.kkt.points import KKTSet
from certflow.kkt.table import fitting_kkt_table
from certflow.outcome import Fate, Outcome
from certflow.problem import Problem
from certflow.tables import Table
from certflow.theorems.literature import Structure
from certflow.theorems.time_near_origin.times import NearOrigin

SHOWN_ROWS = 6
"""Rows of a table in the terminal; the files have all."""

SHOWN_WIDTH = 80
SHOWN_REASON = 150
"""Characters of a reason in the summary; the text above it and results.json have all."""

_ENDS: dict[Fate, tuple[str, str]] = {
    Fate.EXACT_START: ("stays at its KKT point", "stay at their KKT points"),
    Fate.FADES: ("fades", "fade"),
    Fate.DEAD: ("is dead", "are dead"),
    Fate.ZERO: ("stays zero", "stay zero"),
    Fate.STOPS: ("stops", "stop"),
    Fate.VANISHES: ("vanishes", "vanish"),
    Fate.FOLLOWED: ("is followed only", "are followed only"),
    Fate.BRANCHES: ("has several limit flows", "have several limit flows"),
    Fate.INCONCLUSIVE: ("is inconclusive", "are inconclusive"),
}
"""What one block and several do that come near no KKT point."""

MEASURED = "Measured with the reference flow, an approximation that proves nothing:"


def structure_part(parts: Structure, file: str) -> str:
    """What the literature says of the network, in a sentence; `file` has the derivation ("": nothing was
    written).
    """
    return f"The network. {parts.reason}" + (f" Its derivation and N: {file}" if file else "")


def kkt_part(problem: Problem, kkt: KKTSet, digits: int) -> Table:
    """The first KKT points, for the terminal."""
    return fitting_kkt_table(problem, kkt, digits, SHOWN_ROWS, SHOWN_WIDTH)


def times_part(problem: Problem, rows: Sequence[TimeRow], digits: int, written: bool) -> Table:
    """The times that are nearest to their bounds, for the terminal."""
    ranked = sorted(rows, key=lambda row: (row.holds is not False, row.ratio is None, row.ratio))
    return head(time_table(problem, ranked, digits), "time_near_origin.csv" if written else "")


def fits_part(law: Law, file: str) -> Table:
    """The slopes that differ most from the predicted ones, for the terminal."""
    ranked = sorted(law.fits, key=lambda fit: (fit.slope is None, -deviation(fit)))
    return head(fits_table(replace(law, fits=ranked)), file)


def head(table: Table, file: str) -> Table:
    """The first rows of the table, and in which `file` the others are ("": in none)."""
    more = len(table.rows) - SHOWN_ROWS
    note = [f"… {more} more{f' in {file}' if file else ''}"] if more > 0 else []
    return replace(table, rows=table.rows[:SHOWN_ROWS], notes=note)


def summary(
    theorem: Theorem,
    bounds: NearOrigin | None,
    laws: Sequence[Law],
    rows: Sequence[TimeRow],
    troubles: Sequence[str],
    failed: bool,
    folder: Path | None,
    files: Sequence[str],
) -> str:
    """Five lines: what was proved, what was measured, what failed or stayed open, where it lies, how to check
    it.
    """
    endings = [Path(name).suffix for name in files]
    counted = f"{endings.count('.csv')} tables, {endings.count('.png')} figures"
    lines = {
        "Proved": _proved(theorem, bounds),
        "Measured": _measured(laws, rows),
        "Failed" if failed else "Open": "; ".join(troubles) or "nothing",
        "Written": "nothing" if folder is None else f"{folder}: results.json, {counted}",
        "Check": "there is no certificate",
    }
    if theorem.certificate and folder is not None:
        lines["Check"] = f"certflow check {shlex.quote(str(folder / CERTIFICATE))}"
    elif theorem.certificate:
        lines["Check"] = ".theorem.check(), or .theorem.save(path) and `certflow check`"
    return "\n".join(f"{label + ':':9} {text.rstrip('.')}" for label, text in lines.items())


def short(reason: str) -> str:
    """As much of a reason as the summary has room for."""
    return textwrap.shorten(reason, SHOWN_REASON, placeholder=" …").rstrip(".")


def _proved(theorem: Theorem, bounds: NearOrigin | None) -> str:
    claim = theorem.claim
    if claim is None and bounds is None:
        return "nothing"
    if claim is None:
        return "lower bounds of the time near the origin, for every δ (L2); no theorem on directions"
    if theorem.outcome is Outcome.BRANCHES:
        return "the limit flow branches: it has more than one solution from this direction"
    bar = "" if theorem.delta_bar is None else f"δ ≤ {rounded_text(theorem.delta_bar, 4)}: "
    return f"{bar}{'; '.join(_ends(claim))}"


def _ends(claim: Any) -> list[str]:
    """What becomes of how many blocks."""
    fates = Counter(block.outcome for block in claim.blocks)
    turning = sum(count for fate, count in fates.items() if fate not in _ENDS)
    points = "a KKT point" if turning == 1 else "KKT points"
    near = f"within {rounded_text(claim.epsilon, 4, up=True)} of {points}"
    total = len(claim.blocks)
    verb = "comes" if turning == 1 else "come"
    said = [f"{turning} of {total} block{'s' if total > 1 else ''} {verb} {near}"] if turning else []
    for fate, (one, several) in _ENDS.items():
        count = fates[fate]
        if count:
            of = "" if said else f" of {total} block{'s' if total > 1 else ''}"
            said.append(f"{count}{of} {one if count == 1 else several}")
    return said


def _measured(laws: Sequence[Law], rows: Sequence[TimeRow]) -> str:
    found = [deviation(fit) for law in laws for fit in law.fits if fit.slope is not None]
    times = [row for row in rows if row.time is not None]
    said = []
    if found:
        agreeing = sum(each <= DOUBTFUL for each in found)
        said.append(f"{agreeing} of {len(found)} slopes agree to {DOUBTFUL:.0%} (worst {max(found):.1%})")
    if times:
        said.append(f"{sum(row.holds is True for row in times)} of {len(times)} bounds hold")
    return "; ".join(said) or "nothing"
