"""Proposals for problems at the edge of what is easy to prove: none is refused by the checker."""

from fractions import Fraction

import pytest

import certflow
from certflow.certifying import Faulty
from certflow.outcome import Fate, Inconclusive, Outcome
from certflow.theorems.early_direction_power_1.prove import certify, weaker

ORTHOGONAL = [["1", "0"], ["0", "1"]]


def problem(scale=1, **changes):
    """Two neurons on two orthogonal inputs, the direction times `scale`."""
    given = {"X": ORTHOGONAL, "y": ["1", "2"], "direction": ["1", "1", "2", "1", "1", "2"]} | changes
    direction = [Fraction(value) * scale for value in given.pop("direction")]
    width = len(direction) // 3
    return certflow.Problem(certflow.TwoLayer(2, width, power=1), **given, direction=direction)


@pytest.mark.parametrize("epsilon", ["1/100", "1/20", "1/10", "1/5"])
@pytest.mark.parametrize("direction", [["1", "1", "1"], ["1", "1", "3"]])
def test_a_wide_cone_keeps_clear_of_convex_kinks(epsilon, direction):
    theorem = certflow.certify(problem(direction=direction), epsilon=epsilon)
    assert theorem.outcome is Outcome.PROVED and theorem.checked and theorem.fault is None


def test_the_size_of_the_direction_changes_nothing():
    plain = certflow.certify(problem(), epsilon="1/50")
    for exponent in (-700, -61, 60):
        scaled = certflow.certify(problem(Fraction(2) ** exponent), epsilon="1/50")
        assert scaled.checked and scaled.delta_bar == plain.delta_bar
        assert [block.outcome for block in scaled.blocks] == [block.outcome for block in plain.blocks]


def test_a_start_angle_that_leaves_the_sign_of_v_open_is_no_fault():
    # |v(0)| is within reach of the flip, and of c = 0.
    wide = certflow.Problem(
        certflow.TwoLayer(1, 3, power=1),
        X=[["0"], ["-1/6"]],
        y=[-1, -1],
        loss="logistic",
        direction=["-1/7", "-2", "0", "1/10", "-2", "0"],
    )
    assert certflow.certify(wide, start_angle="1/100").fault is None


def test_what_only_rests_from_its_start_beside_unknown_blocks_is_no_theorem():
    # Two blocks of zeros, and one that starts on a kink from which it is pushed away.
    theorem = certflow.certify(problem(direction=["0", "0", "0", "0", "0", "1", "0", "0", "1"]))
    assert theorem.claim is None and theorem.outcome is Outcome.INCONCLUSIVE


def test_a_delta_bar_that_is_asked_for_is_the_one_that_is_claimed():
    theorem = certflow.certify(problem(), delta_bar="1e-6")
    assert theorem.delta_bar == Fraction(1, 10**6) and theorem.checked
    assert {block.outcome for block in theorem.blocks} <= {Fate.CONVERGES, Fate.FOLLOWED, Fate.STOPS}


def test_what_is_refused_is_proposed_again_more_carefully_until_it_is_given_up():
    found, tries = certify(problem(), epsilon="1/50"), []
    refused = {"rule": "Q3", "where": "evidence[0].masses[3]", "reason": "too small."}
    with pytest.raises(Inconclusive, match=r"proposed .* \(Q3, evidence\[0\]\.masses\[3\]: too small\)\.$"):
        while True:  # ends: the room grows with every turn, up to a limit
            tries.append(found)
            found = weaker(found, refused)
    room = [each.evidence.caution.room for each in tries]
    deltas = [each.claim.delta_bar for each in tries]
    assert len(tries) > 3 and room == sorted(set(room)) and deltas == sorted(set(deltas), reverse=True)
    assert all(block.outcome is Fate.CONVERGES for each in tries for block in each.claim.blocks)


def test_a_neuron_that_is_named_twice_is_not_followed_any_more():
    named = {"rule": "Q2", "where": "evidence[0].neurons[1]", "reason": "no."}
    again = weaker(certify(problem(), epsilon="1/50"), named)
    assert again.claim.blocks[1].outcome is Fate.CONVERGES
    # The other one alone has no theorem here.
    with pytest.raises(Inconclusive, match="could not be proved"):
        weaker(again, named)


def test_a_proposal_that_stays_refused_is_inconclusive_and_no_fault(monkeypatch):
    def refuse(text, progress):
        raise Faulty({"rule": "Q3", "where": "evidence[0]", "reason": "too small"})

    monkeypatch.setattr("certflow.certifying.require_accepted", refuse)
    found = certflow.certify(problem(), epsilon="1/50")
    assert (found.outcome, found.claim, found.fault) == (Outcome.INCONCLUSIVE, None, None)
    assert "could not be proved by the checker (Q3, evidence[0]: too small)" in found.reason
    assert "report" not in found.reason
