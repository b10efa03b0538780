"""What the checker encloses against exact rational evaluation by the package: gradients and defects along
polynomials, generalised Hessians, outputs and gradients on boxes, and the rates of one region.
"""

import random
from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.checker.kernel.network import norm_bound
from certflow.checker.kernel.numbers import BITS, ONE, enclosed
from certflow.checker.kernel.polynomials import Polynomial, defect, gradient
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.outcomes.groups import Proved, check_dead
from certflow.checker.tube.curve import Track, _span
from certflow.checker.tube.evidence import GroupEvidence
from certflow.checker.tube.region import Bounds, Rates, at_point, least_quotient, unit_outputs
from certflow.checker.tube.sweep import Runner
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem

GRID = 48


def tenths(rng, *shape):
    if len(shape) > 1:
        return [tenths(rng, *shape[1:]) for _ in range(shape[0])]
    return [Fraction(rng.randint(-20, 20), rng.choice([7, 10])) for _ in range(shape[0])]


def problem(seed):
    """A random small problem of one of the families that are certified."""
    rng = random.Random(seed)
    alpha = rng.choice([Fraction(0), Fraction(1, 2), Fraction(-1, 3), Fraction(1)])
    d, n, width = rng.randint(1, 3), rng.randint(1, 4), rng.randint(1, 3)
    kind = seed % 5
    if kind == 0:
        network = OneLayer(
            d, width, Activation(alpha, rng.choice([2, 3])), [rng.choice([1, -1]) for _ in range(width)]
        )
    elif kind == 1:
        network = TwoLayer(d, width, Activation(alpha, 2))
    elif kind == 2:
        network = TwoLayer(d, width, Activation(Fraction(1), 1))
    elif kind == 3:
        network = FeedForward([d, width, 2, 1], Activation(alpha, 2))
    else:
        trained = rng.choice([[2, 3], [1, 3], [1, 2], [2]])
        sizes = [d, width, 2, 1]
        given = {l: tenths(rng, sizes[l], sizes[l - 1]) for l in (1, 2, 3) if l not in trained}
        network = FeedForward(sizes, Activation(alpha, 2), trained, given)
    labels = [rng.choice([1, -1]) for _ in range(n)] if seed % 3 == 0 else tenths(rng, n)
    loss = "logistic" if seed % 3 == 0 else "square"
    return rng, Problem(
        network,
        tenths(rng, n, d),
        labels,
        loss,
        direction=[1] * network.size,
        reduction=rng.choice(["mean", "sum"]),
    )


def exact(p, w):
    """(h, grad h per sample, grad N, Hessian of N) at the rational point w."""
    run = p.network.forward(EXACT, w, p.X)
    return run.outputs, p.network.jacobian(run), p.network.pullback(run, p.z), p.network.hessian(run, p.z)


def inside(value, bounds, extra=0):
    return bounds[0] - extra <= value * ONE <= bounds[1] + extra


@pytest.mark.parametrize("seed", range(40))
def test_the_gradient_along_a_piece_and_its_defect(seed):
    rng, p = problem(seed)
    checked = Checked(p.exact_content(), Clock(None))
    size = p.network.size
    u = [
        [rng.randint(-(1 << 48), 1 << 48)]
        + [rng.randint(-(1 << 46), 1 << 46) for _ in range(rng.randint(0, 3))]
        for _ in range(size)
    ]
    decay, length = Fraction(rng.randint(-8, 8), 4), Fraction(rng.randint(1, 9), 16)
    result = [None] * size
    for layers, indices in zip(checked.layers, checked.indices, strict=True):
        own = [Polynomial([v << (BITS - GRID) for v in u[w]]) for w in indices]
        G = gradient(layers, own, rng.choice([3, 8]))
        for w, q, g in zip(indices, own, G, strict=True):
            result[w] = g, defect(q, g, decay, length)
    for y in [Fraction(0), Fraction(1), *(Fraction(rng.randint(0, 64), 64) for _ in range(4))]:
        w = np.array(
            [sum(Fraction(c, 1 << GRID) * y**k for k, c in enumerate(row)) for row in u], dtype=object
        )
        slope = [sum(Fraction(c, 1 << GRID) * k * y ** (k - 1) for k, c in enumerate(row) if k) for row in u]
        _, _, truth, _ = exact(p, w)
        for k in range(size):
            poly, e = result[k]
            value = sum(c * y**i for i, c in enumerate(poly.coefficients))
            assert abs(truth[k] * ONE - value) <= poly.err
            assert abs(slope[k] / length - truth[k] + decay * w[k]) * ONE <= e
            low, high = poly.hull(
                *_span(max(y - Fraction(1, 10), Fraction(0)), min(y + Fraction(1, 7), Fraction(1)))
            )
            assert low <= truth[k] * ONE <= high


