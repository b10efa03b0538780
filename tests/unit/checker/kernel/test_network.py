"""One part of a problem on boxes by numbers worked out by hand: everything an evaluation says, to the last
unit.
"""

from fractions import Fraction as F
from math import isqrt

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.checker.kernel import network
from certflow.checker.kernel.network import Part, bounded, norm_bound
from certflow.checker.kernel.numbers import ONE, enclosed
from certflow.checker.kernel.polynomials import Layers, Samples
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.problem import Problem

X, LABELS = [[F(3), F(4)], [F(0), F(-1)]], [F(2), F(-1, 2)]
"""Samples of the lengths 5 and 1, and their weights in N."""


def box(*ends):
    """Exact intervals: points, or pairs of ends."""
    pairs = [end if isinstance(end, tuple) else (end, end) for end in ends]
    assert all((F(v) * ONE).denominator == 1 for pair in pairs for v in pair)
    return [(int(F(low) * ONE), int(F(high) * ONE)) for low, high in pairs]


def part(out, alpha=F(1, 2), p=2, shallow=True):
    return Part(Layers([[[0, 1]], [[out]]], Samples(X, LABELS, Clock(None)), F(alpha), p), shallow)


def scaled(matrix):
    return [[F(v) * ONE for v in row] for row in matrix]


def root(value):
    """The square root of a rational in fixed point, rounded up, where value ONE^2 is whole."""
    square = int(F(value) * ONE * ONE)
    return isqrt(square - 1) + 1


@pytest.mark.parametrize(
    ("alpha", "p", "z", "value", "slope", "second"),
    [
        (1, 1, (-2, 3), (-2, 3), 1, 0),
        (1, 2, (-2, 3), (0, 9), (-4, 6), 2),
        (1, 3, (-2, 1), (-8, 1), (0, 12), (-12, 6)),
        (F(1, 2), 2, (4, 6), (16, 36), (8, 12), 2),
        # On a side and its end there is one branch.
        (F(1, 2), 2, (0, 2), (0, 4), (0, 4), 2),
        (F(1, 2), 2, (-2, 0), (0, 1), (-1, 0), F(1, 2)),
        (F(1, 2), 2, (-4, -2), (1, 4), (-2, -1), F(1, 2)),
        # Both: the cell is [1/4, 1].
        (F(1, 2), 2, (-1, F(1, 2)), (0, 1), (-2, 1), (F(1, 2), 2)),
        (0, 2, (-3, -1), 0, 0, 0),
        (0, 2, (-1, 2), (0, 4), (-2, 4), (0, 2)),
        # The branch is -1/8, the cell [-1/8, 1].
        (F(-1, 2), 3, (-2, -1), (F(1, 8), 1), (F(-3, 2), F(-3, 8)), (F(3, 4), F(3, 2))),
        (F(-1, 2), 3, (-2, 1), (-8, 1), (F(-3, 2), 12), (-12, 6)),
    ],
)
def test_activations_with_their_two_derivatives(alpha, p, z, value, slope, second):
    assert [*part(1, alpha, p).passed(*box(z))] == box(value, slope, second)


