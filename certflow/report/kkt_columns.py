"""Where directions flow that are not on the circle, as columns of the table of KKT points: estimates, and
proved limits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from certflow.kkt.table import MoreColumn
from certflow.tables import Column, TableCell
from certflow.theorems.early_direction.words import number_runs

if TYPE_CHECKING:
    from certflow.kkt.basins_sampled import BasinEstimate, Share
    from certflow.theorems.basin.prove import Destination


WIDE = 2.0
"""An interval wider than this percentage needs no places after the point."""


def estimate_column(estimate: BasinEstimate, both: bool) -> MoreColumn:
    """The estimated basins for one sign of the output (`both`: there are neurons of both signs)."""
    sign = f" {'+' if estimate.sign > 0 else '−'}" if both else ""
    column = Column(f"basin{sign} ≈", "%", key=f"basin estimate of sign {estimate.sign}")
    cells = [TableCell(_percent(share), f"{share.fraction:.6g}") for share in estimate.shares]
    note = (
        f"basin{sign} ≈: an estimate from {estimate.starts:,} random initial directions, with a "
        f"{100 * estimate.confidence:g} % confidence interval for each entry by itself; "
        f"{_percent(estimate.elsewhere)} ended near none of them."
    )
    return MoreColumn(column, cells, note)


def _percent(share: Share) -> str:
    fraction, low, high = (100 * v for v in (share.fraction, share.low, share.high))
    if not share.hits:
        return f"0 (≤ {high:.1f})"
    places = 0 if high - low > WIDE else 1
    return f"{fraction:.{places}f} ({low:.{places}f} to {high:.{places}f})"


def estimate_record(estimate: BasinEstimate) -> dict[str, Any]:
    """The estimate with its decimals as text, under `approx` because it proves nothing."""
    return {"approx": _texts(estimate.to_json())}


def _texts(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dict):
        return {key: _texts(each) for key, each in value.items()}
    return [_texts(each) for each in value] if isinstance(value, list) else value


def limit_column(limits: Sequence[Destination], entries: int, joint: bool) -> MoreColumn:
    """Which blocks of the problem's own initial direction are proved to flow to each of the `entries`;
    `joint`: all weights are one block.
    """
    blocks: dict[int, list[int]] = {}
    for limit in limits:
        if limit.entry is not None:
            blocks.setdefault(limit.entry, []).append(limit.block + 1)
    cells = [
        TableCell(("all" if joint else number_runs(blocks[i])) if i in blocks else "") for i in range(entries)
    ]
    name, those = ("weights", "all weights together") if joint else ("blocks", "those that")
    note = f"{name}: of the problem's own initial direction, {those} are proved to flow to the point."
    reasons = Counter(limit.reason.rstrip(".") for limit in limits if limit.entry is None)
    if reasons:
        counted = (
            f"{'' if joint else f'{count} '}({reason or 'no reason is known'})"
            for reason, count in reasons.items()
        )
        note += f" Not proved{'' if joint else ' for'} {'; '.join(counted)}."
    return MoreColumn(Column(name, align="left"), cells, note)
