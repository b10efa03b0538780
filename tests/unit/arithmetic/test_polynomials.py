"""Arrays of polynomials: degrees, shapes, errors and what is refused (containment: the property tests)."""

from fractions import Fraction

import numpy as np
import pytest
from exact_ends import highest, lowest

from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.arithmetic.polynomials import POLYNOMIALS, PolynomialArray, _powers
from certflow.outcome import Ambiguous


def polynomials(table):
    """The polynomials with the exact coefficients `table` (degree + 1, ...)."""
    return PolynomialArray(MIDRAD.array([[Fraction(v) for v in row] for row in table]))


Y = polynomials([[0, 0], [1, 2]])
"""(y, 2 y)"""


def test_products_have_the_degree_of_both_and_constants_none():
    assert (Y.degree, (Y * Y).degree, (Y**5).degree, (Y * 3).degree, (Y * Y * Y).degree) == (1, 2, 5, 1, 3)
    assert POLYNOMIALS.array([Fraction(1)]).degree == POLYNOMIALS.hull(Fraction(0), Fraction(1)).degree == 0
    assert np.array_equal((Y**3).coefficients.mid, [[0, 0], [0, 0], [0, 0], [1, 8]])
    assert (Y**0).coefficients.mid.tolist() == [[1, 1]]


def test_leading_zeros_are_dropped():
    assert (Y * 0).degree == 0
    assert polynomials([[1], [2], [0]]).degree == 1
    assert (Y - Y).degree == 0
    assert Y[:1].degree == 1 and polynomials([[1, 1], [0, 2]])[:1].degree == 0


def test_a_difference_of_exact_polynomials_keeps_its_radius():
    thirds = polynomials([[Fraction(1, 3)], [Fraction(1, 7)]])
    assert ((thirds - thirds).coefficients.rad > 0).all()


def test_shapes_leave_out_the_degree():
    cube = PolynomialArray(MidRad.exact(np.arange(48.0).reshape(2, 2, 3, 4)))
    assert cube.shape == (2, 3, 4) and cube.ndim == 3 and len(cube) == 2
    assert cube.T.shape == (4, 3, 2) and cube.transpose(0, 2, 1).shape == (2, 4, 3)
    assert cube.reshape(6, 4).shape == cube.reshape((6, 4)).shape == (6, 4) and cube.ravel().shape == (24,)
    assert cube[0].shape == (3, 4) and cube[:, None].shape == (2, 1, 3, 4) and cube[..., 0].shape == (2, 3)
    assert [each.shape for each in cube] == [(3, 4)] * 2
    assert cube.sum(axis=1).shape == cube.sum(axis=-2).shape == (2, 4) and cube.sum().shape == ()
    assert np.concatenate([cube, cube], axis=-1).shape == (2, 3, 8) and np.concatenate(
        [cube, cube]
    ).shape == (4, 3, 4)
    assert np.concatenate([cube, cube], 1).shape == (2, 6, 4)
    assert (cube @ cube.transpose(0, 2, 1)).shape == (2, 3, 3)


def test_index_arrays_pick_the_same_entries_as_in_numpy():
    values = np.arange(48.0).reshape(2, 2, 3, 4)
    cube = PolynomialArray(MidRad.exact(values))
    for key in (
        [1, 0],
        np.array([[0, 1]]),
        (slice(None), np.array([2, 0])),
        (np.array([0]), slice(None), np.array([3, 1])),
        values[1] > 30,
    ):
        expected = [values[k][key] for k in range(2)]
        assert np.array_equal(cube[key].coefficients.mid, expected)


def test_entries_are_set_with_any_degree():
    line = polynomials([[1, 1], [2, 2]])
    line[0] = polynomials([[0], [0], [0], [5]])[0]
    assert line.degree == 3 and line.coefficients.mid[:, 0].tolist() == [0, 0, 0, 5]
    assert line.coefficients.mid[:, 1].tolist() == [1, 2, 0, 0]
    line[np.array([False, True])] = MIDRAD.hull(Fraction(0), Fraction(1))
    assert line.coefficients.rad[0].tolist()[0] == 0 and line.coefficients.rad[0, 1] >= 0.5
    line[1] = 7
    assert line.coefficients.mid[:, 1].tolist() == [7, 0, 0, 0]


