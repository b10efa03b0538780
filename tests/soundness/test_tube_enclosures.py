"""What a tube is made of, against exact rational evaluations: no tolerance anywhere.

Curves, kink arguments, gradients, Hessians, eigenvalue bounds, growth rates and the forcing, at random
rational times and at random points of the regions; for every family, with proved regions as they are used in
a claim.
"""

import random
from fractions import Fraction
from functools import cache

import numpy as np
import pytest
from soundness.proofs import Evaluated, ExactCurve, Proof, evaluate, flat, grouped, proof_of, rotated
from soundness.random_problems import random_problem

from certflow.arithmetic.base import EXACT
from certflow.flow.enclose.region import enclose_curve, enclose_regions
from certflow.flow.enclose.trap import tangential_bound
from certflow.flow.propose.traps import proposed_bound

CASES = [
    ("one-layer", 4),
    ("one-layer", 5),
    ("one-layer", 9),
    ("one-layer cubed", 8),
    ("two-layer", 3),
    ("two-layer linear", 1),
    ("deep", 0),
    ("untrained below", 0),
    ("trained below", 11),
    *(("expression", seed) for seed in (1, 3, 9, 17)),
]
PLACES = 6


@cache
def proof(family: str, seed: int) -> Proof:
    """The evidence for a random problem."""
    return proof_of(random_problem(family, seed), Fraction(1, 50))


def tubes(family: str, seed: int):
    """(proof, index of the group, group, its exact curve) for all groups that have a tube."""
    found = proof(family, seed)
    for g, group in enumerate(found.groups):
        if group.count:
            yield found, g, group, ExactCurve(group.curve)


def inside(value: Fraction, mid: float, rad: float) -> bool:
    return Fraction(float(mid)) - Fraction(float(rad)) <= value <= Fraction(float(mid)) + Fraction(float(rad))


def squares(vector) -> Fraction:
    return sum((v * v for v in np.asarray(vector, dtype=object).reshape(-1)), Fraction(0))


def tangential(at: Evaluated, gradient: np.ndarray, q: np.ndarray) -> np.ndarray:
    """The part of a vector orthogonal to q."""
    own = gradient.reshape(-1)
    return own - q * (sum(own * q) / sum(q * q))


@pytest.mark.parametrize(("family", "seed"), CASES)
def test_curves_are_within_their_ranges_and_their_defect_is_bounded(family, seed):
    draw, seen = random.Random(seed), 0
    for found, _, group, curve in tubes(family, seed):
        parts, at, order = group.parts, enclose_curve(group.parts, group.curve), found.problem.order
        for _ in range(PLACES):
            k = draw.randrange(group.count)
            w, x = curve.place(k, draw)
            p, slope = curve.at(w, x)
            value = evaluate(parts, p)
            for j in range(parts.count):
                for i in range(parts.size):
                    assert inside(p[j][i], at.W.mid[k, j, i], at.W.rad[k, j, i])
            u, du = flat(p), flat(slope)
            norm2 = sum(u * u)
            assert inside(norm2, at.norm2.mid[k], at.norm2.rad[k])
            assert inside(order * value.value / norm2, at.ell.mid[k], at.ell.rad[k])
            defect = du - (value.gradient.reshape(-1) - u * group.curve.windows[w].decay)
            assert squares(defect) <= Fraction(float(at.defect[k])) ** 2
            assert squares(du) <= Fraction(float(at.slope[k])) ** 2
            assert_kinks_inside(parts, value, at, k)
            seen += 1
    assert seen


def assert_kinks_inside(parts, value: Evaluated, at, k: int) -> None:
    """First kink arguments, which for shallow parts are those of the last hidden layer."""
    if not parts.first_trained or not parts.problem.network.has_kinks:
        return
    network = parts.network
    if parts.shallow:
        z = value.kinks[network.depth - 2]
        neurons = [network.blocks.index(own) for own in parts.indices]
        for j, neuron in enumerate(neurons):
            for i in range(parts.problem.n):
                assert inside(z[i, neuron], at.Z.mid[k, j, i, 0], at.Z.rad[k, j, i, 0])
        return
    for (i, neuron), z in np.ndenumerate(value.kinks[0]):
        assert inside(z, at.Z.mid[k, 0, i, neuron], at.Z.rad[k, 0, i, neuron])


