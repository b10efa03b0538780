"""Quadratic and cubic forms, of which everything is known, as networks with their regions."""

import numpy as np

from certflow.arithmetic.midpoint_radius import MidRad
from certflow.flow.enclose.parts import parts_of
from certflow.flow.enclose.region import Points, Regions
from certflow.flow.propose.centres import groups_of
from certflow.networks.activation import Activation
from certflow.networks.one_hidden_layer import OneLayer
from certflow.problem import Problem

GRID = 40
UNIT = 1 << GRID


def form(values, power=2):
    """N = the sum of values[i] w_i^power, with one part."""
    unit = [["1" if i == j else "0" for j in range(len(values))] for i in range(len(values))]
    problem = Problem(
        OneLayer(len(values), 1, Activation(1, power)),
        unit,
        [str(v) for v in values],
        direction=["1"] * len(values),
        reduction="sum",
    )
    return parts_of(problem, groups_of(problem)[0])


def turned(power, length):
    """A cubic or quadratic form, and a centre a little off its maximum at e1: parts and grid point."""
    return form([3, 1, -2], power), ((length * UNIT, UNIT >> 12, -(UNIT >> 13)),)


def regions_of(blocks, losses=0.0, offset=0.0, ell=0.0):
    """Regions of which only the eigenvalue bound matters; one place."""
    A = np.array([blocks], dtype=float)
    rest = np.zeros(1)
    return Regions(
        MidRad.exact(A),
        np.broadcast_to(losses, (1, len(blocks))),
        np.array([offset]),
        np.array([ell]),
        rest,
        rest,
        rest,
        rest,
        A,
    )


def at(rows):
    W = MidRad.exact(np.array([rows], dtype=float))
    return Points(
        W, W, np.zeros(1), np.zeros(1), (W * W).reshape(1, -1).sum(axis=1), MidRad.exact(np.zeros(1))
    )
