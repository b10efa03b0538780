"""The branch and bound for few weights: closed forms, other enumerations, a dense search that must find
nothing new.
"""

import itertools
import random
from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import FLOAT
from certflow.kkt.cover.box import Boxes
from certflow.kkt.cover.orbits import Orbits
from certflow.kkt.cover.refine import PolishedPoint
from certflow.kkt.cover.search import search
from certflow.kkt.cover.sign_symmetry import SignGroup
from certflow.kkt.cover.undecided import share_of_sphere
from certflow.kkt.neuron.circle import planar_kkt
from certflow.kkt.neuron.features import Neuron
from certflow.kkt.neuron.lift import lift
from certflow.kkt.points import KKTPoint
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.running import OutOfTime

ONE = Fraction(1)
SQUARED, CUBED, RELU = (Activation(Fraction(0), p) for p in (2, 3, 1))


def data(n, d, seed):
    rng = random.Random(seed)
    X = np.array([[Fraction(rng.randint(-100, 100), 50) for _ in range(d)] for _ in range(n)], dtype=object)
    return X, np.array([Fraction(rng.randint(-100, 100), 50) for _ in range(n)], dtype=object)


def polynomial(weights, text, **options):
    return search(Correlation(Expression(weights, ["x"], text), [[ONE]], [ONE]), **options)


def contains(entry, exact_square, signs):
    """Whether each coordinate's enclosure contains sign * sqrt(exact square), decided exactly."""
    return all(
        (c.contains(0) if s == 0 else c.sign() == s and c.square().contains(q))
        for c, q, s in zip(entry.point, exact_square, signs, strict=True)
    )


# -- closed forms --------------------------------------------------------------------------------------------


def test_a_sum_of_cubes_has_one_point_per_set_of_weights():
    found = polynomial(["a", "b", "c"], "a**3 + b**3 + c**3")
    assert found.complete and found.undecided == 0 and len(found.points) == 14
    for signs in itertools.product((0, 1), repeat=3):
        size = sum(signs)
        for turn in (1, -1) if size else ():
            (entry,) = [
                p
                for p in found.points
                if contains(p, [Fraction(s, size) for s in signs], [turn * s for s in signs])
            ]
            # At the point with m equal weights λ = 3/√m; H - λ is λ on the m - 1 others of them and -λ on the
            # zeros.
            up, down = (size - 1, 3 - size) if turn > 0 else (3 - size, size - 1)
            assert entry.inertia == (up, 0, down)
            assert entry.kind == ("maximum" if not up else "minimum" if not down else "saddle")
            assert (entry.value.square() * size).contains(1) and entry.value.sign() == turn
            top = Fraction(1) if up else Fraction(-1)
            assert (entry.gap.square() * size).contains(9) and entry.gap.sign() == -top
            assert all(c.radius() <= Fraction(1, 10**30) for c in entry.point)


def test_a_quadratic_form_has_its_eigenvectors():
    found = polynomial(["a", "b", "c", "d"], "a**2 + 2*b**2 - 3*c**2 + 5*d**2")
    assert found.complete and len(found.points) == 8
    for entry in found.points:
        place = next(i for i, c in enumerate(entry.point) if c.sign() in (1, -1))
        eigenvalues = [1, 2, -3, 5]
        assert entry.value.contains(eigenvalues[place]) and all(
            c.contains(0) for i, c in enumerate(entry.point) if i != place
        )
        others = [2 * (e - eigenvalues[place]) for i, e in enumerate(eigenvalues) if i != place]
        assert entry.gap.contains(-max(others)) and entry.inertia == (
            sum(e > 0 for e in others),
            0,
            sum(e < 0 for e in others),
        )
    assert found.n_max.contains(5) and found.n_min.contains(-3)


