"""Enclosures of N, its gradient and its Hessian on boxes, against exact rationals inside them; no
tolerances.
"""

import random
from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.cover.box import Boxes, others
from certflow.kkt.cover.enclosures import CANNOT_EVALUATE, box_function, correlation_tree, merged
from certflow.kkt.cover.flat_points import Balances, expression_balances, layered_balances, only_dead
from certflow.kkt.cover.krawczyk import krawczyk
from certflow.kkt.cover.sign_symmetry import SignGroup, expression_flips, layered_flips
from certflow.kkt.cover.slopes import NeuronSlopes, _ramp_slope
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer

HALF = Fraction(1, 2)
NETWORKS = {
    "deep": FeedForward([2, 2, 2, 1], Activation(Fraction(0), 2)),
    "deep leaky cubic": FeedForward([2, 1, 1, 1], Activation(HALF, 3)),
    "deep relu": FeedForward([2, 2, 2, 1], Activation(Fraction(0), 1)),
    "absolute value": FeedForward([2, 2, 1], Activation(Fraction(-1), 2)),
    "smooth": FeedForward([2, 2, 1], Activation(Fraction(1), 3)),
    "given middle": FeedForward(
        [2, 2, 2, 1], Activation(Fraction(0), 2), trained=[1, 3], given={2: [[1, 2], [3, -1]]}
    ),
    "given first": FeedForward(
        [2, 2, 2, 1], Activation(Fraction(0), 2), trained=[2, 3], given={1: [[1, 2], [3, -1]]}
    ),
    "last only": FeedForward(
        [2, 2, 1], Activation(Fraction(0), 2), trained=[2], given={1: [[1, 2], [3, -1]]}
    ),
    "neuron": OneLayer(3, 1, Activation(Fraction(0), 3), [-1]),
    "two layers": TwoLayer(3, 1, Activation(Fraction(-1, 3), 2)),
    "kinks": Expression(["a", "b", "c"], ["x", "y"], "a*max(b*x + c*y, 0)**2 + abs(c)**3*x"),
    "polynomial": Expression(["a", "b", "c", "d"], ["x", "y"], "a*b*c*x**2 + (a + d)**3*y"),
}


def data(n, d, seed):
    rng = random.Random(seed)
    X = np.array(
        [[Fraction(rng.randint(-9, 9), 4) for _ in range(d)] for _ in range(n)], dtype=object
    ).reshape(n, d)
    z = np.array([Fraction(rng.randint(-9, 9), 3) for _ in range(n)], dtype=object)
    return X, z


def inside(mid, rad, exact):
    return all(
        abs(Fraction(float(m)) - e) <= Fraction(float(r))
        for m, r, e in zip(mid.ravel(), rad.ravel(), exact.ravel(), strict=True)
    )


@pytest.mark.parametrize("name", NETWORKS)
def test_exact_values_and_derivatives_lie_in_the_enclosures(name):
    network = NETWORKS[name]
    X, z = data(5, network.inputs, 7)
    function, rng, draw = box_function(Correlation(network, X, z)), random.Random(3), np.random.default_rng(3)
    centres, radii = draw.normal(size=(12, network.size)), 0.3 * draw.random((12, network.size))
    radii[:3] = 0.0
    found = function(MidRad(centres, radii), True)
    assert (found.value.rad[:3] <= 1e-10 * (1.0 + np.abs(found.value.mid[:3]))).all()  # a point is sharp
    for b in range(12):
        for _ in range(3):
            w = np.array(
                [
                    Fraction(c) + Fraction(r) * Fraction(rng.randint(-8, 8), 8)
                    for c, r in zip(centres[b], radii[b], strict=True)
                ]
            )
            run = network.forward(EXACT, w, X)
            assert inside(found.value.mid[b], found.value.rad[b], np.array((z * run.outputs).sum()))
            assert inside(found.gradient.mid[b], found.gradient.rad[b], network.pullback(run, z))
            if found.regular[b]:
                assert inside(found.hessian.mid[b], found.hessian.rad[b], network.hessian(run, z))


def test_kinks_of_power_one_are_irregular_boxes_only_where_they_are_undecided():
    network = FeedForward([1, 1, 1], Activation(Fraction(0), 1))
    function = box_function(Correlation(network, [[Fraction(1)]], [Fraction(1)]))
    found = function(MidRad(np.array([[0.5, 1.0], [0.05, 1.0]]), np.full((2, 2), 0.1)), True)
    assert found.regular.tolist() == [True, False]
    # Both branches of the slope: dN/dw is v or 0.
    assert found.gradient.lower()[1, 0] <= 0.0 and found.gradient.upper()[1, 0] >= 1.1


def test_parallel_samples_are_merged_exactly():
    rows = np.array(
        [
            [Fraction(2), Fraction(4)],
            [HALF, Fraction(1)],
            [Fraction(-1), Fraction(-2)],
            [Fraction(0), Fraction(0)],
        ]
    )
    directions, weights = merged(rows, [Fraction(1), Fraction(3), Fraction(5), Fraction(7)], 3)
    assert dict(zip(directions, weights, strict=True)) == {(1, 2): 8 + Fraction(3, 8), (-1, -2): Fraction(5)}


