"""Sampled basin fractions against exact ones, and the certified entry for one start against both."""

import random
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import FLOAT
from certflow.kkt.basins import basins
from certflow.kkt.basins_sampled import clopper_pearson, flow_to_rest, nearest_entries, sample_basins
from certflow.kkt.enumerate import kkt_set
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.linear import two_layer_kkt
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput, Fate
from certflow.problem import Problem
from certflow.theorems.basin.prove import certified_limits
from certflow.theorems.early_direction.claim import Block, KKTBall
from certflow.theorems.early_direction.evidence import TrapEvidence
from certflow.theorems.early_direction.prove import certify

RELU = Activation(Fraction(0), 1)
SQUARED = Activation(Fraction(0), 2)


def tail(k: int, m: int, p: Fraction) -> Fraction:
    """P(Bin(m, p) >= k), exactly."""
    total, choose = Fraction(0), 1
    for i in range(m + 1):
        if i >= k:
            total += choose * p**i * (1 - p) ** (m - i)
        choose = choose * (m - i) // (i + 1)
    return total


@pytest.mark.parametrize(("hits", "starts"), [(0, 10), (3, 10), (10, 10), (1, 40), (37, 60)])
def test_the_interval_solves_the_binomial_equations(hits, starts):
    low, high = clopper_pearson(hits, starts, 0.9)
    assert low <= hits / starts <= high
    if hits:
        assert abs(tail(hits, starts, Fraction(low)) - Fraction(1, 20)) < 1e-9
    if hits < starts:
        assert abs(1 - tail(hits + 1, starts, Fraction(high)) - Fraction(1, 20)) < 1e-9
    assert (low == 0) == (hits == 0) and (high == 1) == (hits == starts)


@pytest.mark.parametrize("sign", [1, -1])
def test_planar_fractions_agree_with_the_exact_partition(sign):
    problem = Problem.figure1()
    kkt = kkt_set(problem)
    estimate = sample_basins(problem, kkt, 1000, seed=3, sign=sign, confidence=1 - 1e-7)
    for share, exact in zip(estimate.shares, basins(kkt, sign), strict=True):
        assert share.low <= float(exact.fraction.mid()) <= share.high
    assert estimate.elsewhere.hits == 0
    assert sum(share.hits for share in estimate.shares) == 1000


def test_an_arc_of_dead_directions_is_hit_as_a_whole():
    # n = (u1)_+²: half of the circle does not move, the other half goes to e1.
    problem = Problem(OneLayer(2, 1, SQUARED), [[1, 0]], [1], direction=[1, 1])
    kkt = kkt_set(problem)
    estimate = sample_basins(problem, kkt, 400, confidence=1 - 1e-7)
    assert estimate.elsewhere.hits == 0
    assert all(share.low <= 0.5 <= share.high for share in estimate.shares)


def test_sliding_flows_of_power_one_reach_the_kink():
    # n = 2 w2 - |w1| has its maximum on the kink w1 = 0; -n has two, in cells.
    X, y = [[1, 0], [-1, 0], [0, 1], [0, -1]], [-1, -1, 2, -2]
    problem = Problem(TwoLayer(2, 1, RELU), X, y, reduction="sum", direction=[1, 1, 1])
    kkt = two_layer_kkt(Neuron.of(X, y, RELU))
    estimate = sample_basins(problem, kkt, 400, confidence=1 - 1e-7)
    best = [k for k, entry in enumerate(kkt.points) if entry.kind == "maximum"]
    assert estimate.elsewhere.hits == 0
    assert len(best) == 3 and sum(estimate.shares[k].hits for k in best) == 400
    assert [k for k in best if kkt.points[k].point[0].sign() == 0 and estimate.shares[k].hits > 100]


