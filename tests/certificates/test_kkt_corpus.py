"""Certificates of KKT points: the accepted ones, their attacks, malformed ones, and random changes of any
number in them.
"""

import copy
import json
import random
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.base import UNKNOWN
from certflow.checker import check_file, check_text
from certflow.checker.kkt_points.rules import KKT_ASSUMPTIONS
from certflow.checker.registry import sentences
from certflow.kkt.neuron.circle import planar_kkt

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed, value_of
    from kkt_attacks import ATTACKS
    from malformations import LISTS
    from verdicts import recorded, words
finally:
    sys.path.remove(str(FOLDER))

RECORDED = recorded()
NAMES = sorted(path.stem for path in (FOLDER / "accept").glob("kkt-*.json"))


@pytest.mark.parametrize("name", NAMES)
def test_lists_of_kkt_points_are_accepted(name):
    verdict = check_file(FOLDER / "accept" / f"{name}.json")
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert verdict.claim["statement"] == "kkt-points" and verdict.assumptions == KKT_ASSUMPTIONS


def test_the_corpus_has_every_proof_and_status():
    claims = [accepted(name)["claim"] for name in NAMES]
    assert {claim["proof"] for claim in claims} == {"planar", "points", "cover"}
    assert {claim["dead_cone"] for claim in claims} == {True, False}
    assert {p["kind"] for claim in claims for p in claim["points"]} == {"maximum", "minimum", "saddle", "arc"}


@pytest.mark.parametrize(
    ("name", "attack"), [(name, attack) for name in ATTACKS for attack in sorted(ATTACKS[name])]
)
def test_attacks_on_lists_are_refused(name, attack):
    content = accepted(name)
    ATTACKS[name][attack](content)
    assert content != accepted(name)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "refused" and words(verdict) == RECORDED[f"attacks on {name}", attack]


@pytest.mark.parametrize("name", sorted(LISTS))
def test_malformed_lists_are_named(name):
    content = accepted("kkt-cover")
    LISTS[name](content)
    verdict = check_text(sealed(content))
    assert verdict.verdict == "malformed" and words(verdict) == RECORDED["lists", name]


def test_one_statement_does_not_pass_for_the_other():
    early, points = accepted("one-neuron"), accepted("kkt-planar")
    early["claim"]["statement"], points["claim"]["statement"] = "kkt-points", "early-direction"
    assert check_text(sealed(early)).verdict == check_text(sealed(points)).verdict == "malformed"


@pytest.mark.parametrize("name", ["kkt-cover", "kkt-points-deep", "kkt-planar"])
def test_the_time_limit_holds(name):
    assert check_file(FOLDER / "accept" / f"{name}.json", time_limit=0.0).verdict == "timeout"


@pytest.mark.parametrize("name", NAMES)
def test_claims_are_put_into_words(name):
    claim, problem = (accepted(name)[key] for key in ("claim", "problem"))
    words = sentences(claim, problem)
    assert ("exactly these" in words[0]) == (claim["kkt_status"] == "complete")
    assert sum(line[0].isdigit() for line in words) == len(claim["points"])


def test_numbers_of_any_size_are_put_into_words():
    content = accepted("kkt-planar")
    content["claim"]["n_max_upper"] = "1" + "0" * 3000
    content["claim"]["points"][0]["value"] = ["-1" + "0" * 3000, "1" + "0" * 3000]
    verdict = check_text(sealed(content))
    assert verdict.verdict == "accepted"
    words = sentences(verdict.claim, verdict.problem)
    assert "at most 1e+3000." in words[2] and "value 0, gap" in words[4]


