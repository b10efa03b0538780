"""R5 and R6 worked out: the start of every group, its trap, dead and unknown groups, number by number."""

import json
from dataclasses import replace
from fractions import Fraction as F
from pathlib import Path
from types import SimpleNamespace

import pytest
from after_a_sweep import CLOCK, RATES, TINY, TRAP, refusal

from certflow.checker.early_direction.claim import ASSUMPTIONS
from certflow.checker.kernel.network import Part
from certflow.checker.kernel.numbers import ONE, down, root_down, root_up, up
from certflow.checker.kernel.problem import Problem as Checked
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock, Refused
from certflow.checker.outcomes import groups
from certflow.checker.outcomes.groups import (
    Proved,
    _gap_high,
    _trap,
    angle_up,
    arc_up,
    check_dead,
    check_followed,
    divided,
    prepare,
)
from certflow.checker.symmetries.lifts import lifts
from certflow.checker.tube.curve import Track
from certflow.checker.tube.evidence import Certificate, GroupEvidence, TrapEvidence, read
from certflow.checker.tube.region import Rates
from certflow.checker.tube.sweep import Runner
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem

GRID = 48


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (4, 8, (1, 4)),
        (-4, 8, (-2, 4)),
        (-8, -4, (-4, -1)),
        (0, 0, (0, 0)),
        (-4, 0, (-2, 0)),
        (0, 4, (0, 2)),
        (0, F(1, 2), (0, F(1, 4))),
        (F(1, 2), 1, (F(1, 8), F(1, 2))),
    ],
)
def test_quotients_of_intervals_are_taken_outwards(low, high, expected):
    assert divided(F(low), F(high), (F(2), F(4))) == expected


def test_an_arc_is_bounded_up_to_a_sine_of_one_half():
    assert [arc_up(x, "a") for x in (F(0), F(1, 4), F(1, 2))] == [0, F(1, 4) + F(1, 256), F(17, 32)]
    assert refusal(arc_up, F(1, 2) + TINY, "a") == (
        "R5",
        "a",
        "two directions that must be close are far from each other",
    )


def test_an_angle_is_that_of_its_sine():
    # cos = 117/125, so sin = 44/125, whatever the lengths.
    sine = root_up(F(44, 125) ** 2, 2)
    for scale in (F(1), F(7, 3)):
        assert angle_up([F(4) * scale, F(3) * scale], [F(24), F(7)], "a") == sine + sine**3 / 4
    assert angle_up([F(3), F(4)], [F(6), F(8)], "a") == 0
    assert angle_up([F(1), F(0)], [F(2), F(1)], "a") > F(4, 10)
    across = ("R5", "a", "two directions that must be close are at a right angle or more")
    assert (
        refusal(angle_up, [F(1), F(0)], [F(0), F(1)], "a")
        == refusal(angle_up, [F(1)], [F(-1)], "a")
        == across
    )
    assert refusal(angle_up, [F(1), F(0)], [F(1), F(1)], "a")[1:] == (
        "a",
        "two directions that must be close are far from each other",
    )


def trap_of(
    monkeypatch,
    L=4,
    outcome="converges",
    rates=RATES,
    eta=ONE // 8,
    ell=(ONE, 2 * ONE),
    direction=None,
    **changes,
):
    """The trap proved with these enclosures at a centre of length 5/4, and what was asked for on the way."""
    asked = []
    place = SimpleNamespace(ell=ell, tangential=eta)
    monkeypatch.setattr(groups, "at_point", lambda *given: asked.append(given) or place)
    monkeypatch.setattr(groups, "_gap_high", lambda *given: asked.append(given) or changes.get("high"))
    own = SimpleNamespace(order=L, problem=SimpleNamespace(rate=F(8)))
    own.rates = lambda *given: asked.append(given) or (rates, ["runs"])
    proposed = TrapEvidence([[3], [4]], F(2), changes.get("r0", F(1, 8)), F(7), direction)
    group = GroupEvidence(outcome, "", [], [], proposed)
    return _trap(own, group, proposed, 2, "t"), asked, own, place, proposed


