"""Certificates of neurons that fade that must be refused: an accepted one, altered in one place and sealed
again with correct hashes.
"""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _direction(*v: str) -> Attack:
    """Another direction in the evidence and in the claim."""

    def attack(content: Content) -> None:
        content["groups"][0]["ending"]["direction"] = content["claim"]["blocks"][0]["direction"] = list(v)

    return attack


def _claim(**entries: str) -> Attack:
    return lambda content: content["claim"].update(entries)


def _block(j: int, **entries: Any) -> Attack:
    return lambda content: content["claim"]["blocks"][j].update(entries)


def _data(X: list[list[str]], y: list[str]) -> Attack:
    return lambda content: content["problem"]["data"].update(X=X, y=y)


def _start(*w: str) -> Attack:
    def attack(content: Content) -> None:
        content["problem"]["direction"] = list(w)
        size = math.hypot(*(float(Fraction(v)) for v in w))
        unit = 1 << content["grid"]
        content["groups"][0]["start"] = [[round(float(Fraction(v)) / size * unit) for v in w]]

    return attack


def _activation(**entries: Any) -> Attack:
    return lambda content: content["problem"]["network"]["activation"].update(entries)


def _cubic(content: Content) -> None:
    _activation(power=3)(content)
    content["claim"]["order"] = 3


def _turned(content: Content) -> None:
    first, *rest = content["groups"][0]["ending"]["direction"]
    _direction(str(1000 * int(first) + 1), *(str(1000 * int(v)) for v in rest))(content)


def _no_ending(content: Content) -> None:
    del content["groups"][0]["ending"]


def _declared(outcome: str) -> Attack:
    def attack(content: Content) -> None:
        content["groups"][0]["outcome"] = content["claim"]["blocks"][0]["outcome"] = outcome

    return attack


def _dead(content: Content) -> None:
    _declared("dead")(content)
    _no_ending(content)
    del content["claim"]["blocks"][0]["direction"]
    content["claim"]["blocks"][0]["angle_at_horizon"] = None


X, Y = [["1", "0"], ["1/10", "1"]], ["1", "2"]

AT_START: dict[str, Attack] = {
    "alpha-is-not-zero": _activation(alpha="1/10"),
    "angle-above-epsilon": _claim(epsilon="1/250"),
    "angle-above-one": _claim(epsilon="2", start_angle="1"),
    "claimed-direction-is-another": _block(0, direction=["0", "-2"]),
    "cubic": _cubic,
    "declared-dead": _dead,
    "direction-across-a-sample": _direction("1", "-200"),
    "direction-beside-a-sample": _direction("-1", "-200"),
    "direction-is-zero": _direction("0", "0"),
    "direction-is-opposite": _direction("0", "1"),
    "inactive-sample-is-near": _data([X[0], ["1/10", "1/3000"]], Y),
    "the-opposite-ray-pulls": _data([X[0], ["-1/10", "0"]], ["-1", "2"]),
    "inactive-sample-is-active": _data([X[0], ["1/10", "-1"]], Y),
    "label-of-no-sign": _data(X, ["0", "2"]),
    "label-of-the-other-sign": _data(X, ["-1", "2"]),
    "labels-of-a-ray-pull": _data([*X, ["2", "0"]], [*Y, "-1"]),
    "larger-delta-bar": _claim(delta_bar="2"),
    "smaller-angle": _block(0, angle_at_horizon="1/300"),
    "value-is-claimed": _block(0, value=["0", "0"]),
    "without-ending": _no_ending,
    "without-angle": _block(0, angle_at_horizon="0"),
}

ASIDE: dict[str, Attack] = {
    "it-starts-on-the-other-side": _start("-1/200", "-1"),
    "it-starts-on-the-line": _start("0", "-1"),
    "a-start-reaches-over-the-line": _claim(start_angle="1/100"),
    "both-sides-pull": _data([["1", "0"], ["-1", "0"], X[1]], ["-1", "-2", "2"]),
    "the-sides-are-exchanged": _data([["-1", "0"], ["1", "0"], X[1]], ["1", "-2", "2"]),
    "leaky": _activation(alpha="1/10"),
}

ATTACKS: dict[str, dict[str, Attack]] = {
    "basin-fades": {
        "direction-across-a-sample": _direction("1", "-200"),
        "smaller-angle": _block(0, angle_at_horizon="1/300"),
        "value-is-claimed": _block(0, value=["0", "0"]),
    },
    "fades": {
        "longer-radius": _claim(radius="3"),
        "converging-declared-fading": lambda content: content["groups"].reverse(),
    },
    "fades-aside": ASIDE,
    "fades-at-start": AT_START,
    "fades-null-space": {
        "a-sample-is-not-orthogonal": _turned,
    },
}
