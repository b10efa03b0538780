"""Exact symmetries of a problem and its start, which the flow keeps (L12.12)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from certflow.flow.enclose.within import Generator, Invariant, invariant
from certflow.flow.enclose.parts import Parts
from certflow.problem import Problem

_LARGEST = 128
"""So many weights are tried of a group whose parts are joined: their Hessians become one matrix."""


def invariant_of(parts: Parts) -> Invariant | None:
    """The subspace of the weights of a group that have the symmetries of the start; None if there are none."""
    if parts.count > 1 and parts.count * parts.size > _LARGEST:
        return None
    order = {w: k for k, w in enumerate(w for part in parts.indices for w in part)}
    found = list(equal_neurons(parts.problem))
    normals = [
        {order[w]: n for w, n in normal.items()}
        for generator in found
        for normal in _normals(parts, generator)
        if all(w in order for w in normal)
    ]
    return invariant(found, normals, parts.count, parts.size)


def equal_neurons(problem: Problem) -> Iterator[Generator]:
    """For neurons of a hidden layer that start with the same weights, those that enter and those that leave
    them, the cycle of them.
    """
    network, w = problem.network, problem.direction
    matrices = {layer: w[place] for layer, place in network.places.items()} | dict(network.given)
    for layer in range(min(network.trained), network.depth):
        alike: dict[tuple[Fraction, ...], list[int]] = {}
        for a in range(network.widths[layer]):
            alike.setdefault((*matrices[layer][a], *matrices[layer + 1][:, a]), []).append(a)
        for neurons in alike.values():
            if len(neurons) > 1:
                order = list(range(network.widths[layer]))
                for a, b in zip(neurons, [*neurons[1:], neurons[0]], strict=True):
                    order[a] = b
                yield Generator(None, None, ((layer, tuple(order)),))


def _normals(parts: Parts, generator: Generator) -> Iterator[dict[int, Fraction]]:
    """What vanishes at all weights that the generator does not move."""
    orders = dict(generator.neurons)
    for layer, place in parts.network.places.items():
        rows = orders.get(layer, range(place.shape[0]))
        columns = orders.get(layer - 1, range(place.shape[1]))
        for a, row in enumerate(place.tolist()):
            for b, w in enumerate(row):
                other = int(place[rows[a], columns[b]])
                if other != w:
                    yield {w: Fraction(-1), other: Fraction(1)}
