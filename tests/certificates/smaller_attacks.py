"""Certificates with laws through smaller balls that must be refused: an accepted one, altered in one place
and sealed again with correct hashes.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import dyadic, value_of

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _ball(i: int, key: str, factor: Fraction | None = None, value: str = "", k: int = 0) -> Attack:
    """Another number of a smaller ball: `value`, or the number times `factor`."""

    def attack(content: Content) -> None:
        ball = content["groups"][k]["trap"]["smaller"][i]
        ball[key] = value if factor is None else dyadic(value_of(ball[key]) * factor)

    return attack


def _law(key: str, factor: Fraction, k: int = 0) -> Attack:
    """Another number of a law."""

    def attack(content: Content) -> None:
        law = content["claim"]["blocks"][k]["law"]
        old = law[key]
        both = isinstance(old, list)
        law[key] = [str(value_of(v) * factor) for v in old] if both else str(value_of(old) * factor)

    return attack


def _gap(end: int, factor: Fraction) -> Attack:
    def attack(content: Content) -> None:
        gap = content["claim"]["blocks"][0]["gap"]
        gap[end] = str(value_of(gap[end]) * factor)

    return attack


def _waits(k: int, factor: int) -> Attack:
    """All smaller balls of a group are used at `factor` times their time."""

    def attack(content: Content) -> None:
        for ball in content["groups"][k]["trap"]["smaller"]:
            ball["after"] = dyadic(value_of(ball["after"]) * factor)

    return attack


def _cheaper_power(content: Content) -> None:
    """The coefficient of the trap, with the power of its last ball."""
    law = content["claim"]["blocks"][0]["law"]
    law["coefficient"] = str(value_of(law["coefficient"]) / 4)


def _without_balls(content: Content) -> None:
    del content["groups"][0]["trap"]["smaller"]


def _only_the_last(content: Content) -> None:
    """One ball, entered when the last of many was."""
    balls = content["groups"][0]["trap"]["smaller"]
    del balls[:-1]


def _only_the_first(content: Content) -> None:
    del content["groups"][0]["trap"]["smaller"][1:]


_MORE, _LESS = Fraction(101, 100), Fraction(99, 100)
_SMALLER: dict[str, Attack] = {
    "gap-larger": _gap(0, _MORE),
    "gap-cut-above": _gap(1, Fraction(24, 25)),
    "gamma-of-the-last-ball-larger": _ball(-1, "gamma", Fraction(103, 100)),
    "a-last-ball-without-the-kkt-point": _ball(-1, "r0", value="1*2^-80"),
    "power-larger": _law("exponent", _MORE),
    "coefficient-smaller": _law("coefficient", _LESS),
    "coefficient-of-the-trap": _cheaper_power,
    "floor-smaller": _law("floor", Fraction(19, 20)),
    "balls-at-once": _waits(0, 0),
    "balls-much-later": _waits(0, 64),
    "no-balls": _without_balls,
    "only-the-first-ball": _only_the_first,
}

ATTACKS: dict[str, dict[str, Attack]] = {
    "smaller-balls": _SMALLER | {"only-the-last-ball": _only_the_last},
    "smaller-balls-neurons": _SMALLER
    | {
        # The law of the first neuron needs that the other has come into its own balls.
        "balls-of-the-other-smaller": _ball(-1, "r0", Fraction(1, 1 << 20), k=1),
        "law-of-the-other-with-balls-at-once": _waits(1, 0),
        "power-of-the-other-larger": _law("exponent", _MORE, 1),
    },
}
"""Name of an accepted certificate -> attack -> what it changes."""
