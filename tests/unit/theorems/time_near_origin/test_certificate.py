"""Certificates of the time near the origin: made, accepted, true at exact points, and refused where they
promise more.
"""

import copy
import json
import random
from fractions import Fraction

import numpy as np
import pytest
from written import time_certificate

from certflow.arithmetic.base import EXACT
from certflow.certificates import canonical_text, sha256
from certflow.checker import check_text
from certflow.checker.registry import sentences
from certflow.checker.time_near_origin.rules import TIME_ASSUMPTIONS
from certflow.kkt.enumerate import kkt_set
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.time_near_origin.claim import ASSUMPTIONS

SQUARED, LINEAR = Activation(Fraction(0), 2), Activation(Fraction(1), 1)
X = [["1", "0"], ["3/5", "4/5"], ["0", "-1"]]
Y = ["1", "-2", "1"]
DEEP = FeedForward([1, 1, 1, 1], SQUARED, trained=[1, 3], given={2: [[2]]})
PROBLEMS = {
    "planar": Problem(OneLayer(2, 3, SQUARED, signs=[1, -1, 1]), X, Y, direction=[1, 2, 3, 4, 5, 6]),
    "two layers": Problem(TwoLayer(2, 2, SQUARED), X, Y, direction=[1, 2, 3, 4, 5, 6]),
    "cover": Problem(
        OneLayer(3, 1, SQUARED),
        [["1", "0", "1"], ["0", "1", "-1"], ["1", "1", "2"]],
        ["1", "-1", "2"],
        direction=[1, 2, 3],
    ),
    "deep": Problem(DEEP, [["1"], ["-2"]], ["1", "1"], direction=[1, 2]),
    "linear": Problem(FeedForward([2, 2, 2, 1], LINEAR), X, Y, direction=range(1, 11)),
}


def verdict(content):
    content = copy.deepcopy(content)
    content["problem_sha256"] = content["claim"]["problem_sha256"] = sha256(
        canonical_text(content["problem"])
    )
    content.pop("sha256", None)
    return check_text(canonical_text({**content, "sha256": sha256(canonical_text(content))}))


@pytest.fixture(scope="module")
def planar():
    return json.loads(time_certificate(PROBLEMS["planar"], kkt_set(PROBLEMS["planar"])))


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("planar", "kkt-points"),
        ("two layers", "kkt-points"),
        ("cover", "kkt-points"),
        ("linear", "norms"),
        ("deep", None),
    ],
)
def test_the_bound_is_accepted_and_true(name, method):
    problem = PROBLEMS[name]
    content = json.loads(time_certificate(problem, None if name == "linear" else kkt_set(problem)))
    answer = verdict(content)
    assert (answer.verdict, answer.reason) == ("accepted", "")
    assert (
        answer.assumptions == TIME_ASSUMPTIONS == ASSUMPTIONS
        and len(sentences(answer.claim, answer.problem)) == 1
    )
    assert method in (None, answer.claim["method"])
    bound, draw = Fraction(answer.claim["n_max_upper"]), random.Random(0)
    for _ in range(60):
        w = np.array([Fraction(draw.randint(-9, 9)) for _ in range(problem.network.size)], dtype=object)
        N = sum(z * h for z, h in zip(problem.z, problem.network.outputs(EXACT, w, problem.X), strict=True))
        assert max(N, 0) ** 2 <= bound**2 * sum(v * v for v in w) ** problem.order


@pytest.mark.parametrize("name", ["planar", "cover", "linear"])
@pytest.mark.parametrize(("x", "y"), [("7e11", "1e-80"), ("1e-9", "3"), ("2e90", "1")])
def test_data_of_any_size_have_the_bound_of_data_near_one(name, x, y):
    problem = PROBLEMS[name]
    other = Problem(
        problem.network, problem.X * Fraction(x), problem.y * Fraction(y), direction=problem.direction
    )
    bounds = []
    for each in (problem, other):
        found = check_text(time_certificate(each, kkt_set(each)))
        assert (found.verdict, found.reason) == ("accepted", "")
        bounds.append(Fraction(found.claim["n_max_upper"]))
    factor = Fraction(x) ** problem.network.activation.power ** (problem.network.depth - 1) * Fraction(y)
    assert Fraction(99, 100) * factor * bounds[0] <= bounds[1] <= Fraction(101, 100) * factor * bounds[0]


