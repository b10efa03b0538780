"""Attacks on certificates of limits in a continuum of equal eigenvalues, alone and beside another neuron, and
of an exact start beside a neuron that moves: each breaks one condition of O2, O5, O8 or of the claim.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import Content, dyadic, value_of

Change = Callable[[Content], object]


def _lift(content: Content) -> dict[str, Any]:
    return content["groups"][0]["ending"]["lifts"][0]


def _turned(*entries: list[Any]) -> Change:
    return lambda content: _lift(content).update(commuting=list(entries))


def _sigma(factor: Fraction) -> Change:
    def change(content: Content) -> None:
        lift = _lift(content)
        lift["sigma"] = dyadic(value_of(lift["sigma"]) * factor)

    return change


def _trap(key: str, factor: Fraction, k: int = 0) -> Change:
    def change(content: Content) -> None:
        trap = content["groups"][k]["trap"]
        trap[key] = dyadic(value_of(trap[key]) * factor)

    return change


def _smaller(*path: str, k: int = 0, factor: Fraction = Fraction(99, 100)) -> Change:
    def change(content: Content) -> None:
        place = content["claim"]["blocks"][k]
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = str(value_of(place[path[-1]]) * factor)

    return change


def _claim(key: str, factor: Fraction) -> Change:
    def change(content: Content) -> None:
        content["claim"][key] = str(value_of(content["claim"][key]) * factor)

    return change


def _declared(k: int, outcome: str) -> Change:
    def change(content: Content) -> None:
        content["groups"][k]["outcome"] = content["claim"]["blocks"][k]["outcome"] = outcome
        content["groups"][k].pop("ending", None)

    return change


def _near_the_kink(content: Content) -> None:
    """A sample of next to no weight, that is active for some directions of the trap and not for others."""
    data = content["problem"]["data"]
    data["X"].append(["1/250", "-3/1000", "1/1000"])
    data["y"].append("1/100000000000000000000000000000")
    data["X"].append(["0", "0", "0"])
    data["y"].append("0")


def _nearly_equal(content: Content) -> None:
    data = content["problem"]["data"]
    data["y"][0] = "100000000000000000001/100000000000000000000"


def _leaky(content: Content) -> None:
    content["problem"]["network"]["activation"]["alpha"] = "1/1000000000000000"


def _without_trap(k: int, outcome: str) -> Change:
    def change(content: Content) -> None:
        group, block = content["groups"][k], content["claim"]["blocks"][k]
        group.update(outcome=outcome, trap=None)
        block.update(outcome=outcome)
        group["reason"] = block["reason"] = "it is slow"
        if outcome == "inconclusive":
            group.update(start=None, windows=[])
            block["horizon"] = None
        for key in ("kkt_point", "support", "value", "gap", "angle_at_horizon", "angle_at_radius", "law"):
            block[key] = None

    return change


def _exact_with_a_window_of_its_own(content: Content) -> None:
    content["groups"][0]["windows"] = content["groups"][1]["windows"][:1]


def _floor_without_the_way_before(content: Content) -> None:
    """K/(gamma + nu), as if nothing had happened before the horizon."""
    law = content["claim"]["blocks"][0]["law"]
    law["floor"] = str(value_of(law["floor"]) * Fraction(4, 5))


ATTACKS: dict[str, dict[str, Change]] = {
    "equal-eigenvalues": {
        "no-lifts": lambda content: content["groups"][0].pop("ending"),
        "nearly-equal-eigenvalues": _nearly_equal,
        "turns-out-of-the-eigenspace": _turned([0, 1, "1"], [0, 2, "1/1000000000"]),
        "turns-the-third-weight": _turned([0, 2, "1"]),
        "no-turn": _turned([0, 1, "0"]),
        "entries-twice": _turned([0, 1, "1/2"], [0, 1, "1/2"]),
        "a-sample-near-its-kink": _near_the_kink,
        "another-branch": _leaky,
        "sigma-zero": _sigma(Fraction(0)),
        "sigma-negative": _sigma(Fraction(-1)),
        "sigma-huge": _sigma(Fraction(2**66)),
        "sigma-larger": _sigma(Fraction(2**12)),
        "a-long-xi": _turned([0, 1, "64"]),
        "gamma-larger": _trap("gamma", Fraction(65, 64)),
        "r0-larger": _trap("r0", Fraction(3, 2)),
        "no-radial-lift": _trap("s", Fraction(0)),
        "declared-converging": _declared(0, "converges"),
        "declared-exact-start": _declared(0, "exact-start"),
        "law-of-points": lambda content: content["claim"]["blocks"][0]["law"].update(of="point"),
        "upper-end-of-the-gap": lambda content: content["claim"]["blocks"][0].update(gap=["1/8", "1000"]),
        "gap-larger": lambda content: content["claim"]["blocks"][0].update(gap=["2/5", None]),
        "epsilon-smaller": _claim("epsilon", Fraction(99, 100)),
        "radius-larger": _claim("radius", Fraction(101, 100)),
        "kkt-radius-smaller": _smaller("kkt_point", "radius"),
        "angle-at-horizon-smaller": _smaller("angle_at_horizon"),
        "angle-at-radius-smaller": _smaller("angle_at_radius"),
        "floor-smaller": _smaller("law", "floor"),
        "coefficient-smaller": _smaller("law", "coefficient"),
    },
    "continua": {
        "followed-beside-it": _without_trap(1, "followed"),
        "unknown-beside-it": _without_trap(1, "inconclusive"),
        "one-that-shrinks-declared-converging": _declared(1, "converges"),
        "declared-converging": _declared(0, "converges"),
        "epsilon-smaller": _claim("epsilon", Fraction(96, 100)),
        "radius-larger": _claim("radius", Fraction(102, 100)),
        "delta-bar-larger": _claim("delta_bar", Fraction(11, 10)),
        "kkt-radius-smaller": _smaller("kkt_point", "radius"),
        "angle-at-horizon-smaller": _smaller("angle_at_horizon"),
        "angle-at-radius-smaller": _smaller("angle_at_radius"),
        "floor-smaller": _smaller("law", "floor"),
        "coefficient-smaller": _smaller("law", "coefficient"),
        "no-radius": lambda content: content["claim"].update(radius=None),
    },
    "continuum-shrinking": {
        "a-gap-where-all-is-turned": lambda content: content["claim"]["blocks"][0].update(
            gap=["1/1000", None]
        ),
        "a-radius": lambda content: content["claim"].update(radius="1"),
        "a-law": lambda content: content["claim"]["blocks"][0].update(
            law={"exponent": ["1", "1"], "coefficient": "1", "floor": "1", "of": "set"}
        ),
        "angle-at-horizon-smaller": _smaller("angle_at_horizon"),
        "a-ball-of-starts": lambda content: content["claim"].update(start_angle="1/1000"),
        "epsilon-smaller": _claim("epsilon", Fraction(95, 100)),
        "larger-delta-bar": _claim("delta_bar", Fraction(11, 10)),
    },
    "exact-start-beside": {
        "floor-without-the-way-before": _floor_without_the_way_before,
        "floor-smaller": _smaller("law", "floor"),
        "angle-at-horizon-smaller": _smaller("angle_at_horizon"),
        "angle-at-horizon-zero": lambda content: content["claim"]["blocks"][0].update(angle_at_horizon="0"),
        "angle-at-radius-smaller": _smaller("angle_at_radius"),
        "a-curve-of-its-own": _exact_with_a_window_of_its_own,
        "gamma-larger": _trap("gamma", Fraction(63, 64)),
        "epsilon-smaller": _claim("epsilon", Fraction(95, 100)),
        "radius-larger": _claim("radius", Fraction(104, 100)),
        "a-ball-of-starts": lambda content: content["claim"].update(start_angle="1/1000000000"),
        "unknown-beside-it": _without_trap(1, "inconclusive"),
        "followed-beside-it": _without_trap(1, "followed"),
    },
}
"""Accepted certificate -> name -> what is changed in it."""
