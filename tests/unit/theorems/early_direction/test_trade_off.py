"""Theorems that give up something for a larger delta_bar, or the other way round: each is one, and what it
gives up buys something.
"""

from fractions import Fraction
from functools import cache

import pytest

from certflow.checker import check_text
from certflow.networks.one_hidden_layer import OneLayer
from certflow.outcome import Fate
from certflow.problem import Problem
from certflow.theorems.early_direction import trade_off
from certflow.theorems.early_direction.certificate import certificate
from certflow.theorems.early_direction.prove import certify
from certflow.theorems.early_direction.trade_off import compromises

EPSILON = Fraction(1, 50)


def three_neurons() -> Problem:
    direction = ["1", "1/2", "-1/50", "1", "-1", "-3/10"]
    return Problem(OneLayer(2, 3, power=2), [["1", "0"], ["3/5", "4/5"]], ["5", "9/5"], direction=direction)


@cache
def rows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trade_off, "FACTORS", tuple(map(Fraction, ("1/2", "1", "2"))))
        patch.setattr(trade_off, "SHARES", tuple(map(Fraction, ("9/10", "3/5"))))
        return list(compromises(three_neurons(), EPSILON, delta_bar="1/400"))


def of(*varied):
    return [row for row in rows() if row.varied in varied]


def size(row):
    claim = row.found.claim
    return sum(block.outcome.decided for block in claim.blocks), claim.delta_bar


def test_the_first_row_is_the_theorem_of_certify():
    first, alone = rows()[0], certify(three_neurons(), EPSILON)
    assert (first.varied, first.name) == ("", "asked")
    assert first.found.claim == alone.claim
    assert certificate(first.found) == certificate(alone)


def test_fewer_blocks_come_with_a_larger_delta_bar():
    found = of("", "blocks")
    assert [size(row)[0] for row in found] == [3, 2, 1]
    bars = [size(row)[1] for row in found]
    assert bars == sorted(bars) and len(set(bars)) == 3
    assert [row.name for row in found] == ["asked", "blocks-2", "blocks-1"]
    lost = [block.outcome for block in found[-1].found.claim.blocks]
    assert lost == [Fate.FOLLOWED, Fate.FOLLOWED, Fate.DEAD]


def test_for_the_delta_bar_of_a_row_its_blocks_are_proved_by_themselves():
    row = of("blocks")[0]
    asked = certify(three_neurons(), EPSILON, delta_bar=row.found.claim.delta_bar * Fraction(9, 10))
    assert sum(block.outcome.decided for block in asked.claim.blocks) == 2


def test_the_delta_that_is_asked_about_has_a_row():
    (row,) = of("delta_bar")
    assert row.name == "delta-bar"
    assert size(row) == (2, Fraction(1, 400))


def test_a_smaller_radius_comes_with_a_larger_delta_bar():
    found = sorted(of("", "radius"), key=lambda row: -row.found.claim.radius)
    assert [row.name for row in found] == ["radius-90", "asked", "radius-60"]
    bars = [row.found.claim.delta_bar for row in found]
    assert bars == sorted(bars) and len(set(bars)) == 3
    assert {size(row)[0] for row in found} == {3}


def test_a_larger_angle_comes_with_a_larger_delta_bar():
    found = sorted(of("", "epsilon"), key=lambda row: row.found.claim.epsilon)
    assert [row.found.claim.epsilon for row in found] == [EPSILON / 2, EPSILON, 2 * EPSILON]
    assert [row.name for row in found] == ["epsilon-0.01", "asked", "epsilon-0.04"]
    bars = [row.found.claim.delta_bar for row in found]
    assert bars == sorted(bars)


def test_the_checker_accepts_every_row():
    verdicts = {row.name: check_text(certificate(row.found)).verdict for row in rows()}
    assert len(verdicts) == len(rows()) == 8
    assert set(verdicts.values()) == {"accepted"}


def test_one_group_has_rows_for_angles_and_radii_only():
    problem = three_neurons().replace(network=OneLayer(2, 1, power=2), direction=["1", "1/2"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trade_off, "FACTORS", tuple(map(Fraction, ("1", "2"))))
        found = list(compromises(problem, EPSILON))
    assert {row.varied for row in found} == {"", "radius", "epsilon"}
    assert all(check_text(certificate(row.found)).verdict == "accepted" for row in found)


def test_without_a_theorem_there_is_one_row_that_says_why():
    (row,) = compromises(three_neurons().replace(y=["0", "0"]), EPSILON)
    assert row.found.claim is None and row.found.reason.startswith("all labels are zero")


def test_of_many_blocks_some_numbers_are_tried():
    assert trade_off._spread(3) == {1, 2, 3}
    many = trade_off._spread(1000)
    assert len(many) == trade_off.MOST_COUNTS and {1, 1000} <= many
