"""The claim of the uniform theorem for people: a paragraph, a LaTeX theorem, a table of its blocks.

Every decimal is rounded to the side on which the sentence stays true; where there is none (the horizon) it
says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import chain, islice
from typing import Any

from certflow.arithmetic.ball import Ball
from certflow.arithmetic.decimal_text import interval_text, last_digit_text, rounded_text
from certflow.exact import dyadic_text, format_rational
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import Fate
from certflow.problem import Problem
from certflow.tables import Column, Table, TableCell, latex_text
from certflow.theorems.early_direction.claim import MOVING, Block, Claim, Pair
from certflow.theorems.early_direction.query import Answer
from certflow.theorems.setting import PACKAGES, cited, provenance, setting

DIGITS = 4
"""Significant digits of the numbers in sentences."""

ANSWER_DIGITS, TIME_DIGITS = 5, 8
"""Significant digits in the tables of an answer."""

ANGLE_DECIMALS, COORDINATE_DECIMALS, MOST_COORDINATES, LARGEST_COORDINATES = 4, 3, 4, 3
"""How the places of KKT points are shown: those with many coordinates by the largest ones."""

PLACES, PLACE_BITS = 5, 128
"""Decimals of angles in degrees and of coordinates in a paper, and bits to compute them with."""

BLOCKS_WIDTH = 48
"""Width in pt of the column with the numbers of blocks."""

MOST_PRINTED = 40
"""KKT points with more coordinates are left to the certificate."""


def paragraph(claim: Claim) -> str:
    """The claim as one English paragraph."""
    return " ".join(_sentences(claim))


def _sentences(s: Claim) -> list[str]:
    at = "Then" if s.scaled_time is None else f"At {_time(s)} = T"
    moving = s.of(*MOVING)
    found = [
        f"For every δ in (0, {down(s.delta_bar)}]{_directions(s)}, gradient flow of the {_loss(s)} from w(0) "
        f"= δ·w0, ‖w0‖ = 1, satisfies the following.",
        _growth(s),
    ]
    if moving:
        found.append(
            f"{at} {_subject(s, moving)} is {_near(s, moving)} of the neural correlation function N."
        )
        found.append(_from_then_on(s))
    found += _outcomes(s)
    if s.times is not None and s.radius is not None:
        found.append(_first_time(s))
    if not s.joint:
        found.append(
            "The statement is about the direction of each block by itself, not about the joint direction of "
            "all weights."
        )
    lost = s.of(Fate.INCONCLUSIVE)
    if lost:
        found.append(f"Nothing is claimed about {_names(lost)} (inconclusive).")
    return found


def _growth(s: Claim) -> str:
    bound = f"‖w‖² ≤ {up(s.factor_squared)}·δ²"
    if s.scaled_time is not None:
        return f"Up to {_clock(s)} = T {_equals(s.scaled_time)} the weights stay small: {bound}."
    norm = s.horizon_norm or Fraction(0)
    return (
        f"The weights reach ‖w‖ = B·δ, B {_equals(norm)}, at a time that is called the horizon, and up to it "
        f"{bound}."
    )


def _directions(s: Claim) -> str:
    return (
        f" and every w0 within the angle {down(s.start_angle)} of the given direction"
        if s.start_angle
        else ""
    )


def _clock(s: Claim) -> str:
    return "time t" if s.order == 2 else f"scaled time t·δ{_power(s.order - 2)}"


def _time(s: Claim) -> str:
    return "t" if s.order == 2 else f"t·δ{_power(s.order - 2)}"


def _power(exponent: int) -> str:
    return "" if exponent == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(exponent))


def _loss(s: Claim) -> str:
    return f"{'mean' if s.reduction == 'mean' else 'summed'} {s.loss} loss"


def _subject(s: Claim, moving: Sequence[Block]) -> str:
    if s.joint:
        return "the direction w/‖w‖"
    if len(moving) == len(s.blocks):
        return f"the direction of each of the {len(moving)} blocks"
    return f"the direction of {'each of ' if len(moving) > 1 else ''}{_names(moving)}"


def _near(s: Claim, moving: Sequence[Block]) -> str:
    angles = [block.angle_at_horizon for block in moving if block.angle_at_horizon is not None]
    bound = max(angles, default=s.epsilon)
    return f"within {up(bound)} (radians) of {'a' if s.joint else 'its'} KKT point"


def _from_then_on(s: Claim) -> str:
    whose = "it" if s.joint or len(s.of(*MOVING)) == 1 else "each of them"
    until = "for all later times" if s.radius is None else f"until ‖w‖ first exceeds R = {down(s.radius)}"
    return f"From then on {whose} stays within ε = {up(s.epsilon)} {until}."


def _outcomes(s: Claim) -> list[str]:
    found = []
    for outcome, sign in ((Fate.CONVERGES, "positive"), (Fate.SHRINKS, "negative")):
        blocks = s.of(outcome)
        if blocks:
            where = (
                "this KKT point"
                if s.joint
                else f"the KKT point{'s' if len(blocks) > 1 else ''} of {_names(blocks)}"
            )
            found.append(f"N is {sign} at {where}.{_alive(s, blocks)}")
    dead = s.of(Fate.DEAD)
    if dead:
        who, it, its = ("The network", "it", "its") if s.joint else (_names(dead), "it", "its")
        if len(dead) > 1:
            it, its = "them", "their"
        be = "are" if len(dead) > 1 else "is"
        found.append(
            f"{who[0].upper()}{who[1:]} {be} dead from the horizon on at the latest: no sample activates "
            f"{it}, and {its} weights "
            "no longer change at all."
        )
    zero = s.of(Fate.ZERO)
    if zero:
        start, stay = ("start", "stay") if len(zero) > 1 else ("starts", "stays")
        found.append(
            f"{_names(zero).capitalize()} {start} with all weights zero, and {stay} zero for all times."
        )
    return found


def _alive(s: Claim, blocks: Sequence[Block]) -> str:
    """Which neurons are left, if the KKT point of all weights has others that are exactly zero."""
    support = blocks[0].support
    point = blocks[0].kkt_point
    if not s.joint or not support or support == (0,) or point is None or 0 not in point.centre:
        return ""
    names = f"neuron{'s' if len(support) > 1 else ''} {number_runs([j + 1 for j in support])}"
    return f" Only {names} {'are' if len(support) > 1 else 'is'} not zero there."


def _first_time(s: Claim) -> str:
    times = s.times
    if times is None or s.radius is None:
        raise ValueError("the claim has no times")
    low, high = (
        _reaching(s, times.start_radius[1], times.n_upper, True),
        _reaching(s, times.start_radius[0], times.n_lower, False),
    )
    starts, radii = times.start_time, f"{up(times.start_radius[1])}·δ ≤ ρ ≤ R"
    bounds = f"at least {down(starts[0])} + {low} and at most {up(starts[1])} + {high}."
    if s.order == 2:
        return f"For {radii}, the first time t ≥ T at which ‖w‖ = ρ is {bounds}"
    # The horizon may be later than the end of the curve, from which the times count.
    scale = _time(s).removeprefix("t")
    return (
        f"There is a time t₁, with t₁{scale} between {down(starts[0])} and {up(starts[1])}, so that for "
        f"{radii} the first t ≥ t₁ at which ‖w‖ = ρ has t{scale} {bounds}"
    )


def _reaching(s: Claim, start: Fraction, rate: Fraction, lower: bool) -> str:
    # A lower bound needs the largest start and the largest rate.
    size, speed = (up(start), up(rate)) if lower else (down(start), down(rate))
    if s.order == 2:
        return f"ln(ρ/({size}·δ))/(2·{speed})"
    k = s.order - 2
    base = size if k == 1 else f"({size}){_power(k)}"
    return f"(1/{base} − (δ/ρ){_power(k)})/({s.order * k}·{speed})"


def _names(blocks: Sequence[Block]) -> str:
    """Block numbers, counted from 1."""
    return f"block{'s' if len(blocks) > 1 else ''} {number_runs([block.index + 1 for block in blocks])}"


def number_runs(numbers: Sequence[int]) -> str:
    """Numbers in words, with runs shortened: "1 to 4, 7 and 9"."""
    runs: list[list[int]] = []
    for each in sorted(numbers):
        if runs and each == runs[-1][1] + 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    texts = [
        text
        for a, b in runs
        for text in ([f"{a} to {b}"] if b > a + 1 else [str(a)] if a == b else [str(a), str(b)])
    ]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


# -- numbers -------------------------------------------------------------------------------------------------


def down(value: Fraction, digits: int = DIGITS) -> str:
    """A short decimal that is not above `value`."""
    return rounded_text(value, digits)


def up(value: Fraction, digits: int = DIGITS) -> str:
    """A short decimal that is not below `value`."""
    return rounded_text(value, digits, up=True)


def _equals(value: Fraction) -> str:
    """ "= 6" if the short decimal is exact, else "≈ 8.906": a horizon must not be rounded to either side."""
    text = rounded_text(value, 6)
    return f"= {text}" if text == rounded_text(value, 6, up=True) else f"≈ {text}"


# -- LaTeX ---------------------------------------------------------------------------------------------------


def latex(s: Claim, problem: Problem, sha256: str) -> str:
    """The claim about `problem` as a LaTeX `theorem` that stands alone, with the certificate that has this
    hash and the tables of its blocks; its first lines say which packages it needs.
    """
    clock = "t" if s.order == 2 else _tex_clock(s)
    moving = s.of(*MOVING)
    angle = (
        rf" and every unit vector $w_0$ within the angle ${_tex(down(s.start_angle))}$ of the given direction"
        if s.start_angle
        else ""
    )
    body = "\n".join(rf"  \item {item}" for item in _items(s, clock, moving))
    return (
        f"{PACKAGES}\n"
        "\\begin{theorem}[early directional convergence]\\label{thm:early-direction}\\sloppy\n"
        f"{setting(problem)} {_blocks(s, problem)}\n"
        rf"Then the following holds for every $\delta \in (0, {_tex(down(s.delta_bar))}]${angle}."
        f"\n\\begin{{enumerate}}\n{body}\n\\end{{enumerate}}\n\\end{{theorem}}\n"
        "\\noindent That such a threshold exists, without its value, is a theorem of Kumar and "
        f"Haupt~{cited(s.order)}.\n\n{provenance(problem, sha256)}"
        + ("" if s.joint else "".join(f"\n{each.to_latex()}" for each in paper_tables(s)))
    )


def _items(s: Claim, clock: str, moving: Sequence[Block]) -> list[str]:
    """What is claimed, sentence by sentence."""
    bound = rf"$\|w(t)\|^2 \le {_tex(up(s.factor_squared))}\,\delta^2$"
    if s.scaled_time is not None:
        items = [
            rf"{bound} for all $t \ge 0$ with ${clock} \le T$, where $T {_tex(_equals(s.scaled_time))}$; the "
            rf"time with ${clock} = T$ is called the horizon."
        ]
        at = f"At ${clock} = T$"
    else:
        norm = _tex(_equals(s.horizon_norm or Fraction(0)))
        items = [
            rf"There is a time $t_H$, the horizon, with $\|w(t_H)\| = B\,\delta$, $B {norm}$; {bound} for "
            rf"$0 \le t \le t_H$."
        ]
        at = "At $t = t_H$"
    if moving:
        items.append(
            rf"{at}, {_tex_prose(_subject(s, moving))} is {_tex_prose(_near(s, moving))} of {_whose(s)}."
        )
        if s.joint:
            items.append(_tex_point(moving[0]))
        else:
            items.append(
                r"The KKT points are those of Table~\ref{tab:blocks}, and Table~\ref{tab:bounds} bounds "
                "the angle of each block to its own."
            )
        items.append(_tex_prose(_from_then_on(s)))
    items += [_tex_prose(text).replace("$N$ is", f"{_whose(s)} is") for text in _outcomes(s)]
    if s.times is not None and s.radius is not None:
        items.append(_tex_times(s, clock))
    laws = [block for block in moving if block.law is not None]
    if s.joint and laws:
        items.append(_tex_law(s, laws[0]))
    lost = s.of(Fate.INCONCLUSIVE)
    if lost:
        items.append(latex_text(f"Nothing is claimed about {_names(lost)}."))
    return items


def _whose(s: Claim) -> str:
    return "$N$" if s.joint else "$N_j$"


def _blocks(s: Claim, problem: Problem) -> str:
    """What a block, its N and a KKT point are."""
    if s.joint:
        return (
            r"A KKT point of $N$ is a unit vector $\hat w$ at which $\nabla N(\hat w)$ "
            r"is a multiple of $\hat w$; its gap is minus the largest eigenvalue of "
            rf"$\nabla^2 N(\hat w) - {s.order} N(\hat w)$ on the vectors orthogonal to $\hat w$ (where "
            r"pieces of $N$ meet, the least of theirs). All weights are one block."
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
    )


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
        return rf"The KKT point {name} has the angle ${place}^\circ$"
    count = (
        "" if len(point.centre) <= 4 else f" (the {len(point.centre)} weights layer by layer and row by row)"
    )
    coordinates = ", ".join(f"${each}$" for each in place.split(", "))
    return f"The KKT point {name} has the coordinates{count} {coordinates}"


def _printed_place(block: Block) -> str:
    """The KKT point: its angle in degrees, or its coordinates; right to one unit of the last digit."""
    point = block.kkt_point
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
    """A sentence, with its letters N, R and w as mathematics."""
    letters = re.sub(
        r"\b([NR])\b( = ([0-9]+(?:\.[0-9]+)?(?![0-9e])))?",
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
    low = rf"{_tex(down(times.start_time[0]))} + {climb(_tex(up(last)), _tex(up(times.n_upper)))}"
    high = rf"{_tex(up(times.start_time[1]))} + {climb(_tex(down(first)), _tex(down(times.n_lower)))}"
    radii = rf"${_tex(up(last))}\,\delta \le \rho \le R$"
    bounds = f"between\n\\[ {low} \\]\nand\n\\[ {high}. \\]"
    if s.order == 2:
        return rf"For {radii}, the first $t \ge T$ at which $\|w\| = \rho$ lies {bounds}"
    starts = rf"${_tex(down(times.start_time[0]))}$ and ${_tex(up(times.start_time[1]))}$"
    return (
        rf"There is a time $t_1$, with ${clock}_1$ between {starts}, so that for {radii} the first $t \ge "
        rf"t_1$ at which "
        rf"$\|w\| = \rho$ has ${clock}$ {bounds}"
    )


def _tex_law(s: Claim, block: Block) -> str:
    law = block.law
    if law is None:
        raise ValueError("the block has no law")
    power = rf"(\delta/\rho)^{{{_tex(down(law.exponent[0]))}}}"
    return (
        r"From the horizon until $\|w\|$ first exceeds $R$, whenever $\|w\| = \rho$, this angle is at most "
        rf"${_tex(up(law.coefficient))}\,{power} + {_tex(up(law.floor))}\,\rho^{{{s.order}}}$."
    )


# -- table ---------------------------------------------------------------------------------------------------


def paper_tables(s: Claim) -> list[Table]:
    """The KKT points of the blocks and the bounds of their angles, as narrow as a column of two; equal rows
    are one.
    """
    planar = all(block.kkt_point is None or len(block.kkt_point.centre) == 2 for block in s.blocks)
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
            *([] if s.radius is None else laws),
        ],
        label="tab:bounds",
    )
    rows: dict[tuple[str, ...], list[Block]] = {}
    for block in s.blocks:
        value = "–" if block.value is None else interval_text(*block.value, 4)
        gap = "–" if block.gap is None else down(block.gap[0])
        rows.setdefault((str(block.outcome), _printed_place(block) or "–", value, gap), []).append(block)
    for (outcome, where, value, gap), blocks in rows.items():
        points.add(_short_runs(blocks), outcome, *([where] if planar else []), value, gap)
        point = blocks[0].kkt_point
        if not planar and point is not None and len(point.centre) <= MOST_PRINTED:
            points.notes.append(f"KKT point of {_names(blocks)}: ({where}).")
    points.notes.append(f"{'Angles' if planar else 'Coordinates'} are right to one unit of the last digit.")
    angles: dict[tuple[str, ...], list[Block]] = {}
    for block in s.of(*MOVING):
        row = [_up(block.angle_at_horizon)]
        if s.radius is not None:
            law = block.law
            numbers = () if law is None else (down(law.exponent[0]), up(law.coefficient), up(law.floor))
            row += [_up(block.angle_at_radius), *(numbers or ("–",) * 3)]
        angles.setdefault(tuple(row), []).append(block)
    for cells, blocks in angles.items():
        bounds.add(_short_runs(blocks), *cells)
    if s.radius is not None:
        bounds.notes.append(
            f"Angles in radians: at the horizon; when ‖w‖ = R = {down(s.radius)} after it; and whenever "
            f"‖w‖ = ρ in between, at most c times δ/ρ to the power κ, plus fρ{_power(s.order)}."
        )
    return [points, bounds] if bounds.rows else [points]


def _short_runs(blocks: Sequence[Block]) -> str:
    """Block numbers from 1, for a narrow column: "1–4, 7"."""
    return number_runs([block.index + 1 for block in blocks]).replace(" to ", "–").replace(" and ", ", ")


def _up(value: Fraction | None) -> str:
    return "–" if value is None else up(value)


def table(s: Claim) -> Table:
    """A row per block: its outcome, N and the gap at its KKT point, the bounds of its angle, and its law."""
    columns = [
        Column("block"),
        Column("outcome", align="left"),
        Column("N", latex="$N$"),
        Column("gap ≥"),
        Column("at T ≤" if s.scaled_time is not None else "at horizon ≤", key="angle at the horizon ≤"),
        Column("at R ≤", key="angle at R ≤"),
        Column("κ ≥"),
        Column("c ≤", key="coefficient ≤"),
        Column("floor ≤"),
    ]
    if s.radius is None:
        del columns[5:]
    title = f"Bounds for every δ in (0, {down(s.delta_bar)}]"
    found = Table(title, columns, label="tab:claim")
    for block in s.blocks:
        cells: list[TableCell | str] = [
            block.name,
            block.outcome,
            _cell(block.value, interval_text, 5),
            _cell(None if block.gap is None else block.gap[0], down),
            _cell(block.angle_at_horizon, up),
        ]
        if s.radius is not None:
            cells.append(_cell(block.angle_at_radius, up))
            cells.append(_cell(None if block.law is None else block.law.exponent[0], down))
            cells.append(_cell(None if block.law is None else block.law.coefficient, up))
            cells.append(_cell(None if block.law is None else block.law.floor, up))
        found.add(*cells)
    if s.radius is not None and any(block.law is not None for block in s.blocks):
        law = f"c times δ/ρ to the power κ, plus floor·ρ{_power(s.order)}"
        found.notes.append(
            f"From the horizon until ‖w‖ first exceeds R, whenever ‖w‖ = ρ, the angle is at most {law}."
        )
    if s.radius is not None:
        found.notes.append(
            f"Angles to the KKT point at the horizon and when ‖w‖ = R = {down(s.radius)} after it, in "
            f"radians."
        )
    found.notes += [
        f"Block {block.name}: {block.reason}" for block in s.of(Fate.INCONCLUSIVE) if block.reason
    ]
    return found


def points(s: Claim) -> Table:
    """A row per KKT point: where it is, N and the gap there, and the blocks that come to it; blocks with
    equal decimals share a row.
    """
    columns = [
        Column("KKT point", align="left"),
        Column("N", latex="$N$"),
        Column("gap ≥"),
        Column("blocks", align="left"),
    ]
    found = Table("KKT points to which the directions come", columns, label="tab:claim-points")
    rows: dict[tuple[str, ...], tuple[list[TableCell], list[int]]] = {}
    for block in s.of(*MOVING):
        gap = None if block.gap is None else block.gap[0]
        cells = [_place(block), _cell(block.value, interval_text, 5), _cell(gap, down)]
        rows.setdefault(tuple(cell.text for cell in cells), (cells, []))[1].append(block.index + 1)
    for cells, blocks in rows.values():
        found.add(*cells, number_runs(blocks))
    radii = [block.kkt_point.radius for block in s.of(*MOVING) if block.kkt_point is not None]
    if radii:
        found.notes.append(
            f"Places are rounded; the certificate has each up to at most {up(max(radii))} radians."
        )
    return found


def _place(block: Block) -> TableCell:
    """The unit vector of the KKT point: an angle, the coordinates, or the largest ones by the numbers of
    their weights.
    """
    if block.kkt_point is None:
        return TableCell("–", "")
    centre = block.kkt_point.centre
    raw = " ".join(dyadic_text(v) for v in centre)
    top = max(map(abs, centre), default=Fraction(0))
    if not top:
        return TableCell("–", raw)
    scaled = [float(v / top) for v in centre]
    shown = [f"{v / math.hypot(*scaled):.{COORDINATE_DECIMALS}f}" for v in scaled]
    if len(shown) == 2:
        angle = math.degrees(math.atan2(scaled[1], scaled[0]))
        return TableCell(f"{angle:.{ANGLE_DECIMALS}f}°", raw)
    if len(shown) <= MOST_COORDINATES:
        return TableCell(f"({', '.join(shown)})", raw)
    weights = chain.from_iterable(range(first + 1, first + count + 1) for first, count in block.weights)
    numbers = list(islice(weights, len(shown)))
    order = sorted(sorted(range(len(shown)), key=lambda i: -abs(scaled[i]))[:LARGEST_COORDINATES])
    named = ", ".join(f"w{numbers[i]} = {shown[i]}" for i in order if i < len(numbers))
    return TableCell(f"{named}; {len(shown) - LARGEST_COORDINATES} more", raw)


def _cell(value: Any, text: Any, *digits: int) -> TableCell:
    if value is None:
        return TableCell("–", "")
    ends = value if isinstance(value, tuple) else (value,)
    return TableCell(text(*ends, *digits), " ".join(format_rational(end) for end in ends))


# -- one delta -----------------------------------------------------------------------------------------------


def answer_tables(answer: Answer) -> list[Table]:
    """What was said about one delta: the horizon and each radius, then the angles of every block; rounded to
    the safe side.
    """
    return [_events(answer), _angles(answer)]


def _events(answer: Answer) -> Table:
    columns = [Column("event", align="left"), Column("‖w‖"), Column("t ≥"), Column("t ≤")]
    found = Table(f"When, for δ = {answer.delta}", columns, label="tab:query-times")
    found.add("horizon", _at_most(answer.norm_at_horizon), *_time_cells(answer.horizon_time))
    since = "the horizon"
    if answer.start is not None and answer.claim.order > 2:
        since = "t₁"
        found.add("t₁", _at_most(answer.start.norm_upper), *_time_cells(answer.start.time))
    for each in answer.radii:
        size = TableCell(down(each.rho, ANSWER_DIGITS), format_rational(each.rho))
        found.add(f"first ‖w‖ = ρ after {since}", size, *_time_cells(each.first_reached))
    return found


def _angles(answer: Answer) -> Table:
    columns = [Column("block"), Column("outcome", align="left"), Column("at the horizon ≤", key="horizon")]
    for each in answer.radii:
        columns.append(Column(f"at ‖w‖ = {down(each.rho, ANSWER_DIGITS)} ≤", key=format_rational(each.rho)))
    found = Table("Angle of each block to its KKT point (radians)", columns, label="tab:query-angles")
    for j, block in enumerate(answer.claim.blocks):
        angles = [answer.angles_at_horizon[j], *(each.angles[j] for each in answer.radii)]
        found.add(block.name, block.outcome, *(_bound_cell(angle, up, ANSWER_DIGITS) for angle in angles))
    if answer.radii:
        found.notes.append("From the horizon until ‖w‖ first exceeds R, whenever it has the stated value.")
    return found


def _time_cells(pair: Pair | None) -> list[TableCell]:
    low, high = pair or (None, None)
    return [_bound_cell(low, down, TIME_DIGITS), _bound_cell(high, up, TIME_DIGITS)]


def _at_most(size: Fraction) -> TableCell:
    cell = _bound_cell(size, up, ANSWER_DIGITS)
    return TableCell(f"≤ {cell.text}", cell.raw)


def _bound_cell(value: Fraction | None, text: Callable[[Fraction, int], str], digits: int) -> TableCell:
    return TableCell("–", "") if value is None else TableCell(text(value, digits), dyadic_text(value))
