"""How often random problems end in a theorem, by family, and why where they do not.

    python benchmarks/coverage.py [--family NAME ...] [--trials N] [--seed S] [--jobs J] [--time-limit T]
                                  [--no-check]

The problem of a family, a seed and a number is always the same. Numbers are normal with three decimals, and
epsilon is 1/100, unless the family says otherwise. An outcome counts once the checker has accepted the
certificate; `--no-check` leaves that out. The cause of a problem is that of most of its blocks. Each
family's figures go to `coverage.json` as soon as it is done, those of the others there stay as they were, and
`coverage.png` is drawn from all of them. Times are wall times, also the limit for a problem.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from functools import partial
from math import log10
from pathlib import Path
from statistics import median
from typing import Any

from certflow.algebra.directions import dot
from certflow.certifying import certify
from certflow.flow.endings import Ending
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Outcome
from certflow.problem import Problem
from certflow.report import figures
from certflow.running import deadline

EPSILON = Fraction(1, 100)
NEURONS = 5
LEAK = Fraction(1, 10)
EXPRESSIONS = (
    ("u1 u2 v1 v2", "(u1**2 - v1**2)*x1 + (u2**2 - v2**2)*x2"),
    ("u1 u2 v1 v2", "u1*v1*x1 + u2*v2*x2"),
    ("u1 u2 v1 v2 w1 w2", "u1*v1*w1*x1 + u2*v2*w2*x2"),
    ("u1 u2 v1 v2", "(u1**3 - v1**3)*x1 + (u2**3 - v2**3)*x2"),
    ("u1 u2 v1 v2", "(u1*x1 + u2*x2)*(v1*x1 + v2*x2)"),
    (
        "u1 u2 v1 v2 s1 s2 t1 t2",
        "(u1*x1 + u2*x2)*(v1*x1 + v2*x2) + (s1*x1 + s2*x2)*(t1*x1 + t2*x2)",
    ),
    ("u1 u2 v1 v2", "(u1*x1 + u2*x2)**2 - (v1*x1 + v2*x2)**2"),
    (
        "c1 c2 u1 u2 v1 v2 s1 s2 t1 t2",
        "(c1*x1 + c2*x2)*((u1*x1 + u2*x2)*(v1*x1 + v2*x2) + (s1*x1 + s2*x2)*(t1*x1 + t2*x2))",
    ),
    ("u1 u2", "max(u1*x1 + u2*x2, 0)**2 + max(u1*x2 + u2*x1, 0)**2"),
)
"""Diagonal, bilinear, two heads, quadratic, attention-like, shared weights."""

Rows = list[list[Fraction]]
Rng = random.Random


def normal(draw: Rng) -> Fraction:
    return Fraction(round(1000 * draw.gauss(0, 1)), 1000)


def normals(draw: Rng, size: int) -> list[Fraction]:
    return [normal(draw) for _ in range(size)]


def signs(draw: Rng, size: int) -> list[int]:
    return [draw.choice((1, -1)) for _ in range(size)]


def orthogonal(draw: Rng, d: int) -> Rows:
    """d rows of different lengths, orthogonal exactly: a reflection, scaled."""
    mirror = [Fraction(draw.choice((-3, -2, -1, 1, 2, 3))) for _ in range(d)]
    square = dot(mirror, mirror)
    sizes = [1 + abs(normal(draw)) for _ in range(d)]
    return [
        [size * ((i == j) - 2 * mirror[i] * mirror[j] / square) for j in range(d)]
        for i, size in enumerate(sizes)
    ]


def posed(
    draw: Rng,
    network: FeedForward | Expression,
    X: Rows,
    loss: str = "square",
    y: Sequence[Fraction] | None = None,
    direction: Sequence[Fraction] | None = None,
) -> Problem:
    """The problem of a network on these inputs; labels and start are normal if they are not given."""
    labels: Sequence[Any] = normals(draw, len(X)) if y is None else y
    if loss == "logistic":
        labels = [1 if label > 0 else -1 for label in labels]
    start = normals(draw, len(network.weight_names)) if direction is None else direction
    return Problem(network, X, labels, loss, list(start))


def neurons(
    draw: Rng,
    d: int,
    samples: int,
    alpha: Fraction = Fraction(0),
    power: int = 2,
    loss: str = "square",
    labels: Callable[[Fraction], Fraction] = Fraction,
) -> Problem:
    """One hidden layer with fixed signs."""
    network = OneLayer(d, NEURONS, Activation(alpha, power), signs(draw, NEURONS))
    X = [normals(draw, d) for _ in range(samples)]
    return posed(draw, network, X, loss, [labels(y) for y in normals(draw, samples)])


def deep(draw: Rng, widths: Sequence[int], power: int, alpha: int = 0, loss: str = "square") -> Problem:
    """All layers trained, six samples."""
    network = FeedForward(widths, Activation(Fraction(alpha), power))
    return posed(draw, network, [normals(draw, widths[0]) for _ in range(6)], loss)


def two_layer(
    draw: Rng, d: int, width: int, power: int, alpha: Fraction = Fraction(0), loss: str = "square"
) -> Problem:
    """Both layers trained, six samples."""
    network = TwoLayer(d, width, Activation(alpha, power))
    return posed(draw, network, [normals(draw, d) for _ in range(6)], loss)


def leaky(draw: Rng) -> Problem:
    return neurons(draw, draw.choice((2, 3)), 6, LEAK)


def toy(draw: Rng) -> Problem:
    """Inputs and labels are -1, 0 or 1 in the plane, often repeated or opposite; the start is normal."""
    X = [[Fraction(draw.randint(-1, 1)) for _ in range(2)] for _ in range(5)]
    y = [Fraction(draw.choice((-1, 1))) for _ in X]
    return posed(draw, OneLayer(2, NEURONS, Activation(Fraction(0), 2), signs(draw, NEURONS)), X, y=y)


def squares(draw: Rng) -> Problem:
    """Sum of s_j (w_j . x)^2: no kinks."""
    return neurons(draw, 3, 6, Fraction(1))


def expression(draw: Rng) -> Problem:
    weights, output = draw.choice(EXPRESSIONS)
    network = Expression(weights.split(), ["x1", "x2"], output)
    return posed(draw, network, [normals(draw, 2) for _ in range(5)])


def orthogonal_neurons(draw: Rng) -> Problem:
    return posed(
        draw, OneLayer(3, NEURONS, Activation(Fraction(0), 2), signs(draw, NEURONS)), orthogonal(draw, 3)
    )


def alike(draw: Rng) -> Problem:
    """Orthogonal axes, of which two are alike: N has equal eigenvalues, for neurons without kinks everywhere,
    for the others where they start.
    """
    first, second, third = orthogonal(draw, 3)
    one, other, size = dot(first, first), dot(second, second), dot(third, third)
    share = Fraction(draw.randint(8, 56), 64)
    tilt = Fraction(round(64 * (float(share * one / size / (1 + one / other))) ** 0.5), 64)
    rows = [
        [a + sign * tilt * c for a, c in zip(axis, third, strict=True)]
        for axis in (first, second)
        for sign in (1, -1)
    ]
    labels = [Fraction(1), Fraction(1), one / other, one / other]
    start = []
    for _ in range(3):
        a, b, c = abs(normal(draw)) + 1, abs(normal(draw)) + 1, normal(draw) / 8
        start += [a * x + b * y + c * z for x, y, z in zip(first, second, third, strict=True)]
    alpha = draw.choice((0, 1))
    network = OneLayer(3, 3, Activation(Fraction(alpha), 2), signs(draw, 3) if alpha else [1, 1, 1])
    return posed(draw, network, rows, y=labels, direction=start)


def orthogonal_relu(draw: Rng) -> Problem:
    return posed(draw, TwoLayer(3, NEURONS, Activation(Fraction(0), 1)), orthogonal(draw, 3))


def twins(draw: Rng) -> Problem:
    """Two-layer, power 2; the first two of three neurons start equal, and so stay equal."""
    row, last = normals(draw, 2), normal(draw)
    start = [*row, *row, *normals(draw, 2), last, last, normal(draw)]
    X = [normals(draw, 2) for _ in range(6)]
    return posed(draw, TwoLayer(2, 3, Activation(Fraction(0), 2)), X, direction=start)


def kkt_starts(draw: Rng) -> Problem:
    """Orthogonal inputs, and every neuron starts on one: at a maximum, minimum or saddle of the NCF."""
    X = orthogonal(draw, 3)
    start = [value for _ in range(3) for value in draw.choice(X)]
    return posed(draw, OneLayer(3, 3, Activation(Fraction(0), 2), signs(draw, 3)), X, direction=start)


FAMILIES: dict[str, Callable[[Rng], Problem]] = {
    "deep linear 3-3-2-1": partial(deep, widths=(3, 3, 2, 1), power=1, alpha=1),
    "deep linear 4-4-4-1": partial(deep, widths=(4, 4, 4, 1), power=1, alpha=1),
    "deep linear 3-3-3-2-1": partial(deep, widths=(3, 3, 3, 2, 1), power=1, alpha=1),
    "deep linear, depth 2": partial(two_layer, d=3, width=3, power=1, alpha=Fraction(1)),
    "deep linear, width 1": partial(deep, widths=(3, 1, 1, 1), power=1, alpha=1),
    "one-layer d = 2": partial(neurons, d=2, samples=6),
    "one-layer d = 5": partial(neurons, d=5, samples=10),
    "one-layer d = 2, labels > 0": partial(neurons, d=2, samples=6, labels=abs),
    "one-layer d = 5, labels > 0": partial(neurons, d=5, samples=10, labels=abs),
    "3 samples, d = 5": partial(neurons, d=5, samples=3),
    "3 samples, d = 5, leaky": partial(neurons, d=5, samples=3, alpha=LEAK),
    "toy integers in the plane": toy,
    "one-layer leaky": leaky,
    "one-layer logistic d = 2": partial(neurons, d=2, samples=6, loss="logistic"),
    "one-layer logistic d = 5": partial(neurons, d=5, samples=10, loss="logistic"),
    "two-layer p = 2": partial(two_layer, d=2, width=3, power=2),
    "two-layer p = 2, logistic": partial(two_layer, d=2, width=3, power=2, loss="logistic"),
    "one-layer p = 3": partial(neurons, d=2, samples=6, power=3),
    "feed-forward p = 2, 2-3-3-1": partial(deep, widths=(2, 3, 3, 1), power=2),
    "feed-forward p = 2, logistic": partial(deep, widths=(2, 3, 3, 1), power=2, loss="logistic"),
    "feed-forward p = 3, 2-2-2-1": partial(deep, widths=(2, 2, 2, 1), power=3),
    "one-layer squares": squares,
    "expressions": expression,
    "two-layer ReLU": partial(two_layer, d=3, width=NEURONS, power=1),
    "two-layer leaky ReLU": partial(two_layer, d=3, width=NEURONS, power=1, alpha=LEAK),
    "orthogonal data, p = 1": orthogonal_relu,
    "orthogonal data, p = 2": orthogonal_neurons,
    "equal eigenvalues": alike,
    "twins": twins,
    "starts at KKT points": kkt_starts,
}

WORDS: dict[Ending, str] = {
    Ending.ZERO: "zero block",
    Ending.NO_GRADIENT_AT_START: "no gradient at start",
    Ending.KKT_START: "exact start",
    Ending.SADDLE: "saddle",
    Ending.FLAT: "flat limit",
    Ending.FADES: "fades",
    Ending.NO_GRADIENT: "N tends to 0",
    Ending.NOT_ISOLATED: "no isolated limit",
    Ending.TOO_SLOW: "too slow",
    Ending.TOO_LONG: "curve too long",
    Ending.KINKS: "too many kinks",
    Ending.OUT_OF_RANGE: "out of range",
    Ending.NO_BOUND: "no eigenvalue bound",
    Ending.NO_GAP: "gap not proved",
    Ending.SIZE_UNKNOWN: "sign of N unknown",
    Ending.TOO_FINE: "precision",
}
PHRASES: dict[str, str] = {
    **{ending.value.rstrip("."): word for ending, word in WORDS.items()},
    "the time limit of": "time limit",
    "the time limit was reached before the checker": "time limit of the check",
    "checker refuses": "refused by checker",
    "could not be proved by the checker": "too bold a proposal",
    "may jump at the kink": "refused by kind",
    "not piecewise polynomial": "refused by kind",
    "arrives so late": "arrives too late",
    "to be inside its trap": "not in its trap at the end",
    "inside its trap after the horizon": "leaves its trap later",
    "two solutions": "two solutions",
}
"""What is found in a reason, and the cause in few words; other reasons are shortened."""


def problem(family: str, seed: int, number: int) -> Problem:
    """The problem with this number; the families do not share numbers."""
    return FAMILIES[family](random.Random(f"coverage {family} {seed} {number}"))


def causes(reason: str) -> Counter[str]:
    """The causes in a reason and of how many blocks each is (1 where no blocks are named)."""
    found: Counter[str] = Counter()
    parts = re.split(r"\bblocks? (\d+(?:, \d+)*): ", reason)
    for blocks, text in zip(parts[1::2] or ["1"], parts[2::2] or parts[:1], strict=True):
        found[_short(text)] += len(blocks.split(","))
    return found


def _short(reason: str) -> str:
    for phrase, word in PHRASES.items():
        if phrase in reason:
            return word
    text = re.sub(r"[-+\d./e]*\d[-+\d./e]*", "#", reason.strip(" .;"))
    return text if len(text) <= 90 else f"{text[:90].rsplit(' ', 1)[0]} ..."


def measure(family: str, seed: int, number: int, limit: float, check: bool) -> dict[str, Any]:
    """How one problem ends."""
    posed_problem = problem(family, seed, number)
    begun = time.perf_counter()
    with deadline(limit):
        found = certify(posed_problem, EPSILON, check=check)
    seconds = time.perf_counter() - begun
    outcome = found.outcome
    why = causes(found.reason) if outcome is not Outcome.PROVED else Counter[str]()
    return {
        "number": number,
        "outcome": str(outcome),
        "causes": dict(why.most_common()),
        "fates": dict(Counter(str(block.outcome) for block in found.blocks)),
        "decided": sum(block.outcome.decided for block in found.blocks),
        "delta_bar": None if found.delta_bar is None else f"{_power_of_ten(found.delta_bar):.1f}",
        "seconds": round(seconds, 2),
        "reason": found.reason if outcome is not Outcome.PROVED else "",
    }


def _power_of_ten(value: Fraction) -> float:
    """The logarithm also of fractions that are no doubles."""
    bits = value.numerator.bit_length() - value.denominator.bit_length()
    return log10(value / Fraction(2) ** bits) + bits * log10(2)


def summary(family: str, seed: int, limit: float, check: bool, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of a family."""
    outcomes = Counter(row["outcome"] for row in rows)
    causes_of: Counter[str] = Counter(
        next(iter(row["causes"])) for row in rows if row["outcome"] == Outcome.INCONCLUSIVE
    )
    open_blocks: Counter[str] = Counter()
    fates: Counter[str] = Counter()
    for row in rows:
        fates.update(row["fates"])
        if row["outcome"] == Outcome.PARTIAL:
            open_blocks.update(row["causes"])
    bars = sorted(float(row["delta_bar"]) for row in rows if row["delta_bar"] is not None)
    return {
        "family": family,
        "problems": len(rows),
        "seed": seed,
        "time_limit": limit,
        "checked": check,
        **{str(outcome): outcomes[outcome] for outcome in Outcome},
        "inconclusive_by_cause": dict(causes_of.most_common()),
        "open_blocks_of_partial_by_cause": dict(open_blocks.most_common()),
        "decided_blocks": sum(row["decided"] for row in rows),
        "fates": dict(fates.most_common()),
        "log10_delta_bar": {"median": median(bars), "least": bars[0]} if bars else None,
        "seconds": {
            "median": round(median(row["seconds"] for row in rows), 2),
            "largest": max(row["seconds"] for row in rows),
        },
        "rows": [row for row in rows if row["outcome"] != Outcome.PROVED],
    }


