"""Problems that are the same problem in other words have the same theorem: overlapping enclosures, and a
delta_bar that differs by at most the factor that the search and the grid may cost.
"""

from fractions import Fraction

import pytest
from soundness.random_problems import random_problem
from soundness.reference_claims import angle, context, mp_number

from certflow.exact import number
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem
from certflow.theorems.early_direction.prove import certify

CTX = context()
EPSILON = Fraction(1, 50)
LOW, HIGH = Fraction(4, 5), Fraction(5, 4)
TURN = ((Fraction(3, 5), Fraction(-4, 5)), (Fraction(4, 5), Fraction(3, 5)))


def rotated(v: list[Fraction]) -> list[Fraction]:
    return [row[0] * v[0] + row[1] * v[1] for row in TURN]


def claims(first: Problem, second: Problem) -> list[dict]:
    """The claims of both problems, which must both be proved."""
    results = [certify(problem, EPSILON) for problem in (first, second)]
    assert [result.outcome for result in results] == ["proved", "proved"], [
        result.reason for result in results
    ]
    return [result.claim.to_json() for result in results]


def assert_delta_bars_agree(first: dict, second: dict, factor: Fraction = Fraction(1)) -> None:
    """The second delta_bar is `factor` times the first, within [LOW, HIGH]."""
    ratio = number(second["delta_bar"], "d") / number(first["delta_bar"], "d") / factor
    assert LOW <= ratio <= HIGH


def assert_overlap(first: list[str], second: list[str], factor: Fraction = Fraction(1)) -> None:
    (a, b), (c, d) = ([number(v, "v") for v in pair] for pair in (first, second))
    assert c <= factor * b
    assert factor * a <= d


def assert_blocks_agree(first: dict, second: dict, images: list, factor: Fraction = Fraction(1)) -> None:
    """Block j of the first, moved by images[j] = (block of the second, map of its weights), is that block of
    the second.
    """
    for mine, (other, image) in zip(first["blocks"], images, strict=True):
        theirs = second["blocks"][other]
        assert mine["outcome"] == theirs["outcome"]
        if mine["kkt_point"] is None:
            continue
        assert_overlap(mine["value"], theirs["value"], factor)
        assert_overlap(mine["gap"], theirs["gap"], factor)
        centre = [number(v, "v") for v in mine["kkt_point"]["centre"]]
        u = [mp_number(CTX, v) for v in image(centre)]
        v = [mp_number(CTX, number(v, "v")) for v in theirs["kkt_point"]["centre"]]
        radii = [mp_number(CTX, number(each["kkt_point"]["radius"], "r")) for each in (mine, theirs)]
        assert angle(CTX, u, v) <= sum(radii)


@pytest.mark.parametrize("seed", [5, 8, 11])
def test_permuted_neurons(seed):
    problem = random_problem("one-layer", seed)
    width, d = problem.network.widths[1], problem.inputs
    order = [*range(1, width), 0]
    rows = [list(problem.direction[j * d : (j + 1) * d]) for j in range(width)]
    network = OneLayer(d, width, problem.network.activation, [problem.network.signs[j] for j in order])
    other = Problem(
        network, problem.X, problem.y, problem.loss, direction=[v for j in order for v in rows[j]]
    )
    first, second = claims(problem, other)
    assert_delta_bars_agree(first, second)
    assert first["n_max_upper"] == second["n_max_upper"]
    assert_blocks_agree(first, second, [(order.index(j), lambda v: v) for j in range(width)])


@pytest.mark.parametrize(
    ("family", "seed"), [("one-layer", 8), ("one-layer", 0), ("one-layer cubed", 2), ("two-layer", 8)]
)
def test_rotated_data(family, seed):
    problem = random_problem(family, seed)
    if problem.inputs != 2:
        raise ValueError("choose a planar problem")
    width = problem.network.widths[1]

    def image(w: list[Fraction]) -> list[Fraction]:
        rows = [
            rotated(w[2 * j : 2 * j + 2]) for j in range(len(w) // 2 if family.startswith("one") else width)
        ]
        return [v for row in rows for v in row] + list(w[2 * len(rows) :])

    X = [rotated(list(row)) for row in problem.X]
    other = Problem(problem.network, X, problem.y, problem.loss, direction=image(list(problem.direction)))
    first, second = claims(problem, other)
    assert_delta_bars_agree(first, second)
    assert_blocks_agree(first, second, [(j, image) for j in range(len(first["blocks"]))])


@pytest.mark.parametrize(("family", "seed"), [("one-layer", 5), ("two-layer linear", 7), ("two-layer", 10)])
def test_rescaled_labels(family, seed):
    # Square loss, y -> c y, w -> c^(1/L) w: the same flow, in scaled time divided by c.
    problem = random_problem(family, seed)
    if problem.loss.kind != "square":
        raise ValueError("choose a problem with square loss")
    factor, root = (Fraction(4), 2) if problem.order == 2 else (Fraction(8), 2)
    other = Problem(
        problem.network,
        problem.X,
        [factor * v for v in problem.y],
        problem.loss,
        direction=list(problem.direction),
    )
    first, second = claims(problem, other)
    assert_delta_bars_agree(first, second, Fraction(root))
    same = [(j, lambda v: v) for j in range(len(first["blocks"]))]
    assert_blocks_agree(first, second, same, factor)
    assert number(second["n_max_upper"], "n") <= factor * number(first["n_max_upper"], "n") * HIGH
    times = [claim["horizon"]["scaled_time"] for claim in (first, second)]
    assert LOW <= number(times[1], "t") * factor / number(times[0], "t") <= HIGH
