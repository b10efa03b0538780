"""Hypothesis profiles, and the watch over global precision around every test.

CERTFLOW_PROFILE chooses the profile: quick (the default), ci (the default where CI is set; the same examples
every time) or nightly (long).
"""

import os
import sys

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["links_entered"]

COMMON = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much],
    "print_blob": True,
}

settings.register_profile("quick", max_examples=20, **COMMON)
settings.register_profile("ci", max_examples=30, derandomize=True, **COMMON)
settings.register_profile("nightly", max_examples=1000, **COMMON)
settings.load_profile(os.environ.get("CERTFLOW_PROFILE") or ("ci" if os.environ.get("CI") else "quick"))


@pytest.fixture(autouse=True)
def width_does_not_depend_on_the_terminal_of_the_tests(monkeypatch):
    """Parallel runs of tests set COLUMNS for their workers."""
    monkeypatch.delenv("COLUMNS", raising=False)


def _global_precision() -> dict[str, int]:
    """The precisions that mpmath and flint keep for the whole process, of those that are imported."""
    found = {}
    if "mpmath" in sys.modules:
        mpmath = sys.modules["mpmath"]
        found |= {"mpmath.mp": mpmath.mp.prec, "mpmath.iv": mpmath.iv.prec}
    if "flint" in sys.modules:
        found["flint.ctx"] = sys.modules["flint"].ctx.prec
    return found


@pytest.fixture(autouse=True)
def global_precision_is_never_touched():
    """Fails every test after which a process-wide precision differs from what it was (53 bits if just
    imported).
    """
    before = _global_precision()
    yield
    changed = {name: prec for name, prec in _global_precision().items() if prec != before.get(name, 53)}
    if changed:
        _restore(before)
    assert not changed, f"global precision was changed: {changed}, before: {before}"


def _restore(before: dict[str, int]) -> None:
    for name in _global_precision():
        module, attribute = name.split(".")
        getattr(sys.modules[module], attribute).prec = before.get(name, 53)
