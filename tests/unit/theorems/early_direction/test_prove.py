"""The uniform theorem end to end: outcomes, partial theorems, balls of directions, and certificates that are
accepted.
"""

import math
import random
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certflow.checker import check_text
from certflow.checker.kernel.numbers import fraction
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.outcomes.groups import _unknown
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.tube import Rates, Step, Timeline, Track
from certflow.flow.endings import Ending
from certflow.flow.propose.centres import Proposal, _start_signs, groups_of
from certflow.networks.activation import Activation
from certflow.networks.expression import Expression
from certflow.networks.feed_forward import FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.theorems.early_direction import prove as convergence
from certflow.theorems.early_direction import tracks
from certflow.theorems.early_direction.advice import LARGEST_EPSILON, REMEDIES, Cause, Remedy, advice
from certflow.theorems.early_direction.certificate import certificate, certificate_text
from certflow.theorems.early_direction.groups import GroupProof
from certflow.theorems.early_direction.paper import latex
from certflow.theorems.early_direction.prove import certify
from certflow.theorems.early_direction.query import query
from certflow.theorems.early_direction.tracks import track_of
from certflow.theorems.early_direction.words import paragraph

X = [["1", "0"], ["3/5", "4/5"], ["-1", "1/2"]]
Y = ["5", "9/5", "1"]
EPSILON = Fraction(1, 100)


