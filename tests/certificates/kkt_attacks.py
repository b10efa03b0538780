"""Lists of KKT points that must be refused: an accepted one, altered in one place and sealed again with
correct hashes.
"""

import copy
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from attacks import dyadic, value_of

Content = dict[str, Any]
Attack = Callable[[Content], None]


def _points(content: Content) -> list[Any]:
    return content["claim"]["points"]


def _first(content: Content, *kinds: str) -> Any:
    return next(point for point in _points(content) if not kinds or point["kind"] in kinds)


def _width(pair: list[str]) -> Fraction:
    """A shift that certainly leaves an interval of the corpus: much wider than it, much smaller than its
    numbers.
    """
    low, high = map(Fraction, pair)
    return 2 * (high - low) + Fraction(1, 10**6)


def _shifted(key: str, side: int) -> Attack:
    def attack(content: Content) -> None:
        point = _first(content)
        step = side * _width(point[key])
        point[key] = [str(Fraction(v) + step) for v in point[key]]

    return attack


def _narrowed(key: str, end: int) -> Attack:
    def attack(content: Content) -> None:
        pair = next(point[key] for point in _points(content) if point[key][0] != point[key][1])
        pair[1 - end] = pair[end]

    return attack


def _reversed_interval(content: Content) -> None:
    pair = _first(content)["value"]
    pair[:] = [str(Fraction(pair[1]) + 1), str(Fraction(pair[0]) - 1)]


def _missing_point(content: Content) -> None:
    _points(content).pop(0)
    if content["evidence"]:
        content["evidence"].pop(0)


def _missing_last_point(content: Content) -> None:
    _points(content).pop()
    if content["evidence"]:
        content["evidence"].pop()


def _repeated_point(content: Content) -> None:
    _points(content).insert(1, _points(content)[0])
    if content["evidence"]:
        content["evidence"].insert(1, content["evidence"][0])


def _point_listed_with_two_centres(content: Content) -> None:
    twin = copy.deepcopy(_points(content)[0])
    k = next(i for i, v in enumerate(twin["centre"]) if abs(value_of(v)) != 1)
    twin["centre"][k] = dyadic(value_of(twin["centre"][k]) + Fraction(1, 2**100))
    _points(content).insert(1, twin)
    content["evidence"].insert(1, content["evidence"][0])


def _order_of_points(content: Content) -> None:
    _points(content).reverse()
    content["evidence"].reverse()


def _maximum_called_minimum(content: Content) -> None:
    _first(content, "maximum")["kind"] = "minimum"


def _minimum_called_maximum(content: Content) -> None:
    _first(content, "minimum")["kind"] = "maximum"


def _no_assumptions(content: Content) -> None:
    content["claim"]["assumptions"] = []


def _other_function(content: Content) -> None:
    content["claim"]["of"] = "network" if content["claim"]["of"] == "neuron" else "neuron"


def _other_status(content: Content) -> None:
    content["claim"]["kkt_status"] = "partial" if content["claim"]["kkt_status"] == "complete" else "complete"


def _other_data(content: Content) -> None:
    X = content["problem"]["data"]["X"]
    X[0][0] = str(Fraction(X[0][0]) + Fraction(1, 10**6))


def _other_label(content: Content) -> None:
    y = content["problem"]["data"]["y"]
    y[0] = str(-Fraction(y[0]))


def _other_power(content: Content) -> None:
    content["problem"]["network"]["activation"]["power"] += 1


def _other_slope(content: Content) -> None:
    content["problem"]["network"]["activation"]["alpha"] = "1/7"


def _summed_loss(content: Content) -> None:
    content["problem"]["loss"]["reduction"] = "sum"


def _lower_n_max(content: Content) -> None:
    content["claim"]["n_max_upper"] = str(Fraction(content["claim"]["n_max_upper"]) - Fraction(1, 10**6))


def _dead_cone_claimed(content: Content) -> None:
    content["claim"]["dead_cone"] = True


def _box_turned(content: Content) -> None:
    point = next(p for p in _points(content) if p["kind"] != "arc" and len(p["directions"]) == 2)
    # A small rotation takes the zero of the derivative out of the box.
    point["directions"] = [
        [str(Fraction(x) - Fraction(y) / 1000), str(Fraction(y) + Fraction(x) / 1000)]
        for x, y in point["directions"]
    ]


def _box_backwards(content: Content) -> None:
    next(p for p in _points(content) if p["kind"] != "arc" and len(p["directions"]) == 2)[
        "directions"
    ].reverse()


def _box_collapsed(content: Content) -> None:
    point = next(p for p in _points(content) if p["kind"] != "arc" and len(p["directions"]) == 2)
    point["directions"][0] = point["directions"][1]


def _opposite_direction(content: Content) -> None:
    point = _first(content)
    point["directions"] = [[str(-Fraction(v)) for v in d] for d in point["directions"]]


def _arc_end_moved(content: Content) -> None:
    x, y = _first(content, "arc")["directions"][1]
    _first(content, "arc")["directions"][1] = [
        str(Fraction(x) - Fraction(y) / 1000),
        str(Fraction(y) + Fraction(x) / 1000),
    ]


def _arc_start_moved(content: Content) -> None:
    x, y = _first(content, "arc")["directions"][0]
    _first(content, "arc")["directions"][0] = [
        str(Fraction(x) + Fraction(y) / 1000),
        str(Fraction(y) - Fraction(x) / 1000),
    ]


def _arc_the_other_way(content: Content) -> None:
    _first(content, "arc")["directions"].reverse()


def _arc_called_maximum(content: Content) -> None:
    _first(content, "arc")["kind"] = "maximum"


