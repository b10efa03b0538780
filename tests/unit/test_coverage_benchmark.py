"""The problems of the coverage benchmark are always the same, and their causes are read off the reasons."""

import pytest

from benchmarks.coverage import FAMILIES, causes, measure, problem, summary
from certflow.flow.endings import Ending


@pytest.mark.parametrize("family", FAMILIES)
def test_a_problem_is_decided_by_its_family_seed_and_number(family):
    content = problem(family, 1, 3).exact_content()
    assert problem(family, 1, 3).exact_content() == content
    assert problem(family, 1, 4).exact_content() != content
    assert problem(family, 2, 3).exact_content() != content


def test_causes_are_counted_by_block():
    reason = (
        f"blocks 1, 3: {Ending.SADDLE.value.rstrip('.')}; block 12: {Ending.NO_GAP.value.rstrip('.')}; "
        f"block 4: something else at s = 12.5."
    )
    assert causes(reason) == {"saddle": 2, "gap not proved": 1, "something else at s = #": 1}
    assert causes(Ending.TOO_FINE.value) == {"precision": 1}


def test_the_summary_counts_every_problem_once():
    rows = [measure("expressions", 1, number, 5, False) for number in range(2)]
    found = summary("expressions", 1, 5, False, rows)
    assert found["problems"] == 2
    assert sum(found[word] for word in ("proved", "partial", "branches", "inconclusive")) == 2
    assert sum(found["inconclusive_by_cause"].values()) == found["inconclusive"]
