"""O3: neurons that fade. Their direction comes to the boundary of a dead cell or to the null space of the
data, where every sample is inactive or orthogonal, and stays there; their size does not grow.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from ..kernel.network import inner
from ..kernel.numbers import root_up
from ..kernel.problem import Problem
from ..kernel.verdicts import Clock, Refused
from ..tube.region import unit_outputs
from .groups import Proved, angle_up

Ray = tuple[Fraction, ...]


def check_fades(
    problem: Problem, part: int, each: Proved, angle: Fraction, size: Fraction, most: Fraction, clock: Clock
) -> Fraction:
    """An upper bound phi <= `most` of the angle between the direction of this neuron and that of its
    `ending`, from the end of its curve on as long as A <= `size`; until then its norm neither grows nor falls
    below cos(phi) times what it was. `angle` bounds that to the end of the curve there (L12.6, L12.11).
    """
    track, ending, where = each.runner.track, each.group.ending, each.runner.where
    if problem.order != 2 or problem.p != 2:
        reason = "only neurons of power 2 with fixed output weights are proved to fade"
        raise Refused("O3", where, reason)
    # The order is 2, so the layer below the output is the one that is trained.
    weight = problem.layers[part].matrices[1][0][0]
    if track is None or ending is None:
        raise Refused("O3", where, "it has no direction to fade to")
    node = ending.fields("direction")["direction"]
    v = node.rationals(len(track.end[0]))
    node.need(any(v), "the direction is zero", "O3")
    phi = angle + angle_up([Fraction(w) for w in track.end[0]], v, node.where)
    node.need(phi <= min(most, Fraction(1)), "the direction may be farther from it than is claimed", "O3")
    reach = phi * root_up(inner(v, v), 2)
    rays: dict[Ray, tuple[Fraction, Fraction]] = {}
    for x, z, beta in zip(problem.features, problem.z, unit_outputs(problem), strict=True):
        clock.tick()
        along = inner(x, v)
        if any(x) and along == 0:
            # c^2 of x = c ray: samples on one ray act together.
            unit = next(abs(a) for a in x if a)
            ray, square = tuple(a / unit for a in x), unit * unit
            push, forcing = rays.get(ray, (Fraction(0), Fraction(0)))
            rays[ray] = push + square * z, forcing + square * beta
        elif any(x):
            clear = along + reach * root_up(inner(x, x), 2) < 0
            reason = "a sample is neither orthogonal to it nor inactive for all directions near it"
            node.need(problem.alpha == 0 and clear, reason, "O3")
    pushing = [ray for ray, (push, _) in rays.items() if weight * push < 0]
    end = [Fraction(w) for w in track.end[0]]
    far = angle * root_up(inner(end, end), 2)
    for ray, (push, forcing) in rays.items():
        clock.tick()
        if weight * push < 0:
            weak = problem.omega * problem.curvature * forcing * size <= abs(push)
            node.need(weak, "the weights may become so large that a sample pulls the neuron towards it", "O3")
            continue
        # What does not push the neuron away is inactive when it comes, and nothing makes it active.
        beside = problem.alpha == 0 and inner(ray, end) + far * root_up(inner(ray, ray), 2) < 0
        node.need(beside, "a sample that is orthogonal to it does not push the neuron away", "O3")
        opposite = tuple(-a for a in ray)
        kept = all(inner(ray, other) >= 0 for other in pushing if other != opposite)
        node.need(kept, "a sample that does not push the neuron away may become active", "O3")
    return phi


def leak(angles: Iterable[Fraction]) -> Fraction:
    """An upper bound of tan^2 of the largest of these angles, which are at most 1, and 0 if there are
    none (L12.7).
    """
    phi = max(angles, default=Fraction(0))
    return (phi / (1 - phi * phi / 2)) ** 2
