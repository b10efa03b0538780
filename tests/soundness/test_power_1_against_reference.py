"""Every number of theorems about power 1 against the coupled flow with its kinks located to 60 digits, from
delta_bar down to 1e-500; `power_1_claims.py` says what is compared.

CERTFLOW_PROFILE=nightly adds the large example and random problems.
"""

from __future__ import annotations

import os
import random
from dataclasses import replace
from fractions import Fraction
from functools import cache
from types import SimpleNamespace

import pytest
from lone_neurons import random_neuron
from soundness.power_1_claims import PowerOneWitness, limit_points
from soundness.test_claims_against_reference import deltas, turned
from source_tree import ROOT

import certflow as cf
from certflow.outcome import Fate, Inconclusive, Outcome

NIGHTLY = os.environ.get("CERTFLOW_PROFILE") == "nightly"
ALL = "bar third 1e-40 1e-500"
EPSILON = "1/100"


def two_layer(rows, labels, direction, alpha="0", loss="square"):
    d = len(rows[0])
    network = cf.TwoLayer(inputs=d, width=len(direction) // (d + 1), power=1, alpha=alpha)
    return cf.Problem(network, rows, labels, cf.Loss(loss), direction=direction)


def even(direction):
    """v |w x| on the sample 1, as in Figure 2."""
    return two_layer([["1"]], ["1"], direction, alpha="-1")


THREE_POINTS = [["-3/4", "1"], ["-1/2", "1"], ["1/8", "1"]]
THREE_LABELS = ["11/10", "1/10", "4/5"]
SLIDES_TO_A_STOP = ["399/401", "40/401", "861/1061", "620/1061", "21/221", "-220/221", "0", "0"]

PROBLEMS = {
    "two vanish, one shrinks": lambda: even(
        ["0", "3/5", "4/5", "-3/5", "-3/5", "1/5", "-1", "-4/5", "-3/5", "3/5", "-3/5", "0"]
    ),
    "v changes its sign": lambda: even(["0", "3/5", "4/5", "-3/5", "-1", "-4/5", "-3/5", "0"]),
    "stops, converges, dead, zero": lambda: two_layer(
        THREE_POINTS, THREE_LABELS, [*SLIDES_TO_A_STOP, "-1", "1", "1", "0"]
    ),
    "unbalanced": lambda: two_layer(
        THREE_POINTS, THREE_LABELS, ["861/1061", "620/1061", "-3/5", "4/5", "3/2", "11/10"]
    ),
    "crosses four kinks, leaky, logistic": lambda: two_layer(
        [["1", "2"], ["-3/2", "1"], ["1/2", "-1"]],
        ["1", "1", "-1"],
        ["3/5", "4/5", "-4/5", "1/2", "1", "-5/4"],
        alpha="1/10",
        loss="logistic",
    ),
    "slides on two kinks to a vertex": lambda: two_layer(
        [["2", "3/2", "1/2"], ["2", "-1", "1"], ["2", "-2", "-3/2"], ["-1/2", "0", "-3/2"]],
        ["-4/5", "1", "-1", "0"],
        ["8/9", "-4/9", "-1/9", "-3/4", "-1/4", "-3/4", "1", "-3/4"],
    ),
}
SHRINKS = "two vanish, one shrinks"
"""Not at tiny delta: what shrinks for long is turned away from 0 by rounding."""
RESTS, SLIDES = "stops, converges, dead, zero", "slides on two kinks to a vertex"
LONG = {(RESTS, "1e-40"), (SLIDES, "1e-40"), (SLIDES, "1e-500")}
"""Of the flows from tiny delta these are followed every time, the others nightly."""
CASES = [
    (name, which)
    for name in PROBLEMS
    for which in ALL.split()
    if "e" not in which or (name, which) in LONG or (NIGHTLY and name != SHRINKS)
]


def random_problem(seed: int) -> cf.Problem:
    """A few random samples and neurons; every second neuron is exactly balanced."""
    rng = random.Random(seed)
    d, n, width = rng.choice((1, 2, 2, 3)), rng.randint(2, 5), rng.randint(1, 3)
    habit = rng.choice(("general", "general", "lines", "orthogonal", "labels 0"))
    data = random_neuron(rng, d, n, habit)
    starts = [random_neuron(rng, d, n, "general", balanced=bool(rng.getrandbits(1))) for _ in range(width)]
    loss = rng.choice(("square", "logistic"))
    direction = [*(value for start in starts for value in start.w), *(start.v for start in starts)]
    labels = [rng.choice((1, -1)) for _ in range(n)] if loss == "logistic" else data.z
    return two_layer(data.x, labels, direction, data.alpha, loss)


@cache
def proof(name: str) -> tuple[cf.Theorem, list]:
    """What is proved of a problem, and the true limits of its neurons."""
    theorem = cf.certify(PROBLEMS[name](), EPSILON)
    return theorem, limit_points(theorem.problem, theorem.claim.to_json())


@pytest.mark.parametrize(("name", "which"), CASES)
def test_every_number_of_the_claim_holds_for_the_reference_flow(name, which):
    theorem, points = proof(name)
    assert theorem.outcome == Outcome.PROVED, theorem.reason
    (delta,) = deltas(which, theorem.delta_bar)
    found = PowerOneWitness(theorem.problem, theorem, delta, points)
    assert found.slack < 1e-45
    assert found.violations() == []


BALL = "1/2000"


@pytest.mark.parametrize("seed", range(4 if NIGHTLY else 2))
def test_one_claim_holds_for_starts_at_the_edge_of_its_ball(seed):
    problem = PROBLEMS["unbalanced"]()
    theorem = cf.certify(problem, EPSILON, start_angle=BALL)
    assert theorem.outcome == Outcome.PROVED, theorem.reason
    points = limit_points(problem, theorem.claim.to_json())
    which = ALL.split()[seed]
    (delta,) = deltas(which, theorem.delta_bar)
    other = turned(problem, Fraction(BALL), seed)
    assert PowerOneWitness(other, theorem, delta, points).violations() == []


def lies(claim):
    """The claim with one number made too good, each in its own way."""
    blocks, times = claim.blocks, claim.times

    def told(j, **changes):
        return replace(claim, blocks=(*blocks[:j], replace(blocks[j], **changes), *blocks[j + 1 :]))

    tiny = Fraction(1, 10**9)
    yield "angle at the horizon", told(1, angle_at_horizon=tiny)
    yield "angle at R", told(1, angle_at_radius=tiny)
    yield "epsilon", replace(claim, epsilon=tiny)
    yield "law", told(1, law=replace(blocks[1].law, coefficient=tiny, floor=tiny))
    yield "law", told(1, law=replace(blocks[1].law, exponent=(Fraction(2), Fraction(2))))
    yield "norm at", replace(claim, factor_squared=claim.factor_squared / 8)
    yield (
        "norm at the horizon from below",
        replace(claim, times=replace(times, start_radius=(times.start_radius[1],) * 2)),
    )
    yield "time to a radius from above", replace(claim, times=replace(times, n_lower=8 * times.n_lower))
    yield "time to a radius from below", replace(claim, times=replace(times, n_upper=times.n_upper / 8))
    yield "KKT radius", told(1, kkt_point=replace(blocks[1].kkt_point, centre=(Fraction(1),) * 3))
    yield "value from above", told(1, value=(blocks[1].value[0] / 2,) * 2)
    yield "stops, has moved", replace(claim, scaled_time=claim.scaled_time / 64)
    yield "dead, has moved", told(1, outcome=Fate.DEAD)
    yield "zero", told(0, outcome=Fate.ZERO)


def test_what_is_claimed_too_well_is_found():
    theorem, points = proof(RESTS)
    for what, claim in lies(theorem.claim):
        told = SimpleNamespace(claim=claim, certificate=theorem.certificate, problem=theorem.problem)
        found = PowerOneWitness(theorem.problem, told, theorem.delta_bar, points, digits=20)
        assert any(what in each for each in found.violations()), what


@pytest.mark.skipif(not NIGHTLY, reason="a minute of flows")
def test_every_number_of_the_large_example_holds_for_the_reference_flow():
    theorem = cf.certify(ROOT / "examples" / "three-points.toml")
    points = limit_points(theorem.problem, theorem.claim.to_json())
    for delta in deltas(ALL, theorem.delta_bar):
        assert PowerOneWitness(theorem.problem, theorem, delta, points).violations() == []


@pytest.mark.skipif(not NIGHTLY, reason="many flows")
@pytest.mark.parametrize("seed", range(200))
def test_every_number_of_random_claims_holds_for_the_reference_flow(seed):
    theorem = cf.certify(random_problem(seed), EPSILON)
    if theorem.claim is None:
        pytest.skip(theorem.reason)
    points = limit_points(theorem.problem, theorem.claim.to_json())
    for delta in deltas("bar third 1e-40", theorem.delta_bar):
        try:
            found = PowerOneWitness(theorem.problem, theorem, delta, points)
        except Inconclusive as error:
            pytest.skip(f"not followed: {error}")
        assert found.violations() == []
