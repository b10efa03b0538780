"""Certificates in units: the checker scales the exact problem itself, and believes no claim that other units
would prove.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from certflow import exact
from certflow.checker import check_text
from certflow.checker.kernel import problem, reading
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Malformed
from certflow.outcome import BadInput
from certflow.theorems.early_direction import prove as convergence

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
    from malformations import UNITS
    from verdicts import recorded, words
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()
SCALED = sorted(path.stem for path in (FOLDER / "accept").glob("scaled-*.json"))


def verdict(content):
    return check_text(sealed(content))


@pytest.mark.parametrize("by", [1, -1])
@pytest.mark.parametrize("name", SCALED)
def test_units_that_lie_are_refused(name, by):
    places = [("inputs",), ("labels",), *(("given", layer) for layer in accepted(name)["units"]["given"])]
    for *path, last in places:
        content = accepted(name)
        if last == "labels" and content["problem"]["loss"]["kind"] == "logistic":
            continue
        table = content["units"]
        for key in path:
            table = table[key]
        table[last] += by
        assert verdict(content).verdict == "refused", last


@pytest.mark.parametrize("name", SCALED)
def test_evidence_in_units_proves_nothing_without_them(name):
    content = accepted(name)
    del content["units"]
    assert verdict(content).verdict != "accepted"


@pytest.mark.parametrize(
    ("name", "inputs", "labels"), [("scaled-two-neurons", 2, -4), ("scaled-two-layer", -1, 2)]
)
def test_units_in_which_n_is_the_same_prove_the_same_claim(name, inputs, labels):
    # Both networks have power 2: outputs times 2^-4 and labels times 2^4 leave N as it is, and only move the
    # unit of w.
    content = accepted(name)
    content["units"]["inputs"] += inputs
    content["units"]["labels"] += labels
    assert verdict(content).verdict == "accepted"


def test_units_of_zero_are_no_units():
    content = accepted("one-neuron")
    content["units"] = {"inputs": 0, "labels": 0, "given": {}}
    assert verdict(content).verdict == "accepted"


def test_a_layer_of_signs_may_have_a_unit_too():
    # s_j sigma(u_j . x): outputs over 2^4 by the layer of signs, times 2^4 by the inputs.
    content = accepted("scaled-two-neurons")
    content["units"]["inputs"] -= 2
    content["units"]["given"] = {"2": 4}
    assert verdict(content).verdict == "accepted"


@pytest.mark.parametrize("name", sorted(UNITS))
def test_units_that_are_none_are_malformed(name):
    content = accepted("scaled-given-layers")
    content["units"] = UNITS[name](content["units"])
    found = verdict(content)
    assert found.verdict == "malformed" and words(found) == RECORDED["units", name]


def test_claims_of_extreme_problems_hold_extreme_numbers():
    claim = json.loads((FOLDER / "accept" / "scaled-two-layer.json").read_text(encoding="ascii"))["claim"]
    assert Fraction(claim["delta_bar"]) > 10**15


def test_prover_and_checker_read_numbers_of_the_same_length():
    assert reading.MAX_DIGITS == exact.MAX_DIGITS
    assert problem.MAX_BITS == convergence.MAX_BITS
    longest = "9" * exact.MAX_DIGITS
    for text in (longest, f"-1/{longest}", f"-{longest}/1{longest[:-2]}"):
        assert Node(text, "here").rational() == exact.number(text)
        assert exact.format_rational(exact.number(text)) == text
    with pytest.raises(Malformed):
        Node(f"{longest}9", "here").rational()
    with pytest.raises(BadInput, match="at most 4000 digits"):
        exact.number(f"{longest}9")
