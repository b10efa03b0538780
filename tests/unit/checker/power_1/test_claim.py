"""R9 of power 1 worked out: of every number of a claim, what is accepted at the proved bound and refused
beyond it, with the sentence.
"""

import copy
from dataclasses import replace
from fractions import Fraction as F
from types import SimpleNamespace

import pytest

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Malformed, Refused
from certflow.checker.power_1.after import Cone, Fate, Size, Theorem
from certflow.checker.power_1.claim import ClaimCheck

ROOT = F(70710678118654752440084436210484903928483593768847, 10**50)
"""1/sqrt 2, rounded down."""

TINY = F(1, 10**30)
CONE = Cone(F(1, 100), F(1, 1000), F(1, 5), F(1), F(2), F(1), F(64), True)
GROWS = Fate(F(1), point=[3 * ONE, 4 * ONE, 5 * ONE], sign=1, square=F(4), cone=CONE)
STOPS = Fate(F(0), point=[0, ONE], angle=F(1, 50), exact=True)
GONE = Fate(F(0))
START = F(1, 100) * ROOT + F(1, 1000)
"""The angle of the growing neuron at the horizon; half of it is left at the radius, (5/100)/(1/10) = 1/2."""

POINT = ["kkt_point", "support", "value", "gap", "horizon", "angle_at_horizon", "angle_at_radius", "law"]


def theorem(indices=((0, 2, 1), (3, 4), (5, 6)), **entries):
    problem = SimpleNamespace(rate=F(3, 2), mass=F(4), indices=indices)
    size = Size(F(1), F(1, 400), F(1, 100))
    numbers = {"epsilon": F(1, 10), "delta": F(1, 100), "R": F(1, 10), "T": F(3), "size": size}
    numbers |= {"scale": F(1, 10), "square": F(4), "most": F(100), "largest": F(7, 3)}
    return Theorem(problem, Clock(None), **(numbers | entries))


def claimed():
    """A claim at all proved bounds; only what is irrational is a little above or below."""
    none = dict.fromkeys(POINT)
    law = {"exponent": ["0", "1"], "coefficient": 5 * START + TINY, "floor": ROOT / 4 + TINY}
    grows = {
        "kkt_point": {"centre": ["3*2^0", "1*2^2", "5*2^0"], "radius": F(1, 10**34)},
        "support": [0],
        "value": ["3/2", "3/2"],
        "gap": ["3", "3"],
        "horizon": "2",
        "angle_at_horizon": START + TINY,
        "angle_at_radius": START / 2 + ROOT / 100 + TINY,
        "law": law,
    }
    stops = none | {"value": ["0", "0"], "angle_at_horizon": "1/50", "angle_at_radius": "1/50"}
    stops |= {"kkt_point": {"centre": ["0*2^0", "3*2^0"], "radius": "0"}, "horizon": "2", "support": [1]}
    blocks = [
        {"index": 0, "weights": [0, 3], "outcome": "converges", "reason": "it turns"} | grows,
        {"index": 1, "weights": [3, 2], "outcome": "stops", "reason": "it stops"} | stops,
        {"index": 2, "weights": [5, 2], "outcome": "zero", "reason": "nothing"} | none,
    ]
    times = {"start_radius_over_delta": ["4", "5"], "n_lower": "3/8", "n_upper": "3/4"}
    return {
        "radius": "1/10",
        "horizon": {"scaled_time": "2", "norm_over_delta": None},
        "growth": {"factor_squared": "25"},
        "n_max_upper": "7/4",
        "time_to_radius": times | {"start_time": ["2", "2"]},
        "blocks": blocks,
    }


def written(value):
    if isinstance(value, dict):
        return {key: written(each) for key, each in value.items()}
    if isinstance(value, list):
        return [written(each) for each in value]
    return str(value) if isinstance(value, F) else value


