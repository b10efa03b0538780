"""The claim of the uniform theorem (L5): exact numbers, written as JSON and read from it.

Certificates, `certify --json` and `check --json` carry its JSON form, whose fields are those of
`docs/certificate-format.md`. Reading it checks that it is a claim, not that it is true.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, ClassVar, Self

from certflow.arithmetic.decimal_text import rounded_text
from certflow.exact import MAX_DELTA_EXPONENT, dyadic_text, format_rational, number, shown
from certflow.outcome import BadInput, Fate
from certflow.problem import Problem
from certflow.units import Units, multiplied

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is exact gradient flow in continuous time, w' = -grad Loss(w), from w(0) = delta w0, where w0 "
    "is the unit vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this "
    "certificate.",
)
"""What the theorem takes for granted, as every certificate spells it out; the checker has an equal list of
its own.
"""

Pair = tuple[Fraction, Fraction]
MOVING = (Fate.CONVERGES, Fate.SHRINKS, Fate.CONTINUUM, Fate.EXACT_START, Fate.STOPS, Fate.VANISHES)
"""The fates of blocks that have a direction and keep it."""


@dataclass(frozen=True)
class PowerLaw:
    """angle <= coefficient (delta/rho)^exponent + floor rho^L whenever ‖w‖ = rho, from the horizon until ‖w‖
    > R; the angle is to the KKT point, or with `of_set` to the nearest of all KKT points.
    """

    exponent: Pair
    coefficient: Fraction
    floor: Fraction
    of_set: bool = False

    @classmethod
    def from_json(cls, table: Any, where: str) -> PowerLaw:
        """The law in a block's entry; raises `BadInput`."""
        if not isinstance(table, dict):
            raise BadInput(f"{where}: expected an object, got {shown(table)}.")
        coefficient, floor = (_number(table.get(key), f"{where}.{key}") for key in ("coefficient", "floor"))
        of_set = table.get("of") == "set"
        return cls(_pair(table.get("exponent"), f"{where}.exponent"), coefficient, floor, of_set)

    def to_json(self) -> dict[str, Any]:
        """The entry of a block."""
        return {
            "exponent": _texts(self.exponent),
            "coefficient": format_rational(self.coefficient),
            "floor": format_rational(self.floor),
        } | ({"of": "set"} if self.of_set else {})


@dataclass(frozen=True, repr=False)
class KKTBall:
    """Where a KKT point is: within the angle `radius` of the direction `centre`, of dyadic numbers."""

    centre: tuple[Fraction, ...]
    radius: Fraction

    def __repr__(self) -> str:
        top = max(map(abs, self.centre), default=Fraction(0)) or Fraction(1)
        scaled = [float(v / top) for v in self.centre]
        shown = ", ".join(f"{v / (math.hypot(*scaled) or 1.0):.4g}" for v in scaled[:4])
        more = ", …" if len(self.centre) > 4 else ""
        return f"<KKTBall: within {rounded_text(self.radius, 3, up=True)} radians of ({shown}{more})>"

    @classmethod
    def from_json(cls, table: Any, where: str) -> KKTBall:
        """The entry `kkt_point` of a block; raises `BadInput`."""
        if not isinstance(table, dict):
            raise BadInput(f"{where}: expected an object, got {shown(table)}.")
        centre = _list(table.get("centre"), f"{where}.centre")
        return cls(
            tuple(_dyadic(each, f"{where}.centre") for each in centre),
            _number(table.get("radius"), f"{where}.radius"),
        )

    def to_json(self) -> dict[str, Any]:
        """The entry `kkt_point` of a block."""
        return {"centre": [dyadic_text(v) for v in self.centre], "radius": format_rational(self.radius)}


