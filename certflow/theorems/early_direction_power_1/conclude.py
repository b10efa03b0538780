"""The claim that a state at the horizon allows, every number rounded to the side on which it holds."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from certflow.arithmetic.ball import Ball
from certflow.outcome import Fate
from certflow.theorems.early_direction.claim import Block, KKTBall, PowerLaw, Times
from certflow.theorems.early_direction.conclude import rounded
from certflow.theorems.early_direction_power_1.bounds import AtHorizon, exponent
from certflow.theorems.early_direction_power_1.claim import Claim
from certflow.theorems.early_direction_power_1.neurons import HiddenNeuron, runs

if TYPE_CHECKING:
    from certflow.theorems.early_direction_power_1.prove import UniformProposal

_ROOM = 1 + 2e-6
_DIGITS = 6
_GRID = 60
_NEAR = Fraction(1, 2**50)
"""Radius of the ball about the centre of a KKT point, on a grid of 2^-60."""


def claim_of(search: UniformProposal, state: AtHorizon) -> Claim:
    """The claim in the units of the proof (L11.22)."""
    problem, of = search.problem, search.of
    time = search.step_of(state) * len(state.masses)
    radius = None if state.radius is None else decimal(state.radius)
    growth = _up(float(state.masses[-1]) / of.norm**2)
    return Claim(
        order=2,
        epsilon=search.epsilon,
        delta_bar=search.delta_of(state),
        start_angle=search.angle,
        problem_sha256=problem.sha256,
        loss=problem.loss.kind,
        reduction=problem.loss.reduction,
        scaled_time=time,
        horizon_norm=None,
        factor_squared=growth,
        n_max_upper=_up(of.slope / 2),
        radius=radius,
        times=_times(search, state, time, growth),
        blocks=tuple(_block(search, neuron, state, time, growth) for neuron in of.neurons),
    )


def _times(search: UniformProposal, state: AtHorizon, time: Fraction, growth: Fraction) -> Times | None:
    if state.radius is None or not state.arrived:
        return None
    best = max(state.arrived.values(), key=lambda block: (block.nu, block.mass))
    # Between two stations the time, and with it the mass, is uncertain; it counts by its logarithm only.
    room = 1 + 6 * (search.of.caution.room - 1)
    low = rounded(Fraction(math.sqrt(best.mass) / search.of.norm / room), False, _DIGITS)
    high = rounded((Ball(growth, 120).sqrt()).upper(), True, _DIGITS)
    slow = rounded(Fraction(best.nu / 4 / search.of.caution.room), False, _DIGITS)
    fast = _up(state.fastest / 2)
    return Times((low, high), slow, fast, (time, time))


def _block(
    search: UniformProposal, neuron: HiddenNeuron, state: AtHorizon, time: Fraction, growth: Fraction
) -> Block:
    j, (fate, why) = neuron.index, state.fates[neuron.index]
    block = Block(j, runs(neuron.weights), fate, _plain(why))
    if fate in (Fate.CONVERGES, Fate.SHRINKS):
        return _directed(search, neuron, block, state, time, growth)
    if fate is Fate.VANISHES:
        centre = (Fraction(0),) * len(neuron.w) + (Fraction(1 if neuron.v > 0 else -1),)
        return _resting(block, KKTBall(centre, Fraction(0)), 0.0, state)
    if fate is Fate.STOPS and neuron.polygon.rest is not None:
        rest = neuron.polygon.rest
        height = (Ball(rest.square + neuron.polygon.c, 200)).sqrt()
        last = neuron.polygon.edges[-1].sign if neuron.polygon.edges else (1 if neuron.v > 0 else -1)
        point = _ball([*(Ball(value, 200) for value in rest.exact()), height * last])
        # With other starts v comes to rest elsewhere; where that is least the point of the checker is.
        other = neuron.spread(search.of.ball) / float(rest.square + neuron.polygon.c)
        point = KKTBall(point.centre, point.radius + (_up(other) if other else 0))
        return _resting(block, point, state.resting[j], state)
    return block


def _resting(block: Block, point: KKTBall, angle: float, state: AtHorizon) -> Block:
    bound = Fraction(0) if angle == 0 else _up(angle)
    zero = (Fraction(0), Fraction(0))
    return replace(
        block,
        reason="",
        kkt_point=point,
        support=(block.index,),
        value=zero,
        angle_at_horizon=bound,
        angle_at_radius=None if state.radius is None else bound,
    )


def _directed(
    search: UniformProposal,
    neuron: HiddenNeuron,
    block: Block,
    state: AtHorizon,
    time: Fraction,
    growth: Fraction,
) -> Block:
    """A block that turns to a KKT point where N is not 0."""
    last = neuron.polygon.edges[-1]
    g = Ball(last.velocity.square, 200).sqrt()
    shrinks = block.outcome is Fate.SHRINKS
    # The axis of the ray, or for a neuron that shrinks the direction from which it comes.
    axis = [Ball(value, 200) * (-1 if shrinks else 1) for value in last.velocity.exact()]
    point = _ball([*axis, g * last.sign])
    value = (rounded((g / 2).lower(), False, 12), rounded((g / 2).upper(), True, 12))
    if shrinks:
        value = (-value[1], -value[0])
        return replace(_resting(block, point, 0.0, state), value=value)
    j, here = neuron.index, state.arrived[neuron.index]
    start, end = float(growth) * float(search.delta_of(state)) ** 2, (state.radius or 0.0) ** 2
    kappa = rounded(Fraction(exponent(here, state.fastest) / _ROOM), False, _DIGITS)
    room = search.of.caution.room
    most = float(search.epsilon)
    at_horizon = min((here.turn / math.sqrt(2) + here.tilt) * room, most)
    forgotten = math.exp(-float(kappa) * 0.5 * math.log(end / start))
    at_radius = min(
        at_horizon * forgotten + state.constants[j] + state.floors[j] * end,
        state.angles(j, start, end)[0] * room,
        most,
    )
    coefficient = at_horizon * math.exp(float(kappa) * 0.5 * math.log(float(growth)))
    law = PowerLaw((kappa, kappa), _up(coefficient), _up(state.floors[j])) if state.lawful else None
    return replace(
        block,
        reason="",
        kkt_point=point,
        support=(block.index,),
        value=value,
        gap=(value[0] * 2, value[1] * 2) if search.of.cones[j].strict else None,
        horizon=time,
        angle_at_horizon=_up(at_horizon),
        angle_at_radius=_up(at_radius),
        law=law,
    )


def _ball(values: list[Ball]) -> KKTBall:
    """A ball about a direction, given in balls."""
    norm = sum((value * value for value in values), Ball(Fraction(0), 200)).sqrt()
    scaled = [(value / norm).lower() for value in values]
    unit = Fraction(1, 2**_GRID)
    return KKTBall(tuple(round(value / unit) * unit for value in scaled), _NEAR)


def decimal(value: float) -> Fraction:
    """The shortest decimal that a double stands for."""
    return Fraction(repr(value))


def _up(value: float) -> Fraction:
    return rounded(Fraction(value * _ROOM), True, _DIGITS)


def _plain(text: str) -> str:
    """Text that a certificate may hold."""
    return text.encode("ascii", "replace").decode("ascii")
