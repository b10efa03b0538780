"""Upper bounds of N on the unit sphere (R9): by norms, and by covers against values of N."""

import math
from fractions import Fraction as F
from random import Random
from types import SimpleNamespace

import numpy as np
import pytest
from after_a_sweep import CLOCK, refusal

from certflow.checker.early_direction import largest
from certflow.checker.early_direction.largest import _Cover, check_largest, largest_ncf
from certflow.checker.kernel.numbers import ONE, root_up, rounded
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.exact import format_rational
from certflow.flow.enclose.parts import parts_of
from certflow.flow.propose.centres import groups_of
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.early_direction.conclude import rounded as rounded_up
from certflow.theorems.early_direction.groups import GroupProof
from certflow.theorems.early_direction.largest import sharp_bound


def network(p, depth, trained, given, X, z, order, coupled=False):
    own = {
        "p": p,
        "alpha": F(0),
        "depth": depth,
        "trained": trained,
        "given": given,
        "samples": X,
        "z": z,
        "order": order,
    }
    return SimpleNamespace(**own, coupled=coupled, expression=False, rate=F(8))


def test_the_bound_of_n_is_a_product_of_norms():
    X = [[F(3), F(4)], [F(0), F(2)]]
    # (|z_1| 5^4 + |z_2| 2^4) times (4/7)^2 of layer 1, (2/7)^1 of layer 2 and (1/7)^(1/2) of layer 3; roots
    # are rounded.
    N = largest_ncf(network(2, 3, [1, 2, 3], {}, X, [F(-1, 2), F(3)], 7), CLOCK)
    layers = root_up(F(4, 7) ** 4, 2) * root_up(F(2, 7) ** 2, 2) * root_up(F(1, 7), 2)
    assert 8 * (F(625, 2) + 48) * layers == N
    # Layer 2 is not trained: its Frobenius norm 5, to the power 2 of what follows.
    N = largest_ncf(network(2, 3, [1, 3], {2: [[F(3), F(0)], [F(0), F(4)]]}, X, [F(-1, 2), F(3)], 5), CLOCK)
    assert 8 * (F(625, 2) + 48) * root_up(F(4, 5) ** 4, 2) * root_up(F(1, 5), 2) * 25 == N
    # |x| to the power 3^2 of the two activations.
    bound = largest_ncf(network(3, 3, [1, 2, 3], {}, X[:1], [F(1)], 13), CLOCK)
    assert bound == 8 * 5**9 * root_up(F(9, 13) ** 9, 2) * root_up(F(3, 13) ** 3, 2) * root_up(F(1, 13), 2)
    # 3^(1/2) and 1/13 are no short numbers: every root, product and sum is rounded upwards.
    one = [F(1), F(1)]
    bound = largest_ncf(
        network(3, 2, [1], {2: [[F(1), F(1), F(1)]]}, [one, one], [F(1, 13), F(-1, 17)], 3), CLOCK
    )
    length = rounded(root_up(F(2), 2) ** 3, True)
    assert bound == 8 * rounded(rounded(length / 13, True) + length / 17, True) * root_up(F(3), 2)
    assert bound**2 > F(30, 221) ** 2 * 64 * 8 * 3


def test_the_bound_of_n_of_several_neurons_is_that_of_one(monkeypatch):
    own = network(2, 2, [1], {}, [], [F(-3), F(1)], 2, coupled=True)
    monkeypatch.setattr(largest, "unit_outputs", lambda problem: [F(2), F(5)] if problem is own else [])
    assert largest_ncf(own, CLOCK) == 8 * 11