def test_a_product_has_flat_points_as_one_entry():
    found = polynomial(["a", "b", "c"], "a*b*c")
    flat = [p for p in found.points if p.continuum is not None]
    assert found.complete and len(found.points) == 9 and len(flat) == 1
    assert flat[0].value.contains(0) and "gradient" in flat[0].continuum.equation
    for signs in itertools.product((1, -1), repeat=3):
        (entry,) = [
            p for p in found.points if p.continuum is None and contains(p, [Fraction(1, 3)] * 3, signs)
        ]
        assert (entry.value.square() * 27).contains(1) and entry.value.sign() == np.prod(signs)


def test_eigenspaces_and_degenerate_points_end_undecided():
    circle = polynomial(["a", "b", "c"], "a**2 + b**2 + 3*c**2", budget=2_000)
    assert not circle.complete and circle.undecided > 0 and len(circle.points) == 2
    assert "budget" in circle.reason
    monkey = polynomial(["a", "b", "c"], "a**3 - 3*a*b**2 + c**2*a")
    for entry in monkey.points:
        assert entry.value.sign() in (1, -1) or entry.reason or entry.value.contains(0)


# -- other enumerations --------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("alpha", [Fraction(0), Fraction(1, 2)])
def test_agrees_with_the_planar_enumeration(seed, alpha):
    X, z = data(6, 2, seed)
    exact = planar_kkt(X, z, alpha, 30)
    isolated = [p for p in exact.points if p.kind != "arc"]
    found = search(Correlation(OneLayer(2, 1, Activation(alpha, 2)), X, z))
    ours = [p for p in found.points if p.reason == ""]
    assert found.complete and found.of == "one neuron" and len(ours) == len(isolated)
    for entry in ours:
        (same,) = [
            p for p in isolated if all(a.overlaps(b) for a, b in zip(p.point, entry.point, strict=True))
        ]
        assert same.kind == entry.kind and same.value.overlaps(entry.value) and same.gap.overlaps(entry.gap)


@pytest.mark.parametrize("seed", [1, 2])
def test_agrees_with_the_lift_of_a_neuron_to_two_layers(seed):
    X, z = data(5, 2, seed)
    neuron = Neuron.of(X, z, SQUARED)
    exact = lift(neuron, planar_kkt(X, z, Fraction(0), 35), planar_kkt(X, -z, Fraction(0), 35), 30)
    found = search(Correlation(TwoLayer(2, 1, SQUARED), X, z))
    ours = [p for p in found.points if p.continuum is None]
    theirs = [p for p in exact.points if p.value.sign() in (1, -1)]
    assert found.complete and len(ours) == len(theirs)
    for entry in ours:
        (same,) = [p for p in theirs if all(a.overlaps(b) for a, b in zip(p.point, entry.point, strict=True))]
        assert same.kind == entry.kind and same.inertia == entry.inertia and same.gap.overlaps(entry.gap)


def test_a_chain_of_neurons_is_one_neuron_with_a_higher_power():
    X, z = data(8, 2, 3)
    chain = search(Correlation(FeedForward([2, 1, 1, 1], SQUARED), X, z))
    single = [
        p
        for p in search(Correlation(OneLayer(2, 1, Activation(Fraction(0), 4)), X, z)).points
        if p.value.sign() in (1, -1)
    ]
    ours = [p for p in chain.points if p.continuum is None]
    assert chain.complete and len(ours) == 2 * len(single)  # either sign of the last weight
    for entry in ours:
        # |w|² = 4/7, u² = 2/7, v² = 1/7.
        assert entry.point[2].square().contains(Fraction(2, 7)) and entry.point[3].square().contains(
            Fraction(1, 7)
        )
        scale = Ball(Fraction(4, 7), 200).sqrt()
        assert any(
            all((a * scale).overlaps(b) for a, b in zip(p.point, entry.point[:2], strict=True))
            for p in single
        )


