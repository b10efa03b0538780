"""Certificates of blocks that are only followed, start exactly at a KKT point, or are dead, that must be
refused: an accepted one, altered in one place and sealed again with correct hashes.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import value_of

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _block(k: int, key: str, factor: Fraction | None = None, value: Any = None) -> Attack:
    """Another number claimed of a block: `value`, or the number times `factor`."""

    def attack(content: Content) -> None:
        block = content["claim"]["blocks"][k]
        block[key] = value if factor is None else str(value_of(block[key]) * factor)

    return attack


def _outcome(k: int, outcome: str) -> Attack:
    def attack(content: Content) -> None:
        content["groups"][k]["outcome"] = content["claim"]["blocks"][k]["outcome"] = outcome
        if outcome != "followed":
            content["groups"][k]["reason"] = content["claim"]["blocks"][k]["reason"] = ""

    return attack


def _rest_of_the_followed(content: Content) -> None:
    """As if it did not grow after the horizon."""
    times = content["claim"]["time_to_radius"]
    times["n_upper"] = str(max(value_of(times["n_lower"]), value_of(times["n_upper"]) / 2))


def _earlier_horizon(content: Content) -> None:
    horizon = content["claim"]["horizon"]
    horizon["scaled_time"] = str(value_of(horizon["scaled_time"]) * Fraction(99, 100))


def _alone(content: Content) -> None:
    """The network of the followed neuron alone."""
    problem = content["problem"]
    problem["network"].update(width=1)
    del problem["network"]["signs"]
    problem["direction"] = problem["direction"][2:]
    del content["groups"][0], content["claim"]["blocks"][0]
    content["claim"]["blocks"][0].update(index=0, weights=[0, 2])


def _all_are_followed(content: Content) -> None:
    """What is left to wait for is the start."""
    group, block = content["groups"][0], content["claim"]["blocks"][0]
    group.update(outcome="followed", trap=None)
    block.update(outcome="followed")
    for key in ("kkt_point", "support", "value", "gap", "angle_at_horizon", "angle_at_radius", "law"):
        block[key] = None


def _trap(key: str, value: str) -> Attack:
    return lambda content: content["groups"][0]["trap"].update({key: value})


def _law(key: str, value: Any) -> Attack:
    def attack(content: Content) -> None:
        content["claim"]["blocks"][0]["law"][key] = value

    return attack


def _beside_the_point(content: Content) -> None:
    """A start so near to the KKT point that on the grid of the certificate it is the point."""
    content["problem"]["direction"] = ["1/1000000000000000000000000000000", "1"]


def _with_a_ball_of_starts(content: Content) -> None:
    content["claim"]["start_angle"] = "1/1000000000000000000000000000000"


def _attracting(content: Content) -> None:
    """As if the KKT point were a maximum: what starts near comes to it."""
    _outcome(0, "converges")(content)
    _trap("gamma", "1*2^-1")(content)


def _at_the_other_end(content: Content) -> None:
    """The limit point is the opposite direction."""
    centre = content["claim"]["blocks"][0]["kkt_point"]["centre"]
    centre[1] = "-" + centre[1]


def _called_zero(content: Content) -> None:
    _outcome(0, "zero")(content)
    content["groups"][0].update(start=None, windows=[], trap=None)


def _a_sample_passes(content: Content) -> None:
    """The same start but for the sign of a weight of the first layer, with which one neuron is active."""
    content["problem"]["direction"][1] = "537/500"
    content["groups"][0]["start"][0][1] *= -1


ATTACKS: dict[str, dict[str, Attack]] = {
    "exact-start": {
        "start-beside-the-point": _beside_the_point,
        "a-ball-of-starts": _with_a_ball_of_starts,
        "called-attracting": _attracting,
        "opposite-point": _at_the_other_end,
        "less-unstable": _trap("gamma", "-1*2^-1"),
        "wider-region": _trap("r0", "1*2^-2"),
        "smaller-angle-at-the-radius": _block(0, "angle_at_radius", Fraction(99, 100)),
        "smaller-floor": _law("floor", "41/100"),
        "other-support": _block(0, "support", value=[]),
        "a-gap-above": _block(0, "gap", value=["-1", None]),
        "a-gap-with-an-upper-end": _block(0, "gap", value=["-2", "-1"]),
        "larger-radius": lambda c: c["claim"].update(radius="1/6"),
        "larger-value": _block(0, "value", value=["51/100", "13/25"]),
    },
    "dead-deep": {
        "called-zero": _called_zero,
        "called-fading": _outcome(0, "fades"),
        "a-sample-passes": _a_sample_passes,
        "a-kkt-point": lambda c: c["claim"]["blocks"][0].update(
            kkt_point={"centre": ["1*2^0"] + ["0*2^0"] * 9, "radius": "1/1000"}
        ),
        "for-leaky-activations": lambda c: c["problem"]["network"]["activation"].update(alpha="1/100"),
    },
    "followed": {
        "angle-to-the-limit-flow-smaller": _block(1, "angle_to_curve", Fraction(99, 100)),
        "angle-to-the-curve-alone": _block(1, "angle_to_curve", Fraction(1, 2)),
        "angle-to-the-limit-flow-of-what-converges": _block(0, "angle_to_curve", value="1"),
        "angle-to-a-kkt-point": _block(1, "angle_at_horizon", value="1/5"),
        "epsilon-at-the-radius": _block(1, "angle_at_radius", value="1/100"),
        "a-followed-neuron-is-dead": _outcome(1, "dead"),
        "no-growth-after-the-horizon": _rest_of_the_followed,
        "shorter-curve": lambda content: content["groups"][1]["windows"].pop(),
        "earlier-horizon": _earlier_horizon,
        "horizon-at-the-end-of-its-curve": _block(1, "horizon", Fraction(11, 10)),
        "single-neuron": _alone,
        "all-are-followed": _all_are_followed,
        "larger-radius": lambda content: content["claim"].update(radius="1/2"),
    },
}
"""Name of an accepted certificate -> attack -> what it changes."""
