"""Small theorems for networks of power 1 against their flows, which are followed in small steps."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

import certflow as cf


def flow_of(problem, delta, times, steps=4000):
    """The weights (w_j, v_j) of a two-layer network at these times, square loss, by steps of fourth order.

    Where a neuron slides its steps overshoot the kink and come back: it is off by about one step.
    """
    x, y = (np.array([[float(v) for v in row] for row in rows]) for rows in (problem.X, [problem.y]))
    alpha, d = float(problem.network.activation.alpha), x.shape[1]
    blocks = [list(block) for block in problem.blocks]
    start = np.array([float(v) for v in problem.direction])
    W = np.array([start[block] for block in blocks]) * delta / math.sqrt(start @ start)
    omega = 1 / len(x) if problem.loss.reduction == "mean" else 1.0

    def slope(W):
        inner = W[:, :d] @ x.T
        out = np.where(inner > 0, inner, alpha * inner)
        r = omega * (y[0] - W[:, d] @ out)
        gate = np.where(inner > 0, 1.0, np.where(inner < 0, alpha, (1 + alpha) / 2))
        return np.column_stack([W[:, d:] * ((gate * r) @ x), out @ r])

    found, t = [], 0.0
    for end in times:
        count = max(1, math.ceil((end - t) / times[-1] * steps))
        h = (end - t) / count
        for _ in range(count):
            a = slope(W)
            b = slope(W + h / 2 * a)
            c = slope(W + h / 2 * b)
            W = W + h / 6 * (a + 2 * b + 2 * c + slope(W + h * c))
        t = end
        found.append(W.copy())
    return found


def angle(a, b):
    a, b = np.array(a) / math.sqrt(np.dot(a, a)), np.array(b) / math.sqrt(np.dot(b, b))
    return 2 * math.asin(min(1.0, float(np.linalg.norm(a - b)) / 2))


def figure_2():
    """|w x| with weights that start at every place of Figure 2."""
    direction = ["0", "3/5", "4/5", "-3/5", "-3/5", "1/5", "-1", "-4/5", "-3/5", "3/5", "-3/5", "0"]
    network = cf.TwoLayer(inputs=1, width=6, power=1, alpha=-1)
    return cf.Problem(network, [["1"]], ["1"], direction=direction)


def three_points(w, v):
    rows = [["-3/4", "1"], ["-1/2", "1"], ["1/8", "1"]]
    network = cf.TwoLayer(inputs=2, width=len(v), power=1)
    return cf.Problem(network, rows, ["11/10", "1/10", "4/5"], direction=[*w, *v])


@pytest.mark.parametrize("share", [1, 3])
def test_every_number_of_the_family_of_figure_2_holds_for_its_flow(share):
    problem = figure_2()
    theorem = cf.certify(problem, epsilon="1/100")
    assert theorem.outcome == cf.Outcome.PROVED
    assert [str(block.outcome) for block in theorem.blocks] == [
        *("vanishes", "vanishes", "converges", "converges", "shrinks", "converges")
    ]
    assert theorem.check().accepted
    claim, delta = theorem.claim, float(theorem.delta_bar) / share
    T, R = float(claim.scaled_time), float(claim.radius)
    times = [T * k / 20 for k in range(1, 21)] + [T + 0.05 * k for k in range(1, 200)]
    passed = flow_of(problem, delta, times)
    arrived = None
    for t, W in zip(times, passed, strict=True):
        size = math.sqrt((W**2).sum())
        if t <= T:
            assert size**2 <= float(claim.factor_squared) * delta**2
        if t < T:
            continue
        if size > R:
            arrived = arrived or t
            break
        for block, weights in zip(theorem.blocks, W, strict=True):
            if str(block.outcome) in ("converges", "shrinks"):
                off = angle(weights, [float(v) for v in block.kkt_point.centre])
                near = float(block.kkt_point.radius) + 1e-7 * (str(block.outcome) == "shrinks")
                assert off <= float(claim.epsilon)
                if t == T and str(block.outcome) == "converges":
                    assert off <= float(block.angle_at_horizon) + near
                if block.law is not None:
                    power, law = float(block.law.exponent[0]), block.law
                    bound = float(law.coefficient) * (delta / size) ** power + float(law.floor) * size**2
                    assert off <= bound + near
            else:
                assert abs(weights[0]) < 1e-2 * delta
    assert arrived is not None
    low, high = theorem.at(theorem.delta_bar / share).time_to(claim.radius)
    assert float(low) <= arrived
    assert arrived - 0.05 <= float(high)


def test_neurons_that_stop_are_dead_or_zero_stay_as_they_are():
    w = ["399/401", "40/401", "861/1061", "620/1061", "21/221", "-220/221", "0", "0"]
    problem = three_points(w, ["-1", "1", "1", "0"])
    theorem = cf.certify(problem, epsilon="1/100")
    assert [str(block.outcome) for block in theorem.blocks] == ["stops", "converges", "dead", "zero"]
    assert theorem.check().accepted
    claim, delta = theorem.claim, float(theorem.delta_bar)
    T = float(claim.scaled_time)
    at_T, later = flow_of(problem, delta, [T, T + 1], steps=20000)
    stopped, found, dead, zero = later
    assert angle(stopped, [float(v) for v in theorem.blocks[0].kkt_point.centre]) <= 1e-2
    assert np.abs(stopped - at_T[0]).max() <= 1e-3 * delta
    assert angle(found, [float(v) for v in theorem.blocks[1].kkt_point.centre]) <= float(claim.epsilon)
    assert (dead == at_T[2]).all() and not zero.any()
    assert (at_T**2).sum() <= float(claim.factor_squared) * delta**2
    # Neurons at rest whose outputs vanish force no direction: there is a law.
    assert theorem.blocks[1].law is not None


def test_a_neuron_of_which_nothing_is_known_grows_no_faster_than_is_allowed_for():
    # The second one starts at w = 0, from where it may leave in several directions.
    problem = three_points(["861/1061", "620/1061", "0", "0"], ["1", "1/10"])
    theorem = cf.certify(problem, epsilon="1/100")
    assert str(theorem.blocks[0].outcome) == "converges"
    assert str(theorem.blocks[1].outcome) in ("inconclusive", "branches")
    assert theorem.check().accepted
    delta, T = float(theorem.delta_bar), float(theorem.claim.scaled_time)
    (W,) = flow_of(problem, delta, [T])
    assert (W**2).sum() <= float(theorem.claim.factor_squared) * delta**2


def test_a_ball_of_starts_has_its_theorem_for_every_start_in_it():
    w, v = ["861/1061", "620/1061", "11481/12281", "4360/12281"], ["1", "1"]
    theorem = cf.certify(three_points(w, v), epsilon="1/100", start_angle="1/1000")
    assert [str(block.outcome) for block in theorem.blocks] == ["converges", "converges"]
    assert theorem.check().accepted
    delta, T = float(theorem.delta_bar), float(theorem.claim.scaled_time)
    rng = np.random.default_rng(1)
    start = np.array([float(Fraction(entry)) for entry in (*w, *v)])
    for _ in range(4):
        turned = rng.normal(size=6)
        turned *= 9e-4 * math.sqrt(start @ start) / math.sqrt(turned @ turned)
        entries = [str(Fraction(value).limit_denominator(10**9)) for value in start + turned]
        (W,) = flow_of(three_points(entries[:4], entries[4:]), delta, [T])
        for block, weights in zip(theorem.blocks, W, strict=True):
            assert angle(weights, [float(u) for u in block.kkt_point.centre]) <= float(theorem.claim.epsilon)
        assert (W**2).sum() <= float(theorem.claim.factor_squared) * delta**2


def test_theorems_about_orthogonal_inputs_hold_for_their_flows():
    """Kinks that are touched, and others that stay off for ever though they would push away."""
    w = ["3/10", "1", "1", "3/10", "1", "-1", "3/10", "1", "-1", "-1", "-1/5", "-1", "1", "1/5", "1/2"]
    rows, y = [["1", "1", "0"], ["-1", "1", "0"], ["0", "0", "2"], ["0", "0", "1"]], ["1", "-1/2", "1/3", "0"]
    network = cf.TwoLayer(inputs=3, width=5, power=1)
    problem = cf.Problem(network, rows, y, reduction="sum", direction=[*w, "1", "3/2", "-1", "1", "-2"])
    theorem = cf.certify(problem, epsilon="1/100")
    assert theorem.check().accepted
    outcomes = ["converges", "converges", "converges", "stops", "stops"]
    assert [str(block.outcome) for block in theorem.blocks] == outcomes
    # The second one does not see the third input, and its limit lies on that kink.
    assert [block.gap is None for block in theorem.blocks] == [False, True, False, True, True]
    T, R, steps = float(theorem.claim.scaled_time), float(theorem.claim.radius), 4000
    for share in (1, 10):
        delta = float(theorem.delta_bar) / share
        times = [T, *(T + 0.1 * k for k in range(1, 30))]
        for t, W in zip(times, flow_of(problem, delta, times, steps=steps), strict=True):
            if math.sqrt((W**2).sum()) > R:
                break
            for block, weights in zip(theorem.blocks, W, strict=True):
                bound = float(block.angle_at_horizon) if t == T else float(theorem.claim.epsilon)
                assert angle(weights, [float(v) for v in block.kkt_point.centre]) <= bound + 2e-3
            # The touched kinks are where they were met, up to a step.
            assert abs(W[0] @ [-1, 1, 0, 0]) <= 20 / steps * delta * abs(W[0, 3] / delta)
            assert W[1, 2] < 0 and abs(W[1, 2] / W[1, 0]) < 1


def test_a_start_on_a_convex_kink_that_is_left_has_a_theorem():
    network = cf.TwoLayer(inputs=2, width=1, power=1)
    problem = cf.Problem(network, [["1", "0"], ["1", "2"]], ["1", "1"], direction=["0", "1", "1"])
    theorem = cf.certify(problem, epsilon="1/100")
    assert theorem.outcome == cf.Outcome.PROVED and theorem.check().accepted
    (block,) = theorem.blocks
    T = float(theorem.claim.scaled_time)
    for share in (1, 10):
        (W,) = flow_of(problem, float(theorem.delta_bar) / share, [T])
        centre = [float(v) for v in block.kkt_point.centre]
        assert angle(W[0], centre) <= float(block.angle_at_horizon) + 1e-4


def test_the_largest_slope_bounds_g_where_the_rays_are_too_many():
    draw = np.random.default_rng(3)
    for alpha in ("0", "1/4", "-3/4"):
        x = draw.integers(-9, 10, size=(8, 6))
        y = draw.integers(-9, 10, size=8)
        network = cf.TwoLayer(inputs=6, width=1, power=1, alpha=alpha)
        rows = [[str(v) for v in row] for row in x]
        problem = cf.Problem(network, rows, [str(v) for v in y], reduction="sum", seed=1)
        theorem = cf.certify(problem, epsilon="1/100")
        assert theorem.check().accepted
        best = 0.0
        for u in draw.normal(size=(200, 6)):
            for _ in range(30):
                inner = x @ u
                g = x.T @ (y * np.where(inner > 0, 1.0, float(Fraction(alpha))))
                if not g.any():
                    break
                u = g / np.linalg.norm(g) * (1 if g @ u > 0 else -1)
                best = max(best, abs(y @ np.where(x @ u > 0, x @ u, float(Fraction(alpha)) * (x @ u))))
        joint = np.linalg.norm(x, 2) * np.linalg.norm(y)
        assert best <= 2 * float(theorem.claim.n_max_upper) < joint
