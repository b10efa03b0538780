"""What proofs of definiteness rest on: the slack, what is added for rounding; the shifts proposed where the
best is known.
"""

import re
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic import eigenvalues
from certflow.arithmetic.eigenvalues import (
    block_definite_off_direction,
    is_positive_semidefinite,
    largest_eigenvalue,
    smallest_shift,
    symmetric_norm_upper,
)
from certflow.arithmetic.midpoint_radius import MidRad

ULP = 2.0**-52
SLACK = 2.0**-39


def directions(count, size=1.0):
    return [np.full(1, size) for _ in range(count)]


def numbers(*values):
    return [np.array([[value]]) for value in values]


# -- norms ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("magnitude", "bound"),
    [
        (np.ones((1, 1)), 1 + (34 + 128) * ULP),
        (np.eye(4), 1 + (80 + 128) * ULP),
        (np.eye(4) / 2, (1 + (80 + 128) * ULP) / 2),
        (np.zeros((2, 2)), 2.0**-1000),
        (np.empty((0, 0)), 2.0**-1000),
        (np.full((2, 2), 1e308), np.inf),
        (np.eye(2) * 2.0**600, 2.0**600 * (1 + (68 + 128) * ULP)),
    ],
    ids=["one", "rows", "half", "zero", "empty", "infinite", "large"],
)
def test_norms_are_enlarged_by_what_the_roundings_may_lose(magnitude, bound):
    found = symmetric_norm_upper(magnitude)
    assert isinstance(found, np.ndarray) and found.shape == () and found == bound


