"""The parts of expressions: bounds over all directions, where they are silent, and the cost of kinks."""

from fractions import Fraction

import numpy as np
import pytest

from certflow.arithmetic.base import EXACT
from certflow.arithmetic.midpoint_radius import MIDRAD, MidRad
from certflow.arithmetic.polynomials import POLYNOMIALS, PolynomialArray
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import silent_room
from certflow.networks.expression import Expression
from certflow.outcome import Inconclusive
from certflow.problem import Problem

X = [["1", "2"], ["-1/3", "1"], ["0", "-2"]]
SPLIT = "max(u*x + v*y, 0)**2 - 2*min(a*x - b*y, 0)**2 + a*b*x"
WHOLE = "u*max(v*x - u*y, 0)**2 + abs(a)**3*y - b**3"


def problem(text, direction=("1", "2", "-1", "1/2")):
    network = Expression(["u", "v", "a", "b"], ["x", "y"], text)
    return Problem(network, X, ["1", "-1/2", "3"], direction=list(direction))


def unit_weights(count, size, seed=0):
    draw = np.random.default_rng(seed)
    for _ in range(count):
        w = np.array([Fraction(int(v), 100) for v in draw.integers(-100, 101, size)], dtype=object)
        if any(w):
            yield w, sum(v * v for v in w)


def test_outputs_at_unit_weights_are_bounded():
    given = problem(SPLIT)
    for block in given.blocks:
        parts = parts_of(given, (block,))
        beta, steepest = parts.output_bounds(), Fraction(parts.steepest())
        for w, square in unit_weights(50, 2):
            outputs = parts.own.outputs(EXACT, w, parts.X)
            assert all(abs(h) <= Fraction(float(b)) * square for h, b in zip(outputs, beta, strict=True))
            assert 2 * sum(outputs * given.z) <= steepest * square


def test_outputs_of_the_whole_are_bounded_on_the_box():
    given = problem(WHOLE)
    parts = parts_of(given, (tuple(range(4)),))
    for w, square in unit_weights(50, 4):
        bound = [Fraction(float(b)) ** 2 * square**3 for b in parts.largest_outputs()]
        outputs = parts.own.outputs(EXACT, w, parts.X)
        assert all(h * h <= b for h, b in zip(outputs, bound, strict=True))


def test_an_expression_is_silent_where_no_sample_gives_a_gradient():
    given = problem("max(u*x**2, 0)**2*y - max(v, 0)**2*x + a*b*x")
    parts = parts_of(given, (given.blocks[0],))
    assert silent_room(parts, ((-(2**30),),), 30) > 0
    assert silent_room(parts, ((2**30,),), 30) == 0


def test_the_cost_of_an_overlap_contains_the_true_function():
    given = problem(WHOLE)
    parts = parts_of(given, (tuple(range(4)),))
    N = parts.wide(np.zeros(1, dtype=int), overlap=True)
    # v x - u y = 0 for y = 1/8 on the first sample: its side is left within the piece.
    rows = [[Fraction(1, 2), 0], [Fraction(7, 8), 1], [-1, 2], [1, 0]]
    table = np.array([[Fraction(v) for v in row] for row in rows], dtype=object).T
    at = N.at(POLYNOMIALS, PolynomialArray(MIDRAD.array(table[:, None, :])), select=parts.select)
    for k in range(9):
        y = Fraction(k, 8)
        w = table[0] + y * table[1]
        exact = parts.N.gradient(EXACT, w)
        found = at.gradient[0].at(float(y), float(y))
        for value, a, b in zip(exact, found.lower(), found.upper(), strict=True):
            assert Fraction(float(a)) <= value <= Fraction(float(b))


def test_parts_that_the_checker_does_not_evaluate_are_refused():
    names = [f"u{i}" for i in range(401)]
    network = Expression(names, ["x"], "(" + " + ".join(names) + ")**2*x")
    given = Problem(network, [["1"]], ["1"], seed=0)
    with pytest.raises(Inconclusive, match="at most 400"):
        parts_of(given, (tuple(range(401)),))


def test_entries_are_weight_vectors():
    given = problem(SPLIT)
    parts = parts_of(given, (given.blocks[1],))
    w = MidRad.exact(np.array([[1.0, 2.0], [-1.0, 0.5], [0.25, -3.0]]))
    at = parts.wide(np.arange(3)).at(MIDRAD, parts.flat(w))
    assert parts.jacobians(at, 3).shape == (3, 3, 2) and parts.hessians(at, 3).shape == (3, 2, 2)
    assert parts.outputs(at).shape == (3, 3) and parts.unflat(at.gradient, 3).shape == (3, 2)
    for k, row in enumerate(w.mid):
        exact = parts.N.gradient(EXACT, np.array([Fraction(v) for v in row], dtype=object))
        assert all(abs(float(a) - b) < 1e-12 for a, b in zip(exact, at.gradient.mid[k], strict=True))
