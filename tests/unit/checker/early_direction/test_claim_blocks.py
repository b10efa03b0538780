"""R9 worked out: every number of the claim is accepted exactly at the proved number and refused just beyond
it.
"""

from dataclasses import replace
from fractions import Fraction as F
from types import SimpleNamespace

import pytest
from after_a_sweep import (
    BELOW,
    CENTRE,
    CLOCK,
    FALLING,
    GRID,
    NARROW,
    OTHER,
    RATES,
    STANDING,
    STILL,
    TINY,
    TRAP,
    group,
    path,
    refusal,
    state,
)

from certflow.checker.early_direction import claim
from certflow.checker.early_direction.claim import (
    _check_support,
    check_heading,
    check_point,
    largest_ncf,
    runs,
    scaled_time,
)
from certflow.checker.kernel.numbers import ONE, exp_bounds, fraction, power_up, root_down, root_up, rounded
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Refused
from certflow.checker.tube.curve import Step, Track
from certflow.checker.tube.evidence import TrapEvidence


@pytest.fixture
def late(monkeypatch):
    """The scaled time at which the curves end is between 2 and 3: 1/4 and 3/8 in the units of the problem."""
    monkeypatch.setattr(claim, "scaled_time", lambda *_: (F(2), F(3)))


TIMES = {
    "start_radius_over_delta": ["1/4", "4"],
    "n_lower": "1/128",
    "n_upper": "1",
    "start_time": ["5/8", "5/8"],
}


def times(change, L=2, radius="2", **options):
    table = {**TIMES, **change}
    return refusal(state(L, radius, **options).check_times, Node(table, "t"))