@pytest.mark.parametrize("e", [1, 2, 3, 5])
def test_slopes_of_ramps_contain_exact_difference_quotients(e):
    rng = random.Random(e)
    values = [Fraction(rng.randint(-40, 40), 8) for _ in range(60)]
    for c, t in zip(values[:30], values[30:], strict=True):
        if c != t:
            exact = (max(t, Fraction(0)) ** e - max(c, Fraction(0)) ** e) / (t - c)
            ends = [
                Fraction(float(_ramp_slope(np.array([float(c)]), np.array([float(t)]), e, side)[0]))
                for side in (-1, 1)
            ]
            assert ends[0] <= exact <= ends[1]
            assert ends[1] - ends[0] < Fraction(1, 10**9)


def boxes_around(points, faces, radius, draw):
    """Boxes that contain the points (given with coordinate ±1 at the face), off their centres."""
    low = points - radius * draw.random(points.shape)
    high = points + radius * draw.random(points.shape)
    rows = np.arange(len(points))
    low[rows, faces] = high[rows, faces] = points[rows, faces]
    return Boxes(low, high, faces)


@pytest.mark.parametrize("alpha", [0, HALF, -1, 1])
def test_no_proof_loses_an_exact_kkt_point(alpha):
    # One sample per axis: on an open orthant with c_i the coefficient there, KKT means c_i w_i^(p-1) = λ w_i.
    network = OneLayer(3, 1, Activation(Fraction(alpha), 3))
    X, z = (
        np.eye(3, dtype=int).astype(object) * Fraction(1),
        np.array([Fraction(1), Fraction(2), Fraction(4)]),
    )
    function = box_function(Correlation(network, X, z))
    point = np.array([1.0, 0.5, 0.25])  # z_i w_i is constant
    draw = np.random.default_rng(0)
    for radius in (1.0, 0.3, 0.01):
        boxes = boxes_around(np.tile(point, (40, 1)), np.zeros(40, dtype=int), radius, draw)
        for empty, smaller in (
            NeuronSlopes(function).contract(boxes)[:2],
            (lambda k: (k.empty, k.smaller))(krawczyk(function, boxes)),
        ):
            assert not empty.any()
            assert (smaller.low <= point).all() and (point <= smaller.high).all()
    tiny = boxes_around(point[None], np.array([0]), 1e-3, draw)
    assert krawczyk(function, tiny).included[0]
    assert NeuronSlopes(function).contract(
        boxes_around(point[None] + [0, 0.1, 0], np.array([0]), 1e-2, draw)
    )[0][0]


