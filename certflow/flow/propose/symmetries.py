"""Exact symmetries of a problem and its start, which the flow keeps."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from certflow.flow.enclose.parts import LayeredParts, Parts
from certflow.flow.enclose.within import Generator, Invariant, Orthogonal, independent, invariant
from certflow.networks.feed_forward import FeedForward
from certflow.running import tick

_LARGEST = 128
"""So many weights are tried of a group whose parts are joined: their Hessians become one matrix."""

_MOST = 64
"""So many symmetries are looked for."""

Array = Any
ByWeight = dict[int, Fraction]


def invariant_of(parts: Parts) -> Invariant | None:
    """The subspace of the weights of a group with the symmetries of the start; None if there are none
    (L12.12).
    """
    if not isinstance(parts, LayeredParts) or (parts.count > 1 and parts.count * parts.size > _LARGEST):
        return None
    network, w = parts.network, parts.problem.direction
    order = {w: k for k, w in enumerate(w for part in parts.indices for w in part)}
    generators = [*equal_neurons(network, w), *reflections(parts)]
    found: list[tuple[Generator | Orthogonal, list[ByWeight]]]
    found = [(each, list(moved(network, each))) for each in generators]
    found += [(each, list(pushed(network, each))) for each in orthogonal(parts)]
    used, normals = list[Generator | Orthogonal](), list[ByWeight]()
    for each, rows in found[:_MOST]:
        own = [row for row in rows if all(w in order for w in row)]
        if own:
            used.append(each)
            normals += [{order[w]: n for w, n in row.items()} for row in own]
    return invariant(used, normals, parts.count, parts.size)


def equal_neurons(network: FeedForward, w: Array) -> Iterator[Generator]:
    """For neurons of a hidden layer that start with the same weights, those that enter and those that leave
    them, the cycle of them.
    """
    matrices = _matrices(network, w)
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


def reflections(parts: LayeredParts) -> Iterator[Generator]:
    """Reflections of the features that permute the samples and their labels, and the neurons of the start."""
    problem = parts.problem
    X = parts.network.features(problem.X)
    alike: dict[tuple[Fraction, Fraction], list[Array]] = {}
    for x, z in zip(X, problem.z, strict=True):
        alike.setdefault((x @ x, z), []).append(x)
    # Some sample is moved to another one, and the difference of these two is what is reflected.
    seen: set[tuple[Fraction, ...]] = set()
    for points in alike.values():
        for x, other in itertools.combinations(points, 2):
            tick()
            normal = x - other
            if normal.any():
                normal = normal / normal[np.flatnonzero(normal)[0]]
                if tuple(normal) not in seen:
                    seen.add(tuple(normal))
                    yield from _reflection(parts, X, normal)


def _reflection(parts: LayeredParts, X: Array, normal: Array) -> Iterator[Generator]:
    network, z = parts.network, parts.problem.z
    Q = np.eye(len(normal), dtype=int).astype(object) - 2 * np.outer(normal, normal) / (normal @ normal)
    lowest, matrices = min(network.trained), _matrices(network, parts.problem.direction)
    rows, leaving = matrices[lowest], matrices[lowest + 1].T
    neurons = _order(_pairs(rows @ Q, leaving), _pairs(rows, leaving))
    samples = _order(_pairs(X @ Q, z[:, None]), _pairs(X, z[:, None]))
    if neurons is not None and samples is not None:
        yield Generator(tuple(map(tuple, Q.tolist())), samples, ((lowest, neurons),))


def orthogonal(parts: LayeredParts) -> Iterator[Orthogonal]:
    """Samples that are orthogonal to all others, as long as power 1 does not let them push, and the neurons
    that start orthogonal to them.
    """
    network = parts.network
    if network.activation.power < 2:
        return
    sets: list[list[Array]] = []
    for x in network.features(parts.problem.X):
        tick()
        if x.any():
            near = [any(x @ other for other in own) for own in sets]
            joined = itertools.chain(*itertools.compress(sets, near))
            sets = [own for own, joins in zip(sets, near, strict=True) if not joins] + [[x, *joined]]
    rows = _matrices(network, parts.problem.direction)[min(network.trained)]
    for own in sets:
        neurons = tuple(j for j, row in enumerate(rows) if not any(x @ row for x in own))
        if neurons:
            yield Orthogonal(tuple(map(tuple, independent(own))), neurons)


def pushed(network: FeedForward, each: Orthogonal) -> Iterator[ByWeight]:
    """What vanishes exactly at the weights of these neurons, as vectors by their entries."""
    for j in each.neurons:
        for vector in each.vectors:
            place = network.places[min(network.trained)][j].tolist()
            yield {w: v for w, v in zip(place, vector, strict=True) if v}


def moved(network: FeedForward, generator: Generator) -> Iterator[ByWeight]:
    """What vanishes exactly at the weights that the generator does not move, as vectors by their entries."""
    orders: Mapping[int, tuple[int, ...]] = dict(generator.neurons)
    for layer, place in network.places.items():
        rows, columns = (
            orders.get(k, range(n)) for k, n in zip((layer, layer - 1), place.shape, strict=True)
        )
        Q = generator.inputs if layer == min(network.trained) else None
        for a, row in enumerate(place.tolist()):
            for b, w in enumerate(row):
                image = [(columns[b], Fraction(1))] if Q is None else enumerate(Q[b])
                normal: dict[int, Fraction] = {w: Fraction(-1)}
                for c, q in image:
                    other = int(place[rows[a], c])
                    normal[other] = normal.get(other, Fraction(0)) + q
                normal = {k: v for k, v in normal.items() if v}
                if normal:
                    yield normal


def _matrices(network: FeedForward, w: Array) -> dict[int, Array]:
    return {layer: w[place] for layer, place in network.places.items()} | dict(network.given)


def _pairs(left: Array, right: Array) -> list[tuple[Fraction, ...]]:
    return [(*a, *b) for a, b in zip(left.tolist(), right.tolist(), strict=True)]


def _order(images: Any, originals: Any) -> tuple[int, ...] | None:
    """Which original each of the images is, every one once; None if one is none of them."""
    places: dict[Any, list[int]] = {}
    for k, original in enumerate(originals):
        places.setdefault(original, []).append(k)
    order = [places[image].pop(0) if places.get(image) else -1 for image in images]
    return None if -1 in order else tuple(order)
