"""Whether a certificate is about the problem that is meant, and how both are said where they differ."""

import copy
import json
import math
from fractions import Fraction as F

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import problems

from certflow.checker.meant import Comparison, comparison

PROBLEM = {
    "network": {
        "kind": "feed-forward",
        "inputs": 2,
        "widths": [2, 2, 1, 1],
        "activation": {"alpha": "0", "power": 2},
        "trained": [2],
        "given": {"1": [["1", "0"], ["0", "1"]], "3": [["2"]]},
    },
    "data": {"X": [["1", "0"], ["3/5", "4/5"], ["0", "1"]], "y": ["1", "-1", "2"]},
    "loss": {"kind": "square", "reduction": "mean"},
    "direction": ["0", "2", "-1"],
}
LONG = str(F(10**60 + 1, 3 * 10**60))


def changed(change):
    content = copy.deepcopy(PROBLEM)
    change(content)
    return content


def compared(change, angle="0"):
    return comparison(PROBLEM, changed(change), angle)


def test_the_same_problem_is_the_same():
    again = json.loads(json.dumps(PROBLEM))
    for angle in ("0", "1/3", None):
        assert comparison(PROBLEM, again, angle) == Comparison(True, "", "")


IN = "in the certificate and"
MEANT = "in the problem that is meant"
DIFFERENCES = {
    "another kind": (
        lambda c: c["network"].update(kind="two-layer"),
        "network",
        f"kind is feed-forward {IN} two-layer {MEANT}",
    ),
    "more inputs": (lambda c: c["network"].update(inputs=3), "network", f"inputs is 2 {IN} 3 {MEANT}"),
    "a width": (
        lambda c: c["network"]["widths"].__setitem__(1, 5),
        "network",
        f"widths[2] is 2 {IN} 5 {MEANT}",
    ),
    "a layer more": (
        lambda c: c["network"].update(widths=[2, 2, 2, 1, 1]),
        "network",
        f"widths is [2, 2, 1, 1] {IN} [2, 2, 2, 1, 1] {MEANT}",
    ),
    "no widths": (
        lambda c: c["network"].pop("widths"),
        "network",
        f"widths is [2, 2, 1, 1] {IN} not given {MEANT}",
    ),
    "a width too many": (
        lambda c: c["network"].update(width=7),
        "network",
        f"width is not given {IN} 7 {MEANT}",
    ),
    "alpha": (
        lambda c: c["network"]["activation"].update(alpha="1/2"),
        "network",
        f"activation.alpha is 0 {IN} 1/2 {MEANT}",
    ),
    "power": (
        lambda c: c["network"]["activation"].update(power=3),
        "network",
        f"activation.power is 2 {IN} 3 {MEANT}",
    ),
    "signs": (lambda c: c["network"].update(signs=[1]), "network", f"signs is not given {IN} [1] {MEANT}"),
    "long signs": (
        lambda c: c["network"].update(signs=[-1] * 50),
        "network",
        f"signs is not given {IN} [{'-1, ' * 9}-1,... {MEANT}",
    ),
    "trained": (
        lambda c: c["network"].update(trained=[1, 2]),
        "network",
        f"trained is [2] {IN} [1, 2] {MEANT}",
    ),
    "given": (
        lambda c: c["network"]["given"]["1"][1].__setitem__(0, "7"),
        "network",
        f"given.1[2][1] is 0 {IN} 7 {MEANT}",
    ),
    "a sample more": (
        lambda c: c["data"]["X"].append(["1", "1"]) or c["data"]["y"].append("1"),
        "data",
        f"the number of samples is 3 {IN} 4 {MEANT}",
    ),
    "a sample": (lambda c: c["data"]["X"][1].__setitem__(1, "1"), "sample 2", f"x[2] is 4/5 {IN} 1 {MEANT}"),
    "a label": (lambda c: c["data"]["y"].__setitem__(2, "3"), "label 3", f"y is 2 {IN} 3 {MEANT}"),
    "another loss": (
        lambda c: c["loss"].update(kind="logistic"),
        "loss",
        f"kind is square {IN} logistic {MEANT}",
    ),
    "another reduction": (
        lambda c: c["loss"].update(reduction="sum"),
        "loss",
        f"reduction is mean {IN} sum {MEANT}",
    ),
    "a long number": (
        lambda c: c["data"]["y"].__setitem__(0, LONG),
        "label 1",
        f"y is 1 {IN} about 0.333333333 {MEANT}",
    ),
    "a direction": (
        lambda c: c["direction"].__setitem__(2, "-3/2"),
        "direction",
        f"the ratio of weight 3 to weight 2 is -1/2 {IN} -3/4 {MEANT}",
    ),
    "a weight that was zero": (
        lambda c: c["direction"].__setitem__(0, "1"),
        "direction",
        f"the ratio of weight 1 to weight 2 is 0 {IN} 1/2 {MEANT}",
    ),
    "a weight that becomes zero": (
        lambda c: c["direction"].__setitem__(1, "0"),
        "direction",
        f"weight 2 is 2 {IN} 0 {MEANT}",
    ),
    "the opposite": (
        lambda c: c.update(direction=["0", "-2", "1"]),
        "direction",
        f"weight 2 is 2 {IN} -2 {MEANT}",
    ),
}