def _saddle_called_maximum(content: Content) -> None:
    _first(content, "saddle")["kind"] = "maximum"


def _saddle_called_minimum(content: Content) -> None:
    _first(content, "saddle")["kind"] = "minimum"


def _larger_uniqueness(content: Content) -> None:
    for point in _points(content):
        point["unique_radius"] = "1*2^0"


def _smaller_radius(content: Content) -> None:
    # Below the distance between a centre, which is rounded, and the point.
    for point in _points(content):
        point["radius"] = "1*2^-119"


def _radius_above_uniqueness(content: Content) -> None:
    point = _first(content)
    point["radius"] = dyadic(2 * value_of(point["unique_radius"]))


def _moved_centre(content: Content) -> None:
    centre = _first(content)["centre"]
    k = next(i for i, v in enumerate(centre) if abs(value_of(v)) != 1)
    centre[k] = dyadic(value_of(centre[k]) + Fraction(1, 2**40) * (-1 if value_of(centre[k]) > 0 else 1))


def _opposite_centre(content: Content) -> None:
    point = _first(content)
    point["centre"] = [dyadic(-value_of(v)) for v in point["centre"]]


def _other_face(content: Content) -> None:
    centre = _first(content)["centre"]
    centre[[abs(value_of(v)) for v in centre].index(1)] = "1*2^-1"


def _test_vector_along_the_point(content: Content) -> None:
    centre = [value_of(v) for v in _points(content)[0]["centre"]]
    content["evidence"][0]["top"] = [round(v * 2**20) for v in centre]


def _partial_list_called_complete(content: Content) -> None:
    content["claim"].update(kkt_status="complete", proof="cover", n_max_upper="1000")


def _planar_proof_claimed(content: Content) -> None:
    content["claim"].update(kkt_status="complete", proof="planar", n_max_upper="1000")
    content["evidence"] = []


def _n_max_of_a_partial_list(content: Content) -> None:
    content["claim"]["n_max_upper"] = "1000"


def _no_dead_cone(content: Content) -> None:
    content["claim"]["dead_cone"] = False


GENERAL: dict[str, Attack] = {
    "value-shifted-up": _shifted("value", 1),
    "value-shifted-down": _shifted("value", -1),
    "gap-shifted-up": _shifted("gap", 1),
    "gap-shifted-down": _shifted("gap", -1),
    "value-cut-below": _narrowed("value", 1),
    "value-cut-above": _narrowed("value", 0),
    "gap-cut-below": _narrowed("gap", 1),
    "gap-cut-above": _narrowed("gap", 0),
    "reversed-interval": _reversed_interval,
    "order-of-points": _order_of_points,
    "repeated-point": _repeated_point,
    "no-assumptions": _no_assumptions,
    "other-function": _other_function,
    "other-status": _other_status,
    "other-data": _other_data,
    "other-label": _other_label,
    "other-power": _other_power,
    "other-slope": _other_slope,
    "summed-loss": _summed_loss,
}
COMPLETE: dict[str, Attack] = {
    "missing-point": _missing_point,
    "missing-last-point": _missing_last_point,
    "lower-n-max": _lower_n_max,
    "maximum-called-minimum": _maximum_called_minimum,
    "minimum-called-maximum": _minimum_called_maximum,
}
CENTRES: dict[str, Attack] = {
    "maximum-called-minimum": _maximum_called_minimum,
    "minimum-called-maximum": _minimum_called_maximum,
    "point-listed-with-two-centres": _point_listed_with_two_centres,
    "larger-uniqueness": _larger_uniqueness,
    "smaller-radius": _smaller_radius,
    "radius-above-uniqueness": _radius_above_uniqueness,
    "moved-centre": _moved_centre,
    "opposite-centre": _opposite_centre,
    "other-face": _other_face,
    "test-vector-along-the-point": _test_vector_along_the_point,
}
DIRECTIONS: dict[str, Attack] = {
    "dead-cone-claimed": _dead_cone_claimed,
    "opposite-direction": _opposite_direction,
    "box-turned": _box_turned,
    "box-backwards": _box_backwards,
    "box-collapsed": _box_collapsed,
}
ARCS: dict[str, Attack] = {
    "arc-end-moved": _arc_end_moved,
    "arc-start-moved": _arc_start_moved,
    "arc-the-other-way": _arc_the_other_way,
    "arc-called-maximum": _arc_called_maximum,
}
SADDLES: dict[str, Attack] = {
    "saddle-called-maximum": _saddle_called_maximum,
    "saddle-called-minimum": _saddle_called_minimum,
}
PARTIAL: dict[str, Attack] = {
    "partial-list-called-complete": _partial_list_called_complete,
    "n-max-of-a-partial-list": _n_max_of_a_partial_list,
    "dead-cone-claimed": _dead_cone_claimed,
}

ATTACKS: dict[str, dict[str, Attack]] = {
    "kkt-planar": {**GENERAL, **COMPLETE, **DIRECTIONS, **ARCS},
    "kkt-planar-leaky": {
        **SADDLES,
        "opposite-direction": _opposite_direction,
        "missing-point": _missing_point,
        "other-slope": _other_slope,
        "lower-n-max": _lower_n_max,
    },
    "kkt-cover": {
        **GENERAL,
        **COMPLETE,
        **CENTRES,
        **SADDLES,
        "dead-cone-claimed": _dead_cone_claimed,
        "planar-proof-claimed": _planar_proof_claimed,
    },
    "kkt-cover-dead-cone": {"no-dead-cone": _no_dead_cone, **COMPLETE},
    "kkt-points-deep": {**GENERAL, **CENTRES, **PARTIAL},
}
"""Accepted certificate -> name of the attack -> what it does."""
