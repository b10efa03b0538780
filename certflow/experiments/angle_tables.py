"""The angle errors as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from certflow.arithmetic.base import mp_arithmetic
from certflow.exact import format_rational
from certflow.experiments.angle_error import Fit, Law
from certflow.experiments.lookahead import FLOOR_FACTOR, LARGEST_ANGLE, LEAST_GROWTH, SMALL
from certflow.experiments.time_near_origin import log10
from certflow.tables import Column, Table, TableCell, fixed_cell, number_cell, number_text

FIXED_TIME = "fixed_time"

DOUBTFUL = 0.05
"""A slope that differs from the predicted one by more than this, relatively, is doubted."""

_DOUBT = ", so that the window is too early or the fit cannot be relied on; the table says more"


def errors_table(law: Law, added: Sequence[str]) -> Table:
    """A row per delta: the smallest, median and largest error over the blocks, and how many of them are
    fitted there.
    """
    by_time = law.kind == FIXED_TIME
    columns = [
        Column("δ", key="delta"),
        *([Column("a = ‖w‖ᴸ", latex=r"$a=\|w\|^L$", key="a")] if by_time else []),
        *(
            [Column("error", "rad", key="error")]
            if len(law.fits) == 1
            else [Column(f"{name} error", "rad", key=name) for name in ("smallest", "median", "largest")]
        ),
        Column("fitted", key="fitted"),
    ]
    table = Table(_title(law), columns, label=f"tab:{law.kind}")
    for delta in dict.fromkeys(row.delta for row in law.rows):
        own = [row for row in law.rows if row.delta == delta]
        known = sorted(row.error for row in own if row.error is not None)
        low = f"< {number_text(law.resolution, 2)}"
        # Errors below the resolution come first in this order.
        ranked = [None] * (len(own) - len(known)) + known
        chosen = ranked if len(law.fits) == 1 else [ranked[0], ranked[len(ranked) // 2], ranked[-1]]
        cells = [TableCell(low) if error is None else number_cell(error, 4) for error in chosen]
        size = [_power(law.sizes[delta])] if by_time else []
        count = sum(row.in_window for row in own)
        mark = f"{delta}*" if delta in added else delta
        table.add(TableCell(mark, delta), *size, *cells, TableCell(f"{count} of {len(own)}", str(count)))
    if any(row.delta in added for row in law.rows):
        table.notes.append("*: added by certflow to have enough points for the fits.")
    if law.note:
        table.notes.append(law.note)
    return table


def _power(log10_value: float) -> TableCell:
    return number_cell(mp_arithmetic(20).context.mpf(10) ** log10_value, 2, 5)


def fits_table(law: Law) -> Table:
    """A row per block: the measured slope next to the predicted one, the window, and the floor."""
    by_time = law.kind == FIXED_TIME
    planar = any(fit.limit_deg is not None for fit in law.fits)
    columns = [
        Column("neuron", key="neuron"),
        *([Column("limit", "°", key="limit_deg")] if planar else []),
        Column("slope", key="slope"),
        Column("predicted", key="predicted"),
        Column("window of δ", align="left", key="window"),
        Column("points", key="points"),
        *([] if by_time else [Column("floor", "rad", key="floor")]),
    ]
    table = Table(f"Slopes. {_title(law)}", columns, label=f"tab:{law.kind}_fits")
    for fit in law.fits:
        window = "none" if fit.window is None else f"{fit.window[0]} to {fit.window[1]}"
        floor = [] if by_time else ["none" if fit.floor is None else number_cell(fit.floor, 2)]
        limit = [] if not planar else ["none" if fit.limit_deg is None else fixed_cell(fit.limit_deg, 3, 12)]
        table.add(
            str(fit.block + 1),
            *limit,
            _slope(fit.slope),
            _slope(fit.predicted),
            window,
            str(fit.points),
            *floor,
        )
    reasons: dict[str, list[str]] = {}
    for fit in law.fits:
        if fit.reason:
            reasons.setdefault(fit.reason, []).append(str(fit.block + 1))
    for reason, blocks in reasons.items():
        table.notes.append(f"No slope for {', '.join(blocks)}: {reason}.")
    table.notes += doubts(law)
    table.notes.append(_window_note(law))
    if len(law.fits) == 1:
        table.notes.append("Neuron 1 stands for the direction of all weights together.")
    return table


def _slope(value: float | None) -> TableCell:
    return TableCell("none") if value is None else TableCell(f"{value:.4f}", f"{value:.6f}")


def _title(law: Law) -> str:
    to = "" if law.kind == FIXED_TIME else "KKT point of the "
    return f"Angle error at {place(law)}: distance to the {to}limit flow"


def _window_note(law: Law) -> str:
    if law.kind == FIXED_TIME:
        return (
            f"Fitted where a ≤ {SMALL:g} and the error is well above the numerical resolution "
            f"{number_text(law.resolution, 2)}."
        )
    return (
        f"Fitted where R is at least {LEAST_GROWTH} δ and the error at most {LARGEST_ANGLE:g} and at least "
        f"{FLOOR_FACTOR} times "
        "the floor, which is estimated from the linearised flow and from the smallest δ. The predicted slope "
        "is that of the slowest term as δ → 0; faster terms, and blocks that grow at nearly the same rate, "
        "bend the line inside the window."
    )


def rows_table(law: Law) -> Table:
    """Every error, for the CSV."""
    columns = [
        Column("δ", key="delta"),
        Column("neuron", key="neuron"),
        Column("error", "rad", key="error"),
        Column("fitted"),
    ]
    table = Table(f"All errors. {_title(law)}", columns)
    for row in law.rows:
        error = (
            TableCell(f"< {number_text(law.resolution, 2)}")
            if row.error is None
            else number_cell(row.error, 6)
        )
        table.add(row.delta, str(row.block + 1), error, "yes" if row.in_window else "no")
    return table


def place(law: Law) -> str:
    """Where the errors are measured, in words."""
    at = format_rational(law.at)
    return f"the scaled time {at}" if law.kind == FIXED_TIME else f"‖w‖ = {at}"


def conclusion(law: Law, order: int) -> str:
    """What the fits show, in one sentence; a measurement, not a proof."""
    fitted = [fit for fit in law.fits if fit.slope is not None]
    whose = (
        f"slopes for {len(fitted)} of {len(law.fits)} neurons"
        if len(law.fits) > 1
        else "slope of the direction of all weights"
    )
    start = f"Angle error at {place(law)}: {whose}"
    if not fitted:
        return f"{start}: not measured; the table says why."
    start = f"{start}, measured {_span([fit.slope or 0.0 for fit in fitted])}"
    if law.kind == FIXED_TIME:
        return f"{start}; the law says {order}."
    worst = max(fitted, key=deviation)
    return (
        f"{start}; predicted {_span([fit.predicted or 0.0 for fit in fitted])}; the largest relative "
        f"difference is {deviation(worst):.1%}{f' (neuron {worst.block + 1})' if len(law.fits) > 1 else ''}"
        f"{_DOUBT if doubts(law) else ''}."
    )


def _span(values: Sequence[float]) -> str:
    low, high = f"{min(values):.4f}", f"{max(values):.4f}"
    return low if low == high else f"{low} to {high}"


def doubts(law: Law) -> list[str]:
    """A sentence for every slope that is not the predicted one: whether smaller values of delta come closer
    to it.
    """
    found = []
    for fit in law.fits:
        if fit.slope is None or fit.predicted is None or deviation(fit) <= DOUBTFUL:
            continue
        fitted = [
            row for row in law.rows if row.block == fit.block and row.in_window and row.error is not None
        ]
        (x0, y0), (x1, y1) = (
            (log10(row.delta), float(mp_arithmetic(20).context.log10(row.error))) for row in fitted[-2:]
        )
        last = (y1 - y0) / (x1 - x0)
        closer = abs(last / fit.predicted - 1) < deviation(fit)
        why = (
            "which is closer: in this window terms that decay faster still count, and smaller values of δ "
            "are needed"
            if closer
            else "which is no closer: faster terms, a floor, or blocks of nearly the same rate rule this "
            "window, and the fit cannot be relied on"
        )
        found.append(
            f"Neuron {fit.block + 1}: the measured slope {fit.slope:.4f} is not the predicted "
            f"{fit.predicted:.4f}; between the two smallest fitted values of δ it is {last:.4f}, {why}."
        )
    return found


def deviation(fit: Fit) -> float:
    """The relative difference of the slope from the predicted one; 0 if one of them is missing."""
    return abs(fit.slope / fit.predicted - 1) if fit.slope is not None and fit.predicted else 0.0
