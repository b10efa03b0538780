"""Times of the complete planar KKT set at 30 digits, for data of three kinds. Run: python
benchmarks/planar_kkt.py [n ...]

- random: coordinates and labels with 17-digit denominators, no two alike;
- figure 1: exactly unit inputs and the labels 5 max(0,x1)² + 4 max(0,-x1)², denominators up to 10^12;
- ties: small integers, so that most critical lines carry many samples, with dead arcs and exact zeros.
"""

from __future__ import annotations

import random
import sys
import time
from fractions import Fraction

from certflow.kkt.neuron.circle import planar_kkt

Data = tuple[list[tuple[Fraction, Fraction]], list[Fraction]]


def random_data(n: int, rng: random.Random) -> Data:
    """Rationals without any common structure."""

    def number() -> Fraction:
        return Fraction(rng.randrange(-(10**17), 10**17), rng.randrange(1, 10**17))

    return [(number(), number()) for _ in range(n)], [number() for _ in range(n)]


def figure1_data(n: int, rng: random.Random) -> Data:
    """The data of figure 1 with n samples, mean loss."""
    X, z = [], []
    for _ in range(n):
        t = Fraction(rng.randrange(-(10**6), 10**6), rng.randrange(1, 10**6))
        x = (1 - t * t) / (1 + t * t), 2 * t / (1 + t * t)
        X.append(x)
        z.append((5 * max(Fraction(0), x[0]) ** 2 + 4 * max(Fraction(0), -x[0]) ** 2) / n)
    return X, z


def tied_data(n: int, rng: random.Random) -> Data:
    """Small integers: few directions, many samples on each."""
    X = [(Fraction(rng.randint(-9, 9)), Fraction(rng.randint(0, 9))) for _ in range(n)]
    return X, [Fraction(rng.randint(-3, 3)) for _ in range(n)]


def main(sizes: list[int]) -> None:
    """Print one line per kind of data and size."""
    print(
        f"{'data':10} {'n':>7} {'seconds':>8} {'points':>7}  largest radius (degrees; values over max(1, "
        f"|N|))"
    )
    for name, make in (("random", random_data), ("figure 1", figure1_data), ("ties", tied_data)):
        for n in sizes:
            X, z = make(n, random.Random(n))
            start = time.perf_counter()
            result = planar_kkt(X, z, digits=30)
            seconds = time.perf_counter() - start
            scale = max(Fraction(1), *(abs(p.value.mid()) for p in result.points))
            angle = max(p.angle_deg.radius() for p in result.points)
            value = max(p.value.radius() / scale for p in result.points)
            print(
                f"{name:10} {n:7} {seconds:8.2f} {len(result.points):7}  {float(angle):.1e} "
                f"{float(value):.1e}"
            )


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [100, 1_000, 10_000])