def test_one_unit_beyond_the_kink_both_branches_count():
    assert part(1).passed((-ONE, 1)) == ((0, ONE), (-2 * ONE, 2), (ONE // 2, 2 * ONE))
    assert part(1).passed((-1, ONE)) == ((0, ONE), (-2, 2 * ONE), (ONE // 2, 2 * ONE))


def test_what_a_part_knows_of_itself():
    free, fixed, deep = part(2), part(F(-1, 3), F(-1, 3), 3), part(2, shallow=False)
    assert (free.size, free.stored, free.outgoing, free.off) == (3, 2, None, enclosed(F(1, 4)))
    assert (fixed.size, fixed.stored, fixed.outgoing, fixed.off) == (
        2,
        2,
        enclosed(F(-1, 3)),
        enclosed(F(-1, 27)),
    )
    assert deep.stored == 2 * 3


def test_a_neuron_at_a_point():
    # w = (1, 1/2), v = 2: the kinks are 5 and -1/2, sigma' is 10 and -1/4, sigma'' 2 and 1/2.
    run = part(2).evaluate(box(1, F(1, 2), 2), [box(5), box(F(-1, 2))])
    middle = [[72, 96, 60], [96, F(255, 2), F(639, 8)], [60, F(639, 8), 0]]
    assert run.middle == run.above == scaled(middle)
    # Sums of weights of the size 8 + 1/2, and of 20 + 1/8 besides the output weight.
    assert run.radius == [[10, 10, 22], [10, 10, 22], [22, 22, 0]]
    assert run.loss == norm_bound(run.radius)
    assert run.outputs == box(50, F(1, 8))
    assert run.gradient_norms == [root(100**2 + 25**2), root(F(1, 4) + F(1, 256))]
    assert run.slopes == [box(20, F(-1, 2)), box(25, F(1, 16))]
    force = part(2).forcing(run, box(F(1, 2), -3))
    # kappa times slopes are 10 and 3/2.
    around = [(int(v * ONE) - 13, int(v * ONE) + 13) for v in (F(30), F(77, 2))]
    assert force == [*around, *box(F(25, 2) - F(3, 16))]


def test_a_neuron_with_a_fixed_output_weight_on_a_box():
    # sigma'' is 2 and [1/2, 2]; times v = 2 and the weights 2 and -1/2 that is 8 and [-2, -1/2].
    run = part(F(2)).evaluate(box(0, 0), [box((4, 6)), box((-1, F(1, 2)))])
    assert run.middle == scaled([[72, 96], [96, 128 - F(5, 4)]])
    assert run.radius == [[12, 12], [12, 3 * ONE // 4 + 12]]
    # The largest weights are 8 and -1/2.
    assert run.above == scaled([[72, 96], [96, 128 - F(1, 2)]])
    assert run.loss == 2 * 10
    assert run.outputs == box((32, 72), (0, 2))
    assert run.gradient_norms == [24 * 5 * ONE, 4 * ONE]
    assert run.slopes == [box((16, 24), (-4, 2)), box((16, 36), (0, 1))]
    force = part(F(2)).forcing(run, box(F(1, 2), -3))
    # kappa times slopes are [8, 12] and [-6, 12]: 10 +- 2 and 3 +- 9.
    whole = 10 + 2 + 3 + 9 + 2
    assert force == [(24 * ONE - whole, 36 * ONE + whole), (20 * ONE - whole, 54 * ONE + whole)]


def test_the_weights_of_samples_may_be_negative_and_the_output_weight_too():
    run = part(F(-2)).evaluate(box(0, 0), [box((4, 6)), box((-1, F(1, 2)))])
    # -8, and [1/2, 2].
    assert run.middle == scaled([[-72, -96], [-96, F(5, 4) - 128]])
    assert run.above == scaled([[-72, -96], [-96, 2 - 128]])
    assert run.outputs == box((-72, -32), (-2, 0)) and run.gradient_norms == [120 * ONE, 4 * ONE]


def test_the_same_neuron_as_a_deep_part():
    deep = part(2, shallow=False)
    run = deep.evaluate(box(1, F(1, 2), 2), [box(5), box(F(-1, 2))])
    assert run.middle == run.above == scaled([[72, 96, 60], [96, F(255, 2), F(639, 8)], [60, F(639, 8), 0]])
    assert run.radius == scaled([[0] * 3] * 3) and run.loss == 0
    assert run.outputs == box(50, F(1, 8))
    assert run.gradient_norms == [root(60**2 + 80**2 + 25**2), root(F(1, 4) + F(1, 256))]
    assert run.slopes == [box(60, 0), box(80, F(1, 2)), box(25, F(1, 16))]
    assert deep.forcing(run, box(F(1, 2), -3)) == box(30, F(77, 2), F(25, 2) - F(3, 16))


def chain(a, b, c):
    """Hessian of a b^2 (2 c)^4 / 2 by (c, b, a), its gradient without the factor 1/2 and its output."""
    t = 2 * c
    hessian = [
        [48 * a * b**2 * t**2, 16 * a * b * t**3, 8 * b**2 * t**3],
        [16 * a * b * t**3, 2 * a * t**4, 2 * b * t**4],
        [8 * b**2 * t**3, 2 * b * t**4, 0],
    ]
    return (
        [[F(v) / 2 for v in row] for row in hessian],
        [8 * a * b**2 * t**3, 2 * a * b * t**4, b**2 * t**4],
        a * b**2 * t**4,
    )


def test_a_deep_part_is_as_wide_as_its_corners_where_everything_grows():
    layers = Layers([[[0]], [[1]], [[2]]], Samples([[F(2)]], [F(1, 2)], Clock(None)), F(1, 2), 2)
    ends = chain(1, 1, F(1, 2)), chain(2, 3, 1)
    run = Part(layers, False).evaluate(box((F(1, 2), 1), (1, 3), (1, 2)), [box((1, 2))])
    for i in range(3):
        for j in range(3):
            low, high = (end[0][i][j] * ONE for end in ends)
            assert (run.middle[i][j], run.radius[i][j]) == ((low + high) / 2, (high - low) / 2)
    assert run.loss == norm_bound(run.radius) > 0
    assert run.outputs == box((ends[0][2], ends[1][2]))
    assert run.slopes == [box((low, high)) for low, high in zip(ends[0][1], ends[1][1], strict=True)]
    assert run.gradient_norms == [root(sum(v * v for v in ends[1][1]))]


@pytest.mark.parametrize("given", [{}, {2: [[F(1, 2), F(-1)], [F(2), F(1, 4)]]}, {3: [[F(1, 2), F(-3)]]}])
@pytest.mark.parametrize("alpha", [F(0), F(1, 2), F(-1)])
def test_a_deep_network_at_a_point_is_exact(given, alpha):
    trained = [l for l in (1, 2, 3) if l not in given]
    deep = FeedForward([2, 2, 2, 1], Activation(alpha, 2), *([trained, given] if given else []))
    p = Problem(deep, [["1", "-1/2"], ["3", "1"]], ["1", "-1/2"], direction=[1] * deep.size, reduction="sum")
    checked = Checked(p.exact_content(), Clock(None))
    w = [F(v, 4) for v in (2, -3, 1, 5, 4, -2, 1, 3, -1, 2)][: deep.size]
    (layers,) = checked.layers
    own = Part(layers, checked.shallow)
    Z = []
    for x in checked.features:
        rows = [[w[e] if isinstance(e, int) else e for e in row] for row in layers.matrices[0]]
        Z.append(box(*(sum(a * b for a, b in zip(row, x, strict=True)) for row in rows)))
    run = own.evaluate(box(*w), Z)
    at = deep.forward(EXACT, np.array(w, dtype=object), p.X)
    hessian, jacobian = deep.hessian(at, p.z), deep.jacobian(at)
    assert run.outputs == box(*at.outputs)
    assert run.middle == scaled(hessian) and not any(map(any, run.radius)) and run.loss == 0
    assert run.gradient_norms == [root(sum(v * v for v in row)) for row in jacobian]
    assert own.forcing(run, own.z) == box(*deep.pullback(at, p.z))


@pytest.mark.parametrize(
    ("matrix", "bound"),
    [
        ([[0]], 0),
        ([[3]], 3 * ONE),
        ([[3, 4], [4, 3]], 7 * ONE),
        # (R y)_i / y_i for y = (3, 2) is at most 5/3, below the root of 3 and the row sum 2.
        ([[1, 1], [1, 0]], -(-5 * ONE // 3)),
        # A star: y is (1, 1, 1, 1) again; the root of 6 is below the row sum 3.
        ([[0, 1, 1, 1], [1, 0, 0, 0], [1, 0, 0, 0], [1, 0, 0, 0]], root(6)),
        ([[2, 0], [0, 0]], 2 * ONE),
        # y is (8, 5) after two rounds: 21/8 is below the root of 7 and above 13/5.
        ([[2, 1], [1, 1]], 21 * ONE // 8 + 1),
    ],
)
def test_bounds_of_the_spectral_norm(matrix, bound):
    assert norm_bound([[v * ONE for v in row] for row in matrix]) == bound


def test_the_vector_of_a_norm_bound_is_one_unit_larger_than_it_is():
    # Four times 2^-60 (2, 1; 1, 1): y is (8, 5) units and one more each, so that (2 * 9 + 6) / 9 is the
    # bound.
    half = 1 << 60
    blocks = [
        [half * ((2, 1), (1, 1))[i % 2][j % 2] * (i // 2 == j // 2) for j in range(8)] for i in range(8)
    ]
    assert norm_bound(blocks) == 24 * half // 9 + 1


def test_middles_and_radii_are_rounded_so_that_they_cover():
    assert network._split([(1, 4), (-4, -1), (7, 7)]) == ([2, -3, 7], [2, 2, 0], 2 + 3 + 7 + 4)
    assert network._split([]) == ([], [], 0)
    columns = [ONE, -ONE // 2], [ONE, ONE // 2]
    # 3 - (-2) / 2 is exact; the radius is 2 + 4 / 2 with the size 11 below one unit.
    assert network._weighted(([3, -2], [2, 4], 11), columns) == (4, 4 + 2)
    assert network._weighted(([3, -1], [1, 1], 11), columns) == (3, 1 + 2)
    assert network._weighted(([3, -1], [1, 1], 5 * ONE), columns) == (3, 6 + 2)
    middles, radii = network._mirrored([[(1, 9)], [(2, 8), (3, 7)], [(4, 6), (5, 5), (6, 4)]])
    assert middles == [[1, 2, 4], [2, 3, 5], [4, 5, 6]] and radii == [[9, 8, 6], [8, 7, 5], [6, 5, 4]]
    assert network.sizes([[-3, 2]], [[1, 4]]) == [[4, 6]]


def test_what_is_kept_for_all_samples_is_bounded(monkeypatch):
    parts = [part(2), part(2, shallow=False)]
    monkeypatch.setattr(network, "MAX_STORED", 8)
    bounded(parts, "groups[0]")
    monkeypatch.setattr(network, "MAX_STORED", 7)
    with pytest.raises(Refused) as refusal:
        bounded(parts, "groups[0]")
    assert (refusal.value.rule, refusal.value.where) == ("R1", "groups[0]")
    assert refusal.value.reason == "more than 7 numbers would have to be kept for all samples at a time"


@pytest.mark.parametrize("out", [1, -3])
def test_samples_on_one_line_change_sides_together(out):
    # x, 2x and -x, with x = (1, 0); off = 1/4. On the side of x the curvature is 2 v (3 - 4 + 8/4) = 2 v, on
    # the other 2 v ((3 - 4)/4 + 8) = 31/2 v.
    rows, z = [[F(1), F(0)], [F(2), F(0)], [F(-1), F(0)], [F(0), F(1)]], [F(3), F(-1), F(8), F(5)]
    joined = Part(Layers([[[0, 1]], [[F(out)]]], Samples(rows, z, Clock(None)), F(1, 2), 2), True)
    ends = sorted((F(2 * out), F(31 * out, 2)))
    W = box((-1, 1), 2)
    Z = [joined.first_kinks(W)[i] for i in range(4)]
    found = joined.evaluate(W, Z)
    middle, radius = sum(ends) / 2, (ends[1] - ends[0]) / 2
    assert found.middle == scaled([[middle, 0], [0, 10 * out]])
    assert all(
        0 <= found.radius[a][b] - radius * ONE * (a == b == 0) < 128 for a in range(2) for b in range(2)
    )
    assert found.above == scaled([[ends[1], 0], [0, 10 * out]]) and 0 <= found.loss < 128
    # The kink of one of them alone, in a box that is only known for it, is met for all.
    alone = joined.evaluate(W, [Z[0], box((1, 2)), box((-2, -1)), Z[3]])
    assert alone.above == found.above
    # On one side there is nothing to choose.
    at = joined.evaluate(box(1, 2), joined.first_kinks(box(1, 2)))
    assert at.middle == scaled([[2 * out, 0], [0, 10 * out]])


def test_lines_are_those_of_multiples_that_are_not_zero():
    rows = [[F(0), F(0)], [F(0), F(2)], [F(1), F(1)], [F(0), F(-3)], [F(-1), F(-1)], [F(1), F(2)]]
    samples = Samples(rows, [F(9), F(1), F(2), F(4), F(-1), F(7)], Clock(None))
    assert samples.lines == [([1, 3], F(1), F(9)), ([2, 4], F(2), F(-1))]
