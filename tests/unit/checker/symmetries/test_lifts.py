"""Lifts of rotations (O1), against their definition and what they may be used for."""

import itertools
import random
from fractions import Fraction as F

import pytest

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.symmetries.lifts import Commuting, Polynomials, Rotations, lifts
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


# -- equal eigenvalues ---------------------------------------------------------------------------------------

UNITS = [["1", "0", "0"], ["0", "1", "0"], ["0", "0", "1"]]


def neuron(X=UNITS, y=("1", "1", "2"), alpha="1", power=2, width=1, kind="one-layer"):
    d = len(X[0])
    network = {"kind": kind, "inputs": d, "width": width, "activation": {"alpha": alpha, "power": power}}
    content = {
        "network": network,
        "data": {"X": X, "y": list(y)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * (width * (d + (kind == "two-layer"))),
    }
    return Problem(content, CLOCK)


def turns(given, *entries, sigma="1*2^0", centre=(4, 3, 0), r0=F(1, 8), parts=(0,)):
    node = Node([{"commuting": [list(e) for e in entries], "sigma": sigma}], "lifts")
    trap = TrapEvidence([list(centre)], F(1), r0, F(1), None)
    return Commuting(node, given, list(parts), trap, CLOCK)


def test_a_matrix_that_commutes_lifts_along_what_it_turns():
    lift = turns(neuron(), (0, 1, "3/2"), sigma="5*2^-1")
    assert lift.count == 1
    # |xi|^2 = 9/4.
    assert lift.cost == F(5, 2) * F(9, 4)
    w, M = [ONE // 4, -ONE // 2, ONE], [[0] * 3 for _ in range(3)]
    lift.add(M, w)
    # xi w = 3/2 (w_1, -w_0, 0).
    turned = [F(-3, 4), F(-3, 8), F(0)]
    assert [[int(F(5, 2) * p * q * ONE) for q in turned] for p in turned] == M


@pytest.mark.parametrize("seed", range(20))
def test_the_form_of_a_matrix_is_at_most_its_cost(seed):
    draw = random.Random(seed)
    X = [[str(int(a == b)) for b in range(4)] for a in range(4)]
    entries = [(a, b, str(F(draw.randint(-9, 9), 7))) for a in range(4) for b in range(a + 1, 4)]
    lift = turns(neuron(X, ["1"] * 4), *entries, centre=(1, 2, 3, 4))
    v, w = ([F(draw.randint(-64, 64), 64) for _ in range(4)] for _ in range(2))
    M = [[0] * 4 for _ in range(4)]
    lift.add(M, [int(x * ONE) for x in w])
    form = sum(v[a] * M[a][b] * v[b] for a in range(4) for b in range(4)) / ONE
    exact = sum(F(t) * (v[a] * w[b] - v[b] * w[a]) for a, b, t in entries) ** 2
    # Less than one unit too small, entry by entry.
    assert abs(form - exact) <= sum(map(abs, v)) ** 2 / ONE
    assert exact <= lift.cost * sum(a * a for a in v) * sum(a * a for a in w)


def test_the_smaller_one_of_two_bounds_of_a_matrix_counts():
    X = [[str(int(a == b)) for b in range(4)] for a in range(4)]
    given = neuron(X, ["1"] * 4)
    # Two turns at once: |xi| = 1, and the largest row sum is 1; the squares add up to 2.
    assert turns(given, (0, 1, "1"), (2, 3, "1"), centre=(1, 2, 3, 4)).cost == 1
    # u v^T - v u^T with u = (1, 0, 0, 0), v = (0, 1, 1, 1): |xi|^2 = 3, the row sum squared is 9.
    assert turns(given, (0, 1, "1"), (0, 2, "1"), (0, 3, "1"), centre=(1, 2, 3, 4)).cost == 3


@pytest.mark.parametrize(
    ("y", "entries", "commutes"),
    [
        (("1", "1", "2"), [(0, 1, "1")], True),
        (("1", "1000000001/1000000000", "2"), [(0, 1, "1")], False),
        (("1", "1", "2"), [(0, 1, "1"), (1, 2, "1/1000000000")], False),
        (("1", "1", "2"), [(0, 2, "1")], False),
        (("1", "2", "1"), [(0, 2, "-1")], True),
        (("1", "1", "1"), [(0, 1, "1"), (0, 2, "2"), (1, 2, "-3")], True),
    ],
)
def test_it_commutes_exactly_with_the_form_of_n(y, entries, commutes):
    if commutes:
        turns(neuron(y=y), *entries)
        return
    with pytest.raises(Refused, match="it does not commute with the form of N") as refused:
        turns(neuron(y=y), *entries)
    assert (refused.value.rule, refused.value.where) == ("O8", "lifts[0].commuting")


def test_every_sample_counts_with_the_branch_that_it_has_near_the_centre():
    X = [["1", "0"], ["0", "1"], ["-1", "-1"], ["0", "-1"]]
    # Inactive samples count with alpha^2: M = diag(1, 1) + 1/4 (1 1; 1 1) y_3 + diag(0, 1/4) y_4.
    turns(neuron(X, ("1", "1", "0", "0"), "1/2"), (0, 1, "1"), centre=(3, 4))
    turns(neuron(X, ("1", "3/4", "0", "1"), "1/2"), (0, 1, "1"), centre=(3, 4))
    turns(neuron(X, ("1", "1", "5", "7"), "0"), (0, 1, "1"), centre=(3, 4))
    for y, alpha, centre in (
        (("1", "3/4", "0", "1"), "1/4", (3, 4)),
        (("1", "3/4", "0", "1"), "1", (3, 4)),
        (("1", "3/4", "0", "1"), "1/2", (3, -4)),
        (("1", "1", "1", "0"), "1/2", (3, 4)),
    ):
        with pytest.raises(Refused, match="does not commute"):
            turns(neuron(X, y, alpha), (0, 1, "1"), centre=centre)


def test_no_sample_that_counts_changes_its_branch_within_the_trap():
    def at(third, r0, y="1", alpha="0"):
        X = [["1", "0"], ["0", "1"], third]
        return turns(neuron(X, ("1", "1", y), alpha), (0, 1, "1"), centre=(3, 4), r0=r0)

    # sin of the angle between (-4, 2) and the line orthogonal to (3, 4): 4/(5 sqrt 20) = 0.1788...
    at(["-4", "2"], F(178, 1000))
    # Exactly at r0: (-7/25, ...) has x . c = -|x| |c| 7/25 sqrt... is (4, -3) turned by 7/25.
    for third, r0 in ((["-4", "2"], F(179, 1000)), (["-4", "3"], F(1, 10**9)), (["4", "-3"], F(1, 10**9))):
        with pytest.raises(Refused, match="may change its branch") as refused:
            at(third, r0)
        assert refused.value.rule == "O8"
        # It does not count, or has only one branch.
        at(third, r0, y="0")
        turns(neuron([["1", "0"], ["0", "1"], ["0", "0"]], ("1", "1", "1"), "0"), (0, 1, "1"), centre=(3, 4))


@pytest.mark.parametrize(
    "given", [neuron(power=3), neuron(power=2, width=2, kind="two-layer"), neuron(power=1, kind="two-layer")]
)
def test_only_one_neuron_of_power_2_has_such_lifts(given):
    parts = list(range(len(given.layers))) if not given.coupled else [0]
    with pytest.raises(Refused, match="one neuron of power 2") as refused:
        turns(given, (0, 1, "1"), centre=(4, 3, 0, 1), parts=parts)
    assert refused.value.rule == "O8"


def test_a_trained_output_weight_is_not_turned():
    given = neuron(width=1, kind="two-layer")
    lift = turns(given, (0, 1, "1"), centre=(4, 3, 0, 5))
    M = [[0] * 4 for _ in range(4)]
    lift.add(M, [ONE, 2 * ONE, 3 * ONE, 4 * ONE])
    assert M == [[4 * ONE, -2 * ONE, 0, 0], [-2 * ONE, ONE, 0, 0], [0] * 4, [0] * 4]
    with pytest.raises(Malformed):
        turns(given, (0, 3, "1"), centre=(4, 3, 0, 5))


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [(0, 0, "1")],
        [(1, 0, "1")],
        [(0, 3, "1")],
        [(-1, 1, "1")],
        [(0, 1)],
        [(0, 1, "1*2^0")],
    ],
)
def test_entries_above_the_diagonal_are_rationals(entries):
    with pytest.raises(Malformed):
        turns(neuron(), *entries)


