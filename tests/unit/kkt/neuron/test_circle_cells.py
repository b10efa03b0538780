"""The exact order of critical lines, the coefficients of N on the arcs between them, and cancellation in
their sums.
"""

from __future__ import annotations

from fractions import Fraction as F
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.kkt.neuron.circle import PlanarKKT, planar_kkt
from certflow.kkt.neuron.circle_cells import FIXED_LINES, Cells, critical_lines, exact_sum

integers = st.integers(-6, 6)
directions = st.tuples(integers, integers).filter(any)
samples = st.lists(st.tuples(directions, st.fractions(-3, 3, max_denominator=7)), max_size=8)


@given(st.lists(st.fractions(-5, 5, max_denominator=97), max_size=20))
def test_exact_sum(terms: list[F]) -> None:
    assert exact_sum(terms) == sum(terms, F(0))


@given(samples, st.sampled_from([F(0), F(1, 4), F(1)]), st.data())
def test_coefficients_of_every_arc(
    rows: list[tuple[tuple[int, int], F]], off: F, data: st.DataObject
) -> None:
    """In balls, exactly from scratch, and exactly from an earlier arc: the sum over samples that the signs of
    u·x_i say.
    """
    X, z = [(F(x), F(y)) for (x, y), _ in rows], [w for _, w in rows]
    lines = critical_lines(X, z, off)
    cells = Cells(lines)
    assert {line.direction for line in lines} >= set(FIXED_LINES) and cells.count == 2 * len(lines)
    assert lines[0].direction == (-1, 0)
    for (a, b), (c, d) in pairwise(line.direction for line in lines):
        assert a * d - b * c > 0 >= b
    balls = list(cells.coefficients(64))
    assert len(balls) == cells.count == len(cells.weighted)
    walk = data.draw(st.lists(st.integers(0, cells.count - 1), max_size=6))
    for arc in [*range(cells.count), *walk]:
        first, last = cells.direction(arc), cells.direction(arc + 1)
        u = (first[0] + last[0], first[1] + last[1])  # inside the arc, which is shorter than a half turn
        expected = [F(0)] * 3
        for (x, y), weight in zip(X, z, strict=True):
            c = weight * (1 if u[0] * x + u[1] * y > 0 else off)
            for i, factor in enumerate((x * x + y * y, x * x - y * y, 2 * x * y)):
                expected[i] += c * factor
        assert [cells.exact_trace(arc), *cells.exact_slopes(arc)] == expected
        assert all(ball.contains(value) for ball, value in zip(balls[arc], expected, strict=True))
        if cells.weighted[arc] == 0:
            assert all(ball == 0 for ball in balls[arc])


def quadratic(m11: F, m22: F, m12: F = F(0)) -> PlanarKKT:
    """The set of uᵀMu, with M written as the sum of six samples that cancel almost entirely."""
    X = [(F(1), F(0)), (F(0), F(1)), (F(1), F(1)), (F(1), F(-1)), (F(1), F(2)), (F(1), F(-2))]
    z = [m11 - 4, m22 - 10, 1 + m12 / 2, 1 - m12 / 2, F(1), F(1)]
    return planar_kkt(X, z, F(1))


def test_the_angle_is_sharp_when_the_matrix_is_almost_the_identity() -> None:
    tiny = F(1, 10**80)
    result = quadratic(1 + tiny, F(1), tiny / 2)  # D = E: the eigenvectors are at 22.5° + 90° k
    assert [p.kind for p in result.points] == ["minimum", "maximum"] * 2 or [p.kind for p in result.points][
        0
    ] == "maximum"
    for point, degrees in zip(result.points, (F(-315, 2), F(-135, 2), F(45, 2), F(225, 2)), strict=True):
        assert point.angle_deg.contains(degrees) and point.angle_deg.radius() <= F(1, 10**30)


def test_values_are_sharp_relative_to_a_tiny_n() -> None:
    tiny = F(1, 10**45)
    result = quadratic(tiny, 2 * tiny)
    assert {point.kind for point in result.points} == {"maximum", "minimum"}
    for point in result.points:
        expected = 2 * tiny if point.kind == "maximum" else tiny
        assert point.value.contains(expected) and point.value.radius() <= tiny / 10**30
        assert point.gap.radius() <= tiny / 10**29


def test_the_sign_of_every_value_is_decided() -> None:
    """A minimum of ±10^-60 beside a maximum of 1, and one that is exactly 0 in the direction (3, -1)/√10, on
    no critical line.
    """
    for tiny in (F(1, 10**60), -F(1, 10**60)):
        result = quadratic(F(1), tiny)
        assert result.n_min.sign() == (1 if tiny > 0 else -1) and result.n_min.contains(tiny)
        assert result.points[0].neuron_signs == ((1,) if tiny > 0 else (-1,))  # the minimum at -90°
    singular = quadratic(F(1, 3), F(3), F(1))
    zeros = [p for p in singular.points if p.kind == "minimum"]
    assert len(zeros) == 2 and all(p.value == 0 and p.neuron_signs == (1, -1) for p in zeros)
    assert any(p.angle.overlaps(Ball(-1, 200).atan2(3)) for p in zeros)