def test_a_trap_of_order_four(monkeypatch):
    trap, asked, own, place, proposed = trap_of(monkeypatch)
    # The radius is (1/8)/2, |c|^2 = 25/16 over the rate 8.
    assert (trap.gamma, trap.r0, trap.kkt_radius, trap.rates) == (2, F(1, 8), F(1, 16), RATES)
    assert trap.scale == (F(25, 128), F(25, 128))
    # N = ell/L -+ radius * T in s-units.
    assert trap.value == ((F(1, 4) - F(1, 512)) * F(128, 25), (F(1, 2) + F(1, 512)) * F(128, 25))
    assert trap.gap == (2 * F(128, 25), None)
    assert asked == [(own, [[3], [4]], 2, "t"), (place, F(-2), F(1, 8), F(7), "t", None)]


@pytest.mark.parametrize("high", [F(3), F(-3), F(0), None])
def test_the_gap_of_a_trap_of_order_three(monkeypatch, high):
    trap, asked, *_, proposed = trap_of(monkeypatch, 3, direction=[[1], [0]], high=high)
    low, top = root_down(F(25, 16), 2) / 8, root_up(F(25, 16), 2) / 8
    assert trap.scale == (low, top)
    assert trap.gap == (2 / top, None if high is None else high / (low if high >= 0 else top))
    assert asked[-1] == ([[1], [0]], proposed.centre, RATES, ["runs"], F(1, 16), 3)


@pytest.mark.parametrize(("high", "end"), [(F(3), 0), (F(1, 2), 0), (F(-3), 1)])
def test_a_scale_that_is_not_rational_is_enclosed(monkeypatch, high, end):
    monkeypatch.setattr(
        groups, "square", lambda rows, grid: F(2) if (rows, grid) == ([[3], [4]], 2) else None
    )
    trap, *_ = trap_of(monkeypatch, 3, direction=[[1], [0]], high=high)
    assert trap.scale == (root_down(F(2), 2) / 8, root_up(F(2), 2) / 8) and trap.scale[0] < trap.scale[1]
    assert trap.gap == (2 / trap.scale[1], high / trap.scale[end])


def test_a_kkt_point_is_inside_of_its_trap(monkeypatch):
    none = "no KKT point is proved inside: the gradient at the centre is too large for gamma and r0"
    assert refusal(lambda: trap_of(monkeypatch, r0=F(1, 16))) == ("R6", "t", none)
    assert refusal(lambda: trap_of(monkeypatch, r0=F(1, 16) + TINY)) is None


@pytest.mark.parametrize(
    ("outcome", "ell", "proved"),
    [
        ("converges", (1, 2), True),
        ("converges", (0, 2), False),
        ("converges", (-2, -1), False),
        ("shrinks", (-2, -1), True),
        ("shrinks", (-2, 0), False),
        ("shrinks", (1, 2), False),
    ],
)
def test_the_sign_of_n_is_proved_on_the_whole_trap(monkeypatch, outcome, ell, proved):
    reason = f"the sign of N is not proved, so the outcome cannot be {outcome}"
    found = refusal(lambda: trap_of(monkeypatch, outcome=outcome, rates=replace(RATES, ell=ell)))
    assert found == (None if proved else ("R6", "t", reason))


