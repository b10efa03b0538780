"""The checker's proof of positive semidefiniteness against exact elimination, near the border and with bad hints."""

import random
from fractions import Fraction

import pytest

from certflow.checker import definite
from certflow.checker.definite import is_psd, largest_eigenvalue, solve_length
from certflow.checker.numbers import ONE
from certflow.checker.region import _proved
from certflow.checker.verdicts import Clock

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
            rows = [[v - row[0] * w / pivot for v, w in zip(row[1:], rows[0][1:], strict=True)] for row in rest]
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
    assert semidefinite([[(found if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(M)])
    less = found - rough // 10**6
    assert less <= 0 or not semidefinite([[(less if i == j else 0) - v for j, v in enumerate(row)] for i, row in enumerate(M)])


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
    assert not is_psd([[ONE, entry], [entry, ONE]], NEVER)


def test_entries_that_may_be_off_cost_their_error():
    thin = [[1 << 10, 0], [0, 1 << 10]]
    assert not is_psd(thin, NEVER, off=1 << 11)
    assert not is_psd([[0]], NEVER, off=1) and is_psd([[0]], NEVER)


@pytest.mark.parametrize("seed", range(40))
def test_lifted_forms_over_several_parts_are_semidefinite_where_proved(seed):
    rng = random.Random(seed)
    sizes = [rng.randint(1, 3) for _ in range(3)]
    parts = [random_symmetric(rng, n, (ONE >> 3) if j else -(ONE >> rng.randint(1, 6))) for j, n in enumerate(sizes)]
    W = [[rng.randint(-ONE, ONE) for _ in range(n)] for n in sizes]
    s = Fraction(rng.randint(0, 40), 4)
    if _proved(parts, W, s, NEVER):
        flat = [(j, i) for j, n in enumerate(sizes) for i in range(n)]
        full = [[(parts[j][i][k] if j == m else 0) + s * W[j][i] * W[m][k] / ONE for m, k in flat] for j, i in flat]
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
