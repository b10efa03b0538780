"""Flows of one neuron of power 1 under a forcing that is constant for a while, from event to event.

In doubles. W_Lambda = s (g(W; chi) + q) with constant q is the limit flow for b + q, so every stretch is
straight; what v is follows from |W|. An oracle that shares no code with the polygon or its tube.
"""

from __future__ import annotations

import itertools
import math

import numpy as np


class Torn(Exception):
    """Several kinks push it away at once, or one to both sides."""


class ForcedNeuron:
    """W on its cell: `sides` of all kinks, 0 while one is slid along; `clock` and `time` since the start, and
    the signed clock `way`, which goes back after v has changed its sign.
    """

    def __init__(self, b, normals, jumps, w, v, sides, sign):
        self.b, self.X, self.j = np.array(b), np.array(normals), np.array(jumps)
        self.w, self.c, self.sides = np.array(w), v * v - float(np.dot(w, w)), np.array(sides)
        self.sign = sign
        self.q = np.zeros(len(b))
        self.clock = self.time = self.way = 0.0
        self.flipped = False
        self.contacts: list[int] = [k for k, side in enumerate(sides) if side == 0]
        self.settle()

    @property
    def mass(self):
        return 2 * float(self.w @ self.w) + self.c

    def settle(self):
        """The velocity on the kinks `contacts`, and which of them are kept."""
        s = self.sign
        on = [k for k in range(len(self.j)) if self.sides[k] > 0 and k not in self.contacts]
        rest = s * (self.b + self.q + self.X[on].T @ self.j[on])
        convex = [k for k in self.contacts if s * self.j[k] > 0]
        concave = [k for k in self.contacts if s * self.j[k] < 0]
        if len(convex) > 1:
            raise Torn
        rows = s * self.j[concave, None] * self.X[concave]
        u, chi = _least(rest, rows)
        if convex:
            n = convex[0]
            up, chi_up = _least(rest + s * self.j[n] * self.X[n], rows)
            if (self.X[n] @ u) * (self.X[n] @ up) <= 0:
                raise Torn
            self.sides[n] = np.sign(self.X[n] @ u)
            if self.sides[n] > 0:
                u, chi = up, chi_up
        self.u, self.contacts = u, []
        for k, share in zip(concave, chi, strict=True):
            kept = 1e-12 < share < 1 - 1e-12
            self.sides[k] = 0 if kept else (1 if share > 0.5 else -1)
            self.contacts += [k] if kept else []

    def force(self, q):
        """Another forcing from now on."""
        self.q = np.array(q)
        self.settle()

    def ahead(self):
        """How long it runs straight, and why no longer: a kink, -1 where v vanishes, None for ever."""
        found = (math.inf, None)
        for k in range(len(self.j)):
            speed = self.X[k] @ self.u
            if k not in self.contacts and speed * self.sides[k] < -1e-14:
                found = min(found, (max(0.0, -(self.X[k] @ self.w) / speed), k), key=lambda pair: pair[0])
        a, b, square = self.w @ self.w + self.c, self.w @ self.u, self.u @ self.u
        if self.c < 0 and b < 0 and b * b > square * a:
            found = min(found, ((-b - math.sqrt(b * b - square * a)) / square, -1), key=lambda pair: pair[0])
        return found

    def move(self, length):
        """Straight on for this clock."""
        a, b, square = self.w @ self.w + self.c, self.w @ self.u, self.u @ self.u
        self.time += _time(a, b, square, length)
        self.w = self.w + length * self.u
        self.clock += length
        self.way += -length if self.flipped else length

    def turn(self, why):
        """What happens at the end of `ahead`."""
        if why == -1:
            if self.contacts:
                raise Torn
            self.sign, self.flipped = -self.sign, True
        else:
            self.contacts = [*self.contacts, why]
        self.settle()


def _least(rest, rows):
    best = None
    for states in itertools.product((0, 1, 2), repeat=len(rows)):
        kept = [i for i, state in enumerate(states) if state == 2]
        chi = np.array([float(state == 1) for state in states])
        u = rest + rows.T @ chi
        if kept:
            own = rows[kept]
            if np.linalg.cond(own @ own.T) > 1e10:
                continue
            share = -np.linalg.solve(own @ own.T, own @ u)
            if (share < -1e-13).any() or (share > 1 + 1e-13).any():
                continue
            chi[kept] = share
            u = rest + rows.T @ chi
        if best is None or u @ u < best[0] - 1e-15 * (1 + u @ u):
            best = (u @ u, u, chi)
    assert best is not None
    return best[1], best[2]


def _time(a, b, square, length):
    """The integral of 1 / sqrt(a + 2 b L + square L^2) from 0 to `length`."""
    root = math.sqrt(square)
    start, end = max(a, 0.0), max(a + 2 * b * length + square * length * length, 0.0)
    above, below = b + square * length + root * math.sqrt(end), b + root * math.sqrt(start)
    if below <= 0 or above <= 0:
        # Towards the foot both are small: the other root of the same product.
        above, below = root * math.sqrt(start) - b, root * math.sqrt(end) - b - square * length
    return math.log(above / below) / root
