"""How far two runs of the reference flow, of different precision, are apart: the estimate of its error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from certflow.running import tick

if TYPE_CHECKING:
    from certflow.flow.reference.flow import ReferenceFlow


def difference(flow: ReferenceFlow, other: ReferenceFlow) -> Any:
    """The largest difference of two runs over sample times: at equal time, or, for L > 2 near blow-up, where the norm at
    a given time has no correct digits, at equal norm together with the relative difference of the times."""
    ctx, worst = other.context, other.context.zero
    for time in flow.sample_times():
        tick()
        found = _distance(flow, time, other, ctx.mpf(time)) if time <= other.end_time else None
        if flow.order > 2 and flow.delta is not None and (found is None or found > ctx.mpf(10) ** (5 - flow.digits)):
            at = other.time_at_norm(ctx.exp(flow.log_norm(time)))
            found = None if at is None else max(_distance(flow, time, other, at), abs(at - time) / max(at, flow.time_unit))
        if found is not None:
            worst = max(worst, found)
    return worst


def _distance(flow: ReferenceFlow, time: Any, other: ReferenceFlow, at: Any) -> Any:
    """The largest difference of block directions and log norms at two times."""
    worst = other.context.zero
    for mine, theirs in zip(flow.paths, other.paths, strict=True):
        (a, log_a), (b, log_b) = mine.state(time), theirs.state(at)
        worst = max([worst, *(abs(x - y) for x, y in zip(a, b, strict=True))])
        if other.context.isfinite(log_a):
            worst = max(worst, abs(log_a - log_b))
    return worst