def test_times_to_a_radius_at_their_edges():
    # nu = 2 (1/4 - 2/16) = 1/4 at A = 1, over L^2 and a scale of at most 4: 1/64; the group starts with 1/2.
    # The upper rate is 1/2 over L and a scale of at least 2: 1/8. The upper start is 4, the curves end at
    # 5/8.
    edge = {"start_radius_over_delta": ["1/2", "4"], "n_lower": "1/64", "n_upper": "1/8"}
    assert times(edge) is None and times({}) is None
    slow = ("R9", "t", "no group with a trap starts and grows as claimed")
    assert (
        times({**edge, "n_lower": str(F(1, 64) + TINY)})
        == times({**edge, "start_radius_over_delta": [str(F(1, 2) + TINY), "4"]})
        == slow
    )
    assert times({**edge, "n_upper": str(F(1, 8) - TINY)}) == (
        "R9",
        "t.n_upper",
        "it is below the proved bound",
    )
    place = "t.start_radius_over_delta"
    assert times({"start_radius_over_delta": ["1/4", str(4 - TINY)]}) == (
        "R9",
        place,
        "the upper start is lower than what is proved",
    )
    for pair in (["0", "4"], ["-1", "4"], ["5", "4"]):
        assert times({"start_radius_over_delta": pair}) == ("R9", place, "0 < low <= high is needed")
    for low in ("0", "-1", str(1 + TINY)):
        assert times({"n_lower": low}) == ("R9", "t.n_lower", "0 < n_lower <= n_upper is needed")
    assert times({"start_time": ["-1", "1"]}) == ("R9", "t.start_time", "a time is negative")
    narrow = ("R9", "t.start_time", "it is narrower than what is proved")
    assert (
        times({"start_time": [str(F(5, 8) + TINY), "1"]})
        == times({"start_time": ["0", str(F(5, 8) - TINY)]})
        == narrow
    )
    assert times({"start_time": ["0", "1"]}) is None
    assert times({}, radius=None, proved=[group(trap=FALLING)]) == ("R9", "t", "there is no radius")
    # A start of exactly one size, and of the one rate, is a pair too.
    assert times({"start_radius_over_delta": ["1/2", "1/2"]}, end=F(1, 4)) is None
    assert (
        times(
            {"n_lower": "1/64", "n_upper": "1/64"},
            proved=[group(rates=replace(RATES, ell=(ONE // 4, ONE // 16)))],
        )
        is None
    )


def test_the_lower_pair_of_times_is_that_of_one_group():
    quick = group(share=F(1, 8))
    large = group(rates=replace(RATES, ell=(ONE // 8, ONE // 2)), share=F(3, 4))
    own = {"n_lower": "1/64"}
    assert times(own, proved=[group("dead", None), quick, group()]) is None
    assert times({**own, "start_radius_over_delta": ["3/4", "4"]}, proved=[quick, large])[2].startswith(
        "no group"
    )
    assert times({**own, "start_radius_over_delta": ["1/8", "4"]}, proved=[large, quick]) is None
    assert times({**own, "start_radius_over_delta": ["1/8", "4"]}, proved=[quick, large]) is None
    assert times({}, proved=[group("inconclusive", None)])[2].startswith("no group")


@pytest.mark.usefixtures("late")
def test_times_of_order_three_start_between_the_bounds_of_the_curve():
    # The growth is 2; nu = 3 (1/4 - 3 A E) with A = R^3/4.
    own = {"start_radius_over_delta": ["1/2", "2"], "n_lower": "1/1000", "start_time": ["1/4", "3/8"]}
    assert times(own, 3, "1/2", end=F(8)) is None
    # (1/4 - 3/512) * 3 / 9 / 4
    assert times({**own, "n_lower": str(F(125, 6144))}, 3, "1/2", end=F(8)) is None
    assert times({**own, "n_lower": str(F(125, 6144) + TINY)}, 3, "1/2", end=F(8))[1] == "t"
    assert times({**own, "n_upper": "1/12"}, 3, "1/2", end=F(8)) is None
    assert times({**own, "n_upper": str(F(1, 12) - TINY)}, 3, "1/2", end=F(8))[1] == "t.n_upper"
    for pair in ([str(F(1, 4) + TINY), "3/8"], ["1/4", str(F(3, 8) - TINY)]):
        assert times({**own, "start_time": pair}, 3, "1/2", end=F(8))[1] == "t.start_time"


LAW = {"exponent": ["0", "4"], "coefficient": "4", "floor": "1/72"}


def law(change, **options):
    after = state(**options)
    return refusal(after._check_law, 0, after.proved[0].trap, Node({**LAW, **change}, "law"))


def test_a_law_at_its_edges():
    # The floor is 1/18 over mass 4; the growth is 4, to the powers 0 and 4, and D = 1/64.
    most = str(F(1, 64) * power_up(F(4), F(4)))
    assert law({"coefficient": most}) is None
    below = "it is below the proved bound"
    assert law({}) == ("R7", "law.coefficient", below)
    assert law({"coefficient": most, "floor": str(F(1, 72) - TINY)}) == ("R7", "law.floor", below)
    above = ("R7", "law.exponent", "it is above the proved power")
    for pair in (["0", str(4 + TINY)], ["2", "1"], [str(-TINY), "1"]):
        assert law({"coefficient": "1000", "exponent": pair}) == above
    assert law({"coefficient": "1000", "exponent": ["4", "4"]}) is None
    # A size that has become smaller: the lower power is the larger one.
    small = F(1, 64) * power_up(F(1, 2), F(1))
    own = {"end": F(1, 4), "radius": "2"}
    assert law({"exponent": ["1", "2"], "coefficient": str(small)}, **own) is None
    assert law({"exponent": ["1", "2"], "coefficient": str(small - TINY)}, **own) == (
        "R7",
        "law.coefficient",
        below,
    )
    assert law({"coefficient": "0"}, D=(F(0),)) is None
    assert law({"coefficient": str(-TINY)}, D=(F(0),)) == ("R7", "law.coefficient", below)
    # 4 to this power is beyond all range, but nothing is to be forgotten.
    steep = {"proved": [group(trap=replace(TRAP, gamma=F(2**20)))], "D": (F(0),)}
    assert law({"coefficient": "0", "exponent": ["0", str(2**20)]}, **steep) is None


@pytest.mark.parametrize(
    "proved", [[group(trap=FALLING)], [group(trap=STANDING)], [group(), group("inconclusive", None)]]
)
def test_no_law_without_a_floor_and_growth(proved):
    for radius in ("2", None):
        assert law({}, proved=proved, radius=radius) == ("R7", "law", "no such law is proved")


BLOCK = {
    "index": 0,
    "weights": [0, 2],
    "outcome": "converges",
    "reason": "",
    "horizon": None,
    "kkt_point": None,
    "support": None,
    "value": None,
    "gap": None,
    "angle_at_horizon": None,
    "angle_at_radius": None,
    "law": None,
}
POINT = {"centre": ["3*2^-4", "1*2^-2"], "radius": "1/16"}


def block(change, after=None, g=0, horizon=F(1), at_horizon=None):
    after = after or state()
    after.horizon = horizon
    if at_horizon is not None:
        after.at_horizon = at_horizon
    values = {**BLOCK, **change}
    return refusal(after.check_block, g, {name: Node(value, f"b.{name}") for name, value in values.items()})


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({}, None),
        ({"value": ["1/8", "1/4"]}, None),
        ({"value": [str(F(1, 8) + TINY), "1/4"]}, ("R9", "b.value", NARROW)),
        ({"value": ["1/8", str(F(1, 4) - TINY)]}, ("R9", "b.value", NARROW)),
        ({"gap": ["1/2", "3"]}, None),
        ({"gap": ["1/2", None]}, None),
        ({"gap": [str(F(1, 2) + TINY), None]}, ("R9", "b.gap", NARROW)),
        ({"gap": ["1/2", str(3 - TINY)]}, ("R9", "b.gap", NARROW)),
        ({"angle_at_horizon": "1/64"}, None),
        ({"angle_at_horizon": str(F(1, 64) - TINY)}, ("R9", "b.angle_at_horizon", BELOW)),
        ({"angle_at_radius": "1/16"}, None),
        ({"angle_at_radius": "1/18"}, ("R9", "b.angle_at_radius", BELOW)),
        ({"law": {**LAW, "coefficient": "9"}}, None),
        ({"law": LAW}, ("R7", "b.law.coefficient", BELOW)),
        ({"kkt_point": POINT}, None),
        ({"kkt_point": {**POINT, "radius": str(F(1, 16) - TINY)}}, ("R9", "b.kkt_point.radius", BELOW)),
        ({"kkt_point": POINT, "support": [0]}, None),
        ({"support": [0]}, ("R9", "b.support", "it belongs to a KKT point")),
        ({"kkt_point": POINT, "support": [1]}, ("R9", "b.support", OTHER)),
    ],
)
def test_a_block_at_its_edges(change, refused):
    assert block(change) == refused


def test_a_block_of_one_weight_has_no_gap():
    after = state(proved=[group(proposed=TrapEvidence([[5]], F(2), F(1, 2), F(0), None))])
    after.certificate.problem.groups, after.certificate.problem.indices = [[0]], [[0]]
    reason = "a single weight has no directions between which there is a gap"
    assert block({"weights": [0, 1], "gap": ["0", None]}, after) == ("R9", "b.gap", reason)


def test_a_block_without_a_trap_claims_nothing():
    after = state(proved=[group("dead", None)])
    assert block({"outcome": "dead"}, after) is None
    own = {"kkt_point": POINT, "support": [0], "value": ["0", "1"], "gap": ["0", None], "law": LAW}
    for name, value in {**own, "angle_at_horizon": "1", "angle_at_radius": "1"}.items():
        found = block({"outcome": "dead", name: value}, after)
        assert found == ("R9", f"b.{name}", OTHER)


def test_a_block_that_is_followed_is_near_the_limit_flow():
    """Both are within D of the curve; the horizon of the block is that of the claim, not the end of its
    curve.
    """

    def followed(change, outcome="followed"):
        own = group(outcome, None, path=path(1, 6))
        own.runner.followed = outcome == "followed"
        return block(
            {"outcome": outcome, **change}, state(proved=[own, group()], D=(F(1, 64), F(0))), 0, F(5, 8)
        )

    assert followed({}) is followed({"angle_to_curve": "1/32"}) is None
    assert followed({"angle_to_curve": str(F(1, 32) - TINY)}) == ("O7", "b.angle_to_curve", BELOW)
    reason = "only of what is followed it is claimed"
    for outcome in ("dead", "inconclusive"):
        assert followed({"angle_to_curve": "1"}, outcome) == ("O7", "b.angle_to_curve", reason)
    assert block({"angle_to_curve": "1"}) == ("O7", "b.angle_to_curve", reason)
    assert followed({"angle_at_horizon": "1"}) == ("R9", "b.angle_at_horizon", OTHER)
    assert followed({"horizon": "5/8"}) is None
    assert followed({"horizon": str(F(5, 8) - TINY)})[1] == "b.horizon"


def test_a_block_claims_no_angle_at_a_radius_that_is_not_there():
    after = state(radius=None, proved=[group(trap=FALLING)])
    assert block({"angle_at_radius": "1"}, after)[:2] == ("R9", "b.angle_at_radius")
    assert block({"angle_at_horizon": "1/64"}, after) is None


def test_blocks_of_several_parts_have_sorted_weights_and_their_own_numbers():
    after = state(
        proved=[group(), group(proposed=TrapEvidence([[3], [4]], F(2), F(1, 2), F(0), None))],
        D=(F(0), F(1, 32)),
    )
    own = {"index": 1, "weights": [2, 2], "angle_at_horizon": "1/32"}
    assert block(own, after, 1) is None
    assert block({**own, "angle_at_horizon": "1/33"}, after, 1)[1] == "b.angle_at_horizon"
    assert block({**own, "weights": [1, 2]}, after, 1)[1] == "b.weights"
    assert block({**own, "kkt_point": POINT, "support": [1, 2]}, after, 1) is None
    assert block({**own, "kkt_point": POINT, "support": [0, 1]}, after, 1)[1] == "b.support"


@pytest.mark.usefixtures("late")
def test_the_angle_at_a_later_horizon_has_a_drift():
    # nu = 3 (1/4 - 3/16 A): at A = 1 the floor is (1/8)/(2 + 3/16); without a floor it is K / gamma = 1/16.
    floor = F(1, 8) / (2 + F(3, 16))
    for angle, expected in ((F(1, 64) + floor, None), (F(1, 64) + floor - TINY, "b.angle_at_horizon")):
        found = block({"angle_at_horizon": str(angle)}, state(3), at_horizon=F(1))
        assert (found and found[1]) == expected
    half = F(1, 8) / (2 + 3 * (F(1, 4) - F(3, 32))) / 2
    for angle, expected in ((F(1, 64) + half, None), (F(1, 64) + half - TINY, "b.angle_at_horizon")):
        found = block({"angle_at_horizon": str(angle)}, state(3), at_horizon=F(1, 2))
        assert (found and found[1]) == expected
    unknown = state(3, proved=[group(), group("inconclusive", None)])
    for angle, expected in ((F(1, 64) + F(1, 32), None), (F(1, 64) + F(1, 32) - TINY, "b.angle_at_horizon")):
        found = block({"angle_at_horizon": str(angle)}, unknown, at_horizon=F(1, 2))
        assert (found and found[1]) == expected


def test_the_horizon_of_a_block():
    # Its own curve ends at 3, at 3/8 in the units of the problem.
    proved = [group(path=path(1, 3))]
    assert block({"horizon": "3/8"}, state(proved=proved)) is None
    assert block({"horizon": str(F(3, 8) - TINY)}, state(proved=proved)) == ("R9", "b.horizon", BELOW)
    assert block({"horizon": "1"}, state(proved=proved)) is None
    assert block({"horizon": str(1 + TINY)}, state(proved=proved)) == (
        "R9",
        "b.horizon",
        "it is later than the horizon of the claim",
    )
    assert block({"horizon": "0"}, state(proved=[group(path=path())])) is None
    unknown = ("R9", "b.horizon", "the horizon has no time here, or nothing is proved about this block")
    assert block({"horizon": "1"}, state(proved=proved), horizon=None) == unknown
    assert block({"horizon": "1"}, state(proved=[group()])) == unknown


@pytest.mark.usefixtures("late")
def test_the_horizon_of_a_block_of_higher_order_is_the_latest_end():
    proved = [group(path=path(1))]
    assert block({"horizon": "3/8"}, state(3, proved=proved)) is None
    assert block({"horizon": str(F(3, 8) - TINY)}, state(3, proved=proved)) == ("R9", "b.horizon", BELOW)


@pytest.mark.parametrize("name", ["index", "weights", "outcome", "reason"])
def test_the_heading_of_a_block_is_that_of_its_group(name):
    own = {"index": 2, "weights": [3, 2], "outcome": "converges", "reason": ""}
    each = group()
    check_heading({key: Node(value, key) for key, value in own.items()}, 2, each, [4, 3])
    with pytest.raises(Refused) as error:
        check_heading(
            {key: Node("x" if key == name else value, key) for key, value in own.items()}, 2, each, [4, 3]
        )
    assert (error.value.rule, error.value.where) == ("R9", name)


def test_a_point_is_the_centre_of_the_trap_in_the_order_of_the_weights():
    def check(centre, radius, weights=(5, 2)):
        return refusal(
            check_point, Node({"centre": centre, "radius": radius}, "p"), TRAP, CENTRE, list(weights), GRID
        )

    # The grid integers 3 and 4 of the weights 5 and 2.
    assert check(["1*2^-2", "3*2^-4"], "1/16") is None
    assert check(["3*2^-4", "1*2^-2"], "1/16") == ("R9", "p.centre", "it is not the centre of the trap")
    assert check(["3*2^-4", "1*2^-2"], "1/16", (2, 5)) is None
    assert check(["1*2^-2", "3*2^-4"], str(F(1, 16) - TINY)) == (
        "R9",
        "p.radius",
        "it is below the proved bound",
    )
    assert check(["1*2^-2", "3*2^-4"], "1/2") == (
        "R6",
        "p.radius",
        "the point is alone within r0 of the trap only",
    )
    assert check(["1*2^-2", "3*2^-4"], str(F(1, 2) - TINY)) is None
    assert check(["1*2^-2"], "1/16")[:2] == ("R1", "p.centre")


def test_a_support_is_what_is_longer_than_the_distance_of_the_kkt_point():
    def check(support, centre, parts=(4, 7), radius=F(1, 16)):
        trap = replace(TRAP, kkt_radius=radius)
        return refusal(
            _check_support,
            Node(support, "s"),
            trap,
            TrapEvidence(centre, F(2), F(1, 2), F(0), None),
            list(parts),
        )

    assert check([4, 7], [[3, 0], [0, 4]]) is None
    assert check([7], [[0, 0], [0, 4]]) is None
    wrong = ("R9", "s", OTHER)
    assert (
        check([4, 7], [[0, 0], [0, 4]])
        == check([0, 1], [[3, 0], [0, 4]])
        == check([7, 4], [[3, 0], [0, 4]])
        == wrong
    )
    # (3/5)^2 is not more than (3/5)^2, but more than anything smaller.
    small = ("R9", "s", "a part is too small to tell whether it vanishes")
    assert check([4, 7], [[3, 0], [0, 4]], radius=F(3, 5)) == small
    assert check([4, 7], [[3, 0], [0, 4]], radius=F(3, 5) - TINY) is None
    # One part of a block may be counted from the block's beginning.
    assert check([0], [[3, 4]], (4,)) is check([4], [[3, 4]], (4,)) is None
    assert check([1], [[3, 4]], (4,)) == check([False], [[3, 4]], (4,)) == wrong
    assert check([0], [[3, 4], [0, 0]]) == wrong


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ([3], [3, 1]),
        ([0, 1, 2], [0, 3]),
        ([0, 2], [[0, 1], [2, 1]]),
        ([1, 2, 5, 6, 7, 9], [[1, 2], [5, 3], [9, 1]]),
        ([], []),
    ],
)
def test_runs_of_consecutive_weights(weights, expected):
    assert runs(weights) == expected


def test_a_scaled_time_on_curves_without_decay_is_their_length():
    own = path(F(1, 2), F(2))
    run = group(path=Track(own.steps, F(1, 4), [[1]]))
    run.runner.errors = [(0, 0), (0, 0)]
    # Times |p(0)|^(L-2) = 1/2 and 1/4.
    assert scaled_time(run, 3, CLOCK) == (1, 1)
    assert scaled_time(run, 4, CLOCK) == (F(1, 2), F(1, 2))
    assert scaled_time(group(), 3, CLOCK) == scaled_time(group(path=path()), 3, CLOCK) == (0, 0)


@pytest.mark.parametrize("L", [3, 4])
@pytest.mark.parametrize("decay", [F(1, 2), F(-1, 2)])
def test_a_scaled_time_is_the_integral_of_the_decay_and_of_the_errors(L, decay):
    c, ends, errors = L - 2, (F(1, 2), F(2)), ((ONE // 8, ONE // 4), (ONE // 4, ONE // 2))
    steps = [Step(end, decay * end, decay, STILL, (ONE, ONE)) for end in ends]
    run = group(path=Track(steps, F(3), [[1]]))
    run.runner.errors = list(errors)
    low = high = F(0)
    first = (F(1), F(1))
    for end, (err_up, err_lo) in zip(ends, errors, strict=True):
        after = exp_bounds(-c * decay * end)
        pair = sorted([(first[0] - after[1]) / (c * decay), (first[1] - after[0]) / (c * decay)])
        low = rounded(low + pair[0] * exp_bounds(-c * fraction(err_up))[0], False)
        high = rounded(high + pair[1] * exp_bounds(c * fraction(err_lo))[1], True)
        first = after
    # start2 = 3: |p(0)| is its root.
    expected = low * root_down(F(3) ** c, 2), high * root_up(F(3) ** c, 2)
    assert scaled_time(run, L, CLOCK) == expected
    assert expected[0] < expected[1]


def test_a_scaled_time_goes_on_where_a_decay_ends():
    steps = [Step(F(1), F(1), F(1), STILL, (ONE, ONE)), Step(F(3), F(1), F(0), STILL, (ONE, ONE))]
    run = group(path=Track(steps, F(1), [[1]]))
    run.runner.errors = [(0, 0), (0, 0)]
    # 1 - 1/e and then 2/e.
    low, high = exp_bounds(F(-1))
    expected = (
        rounded(rounded(1 - high, False) + low * 2, False),
        rounded(rounded(1 - low, True) + high * 2, True),
    )
    assert scaled_time(run, 3, CLOCK) == expected


def network(p, depth, trained, given, X, z, order, coupled=False):
    own = {"p": p, "depth": depth, "trained": trained, "given": given, "samples": X, "z": z, "order": order}
    return SimpleNamespace(**own, coupled=coupled, expression=False, rate=F(8))


def test_the_bound_of_n_is_a_product_of_norms():
    X = [[F(3), F(4)], [F(0), F(2)]]
    # (|z_1| 5^4 + |z_2| 2^4) times (4/7)^2 of layer 1, (2/7)^1 of layer 2 and (1/7)^(1/2) of layer 3; roots
    # are rounded.
    N = largest_ncf(network(2, 3, [1, 2, 3], {}, X, [F(-1, 2), F(3)], 7), CLOCK)
    layers = root_up(F(4, 7) ** 4, 2) * root_up(F(2, 7) ** 2, 2) * root_up(F(1, 7), 2)
    assert 8 * (F(625, 2) + 48) * layers == N
    # Layer 2 is not trained: its Frobenius norm 5, to the power 2 of what follows.
    N = largest_ncf(network(2, 3, [1, 3], {2: [[F(3), F(0)], [F(0), F(4)]]}, X, [F(-1, 2), F(3)], 5), CLOCK)
    assert 8 * (F(625, 2) + 48) * root_up(F(4, 5) ** 4, 2) * root_up(F(1, 5), 2) * 25 == N
    # |x| to the power 3^2 of the two activations.
    bound = largest_ncf(network(3, 3, [1, 2, 3], {}, X[:1], [F(1)], 13), CLOCK)
    assert bound == 8 * 5**9 * root_up(F(9, 13) ** 9, 2) * root_up(F(3, 13) ** 3, 2) * root_up(F(1, 13), 2)
    # 3^(1/2) and 1/13 are no short numbers: every root, product and sum is rounded upwards.
    one = [F(1), F(1)]
    bound = largest_ncf(
        network(3, 2, [1], {2: [[F(1), F(1), F(1)]]}, [one, one], [F(1, 13), F(-1, 17)], 3), CLOCK
    )
    length = rounded(root_up(F(2), 2) ** 3, True)
    assert bound == 8 * rounded(rounded(length / 13, True) + length / 17, True) * root_up(F(3), 2)
    assert bound**2 > F(30, 221) ** 2 * 64 * 8 * 3


def test_the_bound_of_n_of_several_neurons_is_that_of_one(monkeypatch):
    own = network(2, 2, [1], {}, [], [F(-3), F(1)], 2, coupled=True)
    monkeypatch.setattr(claim, "unit_outputs", lambda problem: [F(2), F(5)] if problem is own else [])
    assert largest_ncf(own, CLOCK) == 8 * 11
