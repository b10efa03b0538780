"""Forged certificates: claims that are false although every number of the evidence fits, and small files that
ask for much.
"""

import sys
import tracemalloc
from fractions import Fraction
from pathlib import Path

import pytest

from certflow.checker import check_file, check_text
from certflow.checker.early_direction.claim import ASSUMPTIONS, _After
from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.verdicts import Clock, OutOfTime
from certflow.checker.kkt_points.planar import _EIGHTHS, _counterclockwise, _listed
from certflow.checker.kkt_points.points import Local, Point, _Tangential
from certflow.checker.kkt_points.rules import KKT_ASSUMPTIONS

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
try:
    from attacks import accepted, sealed
finally:
    sys.path.remove(str(FOLDER))

KINK = FOLDER / "reject" / "kkt-points-kink-on-the-boundary.json"


def feed_forward(widths, trained, given, X, direction, power=2):
    return {
        "network": {
            "kind": "feed-forward",
            "inputs": widths[0],
            "widths": widths,
            "trained": trained,
            "given": given,
            "activation": {"alpha": "0", "power": power},
        },
        "data": {"X": X, "y": ["1"] * len(X)},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": direction,
    }


def on_the_kink(kind, value, gap):
    """A list of one point (1, 0) of N = (a+^2 + 2 b+^2)^2, at the end of the box a = 1, -2^-9 <= b <= 0."""
    problem = feed_forward([1, 2, 1, 1], [1], {"2": [["1", "2"]], "3": [["1"]]}, [["1"]], ["1", "1"])
    point = {"centre": ["1*2^0", "-1*2^-10"], "radius": "1*2^-10", "unique_radius": "1*2^-10"}
    return {
        "format": "certflow-certificate",
        "version": 1,
        "problem": problem,
        "assumptions": list(KKT_ASSUMPTIONS),
        "evidence": [{"top": [0, 1 << 30], "bottom": None}],
        "claim": {
            "statement": "kkt-points",
            "of": "network",
            "proof": "points",
            "kkt_status": "partial",
            "points": [{"kind": kind, "value": value, "gap": gap, **point}],
            "dead_cone": False,
            "n_max_upper": None,
            "assumptions": list(KKT_ASSUMPTIONS),
        },
    }


def test_a_kink_on_the_boundary_of_a_box_hides_no_side():
    # On the box N is a^4, and (1, 0) a maximum; beyond it N is larger, as near to (1, 0) as you like.
    b = Fraction(1, 10**30)
    assert (1 + 2 * b * b) ** 2 / (1 + b * b) ** 2 > 1
    forged = sealed(on_the_kink("maximum", ["9/10", "11/10"], ["3", "5"]))
    assert KINK.read_bytes().strip() == forged
    verdict = check_file(KINK)
    assert (verdict.verdict, verdict.rule) == ("refused", "R11") and "within the radius" in verdict.reason


def many_neurons(count):
    """So many neurons of one weight, each at its KKT point from the beginning."""
    problem = feed_forward([1, count, 1], [1], {"2": [["1"] * count]}, [["1"]], ["1"] * count)
    problem["network"]["activation"]["alpha"] = "1"
    one = [[1 << 40]]
    trap = {"centre": one, "gamma": "1*2^0", "r0": "1*2^-6", "s": "1*2^10", "gap_direction": None}
    group = {"outcome": "converges", "reason": "", "start": one, "windows": [], "trap": trap}
    blank = dict.fromkeys(("horizon", "kkt_point", "support", "value", "gap"))
    numbers = {"angle_at_horizon": "1/5", "angle_at_radius": "1/5"}
    law = {"exponent": ["0", "0"], "coefficient": "1", "floor": "100000"}
    block = {"outcome": "converges", "reason": "", **blank, **numbers, "law": law}
    return {
        "format": "certflow-certificate",
        "version": 1,
        "problem": problem,
        "assumptions": list(ASSUMPTIONS),
        "grid": 40,
        "groups": [group] * count,
        "claim": {
            "statement": "early-direction",
            "order": 2,
            "epsilon": "1/5",
            "delta_bar": "1/100000000000000",
            "start_angle": "0",
            "loss": problem["loss"],
            "assumptions": list(ASSUMPTIONS),
            "horizon": {"scaled_time": "0", "norm_over_delta": None},
            "growth": {"factor_squared": "2"},
            "n_max_upper": "2",
            "radius": "1/1000000000",
            "time_to_radius": None,
            "blocks": [{"index": k, "weights": [k, 1], **block} for k in range(count)],
        },
    }