def compare(claim, fates=(GROWS, STOPS, GONE), **entries):
    nodes = Node(written(claim), "").fields(" ".join(claim))
    blocks = nodes.pop("blocks").items(0, 9)
    check = ClaimCheck(theorem(**entries), nodes, list(fates))
    check.compare(blocks, [block["outcome"] for block in claim["blocks"]])
    return check


def changed(path, value):
    claim = copy.deepcopy(claimed())
    *keys, last = (int(key) if key.isdigit() else key for key in path.split("."))
    place = claim
    for key in keys:
        place = place[key]
    place[last] = value(F(place[last])) if callable(value) else value
    return claim


def refusal(claim, **entries):
    with pytest.raises(Refused) as found:
        compare(claim, **entries)
    return found.value.rule, found.value.where, found.value.reason


def test_a_claim_at_the_proved_bounds_is_accepted():
    check = compare(claimed())
    assert (check.check.clock.rule, check.check.clock.where) == ("R9", "blocks[2]")
    assert (check.fastest, check.growth, check.horizon, check.known) == (1, 5, 2, True)


def less(v):
    return v - TINY * 2


def more(v):
    return v + TINY * 2


BELOW, NARROW = "it is below the proved bound", "it is narrower than what is proved"
OTHER, STEEP = "it does not agree with the rest of the certificate", "it is above the proved power"
UPPER, GAP = "the upper start is lower than what is proved", "no such gap is proved"
START_AND_SPEED = "no neuron that converges starts and grows as claimed"
TIMES, BLOCK = "time_to_radius", "blocks.0"


@pytest.mark.parametrize(
    ("path", "value", "where", "reason", "rule"),
    [
        ("horizon.scaled_time", less, "", "it is not the end of the table", "R9"),
        ("horizon.scaled_time", more, "", "it is not the end of the table", "R9"),
        ("horizon.norm_over_delta", "2", "", OTHER, "R9"),
        ("growth.factor_squared", less, "", BELOW, "R9"),
        ("n_max_upper", less, "", BELOW, "R9"),
        (f"{TIMES}.start_radius_over_delta.0", more, TIMES, START_AND_SPEED, "R9"),
        (f"{TIMES}.n_lower", more, TIMES, START_AND_SPEED, "R9"),
        (f"{TIMES}.start_radius_over_delta.1", less, f"{TIMES}.start_radius_over_delta", UPPER, "R9"),
        (f"{TIMES}.n_upper", less, "", BELOW, "R9"),
        (f"{TIMES}.start_time.0", more, f"{TIMES}.start_time", NARROW, "R9"),
        (f"{TIMES}.start_time.1", less, f"{TIMES}.start_time", NARROW, "R9"),
        (f"{TIMES}.start_time.0", "-1", f"{TIMES}.start_time", "a time is negative", "R9"),
        (
            f"{TIMES}.start_radius_over_delta.0",
            "0",
            f"{TIMES}.start_radius_over_delta",
            "0 < low <= high is needed",
            "R9",
        ),
        (
            f"{TIMES}.start_radius_over_delta.1",
            "3",
            f"{TIMES}.start_radius_over_delta",
            "0 < low <= high is needed",
            "R9",
        ),
        (f"{TIMES}.start_radius_over_delta", ["5", "5"], TIMES, START_AND_SPEED, "R9"),
        (f"{TIMES}.n_upper", "3/8", "", BELOW, "R9"),
        (f"{TIMES}.n_lower", "0", "", "0 < n_lower <= n_upper is needed", "R9"),
        (f"{TIMES}.n_upper", "37/100", f"{TIMES}.n_lower", "0 < n_lower <= n_upper is needed", "R9"),
        (f"{BLOCK}.index", 1, "", OTHER, "R9"),
        (f"{BLOCK}.weights", [[0, 2], [2, 1]], "", OTHER, "R9"),
        (f"{BLOCK}.support", [1], "", OTHER, "R9"),
        (f"{BLOCK}.kkt_point.radius", F(1, 10**37), "", BELOW, "R9"),
        (f"{BLOCK}.value.0", more, f"{BLOCK}.value", NARROW, "R9"),
        (f"{BLOCK}.value.1", less, f"{BLOCK}.value", NARROW, "R9"),
        (f"{BLOCK}.gap.0", more, f"{BLOCK}.gap", GAP, "R9"),
        (f"{BLOCK}.gap.1", less, f"{BLOCK}.gap", GAP, "R9"),
        (f"{BLOCK}.horizon", less, "", "it is not the horizon of the claim", "R9"),
        (f"{BLOCK}.horizon", more, "", "it is not the horizon of the claim", "R9"),
        (f"{BLOCK}.angle_at_horizon", less, "", BELOW, "R9"),
        (f"{BLOCK}.angle_at_radius", less, "", BELOW, "R9"),
        (f"{BLOCK}.law.exponent.1", more, f"{BLOCK}.law.exponent", STEEP, "Q8"),
        (f"{BLOCK}.law.exponent.0", "-1", f"{BLOCK}.law.exponent", STEEP, "Q8"),
        (f"{BLOCK}.law.exponent.1", "-1", f"{BLOCK}.law.exponent", STEEP, "Q8"),
        (f"{BLOCK}.law.coefficient", less, "", BELOW, "Q8"),
        (f"{BLOCK}.law.floor", less, "", BELOW, "Q8"),
        ("blocks.1.value.0", TINY, "blocks.1.value", NARROW, "R9"),
        ("blocks.1.value.1", -TINY, "blocks.1.value", NARROW, "R9"),
        ("blocks.1.gap", ["0", None], "blocks.1.gap", GAP, "R9"),
        ("blocks.1.angle_at_horizon", less, "", BELOW, "R9"),
        ("blocks.1.angle_at_radius", less, "", BELOW, "R9"),
        ("blocks.1.law", {"exponent": 0}, None, None, None),
        *((f"blocks.2.{key}", value, "", OTHER, "R9") for key in POINT for value in ("0", [2])),
    ],
)
def test_numbers_beyond_the_proved_bounds_are_refused(path, value, where, reason, rule):
    claim = changed(path, value)
    if reason is None:
        with pytest.raises(Malformed):
            compare(claim)
        return
    where = re_brackets(where or path)
    assert refusal(claim) == (rule, where, reason)


