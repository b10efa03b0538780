"""JSON records that several commands share: a problem, a KKT set, versions. Numbers are exact text."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import TYPE_CHECKING, Any

from certflow.exact import format_rational
from certflow.problem import Problem

if TYPE_CHECKING:
    from certflow.kkt.planar import PlanarKKT

_PACKAGES = ("numpy", "mpmath", "gmpy2", "sympy", "python-flint", "matplotlib")


def problem_record(problem: Problem) -> dict[str, Any]:
    """What was computed on: names, sizes, loss, hash, and the exact initial direction (the authority if seeded)."""
    return {
        "name": problem.name,
        "sha256": problem.sha256,
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


def kkt_record(problem: Problem, kkt: PlanarKKT | None) -> dict[str, Any]:
    """`kkt_status` and `kkt` of results.json and `certflow kkt --json`; with the `reason` where nothing was enumerated."""
    from certflow.kkt.planar import why_not_enumerated

    if kkt is None:
        return {"kkt_status": "not enumerated", "kkt": [], "reason": why_not_enumerated(problem)}
    return kkt.to_json()