@dataclass(frozen=True, repr=False)
class Block:
    """What is claimed of one block of weights that has a direction of its own; None where nothing is claimed.

    `weights` are runs (first, count) of the problem's weights; `centre` of `kkt_point` and `direction`, to
    which a block turns that fades, have their coordinates. `angle_to_curve` bounds the angle to the limit
    flow at the horizon of a block that is only followed. What is said of the KKT point and its gap is about
    directions at which the `silent` samples are inactive, as they are for ever for the block.
    """

    index: int
    weights: tuple[tuple[int, int], ...]
    outcome: Fate
    reason: str = ""
    kkt_point: KKTBall | None = None
    support: tuple[int, ...] | None = None
    value: Pair | None = None
    gap: tuple[Fraction, Fraction | None] | None = None
    horizon: Fraction | None = None
    angle_at_horizon: Fraction | None = None
    angle_at_radius: Fraction | None = None
    law: PowerLaw | None = None
    direction: tuple[Fraction, ...] | None = None
    angle_to_curve: Fraction | None = None
    silent: tuple[int, ...] = ()

    @property
    def place(self) -> KKTBall | None:
        """The KKT point to which it comes, or near which it stays: exactly the `direction` if it fades."""
        return self.kkt_point if self.direction is None else KKTBall(self.direction, Fraction(0))

    @property
    def name(self) -> str:
        """Its number as people count: from 1."""
        return str(self.index + 1)

    def __repr__(self) -> str:
        return f"<Block {self.name}: {self.outcome}, {sum(count for _, count in self.weights)} weights>"

    @classmethod
    def from_json(cls, table: Any, where: str) -> Block:
        """The block of an entry of `blocks`; raises `BadInput`."""
        if not isinstance(table, dict):
            raise BadInput(f"{where}: expected an object, got {shown(table)}.")
        outcome = table.get("outcome")
        if outcome not in list(Fate):
            raise BadInput(f"{where}.outcome: {shown(outcome)} is not one of {', '.join(Fate)}.")
        support = table.get("support")

        def optional(key: str, read: Any) -> Any:
            return None if table.get(key) is None else read(table[key], f"{where}.{key}")

        return cls(
            index=_whole(table.get("index"), f"{where}.index"),
            weights=_runs(table.get("weights"), f"{where}.weights"),
            outcome=Fate(outcome),
            reason=_text(table.get("reason") or "", f"{where}.reason"),
            kkt_point=optional("kkt_point", KKTBall.from_json),
            support=None
            if support is None
            else tuple(_whole(each, f"{where}.support") for each in _list(support, where)),
            value=optional("value", _pair),
            gap=optional("gap", _gap),
            horizon=optional("horizon", _number),
            angle_at_horizon=optional("angle_at_horizon", _number),
            angle_at_radius=optional("angle_at_radius", _number),
            law=optional("law", PowerLaw.from_json),
            direction=optional("direction", _vector),
            angle_to_curve=optional("angle_to_curve", _number),
            silent=tuple(_whole(each, f"{where}.silent") for each in _list(table.get("silent") or [], where)),
        )

    def to_json(self) -> dict[str, Any]:
        """The entry of `blocks`; what only some outcomes have is left out by the others."""
        runs = [list(run) for run in self.weights]
        more = {
            "direction": self.direction and [format_rational(value) for value in self.direction],
            "angle_to_curve": _or_none(self.angle_to_curve),
            "silent": list(self.silent) or None,
        }
        return {key: value for key, value in more.items() if value is not None} | {
            "index": self.index,
            "weights": runs[0] if len(runs) == 1 else runs,
            "outcome": str(self.outcome),
            "reason": self.reason,
            "kkt_point": None if self.kkt_point is None else self.kkt_point.to_json(),
            "support": None if self.support is None else list(self.support),
            "value": _texts(self.value),
            "gap": _texts(self.gap),
            "horizon": _or_none(self.horizon),
            "angle_at_horizon": _or_none(self.angle_at_horizon),
            "angle_at_radius": _or_none(self.angle_at_radius),
            "law": None if self.law is None else self.law.to_json(),
        }


@dataclass(frozen=True)
class Times:
    """When a radius is reached after the scaled `start_time` (for order 2 the horizon), at which the curves
    of the proof end: sizes ‖w‖/delta then, and bounds of N from then on.
    """

    start_radius: Pair
    n_lower: Fraction
    n_upper: Fraction
    start_time: Pair

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> Times:
        """The entry `time_to_radius` of a claim; raises `BadInput`."""
        where = "claim.time_to_radius"
        start = _pair(table.get("start_radius_over_delta"), where)
        n_upper = _positive(table.get("n_upper"), f"{where}.n_upper")
        if start[0] <= 0:
            raise BadInput(f"{where}.start_radius_over_delta: the sizes are not positive.")
        n_lower = _positive(table.get("n_lower"), f"{where}.n_lower")
        return cls(start, n_lower, n_upper, _pair(table.get("start_time"), where))

    def to_json(self) -> dict[str, Any]:
        """The entry `time_to_radius` of a claim."""
        return {
            "start_radius_over_delta": _texts(self.start_radius),
            "n_lower": format_rational(self.n_lower),
            "n_upper": format_rational(self.n_upper),
            "start_time": _texts(self.start_time),
        }


