"""Eigenvectors, exact and in arrays of doubles, against matrices that are built from rational
eigenvectors.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction as F

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from rational_rotations import rotation

from certflow.algebra.directions import primitive
from certflow.algebra.integer_spectrum import IntegerSpectrum, constants, enclosed, product
from certflow.algebra.real_roots import evaluated, real_roots, trimmed
from certflow.arithmetic.base import UNKNOWN
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.neuron.eigenvectors import eigenvector_signs

seeds = st.integers(0, 10**6)


def sign(value):
    return (value > 0) - (value < 0)


def built(d, seed, spread=3):
    """(eigenvalues ascending, exact orthonormal eigenvectors in columns, the matrix)."""
    rng = random.Random(seed)
    values = sorted(F(rng.randint(-spread, spread), rng.choice([1, 1, 7])) for _ in range(d))
    Q = rotation(d, seed)
    return values, Q, (Q * np.array(values, dtype=object)) @ Q.T


def normals_for(Q, seed):
    """Normals of which some are orthogonal to some eigenvectors."""
    rng = random.Random(seed)
    d = len(Q)
    rows = [[F(rng.randint(-3, 3)) for _ in range(d)] for _ in range(4)]
    rows += [
        list(Q @ np.array([F(rng.choice([-1, 0, 0, 1])) for _ in range(d)], dtype=object)) for _ in range(4)
    ]
    return np.array(rows, dtype=object)


# -- many matrices in doubles --------------------------------------------------------------------------------


@given(st.integers(1, 5), seeds)
@example(3, 0)
def test_signs_in_doubles_are_those_of_exact_eigenvectors(d, seed):
    cases = [built(d, seed + k) for k in range(4)]
    normals = normals_for(cases[0][1], seed)
    signs, simple = eigenvector_signs(MidRad.from_exact([M for _, _, M in cases]), MidRad.from_exact(normals))
    for (values, Q, _), each, proved in zip(cases, signs, simple, strict=True):
        for j in range(d):
            truth = [sign(v) for v in normals @ Q[:, j]]
            if values.count(values[j]) > 1:
                assert not proved[j]
            if not proved[j]:
                assert (each[j] == UNKNOWN).all()
                continue
            pairs = [(s, t) for s, t in zip(each[j].tolist(), truth, strict=True) if s != UNKNOWN]
            assert pairs == [(t, t) for _, t in pairs] or pairs == [(-t, t) for _, t in pairs]
            # Whatever is far from zero is decided.
            lengths = [abs(v) for v in normals @ Q[:, j]]
            gap = min((abs(values[k] - values[j]) for k in range(d) if k != j), default=F(1))
            if gap > F(1, 50):
                assert all(
                    s != UNKNOWN for s, size in zip(each[j], lengths, strict=True) if size > F(1, 1000)
                )


@given(st.integers(2, 4), seeds, st.integers(20, 60))
def test_nearly_equal_eigenvalues_are_not_mixed_up(d, seed, bits):
    """Two eigenvalues 2^-bits apart: either order of proposals is either proved rightly or not at all."""
    values = [F(0)] * d
    values[-1] = F(1)
    values[0] = -F(1, 2**bits)
    Q = rotation(d, seed)
    M = (Q * np.array(values, dtype=object)) @ Q.T
    signs, simple = eigenvector_signs(MidRad.from_exact([M]), MidRad.from_exact(Q.T))
    for j in range(d):
        assert not simple[0, j] or values.count(values[j]) == 1
        if simple[0, j]:
            # The normals are the eigenvectors themselves: only number j is not orthogonal.
            assert all(signs[0, j, k] == UNKNOWN or (k == j) == (signs[0, j, k] != 0) for k in range(d))
    assert bits > 40 or simple[0, -1]


@given(st.integers(2, 4), seeds, st.sampled_from([F(1, 10**9), F(1, 1000), F(1, 4)]))
def test_signs_hold_for_every_matrix_within_the_radii(d, seed, radius):
    values, Q, M = built(d, seed)
    rng = random.Random(seed)
    moved = M.copy()
    for i in range(d):
        for k in range(i + 1):
            moved[i, k] = moved[k, i] = M[i, k] + radius * rng.choice([-1, 1, 0])
    wide = MidRad.from_exact([moved]).widened(float(radius))
    normals = normals_for(Q, seed)
    signs, simple = eigenvector_signs(wide, MidRad.from_exact(normals))
    for j in range(d):
        truth = [sign(v) for v in normals @ Q[:, j]]
        pairs = [(s, t) for s, t in zip(signs[0, j].tolist(), truth, strict=True) if s != UNKNOWN]
        assert not pairs or pairs == [(t, t) for _, t in pairs] or pairs == [(-t, t) for _, t in pairs]
        assert not simple[0, j] or values.count(values[j]) == 1


def test_wide_matrices_are_separated_by_their_radii_too():
    """diag(0, 1/2) up to 1/4 (1/8) in every entry: with 1/4, I/4 is among them."""
    for radius, proved in ((0.25, False), (0.0625, True)):
        wide = MidRad(np.diag([0.0, 0.5])[None], np.full((1, 2, 2), radius))
        signs, simple = eigenvector_signs(wide, MidRad.exact(np.eye(2)))
        assert simple.tolist() == [[proved] * 2]
        assert not proved or (signs[0, 0, 0] != UNKNOWN and signs[0, 0, 1] == UNKNOWN)


def test_no_normals_and_no_matrices():
    one = MidRad.exact(np.diag([1.0, 2.0])[None])
    signs, simple = eigenvector_signs(one, MidRad.exact(np.zeros((0, 2))))
    assert signs.shape == (1, 2, 0) and simple.all()
    signs, simple = eigenvector_signs(MidRad.exact(np.zeros((0, 2, 2))), MidRad.exact(np.eye(2)))
    assert signs.shape == (0, 2, 2) and simple.shape == (0, 2)


# -- exact: roots --------------------------------------------------------------------------------------------


def times(p, q):
    result = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for k, b in enumerate(q):
            result[i + k] += a * b
    return tuple(result)


factors = st.lists(
    st.one_of(
        st.tuples(st.just(1), st.integers(-4, 4)),
        st.tuples(st.just(1), st.integers(-(10**20), 10**20)),
        st.tuples(st.just(2), st.integers(-3, 3), st.integers(1, 12)),
    ),
    min_size=1,
    max_size=4,
)


@given(factors, st.lists(st.integers(-3, 3), max_size=4))
@example([(1, 0), (1, 0), (2, 0, 2)], [1, 0, -2])
@example([(2, 0, 2), (2, 0, 2), (2, 1, 2)], [1, 0, -2])
@example([(2, 0, 4)], [1, -2])
def test_roots_of_products(parts, q):
    """x - m, and x² - 2 b x + b² - c with the roots b ± sqrt(c)."""
    p, exact = (1,), []
    for degree, b, *c in parts:
        p = times(p, (1, -b) if degree == 1 else (1, -2 * b, b * b - c[0]))
        exact += [(b, 0, 0)] if degree == 1 else [(b, -1, c[0]), (b, 1, c[0])]
    roots = real_roots(p)
    assert sum(root.multiplicity for root in roots) == len(exact)
    waiting = list(exact)
    for root in roots:
        ball = root.ball(200)
        # (r - b)² = c and the side of b decide exactly whether r is b ± sqrt(c).
        mine = [
            e
            for e in waiting
            if root.sign_of((1, -2 * e[0], e[0] ** 2 - e[2])) == 0 and root.sign_of((1, -e[0])) == e[1]
        ]
        assert len(mine) == root.multiplicity
        waiting = [e for e in waiting if e not in mine]
        assert root.sign_of(p) == 0 and root.sign_of(()) == 0
        assert (root.integer is not None) == any(round(e[2] ** 0.5) ** 2 == e[2] for e in mine)
        assert root.integer is None or ball.contains(root.integer)
        decided = root.sign_of(trimmed(q))
        value = evaluated(trimmed(q), ball)
        assert value.sign() in (decided, UNKNOWN) and (decided == 0) == value.contains(0)
    assert not waiting
    middles = [root.ball(300) for root in roots]
    assert all(a < b for a, b in zip(middles, middles[1:], strict=False))
    assert [root.place_among(real_roots(p)) for root in roots] == list(range(len(roots)))


def test_a_value_that_is_nearly_zero_at_one_root_and_zero_at_another():
    """q = (x² - 2)(10^40 x - m) with m/10^40 within 10^-40 of 1 + sqrt(3), and p = (x² - 2)(x² - 2x - 2)."""
    p = times((1, 0, -2), (1, -2, -2))
    for step in (0, 1):
        m = 10**40 + math.isqrt(3 * 10**80) + step
        q = times((1, 0, -2), (10**40, -m))
        assert [root.sign_of(q) for root in real_roots(p)] == [0, 1, 0, 1 - 2 * step]


# -- exact: spectra ------------------------------------------------------------------------------------------


def integer_matrix(M):
    line, scale = primitive(list(M.ravel())) if M.any() else ((0,) * M.size, F(1))
    return np.array(line, dtype=object).reshape(M.shape) * (1 if scale > 0 else -1), abs(scale)


@given(st.integers(1, 5), seeds, seeds)
def test_exact_spectra_of_rational_eigenvectors(d, seed, other):
    values, Q, M = built(d, seed)
    whole, scale = integer_matrix(M)
    spectrum = IntegerSpectrum(whole)
    assert [spectrum.roots[place].integer for place in spectrum.places] == [v / scale for v in values]
    for place, root in enumerate(spectrum.roots):
        basis = spectrum.basis(place)
        columns = [Q[:, j] for j in range(d) if values[j] == root.integer * scale]
        assert len(basis) == len(columns) == root.multiplicity
        for vector in basis:
            (exact,) = [np.array([entry[0] if entry else 0 for entry in vector], dtype=object)]
            assert list(whole @ exact) == list(root.integer * exact) and any(exact)
        if len(basis) == 1:
            for normal in integer_matrix(normals_for(Q, other))[0]:
                truth = sign(normal @ columns[0]) * sign(columns[0] @ exact)
                assert spectrum.sign(place, normal, basis[0]) == truth


@given(st.integers(1, 4), seeds, st.integers(1, 3))
@example(2, 0, 2)
def test_exact_spectra_of_any_matrix(d, seed, copies):
    """Also with irrational multiple eigenvalues: `copies` equal blocks, rotated by a permutation of the
    axes.
    """
    rng = random.Random(seed)
    block = [[rng.randint(-3, 3) for _ in range(d)] for _ in range(d)]
    size = d * copies
    order = rng.sample(range(size), size)
    M = np.array([[0] * size for _ in range(size)], dtype=object)
    for c in range(copies):
        for i in range(d):
            for k in range(d):
                M[order[c * d + i], order[c * d + k]] = block[max(i, k)][min(i, k)]
    spectrum = IntegerSpectrum(M)
    assert sum(root.multiplicity for root in spectrum.roots) == size
    assert all(root.multiplicity % copies == 0 for root in spectrum.roots)
    for place, root in enumerate(spectrum.roots):
        basis = spectrum.basis(place)
        assert len(basis) == root.multiplicity
        for vector in basis:
            for i in range(size):
                moved, own = product([int(v) for v in M[i]], vector), (*vector[i], 0)  # (M v)_i and x v_i
                length = max(len(moved), len(own))
                rest = [a - b for a, b in zip(padded(moved, length), padded(own, length), strict=True)]
                assert root.sign_of(trimmed(rest)) == 0
            assert any(root.sign_of(entry) for entry in vector)
        values = np.array([[float(b.mid()) for b in enclosed(vector, root.ball(200))] for vector in basis])
        assert np.linalg.matrix_rank(values / np.abs(values).max(axis=1, keepdims=True)) == len(basis)
    floats = np.linalg.eigvalsh(M.astype(float))
    middles = [float(spectrum.roots[place].ball(64).mid()) for place in spectrum.places]
    assert np.allclose(floats, middles, atol=1e-6)


def padded(p, length):
    return (0,) * (length - len(p)) + tuple(p)


def test_constants_and_enclosures():
    vector = constants([3, 0, -2])
    assert vector == ((3,), (), (-2,))
    root = real_roots((1, 0, -2))[1]
    assert [b.sign() for b in enclosed(((1, 0), (1, -2), ()), root.ball(64))] == [1, -1, 0]
