"""One delta of the uniform theorem: bounds on the right side, next to what mpmath computes, for ordinary and
tiny delta.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import mpmath
import pytest
from claims import block, joint, separable

from certflow.exact import MAX_DELTA_EXPONENT, number
from certflow.outcome import BadInput
from certflow.theorems.early_direction.claim import Claim
from certflow.theorems.early_direction.words import answer_tables
from certflow.theorems.registry import query as ask

MP = mpmath.mp.clone()
MP.dps = 60


def query(claim: dict, delta: str, radii: list[str] | None = None) -> dict[str, Any]:
    """The record of an answer."""
    answer = ask(claim, delta, radii)
    assert answer == ask(Claim.from_json(claim), delta, radii)
    return answer.to_json()


def exact(text: str) -> Fraction:
    return number(text, max_exponent=MAX_DELTA_EXPONENT)


def mp(value: Fraction | str) -> Any:
    number = exact(value) if isinstance(value, str) else value
    return MP.mpf(number.numerator) / number.denominator


def is_bound(text: str, value: Any, upper: bool) -> None:
    """`text` is on the right side of `value`, and within 1e-15 of it."""
    bound = mp(text)
    assert bound >= value if upper else bound <= value
    assert abs(bound - value) <= abs(value) * MP.mpf("1e-15")


@pytest.mark.parametrize("delta", ["1e-12", "1/3000000000000", "1e-1000"])
def test_order_two(delta: str) -> None:
    claim = separable()
    record = query(claim, delta)
    assert record["delta"] == delta
    low, high = record["horizon"]["time"]
    T = mp(claim["horizon"]["scaled_time"])
    is_bound(low, T, False)
    is_bound(high, T, True)
    is_bound(
        record["horizon"]["norm_upper"], MP.sqrt(mp(claim["growth"]["factor_squared"])) * mp(delta), True
    )
    assert [exact(row["radius"]) for row in record["times"]] == [Fraction(1, 10**k) for k in range(1, 5)]
    for row in record["times"]:
        rho = mp(row["radius"])
        is_bound(
            row["first_reached"][0],
            T + MP.log(rho / (mp("110007/10000") * mp(delta))) / (2 * mp("9/10")),
            False,
        )
        is_bound(
            row["first_reached"][1], T + MP.log(rho / (mp("10001/1000") * mp(delta))) / (2 * mp("8/10")), True
        )
    for each in record["blocks"]:
        is_bound(each["angle_at_horizon"], mp("123456/20000000"), True)
        for row in each["angles"]:
            rho = mp(row["radius"])
            law = mp("7/2") * (mp(delta) / rho) ** mp("53/100") + mp("4/5") * rho**2
            is_bound(row["angle"], min(law, mp("1/100") if rho < mp("1/10") else mp("99/10000")), True)


@pytest.mark.parametrize(("order", "delta"), [(3, "1e-5"), (3, "1e-500"), (7, "1e-100")])
def test_higher_orders_in_real_time(order: int, delta: str) -> None:
    record = query(joint(order=order), delta, ["1/100"])
    k, d = order - 2, mp(delta)
    low, high = record["horizon"]["time"]
    is_bound(low, 6 / d**k, False)
    is_bound(high, 6 / d**k, True)
    (row,) = record["times"]
    rho = mp("1/100")
    climb = [((c * d) ** -k - rho**-k) / (order * k * n) for c, n in ((3, mp("7/10")), (2, mp("6/10")))]
    is_bound(row["first_reached"][0], mp("59/10") / d**k + climb[0], False)
    is_bound(row["first_reached"][1], 6 / d**k + climb[1], True)
    is_bound(record["start"]["time"][0], mp("59/10") / d**k, False)
    is_bound(record["start"]["time"][1], 6 / d**k, True)
    is_bound(record["start"]["norm_upper"], 3 * d, True)


def test_a_horizon_that_is_an_event_is_placed_in_time() -> None:
    claim = joint(order=7, horizon={"scaled_time": None, "norm_over_delta": "31/10"})
    record = query(claim, "1e-100", ["1/100"])
    d = mp("1e-100")
    assert record["horizon"]["scaled_time"] is None
    low, high = record["horizon"]["time"]
    is_bound(low, (mp("59/10") + (3 ** mp("-5") - mp("31/10") ** -5) / (35 * mp("7/10"))) / d**5, False)
    is_bound(high, (6 + (2 ** mp("-5") - mp("31/10") ** -5) / (35 * mp("6/10"))) / d**5, True)
    without = query({**claim, "time_to_radius": None}, "1e-100")
    assert (without["horizon"]["time"], without["start"]) == (None, None)
    # Below 3 delta nothing is known about times.
    early = query({**claim, "horizon": {"scaled_time": None, "norm_over_delta": "29/10"}}, "1e-100")
    assert early["horizon"]["time"] is None


def test_a_size_that_was_there_before_the_horizon_is_met_again_after_it() -> None:
    # ‖w‖ falls from δ to 0.905 δ before it grows: ‖w(0)‖ = 1/10 is not what the time of the radius 1/10 is
    # about.
    times = {**separable()["time_to_radius"], "start_radius_over_delta": ["8/10", "9/10"]}
    claim = separable(delta_bar="1/10", time_to_radius=times)
    record = query(claim, "1/10", ["1/10"])
    assert exact(record["times"][0]["first_reached"][0]) > exact(record["start"]["time"][0]) > 8
    events, angles = answer_tables(ask(claim, "1/10", ["1/10"]))
    assert [row[0].text for row in events.rows] == ["horizon", "first ‖w‖ = ρ after the horizon"]
    assert angles.notes == ["From the horizon until ‖w‖ first exceeds R, whenever it has the stated value."]


def test_for_higher_orders_the_times_count_from_before_the_horizon() -> None:
    events, _ = answer_tables(ask(joint(), "1e-6", ["1/100"]))
    assert [row[0].text for row in events.rows] == ["horizon", "t₁", "first ‖w‖ = ρ after t₁"]


def test_smaller_delta_never_gives_a_weaker_angle() -> None:
    angles = [
        mp(query(separable(), f"1e-{k}", ["1/100"])["blocks"][0]["angles"][0]["angle"])
        for k in range(10, 60, 7)
    ]
    assert angles == sorted(angles, reverse=True)
    assert angles[0] > angles[-1]


def test_blocks_without_an_angle_and_blocks_without_a_law() -> None:
    claim = separable(
        block(0), block(1, law=None), block(2, "dead"), block(3, "inconclusive", reason="a saddle.")
    )
    blocks = query(claim, "1e-20", ["1/10", "1/20"])["blocks"]
    assert [[row["angle"] is None for row in each["angles"]] for each in blocks] == [[False] * 2] * 2 + [
        [True] * 2
    ] * 2
    at_radius, before = (mp(row["angle"]) for row in blocks[1]["angles"])
    assert mp("99/10000") <= at_radius < before
    assert before >= mp("1/100")


def test_without_a_radius_there_is_nothing_after_the_horizon() -> None:
    record = query(separable(radius=None, time_to_radius=None), "1e-20")
    assert (record["radius"], record["times"]) == (None, [])
    with pytest.raises(BadInput, match="no radius"):
        query(separable(radius=None, time_to_radius=None), "1e-20", ["1/100"])


def test_radii_are_known_without_times() -> None:
    (row,) = query(separable(time_to_radius=None), "1e-20", ["1/100"])["times"]
    assert row == {"radius": "1/100", "first_reached": None}


@pytest.mark.parametrize(
    ("delta", "radii", "part"),
    [
        ("1e-9", None, "above the proved delta_bar = 3.4567e-10"),
        ("34567/99999999999999", None, "above"),
        ("0", None, "not positive"),
        ("-1", None, "not positive"),
        ("nan", None, "not a finite number"),
        ("1e-999999999", None, "out of range"),
        ("1e-12", ["1/5"], "between 1.101e-11 and 0.1"),
        ("1e-12", ["1e-12"], "between"),
    ],
)
def test_questions_the_theorem_does_not_answer(delta: str, radii: list[str] | None, part: str) -> None:
    with pytest.raises(BadInput, match=part):
        query(separable(), delta, radii)


@pytest.mark.parametrize("other", [None, [], "claim", {}, {"statement": 3}])
def test_what_is_no_claim_is_refused_in_a_sentence(other: Any) -> None:
    with pytest.raises(BadInput, match="^claim: expected a claim or its JSON form"):
        ask(other, "1e-12")


def test_delta_bar_itself_is_allowed_and_extreme_powers_are_refused() -> None:
    assert query(separable(), separable()["delta_bar"])["order"] == 2
    with pytest.raises(BadInput, match="too extreme"):
        query(joint(order=90), "1e-100000")


def test_an_angle_that_is_epsilon_is_said_as_epsilon() -> None:
    claim = separable()
    claim["blocks"][0]["law"] = None
    epsilon = exact(claim["epsilon"])
    assert epsilon.denominator & (epsilon.denominator - 1), "no dyadic: few bits would round it up"
    answer = ask(claim, "1e-12", ["1/100"])
    assert answer.radii[0].angles[0] == epsilon
    record = answer.to_json()["blocks"][0]["angles"][0]["angle"]
    assert epsilon <= exact(record) <= epsilon * (1 + Fraction(1, 2**60))
    angles = answer_tables(answer)[-1].to_csv()
    assert record in angles
