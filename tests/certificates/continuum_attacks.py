"""Attacks on the certificate of a deep linear network, whose limit is one of a continuum of KKT points: each
breaks one condition of O1, O2 or of the claim.
"""

from collections.abc import Callable
from fractions import Fraction

from attacks import Content, dyadic, value_of

Change = Callable[[Content], object]


def _lift(content: Content) -> dict[str, object]:
    return content["groups"][0]["ending"]["lifts"][0]


def _scaled(content: Content, key: str, factor: Fraction) -> None:
    trap = content["groups"][0]["trap"]
    trap[key] = dyadic(value_of(trap[key]) * factor)


def _scaled_sigma(content: Content, factor: Fraction) -> None:
    for lift in content["groups"][0]["ending"]["lifts"]:
        lift["sigma"] = dyadic(value_of(lift["sigma"]) * factor)


def _block(content: Content) -> dict[str, object]:
    return content["claim"]["blocks"][0]


def _smaller(content: Content, *path: str) -> None:
    place = _block(content)
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = str(value_of(place[path[-1]]) * Fraction(99, 100))


def _declared(content: Content, outcome: str) -> None:
    content["groups"][0]["outcome"] = _block(content)["outcome"] = outcome
    content["groups"][0].pop("ending")


def _first_point_without_lifts(content: Content) -> None:
    _declared(content, "converges")
    del _block(content)["law"]["of"]


ATTACKS: dict[str, dict[str, Change]] = {
    "continuum": {
        "no-lifts": lambda content: content["groups"][0].pop("ending"),
        "one-layer-not-lifted": lambda content: content["groups"][0]["ending"]["lifts"].pop(),
        "sigma-zero": lambda content: _scaled_sigma(content, Fraction(0)),
        "sigma-negative": lambda content: _scaled_sigma(content, Fraction(-1)),
        "sigma-smaller": lambda content: _scaled_sigma(content, Fraction(1, 1024)),
        "sigma-larger": lambda content: _scaled_sigma(content, Fraction(1 << 20)),
        "rotations-of-another-layer": lambda content: _lift(content).update(rotations=2),
        "gamma-larger": lambda content: _scaled(content, "gamma", Fraction(65, 64)),
        "r0-smaller": lambda content: _scaled(content, "r0", Fraction(3, 4)),
        "r0-larger": lambda content: _scaled(content, "r0", Fraction(2)),
        "no-radial-lift": lambda content: _scaled(content, "s", Fraction(0)),
        "declared-converging": lambda content: _declared(content, "converges"),
        "declared-converging-without-lifts": _first_point_without_lifts,
        "declared-exact-start": lambda content: _declared(content, "exact-start"),
        "law-of-points": lambda content: _block(content)["law"].update(of="point"),
        "upper-end-of-the-gap": lambda content: _block(content).update(
            gap=[_block(content)["gap"][0], "1000"]
        ),
        "epsilon-smaller": lambda content: content["claim"].update(
            epsilon=str(Fraction(content["claim"]["epsilon"]) * Fraction(99, 100))
        ),
        "kkt-radius-smaller": lambda content: _smaller(content, "kkt_point", "radius"),
        "kkt-radius-beyond-r0": lambda content: _block(content)["kkt_point"].update(radius="1/10"),
        "angle-at-horizon-smaller": lambda content: _smaller(content, "angle_at_horizon"),
        "angle-at-radius-smaller": lambda content: _smaller(content, "angle_at_radius"),
        "floor-smaller": lambda content: _smaller(content, "law", "floor"),
        "coefficient-smaller": lambda content: _smaller(content, "law", "coefficient"),
        "no-radius": lambda content: content["claim"].update(radius=None),
    },
}
"""Accepted certificate -> name -> what is changed in it."""
