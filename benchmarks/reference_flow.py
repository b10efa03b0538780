"""Taylor jets against `mpmath.odefun` on the square-loss flow of quadratic neurons, in one run.

    python benchmarks/reference_flow.py

Prints, per case, the median time of both over alternating repetitions, their ratio, and the largest
difference of the end points (both integrate to the same accuracy goal). Writes
benchmarks/reference_flow.json.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from fractions import Fraction
from pathlib import Path

import mpmath

from certflow import Activation, OneLayer, Problem, reference_flow
from certflow.flow.reference.limit_flow import limit_of

# (neurons, digits, end): at t = 3 all three flows have all but come to rest.
CASES = [(1, 30, Fraction(3)), (4, 30, Fraction(3)), (1, 100, Fraction(3))]
REPETITIONS = 5


def problem(width: int) -> Problem:
    """`width` quadratic neurons (activation z^2), 5 samples, 2 inputs."""
    rng = random.Random(7)
    X = [[Fraction(rng.randint(-100, 100), 100) for _ in range(2)] for _ in range(5)]
    y = [Fraction(rng.randint(-100, 100), 100) for _ in range(5)]
    direction = [Fraction(rng.randint(-100, 100), 100) for _ in range(2 * width)]
    return Problem(OneLayer(2, width, Activation(Fraction(1), 2)), X, y, direction=direction, reduction="sum")


def peer(p: Problem, delta: Fraction, end: Fraction, digits: int) -> list[mpmath.mpf]:
    """The same flow by mpmath.odefun with a hand-written right-hand side."""
    with mpmath.workdps(digits):
        X = [[mpmath.mpf(v.numerator) / v.denominator for v in row] for row in p.X]
        y = [mpmath.mpf(v.numerator) / v.denominator for v in p.y]
        w = [mpmath.mpf(v.numerator) / v.denominator for v in p.direction]
        scale = mpmath.mpf(delta.numerator) / delta.denominator / mpmath.sqrt(sum(v * v for v in w))

        def rhs(_: mpmath.mpf, u: list[mpmath.mpf]) -> list[mpmath.mpf]:
            gradient = [mpmath.mpf(0)] * len(u)
            for x, label in zip(X, y, strict=True):
                z = [u[i] * x[0] + u[i + 1] * x[1] for i in range(0, len(u), 2)]
                r = 2 * (label - sum(v * v for v in z))
                for j, v in enumerate(z):
                    gradient[2 * j] += r * v * x[0]
                    gradient[2 * j + 1] += r * v * x[1]
            return gradient

        return mpmath.odefun(rhs, 0, [v * scale for v in w])(mpmath.mpf(end.numerator) / end.denominator)


def main() -> None:
    """Run all cases and write the figures."""
    rows = []
    for width, digits, end in CASES:
        p, delta, ours, theirs = problem(width), Fraction(1, 10), [], []
        for _ in range(REPETITIONS):
            limit_of.cache_clear()
            start = time.perf_counter()
            flow = reference_flow(p, delta, time=end, digits=digits, check=False)
            weights = flow.weights(flow.end_time)
            ours.append(time.perf_counter() - start)
            start = time.perf_counter()
            reference = peer(p, delta, end, digits)
            theirs.append(time.perf_counter() - start)
        with mpmath.workdps(digits + 10):
            difference = max(abs(mpmath.mpf(a) - b) for a, b in zip(weights, reference, strict=True))
        row = {
            "neurons": width,
            "weights": 2 * width,
            "digits": digits,
            "jets_seconds": statistics.median(ours),
            "odefun_seconds": statistics.median(theirs),
            "ratio": statistics.median(t / o for t, o in zip(theirs, ours, strict=True)),
            "difference": mpmath.nstr(difference, 3),
        }
        rows.append(row)
        print(
            f"{width} neuron(s), {digits} digits: jets {row['jets_seconds']:.4f} s, odefun "
            f"{row['odefun_seconds']:.3f} s, ratio {row['ratio']:.0f}, difference {row['difference']}",
            file=sys.stderr,
        )
    (Path(__file__).parent / "reference_flow.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
