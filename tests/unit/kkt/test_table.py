"""The table of KKT points: what its digits prove, its rows and notes, in the plane, in space and with many
weights.
"""

from __future__ import annotations

import csv
import io
from fractions import Fraction as F

import pytest

from certflow.arithmetic.ball import Ball
from certflow.kkt.basins_sampled import BasinEstimate, Share
from certflow.kkt.neuron.circle import kkt_of_problem
from certflow.kkt.points import Continuum, KKTPoint, KKTSet
from certflow.kkt.table import coordinate_names, fitting_kkt_table, kkt_table, output_signs
from certflow.networks.activation import Activation
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import Status
from certflow.problem import Problem
from certflow.report.kkt_columns import estimate_column, limit_column
from certflow.report.records import kkt_record
from certflow.tables import Table
from certflow.theorems.basin.prove import Destination

BITS = 160
SQUARED = Activation(F(0), 2)


def planar(signs: list[int] | None = None) -> Problem:
    rows = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]
    return Problem(OneLayer(2, 2, SQUARED, signs), rows, ["5", "9/5", "1"], direction=["1", "1/2", "-1", "1"])


def network_problem(network) -> Problem:
    return Problem(network, [["1", "0", "2"], ["0", "1", "-1"]], ["1", "2"], seed=1)


def entry(kind: str, point: list[F | int], value: F | int, **fields) -> KKTPoint:
    return KKTPoint(kind, tuple(Ball(v, BITS) for v in point), Ball(value, BITS), **fields)


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_a_planar_set_has_angles_and_basins() -> None:
    problem = planar()
    kkt = kkt_of_problem(problem)
    assert kkt is not None
    table = kkt_table(problem, kkt)
    assert [column.heading() for column in table.columns] == ["kind", "angle [°]", "N", "gap γ", "basin [%]"]
    assert texts(table)[1] == ["maximum", "10.51192320", "1.936106305", "3.211091888", "59.91"]
    assert texts(table)[0][1] == "-116.5650512 to -90"
    assert "2 maxima, 1 minimum, 1 arc" in table.notes[0]
    assert "no other KKT point" in table.notes[0]
    rows = list(csv.reader(io.StringIO(table.to_csv())))
    shares = [F(row[4]) for row in rows[1:]]
    assert abs(sum(shares) - 1) <= 4 * F(1, 10**30)
    assert all(kkt.points[i].value.contains(F(row[2])) or len(row[2]) > 25 for i, row in enumerate(rows[1:]))


def test_neurons_of_both_signs_have_a_basin_each() -> None:
    problem = planar([1, -1])
    assert output_signs(problem) == (1, -1)
    kkt = kkt_of_problem(problem)
    assert kkt is not None
    table = kkt_table(problem, kkt)
    assert [column.heading() for column in table.columns][-2:] == ["basin + [%]", "basin − [%]"]
    assert [row[-2:] for row in texts(table)] == [
        ["7.38", "60.30"],
        ["59.91", "0"],
        ["0", "39.70"],
        ["32.71", "0"],
    ]
    assert "output weights" in table.notes[0]
    record = kkt_record(kkt)
    assert [basin["sign"] for basin in record["kkt"][0]["basins"]] == [1, -1]


def test_the_signs_are_those_of_the_given_output_weights() -> None:
    given = FeedForward([3, 2, 1], SQUARED, [1], {2: [[F(-2), F(0)]]})
    assert output_signs(network_problem(given)) == (-1,)
    assert output_signs(network_problem(TwoLayer(3, 2, SQUARED))) == (1,)


def test_every_digit_of_a_wide_enclosure_is_proved() -> None:
    wide = KKTPoint(
        "maximum",
        (Ball(1, BITS), Ball.interval(F(-1, 10**9), F(1, 10**9), BITS)),
        Ball.interval(F(1, 3), F(2, 5), BITS),
    )
    (row,) = texts(kkt_table(planar(), KKTSet([wide], 30)))
    assert row[:4] == ["maximum", "1", "0.0000000", "0.4"]


