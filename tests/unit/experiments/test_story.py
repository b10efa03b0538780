"""The summary of the main job says of every block what is proved of it."""

import pytest
from claims import block, separable

from certflow.certifying import Theorem
from certflow.experiments.story import summary
from certflow.outcome import Fate, Outcome
from certflow.problem import Problem
from certflow.theorems.early_direction.claim import Claim


def proved(*fates):
    claim = Claim.from_json(separable(*(block(place, fate) for place, fate in enumerate(fates))))
    theorem = Theorem(Problem.figure1(), Outcome.PARTIAL, claim=claim)
    text = summary(theorem, None, [], [], [], False, None, [])
    return text.splitlines()[0]


@pytest.mark.parametrize(
    ("fates", "said"),
    [
        (["converges", "converges"], "2 of 2 blocks come within 0.01 of KKT points"),
        (["converges"], "1 of 1 block comes within 0.01 of a KKT point"),
        (
            ["converges", "inconclusive", "inconclusive"],
            "1 of 3 blocks comes within 0.01 of a KKT point; 2 are inconclusive",
        ),
        (["inconclusive", "zero", "zero"], "2 of 3 blocks stay zero; 1 is inconclusive"),
    ],
)
def test_the_summary_says_what_becomes_of_every_block(fates, said):
    assert proved(*fates).endswith(f": {said}")


def test_every_outcome_is_said():
    for fate in Fate:
        assert proved(fate).split(": ")[-1].startswith("1 of 1 block "), fate