def test_ranges():
    parabola = polynomials([[Fraction(1, 4)], [-1], [1]])  # (y - 1/2)²
    whole, part = parabola.range01(), parabola.at(0.5, 0.5)
    assert (
        whole.lower()[0] <= 0
        and abs(whole.lower()[0] + 0.75) < 1e-12
        and abs(whole.upper()[0] - 1.25) < 1e-12
    )
    assert abs(part.mid[0]) < 1e-12 and part.rad[0] < 1e-12
    assert abs(parabola.abs_sum()[0] - 2.25) < 1e-12
    halves = parabola.at([0.0, 0.5], [0.5, 1.0])
    assert halves.shape == (2, 1) and (halves.lower() <= 0.0).all() and (halves.upper() >= 0.25).all()
    # In the middle 1/16, and within a quarter of it at most 3/4 more, because sum k |c_k| = 3.
    assert np.allclose(halves.upper(), 1 / 16 + 3 / 4, atol=1e-12)
    for start, end in ((-0.1, 0.5), (0.5, 0.4), (0.5, 1.1), (np.nan, 1.0)):
        with pytest.raises(ValueError, match="within"):
            parabola.at(start, end)


def test_powers_of_a_point_contain_the_exact_ones():
    points = np.random.default_rng(4).random(20)
    for row, y in zip(_powers(points, 40), points.tolist(), strict=True):
        for k, power in enumerate(row):
            assert lowest(power) <= Fraction(y) ** k <= highest(power)


def test_each_entry_on_an_interval_of_its_own():
    pair = PolynomialArray(
        MidRad.exact(np.array([[[0.0, 1.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]]]))
    )  # rows (y, 1 + 2 y)
    start, end = np.array([0.0, 0.5]), np.array([0.25, 1.0])
    along = pair.along(start, end)
    for i in range(2):
        assert np.allclose(along.mid[i], pair[i].at(start[i], end[i]).mid) and np.allclose(
            along.rad[i], pair[i].at(start[i], end[i]).rad
        )
        assert (along.lower()[i] <= [start[i], 1 + 2 * start[i]]).all() and (
            along.upper()[i] >= [end[i], 1 + 2 * end[i]]
        ).all()
    with pytest.raises(ValueError, match="within"):
        pair.along(start - 1, end)


def test_an_error_may_depend_on_y_so_the_derivative_is_lost():
    assert Y.derivative().coefficients.mid.tolist() == [[1, 2]]
    assert (Y * 0).derivative().coefficients.mid.tolist() == [[0, 0]]
    blurred = Y.with_error(np.array([0.0, 0.5]))
    assert blurred.coefficients.rad[0].tolist()[0] == 0 and blurred.coefficients.rad[0, 1] >= 0.5
    for polynomial in (
        blurred,
        blurred + Y,
        Y - blurred,
        Y * blurred,
        -blurred,
        blurred**2,
        blurred[0],
        blurred.T,
        blurred.sum(),
        blurred @ Y,
    ):
        with pytest.raises(ValueError, match="no known derivative"):
            polynomial.derivative()
    with pytest.raises(ValueError, match="no known derivative"):
        np.concatenate([Y, blurred]).derivative()
    with pytest.raises(ValueError):
        Y.with_error(-1.0)


def test_the_sign_is_that_of_the_middle():
    assert POLYNOMIALS.sign(polynomials([[-1, -1, -1], [3, 1, 2]])).tolist() == [1, -1, 0]


@pytest.mark.parametrize("value", [0.5, True, np.float64(1), np.ones(2)])
def test_operators_refuse_what_is_not_known_to_be_exact(value):
    for operation in (
        lambda: Y + value,
        lambda: value + Y,
        lambda: Y * value,
        lambda: value * Y,
        lambda: value - Y,
        lambda: Y @ value,
        lambda: value @ Y,
        lambda: Y.__setitem__(0, value),
        lambda: np.concatenate([Y, value]),
    ):
        with pytest.raises((TypeError, ValueError)):
            operation()


def test_what_polynomials_are_not():
    for operation in (
        lambda: np.asarray(Y),
        lambda: np.sin(Y),
        lambda: Y**-1,
        lambda: hash(Y),
        lambda: POLYNOMIALS.exp(Y),
        lambda: POLYNOMIALS.sqrt(Y),
    ):
        with pytest.raises(TypeError):
            operation()
    with pytest.raises(Ambiguous):
        Y == Y  # noqa: B015
    with pytest.raises(ValueError, match="at least one axis"):
        Y @ Y[0]