def re_brackets(path):
    """blocks.0.value as the checker writes it."""
    first, *rest = path.split(".")
    return first + "".join(
        f"[{key}]" if key.isdigit() and first == "blocks" and k == 0 else f".{key}"
        for k, key in enumerate(rest)
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("growth.factor_squared", more),
        ("n_max_upper", more),
        (f"{TIMES}.start_radius_over_delta.0", less),
        (f"{TIMES}.start_radius_over_delta.0", "1/2"),
        (f"{TIMES}.start_radius_over_delta.1", more),
        (f"{TIMES}.n_lower", less),
        (f"{TIMES}.n_upper", more),
        (f"{TIMES}.start_time.0", "0"),
        (f"{TIMES}.start_time.1", more),
        ("time_to_radius", None),
        (f"{BLOCK}.value.0", less),
        (f"{BLOCK}.value.1", more),
        (f"{BLOCK}.gap.0", "-4"),
        (f"{BLOCK}.gap.1", None),
        (f"{BLOCK}.law.exponent", ["1", "1"]),
        *((f"{BLOCK}.{key}", None) for key in POINT),
        *((f"blocks.1.{key}", None) for key in POINT),
    ],
)
def test_weaker_claims_are_accepted(path, value):
    compare(changed(path, value))


def test_the_coefficient_of_a_law_is_that_of_its_exponents():
    claim = changed(f"{BLOCK}.law", {"exponent": ["0", "1/2"], "coefficient": START * F(9, 4), "floor": "1"})
    compare(claim)
    claim["blocks"][0]["law"]["coefficient"] = START * F(11, 5)
    assert refusal(claim)[1:] == ("blocks[0].law.coefficient", BELOW)
    # Weights that have not grown since the start: a lower power asks for more.
    less_grown = {"exponent": ["0", "1"], "coefficient": START + TINY, "floor": "1"}
    claim = changed(f"{BLOCK}.law", less_grown)
    claim["growth"]["factor_squared"], claim[TIMES] = "1/4", None
    claim["blocks"][0]["angle_at_radius"] = None
    compare(claim, most=F(1))
    claim["blocks"][0]["law"]["coefficient"] = START - TINY
    assert refusal(claim, most=F(1))[1:] == ("blocks[0].law.coefficient", BELOW)


