"""Midpoint-radius arrays and polynomials contain what exact rational arithmetic gives at every point
inside.
"""

from fractions import Fraction

import numpy as np
import pytest
from exact_ends import highest, lowest
from hypothesis import given
from hypothesis import strategies as st
from strategies import arrays, networks_at_points, rationals

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.arithmetic.polynomials import POLYNOMIALS, PolynomialArray

LAYERED = ("one-layer", "two-layer", "feed-forward", "partly-trained")
RADII = [Fraction(0), Fraction(1, 10**17), Fraction(1, 3**30), Fraction(1, 100), Fraction(1), Fraction(3)]
SCALES = [
    Fraction(1),
    Fraction(1),
    Fraction(1, 3),
    Fraction(10**40),
    Fraction(1, 10**160),
    Fraction(1, 10**320),
]


def exact_lower(enclosure):
    return [
        Fraction(m) - Fraction(r)
        for m, r in zip(enclosure.mid.ravel().tolist(), enclosure.rad.ravel().tolist(), strict=True)
    ]


def exact_upper(enclosure):
    return [
        Fraction(m) + Fraction(r)
        for m, r in zip(enclosure.mid.ravel().tolist(), enclosure.rad.ravel().tolist(), strict=True)
    ]


def contains(enclosure, values):
    """Whether the exact `values` lie in the enclosure, entry by entry, in the same shape."""
    values = np.asarray(values, dtype=object)
    assert enclosure.shape == values.shape
    ends = zip(exact_lower(enclosure), values.ravel(), exact_upper(enclosure), strict=True)
    return all(low <= value <= high for low, value, high in ends)


@st.composite
def enclosed(draw, shape):
    """(MidRad, exact values inside it): exact, thin and wide entries of all magnitudes mixed."""
    middle = draw(arrays(shape)) * draw(st.sampled_from(SCALES))
    radii = draw(arrays(shape, st.sampled_from(RADII))) * draw(st.sampled_from(SCALES))
    shifts = draw(arrays(shape, rationals(bound=1)))
    low, high = MIDRAD.array(middle - radii), MIDRAD.array(middle + radii)
    return low.hull(high), middle + radii * shifts