def test_the_smaller_of_two_norms_is_taken_matrix_by_matrix():
    stack = np.array([[[1.0, 1.0], [1.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    found = symmetric_norm_upper(np.stack([stack, 2 * stack]))
    for scale, norms in zip((1, 2), found, strict=True):
        assert (
            3 <= F(norms[0] / scale) ** 2 <= 3 * (1 + F(1, 2**43)) and 1 <= norms[1] / scale <= 1 + 2.0**-44
        )
    # Rows are summed, and the size is that of a matrix, not of the stack.
    assert (
        2 <= F(symmetric_norm_upper(np.array([[1.0, 1.0], [0.0, 0.0]])).item()) ** 2 <= 2 * (1 + F(1, 2**43))
    )
    assert (symmetric_norm_upper(np.ones((1, 70, 1, 1))) == 1 + (34 + 128) * ULP).all()
    # What underflows in squares is covered.
    small = F(symmetric_norm_upper(stack[0] * 2.0**-490).item()) ** 2
    assert 3 * F(1, 2**980) + F(1, 2**1000) <= small <= (3 * F(1, 2**980) + F(1, 2**1000)) * (1 + F(1, 2**43))


# -- definiteness --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1.0, 4.0, 2.0**-100])
@pytest.mark.parametrize("taken", [0.0, 0.5])
def test_the_least_eigenvalue_has_to_exceed_the_slack_and_the_radii(size, taken):
    radii = np.diag([taken, taken]) * size
    for above, expected in ((1 + 2.0**-4, True), (1 - 2.0**-4, False)):
        least = (taken + SLACK * above) * size
        # The norm of the radii is rounded up, by less than a twentieth of the slack.
        assert is_positive_semidefinite(np.diag([size, least]), radii) == expected
    assert is_positive_semidefinite(np.diag([-size, 2 * size])) == np.False_


def test_tiny_matrices_need_the_least_slack():
    for above, expected in ((1 + 2.0**-9, True), (1 - 2.0**-9, False)):
        assert is_positive_semidefinite(np.array([[2.0**-480 * above]])) == expected


def test_answers_have_the_leading_shape_and_whole_numbers_are_taken():
    stack = np.array(
        [
            [[[2, 1], [1, 2]], [[1, 2], [2, 1]], [[1, 0], [0, 1]]],
            [[[-1, 0], [0, 1]], [[3, 1], [1, 1]], [[0, 1], [1, 0]]],
        ]
    )
    expected = [[True, False, True], [False, True, False]]
    found = is_positive_semidefinite(stack)
    assert found.dtype == bool and found.tolist() == expected
    assert is_positive_semidefinite(stack, np.zeros(stack.shape, dtype=int)).tolist() == expected
    assert is_positive_semidefinite(np.array([[5, 2], [2, 3]]), np.ones((2, 2), dtype=int)).shape == ()
    assert is_positive_semidefinite(np.empty((3, 0, 0))).tolist() == [True] * 3
    assert is_positive_semidefinite(np.empty((0, 2, 2))).shape == (0,)
    for bad in (np.inf, np.nan):
        assert (
            is_positive_semidefinite(
                stack * 1.0, np.where(np.eye(2) > 0, bad, np.zeros(stack.shape))
            ).tolist()
            == [[False] * 3] * 2
        )
        assert (
            is_positive_semidefinite(np.where(np.eye(2) > 0, bad, np.zeros(stack.shape))).tolist()
            == [[False] * 3] * 2
        )
    assert is_positive_semidefinite(np.array([[np.inf]])).dtype == bool
    # Single precision and whole numbers of 64 bits are too coarse for the factor and for squares.
    assert is_positive_semidefinite(np.array([[2, 1], [1, 2]], dtype=np.float32))
    assert not is_positive_semidefinite(np.array([[2.0**39]]), np.array([[2**40]]))
    for far in ([np.array([[2**53 + 1]])], [np.eye(1), np.array([[2**53 + 1]])]):
        with pytest.raises(TypeError, match="an array of doubles is needed"):
            is_positive_semidefinite(*far)
    message = (
        "only symmetric matrices have a definite sign here; take the mean of the matrix and its transpose"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        is_positive_semidefinite(np.array([np.eye(2), [[1.0, 0.5], [0.0, 1.0]]]))


def test_factors_are_found_one_by_one():
    factors, found = eigenvalues._cholesky(np.array([[[-1.0]], [[4.0]], [[np.nan]], [[9.0]]]))
    assert found.tolist() == [False, True, False, True] and factors.ravel().tolist() == [0.0, 2.0, 0.0, 3.0]


def test_a_factor_that_is_a_little_wrong_is_a_proof_as_long_as_the_slack_covers_it(monkeypatch):
    """M is the square of the factor, the shift, and a rest whose row sums must not exceed the shift less the
    radii.
    """
    matrix, radii = np.diag([1.0, 0.5]), np.diag([2.0**-30, 0.0])
    shift = SLACK + 2.0**-30 + 2.0**-480
    for wrong, expected in ((SLACK * (1 - 2.0**-5), True), (SLACK * (1 + 2.0**-5), False)):
        for sign in (1, -1):
            factor = np.sqrt(matrix - shift * np.eye(2) + np.diag([0.0, sign * wrong]))
            monkeypatch.setattr(
                eigenvalues, "_cholesky", lambda M, L=factor: (L[None], np.ones(1, dtype=bool))
            )
            assert is_positive_semidefinite(matrix, radii) == expected
    monkeypatch.setattr(eigenvalues, "_cholesky", lambda M: (np.zeros((1, 2, 2)), np.zeros(1, dtype=bool)))
    assert not is_positive_semidefinite(np.diag([1e-130, 1e-145]))


# -- the largest eigenvalue ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "largest", "norm"),
    [([1.0, -3.0], 1.0, 3.0), ([-3.0], 0.0, 3.0), ([0.25], 0.25, 0.25), ([5.0, 4.0], 5.0, 5.0)],
)
def test_the_largest_eigenvalue_is_raised_a_little(values, largest, norm):
    bound = largest_eigenvalue(MidRad.exact(np.diag(values)))
    assert type(bound) is float and abs(bound - largest - 2.0**-20 * norm) <= 2.0**-50 * norm
    # Where the proof fails, the norm is a bound; and the radii belong to both.
    wide = largest_eigenvalue(MidRad(np.diag(values), np.diag(np.full(len(values), 4.0))))
    assert norm + 4 <= wide <= (norm + 4) * (1 + 2.0**-43)
    thin = largest_eigenvalue(MidRad(np.diag(values), np.diag(np.full(len(values), 2.0**-30))))
    assert abs(thin - largest - 2.0**-20 * (norm + 2.0**-30)) <= 2.0**-50 * norm


def test_what_is_proved_for_a_largest_eigenvalue_is_not_more_than_the_bound_less_the_matrix(monkeypatch):
    seen = []
    monkeypatch.setattr(eigenvalues, "is_positive_semidefinite", lambda M, R: seen.append((M, R)) or True)
    mid = np.array([[0.1 + 0.7 * i if i == j else 0.3 for j in range(12)] for i in range(12)])
    rad = np.full((12, 12), 1e-7)
    bound = largest_eigenvalue(MidRad(mid, rad))
    ((matrix, radii),) = seen
    assert (radii == rad).all()
    for i in range(12):
        for j in range(12):
            exact = F(bound) * (i == j) - F(mid[i, j])
            assert (
                exact - F(4 * ULP * bound) <= F(matrix[i, j]) <= exact if i == j else F(matrix[i, j]) == exact
            )


# -- off a direction -----------------------------------------------------------------------------------------


def test_factors_and_weights_are_rounded_to_the_side_of_a_weaker_claim(monkeypatch):
    seen = []

    def kept(M, factors, W):
        seen.extend(zip(M.ravel().tolist(), factors.tolist(), strict=True))
        return M, np.zeros_like(M)

    monkeypatch.setattr(eigenvalues, "_plus_rank_one", kept)
    monkeypatch.setattr(
        eigenvalues, "_shares", lambda M, W, definite: np.where(definite, M[:, 0, 0] * 0.3, 0.7)
    )
    goods = [1.1 + 0.37 * i for i in range(30)]
    for bad, s in ((-0.5, 0.9), (-0.25, 7.3), (-3.0, 1e-3)):
        seen.clear()
        assert not block_definite_off_direction(numbers(*goods, bad), directions(31), s)
        shares = [F(good * 0.3) for good in goods]
        for value, factor in seen:
            if value != bad:
                # At least 1/share is subtracted, and hardly more.
                share = F(value * 0.3)
                assert 1 <= -F(factor) * share <= 1 + 4 * F(ULP)
            else:
                exact = F(s) / (1 + F(s) * sum(shares))
                assert exact * (1 - F(1, 2**46)) <= F(factor) <= exact
        assert len(seen) == 31
    for s in (2.0**-54, 2.0**-60):
        seen.clear()
        assert not block_definite_off_direction(numbers(1.0, -1.0), directions(2), s)
        # 1 + s tau is rounded to 1.
        assert seen[1][1] == s * (1 - 2.0**-48) < F(s) / (1 + F(s) * F(0.3))


def test_blocks_without_a_part_of_the_direction_need_no_share():
    bad, good = np.array([[-1.0]]), np.diag([1.0, 2.0])
    W, none = np.array([1.0]), np.zeros(2)
    assert block_definite_off_direction([bad, good], [W, none], 1.01)
    assert not block_definite_off_direction([bad, good], [W, none], 0.99)
    # A part so small that its share is rounded to zero is one without a proof, not a division by zero.
    assert not block_definite_off_direction([bad, good], [W, np.array([1e-200, 0.0])], 2.0)
    # So is one whose share is too large for a double.
    with np.errstate(over="ignore"):
        assert not block_definite_off_direction([bad, good], [W, np.array([1e200, 0.0])], 2.0)
    assert not block_definite_off_direction([bad, good], [W, none], 0.0)
    assert not block_definite_off_direction([bad, good], [W, none], np.inf)
    assert not block_definite_off_direction([bad, good], [W, none], -3.0)
    assert not block_definite_off_direction([bad, bad, good], [W, W, none], 5.0)
    assert block_definite_off_direction([good], [none], -1.0) and block_definite_off_direction(
        [good, good], [none, none], np.nan
    )


def test_blocks_of_several_sizes_are_all_proved():
    """The form of (2), (3) and a bad 2 x 2 block is definite off the direction for s > 1/(1 - 1/2 - 1/3) = 6
    times 1/4.
    """
    bad = np.array([[-0.25, 0.0], [0.0, 1.0]])
    blocks, W = [np.array([[2.0]]), bad, np.array([[3.0]])], [np.ones(1), np.array([0.5, 0.0]), np.ones(1)]
    # v_b^2 (-1/4 + s/(4 (1 + 5 s/6))) >= 0 iff s >= 6.
    assert block_definite_off_direction(blocks, W, 6.001) and not block_definite_off_direction(
        blocks, W, 5.999
    )
    assert not block_definite_off_direction([*blocks, -bad], [*W, np.zeros(2)], 6.001)


def test_the_matrix_less_a_rank_one_is_enclosed():
    rng = np.random.default_rng(5)
    M, factors, W = rng.normal(size=(3, 2, 2)), rng.normal(size=3), rng.normal(size=(3, 2))
    mid, rad = eigenvalues._plus_rank_one(M, factors, W)
    for p in range(3):
        for i in range(2):
            for j in range(2):
                exact = F(M[p, i, j]) + F(factors[p]) * F(W[p, i]) * F(W[p, j])
                assert abs(exact - F(mid[p, i, j])) <= F(rad[p, i, j]) <= F(1, 2**45)


def test_shares_are_those_of_the_matrix_less_four_slacks():
    M, W = np.array([np.diag([2.0, 4.0]), np.diag([-1.0, 1.0])]), np.array([[1.0, 2.0], [2.0, 3.0]])
    shares = eigenvalues._shares(M, W, np.array([True, False]))
    taken = 4 * (F(SLACK) * 4)
    exact = (1 / (2 - taken) + 4 / (4 - taken)) * (1 + F(1, 2**40))
    assert abs(F(shares[0]) / exact - 1) <= 8 * F(ULP) and abs(F(shares[1]) / 13 - 1 - F(1, 2**40)) <= 8 * F(
        ULP
    )
    # A matrix that the slacks make singular has no share.
    singular = np.array([[[2.0**-478 * (1 + 2.0**-37)]], [[2.0]]])
    assert np.isnan(eigenvalues._shares(singular, np.ones((2, 1)), np.array([True, True]))).tolist() == [
        True,
        True,
    ]


# -- the proposed shift --------------------------------------------------------------------------------------


def test_spectra_and_coefficients():
    blocks = [np.array([[5.0]]), np.diag([1.0, 2.0]), np.array([[7.0]])]
    lam, weight = eigenvalues._spectrum(
        blocks, [np.array([3.0]), np.array([4.0, 5.0]), np.array([6.0])], [0.5, 0.25, 0.125]
    )
    assert sorted(zip(lam.tolist(), weight.tolist(), strict=True)) == [
        (1.25, 16.0),
        (2.25, 25.0),
        (5.5, 9.0),
        (7.125, 36.0),
    ]
    turned, part = np.array([[2.0, 1.0], [1.0, 2.0]]), np.array([3.0, 1.0])
    lam, weight = eigenvalues._spectrum([turned], [part], [0.0])
    assert np.allclose(sorted(zip(lam, weight, strict=True)), [(1.0, 2.0), (3.0, 8.0)], rtol=1e-14)


@pytest.mark.parametrize(("s", "root"), [(1.0, 2.0**0.5), (1e-6, 2 - 1e-6), (1e6, 1 + 5e-7)])
def test_roots(s, root):
    """1 + s (1/x + 1/(x - 2)) = 0 at x = 1 - s + sqrt(1 + s^2); for large s near 1 + 1/(2 s)."""
    x = eigenvalues._root(np.array([0.0, 2.0]), np.array([1.0, 1.0]), s, 0.0, 2.0)
    assert abs(x - root) <= 1e-12 and 1 + s * (1 / x + 1 / (x - 2)) <= 0
    assert eigenvalues._root(np.array([0.0, 2.0]), np.array([1.0, 1.0]), s, 1.9999999, 1.9999999) == 1.9999999
    # A middle that is a root is taken.
    assert eigenvalues._root(np.array([2.0]), np.array([1.0]), 1.0, 0.0, 2.0) <= 1.0


def proposed(case, scale, offset, ell):
    """The proposal for eigenvalues 0 and 1 whose coefficients are scale^2, in one block, in two, or in two
    with losses.
    """
    if case == "one block":
        return smallest_shift([np.diag([0.0, 1.0])], [np.array([scale, -scale])], [0.0], offset, ell)
    losses = [0.0, 0.0] if case == "two blocks" else [0.5, 0.25]
    return smallest_shift(numbers(-losses[0], 1.0 - losses[1]), directions(2, scale), losses, offset, ell)


@pytest.mark.parametrize("case", ["one block", "two blocks", "two blocks with losses"])
@pytest.mark.parametrize("scale", [1.0, 2.0**-10, 2.0**5])
@pytest.mark.parametrize(("price", "best"), [(0.4, 0.375), (2 / 17, 0.9375), (0.02, 49 / 20 * 99 / 98)])
def test_the_best_shift_between_two_eigenvalues_is_found(case, scale, price, best):
    """x + p s is least where y = 2 x - 1 has y^2 = p/(2 - p), with s = (1 - y^2)/(4 y); the direction's scale
    divides s.
    """
    y = (price / (2 - price)) ** 0.5
    best = (1 - y * y) / (4 * y)
    offset, ell = price**0.5 * scale, -0.75
    mu, s = proposed(case, scale, offset, ell)
    assert abs(s * scale**2 / best - 1) <= 2.0**-9
    assert (s * 2.0**12 / 2.0 ** np.frexp(s)[1]).is_integer()
    # Given s, the shift is the root of 1 + s f(x), and the margin comes on top.
    t = s * scale**2
    x = (1 - 2 * t + (1 + 4 * t * t) ** 0.5) / 2
    margin = 1e-9 * (1 + x + 0.75 + s * (offset**2 + scale**2))
    assert abs(mu - (x + s * offset**2 - ell + margin)) <= 1e-14
    assert mu + ell <= (1 + y) / 2 + price * best + 1e-6


def test_a_direction_that_costs_nothing_has_the_price_of_its_margin():
    mu, s = proposed("one block", 1.0, 0.0, 0.0)
    y = (1e-9 / 2) ** 0.5
    assert abs(s * 4 * y - 1) <= 0.3 and 0.5 <= mu <= 0.5 + y + 1e-9 * s


@pytest.mark.parametrize("ell", [0.5, -0.5])
def test_without_a_direction_the_largest_eigenvalue_is_proposed(ell):
    mu, s = smallest_shift(numbers(2.0, -3.0), [np.zeros(1), np.zeros(1)], [0.0, 0.0], 1.0, ell)
    assert s == 0.0 and abs(mu - (2.0 - ell + 1e-9 * (3 + 2 + 0.5))) <= 1e-15
    # A direction that costs more than it gains is not taken either.
    mu, s = smallest_shift(numbers(2.0, 1.0), directions(2), [0.0, 0.0], 10.0, ell)
    assert s == 0.0 and abs(mu - (2.0 - ell + 1e-9 * (2 + 2 + 0.5))) <= 1e-15


def test_a_single_eigenvalue_may_be_shifted_far_below():
    """Every shift x below the eigenvalue a is enough with s = a - x; the lowest one tried is a - 2 (|a| +
    |ell|).
    """
    for a, ell in ((1.0, 0.5), (-1.0, -0.5)):
        mu, s = smallest_shift(numbers(a), directions(1), [0.0], 0.1, ell)
        assert 3.0 <= s <= 3.0 * (1 + 2.0**-10)
        assert abs(mu - (a - 3.0 + 0.01 * s - ell)) <= 1e-7
    # The floor itself is not tried: of the two doubles below the least one it is the lower one. 1e-320 is
    # 2024 of these.
    assert smallest_shift(numbers(5e-324), directions(1, 1e-160), [0.0], 0.0, 0.0) == (0.0, 2073 * 2.0**-22)


def test_directions_beyond_all_range_are_not_used():
    """Where the sum over the eigenvalues overflows there is no s, and the largest eigenvalue is enough
    without one.
    """
    assert smallest_shift(numbers(1e-10), directions(1, 1e150), [0.0], 0.0, 0.0) == (
        1e-10 + 1e-9 * 2e-10,
        0.0,
    )
    # Near the floor it is finite, in the middle it is not.
    mu, s = smallest_shift([np.diag([0.0, 8e-9])], [np.array([0.0, 1e150])], [0.0], 0.0, 0.0)
    assert 0.0 < mu < 8e-9 and 0.0 < s < 1e-307