def test_negative_values_enclose_too():
    shrinks = Fate(F(0), F(1, 10**6), [ONE, ONE], -1, F(4))
    block = {"value": ["-3/2", "-3/2"], "kkt_point": None, "angle_at_horizon": "0", "angle_at_radius": "0"}

    def claim(**entries):
        found = claimed()
        found["blocks"][1] |= block | {"outcome": "shrinks"} | entries
        found["blocks"][0]["law"] = None
        found["blocks"][0]["angle_at_radius"] = "1/20"
        return found

    fates = (GROWS, shrinks, GONE)
    compare(claim(), fates)
    for value in ([F(-3, 2) + TINY, "0"], ["-2", F(-3, 2) - TINY]):
        assert refusal(claim(value=value), fates=fates)[1:] == ("blocks[1].value", NARROW)
    assert refusal(claim(gap=["-4", None]), fates=fates)[1:] == ("blocks[1].gap", GAP)


def test_without_a_radius_nothing_grows_for_ever():
    resting = (STOPS, GONE)

    def claim(**entries):
        found = claimed()
        del found["blocks"][0]
        for j, block in enumerate(found["blocks"]):
            block["index"] = j
        found["blocks"][0] |= {"support": [0], "angle_at_radius": None} | entries
        return found | {"radius": None, "time_to_radius": None}

    compare(claim(), resting, R=None, indices=((3, 4), (5, 6)))
    assert refusal(claim(angle_at_radius="1/50"), fates=resting, R=None, indices=((3, 4), (5, 6)))[1:] == (
        "blocks[0].angle_at_radius",
        OTHER,
    )
    assert refusal(claim() | {"radius": "1"}, fates=(GROWS, STOPS), R=None) == (
        "Q8",
        "radius",
        "it is left out where N may grow",
    )
    times = claim() | {"time_to_radius": claimed()[TIMES]}
    assert refusal(times, fates=resting, R=None, indices=((3, 4), (5, 6)))[1:] == (
        TIMES,
        "there is no radius",
    )
    assert refusal(times, fates=resting, indices=((3, 4), (5, 6)))[1:] == (TIMES, START_AND_SPEED)


def test_one_neuron_that_converges_is_enough_for_the_times():
    slow = replace(GROWS, cone=replace(CONE, nu=F(1, 2), least=F(400)))
    late = replace(GROWS, cone=replace(CONE, least=F(36)))
    for fates in ([slow, GROWS, GONE], [GROWS, slow]):
        ClaimCheck(theorem(), {}, fates)._times(Node(claimed()[TIMES], "times"))
    # (3/2) 2 / 2 is the rate of the fastest.
    fast = ClaimCheck(theorem(), {}, [replace(GROWS, rate=F(2))])
    fast._times(Node(claimed()[TIMES] | {"n_upper": "3/2"}, "times"))
    with pytest.raises(Refused) as found:
        fast._times(Node(claimed()[TIMES] | {"n_upper": "149/100"}, "times"))
    assert (found.value.where, str(found.value)) == ("times.n_upper", BELOW)
    for others in ([slow, late], [late, slow, GONE]):
        with pytest.raises(Refused) as found:
            ClaimCheck(theorem(), {}, others)._times(Node(claimed()[TIMES], "times"))
        assert str(found.value) == START_AND_SPEED