@pytest.mark.parametrize("name", list(DIFFERENCES))
def test_what_differs_first_is_named_with_both_values(name):
    change, where, reason = DIFFERENCES[name]
    for angle in ("0", "1/1000"):
        assert compared(change, angle) == Comparison(False, where, reason)
    if where != "direction":
        assert compared(change, None) == Comparison(False, where, reason)


def test_the_first_of_several_differences_is_named():
    every = list(DIFFERENCES.values())
    order = ["network", "data", "sample", "label", "loss", "direction"]
    for later, earlier in ((late, early) for late in every for early in every):
        places = [order.index(each[1].split()[0]) for each in (later, earlier)]
        if places[0] > places[1]:
            assert compared(lambda c: (later[0](c), earlier[0](c))).where == earlier[1]  # noqa: B023


def test_long_numbers_that_look_alike_are_told_apart():
    here = changed(lambda c: c["data"]["y"].__setitem__(0, LONG))
    there = changed(lambda c: c["data"]["y"].__setitem__(0, "1/3"))
    reason = f"y is about 0.333333333 {IN} 1/3 {MEANT}"
    assert comparison(here, there, "0").reason == reason
    there["data"]["y"][0] = str(F(LONG) + F(1, 10**60))
    reason = f"y is about 0.333333333 {IN} about 0.333333333 {MEANT}, a difference of 1e-60"
    assert comparison(here, there, "0").reason == reason


def test_lists_and_names_that_look_alike_are_told_apart():
    expression = {"kind": "expression", "weights": [f"weight{k}" for k in range(12)], "inputs": ["x"]}
    expression["output"] = "weight0*weight1*x"
    here = changed(lambda c: c.update(network=expression))
    there = changed(lambda c: c.update(network={**expression, "weights": expression["weights"][:-1]}))
    assert comparison(here, there, "0").reason == "weights is not the same in the problem that is meant"
    here = changed(lambda c: c.update(network={**expression, "inputs": ["x" * 50]}))
    there = changed(lambda c: c.update(network={**expression, "inputs": ["x" * 50 + "y"]}))
    assert comparison(here, there, "0").reason == "inputs[1] is not the same in the problem that is meant"


def test_numbers_that_python_cannot_write_are_said_all_the_same():
    here = changed(lambda c: c.update(direction=["0", str(F(10**3999 + 1, 3)), str(F(1, 10**3999 + 1))]))
    found = comparison(here, PROBLEM, "0")
    assert found.reason == f"the ratio of weight 3 to weight 2 is about 3e-7998 {IN} -1/2 {MEANT}"


@pytest.mark.parametrize("factor", [F(1, 7), F(10**300), F(1)])
def test_a_direction_of_any_length_is_the_same(factor):
    scaled = changed(lambda c: c.update(direction=[str(F(v) * factor) for v in c["direction"]]))
    assert comparison(PROBLEM, scaled, "0") == comparison(scaled, PROBLEM, "0") == Comparison(True)