def newton_points(network, X, z, starts, seed):
    """Unit vectors with tangential gradient 0 up to rounding and a gradient that is not small, by floats."""
    draw, found = np.random.default_rng(seed), []
    samples, weights = FLOAT.array(X), FLOAT.array(z)
    for _ in range(starts):
        w = draw.normal(size=network.size)
        for _ in range(40):
            w = w / np.linalg.norm(w)
            run = network.forward(FLOAT, w, samples)
            g, H = network.pullback(run, weights), network.hessian(run, weights)
            P = np.eye(len(w)) - np.outer(w, w)
            rest = P @ g
            if np.linalg.norm(rest) < 1e-9 * np.linalg.norm(g) and np.linalg.norm(g) > 1e-4:
                found.append(w)
                break
            try:
                step = np.linalg.solve(P @ (H - (g @ w) * np.eye(len(w))) @ P + np.outer(w, w), -rest)
            except np.linalg.LinAlgError:
                break
            w = w + step * min(1.0, 0.5 / max(np.linalg.norm(step), 1e-300))
    return found


CASES = {
    "cubic neuron": OneLayer(3, 1, CUBED),
    "leaky cubic": OneLayer(3, 1, Activation(Fraction(-1, 2), 3), [-1]),
    "odd cubic": OneLayer(3, 1, Activation(ONE, 3)),
    "deep": FeedForward([2, 1, 1, 1], Activation(Fraction(1, 2), 2)),
    "wide": FeedForward([1, 2, 1, 1], SQUARED),
    "expression": Expression(["a", "b", "c"], ["x", "y"], "a**3*x + b**3*y + (a + b + c)**3*x*y + abs(c)**3"),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_dense_search_finds_nothing_else(name, seed):
    network = CASES[name]
    X, z = data(5, network.inputs, seed)
    found = search(Correlation(network, X, z), digits=20, budget=20_000)
    assert found.complete, found.reason
    centres = np.array([[float(c.mid()) for c in p.point] for p in found.points if p.continuum is None])
    distances = np.linalg.norm(centres[:, None] - centres[None], axis=2) + np.eye(len(centres))
    assert distances.min() > 1e-6  # nothing twice
    seen = newton_points(
        network, X, z, 250 if name == "wide" else 40, seed
    )  # where neurons vanish few starts converge
    assert seen
    for w in seen:
        assert np.linalg.norm(centres - w, axis=1).min() < 1e-6


# -- dead cells, kinks, budgets ------------------------------------------------------------------------------


def test_a_dead_cell_is_one_entry_with_its_exact_cone():
    X = [[ONE, 0 * ONE, 0 * ONE], [ONE, ONE, 0 * ONE], [0 * ONE, ONE, 2 * ONE]]
    found = search(Correlation(OneLayer(3, 1, CUBED), X, [ONE, -ONE, 2 * ONE]))
    (dead,) = [p for p in found.points if p.continuum is not None]
    assert (
        found.complete
        and "dead" in dead.reason
        and dead.continuum.dimension == 2
        and len(dead.continuum.rays) == 3
    )
    for ray in (*dead.continuum.rays, dead.direction):
        assert all(sum(a * b for a, b in zip(row, ray, strict=True)) <= 0 for row in X)


def test_samples_that_cancel_leave_every_direction():
    found = search(
        Correlation(OneLayer(2, 1, SQUARED), [[ONE, ONE], [2 * ONE, 2 * ONE]], [Fraction(4), -ONE])
    )
    (entry,) = found.points
    assert found.complete and len(entry.continuum.lines) == 2


def test_kinks_of_power_one_are_undecided_and_points_away_from_them_are_found():
    # N = v (u (w1 + ... )_+)_+ with both samples active near w = (1, 1)/√2.
    X = [[ONE, 0 * ONE], [0 * ONE, ONE]]
    found = search(Correlation(FeedForward([2, 1, 1, 1], RELU), X, [ONE, ONE]), digits=15, budget=3_000)
    best = found.points[0]
    assert best.kind == "maximum" and all(
        c.square().contains(q) for c, q in zip(best.point, [Fraction(1, 6)] * 2, strict=False)
    )
    assert not found.complete and found.undecided > 0


@pytest.mark.parametrize("budget", [0, 300])
def test_a_spent_budget_ends_partial_with_an_honest_share(budget):
    X, z = data(10, 4, 1)
    network = OneLayer(4, 1, CUBED)
    whole, part = (
        search(Correlation(network, X, z), digits=10),
        search(Correlation(network, X, z), digits=10, budget=budget),
    )
    assert whole.complete and not part.complete and "budget" in part.reason and 0 < part.undecided <= 1
    assert len(part.points) < len(whole.points)
    if budget == 0:
        assert part.undecided == 1


def test_the_share_of_the_sphere_is_an_upper_bound_and_sharp_for_small_boxes():
    for k in (2, 3, 4, 6):
        steps = {2: 256, 3: 32, 4: 12, 6: 5}[k]
        low = np.array(
            [[1.0, *c] for c in itertools.product(np.linspace(-1, 1, steps + 1)[:-1], repeat=k - 1)]
        )
        high = low + 2.0 / steps
        high[:, 0] = 1.0
        share = share_of_sphere(Boxes(low, np.minimum(high, 1.0), np.zeros(len(low), dtype=int)), 2 * k)
        assert share == 1  # a bound of 1, cut off there
        single = share_of_sphere(Boxes(low, np.minimum(high, 1.0), np.zeros(len(low), dtype=int)), 1)
        assert 1 <= single * 2 * k < {2: 1.02, 3: 1.2, 4: 1.8, 6: 6}[k]


def test_running_out_of_time_ends_the_search():
    def stop(description, done, total):
        raise OutOfTime("the time is over.")

    X, z = data(5, 3, 1)
    with pytest.raises(OutOfTime):
        search(Correlation(OneLayer(3, 1, CUBED), X, z), progress=stop)


def test_progress_ends_at_its_total():
    calls = []
    X, z = data(5, 2, 1)
    search(Correlation(OneLayer(2, 1, SQUARED), X, z), progress=lambda *call: calls.append(call))
    for description in {call[0] for call in calls}:
        last = [call for call in calls if call[0] == description][-1]
        assert last[1] == last[2]


def test_one_weight_is_refused():
    with pytest.raises(ValueError):
        search(Correlation(OneLayer(1, 1, SQUARED), [[ONE]], [ONE]))


def polished(slope, radius, low, high):
    """A point of the circle at (1, slope), its coordinates known up to `radius`, alone for the slopes from
    low to high.
    """
    length = (Ball(slope, 100).square() + 1).sqrt()
    around = Ball.interval(-radius, radius, 100)
    entry = KKTPoint("maximum", (1 / length + around, slope / length + around), Ball(1, 100))
    return PolishedPoint(
        entry,
        Ball(1, 100),
        Ball(1, 100),
        Boxes(np.array([[1.0, low]]), np.array([[1.0, high]]), np.array([0])),
    )


@pytest.mark.parametrize(
    ("first", "second", "count", "ambiguous"),
    [
        # Enclosures without a common point, of two points or of one where the other is alone.
        ((0, "1e-9", -0.1, 0.1), ("1e-3", "1e-9", -0.1, 0.1), 2, False),
        ((0, "1e-3", -0.1, 0.1), ("1e-3", "1e-3", 1.0, 2.0), 1, False),
        ((0, "1e-3", 1.0, 2.0), ("1e-3", "1e-3", -0.1, 0.1), 1, False),
        # They meet, but none lies where the other is alone: boxes that overlap decide nothing.
        ((0, "1e-3", -1e-4, 1e-4), ("1e-3", "1e-3", -1e-4, 0.1), 2, True),
        ((0, "1e-3", 1.0, 2.0), (0, "1e-3", 1.0, 2.0), 2, True),
    ],
)
def test_points_are_one_where_one_lies_where_the_other_is_alone(first, second, count, ambiguous):
    orbits = Orbits(SignGroup(2, []))
    for slope, radius, low, high in (first, second):
        orbits.add(polished(Fraction(slope), Fraction(radius), low, high))
    assert (len(orbits.points), orbits.ambiguous) == (count, ambiguous)