@pytest.mark.parametrize(
    ("fate", "entries", "reason"),
    [
        (replace(GROWS, cone=replace(CONE, limit=F(1, 100) + F(1, 400))), {}, "cone"),
        (GROWS, {"epsilon": F(1, 100)}, "epsilon"),
        (STOPS, {"epsilon": F(1, 50) - TINY}, "to be within epsilon"),
        (STOPS, {"epsilon": F(1, 50)}, None),
        (replace(GROWS, cone=replace(CONE, D=F(0), K=F(0))), {"epsilon": F(1, 1000)}, None),
        (replace(GROWS, cone=replace(CONE, D=F(0), K=F(0))), {"epsilon": F(1, 1000) - TINY}, "epsilon"),
        (GROWS, {"epsilon": START / 2 + ROOT / 100 + TINY}, None),
        (GROWS, {"epsilon": START / 2 + ROOT / 100 - TINY}, "epsilon"),
        (replace(GROWS, cone=replace(CONE, limit=F(1, 200) + F(1, 100) + TINY)), {}, None),
        (replace(GROWS, cone=replace(CONE, limit=F(1, 200) + F(1, 100))), {}, "cone"),
    ],
)
def test_a_neuron_stays_in_its_cone_and_within_epsilon(fate, entries, reason):
    said = {
        "cone": "it may leave its cone before the radius is reached",
        "epsilon": "it is not proved to stay within epsilon",
        "to be within epsilon": "it is not proved to be within epsilon",
    }
    check = ClaimCheck(theorem(**entries), {}, [fate])
    if reason is None:
        check._angles(fate, Node(None, "here"))
        return
    with pytest.raises(Refused) as found:
        check._angles(fate, Node(None, "here"))
    assert (found.value.rule, found.value.where, found.value.reason) == ("Q8", "here", said[reason])


def test_what_others_force():
    rests = replace(STOPS, rest=F(1, 30))
    cone = replace(CONE, gamma=F(3))
    check = ClaimCheck(theorem(), {}, [replace(GROWS, cone=cone), rests])
    # K scale rest / gamma, and K / (gamma + nu).
    first, second = check._forced(cone)
    assert 0 <= first - F(2) * F(1, 10) * F(1, 30) / 3 < TINY and second == F(1, 2)
    third = ClaimCheck(theorem(), {}, [replace(GROWS, cone=replace(CONE, gamma=F(2)))])
    assert 0 < third._forced(replace(CONE, gamma=F(2), K=F(1)))[1] - F(1, 3) < TINY
    # Where something is only followed nothing is known of what rests either.
    followed = ClaimCheck(theorem(), {}, [replace(GROWS, cone=cone), rests, Fate(F(1), known=False)])
    assert followed._forced(cone)[0] == 0 and 0 < followed._forced(cone)[1] - F(2, 3) < TINY
    law = Node(written(claimed()["blocks"][0]["law"]), "law")
    with pytest.raises(Refused) as found:
        check._law(law, replace(GROWS, cone=cone))
    assert (found.value.rule, found.value.where, str(found.value)) == ("Q8", "law", "no such law is proved")
    with pytest.raises(Refused):
        check._law(law, STOPS)
    # The power is that of the slower of gamma and nu, and of nu alone in a vertex.
    fast = ClaimCheck(theorem(), {}, [replace(GROWS, rate=F(4))])
    assert fast._power(cone) == F(1, 4) and fast._power(replace(cone, nu=F(8))) == F(3, 4)
    assert fast._power(replace(cone, nu=F(8), K=F(0))) == 2
    third = ClaimCheck(theorem(), {}, [replace(GROWS, rate=F(3))])._power(cone)
    assert 0 < F(1, 3) - third < TINY