def one_layer(direction, signs=None, loss="square", y=Y, alpha="0"):
    return Problem(OneLayer(2, len(direction) // 2, Activation(alpha, 2), signs), X, y, loss, direction)


def accepted(found):
    verdict = check_text(certificate(found))
    return verdict.verdict, verdict.reason


def three_blocks():
    data = [["3", "4/7", "-5/7"], ["8/5", "15/8", "-10/7"], ["-8/7", "8/5", "-15/7"]]
    direction = ["-10/7", "1/5", "-3/4", "0", "0", "-10/7", "2", "3/8", "13/5"]
    network = OneLayer(3, 3, Activation(0, 2), [-1, -1, -1])
    return Problem(network, data, ["15/8", "5/7", "-13/7"], direction=direction, reduction="sum")


def outcomes(found):
    return [block.outcome for block in found.claim.blocks]


def test_a_live_and_a_dead_neuron():
    found = certify(one_layer(["1", "1/2", "-1", "-4"]), EPSILON)
    assert (found.outcome, outcomes(found)) == ("proved", ["converges", "dead"])
    assert accepted(found) == ("accepted", "")


def test_only_dead_neurons_never_move():
    found = certify(one_layer(["-1", "-4"]), EPSILON)
    assert outcomes(found) == ["dead"]
    assert found.claim.radius is None
    # Nothing limits it: the largest delta that is tried, which is in proportion to the data.
    assert found.claim.delta_bar > Fraction(1, 100)
    assert accepted(found) == ("accepted", "")


@pytest.mark.parametrize(
    ("X", "y", "signs", "direction"),
    [
        # The limit is the sample that pulls most; others are orthogonal to it and pull less, or push.
        ([[2, 0, 0], [0, 1, 0], [0, 0, 1]], [1, 1, -1], [1], [1, 1, 1]),
        # Two equal samples with labels that cancel, an opposite one with the same label.
        ([[0, 1], [-1, 0], [0, 1], [-1, 1], [1, 0]], [1, -1, -1, -1, 1], [1], [3, 1]),
        ([[0, 1], [-1, -1], [1, 1], [0, -1], [1, 0]], [-1, 1, 1, -1, -1], [-1], [-1, -24]),
    ],
)
def test_a_limit_on_kinks_is_proved_where_n_has_a_gap_on_both_sides(X, y, signs, direction):
    problem = Problem(OneLayer(len(X[0]), 1, Activation(0, 2), signs), X, y, "square", direction)
    found = certify(problem, EPSILON)
    assert (found.outcome, outcomes(found)) == ("proved", ["converges"])
    assert accepted(found) == ("accepted", "")
    # Where N is larger on the other side, the neuron must not see it.
    pulled = Problem(OneLayer(2, 1, Activation(0, 2)), [[1, 0], [0, 1], [0, 1]], [1, 2, 1], "square", [1, 0])
    seen = certify(pulled, EPSILON).claim.blocks[0]
    assert seen.silent == (1, 2) or seen.within
    assert certify(problem, EPSILON).claim.blocks[0].silent == ()


def test_a_ball_of_directions_that_leaves_the_dead_cell_is_not_dead():
    data = [["1", "0"], ["3/5", "4/5"]]
    problem = Problem(OneLayer(2, 1, Activation(0, 2)), data, ["5", "1"], "square", ["-1/1000", "-1"])
    assert outcomes(certify(problem, EPSILON)) == ["dead"]
    found = certify(problem, EPSILON, start_angle=Fraction(1, 200))
    assert (found.outcome, found.claim) == ("inconclusive", None)
    beside = Problem(
        OneLayer(2, 2, Activation(0, 2)), data, ["5", "1"], "square", ["-1/1000", "-1", "1", "1/2"]
    )
    found = certify(beside, EPSILON, start_angle=Fraction(1, 200))
    assert (found.outcome, outcomes(found)) == ("partial", ["inconclusive", "converges"])
    assert accepted(found) == ("accepted", "")


def cubic(direction, data):
    width = len(direction) // len(data[0])
    return Problem(
        OneLayer(len(data[0]), width, Activation(0, 3)), data, ["1"] * len(data), "square", direction
    )


def test_the_room_of_a_dead_group_is_that_of_its_least_dead_neuron():
    # The second neuron is 0.001 from being active: within 0.009 of this start it lives and fits the sample.
    problem = cubic(["-1", "-1/1000"], [["1"]])
    found = certify(problem, EPSILON, start_angle=Fraction(1, 100))
    assert (found.outcome, found.claim, found.try_) == (
        "inconclusive",
        None,
        "another initial direction or a smaller start angle",
    )
    found = certify(problem, EPSILON, start_angle=Fraction(1, 1001))
    assert outcomes(found) == ["dead"]
    assert accepted(found) == ("accepted", "")


@pytest.mark.parametrize(
    "last", ["-32399999999999999923", "-32400000000000000000"], ids=["active by 1e-17", "exactly at the kink"]
)
def test_signs_at_the_start_are_those_of_the_exact_direction(last):
    # On a grid of 2^-48 the second neuron seems to be inactive.
    problem = cubic(["-1", "-1", "-1", "18/7", "18/11", f"{last}/7700000000000000000"], [["1", "1", "1"]])
    (group,) = groups_of(problem)
    proposal = Proposal(problem, group)
    assert proposal.series.kinks(proposal.ends[0])[1, 0] < 0
    assert proposal.ending is not Ending.DEAD
    found = certify(problem, EPSILON)
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert "at the start" in found.reason


def test_exact_signs_of_all_layers():
    # The first neuron of layer 1 does not see the second sample: 3/5 · 4/7 − 4/5 · 3/7 = 0.
    network = FeedForward([2, 2, 2, 1], Activation(0, 2))
    direction = ["4/7", "-3/7", "-1", "1", "1", "-1", "1", "1/2", "1", "1"]
    problem = Problem(network, X[:2], Y[:2], "square", direction)
    (group,) = groups_of(problem)
    proposal = Proposal(problem, group)
    signs = _start_signs(problem, group, proposal.series.kinks(proposal.ends[0]))
    assert signs.tolist() == [[1, 0, -1, 1, 1, -1, 1, 1]]


def test_no_group_is_given_up_twice(monkeypatch):
    # On regions that are too wide block 1 is not proved to be in its trap, and nothing bounds what it then
    # does to block 2.
    monkeypatch.setattr(convergence, "_ROOM", 300)
    monkeypatch.setattr(convergence, "_NARROWINGS", 1)
    monkeypatch.setattr(convergence, "_SMALLER", ())
    monkeypatch.setattr(tracks, "_unknown", lambda *_: Rates(0.0, math.inf, 0.0, 0.0, 1.0, 0.0, -50.0, 50.0))
    direction = ["-1753/1000", "-47/500", "163/1000", "333/1000"]
    data = [["33/125", "1177/500"], ["68/125", "261/1000"]]
    network = OneLayer(2, 2, Activation("-1/10", 2))
    problem = Problem(network, data, ["-951/1000", "-307/1000"], "square", direction, reduction="sum")
    found = certify(problem, "1/1000", "1/10000")
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert "block 1: " in found.reason and "block 2: " in found.reason
    assert "start angle" in found.try_
    monkeypatch.undo()
    found = certify(problem, "1/1000", "1/10000")
    assert found.outcome == "proved"
    assert accepted(found) == ("accepted", "")


def test_a_block_too_small_for_the_start_angle_is_given_up_once():
    problem = one_layer(["1", "1/2", "1/10000", "1/20000"])
    assert certify(problem, EPSILON).outcome == "proved"
    found = certify(problem, EPSILON, start_angle=Fraction(1, 5000))
    assert (found.outcome, outcomes(found)) == ("partial", ["converges", "inconclusive"])
    assert "start_angle" in found.reason
    assert accepted(found) == ("accepted", "")


def test_growth_beyond_floats_is_a_failure_of_no_group():
    still = Rates(0.0, math.inf, 0.0, 0.0, 0.0, 0.0, -1.0, 1000.0)
    unknown = Track((), still, 0.0, 0.0, (-1.0, 0.0))
    step = Rates(-1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
    track = Track((Step(Fraction(1), Fraction(0), step, 0.0, 0.0),), step, 0.0, 0.0, (-1.0, 0.0))
    failure = Timeline([unknown, track], 2).sweep(Fraction(1, 10**90)).failure
    assert failure is not None and failure.group is None


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_numbers_that_are_not_finite_prove_nothing(bad):
    step = Rates(-1.0, 1.0, 0.0, bad, bad, 0.0, 1.0, 1.0)
    track = Track((Step(Fraction(1), Fraction(0), step, 0.0, 0.0),), step, 0.0, 0.0, (0.0, 0.0))
    assert Timeline([track], 2).sweep(Fraction(1, 10)).failure is not None


# -- reasons and advice --------------------------------------------------------------------------------------


def test_every_cause_has_its_remedies_and_nothing_is_advised_that_cannot_help():
    assert set(REMEDIES) == set(Cause)
    everything = advice(Cause, Fraction(1, 100), Fraction(1, 1000))
    assert all(remedy.value in everything for remedy in Remedy)
    for cause in (Cause.NETWORK, Cause.LABELS, Cause.RANGE):
        assert advice([cause], Fraction(1, 100), Fraction(1, 1000)) == ""
    assert "epsilon" not in advice(Cause, LARGEST_EPSILON, Fraction(1, 1000))
    assert "angle" not in advice(Cause, Fraction(1, 100), Fraction(0))


@pytest.mark.parametrize(
    ("problem", "reason", "advised"),
    [
        (Problem(TwoLayer(2, 1, Activation(0, 1)), X, Y, "square", ["1", "1/2", "1"]), "power", ""),
        (
            Problem(Expression(["u1", "u2"], ["x1", "x2"], "u1*abs(u2)*x1"), X, Y, "square", ["1", "2"]),
            "jump at the kink of abs(u2)",
            "",
        ),
        (one_layer(["1", "1/2"], y=["0", "0", "0"]), "all labels are zero", ""),
        (one_layer(["1", "0"], y=["0", "0", "1"]), "at the start", "another initial direction"),
    ],
    ids=["power 1", "expression", "no labels", "at rest"],
)
def test_reasons_and_advice_are_true(problem, reason, advised):
    found = certify(problem, EPSILON)
    assert (found.outcome, found.try_, found.proved_until) == ("inconclusive", advised, "")
    assert reason in found.reason


def test_an_angle_below_the_precision_says_so():
    found = certify(one_layer(["1", "1/2"]), "1e-300")
    assert (found.outcome, found.try_) == ("inconclusive", "a larger epsilon")
    assert "not known well enough" in found.reason


def test_if_all_groups_fail_all_reasons_are_shown():
    found = certify(
        one_layer(["0", "-1", "0", "-2", "-1/10000", "0"], y=["0", "0", "1"]),
        EPSILON,
        start_angle=Fraction(1, 1000),
    )
    assert found.outcome == "inconclusive"
    assert "blocks 1, 2: " in found.reason and "block 3: " in found.reason


def test_a_block_of_zeros_stays_zero_and_the_others_have_their_theorem():
    problem = one_layer(["1", "1/2", "0", "0"])
    found = certify(problem, EPSILON)
    assert (found.outcome, outcomes(found)) == ("proved", ["converges", "zero"])
    alone = certify(one_layer(["1", "1/2"]), EPSILON)
    assert found.claim.delta_bar > alone.claim.delta_bar / 10
    assert accepted(found) == ("accepted", "")
    assert "Block 2 starts with all weights zero, and stays zero" in paragraph(found.claim)
    assert "zero for all times" in latex(found.claim, found.problem, "0" * 64)
    query(found.claim, found.claim.delta_bar)


def test_a_block_of_zeros_has_any_direction_once_the_start_may_be_turned():
    found = certify(one_layer(["1", "1/2", "0", "0"]), EPSILON, start_angle=Fraction(1, 10**6))
    assert (found.outcome, outcomes(found)) == ("partial", ["converges", "inconclusive"])
    assert "block 2" in found.reason
    assert accepted(found) == ("accepted", "")


@given(
    st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=4),
    st.sampled_from([Fraction(1, 2), Fraction(-3)]),
    st.sampled_from([Fraction(0), Fraction(1, 4), Fraction(-1)]),
    st.tuples(st.integers(-9, 9), st.integers(-9, 9)).filter(any),
)
def test_an_unknown_neuron_grows_no_faster_than_the_labels_push_it(samples, v, alpha, w):
    data, labels = [[a, b] for a, b, _ in samples], [y for *_, y in samples]
    network = FeedForward([2, 2, 1], Activation(alpha, 2), [1], {2: [[v, 1]]})
    problem = Problem(network, data, labels, direction=[1, 2, 3, 4])
    outputs = [v * max(a * w[0] + b * w[1], alpha * (a * w[0] + b * w[1])) ** 2 for a, b in data]
    growth = 2 * sum(z * h for z, h in zip(problem.z, outputs, strict=True)) / (w[0] ** 2 + w[1] ** 2)
    fastest, checked = rates_of_growth(problem)
    assert growth <= checked <= fastest + Fraction(1, 2**60)


def rates_of_growth(problem: Problem) -> tuple[Fraction, Fraction]:
    """How fast an unknown first neuron may grow, for the prover and for the checker."""
    group = GroupProof(parts_of(problem, groups_of(problem)[0]))
    checked = _unknown(Checked(problem.exact_content(), Clock(None)), 0, "")
    return Fraction(track_of(problem, group, 0, Fraction(0), True).after.ell_hi), fraction(checked.ell[1])


@pytest.mark.parametrize(
    ("network", "rate"),
    [
        (OneLayer(2, 2, Activation(0, 2)), 2),
        (OneLayer(2, 2, Activation(1, 2)), 2),
        (OneLayer(2, 2, Activation("1/2", 2), signs=[-1, 1]), 6),
        (TwoLayer(2, 2, Activation(1, 1)), math.sqrt(2)),
    ],
    ids=["kinks", "quadratic", "leaky and negative", "linear"],
)
def test_samples_in_several_directions_do_not_add_up_in_an_unknown_neuron(network, rate):
    # The sums of all pushes are 4, 4, 8 and 4.
    data = [["1", "0"], ["0", "1"], ["0", "2"]]
    problem = Problem(network, data, ["1", "1", "-1"], direction=[1] * network.size, reduction="sum")
    assert [float(each) for each in rates_of_growth(problem)] == pytest.approx([rate, rate], rel=1e-5)


def test_the_radius_leaves_room_for_a_distance_that_does_not_fall():
    # Block 2 stays unknown, so there is no law by which block 1 comes nearer: all of its tube's end counts up
    # to the radius.
    network = OneLayer(2, 2, Activation(1, 2))
    X = [["1", "1"], ["2", "-1"]]
    problem = Problem(network, X, ["1/2", "1/4"], direction=["1/10", "1", "0", "1"])
    found = certify(problem, "1/200", "1/1000000000")
    assert outcomes(found) == ["converges", "inconclusive"]
    assert accepted(found) == ("accepted", "")


def test_either_bound_after_the_horizon_will_do():
    # The law of block 1 has a floor that is wider than its trap; K R^2 / gamma is not.
    network = FeedForward([2, 2, 1], Activation(0, 2), [1], {2: [[1, 1]]})
    samples = [[-2, 2], [2, -2], [0, 1], [1, 0], [-1, 0], [0, -1]]
    problem = Problem(network, samples, [-1, -1, 1, 1, -1, -1], "logistic", [-1, -1, 3, 3])
    found = certify(problem, "1/5")
    assert outcomes(found) == ["shrinks", "converges"]
    assert accepted(found) == ("accepted", "")


def test_n_that_is_nowhere_positive_has_a_bound_that_is_proved():
    leaky = Problem(
        OneLayer(2, 1, Activation("1/2", 2)), [[0, 1]], [-1], "square", direction=[2, 0], reduction="sum"
    )
    found = certify(leaky, "1/10")
    assert accepted(found) == ("accepted", "") and found.claim.n_max_upper > 0


def test_only_exact_zeros_pass_for_zero():
    nearly = one_layer(["1", "1/2", "0", "1/1000000000000"])
    found = certify(one_layer(["1", "1/2", "0", "0"]), EPSILON)
    forged = replace(found.claim, problem_sha256=nearly.sha256)
    verdict = check_text(certificate_text(nearly, found.evidence, forged))
    assert (verdict.verdict, verdict.rule) == ("refused", "R5")
    turned = replace(found.claim, start_angle=Fraction(1, 10**6))
    verdict = check_text(certificate_text(found.problem, found.evidence, turned))
    assert (verdict.verdict, verdict.rule) == ("refused", "R5")


def test_a_block_that_starts_in_its_trap_keeps_its_distance_from_the_kkt_point():
    # 10.5119° is a maximum; block 1 starts 0.0009 from it and has no tube, block 2 has one.
    found = certify(one_layer(["0.983057", "0.183297", "-1", "1"]), EPSILON)
    first, second = found.claim.blocks
    assert (first.horizon, first.outcome) == (0, "converges")
    assert second.horizon > 0
    assert accepted(found) == ("accepted", "")
    alone = certify(one_layer(["0.983057", "0.183297"]), EPSILON).claim.blocks[0]
    assert Fraction(8, 10000) < alone.angle_at_horizon < EPSILON


def test_negative_outputs_shrink():
    found = certify(one_layer(["1", "1/2", "-1", "1"], signs=[1, -1]), EPSILON)
    assert outcomes(found) == ["converges", "shrinks"]
    assert found.claim.blocks[1].value[1] < 0
    assert accepted(found) == ("accepted", "")


def test_a_ball_of_directions_costs_a_little():
    problem = one_layer(["1", "1/2", "2", "-1"])
    alone, ball = certify(problem, EPSILON), certify(problem, EPSILON, start_angle=Fraction(1, 2000))
    assert 0 < ball.claim.delta_bar < alone.claim.delta_bar
    assert ball.claim.start_angle == Fraction(1, 2000)
    assert accepted(ball) == ("accepted", "")


@pytest.mark.parametrize(
    "problem",
    [
        one_layer(["1", "1/2", "-1", "1"], loss="logistic", y=["1", "-1", "1"]),
        one_layer(["1", "1/2"], alpha="1/4"),
        Problem(OneLayer(2, 2, Activation("-1/2", 3)), X, Y, "square", ["1", "1/2", "-1", "1"]),
        Problem(
            TwoLayer(2, 2, Activation(0, 2)),
            X,
            Y,
            "square",
            ["1", "1/2", "-1", "1", "1", "-1"],
            reduction="sum",
        ),
        Problem(TwoLayer(2, 2, Activation(1, 1)), X, Y, "square", ["1", "1/2", "-1", "1", "1", "1/2"]),
        Problem(
            FeedForward([2, 2, 1], Activation(0, 2), [1], {2: [["1/2", "-2"]]}),
            X,
            Y,
            "square",
            ["1", "1/2", "-1", "1"],
        ),
    ],
    ids=["logistic", "leaky", "cubic", "two-layer", "linear", "fixed output weights"],
)
def test_every_family_is_proved_and_accepted(problem):
    found = certify(problem, EPSILON)
    assert found.outcome == "proved", found.reason
    assert accepted(found) == ("accepted", "")


@pytest.mark.parametrize(
    ("problem", "epsilon"),
    [
        (cubic(["1", "0"], [["1", "0"]]), "1/100"),
        (Problem(TwoLayer(1, 2, Activation("1/4", 3)), [["1"]], ["1"], seed=2), "1/100"),
        (
            Problem(OneLayer(2, 1, Activation("-1/4", 3)), [["6", "2"]], ["9"], direction=["1", "-1/3"]),
            "1/20",
        ),
        (Problem(OneLayer(1, 1, Activation("1/10", 3)), [["3/10"]], ["-3/10"], direction=["-1"]), "1/20"),
        (
            Problem(
                TwoLayer(2, 1, Activation(0, 2)),
                [["1/10000", "0"], ["1/20000", "1/10000"]],
                ["1", "1"],
                direction=["1", "2", "1"],
            ),
            "1/100",
        ),
        (one_layer(["-1/20", "1", "1/3", "1"]), "1/20"),
    ],
    ids=[
        "starts in the trap",
        "kinks in the whole trap",
        "one sample",
        "one weight",
        "small inputs",
        "hardly moves",
    ],
)
def test_what_is_claimed_leaves_room_for_the_checker(problem, epsilon):
    found = certify(problem, epsilon)
    assert found.outcome == "proved", found.reason
    assert accepted(found) == ("accepted", "")


def test_a_tube_without_a_usable_end_is_inconclusive():
    data = [["-2197/1000", "319/500"], ["-2197/1000", "319/500"], ["251/500", "1283/1000"]]
    direction = ["-87/250", "-781/500", "771/1000"]
    problem = Problem(
        TwoLayer(2, 1, Activation(1, 2)), data, ["-307/500", "-839/1000", "-11/8"], direction=direction
    )
    found = certify(problem, "1/20", "1/20")
    assert (found.outcome, found.claim) == ("inconclusive", None)
    assert "even for delta = 1e-90" in found.reason


def test_small_random_problems_are_accepted_whenever_they_are_proved():
    rng, proved = random.Random(5), 0
    for _ in range(8):
        inputs, width, samples = rng.choice([1, 2]), rng.choice([1, 2]), rng.choice([1, 2])
        sigma = Activation(rng.choice(["0", "-1/4", "1/4", "1"]), rng.choice([2, 3]))
        data = [[Fraction(rng.randint(-20, 20), 10) for _ in range(inputs)] for _ in range(samples)]
        network = rng.choice([OneLayer, TwoLayer])(inputs, width, sigma)
        direction = [Fraction(rng.randint(-99, 99), 100) for _ in range(network.size)]
        labels = [rng.choice([1, 9, -3]) for _ in data]
        found = certify(
            Problem(network, data, labels, direction=direction), rng.choice(["1/100", "1/30", "1/20"])
        )
        if found.claim:
            proved += 1
            assert accepted(found) == ("accepted", ""), found.problem.to_toml()
    assert proved >= 4


def test_jumping_gradients_are_inconclusive():
    problem = Problem(TwoLayer(2, 1, Activation(0, 1)), X, Y, "square", ["1", "1/2", "1"])
    found = certify(problem, EPSILON)
    assert found.outcome == "inconclusive"
    assert "power" in found.reason


def test_parts_that_no_checker_evaluates_are_inconclusive():
    wide = Problem(OneLayer(401, 1, Activation(0, 2)), [["1"] * 401], ["1"], "square", ["1"] * 401)
    found = certify(wide, EPSILON)
    assert found.outcome == "inconclusive"
    assert "401 weights" in found.reason


def test_the_same_input_gives_the_same_bytes():
    problem = one_layer(["1", "1/2", "-1", "1"])
    first, second = certify(problem, EPSILON), certify(problem, EPSILON)
    assert certificate_text(problem, first.evidence, first.claim) == certificate_text(
        problem, second.evidence, second.claim
    )


@pytest.mark.parametrize(
    ("epsilon", "angle"), [("0", "0"), ("-1/100", "0"), ("1", "0"), ("1/100", "1/10"), ("1/100", "-1/10")]
)
def test_senseless_numbers_are_refused(epsilon, angle):
    with pytest.raises(BadInput):
        certify(one_layer(["1", "1/2"]), epsilon, angle)


def test_figure1_is_proved_for_all_neurons():
    found = certify(Problem.figure1(), EPSILON)
    assert found.outcome == "proved"
    assert outcomes(found) == ["converges"] * 20
    assert found.claim.delta_bar >= Fraction(3, 10**10)
    assert accepted(found) == ("accepted", "")


@pytest.mark.parametrize(
    "problem",
    [
        cubic(["1", "1/3"], [["1", "0"]]),
        Problem(
            TwoLayer(2, 1, Activation(0, 2)),
            [["1", "1/2"], ["3/10", "-1"]],
            ["1", "-1"],
            direction=["1", "1/2", "1"],
        ),
        one_layer(["1", "1/2", "-1", "1"]),
        three_blocks(),
    ],
    ids=["cubic", "two-layer", "two blocks", "all blocks fail at wide angles"],
)
def test_a_larger_epsilon_never_gives_a_smaller_delta_bar(problem):
    found = [certify(problem, epsilon) for epsilon in ("1/100", "1/15", "1/10", "1/5")]
    worths = [
        (len(outcomes(each)) - outcomes(each).count("inconclusive"), each.claim.delta_bar) for each in found
    ]
    assert worths == sorted(worths)
    assert [each.claim.epsilon for each in found] == [Fraction(1, k) for k in (100, 15, 10, 5)]
    assert accepted(found[-1]) == ("accepted", "")
