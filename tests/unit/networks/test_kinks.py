"""Kinks that cancel, and KKT points on those that stay: every branch counts where an argument is exactly
0.
"""

import itertools
import random
from fractions import Fraction as F

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MidRad
from certflow.kkt.cover.clarke import zero_is_gradient
from certflow.kkt.cover.enclosures import box_function
from certflow.kkt.enumerate import Budget, kkt_set
from certflow.networks.activation import Activation
from certflow.networks.correlation import Correlation
from certflow.networks.expression import Expression
from certflow.networks.grammar import parse
from certflow.networks.kinks import kinks_of, simplest
from certflow.networks.one_hidden_layer import TwoLayer
from certflow.networks.tree import to_text
from certflow.problem import Problem

ONE = [[F(1)]], [F(1)]


def problem_of(output: str, weights: str = "u1 u2") -> Problem:
    names = weights.split()
    return Problem(Expression(names, ["x"], f"({output})*x"), [[1]], [1], direction=[1] * len(names))


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("relu(u1) - relu(-u1)", "u1"),
        ("relu(u1 - u2) - relu(u2 - u1)", "u1 - u2"),
        ("max(u1, u2) + min(u1, u2)", "u1 + u2"),
        ("u1*(u2 + relu(u1 - u2) - relu(u2 - u1))", "u1**2"),
        ("abs(2*u1 - 2*u2) - 2*abs(u2 - u1)", "0"),
        ("abs(u1*u2)*abs(u1)", "u1**2*abs(u2)"),
        ("max(u1, max(u2, u3)) - max(max(u1, u2), u3) + u1", None),
        ("abs(u1**2*u2 + u1**3) - u1**2*abs(u1 + u2)", "0"),
        ("u1*max(u1, u2)", "u1*max(u1, u2)"),
    ],
)
def test_kinks_that_cancel_are_gone_and_the_value_stays(text, simple):
    tree = parse(text, ("u1", "u2", "u3"))
    result = simplest(tree)
    if simple is not None:
        assert to_text(result) == simple
    assert len(kinks_of(result)) <= len(kinks_of(tree))
    draw = random.Random(0)
    before, after = (Expression(["u1", "u2", "u3"], ["x"], each) for each in (tree, result))
    for _ in range(30):
        w = np.array([F(draw.randint(-3, 3), draw.randint(1, 2)) for _ in range(3)], dtype=object)
        X = np.array(ONE[0], dtype=object)
        assert before.outputs(EXACT, w, X)[0] == after.outputs(EXACT, w, X)[0]


@pytest.mark.parametrize(
    "network", [Expression(["a", "b"], ["x"], "a*abs(b)*x"), TwoLayer(1, 1, Activation(F(0), 1))]
)
def test_an_argument_that_is_exactly_zero_leaves_both_branches_open(network):
    at = box_function(Correlation(network, *ONE))(MidRad.exact(np.array([[1.0, 0.0], [0.0, 1.0]])), True)
    row, place, low = (0, 1, -1) if isinstance(network, Expression) else (1, 0, 0)
    slope = at.gradient[row][place]
    assert float(slope.lower()) <= low and float(slope.upper()) >= 1
    assert not at.regular[row] and at.regular[1 - row]


@pytest.mark.parametrize(
    ("text", "w", "is_zero"),
    [
        ("u1*abs(u2)", (1, 0), True),
        ("u1*(abs(u2) + 2*u2)", (1, 0), False),
        ("u1*relu(u2)", (1, 0), True),
        ("u1*(relu(u2) + u2)", (1, 0), False),
        ("u1*u2", (1, 0), False),
        ("u1*max(u2, u3) + u1*min(u2, -u3)", (1, 0, 0), True),
    ],
)
def test_zero_is_a_clarke_gradient_where_the_branches_surround_it(text, w, is_zero):
    network = Expression([f"u{i + 1}" for i in range(len(w))], ["x"], f"({text})*x")
    assert zero_is_gradient(Correlation(network, *ONE), tuple(map(F, w))) is is_zero


def test_a_product_behind_kinks_that_cancel_has_no_flat_point():
    found = kkt_set(problem_of("u1*(relu(u2) - relu(-u2))"))
    assert (
        found.complete and sorted(point.kind for point in found.points) == ["maximum"] * 2 + ["minimum"] * 2
    )
    assert all(c.square().contains(F(1, 2)) for point in found.points for c in point.point)


def test_a_flat_point_on_a_kink_is_listed_and_one_that_is_none_is_not():
    found = kkt_set(problem_of("u1*abs(u2)"))
    (flat,) = (point for point in found.points if point.continuum)
    assert found.complete and flat.direction == (1, 0)
    # The slopes 3 and 1 of 2 u2 + |u2| do not surround 0: no flat point, and this is proved by cutting the
    # boxes.
    steep = kkt_set(problem_of("u1*(abs(u2) + 2*u2)"))
    assert steep.complete and len(steep.points) == 4 and not any(point.continuum for point in steep.points)


@pytest.mark.parametrize(
    ("text", "values"), [("u*abs(u)", (1, -1)), ("u**2", (1, 1)), ("relu(u)**3", (1, 0))]
)
def test_one_weight_has_its_two_points(text, values):
    found = kkt_set(problem_of(text, "u"))
    assert found.complete and found.of == "all weights" and len(found.points) == 2
    assert all(point.value.contains(value) for point, value in zip(found.points, values, strict=True))
    assert found.n_max.contains(max(values)) and found.n_min.contains(min(values))


def factor(draw: random.Random, names: list[str]) -> str:
    terms = [f"({draw.choice([-2, -1, 1, 2])})*{name}" for name in names if draw.random() < 0.7]
    a, b = ("+".join(terms) or names[0]), draw.choice(names)
    return draw.choice([f"({a})", f"abs({a})", f"relu({a})", f"max({a}, {b})", f"(relu({a}) - relu({b}))"])


@pytest.mark.parametrize("seed", range(8))
def test_on_the_circle_no_change_of_sign_of_the_slope_is_missing_from_complete_lists(seed):
    draw = random.Random(seed)
    problem = problem_of("*".join(factor(draw, ["u1", "u2"]) for _ in range(2)))
    found = kkt_set(problem, 20, Budget(boxes=2000, starts=1))
    if not found.complete:
        return
    network, X = problem.network, np.array([[F(1)]], dtype=object)
    angles = np.linspace(0.0, 2 * np.pi, 1001) + 0.00123
    circle = [np.array([F(float(np.cos(t))), F(float(np.sin(t)))], dtype=object) for t in angles]
    listed = [[float(c.mid()) for c in point.point] for point in found.points]
    slopes = [
        g[1] * u[0] - g[0] * u[1]
        for u in circle
        for g in [network.pullback(network.forward(EXACT, u, X), X[0])]
    ]
    for (u, before), (v, after) in itertools.pairwise(zip(circle, slopes, strict=True)):
        if before * after < 0:
            middle = np.array([float(u[0] + v[0]) / 2, float(u[1] + v[1]) / 2])
            near = any(np.linalg.norm(middle - point) < 0.01 for point in listed)
            assert near or any(point.continuum for point in found.points)
