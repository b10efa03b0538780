"""R12 in exact numbers: each reason to drop a box at its edge, which boxes are asked about, and every
refusal.
"""

from fractions import Fraction
from types import SimpleNamespace

import pytest
from refusals import box, refusal

from certflow.checker.kernel.numbers import ONE
from certflow.checker.kernel.problem import Problem
from certflow.checker.kernel.reading import Node
from certflow.checker.kernel.verdicts import Clock
from certflow.checker.kkt_points import cover as kkt_cover
from certflow.checker.kkt_points.cover import (
    DeadCone,
    _only_near,
    _place,
    _separating,
    _undecided,
    check_cover,
)
from certflow.checker.kkt_points.points import HINT, Local, Point

CLOCK = Clock(None)
HERE = Node(None, "claim.points")
HALF, QUARTER = ONE // 2, ONE // 4


def problem(X, y, alpha="0", **network):
    content = {
        "network": {
            "inputs": len(X[0]),
            "kind": "one-layer",
            "width": 1,
            "activation": {"alpha": alpha, "power": 2},
        }
        | network,
        "data": {"X": [[str(v) for v in row] for row in X], "y": [str(v) for v in y]},
        "loss": {"kind": "square", "reduction": "sum"},
        "direction": ["1"] * (len(X[0]) if not network else 6),
    }
    if network:
        del content["network"]["width"]
    return Problem(content, CLOCK)


def test_a_sample_on_the_edge_of_its_side_is_not_dead(monkeypatch):
    # x.q = 0 for a vector that no hint gives: with t = 0 nothing is positive, though w.q < 0.
    cone = DeadCone(problem([[1, 0]], [1]), HERE, CLOCK)
    monkeypatch.setattr(kkt_cover, "_separating", lambda *given: box((0, 0), (5, 5)))
    W = box((1, 1), (-1, -1))
    assert not cone.holds_all(W)
    monkeypatch.setattr(kkt_cover, "_separating", lambda *given: [(1, 1), (5 * ONE, 5 * ONE)])
    assert cone.holds_all(W)


