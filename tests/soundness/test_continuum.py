"""The claim that the limit of a deep linear network is one of a continuum, against the true flow and the true
limit.
"""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.truth.claims import check_claim
from benchmarks.truth.networks import Net

ACCEPTED = Path(__file__).parents[1] / "certificates" / "accept" / "continuum.json"


def compared(change=lambda block: None):
    content = json.loads(ACCEPTED.read_text(encoding="ascii"))
    claim = copy.deepcopy(content["claim"])
    change(claim["blocks"][0])
    return check_claim(Net(content["problem"]), claim, np.random.default_rng(0), 1)


def test_every_number_of_the_claim_holds_for_the_true_flow():
    report = compared()
    assert (report.false, report.open) == ([], []) and report.compared > 50


@pytest.mark.parametrize(
    "change",
    [
        lambda block: block.update(angle_at_horizon="1/100000"),
        lambda block: block.update(gap=["3", None]),
        lambda block: block["law"].update(coefficient="1/1000", floor="1/1000000"),
    ],
)
def test_a_claim_that_says_too_much_is_found_out(change):
    assert compared(change).false
