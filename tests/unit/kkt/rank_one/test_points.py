"""Rank-one KKT points: the classification of L6.30 to L6.40, its examples and its counterexamples."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kkt_residual import kkt_residual
from neuron_cells import cell_gradient

from certflow.arithmetic.ball import Ball, BallArithmetic
from certflow.arithmetic.base import EXACT
from certflow.kkt.points import KKTPoint
from certflow.kkt.rank_one.construct import InputDirection, Shape, Size, assemble, root
from certflow.kkt.rank_one.points import Plan, effective_neurons, rank_one_points, tau
from certflow.kkt.single.ascent import Search, directions, is_new
from certflow.kkt.single.enclose import enclose_point
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import BadInput

F = Fraction
BITS = 200
TINY = F(1, 10**30)


def net(widths, alpha, p):
    return FeedForward(widths, Activation(F(alpha), p))


def exact_point(direction, value):
    """The entry of an exact direction."""
    exact = tuple(F(c) for c in direction)
    return KKTPoint("maximum", InputDirection.of((), exact, BITS).point, Ball(value, BITS), direction=exact)


def both_ends(network, X, z, axis=None):
    """The KKT points ±axis (default: the only axis of one input) of every effective neuron."""
    axis = tuple(F(c) for c in axis or (1,))
    return {
        signs: [exact_point(u, neuron.value(u)) for u in (axis, tuple(-c for c in axis))]
        for signs, neuron in effective_neurons(Correlation(network, X, z)).items()
    }


def planar_points(network, X, z):
    """KKT points of the effective neuron with two inputs, proved, found from angles around the circle."""
    activation = network.activation
    neuron = OneLayer(2, 1, Activation(activation.alpha, activation.power ** (network.depth - 1)))
    search, known = Search(Correlation(neuron, X, z)), []
    for k in range(48):
        w = search.newton(np.array([math.cos(math.pi * k / 24 + 0.05), math.sin(math.pi * k / 24 + 0.05)]))
        if w is not None and is_new(w, known):
            known.append(w)
    return [enclose_point(Correlation(neuron, X, z), w, digits=45).point for w in known]


def residual_excludes_zero(network, X, z, point):
    return any(not v.contains(0) for v in kkt_residual(Correlation(network, X, z), point))


def assert_kkt(network, X, z, point, digits=TINY):
    residual = kkt_residual(Correlation(network, X, z), point)
    assert all(v.contains(0) and v.radius() <= digits for v in residual)
    square = sum((c.square() for c in point), Ball(0, BITS))
    assert square.contains(1) and square.radius() <= digits


def gradient(network, X, z, w):
    """∇N at an exact w, with the branch 0 < z ... as z < 0 at kinks."""
    run = network.forward(EXACT, np.array(w, dtype=object), np.array(X, dtype=object))
    return network.pullback(run, np.array(z, dtype=object))


def is_exactly_kkt(network, X, z, w):
    g = gradient(network, X, z, w)
    return all(g[i] * w[j] == g[j] * w[i] for i in range(len(w)) for j in range(i))


LINE, LINE_Z = [[F(1)], [F(-1)]], [F(1), F(2)]
ONE_SIDE, ONE_SIDE_Z = [[F(1)], [F(3)]], [F(1), F(2)]
PLANE = [[F(1), F(2)], [F(-1, 2), F(1)], [F(3, 2), F(-1)], [F(-1), F(-1, 4)], [F(1, 3), F(1, 2)]]
PLANE_Z = [F(1), F(-1, 2), F(2, 3), F(1), F(-1)]
CASES = [
    (0, 2),
    (0, 3),
    ("1/2", 2),
    ("1/2", 3),
    ("-1/2", 2),
    ("-1/2", 3),
    ("1/4", 3),
    (1, 2),
    (1, 3),
    (-1, 2),
    (-1, 3),
]


# -- L6.30 to L6.36 ------------------------------------------------------------------------------------------


def sigma(activation, t):
    return t**activation.power if t > 0 else activation.off * t**activation.power


def slope(activation, t):
    p = activation.power
    return p * t ** (p - 1) if t > 0 else activation.off * p * t ** (p - 1) if t < 0 else F(0)


small = st.integers(-3, 3).map(lambda v: F(v, 2))


@given(data=st.data(), alpha=st.sampled_from([F(0), F(1, 2), F(-1, 3), F(1), F(-1)]), p=st.integers(2, 3))
def test_the_gradient_at_a_rank_one_point_is_given_by_two_numbers_per_layer(data, alpha, p):
    widths = [2, *data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)), 1]
    D, activation = len(widths) - 1, Activation(alpha, p)
    a = [None] + [[data.draw(small) for _ in range(m)] for m in widths[1:]]
    b = [None] + [[data.draw(small) for _ in range(m)] for m in widths[:-1]]
    X = [[data.draw(small), data.draw(small)] for _ in range(4)]
    z = [data.draw(small) for _ in X]
    t = [x[0] * b[1][0] + x[1] * b[1][1] for x in X]
    q = p ** (D - 1)
    sgn = lambda v: (v > 0) - (v < 0)  # noqa: E731
    dot = lambda u, v: sum((x * y for x, y in zip(u, v, strict=True)), F(0))  # noqa: E731
    found = []
    for sign in (1, -1):
        heights, signals = [None, F(sign)], [None]
        for layer in range(1, D):
            h = heights[layer]
            signals.append([abs(h) ** p * sigma(activation, sgn(h) * v) for v in a[layer]])
            heights.append(dot(b[layer + 1], signals[layer]))
        back = {D: [F(1)]}
        for layer in range(D - 1, 0, -1):
            h, factor = heights[layer], dot(a[layer + 1], back[layer + 1])
            back[layer] = [
                abs(h) ** (p - 1) * factor * slope(activation, sgn(h) * v) * w
                for v, w in zip(a[layer], b[layer + 1], strict=True)
            ]
            assert h * dot(a[layer], back[layer]) == p ** (D - layer) * a[D][0] * dot(b[D], signals[D - 1])
        found.append((signals, back))
    (s, plus), (r, minus) = found
    A = sum((w * v**q for w, v in zip(z, t, strict=True) if v > 0), F(0))
    B = sum((w * (-v) ** q for w, v in zip(z, t, strict=True) if v < 0), F(0))
    g_plus = [
        sum((w * q * v ** (q - 1) * x[k] for w, v, x in zip(z, t, X, strict=True) if v > 0), F(0))
        for k in (0, 1)
    ]
    g_minus = [
        sum((-w * q * (-v) ** (q - 1) * x[k] for w, v, x in zip(z, t, X, strict=True) if v < 0), F(0))
        for k in (0, 1)
    ]
    expected = [
        (m * u - n * v) / q
        for m, n in zip(plus[1], minus[1], strict=True)
        for u, v in zip(g_plus, g_minus, strict=True)
    ]
    for layer in range(2, D + 1):
        rows = zip(plus[layer], minus[layer], strict=True)
        expected += [
            A * m * u + B * n * v for m, n in rows for u, v in zip(s[layer - 1], r[layer - 1], strict=True)
        ]
    w = [u * v for layer in range(1, D + 1) for u in a[layer] for v in b[layer]]
    assert list(gradient(FeedForward(widths, activation), X, z, w)) == expected


@pytest.mark.parametrize(("alpha", "p"), CASES)
@pytest.mark.parametrize("widths", [[1, 3, 1], [1, 2, 2, 1]], ids=str)
@pytest.mark.parametrize(("X", "z"), [(LINE, LINE_Z), (ONE_SIDE, ONE_SIDE_Z)], ids=["both sides", "one side"])
def test_constructed_points_are_kkt(alpha, p, widths, X, z):
    network = net(widths, alpha, p)
    found = rank_one_points(Correlation(network, X, z), both_ends(network, X, z), digits=40)
    assert len(found.points) >= 6
    for point in found.points:
        assert_kkt(network, X, z, point.point)
        assert point.value.sign() in (1, -1)
        if point.direction is not None:
            assert is_exactly_kkt(network, X, z, point.direction)
    assert (
        any(point.direction is not None for point in found.points)
        or p == 3
        or len(widths) > 3
        or widths[1] == 3
    )


def test_four_layers_are_kkt():
    network = net([1, 2, 1, 2, 1], "1/2", 2)
    found = rank_one_points(
        Correlation(network, ONE_SIDE, ONE_SIDE_Z), both_ends(network, ONE_SIDE, ONE_SIDE_Z), digits=45
    )
    assert len(found.points) == 2 * 5 * 2 * 5
    for point in found.points:
        assert_kkt(network, ONE_SIDE, ONE_SIDE_Z, point.point)


@pytest.mark.parametrize(("alpha", "p"), [(0, 2), ("1/2", 2), (0, 3), (1, 2)])
def test_planar_data_of_depth_three(alpha, p):
    network = net([2, 2, 2, 1], alpha, p)
    given_points = planar_points(network, PLANE, PLANE_Z)
    found = rank_one_points(Correlation(network, PLANE, PLANE_Z), given_points, digits=40)
    assert len(found.points) >= 8
    for point in found.points:
        assert_kkt(network, PLANE, PLANE_Z, point.point)
    values = [p.value for p in given_points]
    assert {p.value.sign() for p in found.points} == {1, -1} and len(values) >= 2


@pytest.mark.parametrize(
    ("alpha", "per_layer", "lines"),
    [(0, lambda m: 2**m - 1, 2), ("1/2", lambda m: 3**m - 1, 1), (1, lambda m: 3**m - 1, 1)],
)
def test_the_number_of_rank_one_points_is_that_of_the_theorem(alpha, per_layer, lines):
    network = net([1, 3, 2, 1], alpha, 2)
    X, z = (LINE, [F(1), F(-2)]) if lines == 2 else (ONE_SIDE, ONE_SIDE_Z)
    found = rank_one_points(Correlation(network, X, z), both_ends(network, X, z))
    assert sum(p.multiplicity for p in found.points) == 2 * lines * per_layer(3) * per_layer(2)


def hidden_matrices(network, w):
    found, end = [], 0
    for k, m in itertools.pairwise(network.widths[:-1]):
        found.append(w[end : end + m * k].reshape(m, k))
        end += m * k
    return found


def newton_points(network, X, z, starts):
    """KKT points with N != 0 and hidden matrices of rank one that Newton's method finds from rank-one starts,
    in floats.
    """
    search, found = Search(Correlation(network, X, z)), []
    random = np.random.default_rng(7)
    shapes, p = list(itertools.pairwise(network.widths)), network.activation.power
    for _ in range(starts):
        # The sizes that every KKT point has, and random signs; some neurons nearly 0.
        b, parts = random.normal(size=network.inputs), []
        for layer, (_, m) in enumerate(shapes, start=1):
            a = random.normal(size=m) * random.choice([1e-3, 1, 1], size=m)
            a[random.integers(m)] += 1.0
            size = p ** ((network.depth - layer) / 2) / (np.linalg.norm(a) * np.linalg.norm(b))
            parts.append(size * np.outer(a, b).ravel())
            b = np.abs(a) * random.choice([-1, 1], size=m)
        start = np.concatenate(parts)
        w = search.newton(start / np.linalg.norm(start))
        if w is None or abs(search.value(w)) < 1e-9:
            continue
        rank = max(np.linalg.matrix_rank(matrix, tol=1e-6) for matrix in hidden_matrices(network, w))
        if rank == 1 and is_new(w, found):
            found.append(w)
    return found


@pytest.mark.parametrize(
    ("alpha", "p", "widths", "data", "least"),
    [
        (0, 2, [1, 2, 2, 1], (LINE, LINE_Z), 8),
        (0, 3, [1, 2, 2, 1], (LINE, LINE_Z), 8),
        (0, 2, [1, 3, 1], (LINE, [F(1), F(-3)]), 8),
        ("1/2", 2, [1, 3, 1], (LINE, LINE_Z), 8),
        ("1/2", 3, [1, 2, 1], (LINE, LINE_Z), 6),
        ("1/2", 2, [1, 2, 2, 1], (ONE_SIDE, ONE_SIDE_Z), 8),
        ("1/2", 3, [1, 2, 2, 1], (ONE_SIDE, ONE_SIDE_Z), 8),
        ("1/2", 2, [1, 2, 2, 1], (LINE, LINE_Z), 20),
        ("1/2", 2, [1, 2, 2, 1], (LINE, [F(1), F(-3)]), 15),
        ("-1/2", 3, [1, 2, 2, 1], (LINE, LINE_Z), 8),
        (1, 2, [1, 2, 2, 1], (LINE, LINE_Z), 8),
        (-1, 3, [1, 2, 2, 1], (LINE, LINE_Z), 6),
    ],
)
def test_newton_finds_no_other_rank_one_points(alpha, p, widths, data, least):
    network = net(widths, alpha, p)
    found = newton_points(network, *data, starts=40)
    assert len(found) >= least
    constructed = rank_one_points(Correlation(network, *data), both_ends(network, *data)).points
    sizes = np.array([np.sort([abs(c.midpoint_float()) for c in point.point]) for point in constructed])
    values = np.array([point.value.midpoint_float() for point in constructed])
    search = Search(Correlation(network, *data))
    for w in found:
        # Neurons are permuted and, for |τ| = 1, reversed; sizes and value are what is left.
        same = (np.abs(sizes - np.sort(np.abs(w))).max(axis=1) < 1e-6) & (
            np.abs(values / search.value(w) - 1) < 1e-6
        )
        assert same.any()


@pytest.mark.parametrize(
    ("alpha", "p", "z", "count"),
    [
        ("1/2", 2, 2, 18),
        ("-1/2", 2, F(1, 3), 18),
        ("3/4", 4, 2, 18),
        ("3/4", 2, -4, 20),
        ("3/4", 2, F(-1, 50), 20),
        ("-9/10", 3, -4, 20),
        ("1/2", 2, -1, 0),
    ],
)
def test_both_signs_in_the_first_leaky_layer_are_kkt(alpha, p, z, count):
    network, z = net([1, 2, 2, 1], alpha, p), [F(1), F(z)]
    found = rank_one_points(Correlation(network, LINE, z), both_ends(network, LINE, z), digits=40)
    split = [point for point in found.points if -1 in point.shapes[0].codes]
    assert len(split) == count and "both signs" not in found.reason
    for point in split:
        assert_kkt(network, LINE, z, point.point)


def test_a_split_second_layer_exists_for_odd_leaky_powers():
    network = net([1, 1, 2, 1], "1/2", 3)
    search = Search(Correlation(network, LINE, LINE_Z))
    w = search.newton(np.array([-0.832, 0.1595, -0.4531, 0.0921, -0.2616]))
    proved = enclose_point(Correlation(network, LINE, LINE_Z), w)
    _, small_entry, long_entry, _, _ = proved.point.point
    assert small_entry.sign() == 1 and long_entry.sign() == -1
    ratio = -long_entry / small_entry
    rho = root(F(8), 2, BITS).ball
    assert not ratio.overlaps(rho) and not ratio.contains(1)
    found = rank_one_points(Correlation(network, LINE, LINE_Z), both_ends(network, LINE, LINE_Z))
    assert "both signs in a layer that sees both signs" in found.reason


# -- examples ------------------------------------------------------------------------------------------------


OPPOSITE, OPPOSITE_Z = [[F(1), F(0)], [F(-1), F(0)]], [F(1), F(1)]


@pytest.mark.parametrize("p", [1, 2])
def test_the_example_of_two_opposite_inputs(p):
    network = net([2, 2, 1], 0, p)
    found = rank_one_points(
        Correlation(network, OPPOSITE, OPPOSITE_Z), both_ends(network, OPPOSITE, OPPOSITE_Z, (1, 0))
    )
    split = [point for point in found.points if point.shapes[0].codes == (1, -1)]
    assert len(split) == 2
    for point in split:
        assert_kkt(network, OPPOSITE, OPPOSITE_Z, point.point)
    if p == 1:
        half = F(1, 2)
        expected = (half, F(0), -half, F(0), half, half)
        assert all(
            c.contains(e) and c.radius() <= TINY for c, e in zip(split[0].point, expected, strict=True)
        )
        factor = expected[0] / split[0].direction[0]
        assert tuple(c * factor for c in split[0].direction) == expected
        assert is_exactly_kkt(network, OPPOSITE, OPPOSITE_Z, expected)
        assert split[0].value.contains(half)
    else:
        squares = (F(1, 3), F(0), F(1, 3), F(0), F(1, 6), F(1, 6))
        assert all(c.square().contains(e) for c, e in zip(split[0].point, squares, strict=True))


def test_collinear_data_along_no_small_vector():
    e = [F(123457), F(-78910)]
    X, z = [[c * s for c in e] for s in (F(1, 10**5), F(-2, 10**5))], [F(1), F(3)]
    network = net([2, 2, 1], 0, 2)
    length = Ball(sum(c * c for c in e), BITS).sqrt()
    right = tuple(c / length for c in e)
    entries = [KKTPoint("maximum", tuple(sign * c for c in right), Ball(1, BITS)) for sign in (1, -1)]
    found = rank_one_points(Correlation(network, X, z), entries)
    split = [p for p in found.points if -1 in p.shapes[0].codes]
    assert len(split) == 2 and "not decided" not in found.reason
    for point in split:
        assert point.shapes[0].ratio.exact == F(1, 12)  # |A|/|B| = 1/(3 · 2²)
        assert_kkt(network, X, z, point.point)


def test_one_sided_inputs_allow_both_signs_in_every_leaky_layer():
    network = net([1, 3, 3, 1], "1/2", 2)
    found = rank_one_points(
        Correlation(network, ONE_SIDE, ONE_SIDE_Z), both_ends(network, ONE_SIDE, ONE_SIDE_Z)
    )
    for layer in (0, 1):
        point = next(p for p in found.points if p.shapes[layer].codes == (1, -1, 0))
        assert point.shapes[layer].ratio.exact == 4
        assert_kkt(network, ONE_SIDE, ONE_SIDE_Z, point.point)
    assert "ignore" not in found.reason and "leaky" not in found.reason


def plan_points(network, X, z, entry, shapes, output=1):
    """The point of given shapes, constructed whether or not it is KKT."""
    start = InputDirection.of(entry.point, entry.direction, BITS)
    return assemble(network, start, shapes, output, BITS)[0]


def shape(codes, ratio=1, flip=1, lead=1):
    return Shape(tuple(codes), Size(Ball(F(ratio), BITS), F(ratio)), flip, lead)


@pytest.mark.parametrize("ratio", ["4", "3", "1", "1/4"])
def test_the_leaky_ratio_of_entries_is_needed_and_enough(ratio):
    network, entry = net([1, 2, 3, 1], "1/2", 2), exact_point((1,), 1)
    for X, z in ((LINE, LINE_Z), (ONE_SIDE, ONE_SIDE_Z)):
        upper = plan_points(network, X, z, entry, (shape((1, 0)), shape((1, -1, 0), ratio)))
        assert residual_excludes_zero(network, X, z, upper) == (ratio != "4")
        lower = plan_points(network, X, z, entry, (shape((1, -1), ratio), shape((1, 0, 0))))
        assert residual_excludes_zero(network, X, z, lower) == (ratio != "4" or X is LINE)


# -- counterexamples -----------------------------------------------------------------------------------------


def test_without_the_norms_of_the_layers_a_point_is_not_kkt():
    network = net([1, 2, 2, 1], 0, 2)
    point = (
        rank_one_points(Correlation(network, LINE, LINE_Z), both_ends(network, LINE, LINE_Z)).points[0].point
    )
    longer = [c * F(11, 10) for c in point[:2]] + list(point[2:])
    length = sum((c.square() for c in longer), Ball(0, BITS)).sqrt()
    assert residual_excludes_zero(network, LINE, LINE_Z, [c / length for c in longer])


@pytest.mark.parametrize(
    ("alpha", "shapes", "kkt"),
    [
        (0, (shape((1, 1)), shape((1, 1))), True),
        (0, (shape((1, 1)), shape((1, -1))), False),  # a negative entry
        (0, (shape((1, 1)), shape((-1, -1))), False),
        (0, (shape((1, -1), 1, 1), shape((1, 1))), False),  # both signs in the first layer, A != B
        ("1/2", (shape((1, 1)), shape((-1, -1))), True),
        ("1/2", (shape((1, 1)), shape((1, -1), 4, -1)), False),  # b_3 of both signs
        ("1/2", (shape((1, 1)), shape((1, -1), 4)), True),
    ],
)
def test_no_condition_on_the_entries_can_be_dropped(alpha, shapes, kkt):
    network = net([1, 2, 2, 1], alpha, 2)
    point = plan_points(network, LINE, LINE_Z, exact_point((1,), 1), shapes)
    run = network.forward(BallArithmetic(BITS), np.array(point, dtype=object), np.array(LINE, dtype=object))
    value = run.outputs[0] + run.outputs[1] * 2
    # A dead network has N = 0 and is KKT for that reason.
    assert residual_excludes_zero(network, LINE, LINE_Z, point) == (not kkt and not value.is_exact())


@pytest.mark.parametrize("ratio", ["1", "2", "1/2"])
def test_unequal_lengths_are_not_kkt_for_powers(ratio):
    # Entries 1 and `ratio` of one sign, written out: W_1 = a_1, W_2 along |a_1|, norms 2/3 and 1/3.
    network = net([1, 2, 1], 0, 2)
    long, unit = F(ratio), F(1)
    square = long**2 + unit
    w = [unit, long] + [v * root(F(1, 2), 2, BITS).ball for v in (unit, long)]
    norm = (Ball(square, BITS) * F(3, 2)).sqrt()
    assert residual_excludes_zero(network, LINE, LINE_Z, [v / norm for v in w]) == (ratio != "1")


def test_both_signs_in_the_first_layer_need_two_kkt_points():
    # b = e_1 is KKT of n_+, and -b is not: the input on the left is not along e_1.
    X, z = [[F(1), F(0)], [F(-1), F(1)]], [F(1), F(1)]
    network = net([2, 2, 1], 0, 2)
    entry = exact_point((1, 0), 1)
    assert not residual_excludes_zero(OneLayer(2, 1, Activation(F(0), 2)), X, z, entry.point)
    assert residual_excludes_zero(OneLayer(2, 1, Activation(F(0), 2)), X, z, tuple(-c for c in entry.point))
    assert not residual_excludes_zero(network, X, z, plan_points(network, X, z, entry, (shape((1, 1)),)))
    assert residual_excludes_zero(network, X, z, plan_points(network, X, z, entry, (shape((1, -1)),)))
    found = rank_one_points(Correlation(network, X, z), [entry])
    assert {point.shapes[0].codes for point in found.points} == {(1, 0), (1, 1)}
    # Lengths in the wrong ratio, with collinear data and A = 1, B = 2: λ_+ |A| = λ_- |B|.
    line = net([1, 2, 1], 0, 2)
    for ratio, kkt in (("1/2", True), ("1", False), ("2", False)):
        point = plan_points(line, LINE, LINE_Z, exact_point((1,), 1), (shape((1, -1), ratio),))
        assert residual_excludes_zero(line, LINE, LINE_Z, point) == (not kkt)


def test_both_signs_in_the_first_of_three_layers_need_equal_signs():
    for z, number in (([F(1), F(1)], 2), ([F(1), F(-1)], 0)):
        deep, shallow = net([1, 2, 1, 1], 0, 2), net([1, 2, 1], 0, 2)
        split = [
            p
            for p in rank_one_points(Correlation(deep, LINE, z), both_ends(deep, LINE, z)).points
            if -1 in p.shapes[0].codes
        ]
        assert len(split) == number
        assert (
            len(
                [
                    p
                    for p in rank_one_points(
                        Correlation(shallow, LINE, z), both_ends(shallow, LINE, z)
                    ).points
                    if -1 in p.shapes[0].codes
                ]
            )
            == 2
        )
        for flip in (1, -1):
            point = plan_points(deep, LINE, z, exact_point((1,), 1), (shape((1, -1), 1, flip), shape((1,))))
            assert residual_excludes_zero(deep, LINE, z, point) == (flip != 1 or number == 0)


def test_the_wrong_neuron_is_refused():
    # n_+ in the place of the leaky neuron, and power p in the place of p^(depth - 1).
    leaky, relu, deep = net([2, 2, 1], "1/2", 2), net([2, 2, 1], 0, 2), net([2, 2, 1, 1], 0, 2)
    for network, other in ((leaky, relu), (deep, relu)):
        refused = 0
        for point in planar_points(other, PLANE, PLANE_Z):
            copied = plan_points(
                network, PLANE, PLANE_Z, point, [shape((1,) * m) for m in network.widths[1:-1]]
            )
            if residual_excludes_zero(network, PLANE, PLANE_Z, copied):
                with pytest.raises(BadInput, match="not a KKT point of the effective neuron"):
                    rank_one_points(Correlation(network, PLANE, PLANE_Z), [point])
                refused += 1
            else:
                assert rank_one_points(Correlation(network, PLANE, PLANE_Z), [point]).points
        assert refused


def test_networks_with_untrained_layers_are_refused():
    with pytest.raises(BadInput, match="all of them trained"):
        rank_one_points(Correlation(OneLayer(2, 2, Activation(F(0), 2)), PLANE, PLANE_Z), [])


# -- L6.37 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "first", "second"), [(0, (1, 2), (3, 1)), ("1/2", (1, 2), (3, 1)), ("-1/2", (2, 1), (-3, -1))]
)
def test_power_one_has_free_lengths(alpha, first, second):
    network = net([2, 2, 2, 1], alpha, 1)
    X, z = [[F(3), F(4)], [F(-1), F(7, 2)], [F(1), F(-1)]], [F(1), F(-2, 5), F(3)]
    (neuron,) = (n for signs, n in effective_neurons(Correlation(network, X, z)).items() if signs == (1,))
    entries = []
    for signs in itertools.product((1, -1), repeat=len(neuron.kinked)):
        g = cell_gradient(neuron, signs)
        inside = all(
            s * sum(a * b for a, b in zip(h.normal, g, strict=True)) > 0
            for s, h in zip(signs, neuron.kinked, strict=True)
        )
        if inside:
            entries.append(exact_point(g, neuron.value(g)))
    assert entries
    found = rank_one_points(Correlation(network, X, z), entries)
    assert {point.continuum.dimension for point in found.points} == {2}
    for point in found.points:
        assert_kkt(network, X, z, point.point)
    # Other lengths: W_1 = a_1 b^T, W_2 = a_2 |a_1|^T, W_3 = |a_2|^T, each of norm 1/√3.
    b = entries[0].direction
    lengths = [F(0)] + [sum(v * v for v in vector) for vector in (b, first, second)]
    blocks = [(u * v, lengths[1] * lengths[2]) for u in first for v in b]
    blocks += [(F(u * v), lengths[2] * lengths[3]) for u in second for v in first]
    blocks += [(F(abs(v)), lengths[3]) for v in second]
    assert_kkt(network, X, z, [v / (Ball(square, BITS) * 3).sqrt() for v, square in blocks])


def test_a_zero_neuron_makes_more_points_of_power_one():
    network = net([2, 2, 1, 1], 0, 1)
    X, z = [[F(1), F(0)], [F(-1), F(0)], [F(-1, 2), F(1)]], [F(1), F(-1), F(1)]
    # Weights times √3: gradients are homogeneous of order 2, and L N u is (1/3)(0, 1, 0, 0, 1, 0, 1) · 3
    # here.
    limit = [F(0), F(1), F(0), F(0), F(1), F(0), F(1)]
    for n in (3, 6, 12):
        eps = F(1, 10**n)
        open_ = gradient(network, X, z, [eps**3, F(1), F(0), F(0), F(1), F(0), F(1)])
        shut = gradient(network, X, z, [eps**3, F(1), eps, F(0), F(1), -eps, F(1)])
        assert open_[0] == F(1, 2) and shut[0] == F(-1, 2)
        mean = [(u + v) / 2 for u, v in zip(open_, shut, strict=True)]
        assert all(abs(m - e) <= 4 * eps for m, e in zip(mean, limit, strict=True))
    # The neuron is smooth at e_2 and has the gradient (1/2, 1) there: e_2 is not a KKT point of it.
    neuron = OneLayer(2, 1, Activation(F(0), 1))
    assert (
        list(gradient(neuron, X, z, [F(1, 9), F(1)]))
        == list(gradient(neuron, X, z, [F(-1, 9), F(1)]))
        == [F(1, 2), F(1)]
    )


# -- L6.38 ---------------------------------------------------------------------------------------------------


def outer(a, b):
    return [F(u) * F(v) for u in a for v in b]


@pytest.mark.parametrize(
    ("alpha", "X", "z", "parts", "kkt"),
    [
        # 1: a dead layer, whatever the others are; one layer 0.
        (0, [[1, 0], [2, 1]], [1, 3], [((-1, -1), (1, 0)), ((1, 2), (1, -1)), ((3,), (1, 1))], True),
        ("1/2", [[1, 0], [2, 1]], [1, 3], [((1, 1), (1, 0)), ((0, 0), (1, 1)), ((3,), (1, 1))], True),
        # 2: one side, A = 0; the gradient vanishes, or not.
        (0, [[1, 0], [1, 0]], [1, -1], [((1, 2), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))], True),
        (0, [[1, 1], [1, 0]], [1, -1], [((1, 2), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))], False),
        (0, [[1, 1], [1, 0]], [1, -1], [((1, 2), (1, 0)), ((1, 2), (1, 1)), ((0,), (1, 1))], True),
        # 3a: A = B = 0.
        (
            0,
            [[1, 1], [1, 0], [-1, 0], [-1, 0]],
            [1, -1, 1, -1],
            [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))],
            False,
        ),
        (
            0,
            [[1, 0], [1, 0], [-1, 1], [-1, 1]],
            [1, -1, 1, -1],
            [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))],
            True,
        ),
        # 3b: the right side is dead in layer 2, the left side cancels or not.
        (
            0,
            [[1, 0], [-1, 1], [-1, 1]],
            [1, 1, -1],
            [((1, -1), (1, 0)), ((1, 1), (-1, 1)), ((3,), (1, 1))],
            True,
        ),
        (
            0,
            [[1, 0], [-1, 1], [-1, 0]],
            [1, 1, -1],
            [((1, -1), (1, 0)), ((1, 1), (-1, 1)), ((3,), (1, 1))],
            False,
        ),
        # 3c: both sides cancel in all layers; in layer 2 only, where a split layer lies below; cut by a zero
        # output.
        ("1/2", [[1, 0], [-2, 0]], [1, -1], [((1, 2), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))], True),
        ("1/2", [[1, 0], [-2, 1]], [1, -1], [((1, 2), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))], False),
        (0, [[1, 0], [-1, 0]], [1, -1], [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((3,), (1, 1))], False),
        (0, [[1, 0], [-1, 0]], [1, -1], [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((0,), (1, 1))], True),
        (0, [[1, 0], [-1, 1]], [1, -1], [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((0,), (1, 1))], True),
        (0, [[1, 0], [-1, 0]], [1, -2], [((1, -1), (1, 0)), ((1, 2), (1, 1)), ((0,), (1, 1))], False),
    ],
)
def test_points_with_value_zero(alpha, X, z, parts, kkt):
    network = net([2, 2, 2, 1], alpha, 2)
    w = [v for a, b in parts for v in outer(a, b)]
    X, z = [[F(v) for v in row] for row in X], [F(v) for v in z]
    run = network.forward(EXACT, np.array(w, dtype=object), np.array(X, dtype=object))
    assert sum(v * h for v, h in zip(z, run.outputs, strict=True)) == 0 or not kkt
    assert (not any(gradient(network, X, z, w))) == kkt


# -- the list against points that are found otherwise --------------------------------------------------------


def arrangements(network, point):
    """The point with the neurons of its hidden layers in every order and, where sigma is even or odd, with
    every sign.
    """
    shapes = list(zip(network.widths[1:], network.widths[:-1], strict=True))
    cuts = np.cumsum([rows * columns for rows, columns in shapes])[:-1]
    matrices = [
        part.reshape(shape)
        for part, shape in zip(np.split(np.array(point, dtype=object), cuts), shapes, strict=True)
    ]
    power = network.activation.power
    signs = (1, -1) if abs(network.activation.alpha) == 1 else (1,)
    odd = network.activation.alpha**power * (-1) ** power  # sigma(-t) = odd sigma(t)
    hidden = [
        [
            (list(order), np.array(flips))
            for order in itertools.permutations(range(m))
            for flips in itertools.product(signs, repeat=m)
        ]
        for m in network.widths[1:-1]
    ]
    for choice in itertools.product(*hidden):
        turned = list(matrices)
        for layer, (order, flips) in enumerate(choice):
            turned[layer] = turned[layer][order] * flips[:, None]
            turned[layer + 1] = turned[layer + 1][:, order] * (flips if odd == -1 else 1)
        yield np.concatenate([matrix.ravel() for matrix in turned])


def contains(proved, point):
    """Whether all unit vectors in `point` lie in the ball in which `proved` is the only KKT point."""
    bits = max(c.bits for c in point)
    centre = [Ball(F(float(c)), bits) for c in proved.centre]
    length = sum((c.square() for c in centre), Ball(0, bits)).sqrt()
    apart = sum(((a - c / length).square() for a, c in zip(point, centre, strict=True)), Ball(0, bits))
    return apart.upper() <= proved.uniqueness**2


def listed_at(network, points, proved):
    """The listed points that are, in some arrangement, the proved one."""
    found = []
    for point in points:
        for each in arrangements(network, point.point):
            near = np.array([c.midpoint_float() for c in each]) - proved.centre / np.linalg.norm(
                proved.centre
            )
            if np.abs(near).max() < 1e-6 and contains(proved, each):
                found.append(point)
                break
    return found


@pytest.mark.parametrize(
    ("alpha", "p", "widths"), [(0, 2, [2, 2, 2, 1]), ("1/2", 2, [2, 2, 2, 1]), (1, 2, [2, 3, 2, 1])]
)
def test_maximisers_found_by_ascent_are_classified(alpha, p, widths):
    network = net(widths, alpha, p)
    N = Correlation(network, PLANE, PLANE_Z)
    points = rank_one_points(N, planar_points(network, PLANE, PLANE_Z)).points
    search = Search(N)
    ranks = []
    for start in directions(network.size, 5, 1):
        w = search.settle(search.climb(start, 1))
        if w is None or search.value(w) < 1e-3:
            continue
        proved = enclose_point(N, w)
        ranks.append(max(np.linalg.matrix_rank(matrix, tol=1e-6) for matrix in hidden_matrices(network, w)))
        found = listed_at(network, points, proved)
        assert bool(found) == (ranks[-1] == 1)
        assert all(point.value.overlaps(proved.point.value) for point in found)
    assert 1 in ranks


def test_a_point_of_rank_two_is_not_listed():
    network = net([2, 2, 2, 1], "1/2", 2)
    N = Correlation(network, PLANE, PLANE_Z)
    search = Search(N)
    found = (search.settle(search.climb(start, 1)) for start in directions(network.size, 5, 1))
    w = next(
        w
        for w in found
        if w is not None
        and max(np.linalg.matrix_rank(matrix, tol=1e-6) for matrix in hidden_matrices(network, w)) == 2
    )
    points = rank_one_points(N, planar_points(network, PLANE, PLANE_Z)).points
    assert points and listed_at(network, points, enclose_point(N, w)) == []


def test_permuted_points_are_recognised():
    network = net([1, 3, 2, 1], "1/2", 2)
    N = Correlation(network, ONE_SIDE, ONE_SIDE_Z)
    points = rank_one_points(N, both_ends(network, ONE_SIDE, ONE_SIDE_Z)).points
    point = next(p for p in points if [s.codes for s in p.shapes] == [(1, 1, -1), (1, -1)])
    floats = [c.midpoint_float() for c in point.point]
    order = (2, 0, 1)
    first = [floats[i] for i in order]
    rows = [[floats[3 + 3 * r + i] for i in order] for r in (1, 0)]
    permuted = np.array(first + rows[0] + rows[1] + [floats[10], floats[9]])
    assert listed_at(network, points, enclose_point(N, permuted)) == [point]


def test_the_sign_of_the_activation_on_the_left():
    assert [tau(Activation(F(alpha), p)) for alpha, p in CASES[2:6]] == [F(1, 4), F(-1, 8), F(1, 4), F(1, 8)]
    assert Plan.__dataclass_fields__.keys() == {"start", "shapes", "entry"}
