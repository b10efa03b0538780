"""R11 in exact numbers: every bound that the rule rests on, at its edge and on both sides of it."""

import itertools
import random
from fractions import Fraction
from types import SimpleNamespace

import pytest
from refusals import refusal

from certflow.checker.kernel import network
from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.kkt_points.points import (
    HINT,
    ListedFunction,
    Local,
    Point,
    _unique,
    applied,
    chart,
    inverse,
    preconditioned,
    split,
    square,
)

CLOCK = Clock(None)
HALF = ONE // 2


def exact(v):
    """A multiple of 2^-60 in fixed point."""
    value = Fraction(v) * ONE
    assert value.denominator == 1
    return int(value)


def box(*pairs):
    return [(exact(a), exact(b)) for a, b in pairs]


def matrix(rows):
    return [[exact(v) for v in row] for row in rows]


# -- the function of the list --------------------------------------------------------------------------------


def problem(kind="one-layer", alpha="0", power=2, units=None, X=(("1", "2"), ("-1", "1")), **network):
    shape = {"width": 1} if kind != "feed-forward" else {}
    content = {
        "network": {
            "inputs": len(X[0]),
            "kind": kind,
            "activation": {"alpha": alpha, "power": power},
            **shape,
            **network,
        },
        "data": {"X": [list(row) for row in X], "y": ["1"] * len(X)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * (len(X[0]) + (kind == "two-layer")) if kind != "feed-forward" else ["1"] * 8,
    }
    return Problem(content, CLOCK, None if units is None else Node(units, "units"))


@pytest.mark.parametrize("power", [2, 3])
@pytest.mark.parametrize("kind", ["one-layer", "two-layer"])
def test_a_neuron_is_listed_with_output_weight_one_and_its_own_order(kind, power):
    field = ListedFunction(problem(kind, power=power), Node(None, "claim.points"))
    assert (field.order, field.size, field.rate) == (power, 2, 1)
    assert field.part.shallow and field.clock is CLOCK
    # At w = (1, 0) only (1, 2) is active: N = (w1 + 2 w2)^p; sums over the samples are off by a few units.
    local = field.on(box((1, 1), (0, 0)))
    assert box((1, 1), (0, 0)) == local.W
    for found, true in zip(local.gradient, (power, 2 * power), strict=True):
        assert exact(true) - 9 <= found[0] <= exact(true) <= found[1] <= exact(true) + 9
    for i, k in itertools.product(range(2), repeat=2):
        true = exact(power * (power - 1) * (1, 2)[i] * (1, 2)[k])
        assert abs(local.middle[i][k] - true) <= local.radius[i][k] <= 9


def test_the_rate_of_a_neuron_leaves_the_unit_of_its_output_weight_out():
    units = {"inputs": 1, "labels": 3, "given": {"2": 2}}
    # Outputs over 2^(1 * 2), labels over 2^3.
    assert ListedFunction(problem(units=units), Node(None, "")).rate == 2**5
    # N of all weights: outputs over 2^(1 * 4 + 2).
    assert (
        ListedFunction(
            problem("feed-forward", units=units | {"given": {"3": 2}}, **DEEP), Node(None, "")
        ).rate
        == 2**9
    )


DEEP = {"widths": [2, 2, 2, 1], "trained": [1, 2], "given": {"3": [["1", "1"]]}}


def test_the_gradient_of_a_deep_network_is_exact_at_whole_numbers():
    field = ListedFunction(problem("feed-forward", "1", **DEEP), Node(None, ""))
    assert (field.order, field.size, field.part.shallow) == (6, 8, False)
    # Both neurons of the second layer give (x1)^2 here, so N = 2 (1 + 1) for the samples (1, 2) and (-1, 1).
    local = field.on([(exact(v), exact(v)) for v in (1, 0, 0, 0, 1, 0, 1, 0)])
    assert local.gradient == [(exact(v), exact(v)) for v in (16, 8, 0, 0, 4, 0, 4, 0)]


@pytest.mark.parametrize(
    ("kind", "power", "alpha", "X"),
    [
        ("one-layer", 2, "0", (("1",),)),
        ("two-layer", 1, "1", (("1", "2"),)),
        ("two-layer", 2, "0", (("1",),)),
    ],
)
def test_linear_functions_and_those_of_one_weight_have_no_list(kind, power, alpha, X):
    one = problem(kind, alpha, power, X=X)
    assert refusal(lambda: ListedFunction(one, Node(None, "here"))) == (
        "R11",
        "here",
        "the function has one weight, or is linear",
    )


def test_a_field_that_needs_much_memory_is_refused_at_its_place(monkeypatch):
    monkeypatch.setattr(network, "MAX_STORED", 1)
    rule, where, _ = refusal(lambda: ListedFunction(problem(), Node(None, "here")))
    assert (rule, where) == ("R1", "here")


# -- charts and matrices -------------------------------------------------------------------------------------


def test_the_box_of_a_point_is_flat_on_its_face():
    point = Point(1, -1, [3, -ONE, -5], 2, 4)
    assert point.box(7) == [(-4, 10), (-ONE, -ONE), (-12, 2)]


def corners(*intervals):
    return itertools.product(*(sorted(set(pair)) for pair in intervals))


def hull(values):
    values = list(values)
    return min(values), max(values)


@pytest.mark.parametrize("seed", range(6))
def test_a_chart_is_the_smallest_enclosure_of_its_formula(seed):
    # Every number is a multiple of 1/8 and occurs once in each entry: the ends belong to corners, and nothing
    # is rounded.
    rng, size = random.Random(seed), 2 + seed % 3
    face, sign = rng.randrange(size), rng.choice([1, -1])

    def pair():
        a = Fraction(rng.randint(-16, 16), 8)
        return a, a + Fraction(rng.randint(0, 8), 4)

    g, W = [pair() for _ in range(size)], [pair() for _ in range(size)]
    W[face] = (Fraction(sign), Fraction(sign))
    H = [[pair() for _ in range(size)] for _ in range(size)]
    H = [[H[max(i, k)][min(i, k)] for k in range(size)] for i in range(size)]
    middle = matrix([[(a + b) / 2 for a, b in row] for row in H])
    radius = matrix([[(b - a) / 2 for a, b in row] for row in H])
    found = chart(Local(box(*W), box(*g), middle, radius), face, sign)
    others = [i for i in range(size) if i != face]
    F = [hull(a - sign * b * w for a, b, w in corners(g[i], g[face], W[i])) for i in others]
    J = [
        [
            hull(
                h - sign * w * v - sign * (i == k) * b
                for h, w, v, b in corners(H[i][k], W[i], H[face][k], g[face])
            )
            for k in others
        ]
        for i in others
    ]
    assert found[0] == box(*F)
    assert found[1] == matrix([[(a + b) / 2 for a, b in row] for row in J])
    assert found[2] == matrix([[(b - a) / 2 for a, b in row] for row in J])


def test_middles_and_radii_of_odd_intervals_cover_them():
    # [0, 3]: the middle is rounded down to 1, and the radius is 2.
    _, middle, radius = chart(
        Local([(ONE, ONE), (0, 0)], [(0, 0)] * 2, [[0, 0], [0, 0]], [[0, 0], [0, 0]]), 0, 1
    )
    assert (middle, radius) == ([[0]], [[0]])
    _, middle, radius = chart(
        Local([(ONE, ONE), (0, 0)], [(-3, 0), (0, 0)], [[0, 0], [0, 0]], [[0, 0], [0, 0]]), 0, 1
    )
    assert (middle, radius) == ([[1]], [[2]])
    assert split([(0, 3), (-3, 5), (-4, -1)]) == ([[1, 1, -3]], [[2, 4, 2]])


def test_the_square_of_a_box_is_the_sum_of_the_squares_of_its_sides():
    assert square(box((-1, -1), (Fraction(1, 2), 1), (-1, Fraction(1, 2)))) == (
        exact(Fraction(5, 4)),
        exact(3),
    )


@pytest.mark.parametrize(
    ("rows", "found"),
    [
        ([[2, 0], [0, "-1/4"]], [["1/2", 0], [0, -4]]),
        ([[1, 2], [4, 4]], [[-1, "1/2"], [1, "-1/4"]]),
        # A pivot on the diagonal would be 0, or so small that it hides everything else.
        ([[0, 1], [2, 0]], [[0, "1/2"], [1, 0]]),
        ([["1/1180591620717411303424", 1], [-1, 0]], [[0, -1], [1, "1/1180591620717411303424"]]),
        ([[1, 1, 1], [0, 0, 2], [0, 4, 1]], [[1, "-3/8", "-1/4"], [0, "-1/8", "1/4"], [0, "1/2", 0]]),
        ([[2, 4, 0], [1, 0, 0], [0, 0, -1]], [[0, 1, 0], ["1/4", "-1/2", 0], [0, 0, -1]]),
    ],
)
def test_inverses_are_exact_where_floats_are(rows, found):
    # The entry 2^-70 is below the unit of the result, 2^-60.
    expected = [[int(Fraction(v) * (1 << HINT)) for v in row] for row in found]
    assert inverse([[int(Fraction(v) * ONE) for v in row] for row in rows], CLOCK) == expected


@pytest.mark.parametrize(
    "rows",
    [
        [[ONE, 2 * ONE], [2 * ONE, 4 * ONE]],
        [[0, ONE], [0, 2 * ONE]],
        # Beyond the range of floats: an entry, one of the inverse times 2^60, and one on the way to it.
        [[1 << 1200]],
        [[1, 1 << 1020], [0, ONE]],
        [[1, 1 << 1130], [0, ONE]],
    ],
)
def test_where_floats_find_no_inverse_there_is_no_hint(rows):
    assert inverse(rows, CLOCK) is None


def test_products_with_an_interval_matrix_are_exact():
    A, middle, radius = [[1, -2], [-3, 4]], [[5, 6], [-7, 8], [0, 9]], [[1, 2], [3, 0], [0, 5]]
    assert applied(A, middle, radius, CLOCK) == ([[-7, -23, -18], [9, 53, 36]], [[5, 3, 10], [11, 9, 20]])


def test_a_matrix_is_preconditioned_by_its_inverse_from_the_left():
    middle, radius = matrix([[1, 2], [4, 4]]), [[1, 2], [3, 5]]
    unit = 1 << HINT
    A, product, error = preconditioned(middle, radius, CLOCK)
    assert [[-unit, unit // 2], [unit, -unit // 4]] == A
    assert product == [[unit * ONE, 0], [0, unit * ONE]]
    assert error == [
        [unit + 3 * unit // 2, 2 * unit + 5 * unit // 2],
        [unit + 3 * unit // 4, 2 * unit + 5 * unit // 4],
    ]
    assert preconditioned(matrix([[1, 1], [1, 1]]), radius, CLOCK) is None


# -- exactly one point ---------------------------------------------------------------------------------------


def field_of(at_centre, around, order=2, rate=Fraction(1)):
    """A function of which only two enclosures are known: at a point, and on boxes."""
    on = lambda W: at_centre if all(a == b for a, b in W) else around  # noqa: E731
    return SimpleNamespace(on=on, clock=CLOCK, order=order, rate=rate)


def axis(size, gradient, middle, radius, flat=True):
    """Enclosures near the axis of the first weight: on the face w_1 = 1 the derivative of F is that of the
    Hessian.
    """
    W = [(ONE, ONE)] + [(0, 0) if flat else (-ONE, ONE)] * (size - 1)
    return Local(W, gradient, middle, radius)


def flat_field(size, force, middle, radius):
    """F = force at the centre of the axis, and an interval matrix J with these diagonals."""
    zero = [[0] * size for _ in range(size)]
    J = [[middle if i == k > 0 else 0 for k in range(size)] for i in range(size)]
    R = [[radius if i == k > 0 else 0 for k in range(size)] for i in range(size)]
    return field_of(
        axis(size, [(0, 0)] + [force] * (size - 1), zero, zero), axis(size, [(0, 0)] * size, J, R, False)
    )


@pytest.mark.parametrize(
    ("size", "force", "middle", "radius", "reach", "reason"),
    [
        (2, (0, 0), ONE, ONE - 1, 1, None),
        (2, (0, 0), ONE, ONE, 1, "no uniqueness is proved within unique_radius"),
        (2, (0, 0), -ONE, ONE - 1, 1, None),
        (2, (0, 0), -ONE, ONE, 1, "no uniqueness is proved within unique_radius"),
        # |A F| = 7 or 8 units of 2^-120, and 1 - q = 1/2.
        (2, (7, 7), ONE, HALF, 15, None),
        (2, (7, 7), ONE, HALF, 14, "no KKT point is proved within the radius"),
        (2, (-7, -7), ONE, HALF, 15, None),
        (2, (-7, -7), ONE, HALF, 14, "no KKT point is proved within the radius"),
        (2, (-6, 8), ONE, HALF, 17, None),
        (2, (-6, 8), ONE, HALF, 16, "no KKT point is proved within the radius"),
        (2, (-8, 6), -4 * ONE, 2 * ONE, 5, None),
        (2, (-8, 6), -4 * ONE, 2 * ONE, 4, "no KKT point is proved within the radius"),
        (2, (0, 0), 0, 0, 1, "the derivative has no inverse at the centre"),
        # The inverse is one unit of 2^-60, and 1 - q one unit of 2^-180.
        (3, (0, 0), 1 << 180, (1 << 180) - 1, 1, None),
        (3, (0, 0), 1 << 180, 1 << 180, 1, "no uniqueness is proved within unique_radius"),
        (3, (1, 1), 1 << 180, (1 << 180) - 1, ONE, "no KKT point is proved within the radius"),
    ],
)
def test_a_point_is_alone_where_the_newton_map_contracts(size, force, middle, radius, reach, reason):
    field = flat_field(size, force, middle, radius)
    point = Point(0, 1, [ONE] + [0] * (size - 1), reach, ONE)
    check = lambda: _unique(field, point, Node(None, "claim.points[3]"))  # noqa: E731
    if reason is None:
        check()
    else:
        assert refusal(check) == ("R11", "claim.points[3]", reason)


@pytest.mark.parametrize("worst", [1, 2])
def test_the_worst_row_of_the_contraction_counts(worst):
    # q = 1/4 + 1/4 in one row and 3/4 in the other; |A F| = 1 and 3: 3 < (1 - 3/4) * radius.
    rows = {worst: [0, "3/8", "3/8"], 3 - worst: [0, "1/4", "1/4"], 0: [0, 0, 0]}
    one, zero = matrix([[0, 0, 0], [0, 1, 0], [0, 0, 1]]), [[0] * 3 for _ in range(3)]
    around = axis(3, [(0, 0)] * 3, one, matrix([rows[k] for k in range(3)]), False)
    for force in ([(1, 1), (3, 3)], [(-3, -3), (1, 1)]):
        field = field_of(axis(3, [(0, 0), *force], zero, zero), around)
        _unique(field, Point(0, 1, [ONE, 0, 0], 13, ONE), Node(None, ""))
        with pytest.raises(Refused):
            _unique(field, Point(0, 1, [ONE, 0, 0], 12, ONE), Node(None, ""))