SHAPES = [((2, 3), (2, 3)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((3,), ()), ((2, 1, 2), (3, 1))]


@given(st.data(), st.sampled_from(SHAPES))
def test_elementwise_operations_contain_the_exact_results(data, shapes):
    (A, a), (B, b) = (data.draw(enclosed(shape)) for shape in shapes)
    number = data.draw(rationals())
    for enclosure, value in (
        (A + B, a + b),
        (A - B, a - b),
        (A * B, a * b),
        (-A, -a),
        (A + number, a + number),
        (number - A, number - a),
        (number * A, number * a),
        (A * 3, a * 3),
        (A.sum(), np.sum(a)),
        (A.sum(axis=0), a.sum(axis=0)),
        (A.hull(A * 2), a),
        (A.hull(A * 2), a * 2),
        (A.T, a.T),
        (A[None], a[None]),
        (A.reshape(-1), a.reshape(-1)),
    ):
        assert contains(enclosure, value)
    for exponent in range(6):
        assert contains(A**exponent, a**exponent)
        if exponent % 2 == 0:
            assert min(exact_lower(A**exponent)) >= -max(exact_upper(A**exponent)) / 2**45


@given(
    st.data(),
    st.sampled_from(
        [((2, 3), (3, 2)), ((3,), (3, 2)), ((2, 3), (3,)), ((2, 2, 3), (3, 1)), ((2, 2, 3), (2, 3, 1))]
    ),
)
def test_matrix_products_contain_the_exact_results(data, shapes):
    (A, a), (B, b) = (data.draw(enclosed(shape)) for shape in shapes)
    assert contains(A @ B, np.matmul(a, b))


@given(st.data())
def test_bounds_are_bounds(data):
    A, a = data.draw(enclosed((2, 3)))
    ends = zip(
        A.lower().ravel(),
        A.upper().ravel(),
        A.mignitude().ravel(),
        A.magnitude().ravel(),
        a.ravel(),
        strict=True,
    )
    for low, high, least, most, value in ends:
        assert Fraction(low) <= value <= Fraction(high)
        assert Fraction(least) <= abs(value) <= Fraction(most)
    for low, end, high, other in zip(
        A.lower().ravel(), exact_lower(A), A.upper().ravel(), exact_upper(A), strict=True
    ):
        assert Fraction(low) <= end and other <= Fraction(high)
    assert sum(v * v for v in a.ravel()) <= Fraction(A.norm_upper().item()) ** 2
    for norm, column in zip(A.norm_upper(axis=0), a.T, strict=True):
        assert sum(v * v for v in column) <= Fraction(norm) ** 2
    radius = data.draw(st.sampled_from([0.0, 1e-30, 0.5]))
    assert contains(A.widened(radius), a + Fraction(radius)) and contains(
        A.widened(radius), a - Fraction(radius)
    )
    for sign, value in zip(MIDRAD.sign(A).ravel(), a.ravel(), strict=True):
        assert sign == 2 or sign == (value > 0) - (value < 0)


@given(st.data())
def test_quotients_roots_and_exponentials_contain_the_exact_results(data):
    from certflow.arithmetic.ball import Ball

    middle = data.draw(arrays((3,), st.fractions(min_value=Fraction(1, 2), max_value=50)))
    radius = data.draw(st.sampled_from([Fraction(0), Fraction(1, 10**17), Fraction(1, 4)]))
    inside = middle + radius * data.draw(arrays((3,), rationals(bound=1)))
    A = MIDRAD.array(middle - radius).hull(MIDRAD.array(middle + radius))
    assert (
        contains(1 / A, 1 / inside)
        and contains(-2 / -A, 2 / inside)
        and contains(A / A, np.array([Fraction(1)] * 3, dtype=object))
    )
    squares = MIDRAD.array((middle - radius) ** 2).hull(MIDRAD.array((middle + radius) ** 2))
    assert contains(MIDRAD.sqrt(squares), inside)
    for entry, value in zip(MIDRAD.exp(A), inside, strict=True):
        exponential = Ball(value, 200).exp()
        assert lowest(entry) <= exponential.lower() and exponential.upper() <= highest(entry)


# -- polynomials ---------------------------------------------------------------------------------------------


@st.composite
def enclosed_polynomials(draw, shape, max_degree=3):
    """(PolynomialArray, exact coefficients inside: degree + 1, ...)."""
    coefficients, inside = draw(enclosed((draw(st.integers(0, max_degree)) + 1, *shape)))
    return PolynomialArray(coefficients), inside


def value_at(coefficients, y):
    return sum(c * y**k for k, c in enumerate(coefficients))


def values_contained(polynomials, value, y):
    """Whether the values of the polynomials at y contain the exact `value`."""
    low = high = np.zeros(polynomials.shape, dtype=object)
    for k in range(polynomials.degree + 1):
        entry = polynomials.coefficients[k]
        low = low + np.array(exact_lower(entry), dtype=object).reshape(entry.shape) * y**k
        high = high + np.array(exact_upper(entry), dtype=object).reshape(entry.shape) * y**k
    value = np.asarray(value, dtype=object)
    assert polynomials.shape == value.shape
    return bool(np.all((low <= value) & (value <= high)))


points = st.fractions(min_value=0, max_value=1, max_denominator=16)


@given(st.data(), st.sampled_from(SHAPES), points)
def test_polynomial_operations_contain_the_exact_values(data, shapes, y):
    (P, p), (Q, q) = (data.draw(enclosed_polynomials(shape)) for shape in shapes)
    f, g = value_at(p, y), value_at(q, y)
    A, a = data.draw(enclosed(shapes[1]))
    for result, value in (
        (P + Q, f + g),
        (P - Q, f - g),
        (P * Q, f * g),
        (P * A, f * a),
        (A - P, a - f),
        (-P, -f),
        (P * Fraction(1, 3), f * Fraction(1, 3)),
        (1 - P, 1 - f),
        (P**0, f**0),
        (P**1, f),
        (P**2, f**2),
        (P**3, f**3),
        (P.sum(), np.sum(f)),
        (P.sum(axis=0), f.sum(axis=0)),
        (P.T, f.T),
        (P[:, None], f[:, None]),
        (P.reshape(-1), f.reshape(-1)),
        (np.concatenate([P, P * 2, A * 0 + P]), np.concatenate([f, f * 2, f]))
        if shapes[0] == shapes[1]
        else (P, f),
    ):
        assert values_contained(result, value, y)


@given(
    st.data(),
    st.sampled_from(
        [
            ((2, 3), (3, 2)),
            ((3,), (3, 2)),
            ((2, 3), (3,)),
            ((3,), (3,)),
            ((2, 2, 3), (3, 1)),
            ((2, 2, 3), (2, 3, 1)),
        ]
    ),
    points,
)
def test_polynomial_matrix_products_contain_the_exact_values(data, shapes, y):
    (P, p), (Q, q) = (data.draw(enclosed_polynomials(shape)) for shape in shapes)
    A, a = data.draw(enclosed(shapes[0]))
    f, g = value_at(p, y), value_at(q, y)
    assert values_contained(P @ Q, np.matmul(f, g), y)
    assert values_contained(A @ Q, np.matmul(a, g), y)


@given(st.data(), points, points, points)
def test_ranges_of_polynomials_contain_the_exact_values(data, y, other, error):
    P, p = data.draw(enclosed_polynomials((2, 2), max_degree=5))
    f = value_at(p, y)
    assert contains(P.range01(), f)
    assert all(abs(v) <= Fraction(bound) for v, bound in zip(f.ravel(), P.abs_sum().ravel(), strict=True))
    start, end = float(min(y, other)), float(max(y, other))
    assert contains(P.at(start, end), f)
    assert contains(P.at([0.0, start], [1.0, end]), np.stack([f, f]))
    assert contains(P.along(np.array([0.0, start]), np.array([1.0, end])), f)
    widened = P.with_error(float(error))
    assert values_contained(widened, f + Fraction(float(error)), y) and values_contained(
        widened, f - Fraction(float(error)), y
    )
    slope = sum(
        (k * c * y ** (k - 1) for k, c in enumerate(p) if k), np.full((2, 2), Fraction(0), dtype=object)
    )
    assert values_contained(P.derivative(), slope, y)


# -- networks ------------------------------------------------------------------------------------------------


def results(network, run, residuals):
    return [
        run.outputs,
        run.block_outputs,
        network.pullback(run, residuals),
        network.jacobian(run),
        network.hessian(run, residuals),
    ]


@given(networks_at_points(LAYERED), st.data())
def test_networks_in_midpoint_radius_arrays_contain_every_point_inside(case, data):
    network, w, X, r = case
    radii = data.draw(arrays((network.size,), st.sampled_from(RADII[:-1])))
    inside = w + radii * data.draw(arrays((network.size,), rationals(bound=1)))
    run = network.forward(MIDRAD, MIDRAD.array(w - radii).hull(MIDRAD.array(w + radii)), MIDRAD.array(X))
    exact = network.forward(EXACT, inside, X)
    for enclosure, value in zip(
        results(network, run, MIDRAD.array(r)), results(network, exact, r), strict=True
    ):
        assert contains(enclosure, value)
    for cell, branch in zip(run.cells, exact.cells, strict=True):
        assert contains(cell, branch)


@given(networks_at_points(LAYERED), st.data(), points)
def test_networks_in_polynomials_contain_the_exact_values(case, data, y):
    network, w, X, r = case
    coefficients = np.stack(
        [w, *(data.draw(arrays((network.size,))) for _ in range(data.draw(st.integers(0, 2))))]
    )
    exact = network.forward(EXACT, value_at(coefficients, y), X)

    def select(layer, z):
        low, high = z.range01().lower(), z.range01().upper()
        sign = np.where(low > 0, 1, np.where(high < 0, -1, 2)).astype(np.int8)
        if not network.activation.has_kink:
            return network.select_by_sign(POLYNOMIALS, layer, z, Fraction(0))
        return network.activation.coefficients(POLYNOMIALS, sign)

    curve = PolynomialArray(MIDRAD.array(coefficients))
    run = network.forward(POLYNOMIALS, curve, POLYNOMIALS.array(X), select=select)
    for enclosure, value in zip(
        results(network, run, POLYNOMIALS.array(r)), results(network, exact, r), strict=True
    ):
        assert values_contained(enclosure, value, y)


@pytest.mark.parametrize("family", LAYERED)
@given(data=st.data())
def test_kink_arguments_that_are_enclosed_tighter_are_used(family, data):
    network, w, X, r = data.draw(networks_at_points((family,)))
    exact = network.forward(EXACT, w, X)
    wide = MIDRAD.array(w - 1).hull(MIDRAD.array(w + 1))
    run = network.forward(
        MIDRAD, wide, MIDRAD.array(X), enclose=lambda layer, z: MIDRAD.array(exact.kinks[layer])
    )
    for found, expected in zip([*run.kinks, *run.cells], [*exact.kinks, *exact.cells], strict=True):
        assert contains(found, expected) and (found.rad <= 1e-12 * np.abs(found.mid)).all()
    for enclosure, value in zip(
        results(network, run, MIDRAD.array(r)), results(network, exact, r), strict=True
    ):
        assert contains(enclosure, value)


def test_containment_is_decided_exactly():
    assert not contains(MidRad.exact(np.array([0.1])), [Fraction(1, 10)])
    assert contains(MIDRAD.array([Fraction(1, 10)]), [Fraction(1, 10)])
