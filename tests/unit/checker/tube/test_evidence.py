"""The form of a certificate: what is read of it, every limit at its edge, and every sentence about a broken
form.
"""

import copy
from fractions import Fraction as F

import pytest

from certflow.checker.basin.rules import BASIN_ASSUMPTIONS
from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.container import opened
from certflow.checker.kernel.reading import Node, digest
from certflow.checker.kernel.verdicts import Clock, Malformed, OutOfTime, Refused
from certflow.checker.tube import evidence as document
from certflow.checker.tube.evidence import GroupEvidence, TrapEvidence, Window, read

UNIT = 1 << 24
NETWORK = {"kind": "one-layer", "inputs": 2, "width": 2, "activation": {"alpha": "0", "power": 2}}
PROBLEM = {
    "network": NETWORK,
    "data": {"X": [["1", "0"]], "y": ["1"]},
    "loss": {"kind": "square", "reduction": "sum"},
    "direction": ["1", "0", "0", "1"],
}
WINDOW = {
    "h": "3*2^-2",
    "lambda": "-1*2^-1",
    "steps": [["1*2^0", "1*2^-3", "0*2^0"], ["-1*2^0", "1*2^-3", "1*2^5"]],
    "parts": [[[5, [[7], []]], [UNIT, [[1, -2], [3]]]]],
}
TRAP = {"centre": [[1, 2]], "gamma": "1*2^-1", "r0": "1*2^-2", "s": "0*2^0", "gap_direction": None}
ALIVE = {"outcome": "converges", "reason": "", "start": [[UNIT, -4]], "windows": [WINDOW], "trap": TRAP}
DEAD = {"outcome": "dead", "reason": "", "start": [[0, -1]], "windows": [], "trap": None}
ZERO = {"outcome": "zero", "reason": "", "start": None, "windows": [], "trap": None}
UNKNOWN = {
    "outcome": "inconclusive",
    "reason": "It is not known.",
    "start": None,
    "windows": [],
    "trap": None,
}


def certificate(first=ALIVE, second=DEAD, **changes):
    content = {
        "format": "certflow-certificate",
        "version": 1,
        "problem": PROBLEM,
        "assumptions": list(ASSUMPTIONS),
        "grid": 24,
        "groups": [first, second],
        "claim": {"statement": "early-direction"},
    }
    content = copy.deepcopy(content | changes)
    content.setdefault("problem_sha256", digest(content["problem"]))
    return content | {"sha256": digest(content)}


def said(content, assumptions=ASSUMPTIONS):
    """The kind of refusal, its rule and place, and the sentence; "" if the certificate is read."""
    try:
        read(content, Clock(None), assumptions)
    except Refused as error:
        kind = "malformed" if isinstance(error, Malformed) else "refused"
        return f"{kind} ({error.rule}, {error.where}): {error.reason}"
    return ""


def test_a_certificate_is_exactly_what_is_written():
    content = certificate(
        {**ALIVE, "outcome": "shrinks", "trap": {**TRAP, "s": "5*2^3", "gap_direction": [[0, -9]]}}
    )
    found = read(content, Clock(None), ASSUMPTIONS)
    window = Window(
        F(3, 4),
        F(-1, 2),
        [[F(1), F(1, 8), F(0)], [F(-1), F(1, 8), F(32)]],
        [[(5, [[7], []]), (UNIT, [[1, -2], [3]])]],
    )
    trap = TrapEvidence([[1, 2]], F(1, 2), F(1, 4), F(40), [[0, -9]])
    assert found.groups == [
        GroupEvidence("shrinks", "", [[UNIT, -4]], [window], trap),
        GroupEvidence("dead", "", [[0, -1]], [], None),
    ]
    assert (found.grid, found.problem_sha256) == (24, digest(PROBLEM))
    assert found.claim == Node({"statement": "early-direction"}, "claim")
    assert (found.problem.size, found.problem.rate) == (4, 1)


def test_groups_of_which_nothing_is_known_have_no_evidence():
    found = read(
        certificate(ZERO, UNKNOWN, units={"inputs": 1, "labels": 0, "given": {}}), Clock(None), ASSUMPTIONS
    )
    assert found.groups == [
        GroupEvidence("zero", "", [], [], None),
        GroupEvidence("inconclusive", "It is not known.", [], [], None),
    ]
    assert found.problem.rate == 4


