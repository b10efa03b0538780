"""O9: samples that a neuron never sees. They are inactive at its start, and what else acts on the neuron is
orthogonal to them or on their line, so they stay so: the neuron moves as if they were zero.
"""

from __future__ import annotations

from copy import copy
from fractions import Fraction

from ..kernel.numbers import root_up
from ..kernel.polynomials import Samples
from ..kernel.problem import Problem
from ..kernel.verdicts import Clock, Refused
from ..tube.evidence import GroupEvidence
from ..tube.region import unit_outputs


def without_silent(
    group: GroupEvidence, g: int, problem: Problem, start_angle: Fraction, clock: Clock
) -> Problem:
    """The problem as a group sees it that is one neuron: the samples that are said to be silent are zero
    (L12.23). All other groups see them, and bounds of the outputs are about all samples.
    """
    node = group.silent
    if node is None:
        return problem
    clock.enter("O9", f"groups[{g}]")
    parts, X = problem.groups[g], problem.features
    if not problem.shallow or len(parts) > 1 or problem.alpha != 0 or problem.p < 2:
        raise Refused("O9", node.where, "only single neurons with alpha = 0 never see a sample")
    if group.outcome not in ("converges", "followed"):
        raise Refused("O9", node.where, "only neurons that converge or are followed have silent samples")
    silent = node.integers(1, len(X))
    listed = silent == sorted(set(silent)) and silent[0] >= 0 and silent[-1] < len(X)
    node.need(listed, "it is no list of samples", "O9")
    own, w = problem.indices[parts[0]], problem.direction
    length = root_up(sum((v * v for v in w), Fraction(0)), 2)
    never = set(silent)
    heard = [x for i, x in enumerate(X) if i not in never and any(x)]
    for i in silent:
        clock.tick()
        x = X[i]
        inner = sum((v * w[k] for v, k in zip(x, own, strict=False)), Fraction(0))
        far = start_angle * length * root_up(sum((v * v for v in x), Fraction(0)), 2)
        inactive = inner + far < 0 or (inner <= 0 and not start_angle)
        node.need(inactive, f"sample {i} may be active at the start", "O9")
        node.need(
            all(_apart(x, y) for y in heard), f"another sample moves the neuron towards sample {i}", "O9"
        )
    if problem.coupled:
        unit_outputs(problem)
    rows = [[Fraction(0)] * len(x) if i in never else x for i, x in enumerate(X)]
    seen, layers = copy(problem), copy(problem.layers[parts[0]])
    layers.samples = Samples(rows, problem.z, clock)
    seen.features, seen.layers = rows, [*problem.layers]
    seen.layers[parts[0]] = layers
    return seen


def _apart(x: list[Fraction], y: list[Fraction]) -> bool:
    """Whether two vectors are orthogonal, or on one line."""
    if not sum((a * b for a, b in zip(x, y, strict=True)), Fraction(0)):
        return True
    k = next(k for k, v in enumerate(y) if v)
    return all(a * y[k] == x[k] * b for a, b in zip(x, y, strict=True))