@pytest.mark.parametrize("seed", range(60))
def test_points_of_a_box_have_their_derivatives_in_the_enclosures(seed):
    rng, p = problem(seed)
    checked = Checked(p.exact_content(), Clock(None))
    groups = range(len(checked.indices))
    widths = [Fraction(rng.choice([0, 1, 10, 60]), 100) for _ in range(p.network.size)]
    middle = tenths(rng, p.network.size)
    runs, parts = [], []
    for j in groups:
        (part,) = Bounds(checked, [j], "here").parts
        box = [
            (enclosed(middle[w] - widths[w])[0], enclosed(middle[w] + widths[w])[1])
            for w in checked.indices[j]
        ]
        first = part.layers.matrices[0]
        Z = []
        for x in checked.features:
            row = []
            for entries in first:
                centre = sum(
                    (middle[checked.indices[j][e]] * v for e, v in zip(entries, x, strict=True)), Fraction(0)
                )
                reach = sum(
                    (widths[checked.indices[j][e]] * abs(v) for e, v in zip(entries, x, strict=True)),
                    Fraction(0),
                )
                row.append((enclosed(centre - reach)[0], enclosed(centre + reach)[1]))
            Z.append(row)
        runs.append(part.evaluate(box, Z))
        parts.append(part)
    for _ in range(4):
        at = [m + r * Fraction(rng.randint(-16, 16), 16) for m, r in zip(middle, widths, strict=True)]
        h, J, G, H = exact(p, np.array(at, dtype=object))
        for i in range(p.n):
            low, high = (sum(run.outputs[i][side] for run in runs) for side in (0, 1))
            assert low <= h[i] * ONE <= high
        for run, part, indices in zip(runs, parts, checked.indices, strict=True):
            sums = part.forcing(run, part.z)
            for a, w in enumerate(indices):
                assert inside(G[w], sums[a])
                for b, v in enumerate(indices):
                    assert abs(H[w, v] * ONE - run.middle[a][b]) <= run.radius[a][b]
            for i in range(p.n):
                assert sum(J[i, w] ** 2 for w in indices) * ONE * ONE <= run.gradient_norms[i] ** 2
            t = [Fraction(rng.randint(-9, 9)) for _ in indices]
            form = sum(t[a] * H[w, v] * t[b] for a, w in enumerate(indices) for b, v in enumerate(indices))
            size = sum(v * v for v in t)
            above = (
                sum(t[a] * run.above[a][b] * t[b] for a in range(len(t)) for b in range(len(t)))
                + run.loss * size
            )
            assert form * ONE <= above
            if size:
                assert least_quotient([run], [[int(v) for v in t]]) <= form / size


@pytest.mark.parametrize("seed", range(30))
def test_forcing_growth_and_gradient_on_a_region(seed):
    rng, p = problem(seed)
    checked = Checked(p.exact_content(), Clock(None))
    L, r = checked.order, Fraction(rng.choice([1, 8]), 64)
    for group in checked.groups:
        indices = [w for j in group for w in checked.indices[j]]
        centre = [[rng.randint(-(1 << 48), 1 << 48) for _ in checked.indices[j]] for j in group]
        bounds = Bounds(checked, group, "here")
        place = at_point(bounds, centre, GRID, "here")
        rates, _ = bounds.rates(place, Fraction(10**6), r, Fraction(0), "here")
        flat = np.array([Fraction(v, 1 << GRID) for row in centre for v in row], dtype=object)
        norm2 = sum(v * v for v in flat)
        for _ in range(4):
            # A point on the sphere of radius |c|, as nearly as rationals allow, well inside the angle r.
            q = flat + np.array(
                [Fraction(rng.randint(-50, 50), 100 * len(flat)) * r * abs(v) for v in flat], dtype=object
            )
            q = q * Fraction(float(norm2 / sum(v * v for v in q)) ** 0.5)
            w = np.array([Fraction(0)] * p.network.size, dtype=object)
            w[indices] = q
            h, J, G, _ = exact(p, w)
            size = sum(v * v for v in q)
            own = G[indices]
            ell = sum(own * q) / size
            slack = Fraction(1, 2**40)
            assert inside(ell, rates.ell, ONE >> 30)
            tangential = own - ell * q
            assert sum(tangential**2) / size <= Fraction(2 * rates.T - place.tangential, ONE) ** 2 + slack
            if len(checked.groups) == 1:
                kappa = [
                    rng.choice([checked.least_curvature, checked.curvature]) * checked.omega * v for v in h
                ]
                force = sum((k * J[i, indices] for i, k in enumerate(kappa)), flat * 0)
                along = sum(force * q) / size
                across = force - along * q
                # In units of A = |q|^L: |tangential force| / |q| / |q|^L.
                assert sum(across**2) <= Fraction(rates.K, ONE) ** 2 * size ** (L + 1) * (1 + slack) + slack
                assert (
                    along * L
                    <= L * Fraction(rates.E, ONE) * L * Fraction(float(size) ** (L / 2)) * (1 + slack) + slack
                )


