"""Certificates that must be refused: an accepted one, altered in one place and sealed again with correct
hashes.
"""

import copy
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from certflow.checker.kernel.reading import canonical, digest

FOLDER = Path(__file__).parent
Content = dict[str, Any]


def accepted(name: str) -> Content:
    """The content of an accepted certificate."""
    return json.loads((FOLDER / "accept" / f"{name}.json").read_text(encoding="ascii"))


def sealed(content: Content) -> bytes:
    """The certificate as bytes, with all its hashes recomputed, as a forger would."""
    content = copy.deepcopy(content)
    content["problem_sha256"] = content["claim"]["problem_sha256"] = digest(content["problem"])
    content.pop("sha256", None)
    content["sha256"] = digest(content)
    return canonical(content).encode("ascii")


def dyadic(value: Fraction) -> str:
    """ "m*2^e" for a dyadic rational."""
    m, e = value.numerator, -(value.denominator.bit_length() - 1)
    while m and m % 2 == 0:
        m, e = m // 2, e + 1
    return f"{m}*2^{e}" if m else "0*2^0"


def value_of(text: str) -> Fraction:
    """The number in a dyadic or rational text."""
    if "*" in text:
        m, e = text.split("*2^")
        return Fraction(int(m)) * Fraction(2) ** int(e)
    return Fraction(text)


def _windows(content: Content) -> list[Any]:
    return content["groups"][0]["windows"]


def _dropped_window(content: Content) -> None:
    del _windows(content)[1]


def _dropped_last_window(content: Content) -> None:
    _windows(content).pop()


def _swapped_windows(content: Content) -> None:
    w = _windows(content)
    w[0], w[1] = w[1], w[0]


def _lower_eigenvalue_bound(content: Content) -> None:
    for window in _windows(content):
        for step in window["steps"]:
            step[0] = dyadic(value_of(step[0]) - Fraction(1, 8))


def _no_radial_lift(content: Content) -> None:
    group = content["groups"][0]
    group["trap"]["s"] = "0*2^0"


def _shrunk_regions(content: Content) -> None:
    for window in _windows(content):
        for step in window["steps"]:
            step[1] = dyadic(value_of(step[1]) / 2)


def _faster_clock(content: Content) -> None:
    window = _windows(content)[0]
    window["h"] = dyadic(value_of(window["h"]) * Fraction(1025, 1024))


def _other_decay(content: Content) -> None:
    window = _windows(content)[0]
    window["lambda"] = dyadic(value_of(window["lambda"]) + Fraction(1, 1024))


def _moved_coefficient(content: Content) -> None:
    row = max(
        (row for row in _windows(content)[0]["parts"][0][0][1]), key=lambda row: abs(row[0]) if row else 0
    )
    row[0] += row[0] // 1000 + 1


def _other_start(content: Content) -> None:
    start = content["groups"][0]["start"][0]
    start[0] += abs(start[0]) // 10 + (1 << 40)


def _flipped_start(content: Content) -> None:
    content["groups"][0]["start"] = [[-v for v in row] for row in content["groups"][0]["start"]]


def _unproved_trap(content: Content) -> None:
    trap = content["groups"][0]["trap"]
    trap["gamma"] = dyadic(value_of(trap["gamma"]) * 2)


def _wide_trap(content: Content) -> None:
    content["groups"][0]["trap"]["r0"] = "1*2^-2"


def _narrow_trap(content: Content) -> None:
    content["groups"][0]["trap"]["r0"] = "1*2^-30"


def _flipped_centre(content: Content) -> None:
    trap = content["groups"][0]["trap"]
    trap["centre"] = [[-v for v in row] for row in trap["centre"]]


def _moved_centre(content: Content) -> None:
    row = content["groups"][0]["trap"]["centre"][0]
    row[0], row[1] = row[0] + (1 << 44), row[1] - (1 << 43)


def _other_outcome(content: Content) -> None:
    content["groups"][0]["outcome"] = content["claim"]["blocks"][0]["outcome"] = "shrinks"


def _declared_dead(content: Content) -> None:
    group, block = content["groups"][0], content["claim"]["blocks"][0]
    group["outcome"] = block["outcome"] = "dead"
    group["trap"] = None
    for key in ("kkt_point", "support", "value", "gap", "angle_at_horizon", "angle_at_radius", "law"):
        block[key] = None


def _other_data(content: Content) -> None:
    X = content["problem"]["data"]["X"]
    X[0][0] = str(Fraction(X[0][0]) + Fraction(1, 10**6))


def _other_labels(content: Content) -> None:
    y = content["problem"]["data"]["y"]
    y[1] = str(-Fraction(y[1]))


def _other_direction(content: Content) -> None:
    direction = content["problem"]["direction"]
    direction[0] = str(Fraction(direction[0]) + Fraction(1, 1000))


def _summed_loss(content: Content) -> None:
    content["problem"]["loss"]["reduction"] = content["claim"]["loss"]["reduction"] = "sum"


def _other_point_claimed(content: Content) -> None:
    centre = content["claim"]["blocks"][0]["kkt_point"]["centre"]
    centre[0] = dyadic(-value_of(centre[0]))


def _no_assumptions_claimed(content: Content) -> None:
    content["claim"]["assumptions"] = []


def _other_order(content: Content) -> None:
    content["claim"]["order"] += 1


def _for_ever(content: Content) -> None:
    content["claim"]["radius"] = content["claim"]["time_to_radius"] = None
    for block in content["claim"]["blocks"]:
        block["angle_at_radius"] = block["law"] = None


def _more_in_the_support(content: Content) -> None:
    content["claim"]["blocks"][0]["support"] = []


def _negative_start_of_the_times(content: Content) -> None:
    content["claim"]["time_to_radius"]["start_radius_over_delta"][0] = "-1"


def _zero_start_of_the_times(content: Content) -> None:
    content["claim"]["time_to_radius"]["start_radius_over_delta"][0] = "0"


def _start_of_the_times_reversed(content: Content) -> None:
    content["claim"]["time_to_radius"]["start_radius_over_delta"].reverse()


def _start_before_time_zero(content: Content) -> None:
    content["claim"]["time_to_radius"]["start_time"][0] = "-1"


def _upper_rate_below_the_lower(content: Content) -> None:
    content["claim"]["time_to_radius"]["n_upper"] = "1/1000000"


def _kkt_point_alone_on_the_sphere(content: Content) -> None:
    content["claim"]["blocks"][0]["kkt_point"]["radius"] = "4"


def _kkt_point_alone_beyond_the_trap(content: Content) -> None:
    content["claim"]["blocks"][0]["kkt_point"]["radius"] = str(value_of(content["groups"][0]["trap"]["r0"]))


def _block_horizon_after_the_horizon(content: Content) -> None:
    content["claim"]["blocks"][0]["horizon"] = str(value_of(content["claim"]["horizon"]["scaled_time"]) + 1)


def _other_weights(content: Content) -> None:
    content["claim"]["blocks"][0]["weights"] = [0, 1]


ATTACKS: dict[str, Callable[[Content], None]] = {
    name.strip("_"): value
    for name, value in list(globals().items())
    if name.startswith("_") and callable(value) and name != "_windows"
}
"""Name of the attack -> what it does to a certificate of a block that converges."""
