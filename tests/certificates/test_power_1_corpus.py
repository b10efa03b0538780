"""Certificates of networks of power 1: the accepted ones, their attacks, and random changes of any number in
them.
"""

import random
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from certflow.checker import check_file, check_text
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.power_1.rules import ASSUMPTIONS

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
    from power_1_attacks import ATTACKS
    from verdicts import recorded, words
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()
NAMES = sorted(path.stem for path in (FOLDER / "accept").glob("power-1-*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_theorems_of_power_1_are_accepted(name):
    verdict = check_file(FOLDER / "accept" / f"{name}.json")
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert verdict.claim["statement"] == "early-direction-power-1" and verdict.assumptions == ASSUMPTIONS


def test_the_corpus_has_every_outcome():
    contents = [accepted(name) for name in NAMES]
    neurons = [neuron for content in contents for neuron in content["evidence"][0]["neurons"]]
    outcomes = "converges shrinks stops vanishes dead zero followed branches inconclusive"
    assert " ".join(sorted({neuron["outcome"] for neuron in neurons})) == " ".join(sorted(outcomes.split()))
    pieces = [piece for neuron in neurons for piece in neuron["pieces"]]
    assert max(len(piece["slides"]) for piece in pieces) > 1 and any(piece["on"] for piece in pieces)
    assert {content["problem"]["loss"]["kind"] for content in contents} == {"square", "logistic"}
    assert {content["problem"]["network"]["activation"]["alpha"] for content in contents} >= {
        "0",
        "-1",
        "1/10",
    }
    assert any("units" in content for content in contents)
    assert any(content["claim"]["start_angle"] != "0" for content in contents)


@pytest.mark.parametrize(
    ("name", "attack"), [(name, attack) for name in ATTACKS for attack in sorted(ATTACKS[name])]
)
def test_attacks_on_theorems_of_power_1_are_refused(name, attack):
    content = accepted(name)
    ATTACKS[name][attack](content)
    assert content != accepted(name)
    verdict = check_text(sealed(content))
    assert not verdict.accepted and words(verdict) == RECORDED[f"attacks on {name}", attack]


@pytest.mark.parametrize("name", ["branches", "power-1-stopping"])
def test_what_is_being_checked_is_known(monkeypatch, name):
    steps = []
    enter = Clock.enter
    monkeypatch.setattr(
        Clock, "enter", lambda clock, rule, where: (steps.append((rule, where)), enter(clock, rule, where))[1]
    )
    content = accepted(name)
    assert check_text(sealed(content)).accepted
    neurons = [f"evidence[0].neurons[{j}]" for j in range(len(content["evidence"][0]["neurons"]))]
    first = [("R1", "file"), ("R1", "problem"), ("R9", "claim")]
    if name == "branches":
        own = [("Q2", "pieces"), ("Q9", "branch")]
        assert steps == first + [(rule, f"{node}.{part}") for node in neurons for rule, part in own]
        return
    first.append(("Q1", "evidence[0].norm_squared"))
    first += [step for node in neurons for step in (("Q2", node), ("Q3", f"{node}.pieces"), ("Q8", node))]
    blocks = [("R9", f"claim.blocks[{j}]") for j in range(len(neurons))]
    assert steps == [*first, ("Q7", "evidence[0].masses"), ("R9", "claim"), *blocks]


STAY = "it is not proved to stay within epsilon"
ABOVE, WINDOW = "it is not above the size at the horizon", "the window of a kink is longer than a segment"
REACHED = f"the last piece is not proved to be reached: {WINDOW}"
CONE, MASSES = "it may leave its cone before the radius is reached", "the masses of the neurons may be more"


@pytest.mark.parametrize(
    ("name", "key", "proved", "reason"),
    [
        ("power-1-stopping", "delta_bar", "1102/1000", ABOVE),
        ("power-1-stopping", "radius", "1638/1000", STAY),
        ("power-1-stopping", "epsilon", "898/1000", STAY),
        ("power-1-figure2", "delta_bar", "1378/1000", MASSES),
        (
            "power-1-figure2",
            "radius",
            "1495/1000",
            "it may not have vanished by the end of the table",
        ),
        ("power-1-figure2", "epsilon", "836/1000", STAY),
        ("power-1-ball", "delta_bar", "1286/1000", REACHED),
        ("power-1-ball", "radius", "1056/1000", CONE),
        ("power-1-ball", "epsilon", "843/1000", STAY),
        ("power-1-ball", "start_angle", "2680", MASSES),
        ("power-1-branching", "delta_bar", "1284/1000", REACHED),
        ("power-1-branching", "radius", "1054/1000", CONE),
        ("power-1-branching", "epsilon", "843/1000", STAY),
        ("power-1-vertex", "delta_bar", "1065/1000", ABOVE),
        ("power-1-vertex", "radius", "1750/1000", STAY),
        ("power-1-vertex", "epsilon", "878/1000", STAY),
        ("power-1-followed", "delta_bar", "5109/1000", ABOVE),
        ("power-1-followed", "epsilon", "685/1000", STAY),
        ("power-1-three-points", "delta_bar", "1031/1000", ABOVE),
        ("power-1-logistic", "delta_bar", "1063/1000", REACHED),
        ("power-1-logistic", "radius", "1551/1000", STAY),
        ("power-1-logistic", "epsilon", "427/1000", STAY),
    ],
)
def test_one_per_cent_more_than_the_largest_number_that_is_proved_is_refused(name, key, proved, reason):
    """Nothing else is claimed that depends on the number: it is the proof itself that ends there."""

    def verdict(factor):
        content = accepted(name)
        content["claim"][key] = str(Fraction(content["claim"][key]) * factor)
        content["claim"]["time_to_radius"] = None
        for block in content["claim"]["blocks"]:
            block |= dict.fromkeys(["law", "angle_at_horizon", "angle_at_radius"])
        return check_text(sealed(content))

    assert verdict(Fraction(proved)).accepted
    beyond = verdict(Fraction(proved) * (Fraction(99, 100) if key == "epsilon" else Fraction(101, 100)))
    assert (beyond.verdict, beyond.reason) == ("refused", reason)


def places(value, path=()):
    """The paths to all leaves of a JSON value."""
    if isinstance(value, dict | list):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        return [place for key, each in items for place in places(each, (*path, key))]
    return [path]


@pytest.mark.parametrize("seed", range(120))
def test_no_change_of_a_number_ends_without_a_verdict_with_a_reason(seed):
    rng = random.Random(seed)
    content = accepted(rng.choice(["power-1-stopping", "power-1-branching", "power-1-figure2"]))
    *path, last = rng.choice(places({"evidence": content["evidence"], "claim": content["claim"]}))
    place = content
    for key in path:
        place = place[key]
    old = place[last]
    number = Fraction(old) if isinstance(old, str) and old.replace("/", "").lstrip("-").isdigit() else None
    new = ["0", "-1", "1/3", "1" + "0" * 30, None, 7, [], {}, "x", True]
    new += (
        []
        if number is None
        else [str(number * Fraction(99, 100)), str(number * Fraction(101, 100)), str(-number)]
    )
    place[last] = rng.choice([each for each in new if repr(each) != repr(old)])
    verdict = check_text(sealed(content), time_limit=60)
    assert verdict.verdict in ("accepted", "refused", "malformed")
    assert verdict.accepted or (
        verdict.rule and verdict.where and "could not be completed" not in verdict.reason
    )