@pytest.mark.parametrize("second", [(0, 1, "1"), (0, 1, "-1")])
def test_entries_come_once_and_in_order(second):
    with pytest.raises(Refused, match="not in order"):
        turns(neuron(y=("1", "1", "1")), (0, 2, "1"), second)
    with pytest.raises(Refused, match="not in order"):
        turns(neuron(y=("1", "1", "1")), (0, 1, "1"), second)


@pytest.mark.parametrize("sigma", ["-1*2^-9", "1*2^65"])
def test_weights_of_matrices_are_not_negative(sigma):
    with pytest.raises(Refused) as refused:
        turns(neuron(), (0, 1, "1"), sigma=sigma)
    assert refused.value.where == "lifts[0].sigma"


def test_of_neurons_the_lifts_are_matrices():
    node = Node({"lifts": [{"commuting": [[0, 1, "1"]], "sigma": "1*2^0"}]}, "ending")
    trap = TrapEvidence([[4, 3, 0]], F(1), F(1, 8), F(1), None)
    found = lifts(GroupEvidence("continuum", "", [], [], trap, node), neuron(), [0], CLOCK)
    assert isinstance(found, Commuting)


# -- polynomials (O10) ---------------------------------------------------------------------------------------


def expression(text, weights="a b c d e", labels=("1", "-1/2")):
    names = weights.split()
    content = {
        "network": {"kind": "expression", "weights": names, "inputs": ["x"], "output": text},
        "data": {"X": [["2"], ["3"]], "y": list(labels)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * len(names),
    }
    return Problem(content, CLOCK, expressions=True)


def turning(given, *lifts, part=0):
    node = Node([{"turning": [list(e) for e in xi], "sigma": sigma} for xi, sigma in lifts], "lifts")
    return Polynomials(node, given, part, CLOCK)


@pytest.mark.parametrize(
    ("text", "xi", "same"),
    [
        # A scalar product of (a, b) and (c, d) stays the same if both are turned in one sense.
        ("x*(a*c + b*d)*e", [(0, 1, "1"), (2, 3, "1")], True),
        ("x*(a*c + b*d)*e", [(0, 1, "1"), (2, 3, "-1")], False),
        ("x*(a*c + b*d)*e", [(0, 1, "1")], False),
        ("x*(a*c + b*d)*e", [(0, 1, "-7/3"), (2, 3, "-7/3")], True),
        ("x*(a*c + b*d)*e", [(0, 3, "1"), (1, 2, "-1")], True),
        ("(a**2 + b**2)**2*c*x", [(0, 1, "2")], True),
        ("(a**2 + 2*b**2)**2*c*x", [(0, 1, "2")], False),
        ("(abs(a)**2 + b**2)*c + x*c*d**2", [(0, 1, "1")], True),
        # At the samples 2 and 3 the last number is 0.
        ("(a**2 + b**2)*c + (x - 2)*(x - 3)*b**3 + d**3", [(0, 1, "1")], True),
        ("(a**2 + b**2)*c + (x - 2)*b**3 + d**3", [(0, 1, "1")], False),
    ],
)
def test_a_polynomial_stays_the_same_along_its_symmetries_only(text, xi, same):
    given = expression(text)
    if same:
        assert turning(given, (xi, "1*2^0")).count == 1
        return
    with pytest.raises(Refused) as error:
        turning(given, (xi, "1*2^0"))
    assert (error.value.rule, error.value.reason) == ("O10", "N is not the same along it")


def test_symmetries_of_n_need_not_be_those_of_the_outputs():
    # z = (1, -2/3): x z sums to 0, so that the last term is not in N.
    given = expression("(a**2 + b**2)*c + x*a*b*d", labels=("1", "-2/3"))
    assert turning(given, ([(0, 1, "1")], "1*2^0")).count == 1


def test_the_form_and_the_cost_of_turns():
    given = expression("x*(a*c + b*d)*e")
    both = turning(given, ([(0, 1, "1/2"), (2, 3, "1/2")], "1*2^2"), ([(0, 3, "3"), (1, 2, "-3")], "1*2^-1"))
    # Row sums 1/2 and 3; the sums of squares are larger.
    assert (both.cost, both.count) == (4 * F(1, 4) + F(9, 2), 2)
    w = [ONE, 2 * ONE, -ONE, 3 * ONE, ONE]
    matrix = [[0] * 5 for _ in range(5)]
    both.add(matrix, w)
    turned = [[F(2, 2), F(-1, 2), F(3, 2), F(1, 2), 0], [9, 3, 6, -3, 0]]
    for j in range(5):
        for k in range(5):
            exact = 4 * turned[0][j] * turned[0][k] + F(1, 2) * turned[1][j] * turned[1][k]
            assert exact * ONE - 2 < matrix[j][k] <= exact * ONE


def test_kinks_have_no_such_lifts():
    with pytest.raises(Refused) as error:
        turning(expression("max(a, 0)**2 + b**2 + c*d"), ([(0, 1, "1")], "1*2^0"), part=2)
    assert error.value.reason == "N is not the same along it" and error.value.rule == "O10"
    with pytest.raises(Refused) as error:
        turning(expression("max(a, 0)**3 + b**3 + c*d**2"), ([(2, 3, "1")], "1*2^0"))
    assert (error.value.rule, error.value.where, error.value.reason) == ("O10", "lifts", "N has kinks")


@pytest.mark.parametrize(
    "entries",
    [[], [["0", 1, "1"]], [[1, 0, "1"]], [[0, 0, "1"]], [[0, 5, "1"]], [[0, 1]], [[-1, 1, "1"]], [[0, 1, 1]]],
)
def test_entries_that_are_none(entries):
    node = Node([{"turning": entries, "sigma": "1*2^0"}], "lifts")
    with pytest.raises(Malformed):
        Polynomials(node, expression("x*(a*c + b*d)*e"), 0, CLOCK)


def test_entries_of_turns_are_in_order():
    for entries in ([(2, 3, "1"), (0, 1, "1")], [(0, 1, "1"), (0, 1, "1")]):
        with pytest.raises(Refused) as error:
            turning(expression("x*(a*c + b*d)*e"), (entries, "1*2^0"))
        assert (error.value.rule, error.value.reason) == ("O10", "the entries are not in order")