OTHER = f"the ratio of weight 3 to weight 2 is -1/2 {IN} -51/100 {MEANT}"


def test_a_direction_that_the_claim_covers_is_fine_and_said():
    def near(c):
        c["direction"][2] = "-51/50"

    # atan(1/2) and atan(0.51) differ by 0.00796...
    assert compared(near, "79/10000") == Comparison(False, "direction", OTHER)
    wide = Comparison(True, "direction", f"{OTHER}; that is within the angle 8/1000 of the claim")
    assert compared(near, "8/1000") == wide
    everywhere = Comparison(True, "direction", f"{OTHER}; the claim is about every initial direction")
    assert compared(near, None) == everywhere


@pytest.mark.parametrize(
    ("height", "angle", "same"),
    # The angles are 0.50001, 0.50523, 0.47 and 1.01412.
    [("54632/100000", "1/2", False), ("553/1000", "1/2", False), ("508/1000", "1/2", True)]
    + [("1607/1000", "1", False), ("1/7", "1", True)],
)
@pytest.mark.parametrize("scale", [F(1), F(1, 1000)])
def test_an_angle_covers_no_more_than_itself(height, angle, same, scale):
    a = {**PROBLEM, "direction": ["0", str(scale), "0"]}
    b = {**PROBLEM, "direction": ["0", str(scale), str(scale * F(height))]}
    assert comparison(a, b, angle).same is same


def test_other_given_layers_are_named():
    found = compared(lambda c: c["network"].update(given={"3": [["2"]]}))
    assert (found.same, found.where) == (False, "network")
    assert found.reason.startswith("given is {'1': [[") and found.reason.count("...") == 1


def test_no_angle_covers_directions_at_right_angles_or_behind():
    for direction in (["1", "0", "0"], ["0", "1", "2"], ["0", "-2", "1"], ["0", "-2", "-1"]):
        found = compared(lambda c: c.update(direction=direction), "100")  # noqa: B023
        assert (found.same, found.where) == (False, "direction")


directions = st.lists(st.fractions(-5, 5, max_denominator=20), min_size=3, max_size=3).filter(any)


@given(first=directions, second=directions, angle=st.fractions(0, F(3, 2), max_denominator=50))
def test_directions_are_covered_only_within_the_angle(first, second, angle):
    a, b = (changed(lambda c, v=v: c.update(direction=list(map(str, v)))) for v in (first, second))
    found = comparison(a, b, str(angle))
    dot, sizes = (
        sum(u * v for u, v in zip(first, second, strict=True)),
        [sum(v * v for v in x) for x in (first, second)],
    )
    between = math.acos(max(-1.0, min(1.0, float(dot) / math.sqrt(sizes[0] * sizes[1]))))
    parallel = dot > 0 and dot * dot == sizes[0] * sizes[1]
    assert parallel == (found == Comparison(True))
    if not parallel:
        assume(abs(between - float(angle)) > 1e-6)
        if found.same:
            assert between < angle
        elif angle < 1:
            # The sine is bounded by its first two terms.
            assert between > angle - angle**5 / 60


@given(one=problems(), other=problems(), factor=st.fractions(F(1, 9), 9))
def test_problems_are_the_same_only_if_all_but_the_length_of_the_direction_is(one, other, factor):
    longer = one.replace(direction=[factor * v for v in one.direction])
    assert comparison(one.exact_content(), longer.exact_content(), "0") == Comparison(True)
    found = comparison(one.exact_content(), other.exact_content(), "0")
    pairs = zip(one.exact_content().items(), other.exact_content().items(), strict=True)
    alike = all(a == b for a, b in pairs if a[0] != "direction")
    lengths = [sum(v * v for v in each.direction) for each in (one, other)]
    if not alike:
        assert not found.same and found.where and " in the problem that is meant" in found.reason
    else:
        dot = sum(u * v for u, v in zip(one.direction, other.direction, strict=True))
        assert found.same == (dot > 0 and dot * dot == lengths[0] * lengths[1])