def test_points_in_space_have_a_column_per_coordinate_and_are_sorted_by_value() -> None:
    dead = Continuum(2, rays=((F(0), F(0), F(1)),))
    points = [
        entry("degenerate", [0, 0, 1], 0, continuum=dead, reason="dead cell"),
        entry("minimum", [0, 1, 0], -1, gap=Ball(-2, BITS)),
        entry("maximum", [F(3, 5), 0, F(-4, 5)], F(1, 3), gap=Ball(F(1, 7), BITS)),
    ]
    problem = network_problem(OneLayer(3, 1, SQUARED))
    table = kkt_table(problem, KKTSet(points, 30, method="all cells", counts={"cells": 2452}))
    assert [column.name for column in table.columns] == ["kind", "u1", "u2", "u3", "N", "gap γ", "note"]
    assert texts(table) == [
        ["maximum", "0.6000000", "0", "-0.8000000", "0.3333333333", "0.1428571429", ""],
        ["degenerate", "0", "0", "1", "0", "–", "(1)"],
        ["minimum", "0", "1", "0", "-1", "-2", ""],
    ]
    assert table.notes[1].endswith("Proof: all cells (2,452 cells).")
    assert table.notes[0] == "(1) set of dimension 2; dead cell"
    assert [row["remark"] for row in csv.DictReader(io.StringIO(table.to_csv()))] == [
        "",
        "set of dimension 2; dead cell",
        "",
    ]


def test_names_follow_what_the_points_are_points_of() -> None:
    one, two = network_problem(OneLayer(3, 2, SQUARED)), network_problem(TwoLayer(3, 2, SQUARED))
    assert coordinate_names(one, KKTSet([entry("maximum", [1, 0, 0], 1)], 30)) == ["u1", "u2", "u3"]
    assert coordinate_names(two, KKTSet([entry("maximum", [1, 0, 0, 0], 1)], 30)) == ["w1", "w2", "w3", "v"]
    every = KKTSet([entry("maximum", [1, *[0] * 7], 1)], 30, of="all weights")
    assert coordinate_names(two, every) == ["w1_1", "w1_2", "w1_3", "w2_1", "w2_2", "w2_3", "v1", "v2"]


def test_many_coordinates_are_abbreviated_but_all_in_the_csv() -> None:
    problem = network_problem(TwoLayer(3, 2, SQUARED))
    points = [
        entry("maximum", [F(3, 5), 0, 0, 0, 0, 0, F(-4, 5), 0], 1),
        entry("saddle", [F(1, k + 2) for k in range(8)], 2),
    ]
    kkt = KKTSet(points, 30, of="all weights")
    table = kkt_table(problem, kkt)
    assert [row[1] for row in texts(table)] == [
        "w1_1 = 0.5, w1_2 = 0.333, w1_3 = 0.25; 5 more",
        "w1_1 = 0.600, v1 = -0.800; others 0",
    ]
    rows = list(csv.reader(io.StringIO(kkt_table(problem, kkt, every=True).to_csv())))
    assert len(rows[0]) == 1 + 8 + 2
    assert [F(v).limit_denominator(100) for v in rows[2][1:9]] == [F(3, 5), 0, 0, 0, 0, 0, F(-4, 5), 0]


def test_radii_of_uniqueness_are_for_programs() -> None:
    points = [entry("maximum", [1, 0, 0], k, reason=f"the only KKT point within {k}.0e-01") for k in (3, 2)]
    problem, kkt = network_problem(OneLayer(3, 1, SQUARED)), KKTSet(points, 30)
    table = kkt_table(problem, kkt)
    assert [column.name for column in table.columns][-1] == "gap γ"
    assert not any("only KKT point within" in note for note in table.notes)
    assert "the only KKT point within 2.0e-01" in kkt_table(problem, kkt, every=True).to_csv()