def test_the_lowest_rate_of_all_blocks_is_not_computed_for_every_block(monkeypatch):
    calls, nu = [], _After.nu
    monkeypatch.setattr(_After, "nu", lambda self, each, size: calls.append(each) or nu(self, each, size))
    verdict = check_text(sealed(many_neurons(12)))
    assert (verdict.verdict, verdict.reason) == ("accepted", "")
    assert len(calls) <= 3 * 12


def test_blocks_after_the_horizon_and_planar_arcs_look_at_the_clock(monkeypatch):
    content, late = sealed(many_neurons(2)), _After.check_radius

    def out_of_time(self):
        self.clock.end = 0.0
        late(self)

    monkeypatch.setattr(_After, "check_radius", out_of_time)
    verdict = check_text(content, 1000)
    assert (verdict.verdict, verdict.rule) == ("timeout", "R7")
    directions = _counterclockwise(list(_EIGHTHS), Clock(None))
    with pytest.raises(OutOfTime):
        _listed(directions, [(1, 1, 0)] * 8, 1, Clock(-1))


@pytest.mark.parametrize(("inputs", "samples"), [(20, 51), (3, 6_700)])
def test_units_make_no_small_file_large(inputs, samples):
    # Samples of 1 become numbers of 20,000 bits, and products of two inputs numbers of 40,000.
    content = many_neurons(1)
    content["problem"] = feed_forward(
        [inputs, 1, 1], [1], {"2": [["1"]]}, [["1"] * inputs] * samples, ["1"] * inputs
    )
    start = [[1 << 40] * inputs]
    content["groups"][0] |= {"start": start, "trap": {**content["groups"][0]["trap"], "centre": start}}
    content["units"] = {"inputs": -19_990, "labels": 0, "given": {"2": 19_990}}
    verdict = check_text(sealed(content))
    assert (verdict.verdict, verdict.rule) == ("refused", "R1") and "memory" in verdict.reason


def test_features_of_untrained_layers_are_measured_one_by_one():
    content = accepted("one-neuron")
    given = {"1": [["1"]] * 1000, "3": [["1"]]}
    content["problem"] = feed_forward([1, 1000, 1, 1], [2], given, [["9" * 1200]] * 5, ["1"] * 1000, power=16)
    data = sealed(content)
    tracemalloc.start()
    try:
        verdict = check_text(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (verdict.verdict, verdict.rule, verdict.reason) == ("refused", "R1", "the numbers are too long")
    assert peak < 10_000_000


def test_a_size_at_the_horizon_beyond_the_radius_is_refused():
    content = accepted("two-layer-logistic")
    content["claim"]["growth"]["factor_squared"] = str(10**9)
    verdict = check_text(sealed(content))
    assert (verdict.verdict, verdict.rule, verdict.where) == ("refused", "R8", "claim.radius")


def test_directions_across_every_point_of_a_box_are_across_its_centre_only_nearly():
    # The form h v_1^2 vanishes across (1, 0), and is h/5 on the unit vector across (1, 1/2).
    local = Local([(ONE, ONE), (-ONE // 2, ONE // 2)], [(0, 0)] * 2, [[ONE, 0], [0, 0]], [[0, 0], [0, 0]])
    tangential = _Tangential(local, Point(0, 1, [ONE, 0], ONE // 2, ONE), (0, 0), 2, Clock(None))
    assert not tangential.at_most(1, ONE // 6)
    assert tangential.at_most(1, 10 * ONE)


def test_a_horizon_before_the_curve_has_ended_is_refused():
    content = accepted("deep")
    horizon = content["claim"]["horizon"]
    horizon["norm_over_delta"] = str(Fraction(horizon["norm_over_delta"]) * 9 / 10)
    verdict = check_text(sealed(content))
    assert (verdict.verdict, verdict.rule, verdict.where) == (
        "refused",
        "R8",
        "claim.horizon.norm_over_delta",
    )


@pytest.mark.parametrize(("share", "expected"), [(Fraction(4, 5), "accepted"), (Fraction(1, 2), "refused")])
def test_epsilon_holds_at_the_horizon_and_not_only_at_the_radius(share, expected):
    # For a much smaller delta the distance of the horizon is forgotten before the radius, where it is far
    # below epsilon.
    content = accepted("one-neuron")
    claim, (block,) = content["claim"], content["claim"]["blocks"]
    claim["delta_bar"] = str(Fraction(claim["delta_bar"]) / 10**6)
    claim["radius"] = str(Fraction(claim["radius"]) / 100)
    claim["epsilon"] = str(Fraction(block["angle_at_horizon"]) * share)
    claim["time_to_radius"] = block["angle_at_radius"] = block["law"] = None
    verdict = check_text(sealed(content))
    assert verdict.verdict == expected and (expected == "accepted" or verdict.rule == "R7")