SHOWN = 6
"""So many causes have a colour of their own; the rarer ones share one."""


@figures.styled
def figure(stored: Sequence[dict[str, Any]]) -> Any:
    """A bar per family: shares of proved, partial, branches, and inconclusive by cause."""
    total: Counter[str] = Counter()
    for row in stored:
        total.update(row["inconclusive_by_cause"])
    own = [cause for cause, _ in total.most_common(SHOWN)]
    looks = [("proved", figures.BLUE, ""), ("partial", figures.SKY, ""), ("branches", figures.GREEN, "")]
    inconclusive = (figures.ORANGE, figures.VERMILLION, figures.PURPLE)
    looks += [(cause, inconclusive[i % 3], "" if i < 3 else "////") for i, cause in enumerate(own)]
    looks += [("another cause", figures.GREY, "")] * (len(total) > SHOWN)
    drawn = figures.blank(figures.TWO_COLUMNS, 1.0 + 0.2 * len(stored))
    axes = drawn.subplots()
    left = [0.0] * len(stored)
    for name, colour, hatch in looks:
        shares = [100 * _count(row, name, own) / row["problems"] for row in stored]
        label = name if len(name) <= 40 else f"{name[:40].rsplit(' ', 1)[0]} …"
        axes.barh(
            range(len(stored)), shares, left=left, height=0.75, color=colour, hatch=hatch,
            edgecolor="white", linewidth=0.4, label=label,
        )  # fmt: skip
        left = [a + b for a, b in zip(left, shares, strict=True)]
    axes.set_yticks(range(len(stored)), [row["family"] for row in stored])
    axes.set_ylim(len(stored) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the random problems of the family")
    drawn.legend(loc="outside upper center", ncols=3)
    return drawn


def _count(row: dict[str, Any], name: str, own: Sequence[str]) -> int:
    """How many problems of a family have this part of the bar."""
    if name == "another cause":
        return sum(count for cause, count in row["inconclusive_by_cause"].items() if cause not in own)
    if name in own:
        return int(row["inconclusive_by_cause"].get(name, 0))
    return int(row[name])


def store(done: dict[str, Any]) -> None:
    """Put the figures of a family in the place of those stored, and draw all."""
    path = Path(__file__).with_suffix(".json")
    stored = json.loads(path.read_text("utf-8")) if path.exists() else []
    by_family = {row["family"]: row for row in [*stored, done]}
    rows = [by_family[family] for family in FAMILIES if family in by_family]
    path.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".png").write_bytes(figures.image(figure(rows), "png"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--family", action="append", choices=FAMILIES, metavar="NAME")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=20.0)
    parser.add_argument("--no-check", action="store_true")
    asked = parser.parse_args()
    with ProcessPoolExecutor(asked.jobs) as pool:
        for family in asked.family or FAMILIES:
            of_family = partial(measure, family, asked.seed, limit=asked.time_limit, check=not asked.no_check)
            rows = list(pool.map(of_family, range(asked.trials)))
            done = summary(family, asked.seed, asked.time_limit, not asked.no_check, rows)
            store(done)
            print(
                json.dumps({key: done[key] for key in done if key != "rows"}, ensure_ascii=False), flush=True
            )


if __name__ == "__main__":
    main()