def test_the_bare_copy_checks_lists_too(tmp_path):
    copied = shutil.ignore_patterns("__pycache__")
    shutil.copytree(FOLDER.parents[1] / "certflow" / "checker", tmp_path / "checker", ignore=copied)
    good = [str(FOLDER / "accept" / f"{name}.json") for name in ("kkt-planar", "kkt-cover-cubic")]
    run = subprocess.run(
        [sys.executable, "-S", "-E", "-O", "-m", "checker", *good],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert (run.returncode, run.stderr) == (0, "") and "are exactly these" in run.stdout


# -- whatever is accepted is true ----------------------------------------------------------------------------


def _leaves(value, path=()):
    """The paths of all numbers, kinds and flags."""
    if isinstance(value, dict | list):
        for key, entry in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(entry, (*path, key))
    elif path[-1] not in (
        "statement",
        "of",
        "proof",
        "kkt_status",
        "problem_sha256",
        "kind",
        "direction",
    ) or path[-3:-1] == ("points",):
        yield path


def _changed(text, rng):
    """Another number, near or far, or another word."""
    if not isinstance(text, str):
        return rng.choice([True, False, 0, 1, 2, -1, None])
    try:
        value = Fraction(text)
    except ValueError:
        return rng.choice(["maximum", "minimum", "saddle", "arc", "1*2^-3", ""])
    return str(
        rng.choice(
            [value + Fraction(rng.choice([1, -1]), 10 ** rng.randint(0, 25)), -value, value * 2, Fraction(0)]
        )
    )


def _true(content):
    """The claim against an enumeration that shares no code with the checker."""
    problem, claim = content["problem"], content["claim"]
    y = [Fraction(v) for v in problem["data"]["y"]]
    z = [v / len(y) if problem["loss"]["reduction"] == "mean" else v for v in y]
    known = planar_kkt(
        problem["data"]["X"], z, Fraction(problem["network"]["activation"]["alpha"]), digits=60
    )
    facts = [[point["kind"] for point in claim["points"]] == [p.kind for p in known.points]]
    facts.append(known.n_max.greater(Fraction(claim["n_max_upper"])) is not True)
    for point, p in zip(claim["points"], known.points, strict=True):
        for number, pair in ((p.value, point["value"]), (p.gap, point["gap"])):
            facts.append(Ball.interval(*map(Fraction, pair), 300).overlaps(number))
        given = [[Ball(Fraction(v), 300) for v in d] for d in point["directions"]]
        if p.kind == "arc":
            ends = [(end.cos(), end.sin()) for end in (p.start, p.end)]
            facts += (
                [_turn(a, b).sign() in (0, UNKNOWN) for a, b in zip(given, ends, strict=True)]
                if given
                else []
            )
        else:
            facts += [_turn(given[0], p.point).sign() != -1, _turn(p.point, given[-1]).sign() != -1]
    return all(facts)


def _turn(a, b):
    """Positive where b is counterclockwise from a."""
    return a[0] * b[1] - a[1] * b[0]


@pytest.mark.parametrize("name", ["kkt-planar", "kkt-planar-arcs", "kkt-planar-leaky"])
def test_what_is_accepted_after_a_random_change_is_true(name):
    rng, original = random.Random(1), accepted(name)
    places = [(part, *path) for part in ("problem", "claim") for path in _leaves(original[part])]
    refused = 0
    for _ in range(250):
        content = copy.deepcopy(original)
        path = rng.choice(places)
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = _changed(place[path[-1]], rng)
        verdict = check_text(sealed(content))
        refused += verdict.verdict != "accepted"
        if verdict.verdict == "accepted":
            assert _true(content), (path, json.dumps(content["claim"]))
    assert refused > 75


@pytest.mark.parametrize("name", ["kkt-cover-cubic", "kkt-points-deep"])
def test_a_changed_list_of_centres_is_refused_or_says_less(name):
    rng, original = random.Random(2), accepted(name)
    places = [(part, *path) for part in ("evidence", "claim") for path in _leaves(original[part])]
    refused = 0
    for _ in range(150):
        content = copy.deepcopy(original)
        path = rng.choice(places)
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = _nudged(place[path[-1]], rng)
        verdict = check_text(sealed(content))
        refused += verdict.verdict != "accepted"
        if verdict.verdict == "accepted":
            for old, new in zip(original["claim"]["points"], content["claim"]["points"], strict=True):
                assert (
                    old["kind"] == new["kind"]
                    and _overlap(old["value"], new["value"])
                    and _overlap(old["gap"], new["gap"])
                )
                reach = value_of(old["radius"]) + value_of(new["radius"])
                pairs = zip(old["centre"], new["centre"], strict=True)
                assert all(abs(value_of(a) - value_of(b)) <= reach for a, b in pairs)
    assert refused > 60


def _nudged(value, rng):
    if isinstance(value, str) and "*2^" in value:
        m, e = (int(part) for part in value.split("*2^"))
        return f"{m}*2^{e + rng.randint(-3, 3)}" if rng.random() < 0.5 else f"{m + rng.choice([2, -2])}*2^{e}"
    if type(value) is int:
        return value + rng.choice([1, -1]) * rng.choice([1, 10**6, 10**9])
    return _changed(value, rng)


def _overlap(a, b):
    return max(Fraction(a[0]), Fraction(b[0])) <= min(Fraction(a[1]), Fraction(b[1]))