@pytest.mark.parametrize(("family", "seed"), CASES)
@pytest.mark.parametrize("widened", [1, 2**14])
def test_hessians_rates_and_forcing_of_whole_regions_are_bounded(family, seed, widened):
    # Regions as in the proof, and far wider ones, on which kinks are certain to be crossed.
    draw, seen = random.Random(seed), 0
    for found, _, group, curve in tubes(family, seed):
        parts, at, several = group.parts, group.at, len(found.groups) > 1
        radius = np.minimum(group.radius * widened, 2.0**-3)
        low = np.sqrt(at.norm2.lower()) * (1 - 2.0**-50)
        regions = enclose_regions(parts, at, radius, several, at.slope / low * (1 + 2.0**-50))
        for _ in range(PLACES):
            k = draw.randrange(group.count)
            p = flat(curve.at(*curve.place(k, draw))[0])
            q = rotated(p, Fraction(float(radius[k])), draw)
            value = evaluate(parts, grouped(parts, q))
            for j, block in enumerate(value.blocks):
                for (a, b), entry in np.ndenumerate(block):
                    assert inside(entry, regions.A.mid[k, j, a, b], regions.A.rad[k, j, a, b])
            assert_forcing_bounded(found, parts, value, q, regions, k, draw)
            bound = tangential_bound(regions, at.W.mid[k], k, proposed_bound(regions, at.W.mid[k], k))
            assert_no_vector_beats(found, parts, q, bound.mu)
            seen += 1
    assert seen


def assert_forcing_bounded(found: Proof, parts, value: Evaluated, q, regions, k: int, draw) -> None:
    """ell, T, K and E at one point; for coupled groups the outputs of the others are those of random unit
    weights.
    """
    problem, order, norm2 = found.problem, found.problem.order, sum(q * q)
    ell = order * value.value / norm2
    assert Fraction(float(regions.ell_lo[k])) <= ell <= Fraction(float(regions.ell_hi[k]))
    # T is the mean slope on the way from the centre, the last one at most twice as large.
    assert squares(tangential(value, value.gradient, q)) / norm2 <= (2 * Fraction(float(regions.T[k]))) ** 2
    most = problem.loss.omega(problem.n) * problem.loss.curvature_bound()
    if len(found.groups) > 1:
        # |r_i - z_i| <= omega m |H_i|, and |H_i| <= A |h_i(u)| if all weights are at u with A = 1.
        u = np.array([Fraction(draw.randint(-9, 9)) for _ in range(problem.network.size)], dtype=object)
        own = draw.choice(problem.network.blocks)
        u[[i for i in range(len(u)) if i not in own]] = Fraction(0)
        if not any(u):
            return
        outputs = problem.network.outputs(EXACT, u, problem.X) / sum(u * u)
        residuals = [most * v * draw.choice((-1, 1)) for v in outputs]
        power = 2
    else:
        least = Fraction(0) if problem.loss.kind == "logistic" else most
        residuals = [h * draw.choice((most, least, (most + least) / 2)) for h in value.h]
        power = 2 * (order + 1)
    force = sum(r * row for r, row in zip(residuals, value.jacobian, strict=True))
    assert squares(tangential(value, force, q)) <= Fraction(float(regions.K[k])) ** 2 * norm2 ** (power // 2)
    radial = abs(sum(r * h for r, h in zip(residuals, value.h, strict=True)))
    assert radial**2 <= Fraction(float(regions.E[k])) ** 2 * norm2 ** (
        2 if len(found.groups) > 1 else order + 2
    )


@pytest.mark.parametrize(("family", "seed"), CASES)
def test_no_tangent_vector_of_a_region_beats_the_eigenvalue_bound(family, seed):
    draw, seen = random.Random(seed), 0
    for found, _, group, curve in tubes(family, seed):
        for _ in range(PLACES):
            k = draw.randrange(group.count)
            p = flat(curve.at(*curve.place(k, draw))[0])
            q = rotated(p, Fraction(group.rates[k].limit), draw)
            assert_no_vector_beats(found, group.parts, q, group.spectra[k].mu)
            seen += 1
        if group.trap is not None:
            unit = Fraction(1, 1 << group.trap.grid)
            c = np.array([v * unit for part in group.trap.centre for v in part], dtype=object)
            for _ in range(PLACES):
                assert_no_vector_beats(found, group.parts, rotated(c, group.trap.r0, draw), -group.trap.gamma)
    assert seen


def assert_no_vector_beats(found: Proof, parts, q: np.ndarray, mu: Fraction) -> None:
    """<v, (grad² N - ell) v> <= mu |v|² for tangent v: the worst one that floats find, made exactly
    tangent.
    """
    value = evaluate(parts, grouped(parts, q))
    H = np.full((len(q), len(q)), Fraction(0), dtype=object)
    for j, block in enumerate(value.blocks):
        here = slice(j * parts.size, (j + 1) * parts.size)
        H[here, here] = block
    unit = q.astype(float) / np.linalg.norm(q.astype(float))
    P = np.eye(len(q)) - np.outer(unit, unit)
    far = 1e3 * (1 + np.abs(H.astype(float)).sum())
    if len(q) == 1:
        return
    v = np.linalg.eigh(P @ H.astype(float) @ P - far * np.outer(unit, unit))[1][:, -1]
    exact = np.array([Fraction(float(x)) for x in v], dtype=object)
    exact = exact - q * (sum(exact * q) / sum(q * q))
    ell = found.problem.order * value.value / sum(q * q)
    assert exact @ H @ exact <= (ell + mu) * sum(exact * exact)
