"""What the tests of the checker's rules share: how an action ends, a clock that remembers, boxes of
fixed-point numbers.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.verdicts import Clock, Refused


class Trace(Clock):
    """A clock that keeps what is entered."""

    def __init__(self) -> None:
        super().__init__(None)
        self.entered: list[tuple[str, str]] = []

    def enter(self, rule: str, where: str) -> None:
        super().enter(rule, where)
        self.entered.append((rule, where))


def refusal(action: Callable[[], Any]) -> tuple[str, str, str]:
    """(rule, place, reason) of what is refused."""
    with pytest.raises(Refused) as caught:
        action()
    return caught.value.rule, caught.value.where, caught.value.reason


def ending(action: Callable[[], Any]) -> Any:
    """What the action returns, or (rule, place, reason) of what it refuses."""
    try:
        return action()
    except Refused as error:
        return error.rule, error.where, error.reason


def box(*pairs: tuple[Any, Any]) -> list[tuple[int, int]]:
    """Fixed-point intervals with these exact ends."""
    return [(int(Fraction(a) * ONE), int(Fraction(b) * ONE)) for a, b in pairs]