def test_a_given_output_layer_in_units_counts_in_full():
    network = FeedForward([3, 1, 1], SQUARED, [1], {2: [["1e-9"]]})
    X, y = PROBLEMS["cover"].X, PROBLEMS["cover"].y
    problem = Problem(network, X * 10**6, y, direction=[1, 2, 3])
    found = check_text(time_certificate(problem, kkt_set(problem)))
    assert (found.verdict, found.claim["method"]) == ("accepted", "kkt-points")
    alone = Problem(OneLayer(3, 1, SQUARED), X, y, direction=[1, 2, 3])
    bound = check_text(time_certificate(alone, kkt_set(alone))).claim["n_max_upper"]
    assert abs(Fraction(found.claim["n_max_upper"]) - 1000 * Fraction(bound)) < Fraction(bound)


def test_norms_are_enough_where_there_is_no_list():
    content = json.loads(time_certificate(PROBLEMS["planar"], None))
    assert content["claim"]["method"] == "norms" and verdict(content).verdict == "accepted"


FORGERIES = {
    "a smaller bound": lambda c: c["claim"].update(
        n_max_upper=str(Fraction(c["claim"]["n_max_upper"]) * Fraction(99, 100))
    ),
    "a bound of zero": lambda c: c["claim"].update(n_max_upper="0"),
    "another order": lambda c: c["claim"].update(order=3),
    "a missing point": lambda c: c["evidence"][0]["points"].pop(0),
    "a lower value": lambda c: c["evidence"][0]["points"][0].update(value=["0", "0"]),
    "a partial list": lambda c: c["evidence"][0].update(kkt_status="partial"),
    "another method": lambda c: c["claim"].update(method="norms"),
    "a dead cone": lambda c: c["evidence"][0].update(dead_cone=True),
    "larger labels": lambda c: c["problem"]["data"].update(y=["2", "-4", "2"]),
    "larger outputs": lambda c: c["problem"]["network"].update(signs=[1, 1, 1]),
    "no evidence": lambda c: c.update(evidence=[]),
    "delta_bar": lambda c: c["claim"].update(delta_bar="1"),
}


@pytest.mark.parametrize("name", sorted(FORGERIES))
def test_forged_times_are_refused(name, planar):
    content = copy.deepcopy(planar)
    FORGERIES[name](content)
    assert content != planar
    answer = verdict(content)
    assert answer.verdict in ("refused", "malformed"), answer


def test_neurons_that_flow_down_count_with_the_minimum():
    up = PROBLEMS["planar"]
    down = Problem(OneLayer(2, 1, SQUARED, signs=[-1]), X, Y, direction=[1, 2])
    both = [
        Fraction(json.loads(time_certificate(each, kkt_set(each)))["claim"]["n_max_upper"])
        for each in (up, down)
    ]
    values = [point.value for point in kkt_set(down).points]
    assert max(-value.lower() for value in values) <= both[1] <= both[0]


def test_a_partial_list_bounds_nothing():
    problem = PROBLEMS["cover"]
    content = json.loads(time_certificate(problem, kkt_set(problem)))
    listed, vectors = content["evidence"]
    highest = max(range(len(listed["points"])), key=lambda k: Fraction(listed["points"][k]["value"][1]))
    del listed["points"][highest], vectors[highest]
    listed.update(proof="points", kkt_status="partial", dead_cone=False, n_max_upper=None)
    answer = verdict(content)
    assert answer.verdict == "refused" and "kkt_status" in answer.where


def test_two_layers_rise_where_the_neuron_falls():
    """v n(w) is as large for v < 0 as -n is: a bound from the maximum of n alone would be false."""
    problem = Problem(TwoLayer(2, 1, SQUARED), X, ["-1", "-2", "-1"], direction=[1, 2, 3])
    content = json.loads(time_certificate(problem, kkt_set(problem)))
    assert content["claim"]["method"] == "kkt-points" and Fraction(content["claim"]["n_max_upper"]) > 0
    assert verdict(content).verdict == "accepted"
    content["claim"]["n_max_upper"] = "0"
    assert verdict(content).rule == "R14"
