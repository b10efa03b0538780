"""The claim of the uniform theorem for people: a paragraph, tables of its KKT points and blocks.

Every decimal is rounded to the side on which the sentence stays true; where there is none (the horizon) it
says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import chain, islice
from typing import Any

from certflow.arithmetic.decimal_text import interval_text, rounded_text
from certflow.exact import dyadic_text, format_rational
from certflow.outcome import Fate
from certflow.tables import Column, Table, TableCell
from certflow.theorems.early_direction.claim import MOVING, Block, Claim, Pair
from certflow.theorems.early_direction.query import Answer, bound_text

DIGITS = 4
"""Significant digits of the numbers in sentences."""

ANSWER_DIGITS, TIME_DIGITS = 5, 8
"""Significant digits in the tables of an answer."""

ANGLE_DECIMALS, COORDINATE_DECIMALS, MOST_COORDINATES, LARGEST_COORDINATES = 4, 3, 4, 3
"""How the places of KKT points are shown: those with many coordinates by the largest ones."""


def paragraph(claim: Claim) -> str:
    """The claim as one English paragraph."""
    return " ".join(sentences(claim, "gradient flow", outcomes(claim)))


def sentences(s: Claim, flow: str, fates: Sequence[str]) -> list[str]:
    """The claim about this `flow`, with the sentences that say what becomes of the blocks."""
    at = "Then" if s.scaled_time is None else f"At {_time(s)} = T"
    moving = s.of(*MOVING)
    found = [
        f"For every δ in (0, {down(s.delta_bar)}]{_directions(s)}, {flow} of the {_loss(s)} from w(0) "
        f"= δ·w0, ‖w0‖ = 1, satisfies the following.",
        _growth(s),
    ]
    if moving:
        found.append(f"{at} {subject(s, moving)} is {near(s, moving)} of the neural correlation function N.")
        found.append(from_then_on(s))
    found += [*fates, *_nearest(s)]
    if s.times is not None and s.radius is not None:
        found.append(_first_time(s))
    if not s.joint:
        found.append(
            "The statement is about the direction of each block by itself, not about the joint direction of "
            "all weights."
        )
    lost = s.of(Fate.INCONCLUSIVE)
    if lost:
        found.append(f"Nothing is claimed about {names(lost)} (inconclusive).")
    return found


def _growth(s: Claim) -> str:
    bound = f"‖w‖² ≤ {up(s.factor_squared)}·δ²"
    if s.scaled_time is not None:
        return f"Up to {_clock(s)} = T {equals(s.scaled_time)} the weights stay small: {bound}."
    norm = s.horizon_norm or Fraction(0)
    return (
        f"The weights reach ‖w‖ = B·δ, B {equals(norm)}, at a time that is called the horizon, and up to it "
        f"{bound}."
    )


def _directions(s: Claim) -> str:
    return (
        f" and every w0 within the angle {down(s.start_angle)} of the given direction"
        if s.start_angle
        else ""
    )


def _clock(s: Claim) -> str:
    return "time t" if s.order == 2 else f"scaled time t·δ{power(s.order - 2)}"


def _time(s: Claim) -> str:
    return "t" if s.order == 2 else f"t·δ{power(s.order - 2)}"


def power(exponent: int) -> str:
    """An exponent as small figures, nothing for 1."""
    return "" if exponent == 1 else "".join("⁰¹²³⁴⁵⁶⁷⁸⁹"[int(digit)] for digit in str(exponent))


def _loss(s: Claim) -> str:
    return f"{'mean' if s.reduction == 'mean' else 'summed'} {s.loss} loss"


def subject(s: Claim, moving: Sequence[Block]) -> str:
    """What the claim is about: the directions that move."""
    if s.joint:
        return "the direction w/‖w‖"
    if len(moving) == len(s.blocks):
        return f"the direction of each of the {len(moving)} blocks"
    return f"the direction of {'each of ' if len(moving) > 1 else ''}{names(moving)}"


def near(s: Claim, moving: Sequence[Block]) -> str:
    """How near they are to their KKT points at the horizon."""
    angles = [block.angle_at_horizon for block in moving if block.angle_at_horizon is not None]
    bound = max(angles, default=s.epsilon)
    return f"within {up(bound)} (radians) of {'a' if s.joint else 'its'} KKT point"


def from_then_on(s: Claim) -> str:
    """What holds after the horizon."""
    whose = "it" if s.joint or len(s.of(*MOVING)) == 1 else "each of them"
    return f"From then on {whose} stays within ε = {up(s.epsilon)} {until(s)}."


def until(s: Claim) -> str:
    """How long what holds after the horizon does."""
    return "for all later times" if s.radius is None else f"until ‖w‖ first exceeds R = {down(s.radius)}"


def outcomes(s: Claim) -> list[str]:
    """What becomes of the blocks, a sentence for each kind."""
    found = signs(s)
    dead = s.of(Fate.DEAD)
    if dead:
        who, it, its = ("The network", "it", "its") if s.joint else (names(dead), "it", "its")
        if len(dead) > 1:
            it, its = "them", "their"
        be = "are" if len(dead) > 1 else "is"
        found.append(
            f"{who[0].upper()}{who[1:]} {be} dead from the horizon on at the latest: no sample activates "
            f"{it}, and {its} weights "
            "no longer change at all."
        )
    return (
        found
        + _symmetric(s)
        + _silent(s)
        + continua(s)
        + fading(s)
        + _followed(s)
        + zeros(s)
        + _exact_starts(s)
    )


def _symmetric(s: Claim) -> list[str]:
    """Among which directions a KKT point is the only one, where the start is symmetric."""
    blocks = [block for block in s.of(*MOVING) if block.within]
    if not blocks:
        return []
    point = "this KKT point" if s.joint else f"the KKT point of {names(blocks)}"
    return [
        f"The start is exactly symmetric, and the flow stays so: {point} is the only one nearby among "
        "directions with the same symmetry, its gap is that among these, and nothing is claimed about other "
        "starts."
    ]


def _silent(s: Claim) -> list[str]:
    """Among which directions a KKT point is the only one, where samples stay inactive."""
    return [
        f"For block {block.name}, {_samples(block.silent)} inactive from the start for ever: what is said of "
        "its KKT point and its gap is about directions at which that is so."
        for block in s.blocks
        if block.silent
    ]


def _samples(silent: Sequence[int]) -> str:
    """Samples as people count them, from 1."""
    numbers = number_runs([i + 1 for i in silent])
    return f"samples {numbers} are" if len(silent) > 1 else f"sample {numbers} is"


def fading(s: Claim) -> list[str]:
    """Near what the directions of the blocks stay that fade, and how long."""
    blocks = s.of(Fate.FADES)
    if not blocks:
        return []
    angle = max(block.angle_at_horizon or Fraction(0) for block in blocks)
    who, fades, whose = (
        ("The network", "fades", "its direction")
        if s.joint
        else (names(blocks).capitalize(), "fades", "its direction")
        if len(blocks) == 1
        else (names(blocks).capitalize(), "fade", "the direction of each")
    )
    so_long = "and" if s.radius is None else "and until then"
    return [
        f"{who} {fades}: from the horizon on {whose} stays within {up(angle)} (radians) of one at which "
        f"{'its' if len(blocks) == 1 else 'their'} outputs vanish, {until(s)}, {so_long} "
        f"{'its norm does not grow' if len(blocks) == 1 else 'their norms do not grow'}."
    ]


def _exact_starts(s: Claim) -> list[str]:
    exact = s.of(Fate.EXACT_START)
    if not exact:
        return []
    who = "The network" if s.joint else names(exact).capitalize()
    start, it = ("start", "they") if len(exact) > 1 else ("starts", "it")
    return [
        f"{who} {start} exactly at {'a KKT point' if len(exact) == 1 else 'KKT points'} that need not be a "
        f"maximum of N on the sphere; nothing is claimed about how near to it {it} might start otherwise."
    ]


def continua(s: Claim) -> list[str]:
    """Which limits are one of a continuum."""
    blocks = s.of(Fate.CONTINUUM)
    if not blocks:
        return []
    own = " Each initial direction has its own." if s.start_angle else ""
    many = len(blocks) > 1
    point = "This KKT point" if s.joint else f"The KKT point{'s' if many else ''} of {names(blocks)}"
    found = [
        f"{point} {'are those' if many else 'is the one'} to which the limit flow converges: "
        f"{'each ' if many else ''}one of a continuum of KKT points, because N has symmetries there, which "
        f"are rotations of linear hidden neurons, of weights with equal eigenvalues, or of weights of an "
        f"expression.{own}"
    ]
    for sign, chosen in (
        ("positive", [b for b in blocks if b.value is not None and b.value[0] > 0]),
        ("negative", [b for b in blocks if b.value is not None and b.value[1] < 0]),
    ):
        if chosen:
            where = (
                "there" if s.joint else f"at the KKT point{'s' if len(chosen) > 1 else ''} of {names(chosen)}"
            )
            found.append(f"N is {sign} {where}.")
    return found


def _nearest(s: Claim) -> list[str]:
    """How near the direction stays to a continuum of KKT points."""
    return [
        f"From the horizon {until(s)}, whenever ‖w‖ = ρ, the angle between the direction"
        f"{'' if s.joint else f' of {names([block])}'} and the set of all KKT points is at most "
        f"c·(δ/ρ)^κ + f·ρ{power(s.order)} with c = {up(block.law.coefficient)}, "
        f"κ = {down(block.law.exponent[0])} and f = {up(block.law.floor)}."
        for block in s.blocks
        if block.law is not None and block.law.of_set
    ]


def signs(s: Claim) -> list[str]:
    """The sign of N where blocks grow, and where they shrink."""
    found = []
    for outcome, sign in ((Fate.CONVERGES, "positive"), (Fate.SHRINKS, "negative")):
        blocks = s.of(outcome)
        if blocks:
            where = (
                "this KKT point"
                if s.joint
                else f"the KKT point{'s' if len(blocks) > 1 else ''} of {names(blocks)}"
            )
            found.append(f"N is {sign} at {where}.{_alive(s, blocks)}")
    return found


def _followed(s: Claim) -> list[str]:
    """How near blocks are to the limit flow that are followed up to the horizon only."""
    blocks = s.of(Fate.FOLLOWED)
    angles = [block.angle_to_curve for block in blocks if block.angle_to_curve is not None]
    if not blocks:
        return []
    who = f"Each of {names(blocks)}" if len(blocks) > 1 else names(blocks).capitalize()
    bound = (
        f"there its direction is within {up(max(angles))} of that of the limit flow as δ tends to 0, "
        if angles
        else ""
    )
    return [
        f"{who} is followed up to T only: {bound}its size is part of the bound of ‖w‖², and nothing is "
        "claimed about where it goes."
    ]


def zeros(s: Claim) -> list[str]:
    """Which blocks are zero from the start."""
    zero = s.of(Fate.ZERO)
    if not zero:
        return []
    start, stay = ("start", "stay") if len(zero) > 1 else ("starts", "stays")
    return [f"{names(zero).capitalize()} {start} with all weights zero, and {stay} zero for all times."]


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
    base = size if k == 1 else f"({size}){power(k)}"
    return f"(1/{base} − (δ/ρ){power(k)})/({s.order * k}·{speed})"


def names(blocks: Sequence[Block]) -> str:
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


def equals(value: Fraction) -> str:
    """ "= 6" if the short decimal is exact, else "≈ 8.906": a horizon must not be rounded to either side."""
    text = rounded_text(value, 6)
    return f"= {text}" if text == rounded_text(value, 6, up=True) else f"≈ {text}"


# -- table ---------------------------------------------------------------------------------------------------


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
        law = f"c times δ/ρ to the power κ, plus floor·ρ{power(s.order)}"
        angle = "angle to the set of all KKT points" if s.of(Fate.CONTINUUM) else "angle"
        if s.of(Fate.CONTINUUM) and len(s.of(*MOVING)) > len(s.of(Fate.CONTINUUM)):
            angle = "angle, of a continuum that to the set of all KKT points,"
        found.notes.append(
            f"From the horizon until ‖w‖ first exceeds R, whenever ‖w‖ = ρ, the {angle} is at most {law}."
        )
    if s.radius is not None:
        found.notes.append(
            f"Angles to the KKT point at the horizon and when ‖w‖ = R = {down(s.radius)} after it, in "
            f"radians."
        )
    reasons: dict[str, list[Block]] = {}
    for block in s.blocks:
        if block.reason and not block.outcome.decided:
            reasons.setdefault(block.reason, []).append(block)
    found.notes += [f"{names(blocks).capitalize()}: {reason}" for reason, blocks in reasons.items()]
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
    for block in s.of(*MOVING, Fate.FADES):
        gap = None if block.gap is None else block.gap[0]
        value = _cell(block.value, interval_text, 5) if block.direction is None else TableCell("0", "0")
        cells = [_place(block), value, _cell(gap, down)]
        rows.setdefault(tuple(cell.text for cell in cells), (cells, []))[1].append(block.index + 1)
    for cells, blocks in rows.values():
        found.add(*cells, number_runs(blocks))
    radii = [block.kkt_point.radius for block in s.of(*MOVING) if block.kkt_point is not None]
    if radii:
        found.notes.append(
            f"Places are rounded; the certificate has each up to at most {up(max(radii))} radians."
        )
    within = [block for block in s.of(*MOVING) if block.within]
    if within:
        found.notes.append(f"{names(within).capitalize()}: among directions with the symmetry of the start.")
    if s.of(Fate.FADES):
        who = names(s.of(Fate.FADES)).capitalize()
        found.notes.append(f"{who}: near it from the horizon on, which need not be its limit.")
    return found


def _place(block: Block) -> TableCell:
    """The unit vector of the KKT point: an angle, the coordinates, or the largest ones by the numbers of
    their weights.
    """
    if block.place is None:
        return TableCell("–", "")
    centre = block.place.centre
    text = dyadic_text if block.direction is None else format_rational
    raw = " ".join(text(v) for v in centre)
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
        cells = (TableCell("–" if a is None else up(a, ANSWER_DIGITS), bound_text(a) or "") for a in angles)
        found.add(block.name, block.outcome, *cells)
    for block in answer.claim.of(Fate.FOLLOWED):
        if block.angle_to_curve is not None:
            found.notes.append(
                f"Block {block.name} is followed only: at the horizon its direction is within "
                f"{up(block.angle_to_curve, ANSWER_DIGITS)} of that of the limit flow as δ tends to 0."
            )
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
