"""Certificates of the limit flow: made from proved theorems, accepted, and refused once anything in them is
stronger.
"""

import copy
import json
from fractions import Fraction
from pathlib import Path

import pytest
from written import basin_certificate

from certflow.certificates import canonical_text, sha256
from certflow.checker import check_text
from certflow.checker.basin.rules import BASIN_ASSUMPTIONS
from certflow.checker.registry import sentences
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.problem import Problem
from certflow.theorems.basin.claim import ASSUMPTIONS
from certflow.theorems.early_direction.prove import certify

CORPUS = Path(__file__).parents[3] / "certificates" / "accept"
SQUARED = Activation(Fraction(0), 2)
X = [["1", "0"], ["3/5", "4/5"], ["0", "1"]]


def content_of(problem, **options):
    return json.loads(basin_certificate(certify(problem, "1/20", **options)))


def verdict(content):
    content = copy.deepcopy(content)
    content.pop("sha256", None)
    return check_text(canonical_text({**content, "sha256": sha256(canonical_text(content))}))


NEURONS = Problem(
    OneLayer(2, 3, SQUARED), X, ["1", "2", "1"], direction=["1", "1/2", "1/3", "1", "-1", "-1/2"]
)
JOINT = Problem(TwoLayer(2, 1, SQUARED), X, ["1", "2", "1"], direction=["1", "1/2", "1"])
FALLING = Problem(OneLayer(2, 1, Activation(Fraction(1), 2)), X, ["-1", "-2", "-1"], direction=["1", "1/2"])


@pytest.mark.parametrize(
    ("problem", "outcomes"),
    [(NEURONS, ["converges", "converges", "dead"]), (JOINT, ["converges"]), (FALLING, ["shrinks"])],
)
def test_the_limit_flow_of_every_outcome_is_accepted(problem, outcomes):
    content = content_of(problem, start_angle="1/10000")
    answer = verdict(content)
    assert (answer.verdict, answer.reason) == ("accepted", "")
    assert answer.assumptions == BASIN_ASSUMPTIONS == ASSUMPTIONS
    blocks = answer.claim["blocks"]
    assert [block["outcome"] for block in blocks] == outcomes
    assert len(sentences(answer.claim, answer.problem)) == 1 + len(blocks)


def test_a_block_of_zeros_has_no_limit_and_stays():
    problem = Problem(OneLayer(2, 2, SQUARED), X, ["1", "2", "1"], direction=["1", "1/2", "0", "0"])
    answer = verdict(content_of(problem))
    assert (answer.verdict, answer.reason) == ("accepted", "")
    still = answer.claim["blocks"][1]
    assert (still["outcome"], still["horizon"]) == ("zero", None)
    assert "zero" in sentences(answer.claim, answer.problem)[2]


def block(content, change, k=0):
    content["claim"]["blocks"][k].update(change(content["claim"]["blocks"][k]))


def halved(text):
    return str(Fraction(text) / 2)


FORGERIES = {
    "a smaller angle": lambda c: block(c, lambda b: {"angle_at_horizon": halved(b["angle_at_horizon"])}),
    "an earlier horizon": lambda c: block(c, lambda b: {"horizon": halved(b["horizon"])}),
    "a wider start": lambda c: c["claim"].update(start_angle="1/5"),
    "another outcome": lambda c: block(c, lambda b: {"outcome": "converges"}, 2),
    "a dead block's value": lambda c: block(c, lambda b: {"value": ["0", "1"]}, 2),
    "another point": lambda c: block(
        c, lambda b: {"kkt_point": {**b["kkt_point"], "centre": b["kkt_point"]["centre"][::-1]}}
    ),
    "no radius": lambda c: block(c, lambda b: {"kkt_point": {**b["kkt_point"], "radius": "0"}}),
    "a radius beyond the trap": lambda c: block(
        c, lambda b: {"kkt_point": {**b["kkt_point"], "radius": "1"}}
    ),
    "a larger value": lambda c: block(c, lambda b: {"value": ["1", "2"]}),
    "a larger gap": lambda c: block(c, lambda b: {"gap": ["100", "200"]}),
    "another start": lambda c: c["problem"].update(direction=["1", "-1/2", "1/3", "1", "-1", "-1/2"]),
    "a neuron that is alive": lambda c: c["problem"].update(direction=["1", "1/2", "1/3", "1", "1", "1/2"]),
    "a dropped window": lambda c: c["groups"][0]["windows"].pop(),
    "an order": lambda c: c["claim"].update(order=3),
    "a block too few": lambda c: c["claim"]["blocks"].pop(),
    "a negative start angle": lambda c: c["claim"].update(start_angle="-1/10"),
}


@pytest.mark.parametrize("name", sorted(FORGERIES))
def test_forged_basins_are_refused(name, basin_of_neurons):
    content = copy.deepcopy(basin_of_neurons)
    FORGERIES[name](content)
    digest = sha256(canonical_text(content["problem"]))
    content["problem_sha256"] = content["claim"]["problem_sha256"] = digest
    answer = verdict(content)
    assert answer.verdict in ("refused", "malformed") and answer.rule and answer.where, answer


@pytest.fixture(scope="module")
def basin_of_neurons():
    return content_of(NEURONS)


def test_a_direction_that_is_not_yet_inside_its_trap_is_refused():
    content = content_of(JOINT)
    content["groups"][0]["trap"].pop("smaller", None)
    content["groups"][0]["trap"]["r0"] = "1*2^-30"
    answer = verdict(content)
    assert (answer.verdict, answer.rule) == ("refused", "R13") and "inside its trap" in answer.reason


def test_a_living_group_that_is_called_dead_is_refused(basin_of_neurons):
    content = copy.deepcopy(basin_of_neurons)
    content["groups"][0].update(outcome="dead", trap=None)
    nothing = dict.fromkeys(("kkt_point", "value", "gap", "angle_at_horizon"))
    content["claim"]["blocks"][0].update(outcome="dead", **nothing)
    answer = verdict(content)
    assert (answer.verdict, answer.rule) == ("refused", "R5") and "not proved dead" in answer.reason


def test_what_is_no_such_certificate_is_malformed(basin_of_neurons):
    for change in (
        lambda c: c["claim"].update(delta_bar="1"),
        lambda c: c["claim"]["blocks"][0].pop("gap"),
        lambda c: c.update(assumptions=["trust"]),
        lambda c: c.pop("groups"),
        lambda c: c["claim"].update(start_angle="0.1"),
    ):
        content = copy.deepcopy(basin_of_neurons)
        change(content)
        assert verdict(content).verdict == "malformed"


def test_an_early_direction_is_no_basin_by_its_name(basin_of_neurons):
    content = json.loads((CORPUS / "one-neuron.json").read_text(encoding="ascii"))
    content["claim"]["statement"] = "basin"
    assert verdict(content).verdict == "malformed"
