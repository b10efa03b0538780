"""R12: there are no KKT points besides those of the list: the surface of the cube is subdivided until every
box is decided.

With a dead cone the list is completed by all w with x_i.w <= 0 for every sample: there a neuron with alpha =
0 is zero.
"""

from __future__ import annotations

from operator import mul

from ..kernel.network import Box, sizes
from ..kernel.numbers import BITS, ONE, Interval, dot, enclosed, quotient, signed, smallest, times
from ..kernel.problem import Problem
from ..kernel.reading import Node
from ..kernel.verdicts import Clock
from .points import HINT, ListedFunction, Point, applied, chart, inverse, preconditioned, split, square

MAX_BOXES, MAX_SIZE, MAX_SAMPLES = 100_000, 4, 1_000


class DeadCone:
    """The dead directions of a neuron with alpha = 0, and where there are no other KKT directions (L6.43)."""

    def __init__(self, problem: Problem, where: Node, clock: Clock) -> None:
        self.clock = clock
        lawful = problem.shallow and problem.alpha == 0
        where.need(lawful, "only neurons with alpha = 0 have a dead cone", "R12")
        used = [(x, z) for x, z in zip(problem.features, problem.z, strict=True) if z and any(x)]
        self.samples = [([enclosed(v) for v in x], 1 if z > 0 else -1) for x, z in used]

    def holds_all(self, W: Box) -> bool:
        """Whether all KKT directions of the box are dead: for some q every sample that may be active, t =
        x_i.w > 0, has z_i (x_i.q - t (w.q)/|w|^2) > 0, and then the derivative of N along the part of q
        across w is not zero.
        """
        active: list[tuple[list[Interval], int, int]] = []
        for x, sign in self.samples:
            high = dot(x, W)[1]
            if high > 0:
                active.append((x, sign, high))
        if not active or len(active) > 2 * len(W):
            return not active
        q = _separating([x for x, _, _ in active], [sign for _, sign, _ in active], self.clock)
        if q is None:
            return False
        turn = quotient(dot(W, q), square(W))
        for x, sign, high in active:
            across, back = dot(x, q), times((0, high), turn)
            if signed(sign, across)[0] <= signed(sign, back)[1]:
                return False
        return True


def _separating(rows: list[list[Interval]], signs: list[int], clock: Clock) -> list[Interval] | None:
    """A vector q with x.q about 1 or -1 as the signs say, only a hint; a small ridge allows for rows that
    depend.
    """
    gram = [[dot(x, y)[0] for y in rows] for x in rows]
    ridge = (sum(gram[i][i] for i in range(len(rows))) >> 30) + 1
    for i, row in enumerate(gram):
        row[i] += ridge
    found = inverse(gram, clock)
    if found is None:
        return None
    weights = [sum(a * s for a, s in zip(row, signs, strict=True)) << (BITS - HINT) for row in found]
    columns = zip(*rows, strict=True)
    return [dot([(w, w) for w in weights], [(x[0], x[0]) for x in column]) for column in columns]


def check_cover(
    field: ListedFunction, points: list[Point], dead: DeadCone | None, where: Node, clock: Clock
) -> None:
    """R12: every box of the surface has no KKT direction, or lies where a listed point is the only one, or
    where all are dead (L6.27, L6.43)."""
    small = field.size <= MAX_SIZE and len(field.part.x) <= MAX_SAMPLES
    where.need(small, f"a cover is checked for at most {MAX_SIZE} weights and {MAX_SAMPLES} samples", "R12")
    clock.enter("R12", where.where)
    faces = [(face, sign) for face in range(field.size) for sign in (1, -1)]
    waiting = [(face, sign, [(-ONE, ONE)] * field.size) for face, sign in faces]
    for face, sign, W in waiting:
        W[face] = sign * ONE, sign * ONE
    count = 0
    while waiting:
        clock.tick()
        face, sign, W = waiting.pop()
        count += 1
        reason = f"nothing is decided about {_place(W)}, and more than {MAX_BOXES} boxes are needed"
        where.need(count <= MAX_BOXES, reason, "R12")
        if any(_only_near(W, point) for point in points) or (dead is not None and dead.holds_all(W)):
            continue
        widest = _undecided(field, face, sign, W)
        if widest is not None:
            low, high = W[widest]
            middle = (low + high) >> 1
            where.need(low < middle, f"nothing is decided about {_place(W)}", "R12")
            for half in ((low, middle), (middle, high)):
                waiting.append((face, sign, [half if i == widest else w for i, w in enumerate(W)]))


def _only_near(W: Box, point: Point) -> bool:
    """Whether every direction of the box, moved to the face of the point, is where it is the only KKT
    direction.
    """
    along = signed(point.sign, W[point.face])
    if along[0] <= 0:
        return False
    for i, (w, c) in enumerate(zip(W, point.centre, strict=True)):
        moved = quotient(w, along)
        if i != point.face and not c - point.unique <= moved[0] <= moved[1] <= c + point.unique:
            return False
    return True


def _undecided(field: ListedFunction, face: int, sign: int, W: Box) -> int | None:
    """None if F has no zero on the box, else the coordinate to be halved."""
    F, middle, radius = chart(field.on(W), face, sign)
    if any(smallest(v) for v in F):
        return None
    others = [i for i in range(len(W)) if i != face]
    centre = [(a + b) >> 1 for a, b in W]
    reach = [W[i][1] - centre[i] for i in others]
    at_centre = chart(field.on([(c, c) for c in centre]), face, sign)[0]
    # F(w) = F(centre) + J (w - centre) with a J of the interval matrix, and so it is for A F.
    spread = sizes(middle, radius)
    moved = [sum(map(mul, row, reach)) for row in spread]
    if any(smallest(v) * ONE > most for v, most in zip(at_centre, moved, strict=True)):
        return None
    found = preconditioned(middle, radius, field.clock)
    if found is not None:
        step, error = applied(found[0], *split(at_centre), field.clock)
        for (a,), (b,), row in zip(step, error, sizes(*found[1:]), strict=True):
            if (abs(a) - b) * ONE > sum(map(mul, row, reach)):
                return None
    influence = [sum(row[k] for row in spread) * d for k, d in enumerate(reach)]
    return (
        others[max(range(len(others)), key=lambda k: influence[k])]
        if any(influence)
        else max(others, key=lambda i: W[i][1] - W[i][0])
    )


def _place(W: Box) -> str:
    return "the box about (" + ", ".join(f"{(a + b) / (2 * ONE):.3g}" for a, b in W) + ")"