@dataclass(frozen=True, repr=False)
class Claim:
    """For every delta in (0, `delta_bar`] ...: the fields are those of `docs/certificate-format.md`.

    The horizon is at `scaled_time`, or, if that is None, when ‖w‖ reaches `horizon_norm` delta.
    """

    statement: ClassVar[str] = "early-direction"
    lemma: ClassVar[str] = "L5"
    resting: ClassVar[tuple[Fate, ...]] = ()
    """Fates whose `angle_at_radius` holds from the horizon on, not only when ‖w‖ reaches R."""

    order: int
    epsilon: Fraction
    delta_bar: Fraction
    start_angle: Fraction
    problem_sha256: str
    loss: str
    reduction: str
    scaled_time: Fraction | None
    horizon_norm: Fraction | None
    factor_squared: Fraction
    n_max_upper: Fraction
    radius: Fraction | None
    times: Times | None
    blocks: tuple[Block, ...]
    assumptions: tuple[str, ...] = ASSUMPTIONS

    @property
    def joint(self) -> bool:
        """Whether the one block is all weights, so that the claim is about their joint direction."""
        return len(self.blocks) == 1

    @property
    def searched(self) -> bool:
        """Whether its delta_bar is found if none is asked for: then no block is followed that arrives."""
        return not self.of(Fate.FOLLOWED)

    def of(self, *outcomes: Fate) -> list[Block]:
        """The blocks with one of these outcomes."""
        return [block for block in self.blocks if block.outcome in outcomes]

    def __repr__(self) -> str:
        bar = rounded_text(self.delta_bar, 4)
        return f"<Claim {self.statement}: for every δ in (0, {bar}], {len(self.blocks)} blocks>"

    @classmethod
    def from_json(cls, claim: dict[str, Any]) -> Self:
        """The claim of a JSON form. Raises `BadInput`, naming the field, for what is not a claim of this
        statement.
        """
        if claim.get("statement") != cls.statement:
            known = f"this certflow reads {cls.statement}"
            raise BadInput(f"claim.statement: {shown(claim.get('statement'))} is unknown; {known}.")
        loss = _table(claim, "claim", "loss")
        assumptions = _list(claim.get("assumptions"), "claim.assumptions")
        horizon = _table(claim, "claim", "horizon")
        time, norm = horizon.get("scaled_time"), horizon.get("norm_over_delta")
        if (time is None) == (norm is None):
            raise BadInput(
                "claim.horizon: expected either scaled_time or norm_over_delta, the other one null."
            )
        times = claim.get("time_to_radius")
        order = _whole(claim.get("order"), "claim.order")
        if order < 2:
            raise BadInput(f"claim.order: {order} is below 2.")
        growth = _table(claim, "claim", "growth").get("factor_squared")
        blocks = enumerate(_list(claim.get("blocks"), "claim.blocks"))
        return cls(
            order=order,
            epsilon=_positive(claim.get("epsilon"), "claim.epsilon"),
            delta_bar=_positive(claim.get("delta_bar"), "claim.delta_bar"),
            start_angle=_number(claim.get("start_angle", "0"), "claim.start_angle"),
            problem_sha256=_text(claim.get("problem_sha256"), "claim.problem_sha256"),
            loss=_text(loss.get("kind"), "claim.loss.kind"),
            reduction=_text(loss.get("reduction"), "claim.loss.reduction"),
            scaled_time=None if time is None else _number(time, "claim.horizon.scaled_time"),
            horizon_norm=None if norm is None else _positive(norm, "claim.horizon.norm_over_delta"),
            factor_squared=_positive(growth, "claim.growth.factor_squared"),
            n_max_upper=_number(claim.get("n_max_upper"), "claim.n_max_upper"),
            radius=None if claim.get("radius") is None else _positive(claim["radius"], "claim.radius"),
            times=None if times is None else Times.from_json(_table(claim, "claim", "time_to_radius")),
            blocks=tuple(Block.from_json(each, f"claim.blocks[{i}]") for i, each in blocks),
            assumptions=tuple(_text(each, "claim.assumptions") for each in assumptions),
        )

    def to_json(self) -> dict[str, Any]:
        """The entry `claim` of a certificate."""
        return {
            "statement": self.statement,
            "order": self.order,
            "epsilon": format_rational(self.epsilon),
            "delta_bar": format_rational(self.delta_bar),
            "start_angle": format_rational(self.start_angle),
            "problem_sha256": self.problem_sha256,
            "loss": {"kind": self.loss, "reduction": self.reduction},
            "assumptions": list(self.assumptions),
            "horizon": {
                "scaled_time": _or_none(self.scaled_time),
                "norm_over_delta": _or_none(self.horizon_norm),
            },
            "growth": {"factor_squared": format_rational(self.factor_squared)},
            "n_max_upper": format_rational(self.n_max_upper),
            "radius": _or_none(self.radius),
            "time_to_radius": None if self.times is None else self.times.to_json(),
            "blocks": [block.to_json() for block in self.blocks],
        }

    def restored(self, units: Units, problem: Problem) -> Self:
        """The claim about `problem` that follows from this one, which is about the problem scaled by `units`
        (L5.8).

        delta_bar and R shrink by the same factor where `length` is rounded down, which weakens the claim in
        every field. Raises `TooLong` if its numbers cannot be written.
        """
        rate, mass, length = units.rate, units.mass, units.length
        times = self.times and replace(
            self.times,
            n_lower=multiplied(self.times.n_lower, rate),
            n_upper=multiplied(self.times.n_upper, rate),
            start_time=multiplied(self.times.start_time, 1 / rate),
        )
        blocks = (
            replace(
                block,
                value=multiplied(block.value, rate),
                gap=multiplied(block.gap, rate),
                horizon=multiplied(block.horizon, 1 / rate),
                law=block.law and replace(block.law, floor=multiplied(block.law.floor, 1 / mass)),
            )
            for block in self.blocks
        )
        return replace(
            self,
            problem_sha256=problem.sha256,
            delta_bar=multiplied(self.delta_bar, length),
            radius=multiplied(self.radius, length),
            n_max_upper=multiplied(self.n_max_upper, rate),
            scaled_time=multiplied(self.scaled_time, 1 / rate),
            times=times,
            blocks=tuple(blocks),
        )


