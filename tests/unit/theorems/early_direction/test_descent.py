"""Laws through smaller balls: gap and exponent are nearly those at the KKT point."""

import json
from fractions import Fraction as F
from functools import cache

import pytest

from certflow.checker import check_text
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.prove import certify
from certflow.theorems.early_direction.query import angle_at

X = [["1", "0"], ["3/5", "4/5"], ["-4/5", "3/5"]]
CASES = {
    "one neuron of order 3": (TwoLayer(2, 1, Activation(0, 2)), ["1", "1/5", "1"], F(1, 10)),
    "two neurons": (OneLayer(2, 2, Activation(0, 2)), ["1", "1/5", "-1", "1"], F(1, 10)),
    "one cubic neuron": (OneLayer(2, 1, Activation(0, 3)), ["1", "1/5"], F(1, 5)),
    "a network of order 3": (
        TwoLayer(2, 2, Activation(0, 2)),
        ["1", "1/5", "1/2", "1", "1", "1/2"],
        F(1, 20),
    ),
}


@cache
def proved(name):
    network, direction, epsilon = CASES[name]
    return certify(Problem(network, X, ["1", "2", "1"], direction=direction), epsilon)


@pytest.mark.parametrize("name", sorted(CASES))
def test_gap_and_exponent_are_nearly_those_at_the_point(name):
    found = proved(name)
    text = certificate(found)
    assert check_text(text).verdict == "accepted"
    fastest = max(block.value[1] for block in found.claim.blocks if block.value)
    for block, group in zip(found.claim.blocks, json.loads(text)["groups"], strict=True):
        low, high = block.gap
        assert low <= high <= low * F(105, 100)
        # At most gap / (L N), which is known as well as gap and N are.
        assert block.law.exponent[0] <= high / (found.claim.order * fastest)
        assert block.law.exponent[0] >= F(95, 100) * high / (found.claim.order * fastest)
        balls = group["trap"]["smaller"]
        assert all(ball["after"] != "0*2^0" for ball in balls[-1:])


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_growth_after_the_horizon_is_nearly_that_at_the_point(name):
    claim = proved(name).claim
    fastest = max(block.value[1] for block in claim.blocks if block.value)
    assert fastest * F(999, 1000) < claim.times.n_upper < fastest * F(101, 100)


def test_a_law_of_a_huge_power_can_be_written():
    # Gaps are thousands of times the growth: the power is cut to what a coefficient of few digits allows.
    network = FeedForward([2, 2, 2, 1], Activation("-1/2", 2), [2], {1: [[0, "1/2"], [1, 1]], 3: [[2, 2]]})
    samples = [[1, 0], [2, 1], [0, 0], [0, -1]]
    problem = Problem(network, samples, [1, -1, -1, 1], "logistic", [1, -2, -2, 1])
    found = certify(problem, F(1, 10))
    assert check_text(certificate(found)).verdict == "accepted"
    laws = [block.law for block in found.claim.blocks]
    assert all(500 < law.exponent[0] <= 2000 and law.coefficient.denominator < 10**1000 for law in laws)


def test_the_coefficient_pays_for_the_power_but_not_more_than_the_law_is_worth():
    claim = proved("one neuron of order 3").claim
    (block,) = claim.blocks
    # Where the weights have grown a lot the law is far below epsilon.
    small = claim.delta_bar / 10**6
    assert angle_at(claim, block, small, claim.radius / 20) < claim.epsilon / 20
