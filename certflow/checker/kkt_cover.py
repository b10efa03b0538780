"""R12: there are no KKT points besides those of the list: the surface of the cube is subdivided until every box is decided."""

from __future__ import annotations

from .kkt_points import Field, Point, applied, chart, preconditioned, split
from .network import Box
from .numbers import ONE, largest, smallest
from .reading import Node
from .region import quotient
from .verdicts import Clock

MAX_BOXES, MAX_SIZE = 30_000, 4


def check_cover(field: Field, points: list[Point], where: Node, clock: Clock) -> None:
    """R12: every box of the surface has no KKT direction, or lies where a listed point is the only one."""
    where.need(field.size <= MAX_SIZE, f"a cover is checked for at most {MAX_SIZE} weights", "R12")
    faces = [(face, sign) for face in range(field.size) for sign in (1, -1)]
    waiting = [
        (face, sign, [(sign * ONE, sign * ONE) if i == face else (-ONE, ONE) for i in range(field.size)]) for face, sign in faces
    ]
    count = 0
    while waiting:
        clock.tick()
        face, sign, W = waiting.pop()
        count += 1
        where.need(count <= MAX_BOXES, f"nothing is decided about {_place(W)}, and more than {MAX_BOXES} boxes are needed", "R12")
        if any(_only_near(W, point) for point in points):
            continue
        widest = _undecided(field, face, sign, W)
        if widest is not None:
            low, high = W[widest]
            middle = (low + high) >> 1
            where.need(low < middle, f"nothing is decided about {_place(W)}", "R12")
            halves = ((low, middle), (middle, high))
            waiting += [(face, sign, [half if i == widest else w for i, w in enumerate(W)]) for half in halves]


def _only_near(W: Box, point: Point) -> bool:
    """Whether every direction of the box, moved to the face of the point, is where it is the only KKT direction."""
    low, high = W[point.face]
    along = (low, high) if point.sign > 0 else (-high, -low)
    if along[0] <= 0:
        return False
    for i, (w, c) in enumerate(zip(W, point.centre, strict=True)):
        moved = quotient(w, along)
        if i != point.face and not c - point.unique <= moved[0] <= moved[1] <= c + point.unique:
            return False
    return True


def _undecided(field: Field, face: int, sign: int, W: Box) -> int | None:
    """None if F has no zero on the box, else the coordinate to be halved."""
    F, middle, radius = chart(field.on(W), face, sign)
    if any(smallest(v) for v in F):
        return None
    others = [i for i in range(len(W)) if i != face]
    centre = [(a + b) >> 1 for a, b in W]
    reach = [W[i][1] - centre[i] for i in others]
    at_centre = chart(field.on([(c, c) for c in centre]), face, sign)[0]
    # F(w) = F(centre) + J (w - centre) with a J of the interval matrix, and so it is for A F.
    spread = [[abs(m) + r for m, r in zip(*rows, strict=True)] for rows in zip(middle, radius, strict=True)]
    if any(
        smallest(v) * ONE > sum(a * b for a, b in zip(row, reach, strict=True)) for v, row in zip(at_centre, spread, strict=True)
    ):
        return None
    found = preconditioned(middle, radius)
    if found is not None:
        step, error = applied(found[0], *split(at_centre))
        for (a,), (b,), m, r in zip(step, error, *found[1:], strict=True):
            if (abs(a) - b) * ONE > sum((abs(x) + y) * d for x, y, d in zip(m, r, reach, strict=True)):
                return None
    influence = [sum(row[k] for row in spread) * d for k, d in enumerate(reach)]
    return (
        others[max(range(len(others)), key=lambda k: influence[k])]
        if any(influence)
        else max(others, key=lambda i: W[i][1] - W[i][0])
    )


def _place(W: Box) -> str:
    return "the box about (" + ", ".join(f"{(a + b) / (2 * ONE):.3g}" for a, b in W) + ")"
