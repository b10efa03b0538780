"""Certificates of neurons that fade, and their attacks: each condition of the rule is violated once."""

import json
import sys
from pathlib import Path

import pytest

from certflow.checker import check_file, check_text

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
    from fades_attacks import ATTACKS
    from verdicts import recorded, words
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()


def test_the_corpus_has_every_kind_of_fading():
    contents = {name: accepted(name) for name in ATTACKS}
    assert all(content["groups"][0]["outcome"] == "fades" for content in contents.values())
    assert {content["problem"]["loss"]["kind"] for content in contents.values()} == {"square", "logistic"}
    assert any(not content["groups"][0]["windows"] for content in contents.values())
    assert contents["fades-at-start"]["claim"]["radius"] is None
    assert contents["fades-null-space"]["problem"]["network"]["activation"]["alpha"] == "-1/3"


@pytest.mark.parametrize(
    ("name", "attack"), [(name, attack) for name in ATTACKS for attack in sorted(ATTACKS[name])]
)
def test_attacks_on_fading_neurons_are_refused(name, attack):
    content = accepted(name)
    ATTACKS[name][attack](content)
    assert content != accepted(name)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "refused" and words(verdict) == RECORDED[f"attacks on {name}", attack]


def test_only_a_block_that_fades_has_a_direction():
    content = accepted("fades")
    content["claim"]["blocks"][1]["direction"] = ["1", "0"]
    assert check_text(sealed(content)).verdict == "malformed"
    content = accepted("fades")
    del content["claim"]["blocks"][0]["direction"]
    assert check_text(sealed(content)).verdict == "malformed"


@pytest.mark.parametrize("direction", [["0"], ["0", "-1", "0"], [0, -1], ["0", "-0.5"], None])
def test_a_direction_has_a_rational_per_weight(direction):
    content = accepted("fades-at-start")
    content["groups"][0]["ending"]["direction"] = direction
    assert check_text(sealed(content)).verdict == "malformed"


@pytest.mark.parametrize("length", ["7/3", "1/1000000007"])
def test_directions_count_not_lengths(length):
    content = accepted("fades-at-start")
    v = ["0", f"-{length}"]
    content["groups"][0]["ending"]["direction"] = content["claim"]["blocks"][0]["direction"] = v
    assert check_text(sealed(content)).verdict == "accepted"


def test_the_files_are_whole():
    for name in ATTACKS:
        path = FOLDER / "accept" / f"{name}.json"
        assert json.loads(path.read_bytes()) == accepted(name) and check_file(path).verdict == "accepted"
