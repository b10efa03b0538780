"""What is proved of the built-in problems is what was proved of them before."""

import os
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from builtin import QUICK, SLOW, recorded, summary
finally:
    sys.path.remove(str(FOLDER))


@pytest.mark.parametrize("name", [*QUICK, *(SLOW if os.environ.get("CERTFLOW_PROFILE") == "nightly" else ())])
def test_what_is_proved_is_what_was_proved(name):
    assert summary(name) == recorded()[name]


def test_every_built_in_problem_is_recorded():
    problems = FOLDER.parents[1] / "certflow" / "problems"
    assert (
        sorted(recorded()) == sorted(path.stem for path in problems.glob("*.toml")) == sorted([*QUICK, *SLOW])
    )
