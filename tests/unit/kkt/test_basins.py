"""Basins on the circle: a partition with exact ends, against walks along the sign of dN/dθ on a fine grid."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction as F

import numpy as np
import pytest
import strategies
from hypothesis import given
from hypothesis import strategies as st

from certflow.arithmetic.ball import Ball
from certflow.kkt.basins import Basin, basins
from certflow.kkt.neuron.circle import kkt_of_problem, planar_kkt
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.outcome import BadInput, Status
from certflow.problem import Problem

BITS = 160


def fractions_of(kkt: KKTSet, sign: int = 1) -> list[Ball]:
    found = basins(kkt, sign)
    assert found is not None
    return [basin.fraction for basin in found]


def total(parts: list[Ball]) -> Ball:
    return sum(parts[1:], parts[0])


def exactly(parts: list[Ball]) -> list[F]:
    assert all(part.is_exact() for part in parts)
    return [part.mid() for part in parts]


def test_one_sample_attracts_the_half_circle_that_sees_it() -> None:
    # n = (u1)_+²: a maximum at 0°, and the dead half from 90° to -90°, which repels on both sides.
    kkt = planar_kkt([[1, 0]], [1])
    assert [p.kind for p in kkt.points] == ["maximum", "arc"]
    assert exactly(fractions_of(kkt)) == [F(1, 2), F(1, 2)]
    # A neuron with output weight -1 dies from everywhere but the maximum, which it leaves.
    down = basins(kkt, -1)
    assert down is not None
    assert exactly([basin.fraction for basin in down]) == [0, 1]
    assert (down[1].start.mid(), down[1].end.mid(), down[1].attracts) == (0, 0, (True, True))


def test_a_smooth_neuron_has_quarters() -> None:
    # α = -1: n = u1² - u2², maxima at 0° and 180°, minima at ±90°.
    kkt = planar_kkt([[1, 0], [0, 1]], [1, -1], F(-1))
    assert [p.angle_deg.mid() for p in kkt.points] == [-90, 0, 90, 180]
    assert exactly(fractions_of(kkt)) == [0, F(1, 2), 0, F(1, 2)]
    assert exactly(fractions_of(kkt, -1)) == [F(1, 2), 0, F(1, 2), 0]
    found = basins(kkt)
    assert found is not None
    assert (found[3].start.mid(), found[3].end.mid()) == (90, -90)


def test_a_saddle_on_a_kink_attracts_from_one_side() -> None:
    kkt = planar_kkt([[0, 1], [1, 0], [0, -1]], [1, 1, F(-1)])
    saddles = [i for i, p in enumerate(kkt.points) if p.kind == "saddle"]
    assert saddles
    for sign in (1, -1):
        found = basins(kkt, sign)
        assert found is not None
        for i in saddles:
            assert found[i].attracts.count(True) == 1
            assert found[i].fraction.greater(0)


def test_the_whole_circle_stays_where_it_is() -> None:
    kkt = planar_kkt(np.empty((0, 2)), [])
    for sign in (1, -1):
        assert exactly(fractions_of(kkt, sign)) == [1]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_attractors_of_figure1_share_the_circle(sign: int) -> None:
    kkt = kkt_of_problem(Problem.figure1())
    assert kkt is not None
    parts = fractions_of(kkt, sign)
    repelled = "minimum" if sign > 0 else "maximum"
    assert all(part.sign() == 0 for p, part in zip(kkt.points, parts, strict=True) if p.kind == repelled)
    assert total(parts).contains(1)


@given(
    st.integers(1, 5).flatmap(lambda n: st.tuples(strategies.arrays((n, 2)), strategies.arrays((n,)))),
    st.sampled_from([F(0), F(1, 2), F(-1), F(1)]),
    st.sampled_from([1, -1]),
)
def test_walks_on_a_grid_end_in_the_entry_whose_basin_they_start_in(data, alpha, sign) -> None:
    X, z = data
    kkt = planar_kkt(X, z, alpha)
    found = basins(kkt, sign)
    assert found is not None
    assert total([basin.fraction for basin in found]).contains(1)
    if kkt.points[0].sides == (0, 0):
        return
    steps = 3600
    # Half a step off, so that no multiple of 45° is a grid point.
    grid = (np.arange(steps) + 0.5) * 360 / steps - 180
    slope = sign * slopes(X, z, alpha, grid)
    stops = flat_kinks(X, z, alpha)
    for start in range(0, steps, 97):
        place, here = start, slope[start]
        if abs(here) > 1e-9:
            step = 1 if here > 0 else -1
            while slope[place] * here > 0 and not any(
                0 < (stop - grid[place]) * step % 360 < 0.1 for stop in stops
            ):
                place = (place + step) % steps
        if any(distance(grid[k], each) < 0.3 for k in (start,) for b in found for each in (b.start, b.end)):
            continue
        entry = next(
            point for point, basin in zip(kkt.points, found, strict=True) if inside(basin, grid[start])
        )
        low = entry.angle_deg if entry.start_deg is None else entry.start_deg
        high = entry.angle_deg if entry.end_deg is None else entry.end_deg
        arrived = distance(grid[place], low) < 0.3 or distance(grid[place], high) < 0.3
        assert arrived or (abs(here) <= 1e-9 and between(grid[place], low, high))


def slopes(X, z, alpha, degrees: np.ndarray) -> np.ndarray:
    """dN/dθ in doubles."""
    angles = np.radians(degrees)
    u, turned = np.stack([np.cos(angles), np.sin(angles)]), np.stack([-np.sin(angles), np.cos(angles)])
    rows, weights = np.array(X, dtype=float), np.array(z, dtype=float)
    active = rows @ u
    coefficient = np.where(active > 0, 1.0, float(alpha) ** 2)
    return 2 * weights @ (coefficient * active * (rows @ turned))


def flat_kinks(X, z, alpha) -> list[float]:
    """The angles of the kinks at which dN/dθ is exactly zero: a walk stops there also if the sign is the same
    behind.
    """
    found = []
    for x, y in X:
        for a, b in ((-y, x), (y, -x)) if x or y else ():
            slope = F(0)
            for row, weight in zip(X, z, strict=True):
                t = row[0] * a + row[1] * b
                slope += weight * (1 if t > 0 else alpha**2) * t * (row[1] * a - row[0] * b)
            if slope == 0:
                found.append(math.degrees(math.atan2(b, a)))
    return found


def distance(degrees: float, ball: Ball) -> float:
    return abs((degrees - ball.midpoint_float() + 180) % 360 - 180)


def between(degrees: float, start: Ball, end: Ball) -> bool:
    return (degrees - start.midpoint_float()) % 360 < (end.midpoint_float() - start.midpoint_float()) % 360


def inside(basin: Basin, degrees: float) -> bool:
    if basin.fraction.sign() == 0:
        return False
    whole = (basin.end.midpoint_float() - basin.start.midpoint_float()) % 360 == 0
    return whole or between(degrees, basin.start, basin.end)


# -- sets that are known by their kinds only -----------------------------------------------------------------


def at(degrees: int, kind: str) -> KKTPoint:
    angle = Ball(degrees, BITS) * Ball.pi(BITS) / 180
    return KKTPoint(kind, (angle.cos(), angle.sin()), Ball(1, BITS))


def made(*points: KKTPoint, **fields: object) -> KKTSet:
    return KKTSet(points=list(points), digits=30, **fields)  # type: ignore[arg-type]


def test_maxima_and_minima_in_any_order() -> None:
    kkt = made(at(190, "minimum"), at(10, "minimum"), at(100, "maximum"), at(-60, "maximum"))
    parts = fractions_of(kkt)
    assert total(parts).contains(1)
    assert [part.sign() for part in parts[:2]] == [0, 0]
    assert parts[2].contains(F(1, 2)) and parts[3].contains(F(1, 2))
    assert [part.sign() for part in fractions_of(kkt, -1)[2:]] == [0, 0]


def test_a_kkt_point_at_180_degrees_is_no_obstacle() -> None:
    kkt = made(at(0, "minimum"), at(90, "maximum"), at(180, "minimum"), at(-90, "maximum"))
    parts = fractions_of(kkt)
    assert parts[1].contains(F(1, 2))
    assert parts[3].contains(F(1, 2))
    assert total(parts).contains(1)


def test_nothing_is_said_without_a_complete_planar_set_of_extrema() -> None:
    extrema = [at(0, "minimum"), at(90, "maximum")]
    assert basins(made(*extrema)) is not None
    assert basins(made(*extrema, status=Status.PARTIAL)) is None
    assert basins(made()) is None
    assert basins(made(at(0, "minimum"), at(90, "saddle"))) is None
    assert basins(made(at(0, "minimum"), at(90, "minimum"))) is None
    assert basins(made(replace(extrema[0], point=(*extrema[0].point, Ball(0, BITS))), extrema[1])) is None
    wide = (Ball.interval(F(-1, 2), F(1, 2), BITS), Ball(1, BITS))
    assert basins(made(KKTPoint("maximum", wide, Ball(1, BITS)), at(91, "minimum"))) is None
    with pytest.raises(BadInput, match="sign"):
        basins(made(*extrema), 0)


def test_the_record_is_exact_text() -> None:
    found = basins(planar_kkt([[1, 0]], [1]))
    assert found is not None
    assert found[0].to_json() == {
        "fraction": "1*2^-1",
        "from": "-45*2^1",
        "to": "45*2^1",
        "attracts": [True, True],
    }
