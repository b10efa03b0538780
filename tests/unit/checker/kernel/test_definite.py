"""The checker's proof of positive semidefiniteness against exact elimination, near the border and with bad
hints.
"""

import random
from fractions import Fraction

import pytest

from certflow.checker.kernel import definite
from certflow.checker.kernel.definite import below, factor, is_psd, largest_eigenvalue, solve_length
from certflow.checker.kernel.numbers import BITS, ONE
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.tube.region import _proved

NEVER = Clock(None)


def semidefinite(matrix):
    """Exact: symmetric elimination, every pivot non-negative, and a zero pivot only with a zero row."""
    rows = [[Fraction(v) for v in row] for row in matrix]
    while rows:
        pivot = rows[0][0]
        if pivot < 0 or (pivot == 0 and any(rows[0])):
            return False
        rest = rows[1:]
        if pivot:
            rows = [
                [v - row[0] * w / pivot for v, w in zip(row[1:], rows[0][1:], strict=True)] for row in rest
            ]
        else:
            rows = [row[1:] for row in rest]
    return True


def random_symmetric(rng, n, shift):
    G = [[rng.randint(-ONE, ONE) for _ in range(n)] for _ in range(n)]
    M = [[sum(a * b for a, b in zip(p, q, strict=True)) // ONE for q in G] for p in G]
    return [[v + (shift if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(M)]


@pytest.mark.parametrize("seed", range(60))
def test_what_is_proved_is_true_and_clear_cases_are_proved(seed):
    rng = random.Random(seed)
    n = rng.randint(1, 6)
    M = random_symmetric(rng, n, rng.choice([-1, 1]) * (ONE >> rng.choice([2, 10, 30, 44, 60, 119])))
    if is_psd(M, NEVER):
        assert semidefinite(M)
    clear = random_symmetric(rng, n, ONE >> 20)
    assert is_psd(clear, NEVER)


@pytest.mark.parametrize("seed", range(20))
def test_the_largest_eigenvalue_is_bounded_closely(seed):
    rng = random.Random(seed)
    n = rng.randint(1, 6)
    M = random_symmetric(rng, n, rng.choice([0, -ONE // 2, -9 * ONE]))
    rough = max(sum(map(abs, row)) for row in M)
    found = largest_eigenvalue(M, rough, NEVER)
    assert 0 <= found <= rough
    assert semidefinite(
        [[(found if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(M)]
    )
    less = found - rough // 10**6
    assert less <= 0 or not semidefinite(
        [[(less if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(M)]
    )


def test_a_bound_that_is_not_proved_is_not_taken(monkeypatch):
    M = [[ONE, 0], [0, ONE]]
    assert largest_eigenvalue(M, 5 * ONE, NEVER) < 5 * ONE
    monkeypatch.setattr(definite, "is_psd", lambda *_: False)
    assert largest_eigenvalue(M, 5 * ONE, NEVER) == 5 * ONE


def test_a_matrix_just_below_the_border_is_not_proved():
    for shift in (0, 1, 10, 40, 60, 100):
        assert not is_psd([[ONE, ONE], [ONE, ONE - (ONE >> shift) - 1]], NEVER)


@pytest.mark.parametrize("entry", [10**400, -(10**400)])
def test_huge_numbers_are_not_proved_and_do_not_crash(entry):
    matrix = [[ONE, entry], [entry, ONE]]
    assert (
        not is_psd(matrix, NEVER)
        and factor(matrix, 0, NEVER) is None
        and solve_length(matrix, [ONE, ONE], NEVER) is None
    )
    assert not is_psd([[entry]], NEVER) and largest_eigenvalue([[entry]], abs(entry), NEVER) == abs(entry)


def test_entries_that_may_be_off_cost_their_error():
    thin = [[1 << 10, 0], [0, 1 << 10]]
    assert not is_psd(thin, NEVER, off=1 << 11)
    assert not is_psd([[0]], NEVER, off=1) and is_psd([[0]], NEVER)


@pytest.mark.parametrize("seed", range(40))
def test_lifted_forms_over_several_parts_are_semidefinite_where_proved(seed):
    rng = random.Random(seed)
    sizes = [rng.randint(1, 3) for _ in range(3)]
    parts = [
        random_symmetric(rng, n, (ONE >> 3) if j else -(ONE >> rng.randint(1, 6)))
        for j, n in enumerate(sizes)
    ]
    W = [[rng.randint(-ONE, ONE) for _ in range(n)] for n in sizes]
    s = Fraction(rng.randint(0, 40), 4)
    if _proved(parts, W, s, NEVER):
        flat = [(j, i) for j, n in enumerate(sizes) for i in range(n)]
        full = [
            [(parts[j][i][k] if j == m else 0) + s * W[j][i] * W[m][k] / ONE for m, k in flat]
            for j, i in flat
        ]
        assert semidefinite(full)


def test_some_lifted_forms_are_proved_only_by_the_lift():
    parts = [[[-ONE // 8]], [[ONE]]]
    assert _proved(parts, [[ONE], [0]], Fraction(1), NEVER)
    assert not _proved(parts, [[ONE], [0]], Fraction(1, 16), NEVER)
    # The counterexample to splitting the lift by shares: M = -1 and 1, W = 1 each, s = 1.
    assert not _proved([[[-ONE]], [[ONE]]], [[ONE], [ONE]], Fraction(1), NEVER)


def test_the_length_hint_is_a_quadratic_form():
    assert solve_length([[4 * ONE]], [2 * ONE], NEVER) == pytest.approx(1.0)
    assert solve_length([[-ONE]], [ONE], NEVER) is None


# -- exact results and edges: all floats here are exact ------------------------------------------------------

L = [[2.0, 0.0, 0.0], [1.0, 3.0, 0.0], [-1.0, 0.5, 0.25]]
PRODUCT = [[int(sum(a * b for a, b in zip(p, q, strict=True)) * 16) * (ONE // 16) for q in L] for p in L]


def shifted(matrix, by):
    return [[v + (by if i == j else 0) for j, v in enumerate(row)] for i, row in enumerate(matrix)]


@pytest.mark.parametrize("slack", [0, ONE, -ONE // 2])
def test_a_factor_is_found_exactly_where_floats_are_exact(slack):
    assert factor(shifted(PRODUCT, slack), slack, NEVER) == [row[: i + 1] for i, row in enumerate(L)]


@pytest.mark.parametrize(
    ("matrix", "slack", "found"),
    [
        ([[ONE]], ONE, None),
        ([[ONE]], ONE - 1, [[2.0 ** (-BITS // 2)]]),
        ([[ONE]], ONE + 1, None),
        ([[ONE, 2 * ONE], [2 * ONE, 4 * ONE]], 0, None),
        # A square that is infinite, and an entry of the row that is.
        ([[1, 10**300], [10**300, 1]], 0, None),
        ([[1, 10**48, 10**300], [10**48, 10**98, 0], [10**300, 0, 1]], 0, None),
    ],
)
def test_only_positive_pivots_are_factored(matrix, slack, found):
    assert factor(matrix, slack, NEVER) == found


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("root", [1 << 10, 3 << 30, 1 << 60, 5 << 70, 1 << 200])
def test_errors_of_entries_up_to_the_slack_are_allowed(size, root):
    # m = root^2 + slack on the diagonal, with the slack that m has: then R is root I without error.
    square, slack = root * root, 0
    for _ in range(20):
        slack = ((square + slack) >> 40) + 1
    M = [[square + slack if i == j else 0 for j in range(size)] for i in range(size)]
    assert is_psd(M, NEVER)
    assert is_psd(M, NEVER, off=slack // size)
    assert not is_psd(M, NEVER, off=slack // size + 1)


def test_the_smallest_pivot_that_is_proved_is_the_slack():
    # The slack of entries below 2^40 is one unit: 1 - 1 is no positive pivot.
    assert not is_psd([[1]], NEVER)
    assert is_psd([[2]], NEVER) and is_psd([[2, 0], [0, 5]], NEVER)


def test_a_matrix_of_tiny_entries_is_factored_as_finely_as_one_of_large_ones():
    assert is_psd([[1 << 21, 1 << 20], [1 << 20, 1 << 21]], NEVER)
    assert is_psd([[3, 1, 0], [1, 3, 1], [0, 1, 3]], NEVER)
    assert is_psd([[1 << 321, 1 << 320], [1 << 320, 1 << 321]], NEVER)


def test_no_entries_are_semidefinite_and_zero_is_if_it_is_exact():
    assert is_psd([], NEVER) and is_psd([[0, 0], [0, 0]], NEVER)
    assert not is_psd([[0, 0], [0, 0]], NEVER, off=1)


@pytest.mark.parametrize(
    "matrix",
    [
        [[ONE, 0], [0, -ONE]],
        [[-ONE, 0], [0, ONE]],
        [[ONE, 2 * ONE], [2 * ONE, ONE]],
        [[3 * ONE, 0], [0, ONE]],
    ],
)
def test_a_wrong_hint_proves_nothing(monkeypatch, matrix):
    monkeypatch.setattr(definite, "factor", lambda *_: [[1.0], [0.0, 1.0]])
    assert not is_psd(matrix, NEVER)
    assert is_psd([[ONE, 0], [0, ONE]], NEVER)


def test_what_is_left_of_a_bound_is_exact():
    assert below([[1, 2], [3, -5]], 7) == [[6, -2], [-3, 12]]


def test_the_largest_eigenvalue_is_found_by_halving():
    assert largest_eigenvalue([[-5]], 2, NEVER) == 0
    # 24 halvings of [0, 4] end a step above the eigenvalue 1; the margin is 2^-30 of it.
    end = ONE + (4 * ONE >> 24)
    assert largest_eigenvalue([[ONE, 0], [0, ONE // 4]], 4 * ONE, NEVER) == end + (end >> 30)
    # The eigenvalues are 3 and 1.
    end = 3 * ONE + (16 * ONE >> 24)
    assert largest_eigenvalue([[2 * ONE, ONE], [ONE, 2 * ONE]], 16 * ONE, NEVER) == end + (end >> 30)
    # A negative form is bounded by 0, up to the last step.
    end = 4 * ONE >> 24
    assert largest_eigenvalue([[-ONE]], 4 * ONE, NEVER) == end + (end >> 30)


@pytest.mark.parametrize(("entry", "rough"), [(ONE, ONE), (ONE, ONE + 1), (1000, 1500)])
def test_a_rough_bound_stays_where_nothing_finer_is_proved(entry, rough):
    assert largest_eigenvalue([[entry]], rough, NEVER) == rough


@pytest.mark.parametrize(
    ("matrix", "vector", "found"),
    [
        ([[4, 2], [2, 5]], [2, 3], 2.0),
        ([[4, 2], [2, 5]], [-2, 3], 5.0),
        ([[1, 0], [0, 4]], [3, 0], 9.0),
        ([[1]], [0], 0.0),
        ([[1, 1], [1, 1]], [1, 1], None),
    ],
)
def test_lengths_are_exact_where_floats_are(matrix, vector, found):
    scaled = [[v * ONE for v in row] for row in matrix]
    assert solve_length(scaled, [v * ONE for v in vector], NEVER) == found


def test_a_length_of_one_unit_is_found_without_slack():
    assert solve_length([[1]], [1], NEVER) == 2.0**-BITS