@pytest.mark.parametrize(("ell", "factor"), [(ONE // 2, F(1, 2) * F(2, 256)), (-ONE // 2, F(0))])
def test_the_gap_is_bounded_by_the_direction_that_is_orthogonal_to_the_centre(monkeypatch, ell, factor):
    asked = []
    monkeypatch.setattr(groups, "least_quotient", lambda *given: asked.append(given) or F(-3))
    rates = replace(RATES, ell=(-ONE, ell))
    # <v, c> = 10, |c|^2 = 25: 25 v - 10 c.
    high = _gap_high([[2, 0], [1]], [[3, 0], [4]], rates, ["runs"], F(1, 16), 4)
    assert asked == [(["runs"], [[20, 0], [-15]])]
    assert high == (F(ell, ONE) + factor + 3) / (1 - F(1, 256))
    assert _gap_high([[6, 0], [8]], [[3, 0], [4]], rates, ["runs"], F(1, 16), 4) is None
    assert len(asked) == 1


def dead(
    alpha=0,
    p=2,
    shallow=True,
    features=((F(3), F(4)), (F(0), F(0))),
    end=((-3, -4),),
    D=F(1, 2),
    path=True,
    parts=(7,),
):
    own = {"alpha": F(alpha), "p": p, "shallow": shallow, "expression": False}
    problem = SimpleNamespace(**own, features=[list(x) for x in features])
    run = Runner(
        Track([], F(1), [list(row) for row in end]) if path else None, RATES, None, 0, (F(1), F(1)), 0, "here"
    )
    run.entry_D = up(D)
    return refusal(check_dead, problem, list(parts), Proved(None, None, run), 2, CLOCK)


def test_a_dead_neuron_is_inactive_for_every_direction_it_may_have():
    # x . w = -25/4, and D |p| |x| = D * 25/4.
    active = ("R5", "here", "a sample may be active for part 7, so it is not proved dead")
    assert dead(D=F(1, 2)) == dead(D=1 - F(1, ONE)) is None
    assert dead(D=F(1)) == dead(end=((3, 4),)) == dead(end=((4, -3),), D=F(0)) == active
    # Only the first weights are those of the inputs; the length is that of all.
    assert dead(end=((-3, -4, 0),)) is None
    assert dead(end=((-3, -4, 12),), D=F(1, 3)) is None
    assert dead(end=((-3, -4, 12),), D=F(2, 5)) == active
    # Every part, and every sample that is not zero.
    assert dead(end=((-3, -4), (4, -3)), parts=(6, 7)) == active
    assert (
        dead(features=((F(3), F(4)), (F(-1), F(0)))) == dead(features=((F(0), F(0)), (F(-1), F(0)))) == active
    )
    assert dead(features=((F(0), F(0)),)) is None


@pytest.mark.parametrize("changes", [{"alpha": 1}, {"alpha": F(-1, 2)}, {"p": 1}, {"path": False}])
def test_only_neurons_that_can_be_inactive_are_dead(changes):
    assert dead(**changes) == ("R5", "here", "only networks with alpha = 0 can be dead")


def certificate(
    direction, own, signs=None, X=((1, 0), (0, 1)), y=(1, F(-1, 2)), loss="square", reduction="sum"
):
    """Neurons of the power 2 and alpha 1 in the plane, with these groups."""
    network = OneLayer(2, len(direction) // 2, Activation(F(1), 2), signs)
    problem = Problem(network, [list(x) for x in X], list(y), loss, direction, reduction=reduction)
    return Certificate(Checked(problem.exact_content(), CLOCK), "", GRID, own, Node(None, "claim"))


def on_the_axis(outcome="converges", turned=0):
    """A group at the maximum of u1^2 - u2^2/2, or 2^-turned beside it."""
    side = 1 << (GRID - turned) if turned else 0
    trap = TrapEvidence([[1 << GRID, side]], F(1), F(1, 8), F(16), None)
    return GroupEvidence(outcome, "", [[1 << GRID, 0]], [], None if outcome == "dead" else trap)


def nothing(outcome, reason=""):
    return GroupEvidence(outcome, reason, [], [], None)


def test_a_single_group_starts_at_the_angle_of_its_start():
    (proved,) = prepare(certificate([24, 7], [on_the_axis(turned=8)]), F(1, 100), CLOCK)
    sine = root_up(F(7, 25) ** 2, 2)
    run, trap = proved.runner, proved.trap
    assert up(sine + sine**3 / 4 + F(1, 100)) == run.D and run.share == (1, 1)
    # tan = 2^-8 from the axis to the centre.
    sine = root_up(F(1, 2**16 + 1), 2)
    assert run.entry == up(sine + sine**3 / 4 + trap.kkt_radius) and 0 < trap.kkt_radius < F(1, 50)
    assert (run.limit, run.after, run.where) == (down(F(1, 8) - trap.kkt_radius), trap.rates, "groups[0]")
    assert (run.track.steps, run.track.start2, run.track.end) == ([], 1, [[1 << GRID, 0]])
    assert proved.moving and proved.group.outcome == "converges"


def test_along_a_continuum_directions_drift_and_do_not_come_back():
    path = Path(__file__).parents[3] / "certificates" / "accept" / "continua.json"
    content = read(json.loads(path.read_text("ascii")), CLOCK, ASSUMPTIONS)
    first, second = prepare(content, F(0), CLOCK, {"continuum": lifts})
    K, turning = F(first.trap.rates.K, ONE), first.trap.turning
    assert (first.runner.after.mu, first.trap.rates.mu) == (0, -first.trap.gamma)
    assert first.runner.after.K == up(K * (1 + turning / first.trap.gamma)) > 2 * first.trap.rates.K
    assert second.runner.after == second.trap.rates and second.trap.rates.mu == -second.trap.gamma


def test_a_symmetric_group_has_bounds_within_its_subspace(monkeypatch):
    asked, clock = [], Clock(None)
    monkeypatch.setattr(groups, "Bounds", lambda *given: asked.append(given) or "bounds")
    monkeypatch.setattr(groups, "follow", lambda *given: Track([], F(1), [[0, 1 << GRID]]))
    symmetric = replace(on_the_axis("dead"), symmetries=Node([], "symmetries"))
    content = certificate([1, 0, 1, 0], [symmetric, on_the_axis("dead")])
    read = []
    one, two = prepare(content, F(0), clock, None, lambda *given: read.append(given) or "F")
    assert read == [(symmetric, 0, content.problem, F(0), clock)]
    assert [given[2:] for given in asked] == [("groups[0]", "F"), ("groups[1]", None)]
    assert (one.within, two.within) == ("F", None)
    with pytest.raises(Refused, match="not about symmetric starts") as error:
        prepare(content, F(0), clock)
    assert (error.value.rule, error.value.where) == ("O4", "groups[0]")


def test_a_group_is_followed_along_its_own_curve(monkeypatch):
    asked, clock = [], Clock(None)
    clock.enter = lambda *given: asked.append(given)
    monkeypatch.setattr(groups, "Bounds", lambda *given: asked.append(given) or "bounds")
    monkeypatch.setattr(
        groups, "follow", lambda *given: asked.append(given) or Track([], F(1), [[0, 1 << GRID]])
    )
    monkeypatch.setattr(groups, "_trap", lambda *given: asked.append(given) or TRAP)
    turned = replace(on_the_axis(), trap=replace(on_the_axis().trap, centre=[[1, 3 << GRID]]))
    content = certificate([1, 0, 1, 0], [on_the_axis("dead"), turned])
    one, two = prepare(content, F(0), clock)
    checked = content.problem
    assert asked == [
        ("R5", "groups[0]"),
        (checked, [0], "groups[0]", None),
        ("bounds", content.groups[0], GRID),
        ("R6", "groups[0].trap"),
        ("R5", "groups[1]"),
        (checked, [1], "groups[1]", None),
        ("bounds", turned, GRID),
        ("R6", "groups[1].trap"),
        ("bounds", turned, turned.trap, GRID, "groups[1].trap", None),
    ]
    sine = root_up(1 - F(9 << 2 * GRID) / (1 + (9 << 2 * GRID)), 2)
    assert (one.trap, one.runner.entry) == (None, 0)
    assert two.trap is TRAP and two.runner.entry == up(sine + sine**3 / 4 + F(1, 16))
    assert two.runner.limit == down(F(7, 16)) and two.runner.after is TRAP.rates


def test_groups_have_the_shares_of_the_direction_but_for_the_start_angle():
    own = [on_the_axis(), on_the_axis("dead")]
    one, two = prepare(certificate([3, 0, 4, 0], own), F(1, 5), CLOCK)
    # 1/5 over the lower bound of 3/5, and of 4/5.
    for proved, share in ((one, F(3, 5)), (two, F(4, 5))):
        low, high = root_down(share**2, 2), root_up(share**2, 2)
        assert proved.runner.share == (low - F(1, 5), high + F(1, 5))
        sine = F(1, 5) / low
        assert up(sine + sine**3 / 4) == proved.runner.D
    assert not two.moving
    assert (two.trap, two.runner.limit, two.runner.entry, two.runner.after) == (
        None,
        None,
        0,
        Rates(F(0), 0, 0, 0, 0, (0, 0)),
    )
    # The angle of the start is added: tan = 1/3, sin^2 = 1/10.
    beside, _ = prepare(certificate([3, 1, 4, 0], own), F(1, 5), CLOCK)
    own_sine, sine = root_up(F(1, 10), 2), F(1, 5) / root_down(F(10, 26), 2)
    assert up(own_sine + own_sine**3 / 4 + sine + sine**3 / 4) == beside.runner.D
    still = prepare(certificate([3, 0, 4, 0], own), F(0), CLOCK)
    assert [each.runner.D for each in still] == [0, 0]
    assert still[0].runner.share == (root_down(F(9, 25), 2), root_up(F(9, 25), 2))
    far = ("R5", "claim.start_angle", "two directions that must be close are far from each other")
    assert refusal(prepare, certificate([3, 0, 4, 0], own), F(2, 5), CLOCK) == far


def test_a_share_is_never_negative():
    _, zero = prepare(certificate([1, 0, F(1, 100), 0], [nothing("inconclusive", "x")] * 2), F(1, 10), CLOCK)
    share = root_up(F(1, 10001), 2)
    assert zero.runner.share == (0, share + F(1, 10))


def test_weights_that_are_zero_stay_zero():
    own = [on_the_axis(), nothing("zero")]
    one, zero = prepare(certificate([1, 0, 0, 0], own), F(0), CLOCK)
    assert zero.trap is zero.runner.track is zero.runner.limit is None
    assert (zero.runner.share, zero.runner.entry, zero.runner.D, zero.runner.where) == (
        (0, 0),
        0,
        0,
        "groups[1]",
    )
    assert zero.runner.after == Rates(F(0), 0, 0, 0, 0, (0, 0)) and not zero.moving
    assert one.runner.share == (1, 1)
    reason = "only weights that are exactly zero at the start, for start_angle 0, stay zero"
    assert refusal(prepare, certificate([1, 0, 0, 0], own), TINY, CLOCK) == ("R5", "groups[1]", reason)
    assert refusal(prepare, certificate([1, 0, 0, TINY], own), F(0), CLOCK) == ("R5", "groups[1]", reason)


def test_an_unknown_group_grows_and_falls_at_most_as_its_data_allow():
    # omega = 1/2; |z| = 1/2, 1; |x|^2 = 1, 4; for the signs 1 and -1: beta = |x|^2, and m = 1.
    X, y = ((1, 0), (0, 2)), (1, -2)
    own = [nothing("inconclusive", "a saddle."), nothing("inconclusive", "")]
    found = prepare(certificate([1, 2, 3, 4], own, [1, -1], X, y, reduction="mean"), F(0), CLOCK)
    slowest = 2 * (F(1, 2) + 4)
    for g, proved in enumerate(found):
        rates = proved.runner.after
        assert (rates.mu, rates.r, rates.K, rates.T, rates.dd) == (0, 0, 0, 0, 0)
        assert rates.ell[0] == -slowest * ONE and F(1, 2) * (1 + 16) * ONE == rates.E
        # N = (u1^2 - 8 u2^2)/2 for the first, minus that for the second: the Hessian is at most 1, and at
        # most 8.
        most = (1, 8)[g]
        assert most * ONE <= rates.ell[1] < (most + F(1, 100)) * ONE
        run = proved.runner
        assert (run.track, run.limit, run.entry, run.D, run.where) == (None, None, 0, 0, f"groups[{g}]")
        assert proved.trap is None and proved.moving


def test_the_growth_of_an_unknown_group_is_the_smallest_of_three_bounds(monkeypatch):
    own = [nothing("inconclusive", "")] * 2
    monkeypatch.setattr(groups, "largest_eigenvalue", lambda *_: 1000 * ONE)
    monkeypatch.setattr(groups, "norm_bound", lambda *_: 2 * ONE)
    for proved in prepare(certificate([1, 2, 3, 4], own, [1, -1]), F(0), CLOCK):
        assert proved.runner.after.ell == (-3 * ONE, 2 * ONE)
    monkeypatch.setattr(groups, "norm_bound", lambda *_: 1000 * ONE)
    for proved in prepare(certificate([1, 2, 3, 4], own, [1, -1]), F(0), CLOCK):
        # 2 (1 + 1/2)
        assert proved.runner.after.ell == (-3 * ONE, 3 * ONE)


def test_the_size_of_an_unknown_group_counts_with_the_curvature_of_the_loss():
    own = [nothing("inconclusive", "")] * 2
    for proved in prepare(certificate([1, 2, 3, 4], own, y=(1, -1), loss="logistic"), F(0), CLOCK):
        # The curvature is 1/2, and the outputs are at most 1.
        assert proved.runner.after.E == ONE


def test_what_is_asked_about_the_eigenvalue_of_an_unknown_group(monkeypatch):
    asked, boxes, places, evaluate = [], [], [], Part.evaluate
    monkeypatch.setattr(groups, "bounded", lambda parts, where: places.append((parts[0].shallow, where)))
    monkeypatch.setattr(groups, "largest_eigenvalue", lambda *given: asked.append(given) or ONE // 4)
    monkeypatch.setattr(Part, "evaluate", lambda self, *given: boxes.append(given) or evaluate(self, *given))
    content = certificate([1, 2, 3, 4], [nothing("inconclusive", "")] * 2, [1, -1], X=((2, 0), (0, 1)))
    found = prepare(content, F(0), CLOCK)
    for proved, (above, rough, clock) in zip(found, asked, strict=True):
        assert clock is CLOCK and rough >= max(abs(v) for row in above for v in row)
        assert ONE // 4 <= proved.runner.after.ell[1] < ONE // 4 + ONE // 100
    assert places == [(True, "groups[0]"), (True, "groups[1]")]
    # All weights of length at most 1, on samples of the lengths 2 and 1.
    assert boxes == [([(-ONE, ONE)] * 2, [[(-2 * ONE, 2 * ONE)], [(-ONE, ONE)]])] * 2


def test_nothing_is_proved_about_a_single_group_that_is_unknown():
    found = refusal(prepare, certificate([1, 2], [nothing("inconclusive", "")]), F(0), CLOCK)
    assert found == ("R5", "groups[0]", "nothing is proved about an inconclusive or followed single group")


def test_after_its_tube_what_is_followed_may_grow_like_what_is_unknown():
    followed = replace(on_the_axis(), outcome="followed", trap=None)
    groups = [followed, nothing("inconclusive", "")], [nothing("inconclusive", "")] * 2
    (found, _), (unknown, _) = (
        prepare(certificate([1, 0, 1, 0], own, [1, -1]), F(0), CLOCK) for own in groups
    )
    own = found.runner
    assert own.followed and not unknown.runner.followed and own.after == unknown.runner.after
    assert (own.track is not None, own.limit, own.entry, found.moving) == (True, None, 0, True)
    alone = refusal(prepare, certificate([1, 0], [followed]), F(0), CLOCK)
    assert alone == ("R5", "groups[0]", "nothing is proved about an inconclusive or followed single group")


@pytest.mark.parametrize(
    ("ends", "horizon", "reaches"),
    [([F(1)], F(1), True), ([F(1)], F(1) + F(1, 2**80), False), ([], F(0), True), ([], F(1), False)],
)
def test_a_tube_of_what_is_followed_reaches_the_horizon(ends, horizon, reaches):
    proved = SimpleNamespace(runner=SimpleNamespace(ends=ends, where="groups[1]"))
    found = refusal(check_followed, proved, horizon)
    assert found == (None if reaches else ("O7", "groups[1]", "its curve ends before the horizon"))


def test_the_places_of_a_group():
    backwards = replace(on_the_axis(), start=[[-1 << GRID, 0]])
    assert refusal(prepare, certificate([1, 0], [backwards]), F(0), CLOCK)[1] == "groups[0].start"
    across = replace(on_the_axis(), trap=replace(on_the_axis().trap, centre=[[-1 << GRID, 0]]))
    assert refusal(prepare, certificate([1, 0], [across]), F(0), CLOCK)[1] == "groups[0].trap.centre"
    steep = replace(on_the_axis(), trap=replace(on_the_axis().trap, gamma=F(100)))
    assert refusal(prepare, certificate([1, 0], [steep]), F(0), CLOCK)[:2] == ("R4", "groups[0].trap")
    zero = replace(on_the_axis(), trap=replace(on_the_axis().trap, centre=[[0, 0]]))
    assert refusal(prepare, certificate([1, 0], [zero]), F(0), CLOCK)[:2] == ("R6", "groups[0].trap")
