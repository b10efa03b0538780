"""Every number that `certify` claims, against the 60-digit reference flow of small problems of every family.

Seeds are fixed; `reference_claims.py` says what is compared and why there is no tolerance. A larger hunt is
the same test with more seeds (CERTFLOW_PROFILE=nightly).
"""

import os
import random
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from soundness.random_problems import FAMILIES, random_problem
from soundness.reference_claims import Witness, angle, context, kkt_points, mp_number

from certflow.arithmetic.base import EXACT
from certflow.exact import number
from certflow.problem import Problem
from certflow.theorems.early_direction.prove import Certified, certify

EPSILON = Fraction(1, 50)
FIXED = [
    ("one-layer", 0, "third 1e-40"),
    ("one-layer", 3, "bar third 1e-500"),
    ("one-layer", 8, "bar"),
    ("one-layer cubed", 2, "third"),
    ("two-layer", 0, "bar"),
    ("two-layer linear", 0, "bar 1e-500"),
    ("two-layer linear", 7, "third 1e-40"),
    ("deep", 0, "bar"),
    ("trained below", 11, "third"),
    ("untrained below", 0, "bar 1e-40"),
    ("expression", 9, "third"),
    ("expression", 17, "bar"),
]
NIGHTLY = [(family, seed, "bar third 1e-40") for family in FAMILIES for seed in range(100, 140)]
CASES = NIGHTLY if os.environ.get("CERTFLOW_PROFILE") == "nightly" else FIXED


@cache
def proof(family: str, seed: int) -> Certified:
    """What is proved of a random problem."""
    return certify(random_problem(family, seed), EPSILON)


def deltas(text: str, bar: Fraction) -> list[Fraction]:
    """The deltas named in `text`, none above delta_bar."""
    named = {"bar": bar, "third": bar / 3, "1e-40": Fraction(1, 10**40), "1e-500": Fraction(1, 10**500)}
    return [min(named[each], bar) for each in text.split()]


@pytest.mark.parametrize(("family", "seed", "which"), CASES)
def test_every_number_of_the_claim_holds_for_the_reference_flow(family, seed, which):
    result = proof(family, seed)
    if CASES is NIGHTLY and not result.claim:
        pytest.skip(result.reason)
    assert result.outcome in ("proved", "partial"), result.reason
    points = kkt_points(result.problem, result.claim.to_json())
    for delta in deltas(which, number(result.claim.to_json()["delta_bar"], "delta_bar")):
        assert Witness(result.problem, result.claim.to_json(), delta, points).violations() == []


@pytest.mark.parametrize(("family", "seed"), sorted({(family, seed) for family, seed, _ in FIXED}))
def test_n_is_nowhere_above_its_claimed_maximum(family, seed):
    result, draw = proof(family, seed), random.Random(seed)
    problem, L = result.problem, result.problem.order
    bound = number(result.claim.to_json()["n_max_upper"], "n_max_upper")
    best = Fraction(0)
    for trial in range(60):
        # From half of the points one step uphill: closer to the maximum than chance comes.
        w = np.array(
            [Fraction(draw.randint(-99, 99), 100) for _ in range(problem.network.size)], dtype=object
        )
        if trial % 2:
            run = problem.network.forward(EXACT, w, problem.X)
            w = np.array(
                [Fraction(round(v * 2**20), 2**20) for v in problem.network.pullback(run, problem.z)],
                dtype=object,
            )
        value = sum(problem.network.outputs(EXACT, w, problem.X) * problem.z)
        if any(w) and value > 0:
            best = max(best, value * value / sum(w * w) ** L)
    assert best <= bound * bound


def turned(problem: Problem, phi: Fraction, seed: int) -> Problem:
    """The problem from another initial direction, at an angle a little below `phi`."""
    draw, ctx = random.Random(seed), context(50)
    w = [Fraction(v) for v in problem.direction]
    v = [Fraction(draw.randint(-99, 99)) for _ in w]
    inner = sum(a * b for a, b in zip(v, w, strict=True)) / sum(a * a for a in w)
    v = [a - inner * b for a, b in zip(v, w, strict=True)]
    ratio = ctx.norm([mp_number(ctx, a) for a in w]) / ctx.norm([mp_number(ctx, a) for a in v])
    t = Fraction(ctx.nstr(ratio * mp_number(ctx, phi) * ctx.mpf("0.999"), 20))
    moved = [a + t * b for a, b in zip(w, v, strict=True)]
    assert angle(ctx, [mp_number(ctx, a) for a in moved], [mp_number(ctx, a) for a in w]) <= mp_number(
        ctx, phi
    )
    return Problem(
        problem.network, problem.X, problem.y, problem.loss, direction=moved, name=f"{problem.name} turned"
    )


@pytest.mark.parametrize(("family", "seed"), [("one-layer", 8), ("two-layer", 8), ("two-layer linear", 7)])
def test_one_claim_holds_for_all_directions_within_its_start_angle(family, seed):
    problem, phi = random_problem(family, seed), Fraction(1, 5000)
    result = certify(problem, EPSILON, start_angle=phi)
    assert result.outcome == "proved", result.reason
    points = kkt_points(problem, result.claim.to_json())
    delta = number(result.claim.to_json()["delta_bar"], "delta_bar")
    other = turned(problem, phi, seed)
    assert Witness(other, result.claim.to_json(), delta, points, digits=30).violations() == []