def test_one_group_of_several_parts():
    problem = {**PROBLEM, "network": {**NETWORK, "kind": "two-layer"}, "direction": ["1"] * 6}
    window = {**WINDOW, "parts": [[[UNIT, [[], [], [1]]]], [[UNIT, [[], [2], []]]]]}
    group = {
        **ALIVE,
        "start": [[1, 2, 3], [4, 5, 6]],
        "windows": [window],
        "trap": {**TRAP, "centre": [[1] * 3, [2] * 3]},
    }
    (found,) = read(certificate(problem=problem, groups=[group]), Clock(None), ASSUMPTIONS).groups
    assert (found.start, found.windows[0].parts) == (
        [[1, 2, 3], [4, 5, 6]],
        [[(UNIT, [[], [], [1]])], [(UNIT, [[], [2], []])]],
    )


def test_what_is_being_read_when_the_time_is_over(monkeypatch):
    for limit, where in ((0, "file"), (1, "file"), (2, "problem"), (3, "groups[0]"), (4, "groups[1]")):
        clock, entered = Clock(None), []

        def enter(rule, where, clock=clock, entered=entered, limit=limit):
            entered.append((rule, where))
            clock.rule, clock.where = rule, where
            if len(entered) == limit:
                raise OutOfTime

        monkeypatch.setattr(clock, "enter", enter)
        if limit:
            with pytest.raises(OutOfTime):
                read(certificate(), clock, ASSUMPTIONS)
            assert (clock.rule, clock.where) == ("R1", where)
        else:
            read(certificate(), clock, ASSUMPTIONS)
            assert entered == [("R1", "file"), ("R1", "problem"), ("R1", "groups[0]"), ("R1", "groups[1]")]


def test_other_statements_have_other_keys_and_assumptions():
    content = certificate(evidence=[1], assumptions=list(BASIN_ASSUMPTIONS))
    del content["groups"], content["grid"], content["sha256"]
    content["sha256"] = digest(content)
    top, problem = opened(content, "evidence", BASIN_ASSUMPTIONS, Clock(None))
    assert top["evidence"] == Node([1], "evidence") and problem.size == 4
    assert sorted(top) == sorted(content)
    with pytest.raises(Malformed, match="'evidence' is unknown"):
        opened(content, "", BASIN_ASSUMPTIONS, Clock(None))
    assert said(certificate(assumptions=list(BASIN_ASSUMPTIONS)), assumptions=BASIN_ASSUMPTIONS) == ""


def without(content, key):
    return {name: value for name, value in content.items() if name != key}


def group(**changes):
    return certificate({**ALIVE, **changes})


def window(**changes):
    return group(windows=[{**WINDOW, **changes}])


def trap(**changes):
    return group(trap={**TRAP, **changes})


NO_START = (
    "an inconclusive or zero group has no start, no windows, no trap and nothing optional, and a zero one no "
    "reason"
)
NO_REASON = (
    "a group with one of the outcomes converges, shrinks, continuum, exact-start has a trap, one with dead, "
    "fades, followed has none, and only one that is followed has a reason"
)
A_STEP = "a step needs r > 0 and s >= 0"
A_WINDOW = "a window needs h > 0, and a number of steps that is a power of two"
A_TRAP = "a trap needs gamma > 0, 0 < r0 <= 1/4 and s >= 0"
STEP = ["0*2^0", "1*2^-3", "0*2^0"]
G, W, T = "groups[0]", "groups[0].windows[0]", "groups[0].trap"

