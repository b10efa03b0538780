"""The claim of the uniform theorem (L5), read from its JSON form into exact numbers.

`conclude.py` writes the form; certificates, `certify --json` and `check --json` carry it. Reading it checks that it is a
claim, not that it is true.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from certflow.exact import MAX_DELTA_EXPONENT, parse_rational, shown
from certflow.outcome import BadInput

ASSUMPTIONS: tuple[str, ...] = (
    "The flow is exact gradient flow in continuous time, w' = -grad Loss(w), from w(0) = delta w0, where w0 is the unit "
    "vector of the given direction or of any direction within start_angle of it.",
    "The network, the data, the loss and the direction are exactly the rational numbers written in this certificate.",
)
"""What the theorem takes for granted, as every certificate spells it out; the checker has an equal list of its own."""

OUTCOMES = ("converges", "shrinks", "dead", "continuum", "zero", "inconclusive")

Pair = tuple[Fraction, Fraction]


@dataclass(frozen=True)
class PowerLaw:
    """angle <= coefficient (delta/rho)^exponent + floor rho^L whenever ‖w‖ = rho, from the horizon until ‖w‖ first exceeds R."""

    exponent: Pair
    coefficient: Fraction
    floor: Fraction


@dataclass(frozen=True)
class Block:
    """What is claimed of one block of weights that has a direction of its own; None where nothing is claimed."""

    index: int
    outcome: str
    reason: str
    centre: tuple[Fraction, ...]
    kkt_radius: Fraction | None
    support: tuple[int, ...] | None
    value: Pair | None
    gap: tuple[Fraction, Fraction | None] | None
    horizon: Fraction | None
    angle_at_horizon: Fraction | None
    angle_at_radius: Fraction | None
    law: PowerLaw | None

    @property
    def name(self) -> str:
        """Its number as people count: from 1."""
        return str(self.index + 1)


@dataclass(frozen=True)
class Times:
    """When a radius is reached after the scaled `start_time` (for order 2 the horizon), at which the curves of the proof end:
    sizes ‖w‖/delta then, and bounds of N from then on."""

    start_radius: Pair
    n_lower: Fraction
    n_upper: Fraction
    start_time: Pair


@dataclass(frozen=True)
class Statement:
    """For every delta in (0, `delta_bar`] ...: the fields of a claim as exact numbers (`docs/certificate-format.md`).

    The horizon is at `scaled_time`, or, if that is None, when ‖w‖ reaches `horizon_norm` delta.
    """

    order: int
    epsilon: Fraction
    delta_bar: Fraction
    start_angle: Fraction
    loss: str
    reduction: str
    assumptions: tuple[str, ...]
    scaled_time: Fraction | None
    horizon_norm: Fraction | None
    factor_squared: Fraction
    n_max_upper: Fraction
    radius: Fraction | None
    times: Times | None
    blocks: tuple[Block, ...]

    @property
    def joint(self) -> bool:
        """Whether the one block is all weights, so that the claim is about their joint direction."""
        return len(self.blocks) == 1

    def of(self, *outcomes: str) -> list[Block]:
        """The blocks with one of these outcomes."""
        return [block for block in self.blocks if block.outcome in outcomes]


def read_claim(claim: dict[str, Any]) -> Statement:
    """The claim as exact numbers. Raises `BadInput`, naming the field, for what is not a claim of this statement."""
    if claim.get("statement") != "early-direction":
        raise BadInput(f"claim.statement: {shown(claim.get('statement'))} is unknown; this certflow reads early-direction.")
    loss = _table(claim, "claim", "loss")
    assumptions = _list(claim.get("assumptions"), "claim.assumptions")
    horizon = _table(claim, "claim", "horizon")
    time, norm = horizon.get("scaled_time"), horizon.get("norm_over_delta")
    if (time is None) == (norm is None):
        raise BadInput("claim.horizon: expected either scaled_time or norm_over_delta, the other one null.")
    times = None if claim.get("time_to_radius") is None else _times(_table(claim, "claim", "time_to_radius"))
    order = _whole(claim.get("order"), "claim.order")
    if order < 2:
        raise BadInput(f"claim.order: {order} is below 2.")
    return Statement(
        order=order,
        epsilon=_positive(claim.get("epsilon"), "claim.epsilon"),
        delta_bar=_positive(claim.get("delta_bar"), "claim.delta_bar"),
        start_angle=_number(claim.get("start_angle", "0"), "claim.start_angle"),
        loss=_text(loss.get("kind"), "claim.loss.kind"),
        reduction=_text(loss.get("reduction"), "claim.loss.reduction"),
        assumptions=tuple(_text(each, "claim.assumptions") for each in assumptions),
        scaled_time=None if time is None else _number(time, "claim.horizon.scaled_time"),
        horizon_norm=None if norm is None else _positive(norm, "claim.horizon.norm_over_delta"),
        factor_squared=_positive(_table(claim, "claim", "growth").get("factor_squared"), "claim.growth.factor_squared"),
        n_max_upper=_number(claim.get("n_max_upper"), "claim.n_max_upper"),
        radius=None if claim.get("radius") is None else _positive(claim["radius"], "claim.radius"),
        times=times,
        blocks=tuple(_block(each, f"claim.blocks[{i}]") for i, each in enumerate(_list(claim.get("blocks"), "claim.blocks"))),
    )


def _times(table: dict[str, Any]) -> Times:
    where = "claim.time_to_radius"
    start, n_upper = _pair(table.get("start_radius_over_delta"), where), _positive(table.get("n_upper"), f"{where}.n_upper")
    if start[0] <= 0:
        raise BadInput(f"{where}.start_radius_over_delta: the sizes are not positive.")
    return Times(start, _positive(table.get("n_lower"), f"{where}.n_lower"), n_upper, _pair(table.get("start_time"), where))


def _block(table: Any, where: str) -> Block:
    if not isinstance(table, dict):
        raise BadInput(f"{where}: expected an object, got {shown(table)}.")
    outcome = table.get("outcome")
    if outcome not in OUTCOMES:
        raise BadInput(f"{where}.outcome: {shown(outcome)} is not one of {', '.join(OUTCOMES)}.")
    point = None if table.get("kkt_point") is None else _table(table, where, "kkt_point")
    centre = () if point is None else _list(point.get("centre"), f"{where}.kkt_point.centre")
    support = table.get("support")

    def optional(key: str, read: Any) -> Any:
        return None if table.get(key) is None else read(table[key], f"{where}.{key}")

    return Block(
        index=_whole(table.get("index"), f"{where}.index"),
        outcome=outcome,
        reason=_text(table.get("reason") or "", f"{where}.reason"),
        centre=tuple(_number(each, f"{where}.kkt_point.centre") for each in centre),
        kkt_radius=None if point is None else _number(point.get("radius"), f"{where}.kkt_point.radius"),
        support=None if support is None else tuple(_whole(each, f"{where}.support") for each in _list(support, where)),
        value=optional("value", _pair),
        gap=optional("gap", _gap),
        horizon=optional("horizon", _number),
        angle_at_horizon=optional("angle_at_horizon", _number),
        angle_at_radius=optional("angle_at_radius", _number),
        law=optional("law", _law),
    )


def _law(table: Any, where: str) -> PowerLaw:
    if not isinstance(table, dict):
        raise BadInput(f"{where}: expected an object, got {shown(table)}.")
    numbers = (_number(table.get(key), f"{where}.{key}") for key in ("coefficient", "floor"))
    return PowerLaw(_pair(table.get("exponent"), f"{where}.exponent"), *numbers)


# -- single fields -----------------------------------------------------------------------------------------------------


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
    return parse_rational(_text(value, where), where, MAX_DELTA_EXPONENT)


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
        raise BadInput(f"{where}: the lower bound {shown(ends[0])} is above the upper bound {shown(ends[1])}.")
    return low, high