# -- single fields -------------------------------------------------------------------------------------------


def _table(table: dict[str, Any], where: str, key: str) -> dict[str, Any]:
    found = table.get(key)
    if not isinstance(found, dict):
        raise BadInput(f"{where}.{key}: expected an object, got {shown(found)}.")
    return found


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise BadInput(f"{where}: expected a list, got {shown(value)}.")
    return value


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise BadInput(f"{where}: expected text, got {shown(value)}.")
    return value


def _whole(value: Any, where: str) -> int:
    if type(value) is not int or value < 0:
        raise BadInput(f"{where}: expected a whole number, got {shown(value)}.")
    return value


def _number(value: Any, where: str) -> Fraction:
    return number(_text(value, where), where, MAX_DELTA_EXPONENT)


def _dyadic(value: Any, where: str) -> Fraction:
    number = _number(value, where)
    if number.denominator & (number.denominator - 1):
        raise BadInput(f"{where}: {shown(value)} is not a whole number times a power of two.")
    return number


def _positive(value: Any, where: str) -> Fraction:
    number = _number(value, where)
    if number <= 0:
        raise BadInput(f"{where}: {shown(value)} is not positive.")
    return number


def _pair(value: Any, where: str) -> Pair:
    low, high = _gap(value, where)
    if high is None:
        raise BadInput(f"{where}: expected two bounds, got {shown(value)}.")
    return low, high


def _gap(value: Any, where: str) -> tuple[Fraction, Fraction | None]:
    # The upper bound of a gap is not always claimed.
    ends = _list(value, where)
    if len(ends) != 2:
        raise BadInput(f"{where}: expected a pair of bounds, got {shown(value)}.")
    low, high = _number(ends[0], where), None if ends[1] in (None, "null") else _number(ends[1], where)
    if high is not None and low > high:
        raise BadInput(
            f"{where}: the lower bound {shown(ends[0])} is above the upper bound {shown(ends[1])}."
        )
    return low, high


def _vector(value: Any, where: str) -> tuple[Fraction, ...]:
    return tuple(_number(each, where) for each in _list(value, where))


def _runs(value: Any, where: str) -> tuple[tuple[int, int], ...]:
    # One run is written by itself, several in a list.
    rows = _list(value, where)
    runs = [_list(row, where) for row in (rows if rows and isinstance(rows[0], list) else [rows])]
    if any(len(run) != 2 for run in runs):
        raise BadInput(
            f"{where}: expected a run [first, count] of weights or a list of them, got {shown(value)}."
        )
    return tuple((_whole(first, where), _whole(count, where)) for first, count in runs)


def _texts(ends: tuple[Fraction, Fraction | None] | None) -> list[str | None] | None:
    return None if ends is None else [_or_none(end) for end in ends]


def _or_none(value: Fraction | None) -> str | None:
    return None if value is None else format_rational(value)