# -- linear networks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", [[2, 1, 1], [2, 3, 1], [2, 2, 2, 1]])
def test_a_linear_network_has_nothing_of_its_data_but_their_sum(widths):
    # sum_i z_i x_i = (3, -4) / 2 with the mean of two samples: |g| times D^(-D/2), which is attained.
    depth = len(widths) - 1
    problem = Problem(FeedForward(widths, Activation(1, 1)), [["3", "0"], ["0", "2"]], ["1", "-2"], seed=1)
    bound = largest_ncf(Checked(problem.exact_content(), CLOCK), CLOCK)
    exact = F(5, 2) * F(1, depth) ** (depth // 2) / (math.sqrt(depth) if depth % 2 else 1)
    assert exact <= bound <= exact * (1 + F(1, 10**12)) if depth % 2 == 0 else abs(bound / exact - 1) < 1e-12


# -- covers --------------------------------------------------------------------------------------------------


def cases(seed):
    rng = Random(seed)
    d, n, power, alpha = (
        rng.choice([1, 2, 3]),
        rng.randint(1, 5),
        rng.choice([2, 2, 3]),
        rng.choice(["0", "1/3", "-1", "1"]),
    )
    X = [[F(rng.randint(-9, 9), 7) for _ in range(d)] for _ in range(n)]
    y = [F(rng.randint(-5, 5), 3) for _ in range(n)]
    width = rng.randint(1, 3)
    activation = Activation(F(alpha), power)
    network = rng.choice(
        [
            TwoLayer(d, width, activation),
            OneLayer(d, width, activation, [rng.choice([-1, 1]) for _ in range(width)]),
            FeedForward(
                [d, width, 1], activation, [1], {2: [[str(F(rng.randint(-6, 6), 4)) for _ in range(width)]]}
            ),
        ]
    )
    return Problem(network, X, y, seed=seed), rng


def largest_value(problem, rng):
    """About the largest N on the unit sphere, from the outputs of single neurons."""
    X = np.array(problem.X, dtype=float)
    z, network = np.array([float(v) for v in problem.z]), problem.network
    p, alpha = network.activation.power, float(network.activation.alpha)

    def F_at(u):
        t = X @ u
        return float(z @ np.maximum(t, alpha * t) ** p)

    def best(sign):
        found = -math.inf
        for _ in range(12):
            u = np.array([rng.gauss(0, 1) for _ in range(X.shape[1])])
            u, step = u / np.linalg.norm(u), 1.0
            while step > 1e-7:  # ends: step falls
                v = u + step * np.array([rng.gauss(0, 1) for _ in u])
                v /= np.linalg.norm(v)
                if sign * F_at(v) > sign * F_at(u):
                    u = v
                else:
                    step *= 0.93
            found = max(found, sign * F_at(u))
        return found

    if 2 in network.trained:
        L = p + 1
        return max(best(1), best(-1)) * math.sqrt((p / L) ** p / L)
    out = [float(v) for v in network.given[2][0]]
    return max(max(out) * best(1) if max(out) > 0 else 0, -min(out) * best(-1) if min(out) < 0 else 0)


@pytest.mark.parametrize("seed", range(25))
def test_a_cover_proves_what_is_above_the_largest_value_and_nothing_below_it(seed):
    problem, rng = cases(seed)
    checked = Checked(problem.exact_content(), Clock(None))
    value = largest_value(problem, rng)
    if value <= 1e-3:
        assert not _Cover(checked, F(-1, 1000), CLOCK).proves()
        return
    assert _Cover(checked, F(value * 1.01) / checked.rate, CLOCK).proves()
    assert not _Cover(checked, F(value * (1 - 1e-4)) / checked.rate, CLOCK).proves()
    # What the prover claims is proved, and sharp.
    groups = [GroupProof(parts_of(problem, each)) for each in groups_of(problem)]
    claimed = sharp_bound(problem, groups)
    assert value * (1 - 1e-9) <= claimed <= value * 1.01
    check_largest(checked, Node(format_rational(rounded_up(claimed, True)), "here"), CLOCK)


def test_a_bound_below_the_maximum_is_refused():
    problem = Problem(OneLayer(2, 2, Activation(0, 2)), [["1", "0"], ["0", "1"]], ["6", "2"], seed=1)
    checked = Checked(problem.exact_content(), CLOCK)
    # N = 3 (u1)_+^2 + (u2)_+^2.
    assert refusal(check_largest, checked, Node("301/100", "here"), CLOCK) is None
    for number in ("299/100", "0", "-1"):
        found = refusal(check_largest, checked, Node(number, "here"), CLOCK)
        assert found and found[:2] == ("R9", "here")


def test_a_box_about_a_critical_point_bends():
    # F = 3 u1^2 + u2^2 at e1: no slope, and p^2 S / 2 = 8; sines up to 1/2, then nothing is known.
    network = FeedForward([2, 1, 1], Activation(1, 2), [1], {2: [["1"]]})
    problem = Problem(network, [["1", "0"], ["0", "1"]], ["6", "2"], seed=1)
    cover = _Cover(Checked(problem.exact_content(), CLOCK), F(4), CLOCK)
    here, around = cover._margins([ONE, 0], ONE // 2)
    a = F(1, 2) + F(1, 32)
    assert here == ONE and 0 <= (1 - 8 * a**2) * ONE - around < 1000
    assert cover._margins([ONE, 0], ONE // 2 + 1) == (ONE, -1)
    # Both sides of every face: the maximum is at -e1 only.
    other = Problem(OneLayer(2, 1, Activation(0, 2)), [["-1", "0"], ["0", "1"]], ["6", "2"], seed=1)
    checked = Checked(other.exact_content(), CLOCK)
    assert not _Cover(checked, F(2), CLOCK).proves() and _Cover(checked, F(301, 100), CLOCK).proves()
