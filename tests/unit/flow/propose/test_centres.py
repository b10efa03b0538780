"""Proposed curves: they follow the limit flow, solve its equation to their last digits, and end at the right
KKT point.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT, mp_arithmetic
from certflow.flow.endings import Ending
from certflow.flow.propose.centres import Proposal, groups_of
from certflow.flow.reference.flow import limit_flow
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem

SQUARED = Activation(Fraction(0), 2)
LINEAR = Activation(Fraction(1), 1)


def network_of(problem, curve, part):
    """The network of one part of the curve."""
    network = problem.network
    return network.block(network.blocks.index(curve.weights[part])) if network.separable else network


def worst_defect(problem, curve, windows):
    """The largest |u'/length - (grad N(u) - decay u)| at five places of every piece of the listed windows, 40
    digits.
    """
    ar = mp_arithmetic(40)
    ctx, X, z = ar.context, ar.array(problem.X), ar.array(problem.z)
    unit, worst = ctx.mpf(2) ** -curve.grid, ctx.zero
    position = [list(row) for row in curve.start]
    for number, window in enumerate(curve.windows):
        h, decay = ar.number(window.h), ar.number(window.decay)
        for j, pieces in enumerate(window.parts):
            network, begin = network_of(problem, curve, j), 0
            for piece in pieces:
                length = h * (piece.end - begin) * unit
                for y in [ctx.mpf(k) / 4 for k in range(5)] if number in windows else []:
                    rows = list(zip(position[j], piece.coefficients, strict=True))
                    u = np.array(
                        [(c0 + sum(c * y ** (k + 1) for k, c in enumerate(cs))) * unit for c0, cs in rows],
                        dtype=object,
                    )
                    du = np.array(
                        [sum((k + 1) * c * y**k for k, c in enumerate(cs)) * unit for _, cs in rows],
                        dtype=object,
                    )
                    gradient = network.pullback(network.forward(ar, u, X), z)
                    worst = max(worst, ctx.norm(list(du / length - (gradient - decay * u))))
                begin = piece.end
                position[j] = [c0 + sum(cs) for c0, cs in zip(position[j], piece.coefficients, strict=True)]
    return float(worst)


def ends_of(curve):
    """The exact weights (flat) at the start and at the end of each window, and the scaled time there (for
    order L).
    """
    position = [list(row) for row in curve.start]
    ends = [[v for row in position for v in row]]
    for window in curve.windows:
        for j, pieces in enumerate(window.parts):
            for piece in pieces:
                position[j] = [c0 + sum(cs) for c0, cs in zip(position[j], piece.coefficients, strict=True)]
        ends.append([v for row in position for v in row])
    return ends


def scaled_times(problem, curve):
    """The scaled times of the windows' ends: dt = exp(-(L-2) integral of the decay) ds."""
    power, total, times = problem.order - 2, 0.0, [0.0]
    for window in curve.windows:
        h, decay = float(window.h), float(window.decay) * power
        times.append(times[-1] + math.exp(-total) * (-math.expm1(-decay * h) / decay if decay else h))
        total += decay * h
    return times


def angle(u, v):
    """The angle between two vectors of floats."""
    u, v = np.array(u, dtype=float), np.array(v, dtype=float)
    return 2 * math.asin(min(1.0, np.linalg.norm(u / np.linalg.norm(u) - v / np.linalg.norm(v)) / 2))


@pytest.fixture(scope="module")
def figure1():
    return Problem.figure1()


@pytest.fixture(scope="module")
def order3():
    return Problem.builtin("l3-k20-s0")


# -- structure -----------------------------------------------------------------------------------------------


def test_groups_are_blocks_for_order_two_and_one_group_of_parts_otherwise(figure1, order3):
    assert groups_of(figure1) == [(part,) for part in figure1.blocks]
    assert groups_of(order3) == [order3.blocks]
    deep = Problem.builtin("l7-k32")
    assert groups_of(deep) == [(tuple(range(32)),)]