@pytest.mark.parametrize("face", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_zero_in_the_corner_of_a_box_is_kept_by_the_drift_of_the_multiplier(face, sign, side):
    # The form 2 (a + b)² - 3 b² has the eigenvector (2, 1), and nothing else is alive; F(y) - F(c) - A Δ is
    # the change of μ times Δ, which is as large as its bound for a zero in the corner.
    rows = [[sign, sign], [0, sign]] if face == 0 else [[sign, sign], [sign, 0]]
    function = box_function(
        Correlation(
            OneLayer(2, 1, Activation(Fraction(0), 2)), [[Fraction(v) for v in row] for row in rows], [2, -3]
        )
    )
    point, low, high = (np.full((1, 2), float(sign)) for _ in range(3))
    point[0, 1 - face] = 0.5 * sign
    inner, outer = (0.25, 0.5) if side * sign > 0 else (0.5, 1.0)
    low[0, 1 - face], high[0, 1 - face] = sorted((inner * sign, outer * sign))
    empty, smaller, factor = NeuronSlopes(function).contract(Boxes(low, high, np.array([face])))
    assert not empty[0]
    assert (smaller.low <= point).all() and (point <= smaller.high).all()
    # Nothing but the drift is left: |change of μ| <= 4 r, and A = 6 + 8 |c|.
    r, c = (outer - inner) / 2, (outer + inner) / 2
    assert 4 * r / (6 + 8 * c) <= factor[0] <= 4 * r / (6 + 8 * c) * (1 + 1e-9)


@pytest.mark.parametrize(("centre", "radius"), [(0.25, 0.5), (-0.125, 0.25), (0.375, 0.125), (0.5, 1.0)])
def test_boxes_of_one_neuron_shrink_by_what_its_slopes_leave(centre, radius):
    # On the half-space w_1 = 1, with σ' = 2 t_+: all that is stated, where the only rows are numbers.
    rows, z = [(1, 1), (0, -1), (2, -1), (1, 3)], [2, -3, 1, 4]
    function = box_function(
        Correlation(
            OneLayer(2, 1, Activation(Fraction(0), 2)), [[Fraction(v) for v in row] for row in rows], z
        )
    )
    box = Boxes(np.array([[1.0, centre - radius]]), np.array([[1.0, centre + radius]]), np.array([0]))

    def slope(at, to):
        return (max(to, 0.0) - max(at, 0.0)) / (to - at)

    A = drift = unsure = wobble = 0.0
    for (first, other), weight in zip(rows, z, strict=True):
        at, reach = first + other * centre, abs(other) * radius
        low, high = slope(at, at - reach), slope(at, at + reach)
        mean, rad = weight * (low + high), abs(weight) * (high - low)
        v = other - first * centre
        A += mean * v * other - 2 * weight * max(at, 0.0) * first
        drift += mean * first * other
        wobble += rad * abs(first * other)
        unsure += rad * abs(v * other)
    width = (unsure + (abs(drift) + wobble) * radius) / abs(A)
    assert width <= NeuronSlopes(function).contract(box)[2][0] * (1 + 1e-12) <= width * (1 + 1e-9)


def test_places_other_than_the_faces():
    assert others(np.array([0, 1, 2]), 3).tolist() == [[1, 2], [0, 2], [0, 1]]


def test_boxes_on_which_n_is_not_defined_raise():
    network = Expression(["a", "b"], ["x"], "a**3*x/b")
    function = box_function(Correlation(network, [[Fraction(1)]], [Fraction(1)]))
    with pytest.raises(CANNOT_EVALUATE):
        function(MidRad(np.array([[1.0, 0.0]]), np.array([[0.1, 0.1]])), False)


# -- symmetries and balances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NETWORKS)
def test_flips_are_symmetries(name):
    network = NETWORKS[name]
    X, z = data(4, network.inputs, 1)
    if isinstance(network, Expression):
        flips = expression_flips(network.weight_names, correlation_tree(Correlation(network, X, z)))
    else:
        flips = layered_flips(network)
    rng = random.Random(0)
    for flip in SignGroup(network.size, flips).elements():
        w = np.array([Fraction(rng.randint(-9, 9), 5) for _ in range(network.size)])
        moved = np.array([-c if f else c for c, f in zip(w, flip.flipped, strict=True)])
        at, there = ((z * network.outputs(EXACT, v, X)).sum() for v in (w, moved))
        assert there == flip.factor * at


def test_the_group_of_flips_and_its_part_of_the_sphere():
    smooth = layered_flips(FeedForward([2, 2, 1], Activation(Fraction(1), 3)))
    group = SignGroup(6, smooth)
    assert len(group) == 8 and len({flip.flipped for flip in group.elements()}) == 8
    for j, pivot in enumerate(group.pivots):
        assert [g.flipped[pivot] for g in group.generators] == [i == j for i in range(len(group.generators))]
    assert len(SignGroup(3, layered_flips(OneLayer(3, 1, Activation(Fraction(0), 2))))) == 1


def test_balances_of_layers_and_of_expressions_agree():
    layered = layered_balances(FeedForward([2, 1, 1], Activation(Fraction(0), 2)))
    assert layered == [(Fraction(1), Fraction(1), Fraction(-2))]
    network = Expression(["a", "b", "c"], ["x", "y"], "c*max(a*x + b*y, 0)**2")
    node = correlation_tree(Correlation(network, [[1, 2], [3, 1]], [1, 1]))
    assert Balances(expression_balances(("a", "b", "c"), node)).rows == Balances(layered).rows
    mixed = correlation_tree(
        Correlation(Expression(["a", "b"], ["x"], "a**3*x + b**3"), [[Fraction(1)]], [Fraction(1)])
    )
    assert Balances(expression_balances(("a", "b"), mixed)).rows == []


def test_contraction_keeps_what_satisfies_the_balances():
    balances = Balances([(Fraction(1), Fraction(1), Fraction(-2)), (Fraction(0), Fraction(2), Fraction(-1))])
    w = np.array([[1.5**0.5, 0.5**0.5, 1.0]])  # both forms vanish up to rounding
    boxes = Boxes(w - [[0.2, 0.1, 0.0]], w + [[0.1, 0.3, 0.0]], np.array([2]))
    smaller, gone = balances.contract(boxes)
    assert not gone[0] and (smaller.low <= w).all() and (w <= smaller.high).all()
    assert smaller.high[0, 0] - smaller.low[0, 0] < 0.1
    assert balances.contract(Boxes(w + [[1.0, 0.0, 0.0]], w + [[2.0, 1.0, 0.0]], np.array([2])))[1][0]


def test_only_dead_points_near_the_border_of_a_dead_cone():
    network = OneLayer(2, 1, Activation(Fraction(0), 3))
    X = [[Fraction(1), Fraction(0)], [Fraction(1), Fraction(1)]]
    near = MidRad(
        np.array([[-1.0, 0.95], [0.1, -1.0], [1.0, 0.0]]), np.array([[0.0, 0.1], [0.02, 0.0], [0.0, 0.1]])
    )
    function = box_function(Correlation(network, X, [Fraction(1), Fraction(-1)]))
    # The first box meets only the border of the second sample, the second one is alive, in the third there
    # are both.
    assert only_dead(function, near).tolist()[0]
    assert not only_dead(function, near).tolist()[2]
