"""What one file can cost: every long loop asks the clock, and memory does not grow with samples times
degree.
"""

import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import pytest

from certflow.checker import check_text
from certflow.checker.early_direction.claim import scaled_time
from certflow.checker.early_direction.largest import largest_ncf
from certflow.checker.kernel import network
from certflow.checker.kernel.definite import factor, is_psd, solve_length
from certflow.checker.kernel.numbers import BITS, ONE
from certflow.checker.kernel.polynomials import Layers, Polynomial, Samples, gradient
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, OutOfTime
from certflow.checker.kkt_points.planar import check_planar
from certflow.checker.kkt_points.points import applied
from certflow.checker.outcomes.groups import Proved, check_dead
from certflow.checker.tube.curve import Step, Track
from certflow.checker.tube.evidence import _window
from certflow.checker.tube.region import Rates
from certflow.checker.tube.sweep import Runner, sweep

CORPUS = Path(__file__).parents[2] / "certificates"
sys.path.insert(0, str(CORPUS))
try:
    from attacks import accepted, sealed
finally:
    sys.path.remove(str(CORPUS))

UNIT = [[ONE, 0], [0, ONE]]
STILL = Rates(Fraction(0), ONE, 0, 0, 0, (0, 0))
TRACK = Track([Step(Fraction(1), Fraction(0), Fraction(0), STILL, (ONE, ONE))], Fraction(1), [[1 << 48, 0]])
PLANAR = accepted("kkt-planar")


def _problem(name):
    return Problem(accepted(name)["problem"], Clock(None))


def _runner():
    return Runner(TRACK, STILL, None, 0, (Fraction(1), Fraction(1)), 0, "here", errors=[(0, 0)])


LONG = {
    "a factorisation": lambda clock: factor(UNIT, 0, clock),
    "a definite matrix": lambda clock: is_psd(UNIT, clock),
    "a quadratic form": lambda clock: solve_length(UNIT, [ONE, 0], clock),
    "a product of matrices": lambda clock: applied(UNIT, UNIT, UNIT, clock),
    "the sweep": lambda clock: sweep([_runner()], 2, Fraction(1, 100), clock),
    "a scaled time": lambda clock: scaled_time(Proved(None, None, _runner()), 3, clock),
    "samples of a dead neuron": lambda clock: check_dead(
        _problem("three-neurons-one-dead"), [0], Proved(None, None, _runner()), 48, clock
    ),
    "the bound of N": lambda clock: largest_ncf(_problem("one-neuron"), clock),
    "a window": lambda clock: _window(
        Node(accepted("one-neuron")["groups"][0]["windows"][0], "w"), [2], 1 << 48, clock
    ),
    "the data": lambda clock: Problem(PLANAR["problem"], clock),
    "the length of samples": lambda clock: Samples([[Fraction(1)]], [Fraction(1)], clock),
    "a list in the plane": lambda clock: check_planar(
        _problem("kkt-planar"),
        Node(PLANAR["claim"]["points"], "p"),
        Node(PLANAR["claim"]["n_max_upper"], "n"),
        clock,
    ),
}


@pytest.mark.parametrize("name", sorted(LONG))
def test_every_long_loop_asks_the_clock(name):
    with pytest.raises(OutOfTime):
        LONG[name](Clock(0.0))


def _peak(samples):
    """Bytes at most in use while the gradient of three neurons is enclosed along a piece of degree 32."""
    rows = [[Fraction(k % 7 - 3), Fraction(1)] for k in range(samples)]
    known = Samples(rows, [Fraction(1)] * samples, Clock(None))
    layers = Layers([[[0, 1], [2, 3], [4, 5]], [[6, 7, 8]]], known, Fraction(0), 2)
    u = [Polynomial([1 << (BITS - 3)] + [1 << (BITS - 20)] * 32) for _ in range(9)]
    tracemalloc.start()
    try:
        gradient(layers, u, 66)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_samples():
    # One sample needs about 60 kB here.
    _peak(1)
    assert _peak(60) < 2 * _peak(6)


@pytest.mark.parametrize("name", ["one-neuron", "deep", "kkt-points-deep"])
def test_evidence_that_needs_much_memory_is_refused(monkeypatch, name):
    monkeypatch.setattr(network, "MAX_STORED", 2)
    verdict = check_text(sealed(accepted(name)))
    assert (verdict.verdict, verdict.rule) == ("refused", "R1") and verdict.where