def test_norm_bounds_are_at_least_the_spectral_norm():
    rng = random.Random(5)
    for _ in range(50):
        n = rng.randint(1, 5)
        M = [[rng.choice([0, 1, 7, 1000]) * rng.randint(0, ONE) for _ in range(n)] for _ in range(n)]
        M = [[(M[i][j] + M[j][i]) // 2 for j in range(n)] for i in range(n)]
        norm = np.abs(np.linalg.eigvalsh(np.array(M, dtype=float) / ONE)).max()
        assert norm_bound(M) / ONE >= norm * (1 - 1e-12)


def _one_neuron():
    """N(u) = (u . e1)^2 - (u . e2)^2 / 2 as a linear-squared neuron, at its maximum e1."""
    network = OneLayer(2, 1, Activation(Fraction(1), 2))
    p = Problem(network, [["1", "0"], ["0", "1"]], ["1", "-1/2"], direction=[1, 0], reduction="sum")
    bounds = Bounds(Checked(p.exact_content(), Clock(None)), [0], "here")
    place = at_point(bounds, [[1 << GRID, 0]], GRID, "here")
    return bounds, place


def test_the_radial_lift_pays_for_the_distance_from_the_middle():
    bounds, place = _one_neuron()
    _, runs = bounds.rates(place, Fraction(8), Fraction(1, 1024), Fraction(0), "here")
    # A = diag(2, -1), ell = 2: the tangential eigenvalue is -1 - 2 = -3; the radial one needs the lift.
    assert bounds._definite(place, runs, Fraction(-29, 10), Fraction(4), 0, place.ell[0])
    assert not bounds._definite(place, runs, Fraction(-29, 10), Fraction(0), 0, place.ell[0])
    assert not bounds._definite(place, runs, Fraction(-29, 10), Fraction(4), ONE // 4, place.ell[0])
    assert not bounds._definite(place, runs, Fraction(-31, 10), Fraction(4), 0, place.ell[0])


@pytest.mark.parametrize("seed", range(0, 60, 5))
def test_several_neurons_force_each_other_at_most_so_much(seed):
    rng, p = problem(seed)
    checked = Checked(p.exact_content(), Clock(None))
    if len(checked.groups) == 1:
        return
    beta = unit_outputs(checked)
    for group in checked.groups:
        indices = [w for j in group for w in checked.indices[j]]
        bounds = Bounds(checked, group, "here")
        c = [rng.randint(1 << 40, 1 << 48) * rng.choice([1, -1]) for _ in indices]
        place = at_point(bounds, [c], GRID, "here")
        rates, _ = bounds.rates(place, Fraction(10**6), Fraction(1, 64), Fraction(0), "here")
        w = np.array([Fraction(0)] * p.network.size, dtype=object)
        w[indices] = [Fraction(v, 1 << GRID) for v in c]
        own = p.network.block(group[0])
        h = own.forward(EXACT, w[indices], p.X).outputs
        J = own.jacobian(own.forward(EXACT, w[indices], p.X))
        size, most = sum(v * v for v in w[indices]), checked.omega * checked.curvature
        # The other neurons can make the residual of sample i differ by at most omega m beta_i A.
        assert most * sum(b * abs(v) for b, v in zip(beta, h, strict=True)) <= Fraction(rates.E, ONE) * size
        signs = [rng.choice([-1, 1]) for _ in beta]
        force = sum(
            (most * b * s * J[i] for i, (b, s) in enumerate(zip(beta, signs, strict=True))), w[indices] * 0
        )
        across = force - sum(force * w[indices]) / size * w[indices]
        assert sum(across**2) <= (Fraction(rates.K, ONE)) ** 2 * size


def test_a_neuron_is_dead_only_if_every_direction_within_reach_is():
    network = OneLayer(2, 1, Activation(Fraction(0), 2))
    p = Problem(network, [["1", "0"]], ["1"], direction=[-1, 1], reduction="sum")
    checked = Checked(p.exact_content(), Clock(None))
    track = Track([], Fraction(2), [[-1 << GRID, 1 << GRID]])
    runner = Runner(
        track, Rates(Fraction(0), 0, 0, 0, 0, (0, 0)), None, 0, (Fraction(1), Fraction(1)), 0, "here"
    )
    for angle, dead in ((0.0, True), (0.70, True), (0.71, False), (2.0, False)):
        runner.entry_D = int(angle * ONE)
        proved = Proved(GroupEvidence("dead", "", [], [], None), None, runner)
        if dead:
            check_dead(checked, [0], proved, GRID, Clock(None))
        else:
            with pytest.raises(Refused, match="may be active"):
                check_dead(checked, [0], proved, GRID, Clock(None))
