"""Certificates are canonical, lose nothing, and a damaged one is refused in one sentence."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from claims import separable

from certflow.certificates import read_certificate, sha256, write_certificate
from certflow.exact import number
from certflow.flow.curve import Curve, Piece, Window
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.theorems.early_direction.certificate import certificate_text
from certflow.theorems.early_direction.claim import ASSUMPTIONS, Claim
from certflow.theorems.early_direction.evidence import GroupEvidence, TrapEvidence

PROBLEM = Problem(
    OneLayer(2, 2, Activation(power=2)), [[1, 0], ["3/5", "4/5"]], ["5", "9/5"], direction=[1, "1/2", -1, 1]
)
WINDOW = Window(
    Fraction(1, 4), Fraction(-3, 8), 2, ((Piece(2**47, ((5, -6), ())), Piece(2**48, ((7,), (1, 2, 3)))),)
)
CURVE = Curve(48, ((0, 1),), ((2**47, -(2**40)),), (WINDOW,), ((2**48, 3),))
STEP = (Fraction(-5, 2), Fraction(1, 1024), Fraction(0))
FOUND = GroupEvidence(
    "converges", "", CURVE, ((STEP, STEP),), TrapEvidence(Fraction(3, 4), Fraction(1, 16), Fraction(2), None)
)
LOST = GroupEvidence("inconclusive", "a kink was hit.", None, (), None)
CLAIM = Claim.from_json(separable(delta_bar="1/1000"))


def text() -> str:
    return certificate_text(PROBLEM, [FOUND, LOST], CLAIM)


def test_the_text_is_canonical_and_ends_with_its_own_hash() -> None:
    content = json.loads(text())
    assert text() == json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
    claimed = content.pop("sha256")
    rest = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    assert claimed == hashlib.sha256(rest.encode("ascii")).hexdigest()
    assert text().isascii()


def test_the_problem_inside_is_the_problem() -> None:
    content = json.loads(text())
    canonical = json.dumps(content["problem"], sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == content["problem_sha256"] == PROBLEM.sha256
    assert content["problem"]["direction"] == ["1", "1/2", "-1", "1"]
    assert content["assumptions"] == list(CLAIM.assumptions)
    assert replace(CLAIM, assumptions=ASSUMPTIONS) == Claim.from_json(
        {**CLAIM.to_json(), "assumptions": list(ASSUMPTIONS)}
    )


def test_every_number_of_the_evidence_is_there_exactly() -> None:
    found, lost = json.loads(text())["groups"]
    assert lost == {
        "outcome": "inconclusive",
        "reason": "a kink was hit.",
        "start": None,
        "windows": [],
        "trap": None,
    }
    (window,) = found["windows"]
    assert number(window["h"]) == WINDOW.h
    assert number(window["lambda"]) == WINDOW.decay
    assert [tuple(map(number, step)) for step in window["steps"]] == [STEP, STEP]
    assert window["steps"][0] == ["-5*2^-1", "1*2^-10", "0*2^0"]
    assert window["parts"] == [[[2**47, [[5, -6], []]], [2**48, [[7], [1, 2, 3]]]]]
    assert found["start"] == [[2**47, -(2**40)]]
    trap = {"centre": [[2**48, 3]], "gamma": "3*2^-2", "r0": "1*2^-4", "s": "1*2^1", "gap_direction": None}
    assert found["trap"] == trap


def test_written_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "cert.json"
    write_certificate(path, text())
    assert read_certificate(path) == json.loads(text())
    assert sha256(text()) == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("groups", "part"),
    [
        ([LOST], "at least one curve"),
        ([FOUND, replace(FOUND, curve=replace(CURVE, grid=50))], "one grid"),
        ([replace(FOUND, steps=((STEP,),))], "2 steps"),
        ([replace(FOUND, steps=(((Fraction(1, 3), STEP[1], STEP[2]), STEP),))], "power of two"),
        ([replace(FOUND, curve=replace(CURVE, centre=None))], "centre"),
    ],
)
def test_evidence_that_the_format_cannot_hold(groups: list[GroupEvidence], part: str) -> None:
    with pytest.raises(ValueError, match=part):
        certificate_text(PROBLEM, groups, CLAIM)


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda t: t.replace('"1/1000"', '"1/100"'), "hash"),
        (lambda t: t.replace('"5*', '"6*').replace("-5*2^-1", "-3*2^-1"), "hash"),
        (lambda t: t.replace('"version":1', '"version":2'), "version 2"),
        (lambda t: t.replace("certflow-certificate", "other"), "not a certificate"),
        (lambda t: t.replace('"grid":48', '"grid":48.0'), "48.0"),
        (lambda t: t.replace('"grid":48', '"grid":NaN'), "NaN"),
        (lambda t: t.replace('"grid":48', '"grid":48,"grid":48'), "twice"),
        (lambda t: t.replace('"grid":48', '"grid":' + "9" * 500), "500 digits"),
        (lambda t: t.replace('"grid":48', '"grid":' + "[" * 200_000), "nested"),
        (lambda t: t.replace('"grid":48,', ""), "parts"),
        (lambda t: t[:-20], "not JSON"),
        (lambda t: "[]", "not a certificate"),
        (lambda t: "", "not JSON"),
    ],
)
def test_a_damaged_file_is_one_sentence(tmp_path: Path, damage: Any, part: str) -> None:
    path = tmp_path / "cert.json"
    path.write_text(damage(text()), encoding="ascii")
    with pytest.raises(BadInput, match=part) as caught:
        read_certificate(path)
    assert "\n" not in str(caught.value)
    assert "cert.json" in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.json: cannot be read"):
        read_certificate(tmp_path / "nothing.json")
