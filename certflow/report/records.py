"""JSON records that several commands share: a problem, a KKT set, versions. Numbers are exact text."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from certflow.exact import format_rational
from certflow.problem import Problem

if TYPE_CHECKING:
    from certflow.kkt.points import KKTSet
    from certflow.ncf.exact import NCF

_PACKAGES = ("numpy", "mpmath", "gmpy2", "sympy", "python-flint", "matplotlib")


def problem_record(problem: Problem) -> dict[str, Any]:
    """What was computed on: names, sizes, loss, hash, and the exact initial direction (the authority if
    seeded).
    """
    return {
        "name": problem.name,
        "sha256": None if problem.loss.kind == "custom" else problem.sha256,
        "network": problem.network.to_table(),
        "order": problem.order,
        "weights": problem.network.size,
        "samples": problem.n,
        "inputs": problem.inputs,
        "loss": {"kind": problem.loss.kind, "reduction": problem.loss.reduction},
        "seed": problem.seed,
        "direction": [format_rational(value) for value in problem.direction],
    }


def versions_record() -> dict[str, str]:
    """The versions of certflow, Python and the packages that compute."""
    from certflow import __version__

    return {
        "certflow": __version__,
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def ncf_record(problem: Problem, ncf: NCF, exact: bool) -> dict[str, Any]:
    """The record of `certflow ncf --json`: text, LaTeX, and for planar neurons the exact `arcs` of the
    circle.

    An arc goes from the direction of the integer vector `from` to that of `to`; on it N is the sum of
    cosines[k] cos(k t) + sines[k] sin(k t).
    """
    record: dict[str, Any] = {"problem": problem_record(problem), "order": problem.order}
    record |= {"text": ncf.text(None, exact), "latex": ncf.latex(None, exact)}
    if ncf.is_planar:
        record["arcs"] = [
            {
                "from": [str(v) for v in arc.start],
                "to": [str(v) for v in arc.end],
                "active": str(arc.active),
                "cosines": {str(k): format_rational(v) for k, v in sorted(arc.cosines.items())},
                "sines": {str(k): format_rational(v) for k, v in sorted(arc.sines.items())},
            }
            for arc in ncf.arcs()
        ]
    return record


def kkt_record(kkt: KKTSet | None, reason: str = "") -> dict[str, Any]:
    """`kkt_status` and `kkt` of results.json and `certflow kkt --json`; with the `reason` where nothing was
    enumerated.

    Where the basins are known, every entry has those of a neuron with output sign 1 and of one with -1.
    """
    from certflow.kkt.basins import basins

    if kkt is None:
        return {"kkt_status": "not enumerated", "kkt": [], "reason": reason}
    record = kkt.to_json()
    for sign in (1, -1):
        for entry, basin in zip(record["kkt"], basins(kkt, sign) or (), strict=False):
            entry.setdefault("basins", []).append({"sign": sign, **basin.to_json()})
    return record