@pytest.mark.parametrize("name", ["l3-k20-s0", "l3-k220-s0", "l7-k32"])
def test_windows_are_well_formed_and_the_norm_stays_near_one(name):
    problem = Problem.builtin(name)
    curve = Proposal(problem, groups_of(problem)[0]).curve(0.06)
    whole = 1 << curve.grid
    for window in curve.windows:
        assert window.h > 0 and window.h.denominator & (window.h.denominator - 1) == 0
        assert window.decay.denominator & (window.decay.denominator - 1) == 0
        assert window.steps in (1, 2, 4, 8, 16, 32, 64)
        assert len(window.parts) == len(curve.weights)
        for part, pieces in zip(curve.weights, window.parts, strict=True):
            ends = [0, *(piece.end for piece in pieces)]
            assert ends[-1] == whole and all(a < b for a, b in zip(ends, ends[1:], strict=False))
            for piece in pieces:
                assert len(piece.coefficients) == len(part)
                assert all(len(c) <= 64 and (not c or c[-1] != 0) for c in piece.coefficients)
    norms = [np.linalg.norm(np.array(end, dtype=float)) / whole for end in ends_of(curve)]
    assert min(norms) > 0.98 and max(norms) < 1.02


def test_start_is_the_direction_to_the_last_digit(order3):
    curve = Proposal(order3, groups_of(order3)[0], grid=40).curve(0.5)
    flat = [v for row in curve.start for v in row]
    exact = [order3.direction[i] for part in curve.weights for i in part]
    square = sum(v * v for v in exact)
    for got, want in zip(flat, exact, strict=True):
        # |got 2^-40 - want/|w0|| <= 2^-41, compared exactly through squares
        low, high = Fraction(2 * abs(got) - 1, 2**41), Fraction(2 * abs(got) + 1, 2**41)
        assert max(low, Fraction(0)) ** 2 * square <= want * want <= high * high * square
        assert got * want >= 0


def test_cutting_earlier_gives_the_beginning_of_the_same_curve(order3):
    proposal = Proposal(order3, groups_of(order3)[0])
    late, early = proposal.curve(0.01), proposal.curve(0.1)
    assert 0 < len(early.windows) < len(late.windows)
    assert early.windows == late.windows[: len(early.windows)]
    assert early.centre == late.centre
    for curve, distance in ((late, 0.01), (early, 0.1)):
        ends, centre = ends_of(curve), [v for row in curve.centre for v in row]
        assert angle(ends[-1], centre) <= distance < angle(ends[-2], centre)


def test_a_grid_that_doubles_do_not_fill_is_refused(order3):
    with pytest.raises(BadInput, match="grid: 96"):
        Proposal(order3, groups_of(order3)[0], grid=96)


# -- accuracy ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "group", "windows"),
    [
        ("figure1", 1, range(5)),
        ("figure1", 8, range(8)),
        ("l3-k20-s0", 0, (0, 1, 2, 7, 15)),
        ("l7-k32", 0, (0, 20, 33)),
    ],
)
def test_the_equation_of_the_limit_flow_holds_to_the_last_digits(name, group, windows):
    problem = Problem.builtin(name)
    curve = Proposal(problem, groups_of(problem)[group]).curve(0.05)
    assert worst_defect(problem, curve, windows) < 3e-11
    finer = Proposal(problem, groups_of(problem)[group], grid=54).curve(0.05)
    assert worst_defect(problem, finer, windows) < 1e-12


def test_other_powers_and_slopes_solve_their_equation():
    X = [["1/2", "1/3"], ["-1/4", "1"], ["1", "-1/5"], ["-2/3", "-1/2"]]
    y = ["1", "-1/2", "3/4", "1/3"]
    given = {
        1: [[Fraction(1), Fraction(-1, 2)], [Fraction(1, 3), Fraction(1)], [Fraction(-1), Fraction(1, 4)]]
    }
    networks = [
        TwoLayer(2, 3, Activation(Fraction(1, 4), 3)),
        OneLayer(2, 2, Activation(Fraction(-1, 2), 3), [1, -1]),
        FeedForward([2, 3, 2, 1], SQUARED, [2, 3], given),
        FeedForward(
            [2, 2, 2, 1],
            Activation(Fraction(1, 2), 2),
            [1, 3],
            {2: [[Fraction(1), Fraction(1, 2)], [Fraction(-1), Fraction(1)]]},
        ),
        TwoLayer(2, 2, LINEAR),
    ]
    for network in networks:
        problem = Problem(network, X, y, seed=3)
        for group in groups_of(problem):
            curve = Proposal(problem, group).curve(0.05)
            assert curve.windows
            if network.kind == "feed-forward" and network.trained == (2, 3):
                continue  # its blocks keep the untrained layer, which `network_of` evaluates as well
            assert worst_defect(problem, curve, range(0, len(curve.windows), 5)) < 3e-11


