"""Hand-made claims: two blocks of order 2 with one more that is inconclusive, and one block of order 3."""

from __future__ import annotations

from fractions import Fraction
from typing import Any


def block(index: int, outcome: str = "converges", **more: Any) -> dict[str, Any]:
    """One block of a claim, with the fields of its outcome."""
    record: dict[str, Any] = {"index": index, "weights": [2 * index, 2], "outcome": outcome, "reason": ""}
    record |= dict.fromkeys(
        ("kkt_point", "support", "value", "gap", "horizon", "angle_at_horizon", "angle_at_radius", "law")
    )
    if outcome in ("converges", "shrinks"):
        sign = "" if outcome == "converges" else "-"
        record |= {
            "kkt_point": {"centre": ["1*2^0", "1*2^-3"], "radius": "1/1000000000000"},
            "support": [index],
            "value": sorted([f"{sign}848853/1000000", f"{sign}848854/1000000"], key=Fraction),
            "gap": ["925327/1000000", "925329/1000000"],
            "horizon": "25/4",
            "angle_at_horizon": "123456/20000000",
            "angle_at_radius": "99/10000",
            "law": {"exponent": ["53/100", "53/100"], "coefficient": "7/2", "floor": "4/5"},
        }
    return record | more


def separable(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A claim of order 2 about several blocks."""
    return {
        "statement": "early-direction",
        "order": 2,
        "epsilon": "1/100",
        "delta_bar": "34567/100000000000000",
        "start_angle": "0",
        "problem_sha256": "0" * 64,
        "loss": {"kind": "square", "reduction": "mean"},
        "assumptions": ["The flow is exact."],
        "horizon": {"scaled_time": "142345678901/16000000000", "norm_over_delta": None},
        "growth": {"factor_squared": "123456789/1000000"},
        "n_max_upper": "31/10",
        "radius": "1/10",
        "time_to_radius": {
            "start_radius_over_delta": ["10001/1000", "110007/10000"],
            "n_lower": "8/10",
            "n_upper": "9/10",
            "start_time": ["142345678901/16000000000", "142345678901/16000000000"],
        },
        "blocks": list(blocks) or [block(0), block(1)],
    } | more


def joint(**more: Any) -> dict[str, Any]:
    """A claim of order 3 about all weights."""
    times = {
        "start_radius_over_delta": ["2/1", "3/1"],
        "n_lower": "6/10",
        "n_upper": "7/10",
        "start_time": ["59/10", "6/1"],
    }
    return (
        separable(
            block(0),
            order=3,
            horizon={"scaled_time": "6", "norm_over_delta": None},
            delta_bar="1/100000",
            time_to_radius=times,
        )
        | more
    )