def test_the_vectorised_gradient_is_that_of_the_network():
    draw = random.Random(5)
    X = np.array([[draw.uniform(-1, 1) for _ in range(3)] for _ in range(4)])
    z = np.array([1.0, -2.0, 0.5, 1.5])
    given = {1: [[Fraction(draw.randint(-3, 3)) for _ in range(3)] for _ in range(2)]}
    networks = [
        FeedForward([3, 2, 2, 1], Activation(Fraction(1, 4), 2)),
        FeedForward([3, 2, 2, 1], Activation(Fraction(0), 3), [2, 3], given),
        OneLayer(3, 2, RELU, [1, -1]),
        Expression(["a", "b", "c"], ["x1", "x2", "x3"], "relu(a*x1 + b*x2 + c*x3)**2"),
    ]
    for network in networks:
        U = np.array([[draw.uniform(-1, 1) for _ in range(network.size)] for _ in range(3)])
        gradient = Correlation(network, X, z).gradient(FLOAT, U)
        for u, g in zip(U, gradient, strict=True):
            for k in range(network.size):
                h = np.zeros(network.size)
                h[k] = 1e-6
                up, down = (network.forward(FLOAT, w, X).outputs @ z for w in (u + h, u - h))
                assert abs((up - down) / 2e-6 - g[k]) < 1e-5 * (1 + abs(g[k]))


def test_a_flow_that_does_not_come_to_rest_is_elsewhere(monkeypatch):
    monkeypatch.setattr("certflow.kkt.basins_sampled.MAX_STEPS", 3)
    problem = Problem.figure1()
    estimate = sample_basins(problem, kkt_set(problem), 50)
    assert estimate.elsewhere.hits == 50


def test_results_are_reproducible_and_marked_as_estimates():
    problem = Problem.figure1()
    kkt = kkt_set(problem)
    first, second = (sample_basins(problem, kkt, 100, seed=9).to_json() for _ in range(2))
    assert first == second and first["estimate"] is True
    assert first != sample_basins(problem, kkt, 100, seed=10).to_json()


@pytest.mark.parametrize("wrong", [{"sign": 2}, {"starts": 0}, {"confidence": 1.0}])
def test_bad_numbers_are_refused(wrong):
    problem = Problem.figure1()
    with pytest.raises(BadInput):
        sample_basins(problem, kkt_set(problem), **wrong)


def test_distances_to_cones():
    problem = Problem(OneLayer(3, 1, SQUARED), [[-1, 0, 0], [0, -1, 0]], [1, 1], direction=[1, 1, 1])
    kkt = kkt_set(problem)
    dead = next(
        k for k, entry in enumerate(kkt.points) if entry.continuum is not None and entry.value.sign() == 0
    )
    inside, outside = np.array([[0.6, 0.0, 0.8], [0.0, 0.6, -0.8]]), np.array([[-0.6, 0.8, 0.0]])
    assert list(nearest_entries([kkt.points[dead]], inside, 1e-9)) == [0, 0]
    assert list(nearest_entries([kkt.points[dead]], outside, 0.5)) == [-1]


def test_flows_stay_on_the_sphere_and_climb():
    N = Correlation(OneLayer(2, 1, SQUARED), [[1.0, 0.5], [0.2, 1.0]], [1.0, 1.0])
    ends, still = flow_to_rest(lambda u: N.gradient(FLOAT, u), np.array([[1.0, 0.0], [0.6, 0.8]]))
    assert still.all() and np.allclose(np.linalg.norm(ends, axis=1), 1)
    assert np.allclose(ends[0], ends[1], atol=1e-6)


# -- the certified entry of one start ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def three_neurons():
    """The data of figure 1 with three of its neurons, its KKT set, and the theorem."""
    whole = Problem.figure1()
    problem = Problem(OneLayer(2, 3, SQUARED), whole.X, whole.y, direction=list(whole.direction[4:10]))
    return problem, kkt_set(problem), certify(problem)


def test_every_neuron_is_given_the_maximum_in_whose_basin_it_starts(three_neurons):
    problem, kkt, proof = three_neurons
    limits = certified_limits(proof, kkt)
    assert len({limit.entry for limit in limits}) == 2
    parts = basins(kkt, 1)
    for limit, (a, b) in zip(limits, problem.blocks, strict=True):
        angle = np.degrees(np.arctan2(float(problem.direction[b]), float(problem.direction[a])))
        inside = [
            k
            for k, part in enumerate(parts)
            if (angle - float(part.start.mid())) % 360
            < (float(part.end.mid()) - float(part.start.mid())) % 360
        ]
        assert [limit.entry] == inside and limit.outcome == "converges" and limit.weights == (a, b)


