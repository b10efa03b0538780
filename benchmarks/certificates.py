"""Certificates of the built-in problems: time to prove, time to check, size, delta_bar against estimates, and
tightness.

    python benchmarks/certificates.py [NAME ...] [--tightness]

The estimates are those of an unproved analysis of the same problems (epsilon = 0.01). Tightness is delta_bar
over the largest delta, on a grid of ten per decade, for which the reference flow (an approximation) satisfies
the same epsilon, T, C and R. The figures of the last run are in `certificates.json`.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

from certflow.flow.reference.flow import reference_flow
from certflow.problem import Problem
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.prove import certify

ESTIMATES = {
    "figure1": 3.4e-8,
    "l3-k20-s0": 9.6e-6,
    "l3-k20-s1": 6.9e-4,
    "l3-k20-s2": 7.2e-4,
    "l3-k220-s0": 1.0e-10,
    "l3-k220-s1": 2.7e-5,
    "l3-k220-s2": 1.1e-7,
    "l7-k32": 1.6e-5,
}


def measure(name: str, tight: bool) -> dict[str, Any]:
    """All figures of one problem."""
    problem = Problem.builtin(name)
    start = time.perf_counter()
    found = certify(problem, Fraction(1, 100))
    text = certificate(found)
    proved = time.perf_counter() - start
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "certificate.json"
        path.write_text(text, encoding="ascii")
        start = time.perf_counter()
        code = subprocess.run(
            [sys.executable, "-m", "certflow.checker", "--quiet", str(path)], check=False
        ).returncode
        checked = time.perf_counter() - start
    delta_bar = float(found.claim.delta_bar)
    figures = {
        "outcome": found.outcome,
        "delta_bar": delta_bar,
        "over_estimate": delta_bar / ESTIMATES[name],
        "radius": float(found.claim.radius),
        "certify_s": round(proved, 2),
        "check_s": round(checked, 2),
        "check_exit": code,
        "megabytes": round(len(text) / 1e6, 3),
        "steps": sum(len(steps) for group in found.evidence for steps in group.steps),
    }
    if tight:
        figures["tightness"] = tightness(problem, found.claim.to_json())
    return figures


def tightness(problem: Problem, claim: dict[str, Any]) -> float:
    """delta_bar over the largest delta of the grid at which the reference flow still does what the claim
    says.
    """
    delta_bar = Fraction(claim["delta_bar"])
    k = math.ceil(10 * math.log10(float(delta_bar)))
    while keeps(problem, claim, Fraction(10 ** (k / 10))):
        k += 1
    return float(delta_bar) / 10 ** ((k - 1) / 10)


def keeps(problem: Problem, claim: dict[str, Any], delta: Fraction) -> bool:
    """Whether the reference flow from this delta meets the claim's epsilon, T (or event), C and R."""
    radius, epsilon = Fraction(claim["radius"]), float(Fraction(claim["epsilon"]))
    if delta >= radius:
        return False
    flow = reference_flow(problem, delta, radius=radius, digits=20, check=False)
    stop = flow.time_at_norm(radius)
    scaled = claim["horizon"]["scaled_time"]
    if scaled is not None:
        begin = flow.context.mpf(Fraction(scaled).numerator) / Fraction(scaled).denominator
    else:
        begin = flow.time_at_norm(Fraction(claim["horizon"]["norm_over_delta"]) * delta)
    if stop is None or begin is None or begin > stop:
        return False
    largest = flow.context.sqrt(flow.context.mpf(float(Fraction(claim["growth"]["factor_squared"])))) * float(
        delta
    )
    if flow.context.exp(flow.log_norm(begin)) > largest:
        return False
    centres = [
        [float(Fraction(part)) if "*" not in part else _dyadic(part) for part in b["kkt_point"]["centre"]]
        for b in claim["blocks"]
    ]
    for i in range(25):
        at = begin + (stop - begin) * i / 24
        for j, centre in enumerate(centres):
            direction = flow.block_direction(j, at)
            inner = sum(float(a) * b for a, b in zip(direction, centre, strict=True))
            size = math.sqrt(sum(b * b for b in centre))
            across = math.sqrt(
                sum((float(a) - inner / size * b / size) ** 2 for a, b in zip(direction, centre, strict=True))
            )
            if math.atan2(across, inner / size) > epsilon:
                return False
    return True


def _dyadic(text: str) -> float:
    mantissa, exponent = text.split("*2^")
    return math.ldexp(int(mantissa), int(exponent))


def main() -> None:
    names = [name for name in sys.argv[1:] if not name.startswith("-")] or list(ESTIMATES)
    results = {}
    for name in names:
        results[name] = measure(name, "--tightness" in sys.argv)
        print(name, json.dumps(results[name]), flush=True)
    if len(names) == len(ESTIMATES):
        Path(__file__).with_suffix(".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
