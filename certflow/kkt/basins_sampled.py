"""Estimates of basin fractions: from how much of the sphere of initial directions the limit flow goes to each
KKT entry.

Nothing here is proved; a fraction is an *estimate* with a confidence interval. Directions are drawn
uniformly, all flow at once under `u' = P s∇N(u)` in double precision (an explicit Runge-Kutta pair of orders
3 and 2, each start with its own step size) until they stand still, and each end is given to the nearest entry
within a stated distance. For power 1 the field jumps at kinks and a flow that slides along one jitters about
it; steps have a least size then, what stands still is the mean motion, and the distance is larger. A start
that does not come to rest, or rests near no entry, counts as *elsewhere*.

The interval is that of Clopper and Pearson (1934): for k hits among m starts its ends are the solutions p of
`P(Bin(m, p) >= k) = (1 - c)/2` and `P(Bin(m, p) <= k) = (1 - c)/2` (0 if k = 0, 1 if k = m). It contains the
probability of a hit with probability at least c, for each entry by itself. What it does not account for is
the error of the flow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from certflow.arithmetic.base import FLOAT
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.problem import Problem
from certflow.progress import Progress
from certflow.running import tick

Array = Any
Gradient = Callable[[Array], Array]
"""∇N of many weights at once, (starts × weights) to the same."""

MAX_STEPS = 20_000
MAX_STARTS = 1_000_000
_AT_ONCE = 2_000
_TOLERANCE = 2e-4
_LEAST_STEP = 4e-3
_STILL, _STILL_MEAN = 1e-7, 2e-3
_NEAR, _NEAR_JUMPS = 1e-3, 3e-2
_WINDOW = 200
_SWEEPS = 300


@dataclass(frozen=True)
class Share:
    """The estimated fraction of the initial directions that flow to one entry, and its confidence
    interval.
    """

    hits: int
    fraction: float
    low: float
    high: float


@dataclass(frozen=True)
class BasinEstimate:
    """Estimates for the entries of a KKT set, in their order, and for the directions that go `elsewhere`.

    The flow was that of `sign` N; `confidence` is that of each interval by itself. The same `seed` gives the
    same starts.
    """

    shares: tuple[Share, ...]
    elsewhere: Share
    starts: int
    seed: int
    sign: int
    confidence: float

    def to_json(self) -> dict[str, Any]:
        """The estimates, marked as such."""

        def entry(share: Share) -> dict[str, Any]:
            return {"fraction": share.fraction, "interval": [share.low, share.high], "hits": share.hits}

        return {
            "estimate": True,
            "starts": self.starts,
            "seed": self.seed,
            "sign": self.sign,
            "confidence": self.confidence,
            "method": "uniform random directions, limit flow in double precision, Clopper-Pearson intervals",
            "fractions": [entry(share) for share in self.shares],
            "elsewhere": entry(self.elsewhere),
        }


def sample_basins(
    problem: Problem,
    kkt: KKTSet,
    starts: int = 1000,
    seed: int = 0,
    sign: int = 1,
    confidence: float = 0.95,
    progress: Progress | None = None,
) -> BasinEstimate:
    """Estimated fractions of the sphere that flow to each entry of `kkt`, the KKT set of the problem;
    reproducible (L6.29).

    For a set "of one neuron" the sphere is that of the weights of one neuron, whose output weight is `sign`
    (1 or -1) if it is not trained. Raises `BadInput` for a sign, a confidence or a number of starts that
    makes no sense.
    """
    if sign not in (1, -1):
        raise BadInput(f"sign: {sign!r} is not 1 or -1.")
    if not 0 < confidence < 1:
        raise BadInput(f"confidence: {confidence} is outside (0, 1); give a probability such as 0.95.")
    if not 1 <= starts <= MAX_STARTS:
        raise BadInput(f"starts: {starts} is not a whole number from 1 to {MAX_STARTS}.")
    N = kkt.function(problem.correlation).with_residuals([sign * z for z in problem.z])
    network = N.network
    jumps = isinstance(network, FeedForward) and network.has_kinks and network.activation.power == 1
    U = np.random.default_rng(seed).standard_normal((starts, network.size))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    hits = np.zeros(len(kkt.points) + 1, dtype=int)
    for first in range(0, starts, _AT_ONCE):
        if progress is not None:
            progress("sampling basins", first, starts)
        ends, still = flow_to_rest(lambda u: N.gradient(FLOAT, u), U[first : first + _AT_ONCE], jumps)
        found = np.where(still, nearest_entries(kkt.points, ends, _NEAR_JUMPS if jumps else _NEAR), -1)
        hits += np.bincount(np.where(found < 0, len(kkt.points), found), minlength=len(hits))
    if progress is not None:
        progress("sampling basins", starts, starts)
    shares = tuple(Share(int(k), int(k) / starts, *clopper_pearson(int(k), starts, confidence)) for k in hits)
    return BasinEstimate(shares[:-1], shares[-1], starts, seed, sign, confidence)


def flow_to_rest(gradient: Gradient, starts: Array, jumps: bool = False) -> tuple[Array, Array]:
    """Where the flow of P∇N from each row of `starts` (unit vectors) is when it stands still, and whether it
    does.

    `jumps`: the gradient is not continuous; then the mean motion over many steps is what stands still.
    """
    ends, still = starts.copy(), np.zeros(len(starts), dtype=bool)
    running, u = np.arange(len(starts)), starts.copy()
    slope = _tangential(gradient, u)
    scale = max(float(np.max(np.linalg.norm(gradient(u), axis=1))), 1e-300)
    h, clock = np.full(len(u), 0.01 / scale), np.zeros(len(u))
    before, mean, since = np.full_like(u, np.nan), np.zeros_like(u), clock.copy()
    for step in range(1, MAX_STEPS + 1):
        tick()
        if not len(running):
            break
        moved, error, fresh = _bogacki_shampine(gradient, u, slope, h)
        allowed = _TOLERANCE * np.linalg.norm(slope, axis=1) * h + 1e-14
        ok = error <= allowed
        if jumps:
            ok |= h * scale <= 1.001 * _LEAST_STEP
        u = np.where(ok[:, None], moved, u)
        slope = np.where(ok[:, None], fresh, slope)
        clock = clock + np.where(ok, h, 0.0)
        h = h * np.clip(0.9 * (allowed / np.maximum(error, 1e-300)) ** (1 / 3), 0.2, 4.0)
        if jumps:
            h = np.maximum(h, _LEAST_STEP / scale)
        mean += u / _WINDOW
        rest = np.linalg.norm(slope, axis=1) <= _STILL * scale
        if step % _WINDOW == 0:
            if jumps:
                time = np.maximum(clock - since, 1e-300)
                rest |= np.linalg.norm(mean - before, axis=1) <= _STILL_MEAN * scale * time
            before, mean, since = mean, np.zeros_like(mean), clock.copy()
        if rest.any():
            ends[running[rest]], still[running[rest]] = u[rest], True
            go = ~rest
            running, u, slope, h, clock = running[go], u[go], slope[go], h[go], clock[go]
            before, mean, since = before[go], mean[go], since[go]
    ends[running] = u
    return ends, still


def _tangential(gradient: Gradient, u: Array) -> Array:
    g = gradient(u)
    return g - u * (g * u).sum(axis=1, keepdims=True)


def _bogacki_shampine(gradient: Gradient, u: Array, k1: Array, h: Array) -> tuple[Array, Array, Array]:
    """One step of each row: the new unit vectors, the estimated errors, and the field there."""
    s = h[:, None]
    k2 = _tangential(gradient, u + s * k1 / 2)
    k3 = _tangential(gradient, u + s * k2 * 3 / 4)
    moved = u + s * (2 * k1 + 3 * k2 + 4 * k3) / 9
    moved /= np.linalg.norm(moved, axis=1, keepdims=True)
    k4 = _tangential(gradient, moved)
    error = np.linalg.norm(s * (-5 * k1 / 72 + k2 / 12 + k3 / 9 - k4 / 8), axis=1)
    return moved, error, k4


def nearest_entries(entries: Any, ends: Array, distance: float) -> Array:
    """The index of the nearest entry within `distance` of each end (ties: the first), -1 if there is none.

    Of a set that is known by an equation only, just the listed point counts.
    """
    best, found = np.full(len(ends), distance), np.full(len(ends), -1)
    for k, entry in enumerate(entries):
        tick()
        near = _distance(entry, ends)
        closer = near < best
        best[closer], found[closer] = near[closer], k
    return found


def _distance(entry: KKTPoint, ends: Array) -> Array:
    """The Euclidean distance of unit vectors to a point, or to the cone of a continuum."""
    continuum = entry.continuum
    if continuum is None or not (continuum.rays or continuum.lines):
        return np.linalg.norm(ends - np.array([float(c.mid()) for c in entry.point]), axis=1)
    rest = ends
    rays = np.array([[float(v) for v in ray] for ray in continuum.rays]).reshape(-1, ends.shape[1])
    if continuum.lines:
        basis, _ = np.linalg.qr(np.array([[float(v) for v in line] for line in continuum.lines]).T)
        rest, rays = rest - (rest @ basis) @ basis.T, rays - (rays @ basis) @ basis.T
    rays = rays[np.linalg.norm(rays, axis=1) > 1e-12]
    if not len(rays):
        return np.linalg.norm(rest, axis=1)
    rays = rays / np.linalg.norm(rays, axis=1, keepdims=True)
    # Non-negative least squares by coordinate descent, all ends at once.
    gram, inner = rays @ rays.T, rest @ rays.T
    a = np.zeros_like(inner)
    for _ in range(_SWEEPS):
        tick()
        for i in range(len(rays)):
            a[:, i] = np.maximum(0.0, a[:, i] + inner[:, i] - a @ gram[:, i])
    return np.linalg.norm(rest - a @ rays, axis=1)


def clopper_pearson(hits: int, starts: int, confidence: float) -> tuple[float, float]:
    """The exact confidence interval of a probability of which `hits` of `starts` trials are known
    (formula: see above) (L6.29)."""
    tail = (1 - confidence) / 2
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, starts + 1)))])
    k = np.arange(starts + 1)
    choose = logs[-1] - logs - logs[::-1]

    def at_least(p: float, least: int) -> float:
        return float(
            np.exp(choose[least:] + k[least:] * np.log(p) + (starts - k[least:]) * np.log1p(-p)).sum()
        )

    low = 0.0 if hits == 0 else _solve(lambda p: at_least(p, hits) - tail)
    high = 1.0 if hits == starts else _solve(lambda p: at_least(p, hits + 1) - (1 - tail))
    return low, high


def _solve(rising: Callable[[float], float]) -> float:
    """The zero in (0, 1) of an increasing function."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if rising(middle) > 0 else (middle, high)
    return (low + high) / 2
