"""Lifts of rotations (O1), against their definition and what they may be used for."""

import itertools
import random
from fractions import Fraction as F

import pytest

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.outcomes.lifts import Commuting, Rotations, lifts
from certflow.checker.tube.evidence import GroupEvidence, TrapEvidence

CLOCK = Clock(None)


def problem(widths=(2, 3, 2, 1), alpha="1", power=1, trained=None):
    count = sum(a * b for l, (a, b) in enumerate(itertools.pairwise(widths), 1) if l in (trained or range(9)))
    network = {
        "kind": "feed-forward",
        "inputs": widths[0],
        "widths": list(widths),
        "activation": {"alpha": alpha, "power": power},
    }
    if trained is not None:
        given = {l: [["1"] * widths[l - 1]] * widths[l] for l in range(1, len(widths)) if l not in trained}
        network |= {"trained": list(trained), "given": {str(l): rows for l, rows in given.items()}}
    content = {
        "network": network,
        "data": {"X": [["1"] * widths[0]], "y": ["1"]},
        "loss": {"kind": "square", "reduction": "mean"},
        "direction": ["1"] * count,
    }
    return Problem(content, CLOCK)


def read(given, *lifts):
    return Rotations(Node([{"rotations": l, "sigma": sigma} for l, sigma in lifts], "lifts"), given, CLOCK)


def rotated(widths, l, a, b, w):
    """E_ab w: rows a and b of W_l and columns a and b of W_(l+1), turned."""
    starts = [0, *itertools.accumulate(p * q for p, q in itertools.pairwise(widths))]

    def at(layer, row, column):
        return starts[layer - 1] + row * widths[layer - 1] + column

    result = [F(0)] * len(w)
    for c in range(widths[l - 1]):
        result[at(l, a, c)], result[at(l, b, c)] = w[at(l, b, c)], -w[at(l, a, c)]
    for r in range(widths[l + 1]):
        result[at(l + 1, r, a)], result[at(l + 1, r, b)] = w[at(l + 1, r, b)], -w[at(l + 1, r, a)]
    return result


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("widths", [(2, 3, 2, 1), (1, 2, 2, 2, 1), (3, 1, 4, 1)])
def test_the_form_is_the_sum_over_all_rotations_and_at_most_the_product_of_the_squares(widths, seed):
    draw = random.Random(seed)
    given = problem(widths)
    for l in range(1, len(widths) - 1):
        lift = read(given, (l, "3*2^-1"))
        assert (lift.cost, lift.count) == (F(3, 2), 1)
        X, v = ([F(draw.randint(-64, 64), 64) for _ in range(given.size)] for _ in range(2))
        M = [[0] * given.size for _ in X]
        lift.add(M, [int(x * ONE) for x in X])
        assert all(M[i][j] == M[j][i] for i in range(given.size) for j in range(given.size))
        found = sum(v[i] * M[i][j] * v[j] for i in range(given.size) for j in range(given.size)) / ONE
        pairs = itertools.combinations(range(widths[l]), 2)
        turned = [rotated(widths, l, a, b, X) for a, b in pairs]
        exact = sum(sum(p * q for p, q in zip(v, each, strict=True)) ** 2 for each in turned)
        # These numbers need no rounding.
        assert found == exact * F(3, 2)
        assert exact <= sum(a * a for a in v) * sum(a * a for a in X)


def test_an_entry_is_less_than_one_unit_too_small():
    given = problem((1, 2, 1, 1))
    M = [[0] * given.size for _ in range(given.size)]
    w = [ONE // 3, ONE // 7, ONE // 5, ONE // 11, ONE]
    read(given, (1, "1*2^-1")).add(M, w)
    exact = F(w[1] * w[1] + w[2] * 0, 2 * ONE)
    # Weight 0 enters neuron 1, which leaves by weight 2; E turns (w0, w2) to (w1, w3).
    exact = F(w[1] * w[1], 2 * ONE)
    assert 0 <= exact - M[0][0] < 1
    assert 0 <= F(-w[1] * w[0], 2 * ONE) - M[0][1] < 1


@pytest.mark.parametrize(
    ("given", "l"),
    [
        (problem((2, 2, 2, 1), power=2), 1),
        (problem((2, 2, 2, 1), alpha="1/2", power=2), 1),
        # Neurons of two layers are groups of their own.
        (problem((2, 2, 1)), 1),
        (problem((2, 2, 2, 1), trained=(1, 3)), 1),
        (problem((2, 2, 2, 1), trained=(1, 3)), 2),
        (problem((2, 2, 2, 2, 1), trained=(3, 4)), 3),
        (problem((2, 2, 2, 2, 1), trained=(1, 2, 3)), 3),
    ],
)
def test_only_linear_layers_between_trained_ones_of_one_group_have_rotations(given, l):
    with pytest.raises(Refused) as refused:
        read(given, (l, "1*2^0"))
    assert refused.value.rule == "O1"


def test_layers_above_untrained_ones_keep_their_numbers():
    given = problem((2, 2, 3, 2, 1), trained=(2, 3, 4))
    lift = read(given, (2, "1*2^0"))
    # W_2 is 3 x 2 from weight 0 on, W_3 is 2 x 3 from weight 6 on.
    assert lift.lifts == [([[0, 1, 6, 9], [2, 3, 7, 10], [4, 5, 8, 11]], F(1))]


@pytest.mark.parametrize(("sigma", "kind"), [("-1*2^-9", Refused), ("1*2^65", Refused), ("1/2", Malformed)])
def test_weights_of_lifts_are_dyadic_and_not_negative(sigma, kind):
    with pytest.raises(kind):
        read(problem(), (1, sigma))


@pytest.mark.parametrize("l", [0, 3, True, "1"])
def test_the_layer_is_a_hidden_one(l):
    with pytest.raises(Malformed):
        read(problem(), (l, "1*2^0"))


def test_a_continuum_needs_lifts_and_nothing_else():
    CLOCK.enter("R6", "groups[0].trap")
    trap = TrapEvidence([[1] * problem().size], F(1), F(1, 8), F(1), None)
    bare = GroupEvidence("continuum", "", [], [], trap)
    with pytest.raises(Refused, match="no lifts are given") as refused:
        lifts(bare, problem(), [0], CLOCK)
    assert (refused.value.rule, refused.value.where) == ("O1", "groups[0].trap")
    for ending in ({}, {"lifts": []}, {"lifts": [{"rotations": 1, "sigma": "1*2^0"}], "more": 1}):
        with pytest.raises(Malformed):
            lifts(GroupEvidence("continuum", "", [], [], trap, Node(ending, "e")), problem(), [0], CLOCK)