def test_a_long_list_shows_the_maxima_and_counts_all() -> None:
    points = [entry("saddle", [1, 0, 0], k) for k in range(50)] + [
        entry("maximum", [0, 1, 0], -k) for k in range(3)
    ]
    problem = network_problem(OneLayer(3, 1, SQUARED))
    table = kkt_table(problem, KKTSet(points, 30), most=10)
    assert [row[0] for row in texts(table)] == ["maximum"] * 3 + ["saddle"] * 7
    assert [row[4] for row in texts(table)[:4]] == ["0", "-1", "-2", "49"]
    assert "3 maxima, 50 saddles" in table.notes[0]
    assert "10 of 53 are shown" in table.notes[1]
    assert len(kkt_table(problem, KKTSet(points, 30)).rows) == 53


@pytest.mark.parametrize(
    ("width", "coordinate", "value"),
    [(100, "0.4285714", "0.3333333333"), (60, "0.429", "0.333333"), (1, "0.43", "0.33333")],
)
def test_digits_follow_the_width(width: int, coordinate: str, value: str) -> None:
    problem = network_problem(OneLayer(3, 1, SQUARED))
    kkt = KKTSet([entry("maximum", [F(3, 7), F(-6, 7), F(2, 7)], F(1, 3), gap=Ball(F(1, 3), BITS))], 30)
    table = fitting_kkt_table(problem, kkt, 30, 40, width)
    assert texts(table)[0][1] == coordinate and texts(table)[0][4] == value
    assert table.width() <= max(width, 51)


def test_a_partial_list_says_what_is_missing() -> None:
    extrema = {"n_max": Ball(F(4, 3), BITS), "n_min": Ball(-1, BITS)}
    kkt = KKTSet([entry("maximum", [1, 0, 0], 1)], 30, Status.PARTIAL, "two boxes are undecided.", **extrema)
    notes = kkt_table(network_problem(OneLayer(3, 1, SQUARED)), kkt).notes
    assert (
        notes[0]
        == "Each of these (1 maximum) is a KKT point, but there may be others: two boxes are undecided."
    )
    assert notes[1] == "On the whole sphere -1 ≤ N ≤ 1.333333334."


def test_estimates_and_proved_limits_are_columns_of_their_own() -> None:
    estimate = BasinEstimate(
        (Share(50, 0.5, 0.4, 0.6), Share(0, 0.0, 0.0, 0.0362)), Share(50, 0.5, 0.495, 0.505), 100, 0, -1, 0.95
    )
    limits = [Destination(j, "converges", 1) for j in (0, 1, 2, 4)] + [
        Destination(3, "inconclusive", None, reason="it branches.")
    ]
    more = [estimate_column(estimate, True), limit_column(limits, 2, joint=False)]
    kkt = KKTSet([entry("maximum", [1, 0, 0], 2), entry("minimum", [0, 1, 0], 1)], 30)
    table = kkt_table(network_problem(OneLayer(3, 1, SQUARED)), kkt, more=more)
    assert [column.heading() for column in table.columns][-2:] == ["basin − ≈ [%]", "blocks"]
    assert [row[-2:] for row in texts(table)] == [["50 (40 to 60)", ""], ["0 (≤ 3.6)", "1 to 3 and 5"]]
    assert "50.0 (49.5 to 50.5) ended near none of them" in table.notes[0]
    assert table.notes[1].endswith("Not proved for 1 (it branches).")
    assert table.notes[-1] == "Every other number is proved to within one unit of its last digit."


def test_an_empty_list_is_still_a_table() -> None:
    table = kkt_table(
        network_problem(OneLayer(3, 1, SQUARED)), KKTSet([], 30, Status.PARTIAL, "nothing was found")
    )
    assert table.rows == []
    assert table.notes == ["No KKT point is proved: nothing was found."]


@pytest.mark.parametrize("reason", ["", "not yet"])
def test_the_record_of_nothing(reason: str) -> None:
    assert kkt_record(None, reason) == {"kkt_status": "not enumerated", "kkt": [], "reason": reason}


def test_the_group_of_all_weights_is_not_called_a_block():
    reason = "the gradient jumps."
    found, not_found = (
        limit_column([Destination(0, "converges", entry, reason=reason)], 2, joint=True)
        for entry in (1, None)
    )
    assert [cell.text for cell in found.cells] == ["", "all"] and found.column.heading() == "weights"
    assert not_found.note.endswith("Not proved (the gradient jumps).") and "block" not in not_found.note