# -- near a listed point -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("W", "near"),
    [
        # The point (1, 1/2, 0) is alone within 1/4: for w_2 / w_1 in [1/4, 3/4] and w_3 / w_1 in [-1/4, 1/4].
        (box((1, 1), ("1/4", "3/4"), ("-1/4", "1/4")), True),
        ([(ONE, ONE), (QUARTER - 1, HALF), (0, 0)], False),
        ([(ONE, ONE), (HALF, 3 * QUARTER + 1), (0, 0)], False),
        ([(ONE, ONE), (HALF, HALF), (-QUARTER - 1, 0)], False),
        ([(ONE, ONE), (HALF, HALF), (0, QUARTER + 1)], False),
        (box(("1/2", "1/2"), ("1/8", "3/8"), ("-1/8", "1/8")), True),
        (box(("1/2", 1), ("1/4", "3/8"), ("-1/8", "1/8")), True),
        ([(HALF, ONE), (QUARTER, 3 * QUARTER // 2 + 1), (0, 0)], False),
        ([(HALF, ONE), (QUARTER - 1, QUARTER), (0, 0)], False),
        (box((0, 1), ("1/4", "1/4"), (0, 0)), False),
        (box((-1, -1), ("-3/4", "-1/4"), (0, 0)), False),
    ],
)
def test_a_box_is_near_a_point_where_all_its_quotients_are(W, near):
    assert _only_near(W, Point(0, 1, [ONE, HALF, 0], 1, QUARTER)) is near
    # The same on the opposite face.
    mirrored = [(-b, -a) for a, b in W]
    assert _only_near(mirrored, Point(0, -1, [-ONE, -HALF, 0], 1, QUARTER)) is near


def test_a_box_that_is_one_unit_wide_is_near_a_point_of_any_face():
    point = Point(1, 1, [0, ONE], 1, HALF)
    assert _only_near([(1, 1), (2, 2)], point)
    assert _only_near([(0, 0), (1, 1)], point)
    assert not _only_near([(1, 1), (1, 1)], point)
    assert not _only_near([(0, 0), (0, 2)], point)


# -- no zero -------------------------------------------------------------------------------------------------


def field_of(at_centre, around):
    on = lambda W: at_centre if all(a == b for a, b in W) else around  # noqa: E731
    return SimpleNamespace(on=on, clock=CLOCK)


def local(W, gradient, middle, radius):
    return Local(
        W,
        gradient,
        [[0] * len(W)] + [[0, *row] for row in middle],
        [[0] * len(W)] + [[0, *row] for row in radius],
    )


def undecided(W, around, at_centre, J, R):
    """What is said about a box of the face w_1 = 1 on which F is `around`, with F at its centre and
    derivatives J +- R.
    """
    zero = [[0] * len(J)] * len(J)
    centre = [((a + b) // 2,) * 2 for a, b in W]
    return _undecided(
        field_of(local(centre, [(0, 0), *at_centre], zero, zero), local(W, [(0, 0), *around], J, R)), 0, 1, W
    )


WIDE = (-ONE, ONE)
UNIT_BOX = box((1, 1), (-1, 1), (-1, 1))


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize(
    ("F", "decided"), [((1, ONE), True), ((-ONE, -1), True), ((0, ONE), False), ((-ONE, 0), False)]
)
def test_a_box_is_dropped_where_f_is_not_zero(k, F, decided):
    around = [WIDE, WIDE]
    around[k] = F
    wide = [[ONE, 0], [0, ONE]]
    assert (undecided(UNIT_BOX, around, [(0, 0)] * 2, wide, wide) is None) is decided


@pytest.mark.parametrize("k", [0, 1])
@pytest.mark.parametrize(("sign", "width"), [(1, 0), (-1, 0), (1, 5), (-1, 5)])
def test_a_box_is_dropped_where_its_centre_is_beyond_the_reach_of_its_derivative(k, sign, width):
    # |F| at the centre against (|J| + R) times the half widths 1 and 1/2: (1 + 2) / 1 + (1/2 + 1/4) / 2.
    W = box((1, 1), (-1, 1), (0, 1))
    row, spread = [sign * ONE, -HALF], [2 * ONE, QUARTER]
    J, R = [row, row], [spread, spread]
    reach = 3 * ONE + 3 * ONE // 8
    for smallest, decided in ((reach + 1, True), (reach, False)):
        F = [(0, 0), (0, 0)]
        F[k] = (smallest, smallest + width) if sign > 0 else (-smallest - width, -smallest)
        assert (undecided(W, [WIDE, WIDE], F, J, R) is None) is decided


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_box_is_dropped_where_the_inverse_shows_it(sign, turned):
    # J = (1, 1; 1, 2) +- (r, 0; 0, 0), F = (0, g): A F = (-g, g).
    W = box((1, 1), (-1, 1), (-1, 1))
    J, r = [[ONE, ONE], [ONE, 2 * ONE]], ONE // 8
    R = [[r, 0], [0, 0]]
    # A R = (2 r, 0; r, 0): the reach of the first row is 1 + 2 r, of the second 1 + r.
    for g, width, decided in (
        (ONE + r, 0, False),
        (ONE + r + 1, 0, True),
        # A width of 2 in the first component moves the second of A F by its half, 1.
        (ONE + r + 1, 2, False),
        (ONE + r + 2, 2, True),
    ):
        F = [(0, width), (g + width // 2, g + width // 2)]
        F = F if sign > 0 else [(-b, -a) for a, b in F]
        order = (1, 0) if turned else (0, 1)
        found = undecided(
            W, [(-9 * ONE, 9 * ONE)] * 2, [F[i] for i in order], *([m[i] for i in order] for m in (J, R))
        )
        assert (found is None) is decided


@pytest.mark.parametrize(
    ("W", "J", "R", "widest"),
    [
        # The coordinate whose column, times its half width, is largest: 1 * 1 and 3 * 1/2.
        (((-1, 1), (0, 1)), [[1, 3], [0, 0]], [[0, 0], [0, 0]], 2),
        (((-1, 1), (0, 1)), [[1, -1], [0, "1/2"]], [[0, 0], [0, "1/4"]], 1),
        (((-1, 1), (0, 1)), [[1, -1], [0, "1/2"]], [[0, 0], [0, "3/4"]], 2),
        (((-1, 1), (0, 1)), [[1, 1], [-1, 1]], [[0, 0], [0, 0]], 1),
        # Nothing depends on any: the widest one.
        (((-1, 1), (0, 1)), [[0, 0], [0, 0]], [[0, 0], [0, 0]], 1),
        (((0, "1/2"), (0, 1)), [[0, 0], [0, 0]], [[0, 0], [0, 0]], 2),
        (((-1, "-1/2"), ("-1/4", "1/2")), [[0, 0], [0, 0]], [[0, 0], [0, 0]], 2),
    ],
)
def test_an_undecided_box_is_halved_where_f_moves_most(W, J, R, widest):
    scaled = [[[int(Fraction(v) * ONE) for v in row] for row in m] for m in (J, R)]
    assert undecided(box((1, 1), *W), [WIDE, WIDE], [(0, 0), (0, 0)], *scaled) == widest


def test_the_coordinates_of_a_box_are_those_beside_its_face():
    # On the face w_2 = -1 the others are w_1 and w_3; F_i = g_i + g_2 w_i.
    W = box((-1, 1), (-1, -1), (0, 1))
    H = [[0, 0, 2 * ONE], [0, 0, 0], [0, 0, 2 * ONE]]
    none = [[0] * 3] * 3
    around, centre = Local(W, [WIDE, (0, 0), WIDE], H, none), Local(W, [(0, 0), (0, 0), (0, 0)], none, none)
    assert _undecided(field_of(centre, around), 1, -1, W) == 2
    asked = []
    field = SimpleNamespace(on=lambda box: asked.append(box) or around, clock=CLOCK)
    _undecided(field, 1, -1, W)
    assert asked == [W, [(0, 0), (-ONE, -ONE), (HALF, HALF)]]
    # F_1 = 1 + (2)(w_1) with w_1 in [-1/4, 1/4] is positive, and would not be for s = 1.
    W = [(-QUARTER, QUARTER), (-ONE, -ONE), (0, 0)]
    one = Local(W, [(ONE, ONE), (2 * ONE, 2 * ONE), (0, 0)], none, none)
    assert _undecided(field_of(one, one), 1, -1, W) is None


# -- the cover -----------------------------------------------------------------------------------------------


def cover(monkeypatch, size, halved, points=(), dead=None, samples=1):
    """The boxes that are asked about while a cover is made in which `halved` says which coordinate of a box
    is halved.
    """
    asked = []

    def undecided(field, face, sign, W):
        asked.append((face, sign, W))
        return halved(face, sign, W)

    monkeypatch.setattr(kkt_cover, "_undecided", undecided)
    field = SimpleNamespace(size=size, part=SimpleNamespace(x=[[]] * samples), clock=CLOCK)
    check_cover(field, list(points), dead, HERE, CLOCK)
    return asked


def down_to(width):
    """Halve the first coordinate that is wider."""
    return lambda face, sign, W: next((i for i, (a, b) in enumerate(W) if b - a > width), None)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_all_faces_are_covered(monkeypatch, size):
    asked = cover(monkeypatch, size, lambda *_: None)
    faces = {(face, sign): box(*[(-1, 1)] * size) for face in range(size) for sign in (1, -1)}
    for (face, sign), W in faces.items():
        W[face] = (sign * ONE, sign * ONE)
    assert len(asked) == 2 * size and {(face, sign): W for face, sign, W in asked} == faces


def test_the_halves_of_a_box_cover_it(monkeypatch):
    asked = [W for face, sign, W in cover(monkeypatch, 3, down_to(HALF)) if (face, sign) == (1, -1)]
    steps = [(k * HALF - ONE, (k + 1) * HALF - ONE) for k in range(4)]
    small = [W for W in asked if all(b - a <= HALF for a, b in W)]
    assert sorted(small) == [[a, (-ONE, -ONE), b] for a in steps for b in steps]
    assert len(asked) == 31


def test_odd_boxes_are_halved_down_to_single_units(monkeypatch):
    monkeypatch.setattr(kkt_cover, "ONE", 3)
    asked = [W for face, sign, W in cover(monkeypatch, 2, down_to(1)) if (face, sign) == (0, 1)]
    assert sorted(W[1] for W in asked if W[1][1] - W[1][0] == 1) == [(k, k + 1) for k in range(-3, 3)]


def test_a_box_that_cannot_be_halved_ends_the_proof(monkeypatch):
    # The last face is asked about first, and the upper half of a box first.
    end = refusal(lambda: cover(monkeypatch, 2, down_to(0)))
    assert end == ("R12", "claim.points", "nothing is decided about the box about (1, -1)")


@pytest.mark.parametrize("count", [28, 29])
def test_so_many_boxes_are_looked_at_and_no_more(monkeypatch, count):
    # 7 boxes per face of the square down to a width of 1/2, 28 in all.
    monkeypatch.setattr(kkt_cover, "MAX_BOXES", count)
    assert len(cover(monkeypatch, 2, down_to(HALF))) == 28


def test_more_boxes_than_are_looked_at_end_the_proof(monkeypatch):
    monkeypatch.setattr(kkt_cover, "MAX_BOXES", 27)
    rule, where, reason = refusal(lambda: cover(monkeypatch, 2, down_to(HALF)))
    assert (rule, where) == ("R12", "claim.points")
    assert reason == "nothing is decided about the box about (1, -0.75), and more than 27 boxes are needed"


@pytest.mark.parametrize(
    ("size", "samples", "small"), [(4, 1000, True), (5, 1, False), (2, 1001, False), (2, 1000, True)]
)
def test_only_small_functions_are_covered(monkeypatch, size, samples, small):
    if small:
        assert len(cover(monkeypatch, size, lambda *_: None, samples=samples)) == 2 * size
        return
    end = refusal(lambda: cover(monkeypatch, size, lambda *_: None, samples=samples))
    assert end == ("R12", "claim.points", "a cover is checked for at most 4 weights and 1000 samples")


def test_boxes_near_a_point_and_dead_boxes_are_not_asked_about(monkeypatch):
    point = Point(0, 1, [ONE, 0], 1, ONE)
    asked = cover(monkeypatch, 2, lambda *_: None, [Point(1, 1, [0, ONE], 1, 1), point])
    assert [(face, sign) for face, sign, _ in asked] == [(1, -1), (1, 1), (0, -1)]
    seen = []
    dead = SimpleNamespace(holds_all=lambda W: seen.append(W) or W[1][0] < 0)
    asked = cover(monkeypatch, 2, lambda *_: None, [point], dead)
    assert [(face, sign) for face, sign, _ in asked] == [(1, 1)] and len(seen) == 3


def test_the_cover_is_entered_at_its_place(monkeypatch):
    clock = Clock(None)
    monkeypatch.setattr(kkt_cover, "_undecided", lambda *_: None)
    check_cover(SimpleNamespace(size=2, part=SimpleNamespace(x=[]), clock=clock), [], None, HERE, clock)
    assert (clock.rule, clock.where) == ("R12", "claim.points")


def test_a_box_is_named_by_its_middle():
    assert _place(box((-1, 1), ("1/4", "1/2"), (1, 1))) == "the box about (0, 0.375, 1)"


# -- dead directions -----------------------------------------------------------------------------------------


def test_the_samples_of_a_dead_cone_are_those_that_count():
    dead = DeadCone(problem([[1, 0], [0, 0], [2, 1], [0, "1/2"]], [2, 1, 0, "-1/3"]), HERE, CLOCK)
    assert dead.samples == [(box((1, 1), (0, 0)), 1), (box((0, 0), ("1/2", "1/2")), -1)]
    assert dead.clock is CLOCK


@pytest.mark.parametrize(
    "other",
    [
        problem([[1, 0]], [1], "1/2"),
        problem(
            [[1, 0]], [1], kind="feed-forward", widths=[2, 2, 1, 1], trained=[1, 2], given={"3": [["1"]]}
        ),
    ],
)
def test_only_neurons_that_can_be_silent_have_a_dead_cone(other):
    end = refusal(lambda: DeadCone(other, HERE, CLOCK))
    assert end == ("R12", "claim.points", "only neurons with alpha = 0 have a dead cone")


def holds(monkeypatch, X, y, W, q):
    """Whether the box is dead by the vector q, and what the vector was made of."""
    asked = []
    monkeypatch.setattr(kkt_cover, "_separating", lambda *given: asked.append(given) or q)
    return DeadCone(problem(X, y), HERE, CLOCK).holds_all(W), asked


def test_a_sample_that_nowhere_reaches_above_zero_is_not_active(monkeypatch):
    W = box((1, 1), (-1, 0))
    # (0, 1).w <= 0 on the box: no vector is needed.
    assert holds(monkeypatch, [[0, 1], [-1, 1]], [1, 1], W, None) == (True, [])
    W[1] = (-ONE, 1)
    assert holds(monkeypatch, [[0, 1], [-1, 1]], [1, -1], W, None) == (
        False,
        [([box((0, 0), (1, 1))], [1], CLOCK)],
    )


@pytest.mark.parametrize("y", [1, -1])
def test_the_edge_of_a_push_belongs_to_those_that_are_not_enough(monkeypatch, y):
    # x = (0, 1), t <= 1, |w|^2 = 2, w.q / |w|^2 = (q1 + q2) / 2: x.q = q2 has to be above max(0, that).
    for q, enough in (
        ((HALF, HALF), False),
        ((HALF - 2, HALF), True),
        ((-HALF, 0), False),
        ((-HALF, 1), True),
        ((HALF, HALF + 2), True),
    ):
        found, _ = holds(monkeypatch, [[0, 1]], [y], box((1, 1), (1, 1)), [(y * v, y * v) for v in q])
        assert found is enough
    # Over a box t and the turn take their worst values: w.q in [-1/2, 1/2], |w|^2 in [1, 2], t <= 1.
    for q, enough in (
        ((-HALF, ONE), True),
        ((-HALF, HALF), True),
        ((0, ONE), False),
        ((1, ONE), False),
        ((-1, ONE), True),
    ):
        found, _ = holds(monkeypatch, [[0, 1]], [y], box((1, 1), (0, 1)), [(y * v, y * v) for v in q])
        assert found is enough
    # The vector is an interval: the least push counts.
    for least, enough in ((1, True), (0, False)):
        q = [(-y * ONE, -y * ONE), tuple(sorted((y * least, y * ONE)))]
        assert holds(monkeypatch, [[0, 1]], [y], box((1, 1), (1, 1)), q)[0] is enough
    # Every active sample counts: (1, 0) is pushed by (1/2, 1/4), (0, 1) is not.
    found, _ = holds(
        monkeypatch,
        [[1, 0], [0, 1]],
        [y, y],
        box((1, 1), (1, 1)),
        [(y * HALF, y * HALF), (y * QUARTER, y * QUARTER)],
    )
    assert found is False


@pytest.mark.parametrize(("count", "dead"), [(4, True), (5, False)])
def test_a_vector_serves_at_most_twice_as_many_samples_as_weights(monkeypatch, count, dead):
    W = box((1, 1), (0, "1/8"))
    q = [(0, 0), (ONE, ONE)]
    found, asked = holds(monkeypatch, [[0, k + 1] for k in range(count)], [1] * count, W, q)
    assert (found, len(asked)) == (dead, int(dead))


def test_a_separating_vector_is_made_of_a_gram_matrix_with_a_small_ridge(monkeypatch):
    asked = []
    weights = [[3 << HINT, 1 << HINT], [1 << HINT, 2 << HINT]]
    monkeypatch.setattr(kkt_cover, "inverse", lambda *given: asked.append(given) or weights)
    rows = [box((2, 2), (1, 1), (0, 0)), box((0, 0), (-1, -1), (3, 3))]
    # (5, -1; -1, 10), and 2^-30 of the trace 15; the weights are (3 - 1, 1 - 2).
    ridge = (15 * ONE >> 30) + 1
    assert _separating(rows, [1, -1], CLOCK) == box((4, 4), (3, 3), (-3, -3))
    assert asked == [([[5 * ONE + ridge, -ONE], [-ONE, 10 * ONE + ridge]], CLOCK)]
    monkeypatch.setattr(kkt_cover, "inverse", lambda *_: None)
    assert _separating(rows, [1, -1], CLOCK) is None


def test_samples_that_depend_are_separated_by_the_ridge():
    found = _separating([box((2, 2), (0, 0)), box((2, 2), (0, 0))], [1, 1], CLOCK)
    assert (
        found is not None
        and abs(Fraction(found[0][0], ONE) - Fraction(1, 2)) < Fraction(1, 1 << 20)
        and found[1] == (0, 0)
    )
