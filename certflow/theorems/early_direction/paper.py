"""The claim of the uniform theorem for a paper: a LaTeX theorem that stands alone, with tables of its blocks.

Every decimal is rounded to the side on which the sentence stays true, as in `words`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import interval_text, last_digit_text
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Fate
from certflow.problem import Problem
from certflow.tables import Column, Table, latex_text
from certflow.theorems.early_direction.claim import MOVING, Block, Claim
from certflow.theorems.early_direction.words import (
    down,
    equals,
    from_then_on,
    names,
    near,
    number_runs,
    outcomes,
    power,
    subject,
    up,
)
from certflow.theorems.setting import PACKAGES, background, from_direction, provenance, setting

PLACES, PLACE_BITS = 5, 128
"""Decimals of angles in degrees and of coordinates in a paper, and bits to compute them with."""

BLOCKS_WIDTH = 48
"""Width in pt of the column with the numbers of blocks."""

MOST_PRINTED = 40
"""KKT points with more coordinates are left to the certificate."""


def latex(s: Claim, problem: Problem, sha256: str) -> str:
    """The claim about `problem` as a LaTeX `theorem` that stands alone, with the certificate that has this
    hash and the tables of its blocks; its first lines say which packages it needs.
    """
    return stated(s, problem, sha256, outcomes(s), _blocks(s, problem))


def stated(s: Claim, problem: Problem, sha256: str, fates: Sequence[str], about: str, flow: str = "") -> str:
    """The same with the sentences `fates` on what becomes of the blocks, `about` blocks and their KKT points,
    and on what is meant by the `flow`.
    """
    clock = "t" if s.order == 2 else _tex_clock(s)
    moving = s.of(*MOVING)
    angle = _tex(down(s.start_angle)) if s.start_angle else ""
    every = " and every such $w_0$" if angle else ""
    # A network that is dead has no KKT point to turn to.
    blocks, papers = (f" {about}", background(s.order)) if moving or not s.joint else ("", "")
    body = "\n".join(rf"  \item {item}" for item in _items(s, clock, moving, fates))
    return (
        f"{PACKAGES}\n"
        "\\begin{theorem}[early directional convergence]\\label{thm:early-direction}\\sloppy\n"
        f"{setting(problem, flow + from_direction(problem, angle))}{blocks}\n"
        rf"Then the following holds for every $\delta \in (0, {_tex(down(s.delta_bar))}]${every}."
        f"\n\\begin{{enumerate}}\n{body}\n\\end{{enumerate}}\n\\end{{theorem}}\n"
        f"{papers}{provenance(problem, sha256)}"
        + ("" if s.joint else "".join(f"\n{each.to_latex()}" for each in paper_tables(s)))
    )


def _items(s: Claim, clock: str, moving: Sequence[Block], fates: Sequence[str]) -> list[str]:
    """What is claimed, sentence by sentence."""
    bound = rf"$\|w(t)\|^2 \le {_tex(up(s.factor_squared))}\,\delta^2$"
    if s.scaled_time is not None:
        items = [
            rf"{bound} for all $t \ge 0$ with ${clock} \le T$, where $T {_tex(equals(s.scaled_time))}$; the "
            rf"time with ${clock} = T$ is called the horizon."
        ]
        at = f"At ${clock} = T$"
    else:
        norm = _tex(equals(s.horizon_norm or Fraction(0)))
        items = [
            rf"There is a time $t_H$, the horizon, with $\|w(t_H)\| = B\,\delta$, $B {norm}$; {bound} for "
            rf"$0 \le t \le t_H$."
        ]
        at = "At $t = t_H$"
    if moving:
        items.append(
            rf"{at}, {_tex_prose(subject(s, moving))} is {_tex_prose(near(s, moving))} of {_whose(s)}."
        )
        if s.joint:
            items.append(_tex_point(moving[0]))
        else:
            items.append(
                r"The KKT points are those of Table~\ref{tab:blocks}, and Table~\ref{tab:bounds} bounds "
                "the angle of each block to its own."
            )
        items.append(_tex_prose(from_then_on(s)))
    items += [_tex_prose(text).replace("$N$ is", f"{_whose(s)} is") for text in fates]
    if s.times is not None and s.radius is not None:
        items.append(_tex_times(s, clock))
    laws = [block for block in moving if block.law is not None]
    if s.joint and laws:
        items.append(_tex_law(s, laws[0]))
    lost = s.of(Fate.INCONCLUSIVE)
    if lost:
        items.append(latex_text(f"Nothing is claimed about {names(lost)}."))
    return items


def _whose(s: Claim) -> str:
    return "$N$" if s.joint else "$N_j$"


def _blocks(s: Claim, problem: Problem) -> str:
    """What a block, its N and a KKT point are."""
    if s.joint:
        return (
            r"A KKT point of $N$ is a unit vector $\hat w$ at which $\nabla N(\hat w)$ "
            r"is a multiple of $\hat w$; its gap is minus the largest eigenvalue of "
            rf"$\nabla^2 N(\hat w) - {s.order} N(\hat w)$ on the vectors orthogonal to $\hat w$ "
            f"{_others(s)}. All weights are one block."
        )
    weights = (
        "the weights of neuron $j$"
        if isinstance(problem.network, FeedForward)
        else "the $j$-th group of weights of which $H$ is a sum of separate functions"
    )
    return (
        rf"Block $j$ is {weights}, and $N_j$ the part of $N$ that depends on them; its direction that "
        r"of these weights by themselves. A KKT point of $N_j$ is a unit vector $\hat u$ at which "
        r"$\nabla N_j(\hat u)$ is a multiple of $\hat u$; its gap $\gamma$ is minus the largest "
        r"eigenvalue of "
        rf"$\nabla^2 N_j(\hat u) - {s.order} N_j(\hat u)$ on the vectors orthogonal to $\hat u$ (where "
        r"pieces of $N_j$ meet, the least of theirs)."
        + (
            " In a continuum it is that of the vectors that are also orthogonal to all directions in which "
            "symmetries of $N_j$ move the point."
            if s.of(Fate.CONTINUUM)
            else ""
        )
    )


def _others(s: Claim) -> str:
    """What else is to be known about the gap."""
    if s.of(Fate.CONTINUUM):
        return "and to all directions in which symmetries of $N$ move it"
    return "(where pieces of $N$ meet, the least of theirs)"


def _tex_point(block: Block) -> str:
    """Which KKT point all weights turn to, with N and the gap there."""
    value = block.value
    known = [] if value is None else [rf"$N(\hat w) \in {_tex(interval_text(*value, 6))}$"]
    if block.gap is not None:
        known.append(rf"the gap there is at least ${_tex(down(block.gap[0]))}$")
    return f"{_tex_place(block, 'w')}; {' and '.join(known)}." if known else f"{_tex_place(block, 'w')}."


def _tex_place(block: Block, letter: str) -> str:
    place, point = _printed_place(block), block.kkt_point
    name = rf"$\hat {letter}$"
    if point is None:
        raise ValueError("the block has no KKT point")
    if len(point.centre) > MOST_PRINTED:
        return (
            f"The KKT point {name} lies within the angle ${_tex(up(point.radius))}$ of the vector that the "
            "certificate names"
        )
    if len(point.centre) == 2:
        return rf"The KKT point {name} has the angle ${place}^\circ$, right to one unit of the last digit"
    count = (
        "" if len(point.centre) <= 4 else f" (the {len(point.centre)} weights layer by layer and row by row)"
    )
    coordinates = ", ".join(f"${each}$" for each in place.split(", "))
    right = "each right to one unit of its last digit"
    return f"The KKT point {name} has the coordinates{count}, {right}, {coordinates}"


def _printed_place(block: Block) -> str:
    """The KKT point: its angle in degrees, or its coordinates; right to one unit of the last digit."""
    point = block.place
    if point is None:
        return ""
    centre = [Ball(v, PLACE_BITS) for v in point.centre]
    if len(centre) == 2:
        degrees = Ball(180, PLACE_BITS) / Ball.pi(PLACE_BITS)
        angle = centre[1].atan2(centre[0]) * degrees
        return last_digit_text(angle.mid(), angle.radius() + point.radius * degrees.upper(), 8, -PLACES)
    norm = sum((v.square() for v in centre[1:]), centre[0].square()).sqrt()
    # A vector within an angle r of a unit vector is within 2 sin(r/2) <= r of it.
    unit = [v / norm for v in centre]
    return ", ".join(last_digit_text(v.mid(), v.radius() + point.radius, PLACES, -PLACES) for v in unit)


def _tex_prose(text: str) -> str:
    """A sentence, with its letters N, R, T and w as mathematics."""
    letters = re.sub(
        r"\b([NRT])\b( = ([0-9]+(?:\.[0-9]+)?(?![0-9e])))?",
        lambda m: f"${m[1]}{' = ' + m[3] if m[3] else ''}$",
        text.replace("w/‖w‖", "W"),
    )
    pieces = re.split(r"(\$[^$]*\$)", letters)
    return "".join(each if each.startswith("$") else latex_text(each) for each in pieces).replace(
        "W", r"$w/\|w\|$"
    )


def _tex_clock(s: Claim) -> str:
    return r"\delta t" if s.order == 3 else rf"\delta^{{{s.order - 2}}} t"


def _tex(text: str) -> str:
    """A decimal, with `e` as a power of ten, and the sign before it, inside mathematics."""

    def scientific(match: re.Match[str]) -> str:
        mantissa = "" if match[1] == "1" else rf"{match[1]} \times "
        return rf"{mantissa}10^{{{int(match[2])}}}"

    return re.sub(r"([0-9.]+)e([-+][0-9]+)", scientific, text).replace("≈", r"\approx")


def _tex_times(s: Claim, clock: str) -> str:
    times = s.times
    if times is None:
        raise ValueError("the claim has no times")

    def climb(size: str, speed: str) -> str:
        if s.order == 2:
            return rf"\frac{{1}}{{2 \cdot {speed}}}\ln\frac{{\rho}}{{{size}\,\delta}}"
        k = s.order - 2
        power = "" if k == 1 else f"^{{{k}}}"
        return rf"\frac{{({size})^{{-{k}}} - (\delta/\rho){power}}}{{{s.order * k} \cdot {speed}}}"

    first, last = times.start_radius
    starts = _tex(down(times.start_time[0])), _tex(up(times.start_time[1]))
    low = climb(_tex(up(last)), _tex(up(times.n_upper)))
    high = climb(_tex(down(first)), _tex(down(times.n_lower)))
    low, high = (
        rate if start == "0" else f"{start} + {rate}" for start, rate in zip(starts, (low, high), strict=True)
    )
    radii = rf"${_tex(up(last))}\,\delta \le \rho \le R$"
    bounds = f"between\n\\[ {low} \\]\nand\n\\[ {high}. \\]"
    if s.order == 2:
        return rf"For {radii}, the first $t \ge T$ at which $\|w\| = \rho$ lies {bounds}"
    between = rf"${starts[0]}$ and ${starts[1]}$"
    return (
        rf"There is a time $t_1$, with ${clock}_1$ between {between}, so that for {radii} the first $t \ge "
        rf"t_1$ at which "
        rf"$\|w\| = \rho$ has ${clock}$ {bounds}"
    )


def _tex_law(s: Claim, block: Block) -> str:
    law = block.law
    if law is None:
        raise ValueError("the block has no law")
    power = rf"(\delta/\rho)^{{{_tex(down(law.exponent[0]))}}}"
    angle = "the angle between $w/\\|w\\|$ and the set of all KKT points" if law.of_set else "this angle"
    forgotten = rf"{_tex(up(law.coefficient))}\,{power} + " if law.coefficient else ""
    return (
        rf"From the horizon until $\|w\|$ first exceeds $R$, whenever $\|w\| = \rho$, {angle} is at most "
        rf"${forgotten}{_tex(up(law.floor))}\,\rho^{{{s.order}}}$."
    )


def paper_tables(s: Claim) -> list[Table]:
    """The KKT points of the blocks and the bounds of their angles, as narrow as a column of two; equal rows
    are one.
    """
    planar = all(block.place is None or len(block.place.centre) == 2 for block in s.blocks)
    points = Table(
        "The blocks and their KKT points",
        [
            Column("blocks", align="left", width=BLOCKS_WIDTH),
            Column("outcome", align="left"),
            *([Column("angle", "°")] if planar else []),
            Column("N", latex="$N_j$"),
            Column("gap ≥", latex=r"$\gamma \ge$"),
        ],
        label="tab:blocks",
    )
    laws = [
        Column("at R ≤", latex=r"at $R$ $\le$"),
        Column("κ ≥", latex=r"$\kappa \ge$"),
        Column("c ≤", latex=r"$c \le$"),
        Column("f ≤", latex=r"$f \le$"),
    ]
    bounds = Table(
        f"Bounds of the angles for every δ in (0, {down(s.delta_bar)}]",
        [
            Column("blocks", align="left", width=BLOCKS_WIDTH),
            Column("horizon ≤"),
            *([] if s.radius is None else laws if any(block.law for block in s.blocks) else laws[:1]),
        ],
        label="tab:bounds",
    )
    rows: dict[tuple[str, ...], list[Block]] = {}
    for block in s.blocks:
        value = "0" if block.direction is not None else "–"
        value = value if block.value is None else interval_text(*block.value, 4)
        gap = "–" if block.gap is None else down(block.gap[0])
        rows.setdefault((str(block.outcome), _printed_place(block) or "–", value, gap), []).append(block)
    for (outcome, where, value, gap), blocks in rows.items():
        points.add(_short_runs(blocks), outcome, *([where] if planar else []), value, gap)
        point = blocks[0].place
        if not planar and point is not None and len(point.centre) <= MOST_PRINTED:
            points.notes.append(f"KKT point of {names(blocks)}: ({where}).")
    points.notes.append(f"{'Angles' if planar else 'Coordinates'} are right to one unit of the last digit.")
    angles: dict[tuple[str, ...], list[Block]] = {}
    for block in s.of(*MOVING, Fate.FADES):
        row = [_up(block.angle_at_horizon)]
        if s.radius is not None:
            law = block.law
            numbers = () if law is None else (down(law.exponent[0]), up(law.coefficient), up(law.floor))
            row += [_up(block.angle_at_radius), *(numbers or ("–",) * 3)][: len(bounds.columns) - 2]
        angles.setdefault(tuple(row), []).append(block)
    for cells, blocks in angles.items():
        bounds.add(_short_runs(blocks), *cells)
    if s.radius is not None:
        lawful = any(block.law is not None for block in s.blocks)
        bound = f"at most c times δ/ρ to the power κ, plus fρ{power(s.order)}"
        whose = ", of a continuum to the nearest of all its KKT points," if s.of(Fate.CONTINUUM) else ""
        later = f"; and whenever ‖w‖ = ρ in between{whose or ','} {bound}" if lawful else ""
        bounds.notes.append(
            f"Angles in radians: at the horizon; when ‖w‖ = R = {down(s.radius)} after it{later}."
        )
    return [points, bounds] if bounds.rows else [points]


def _short_runs(blocks: Sequence[Block]) -> str:
    """Block numbers from 1, for a narrow column: "1–4, 7"."""
    return number_runs([block.index + 1 for block in blocks]).replace(" to ", "–").replace(" and ", ", ")


def _up(value: Fraction | None) -> str:
    return "–" if value is None else up(value)
