"""Inputs, labels, given layers and directions times any factor: the same theorem in other units.

Powers of two change nothing but the units, byte for byte; other factors may cost what a search that stops
within a few percent costs. What each number is multiplied by is L5.8.
"""

import json
import math
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from soundness.random_problems import random_problem

from certflow.checker import check_text
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.early_direction.certificate import certificate_text
from certflow.theorems.early_direction.prove import Certified, certify
from certflow.units import normalised

EPSILON = Fraction(1, 50)
# Of nearly every family, both losses, dead and shrinking blocks.
BASES = (
    ("one-layer", 0),
    ("one-layer", 42),
    ("one-layer cubed", 44),
    ("two-layer", 40),
    ("two-layer", 42),
    ("two-layer linear", 41),
    ("untrained below", 0),
    ("trained below", 11),
)


def scaled(
    problem: Problem, x: Fraction, y: Fraction, given: Fraction = Fraction(1), w: Fraction = Fraction(1)
) -> Problem:
    """Inputs times x, labels times y, every given layer times `given`, the direction times w."""
    network = problem.network
    if not isinstance(network, OneLayer | TwoLayer):
        matrices = {layer: given * matrix for layer, matrix in network.given.items()}
        network = FeedForward(network.widths, network.activation, network.trained, matrices)
    X, labels = [[x * v for v in row] for row in problem.X], [y * v for v in problem.y]
    return Problem(network, X, labels, problem.loss, direction=[w * v for v in problem.direction])


@cache
def base(family: str, seed: int) -> tuple[Problem, Certified, dict]:
    """A problem in units near 1, what is proved of it, and its certificate."""
    problem = random_problem(family, seed)
    problem = Problem(*_parts(normalised(problem)[0]))
    found = certify(problem, EPSILON)
    assert found.claim, found.reason
    return problem, found, certificate(problem, found)


def _parts(problem: Problem) -> tuple:
    return problem.network, problem.X, problem.y, problem.loss, problem.direction


def certificate(problem: Problem, found: Certified) -> dict:
    text = certificate_text(problem, found.evidence, found.claim)
    verdict = check_text(text)
    assert verdict.verdict == "accepted", verdict
    return json.loads(text)


def number(text: str) -> Fraction:
    return Fraction(text)


def factors(problem: Problem, x: Fraction, y: Fraction, given: Fraction) -> tuple[Fraction, Fraction]:
    """(c kappa, c / kappa): what values of N and what ‖w‖^L are multiplied by."""
    network = problem.network
    p, depth = network.activation.power, network.depth
    own = {} if isinstance(network, OneLayer | TwoLayer) else network.given
    kappa = x**p ** (depth - 1) * math.prod((given**p ** (depth - layer) for layer in own), start=Fraction(1))
    return y * kappa, y / kappa


@settings(max_examples=4)
@given(st.sampled_from(BASES), *[st.integers(-500, 500)] * 4)
@example(("one-layer", 0), 500, -500, 0, 0)
@example(("two-layer", 40), -500, 500, 0, 500)
@example(("trained below", 11), 100, 500, -500, -500)
def test_powers_of_two_change_nothing_but_the_units(name, x, y, given, w):
    problem, found, certified = base(*name)
    y = y if problem.loss.kind == "square" else 0
    two = Fraction(2)
    other = scaled(problem, two**x, two**y, two**given, two**w)
    again = certify(other, EPSILON)
    assert (again.outcome, again.reason) == (found.outcome, found.reason)
    content = certificate(other, again)
    assert content["groups"] == certified["groups"]
    assert content["grid"] == certified["grid"]
    rate, mass = factors(problem, two**x, two**y, two**given)
    assert_rescaled(found.claim.to_json(), again.claim.to_json(), rate, mass, problem.order)


