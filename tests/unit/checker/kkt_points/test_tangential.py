"""R11: the form of the second derivatives across a point, in exact numbers."""

from fractions import Fraction

import pytest
from refusals import box, refusal

from certflow.checker.kernel.numbers import BITS, ONE
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed
from certflow.checker.kkt_points import points as kkt_points
from certflow.checker.kkt_points.points import Local, Point, _Tangential

CLOCK = Clock(None)
HALF = ONE // 2


def tangential(middle, radius, slope, centre, reach=0, order=2, W=None):
    local = Local(W or [(c - reach, c + reach) for c in centre], [], middle, radius)
    return _Tangential(local, Point(0, 1, centre, reach, ONE), slope, order, CLOCK)


def test_the_lift_is_twice_what_hides_the_radial_direction():
    middle, radius = [[-3 * ONE, 0], [0, ONE]], [[HALF, 0], [0, HALF]]
    form = tangential(middle, radius, (-5 * ONE, ONE), [ONE, 0, 0], 7, order=4)
    assert form.loss == HALF
    # 2 (|H| + loss + L |slope|), |H| <= 3.
    assert form.radial == 2 * (3 * ONE + HALF + 4 * 5 * ONE)
    # sqrt(2) 7 = 9.8...
    assert form.reach == 10


@pytest.mark.parametrize("mu", [0, 3 * ONE, -5 * ONE, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_bound_of_the_form_is_asked_of_one_exact_matrix(monkeypatch, sign, mu):
    asked = []
    monkeypatch.setattr(kkt_points, "is_psd", lambda *a, **k: asked.append((a, k)) or "answer")
    middle, radius = [[2 * ONE, ONE], [ONE, -ONE]], [[HALF, 0], [0, HALF]]
    form = tangential(middle, radius, (-3 * ONE, 4 * ONE), [ONE, -ONE // 3], ONE // 4)
    assert form.at_most(sign, mu) == "answer"
    radial = form.radial + 2 * abs(mu)
    # slope >= -3, and -slope >= -4; the lift costs its sixteenth, rounded upwards.
    diagonal = mu + (-3 if sign > 0 else -4) * ONE - HALF - -(-radial // 16)
    c = form.centre
    expected = [
        [
            (diagonal if i == k else 0) - sign * middle[i][k] + (radial * c[i] * c[k] >> (2 * BITS))
            for k in range(2)
        ]
        for i in range(2)
    ]
    # Each entry of the lift may be a unit too small.
    assert asked == [((expected, CLOCK), {"off": 1})]


def vectors(*v):
    return Node([int(Fraction(x) * (1 << 30)) for x in v], "e.top")


def test_the_form_at_a_vector_is_exact_where_nothing_is_rounded():
    # v = (3, 1) - 2 (1, 1) = (1, -1): (1, -1) H (1, -1) / 2, with H off by R, less the slope.
    middle, radius = [[5 * ONE, ONE], [ONE, -ONE]], [[ONE, HALF], [HALF, 2 * ONE]]
    form = tangential(middle, radius, (-3 * ONE, 4 * ONE), [ONE, ONE])
    assert form.quotient(vectors(3, 1)) == (ONE - 2 * ONE - 4 * ONE, ONE + 2 * ONE + 3 * ONE)
    assert form.quotient(vectors("3/8", "1/8")) == (-5 * ONE, 6 * ONE)


def product(a, b):
    ends = [x * y for x in a for y in b]
    return min(ends), max(ends)


def total(*intervals):
    return sum(a for a, _ in intervals), sum(b for _, b in intervals)


def test_the_form_at_a_vector_covers_all_points_of_the_box():
    # (1, -4) . w lies in [-3, 1] and |w|^2 in [1, 2]; the part across w in [0, 4] x [-5, -1].
    W, H = box((1, 1), (0, 1)), [[(1, 3), (-2, 2)], [(-2, 2), (-5, -1)]]
    middle, radius = ([[v * ONE for v in row] for row in m] for m in ([[2, 0], [0, -3]], [[1, 2], [2, 2]]))
    form = tangential(middle, radius, (-3 * ONE, 4 * ONE), [ONE, HALF], W=W)
    v = [(0, 4), (-5, -1)]
    moved = [total(*(product(h, x) for h, x in zip(row, v, strict=True))) for row in H]
    low, high = total(*(product(x, m) for x, m in zip(v, moved, strict=True)))
    # |v|^2 in [0, 16] + [1, 25]
    assert (low, high) == (-205, 123)
    assert form.quotient(vectors(1, -4)) == (low * ONE - 4 * ONE, high * ONE + 3 * ONE)


def test_vectors_are_of_moderate_size_and_not_along_the_point():
    form = tangential([[ONE, 0], [0, ONE]], [[0, 0], [0, 0]], (0, 0), [ONE, 0])
    largest = 1 << 60
    for v in ([0, largest], [0, -largest], [largest, 1], [-largest, 1]):
        assert form.quotient(Node(v, "e.top")) == (ONE, ONE)
    reason = f"expected a whole number ({-largest} to {largest})"
    for v in ([1, largest + 1], [1, -largest - 1]):
        assert refusal(lambda v=v: form.quotient(Node(v, "e.top"))) == ("R1", "e.top[1]", reason)
    along = ("R11", "e.top", "the test vector has no part across the point")
    assert refusal(lambda: form.quotient(Node([5, 0], "e.top"))) == along
    # v = [-1, 1/2] x [-1, 1] may be 0.
    wide = tangential([[ONE, 0], [0, ONE]], [[0, 0], [0, 0]], (0, 0), [ONE, 0], W=box((1, 1), (0, 1)))
    assert refusal(lambda: wide.quotient(vectors(1, 1))) == along
    with pytest.raises(Malformed):
        form.quotient(vectors(1, 2, 3))