def test_dead_shrinking_and_one_surviving_neuron():
    dead = Problem(OneLayer(2, 2, SQUARED), [[1, 0], [1, 1]], [1, 2], direction=[-3, 1, 1, 1])
    kkt = kkt_set(dead)
    first, second = certified_limits(certify(dead), kkt)
    assert first.outcome == "dead" and kkt.points[first.entry].continuum is not None
    assert second.outcome == "converges" and kkt.points[second.entry].kind == "maximum"

    cubic = Problem(TwoLayer(2, 2, SQUARED), [[1, 0], [1, 1]], [1, 2], direction=[3, 1, -2, 1, 2, 1])
    kkt = kkt_set(cubic)
    (limit,) = certified_limits(certify(cubic), kkt)
    assert limit.entry is not None and limit.weights == (0, 1, 4)
    assert kkt.points[limit.entry].value.sign() == 1


def test_several_dead_neurons_are_no_point_of_one_neuron():
    # Just active, or just not: only the exact direction tells.
    for last, outcome in ((Fraction(1, 10**17), "inconclusive"), (Fraction(-1, 1000), "dead")):
        problem = Problem(OneLayer(2, 2, Activation(0, 3)), [[1, 0]], [1], direction=[-1, 0, last, -1])
        (limit,) = certified_limits(certify(problem), kkt_set(problem))
        assert (limit.outcome, limit.entry) == (outcome, None)


def test_nothing_is_guessed(three_neurons):
    _, kkt, proof = three_neurons
    reference = [limit.entry for limit in certified_limits(proof, kkt)]
    # Without the entry that is the limit, no other one takes its place.
    gone = reference[0]
    fewer = replace(
        kkt, points=[p for k, p in enumerate(kkt.points) if k != gone], status="partial", reason="a test"
    )
    for before, limit in zip(reference, certified_limits(proof, fewer), strict=True):
        assert (limit.entry is None) == (before == gone)
        assert limit.entry is None or fewer.points[limit.entry] is kkt.points[before]
        assert limit.entry is not None or "list is partial" in limit.reason


def turned(degrees, radius=0):
    """A point of the circle at an angle from (1, 0), with coordinates known up to a radius."""
    angle = Ball(degrees, 120) * Ball.pi(120) / 180
    around = Ball.interval(-Fraction(radius), Fraction(radius), 120)
    return KKTPoint("maximum", (angle.cos() + around, angle.sin() + around), Ball(1, 120))


@pytest.mark.parametrize(
    ("angles", "entry", "reason"),
    [
        # The trap is 1/4 wide, 14.3 degrees.
        ([turned(40), turned(14)], 1, ""),
        ([turned(40), turned(-14)], 1, ""),
        ([turned(14, Fraction(1, 1000))], 0, ""),
        ([turned(14, Fraction(1, 100)), turned(10, Fraction(1, 100))], 1, ""),
        (
            [turned(14, Fraction(1, 10))],
            None,
            "no listed point is proved to be the limit, or all proved not to be",
        ),
        ([turned(15)], None, "the limit is none of the listed points; the list is partial"),
        (
            [turned(15), turned(15, Fraction(1))],
            None,
            "no listed point is proved to be the limit, or all proved not to be",
        ),
    ],
)
def test_a_point_whose_enclosure_only_meets_the_trap_is_not_said_to_be_the_limit(angles, entry, reason):
    problem = Problem(OneLayer(2, 1, SQUARED), [[1, 0], [1, 1]], [1, 2], direction=[3, 1])
    ball = KKTBall((Fraction(2), Fraction(0)), Fraction(1, 8))
    found = Block(0, ((0, 2),), Fate.CONVERGES, kkt_point=ball)
    group = SimpleNamespace(trap=TrapEvidence(Fraction(1), Fraction(1, 4), Fraction(0), None))
    proof = SimpleNamespace(
        problem=problem, claim=SimpleNamespace(blocks=(found,), statement="early-direction"), evidence=[group]
    )
    (limit,) = certified_limits(proof, KKTSet(angles, 30, "partial"))
    assert (limit.entry, limit.reason) == (entry, reason) and limit.weights == (0, 1)