def assert_rescaled(first: dict, second: dict, rate: Fraction, mass: Fraction, L: int) -> None:
    """Every number by its law, exactly; delta_bar and R too if their factor is a power of two, else a little
    below.
    """
    same = {key: first[key] for key in ("order", "epsilon", "start_angle", "growth")}
    assert {key: second[key] for key in same} == same
    by = {
        "scaled_time": 1 / rate,
        "n_lower": rate,
        "n_upper": rate,
        "n_max_upper": rate,
        "start_time": 1 / rate,
    }
    by |= {"value": rate, "gap": rate, "horizon": 1 / rate, "floor": 1 / mass}

    def compare(a, b, key=""):
        if isinstance(a, dict):
            assert set(a) == set(b)
            for each in a:
                compare(a[each], b[each], each)
        elif isinstance(a, list):
            for mine, theirs in zip(a, b, strict=True):
                compare(mine, theirs, key)
        elif isinstance(a, str) and key in by:
            assert number(b) == number(a) * by[key], key
        else:
            assert a == b, key

    by_roots = ("delta_bar", "radius", "problem_sha256")
    compare(*({key: claim[key] for key in claim if key not in by_roots} for claim in (first, second)))
    exact = round(math.log2(mass.numerator) - math.log2(mass.denominator)) % L == 0
    for key in ("delta_bar", "radius"):
        if first[key] is None:
            assert second[key] is None
            continue
        ratio = (number(second[key]) / number(first[key])) ** L / mass
        assert ratio <= 1
        assert ratio == 1 if exact else ratio > (1 - Fraction(1, 10**6)) ** L


@pytest.mark.parametrize(
    "name", [("one-layer", 42), ("one-layer", 45), ("two-layer", 40), ("two-layer linear", 43)]
)
@pytest.mark.parametrize(("x", "y"), [("3", "1"), ("1e-9", "7e11"), ("7e11", "3")])
def test_other_factors_cost_a_few_percent_at_most(name, x, y):
    problem, found, _ = base(*name)
    x, y = Fraction(x), Fraction(y) if problem.loss.kind == "square" else Fraction(1)
    other = scaled(problem, x, y)
    again = certify(other, EPSILON)
    assert again.outcome == found.outcome
    certificate(other, again)
    _, mass = factors(problem, x, y, Fraction(1))
    ratio = (again.claim.delta_bar / found.claim.delta_bar) ** problem.order / mass
    assert Fraction(9, 10) ** problem.order <= ratio <= Fraction(11, 10) ** problem.order


def one_neuron(X, y, loss="square") -> Problem:
    return Problem(OneLayer(2, 1, Activation(Fraction(0), 2)), X, y, loss, direction=["1", "1/5"])


# Beyond doubles, with squares beyond doubles, and with as many digits as are read.
EXTREME = {
    "inputs of 1e155": one_neuron([["1e155", "0"], ["0", "1"]], ["1", "2"]),
    "inputs of 1e9, logistic": one_neuron([["1e9", "0"], ["0", "1"]], ["1", "-1"], "logistic"),
    "inputs of 1e-400": one_neuron([["1e-400", "0"], ["0", "2e-400"]], ["1", "-1"], "logistic"),
    "labels of 1e700": one_neuron([["1", "0"], ["0", "1"]], ["1e700", "-2e700"]),
    "labels of 3,900 digits": one_neuron([["1", "0"], ["0", "1"]], ["7" * 3900, "-" + "3" * 3900]),
}


@pytest.mark.parametrize("name", sorted(EXTREME))
def test_exact_numbers_beyond_doubles_are_proved(name):
    found = certify(EXTREME[name])
    assert found.outcome == "proved", found.reason
    certificate(EXTREME[name], found)


def test_numbers_that_are_too_long_together_are_named():
    problem = one_neuron([[f"1/{10**3700 + 1}", "0"], ["0", f"1/{10**3699 + 3}"]], ["1", "-1"], "logistic")
    assert "data.X: the numbers have" in certify(problem).reason


def test_a_theorem_that_cannot_be_written_is_no_theorem():
    problem = scaled(random_problem("one-layer cubed", 44), Fraction(10) ** 1300, Fraction(10) ** 1300)
    found = certify(problem, EPSILON)
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert "more than 4000 digits" in found.reason