SAID = {
    "a certificate": (certificate(), ""),
    "a list": ([], "malformed (R1, file): expected an object"),
    "no grid": (without(certificate(), "grid"), "malformed (R1, file): the key 'grid' is missing"),
    "evidence": (certificate(evidence=[]), "malformed (R1, file): the key 'evidence' is unknown"),
    "another format": (certificate(format="x"), "malformed (R1, format): expected certflow-certificate"),
    "version 0": (certificate(version=0), "malformed (R1, version): expected a whole number (1)"),
    "version 2": (certificate(version=2), "malformed (R1, version): expected a whole number (1)"),
    "another hash": (
        {**certificate(), "sha256": "0" * 64},
        "malformed (R1, sha256): the hash of the file does not match; it was changed after it was written",
    ),
    "another problem": (
        certificate(problem_sha256="0" * 64),
        "malformed (R1, problem_sha256): the hash of the problem does not match",
    ),
    "few assumptions": (
        certificate(assumptions=list(ASSUMPTIONS[:1])),
        "malformed (R1, assumptions): these are not the assumptions of this checker",
    ),
    "no network": (certificate(problem={}), "malformed (R1, problem): the key 'data' is missing"),
    "units of nothing": (certificate(units={}), "malformed (R1, units): the key 'given' is missing"),
    "grid 23": (certificate(grid=23), "malformed (R1, grid): expected a whole number (24 to 96)"),
    "grid 97": (certificate(grid=97), "malformed (R1, grid): expected a whole number (24 to 96)"),
    "grid 96": (certificate(ZERO, UNKNOWN, grid=96), ""),
    "one group": (certificate(groups=[ALIVE]), "malformed (R1, groups): expected a list of length 2"),
    "a group of nothing": (certificate({}), f"malformed (R1, {G}): the key 'outcome' is missing"),
    "an unknown key": (group(x=1), f"malformed (R1, {G}): the key 'x' is unknown"),
    "an unknown outcome": (
        group(outcome="alive"),
        f"malformed (R1, {G}.outcome): expected converges or shrinks or continuum or exact-start or dead or "
        "fades or followed or zero or inconclusive",
    ),
    "no reason": (
        certificate({**UNKNOWN, "reason": None}),
        f"malformed (R1, {G}.reason): expected a short text",
    ),
    "inconclusive without a reason": (certificate({**UNKNOWN, "reason": ""}), ""),
    "windows of text": (
        group(windows=""),
        f"malformed (R1, {G}.windows): expected a list of length 0 to 20000",
    ),
    "windows of an unknown": (
        certificate({**UNKNOWN, "windows": [WINDOW]}),
        f"malformed (R1, {G}): {NO_START}",
    ),
    "a trap of an unknown": (certificate({**UNKNOWN, "trap": TRAP}), f"malformed (R1, {G}): {NO_START}"),
    "a start of an unknown": (
        certificate({**UNKNOWN, "start": [[0, 1]]}),
        f"malformed (R1, {G}): {NO_START}",
    ),
    "a start of zero": (certificate({**ZERO, "start": [[0, 0]]}), f"malformed (R1, {G}): {NO_START}"),
    "a reason of zero": (certificate({**ZERO, "reason": "It is."}), f"malformed (R1, {G}): {NO_START}"),
    "a reason that it converges": (group(reason="It does."), f"malformed (R1, {G}): {NO_REASON}"),
    "a reason that it is dead": (
        certificate({**DEAD, "reason": "It is."}),
        f"malformed (R1, {G}): {NO_REASON}",
    ),
    "fading with a trap": (group(outcome="fades"), f"malformed (R1, {G}): {NO_REASON}"),
    "followed with a trap": (group(outcome="followed"), f"malformed (R1, {G}): {NO_REASON}"),
    "a continuum without a trap": (
        group(outcome="continuum", trap=None),
        f"malformed (R1, {G}): {NO_REASON}",
    ),
    "no trap": (group(trap=None), f"malformed (R1, {G}): {NO_REASON}"),
    "shrinking without a trap": (group(outcome="shrinks", trap=None), f"malformed (R1, {G}): {NO_REASON}"),
    "a dead trap": (certificate({**DEAD, "trap": TRAP}), f"malformed (R1, {G}): {NO_REASON}"),
    "no start": (group(start=None), f"malformed (R1, {G}.start): expected a list of length 1"),
    "two starts": (group(start=[[0, 1], [0, 1]]), f"malformed (R1, {G}.start): expected a list of length 1"),
    "a long start": (group(start=[[0, 1, 2]]), f"malformed (R1, {G}.start[0]): expected a list of length 2"),
    "a start of texts": (group(start=[["0", "1"]]), f"malformed (R1, {G}.start[0]): expected whole numbers"),
    "no window": (group(windows=[]), ""),
    "a window of nothing": (group(windows=[{}]), f"malformed (R1, {W}): the key 'h' is missing"),
    "cells": (window(cells=[]), f"malformed (R1, {W}): the key 'cells' is unknown"),
    "no step": (window(steps=[]), f"malformed (R1, {W}.steps): expected a list of length 1 to 64"),
    "64 steps": (window(steps=[STEP] * 64), ""),
    "65 steps": (window(steps=[STEP] * 65), f"malformed (R1, {W}.steps): expected a list of length 1 to 64"),
    "one step": (window(steps=[STEP]), ""),
    "three steps": (window(steps=[STEP] * 3), f"malformed (R1, {W}): {A_WINDOW}"),
    "a short step": (window(steps=[STEP[:2]]), f"malformed (R1, {W}.steps[0]): expected a list of length 3"),
    "a step of no radius": (window(steps=[STEP, ["0*2^0"] * 3]), f"malformed (R1, {W}.steps): {A_STEP}"),
    "a step of negative lift": (
        window(steps=[["0*2^0", "1*2^-3", "-1*2^-9"], STEP]),
        f"malformed (R1, {W}.steps): {A_STEP}",
    ),
    "no time": (window(h="0*2^0"), f"malformed (R1, {W}): {A_WINDOW}"),
    "a fraction of time": (window(h="1/2"), f"malformed (R1, {W}.h): expected a dyadic number m*2^e"),
    "the longest time": (window(h="1*2^64"), ""),
    "a longer time": (window(h="3*2^63"), f"malformed (R1, {W}.h): the number is out of range"),
    "the shortest time": (window(h="1*2^-400"), ""),
    "a shorter time": (window(h="1*2^-401"), f"malformed (R1, {W}.h): the number is out of range"),
    "the least decay": (window(**{"lambda": "-1*2^64"}), ""),
    "no decay": (window(**{"lambda": "0*2^0"}), ""),
    "a lower decay": (
        window(**{"lambda": "-3*2^63"}),
        f"malformed (R1, {W}.lambda): the number is out of range",
    ),
    "a tiny decay": (
        window(**{"lambda": "-1*2^-401"}),
        f"malformed (R1, {W}.lambda): the number is out of range",
    ),
    "a large bound": (
        window(steps=[["1*2^65", "1*2^0", "1*2^0"]]),
        f"malformed (R1, {W}.steps[0][0]): the number is out of range",
    ),
    "no part": (window(parts=[]), f"malformed (R1, {W}.parts): expected a list of length 1"),
    "no piece": (window(parts=[[]]), f"malformed (R1, {W}.parts[0]): expected a list of length 1 to 4000"),
    "a piece of no end": (
        window(parts=[[[[[], []]]]]),
        f"malformed (R1, {W}.parts[0][0]): expected a list of length 2",
    ),
    "a piece that ends at 0": (
        window(parts=[[[0, [[], []]], [UNIT, [[], []]]]]),
        f"malformed (R1, {W}.parts[0][0][0]): expected a whole number (1 to 16777216)",
    ),
    "a piece that ends where it begins": (
        window(parts=[[[9, [[], []]], [9, [[], []]], [UNIT, [[], []]]]]),
        f"malformed (R1, {W}.parts[0][1][0]): expected a whole number (10 to 16777216)",
    ),
    "a piece beyond the window": (
        window(parts=[[[UNIT + 1, [[], []]]]]),
        f"malformed (R1, {W}.parts[0][0][0]): expected a whole number (1 to 16777216)",
    ),
    "a window that is not filled": (
        window(parts=[[[UNIT - 1, [[], []]]]]),
        f"malformed (R1, {W}.parts[0]): the last piece does not end with the window",
    ),
    "a piece of one weight": (
        window(parts=[[[UNIT, [[]]]]]),
        f"malformed (R1, {W}.parts[0][0][1]): expected a list of length 2",
    ),
    "degree 64": (window(parts=[[[UNIT, [[1] * 64, []]]]]), ""),
    "degree 65": (
        window(parts=[[[UNIT, [[1] * 65, []]]]]),
        f"malformed (R1, {W}.parts[0][0][1][0]): expected a list of length 0 to 64",
    ),
    "a trap of nothing": (group(trap={}), f"malformed (R1, {T}): the key 'centre' is missing"),
    "a trap with a radius": (trap(radius="1"), f"malformed (R1, {T}): the key 'radius' is unknown"),
    "no rate": (trap(gamma="0*2^0"), f"malformed (R1, {T}): {A_TRAP}"),
    "a rate of text": (trap(gamma="x"), f"malformed (R1, {T}.gamma): expected a dyadic number m*2^e"),
    "no angle": (trap(r0="0*2^0"), f"malformed (R1, {T}): {A_TRAP}"),
    "a large angle": (trap(r0="5*2^-4"), f"malformed (R1, {T}): {A_TRAP}"),
    "a negative lift": (trap(s="-1*2^0"), f"malformed (R1, {T}): {A_TRAP}"),
    "a large lift": (trap(s="1*2^65"), f"malformed (R1, {T}.s): the number is out of range"),
    "no centre": (trap(centre=[]), f"malformed (R1, {T}.centre): expected a list of length 1"),
    "a short centre": (trap(centre=[[1]]), f"malformed (R1, {T}.centre[0]): expected a list of length 2"),
    "a long direction of the gap": (
        trap(gap_direction=[[1, 2, 3]]),
        f"malformed (R1, {T}.gap_direction[0]): expected a list of length 2",
    ),
}


@pytest.mark.parametrize("name", list(SAID))
def test_what_is_said_of_a_form(name):
    content, expected = SAID[name]
    assert said(content) == expected


@pytest.mark.parametrize(
    ("limit", "where", "most"), [("MAX_WINDOWS", "groups[0].windows", 0), ("MAX_PIECES", f"{W}.parts[0]", 1)]
)
def test_limits_hold_at_their_edge(limit, where, most, monkeypatch):
    least = 1 if most else 0
    monkeypatch.setattr(document, limit, most + 1)
    assert said(certificate()) == ""
    monkeypatch.setattr(document, limit, most)
    length = most if least == most else f"{least} to {most}"
    assert said(certificate()) == f"malformed (R1, {where}): expected a list of length {length}"