@pytest.mark.parametrize("j", [1, 8, 14])
def test_figure1_neurons_agree_with_the_reference_limit_flow(figure1, j):
    curve = Proposal(figure1, groups_of(figure1)[j]).curve(0.1)
    times, ends = scaled_times(figure1, curve), ends_of(curve)
    flow = limit_flow(figure1, time=Fraction(times[-1]), digits=16, check=False)
    for k in {1, len(ends) // 2, len(ends) - 1}:
        assert angle(ends[k], flow.block_direction(j, times[k])) < 1e-10


def test_order_three_agrees_with_the_reference_limit_flow(order3):
    curve = Proposal(order3, groups_of(order3)[0]).curve(0.1)
    times, ends = scaled_times(order3, curve), ends_of(curve)
    places = [i for part in curve.weights for i in part]
    flow = limit_flow(order3, time=Fraction(times[-1]), digits=16, check=False)
    for k in (1, len(ends) // 2, len(ends) - 1):
        assert angle(ends[k], flow.direction(times[k])[places]) < 1e-10


# -- the KKT point -------------------------------------------------------------------------------------------


def test_figure1_ends_at_its_two_maxima(figure1):
    seen = set()
    for group in groups_of(figure1):
        curve = Proposal(figure1, group).curve(0.05)
        ((x, y),) = curve.centre
        seen.add(round(math.degrees(math.atan2(y, x)), 9))
    assert sorted(seen) == pytest.approx([14.463, 175.079], abs=1e-3)
    assert len(seen) == 2


@pytest.mark.parametrize(
    ("name", "value", "gap"),
    [("l3-k20-s0", 0.691, 1.95), ("l3-k20-s1", 0.618, 1.85), ("l3-k20-s2", 0.733, 2.20)],
)
def test_only_one_neuron_survives_in_the_limit_of_order_three(name, value, gap):
    problem = Problem.builtin(name)
    proposal = Proposal(problem, groups_of(problem)[0])
    curve = proposal.curve(0.05)
    assert sum(any(row) for row in curve.centre) == 1
    assert proposal.limit.value == pytest.approx(value, abs=6e-4)
    assert proposal.limit.gap == pytest.approx(gap, abs=6e-3)
    u = np.zeros(problem.network.size, dtype=object)
    for part, row in zip(curve.weights, curve.centre, strict=True):
        for i, v in zip(part, row, strict=True):
            u[i] = Fraction(v, 1 << curve.grid)
    gradient = problem.network.pullback(problem.network.forward(EXACT, u, problem.X), problem.z)
    growth = (gradient @ u) / (u @ u)
    assert math.sqrt(sum(v * v for v in gradient - growth * u)) < 1e-12


def test_a_deep_limit_is_found_to_full_precision():
    problem = Problem.builtin("l7-k32")
    proposal = Proposal(problem, groups_of(problem)[0])
    proposal.curve(0.08)
    assert proposal.limit.value == pytest.approx(0.0604, abs=6e-5)
    assert proposal.limit.gap == pytest.approx(0.2405, abs=6e-5)


# -- no KKT point --------------------------------------------------------------------------------------------


def test_samples_that_are_zero_keep_no_neuron_alive():
    X = [["1", "0"], ["0", "0"]]
    ends = [
        Proposal(each, groups_of(each)[0]).curve(0.05).ending
        for each in (
            Problem(OneLayer(2, 1, SQUARED), X, ["1", "1"], direction=["-1", "1"]),
            Problem(OneLayer(2, 1, SQUARED), [["0", "0"]], ["1"], direction=["1", "1"]),
            Problem(OneLayer(2, 1, SQUARED), [*X, ["0", "1"]], ["1"] * 3, direction=["-1", "0"]),
        )
    ]
    assert ends == [Ending.DEAD, Ending.DEAD, Ending.NO_GRADIENT_AT_START]


def test_a_neuron_without_active_samples_is_dead():
    problem = Problem(
        OneLayer(2, 2, SQUARED), [["1", "0"], ["1", "1/2"]], ["1", "2"], direction=["-1", "0", "1", "1"]
    )
    dead, alive = (Proposal(problem, group).curve(0.05) for group in groups_of(problem))
    assert (dead.ending, dead.centre, dead.windows) == (Ending.DEAD, None, ())
    assert alive.ending is None and alive.centre is not None
