"""What a list of KKT points states as a whole: which proof is asked for what, in which order, and every
refusal.
"""

import sys
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import pytest
from refusals import Trace, ending

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.reading import Node, digest
from certflow.checker.kkt_points import rules as kkt

CORPUS = Path(__file__).parents[3] / "certificates"
sys.path.insert(0, str(CORPUS))
try:
    from attacks import accepted
finally:
    sys.path.remove(str(CORPUS))

OTHER = "it does not agree with the rest of the certificate"
UNIT = Fraction(1, ONE)


def proved(monkeypatch, claim, evidence=(), values=(), shallow=True, rate=1):
    """How the proof of a list ends if each rule finds what it looks for, and which rules are asked with
    what.
    """
    problem, clock, asked = SimpleNamespace(shallow=shallow), Trace(), []
    field = SimpleNamespace(rate=Fraction(rate))

    def check_points(*given):
        asked.append(("R11", given))
        return field, "the points", list(values)

    monkeypatch.setattr(kkt, "check_points", check_points)
    monkeypatch.setattr(kkt, "check_planar", lambda *given: asked.append(("R10", given)))
    monkeypatch.setattr(kkt, "check_cover", lambda *given: asked.append(("R12", given)))
    monkeypatch.setattr(kkt, "DeadCone", lambda *given: ("dead", given))
    table = {
        "of": "neuron",
        "kkt_status": "complete",
        "proof": "cover",
        "points": "all",
        "dead_cone": False,
        "n_max_upper": "100",
    }
    nodes = Node(table | claim, "claim").fields(" ".join(table))
    own = Node(list(evidence), "evidence")
    end = ending(lambda: kkt.prove_list(problem, nodes, own, clock))
    expected = {
        "R10": (problem, nodes["points"], nodes["n_max_upper"], clock),
        "R11": (problem, nodes["points"], own, clock),
        "R12": (field, "the points", None, nodes["points"], clock),
    }
    if nodes["dead_cone"].value is True:
        expected["R12"] = (
            field,
            "the points",
            ("dead", (problem, nodes["dead_cone"], clock)),
            nodes["points"],
            clock,
        )
    assert all(given == expected[rule] for rule, given in asked)
    assert clock.entered in ([], [("R9", "claim")])
    assert not asked or clock.entered
    return end, "".join(f"{rule} " for rule, _ in asked).strip()


@pytest.mark.parametrize(
    ("claim", "end", "asked"),
    [
        ({}, None, "R11 R12"),
        ({"proof": "planar"}, None, "R10"),
        ({"proof": "points", "kkt_status": "partial", "n_max_upper": None}, None, "R11"),
        ({"dead_cone": True}, None, "R11 R12"),
        ({"of": "network"}, ("R9", "claim.of", OTHER), ""),
        ({"proof": "trust"}, ("R1", "claim.proof", "expected planar or points or cover"), ""),
        ({"kkt_status": "partial"}, ("R9", "claim.kkt_status", OTHER), ""),
        ({"proof": "planar", "kkt_status": "partial"}, ("R9", "claim.kkt_status", OTHER), ""),
        ({"proof": "points", "n_max_upper": None}, ("R9", "claim.kkt_status", OTHER), ""),
        ({"proof": "points", "kkt_status": "partial"}, ("R9", "claim.n_max_upper", OTHER), "R11"),
        ({"dead_cone": 1}, ("R1", "claim.dead_cone", "expected true or false"), ""),
        (
            {"proof": "planar", "dead_cone": True},
            ("R12", "claim.dead_cone", "it is proved by a cover only"),
            "",
        ),
        (
            {"proof": "points", "kkt_status": "partial", "dead_cone": True},
            ("R12", "claim.dead_cone", "it is proved by a cover only"),
            "",
        ),
    ],
)
def test_each_proof_is_asked_for_what_it_proves(monkeypatch, claim, end, asked):
    assert proved(monkeypatch, claim, values=[ONE]) == (end, asked)


def test_a_network_is_listed_as_one(monkeypatch):
    assert proved(monkeypatch, {"of": "network"}, values=[ONE], shallow=False) == (None, "R11 R12")
    assert proved(monkeypatch, {}, values=[ONE], shallow=False)[0] == ("R9", "claim.of", OTHER)


def test_a_planar_proof_has_no_evidence(monkeypatch):
    end, asked = proved(monkeypatch, {"proof": "planar"}, [{}])
    assert end[:2] == ("R1", "evidence") and asked == ""


@pytest.mark.parametrize(
    ("values", "dead", "rate", "most"),
    [
        ([ONE, 3 * ONE, -2 * ONE], False, 1, 3),
        ([ONE, 3 * ONE, -2 * ONE], True, 1, 3),
        ([-5 * ONE, -3 * ONE], False, 1, -3),
        # Where dead directions are added to the list, N is 0 there.
        ([-5 * ONE, -3 * ONE], True, 1, 0),
        ([], True, 1, 0),
        ([1], False, 8, 8 * UNIT),
    ],
)
def test_the_largest_listed_value_bounds_n(monkeypatch, values, dead, rate, most):
    below = ("R12", "claim.n_max_upper", "it is below the proved bound")
    for bound, end in ((Fraction(most), None), (most + 1, None), (most - UNIT, below)):
        assert (
            proved(monkeypatch, {"dead_cone": dead, "n_max_upper": str(bound)}, values=values, rate=rate)[0]
            == end
        )


# -- the file ------------------------------------------------------------------------------------------------


def checked(monkeypatch, content):
    """How the check of a parsed file ends, what is proved of it, and what is entered on the way."""
    clock, asked = Trace(), []
    monkeypatch.setattr(kkt, "prove_list", lambda *given: asked.append(given))
    top = {}
    opened = kkt.opened

    def keep(*given):
        assert given == (content, "evidence", kkt.KKT_ASSUMPTIONS, clock)
        top["nodes"], top["problem"] = opened(*given)
        return top["nodes"], top["problem"]

    monkeypatch.setattr(kkt, "opened", keep)
    end = ending(lambda: kkt.check_kkt(content, clock))
    for problem, claim, evidence, given in asked:
        assert problem is top["problem"] and given is clock
        assert (
            claim == top["nodes"]["claim"].fields(" ".join(content["claim"]))
            and evidence == top["nodes"]["evidence"]
        )
    return end, len(asked)


def resealed(content):
    """With the hash of the file as it is now."""
    content.pop("sha256")
    content["sha256"] = digest(content)
    return content


def test_the_claim_is_returned_once_its_list_is_proved(monkeypatch):
    content = accepted("kkt-planar")
    end, asked = checked(monkeypatch, content)
    assert end is content["claim"] and asked == 1


@pytest.mark.parametrize(
    ("change", "end"),
    [
        ({"problem_sha256": "0" * 64}, ("R9", "claim.problem_sha256", OTHER)),
        ({"assumptions": []}, ("R9", "claim.assumptions", OTHER)),
        ({"assumptions": [*kkt.KKT_ASSUMPTIONS, "And more."]}, ("R9", "claim.assumptions", OTHER)),
        ({"more": 1}, ("R1", "claim", "the key 'more' is unknown")),
    ],
)
def test_a_claim_about_something_else_is_refused_before_its_list_is_read(monkeypatch, change, end):
    content = accepted("kkt-planar")
    content["claim"].update(change)
    assert checked(monkeypatch, resealed(content)) == (end, 0)
