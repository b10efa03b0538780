"""Whole problems that are hard to follow: each ends with a theorem that the checker accepts, or with a reason
for every block.
"""

from fractions import Fraction
from pathlib import Path

import pytest

from certflow.certifying import certify
from certflow.problem import Problem

HARD = Path(__file__).parent / "hard"

OUTCOMES = {
    "a-slow-neuron-among-fast-ones": "partial",
    "few-samples": "partial",
    "kink-in-the-trap": "proved",
    "kinks-inside-windows": "proved",
    "kinks-inside-windows-leaky": "partial",
    "logistic-all-late": "inconclusive",
    "passes-a-saddle": "proved",
    "slow-leaky-neurons": "partial",
    "slow-leaky-neurons-more-samples": "partial",
    "two-slow-neurons": "partial",
    "windows-without-end": "proved",
}
"""What is proved today of each; more may be proved tomorrow, never less."""
BEST = ("inconclusive", "partial", "proved")
ASKED = {"two-slow-neurons": {"epsilon": "1e-3", "start_angle": "1e-4"}}


def test_every_problem_has_its_outcome():
    assert sorted(path.stem for path in HARD.glob("*.toml")) == sorted(OUTCOMES)


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_a_hard_problem_ends_with_what_the_checker_accepts(name):
    problem = Problem.from_toml(HARD / f"{name}.toml")
    found = certify(problem, **ASKED.get(name, {}))
    assert found.fault is None
    assert BEST.index(found.outcome) >= BEST.index(OUTCOMES[name])
    assert found.checked == (found.outcome != "inconclusive")
    if found.outcome != "proved":
        assert found.reason.endswith(".")
    if name == "passes-a-saddle":
        assert found.claim.blocks[0].gap[0] > Fraction(23, 10)
