"""Independent float oracles for the KKT points of one neuron, and what it means that a list contains a
direction.

Nothing here uses the package's enumeration: KKT points are found by trying cells and faces that random
directions meet, and by Newton's method from many starts. A direction that is KKT up to rounding must be in a
complete list up to rounding.
"""

import itertools
import random
from fractions import Fraction

import numpy as np

from certflow.kkt.neuron.features import Neuron
from certflow.kkt.points import KKTPoint, KKTSet
from certflow.networks.activation import Activation

NEAR = 1e-6
ZERO = 1e-10
LEAKS = (Fraction(0), Fraction(0), Fraction(1, 4), Fraction(-1, 2), Fraction(-1))


class FloatNeuron:
    """n and its derivatives from the samples as given, in doubles."""

    def __init__(self, X, z, activation: Activation) -> None:
        self.X = np.array([[float(v) for v in row] for row in X])
        self.z = np.array([float(v) for v in z])
        self.p, self.off = activation.power, float(activation.off)
        self.inputs = self.X.shape[1]

    def branch(self, t):
        return np.where(t > 0, 1.0, self.off)

    def value(self, U):
        t = np.atleast_2d(U) @ self.X.T
        return (self.branch(t) * t**self.p) @ self.z

    def gradient(self, U):
        t = np.atleast_2d(U) @ self.X.T
        return (self.branch(t) * self.p * t ** (self.p - 1) * self.z) @ self.X

    def residual(self, u):
        """|P∇n| at a unit vector, for power >= 2."""
        g = self.gradient(u)[0]
        return float(np.linalg.norm(g - u * (g @ u)))

    def matrix(self, inside):
        """Half the Hessian on the cell of the direction `inside`, power 2."""
        return (self.X.T * (self.branch(self.X @ inside) * self.z)) @ self.X


def unit(v):
    return v / np.linalg.norm(v)


def kinked_normals(X, z, activation: Activation) -> np.ndarray:
    """Unit normals of the kinks (merged exactly: kinks that cancel are none)."""
    normals = [h.normal for h in Neuron.of(X, z, activation).kinked]
    return np.array([unit(np.array(h, dtype=float)) for h in normals]).reshape(-1, len(X[0]))


def quadratic_points(
    n: FloatNeuron, normals: np.ndarray, draw: random.Random, tries: int
) -> list[np.ndarray]:
    """KKT points of power 2: eigenvectors of cells met by random directions, near faces of all dimensions,
    that lie in them.
    """
    found = []
    for inside in _directions(normals, n.inputs, draw, tries):
        signs = np.sign(normals @ inside)
        values, vectors = np.linalg.eigh(n.matrix(inside))
        scale = max(1.0, np.abs(values).max())
        candidates = list(vectors.T)
        for a, b in itertools.combinations(range(n.inputs), 2):
            if abs(values[a] - values[b]) < 1e-9 * scale:  # an eigenspace: some more of its directions
                for _ in range(6):
                    mixed = draw.gauss(0, 1) * vectors[:, a] + draw.gauss(0, 1) * vectors[:, b]
                    candidates.append(unit(mixed))
        for v in candidates:
            for u in (v, -v):
                if (signs * (normals @ u) >= -ZERO).all():
                    found.append(u)
    return found


def linear_points(n: FloatNeuron, normals: np.ndarray, draw: random.Random) -> list[np.ndarray]:
    """KKT points with n != 0 of power 1, d <= 3: on every flat spanned by at most d - 1 kinks, from its
    random directions.
    """
    found = []
    for size in range(n.inputs):
        for chosen in itertools.combinations(range(len(normals)), size):
            flat = _null_space(normals[list(chosen)], n.inputs)
            if flat.shape[1] != n.inputs - size:
                continue
            starts = [1.0, -1.0] if flat.shape[1] == 1 else [None] * 8 * (len(normals) + 1)
            for start in starts:
                inside = (
                    unit(flat @ np.array([draw.gauss(0, 1) for _ in range(flat.shape[1])]))
                    if start is None
                    else start * flat[:, 0]
                )
                slopes = linear_slopes(n, normals, inside)
                g = flat @ (flat.T @ slopes[0])
                if np.linalg.norm(g) < 1e-7:
                    continue
                for u in (unit(g), -unit(g)):
                    same = np.sign(np.where(np.abs(normals @ u) < ZERO, 0, normals @ u))
                    if (
                        same == np.sign(np.where(np.abs(normals @ inside) < ZERO, 0, normals @ inside))
                    ).all() and is_linear_kkt(n, normals, u):
                        found.append(u)
    return found


def linear_slopes(n: FloatNeuron, normals: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The gradients of power 1 in all cells adjacent to the face of u (met by many small steps)."""
    on = normals[np.abs(normals @ u) < ZERO]
    if not len(on):  # samples whose kinks cancel may still be at zero: step aside
        room = min([1.0, *np.abs(normals @ u)]) / 20
        return n.gradient(u + room * unit(np.random.default_rng(1).normal(size=n.inputs)))
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(60 * (len(on) + 1), n.inputs))
    if len(on) > 1:  # also into thin cells: along each kink, a little to both sides
        for i, j in itertools.permutations(range(len(on)), 2):
            along = on[j] - (on[j] @ on[i]) * on[i]
            if np.linalg.norm(along) > 1e-9:
                steps = np.vstack(
                    [steps, [s * unit(along) + e * on[i] for s in (1, -1) for e in (1e-3, -1e-3)]]
                )
    room = min([1.0, *np.abs(normals @ u)[np.abs(normals @ u) >= ZERO]]) / 20
    return n.gradient(u + room * steps / np.linalg.norm(steps, axis=1).max())


def is_linear_kkt(n: FloatNeuron, normals: np.ndarray, u: np.ndarray) -> bool:
    """Whether n(u) u is in the convex hull of the adjacent gradients, up to rounding, d <= 3."""
    gap = linear_slopes(n, normals, u) - n.value(u)[0] * u
    scale = max(1.0, np.abs(gap).max())
    _, s, basis = np.linalg.svd(gap, full_matrices=False)
    gap = gap @ basis[s > 1e-9 * scale * len(gap)].T
    if gap.shape[1] == 0:
        return True
    if gap.shape[1] == 1:
        return bool(gap.min() <= 1e-9 * scale and gap.max() >= -1e-9 * scale)
    if gap.shape[1] > 2:
        return False
    if (np.linalg.norm(gap, axis=1) < 1e-9 * scale).any():
        return True
    angles = np.sort(np.arctan2(gap[:, 1], gap[:, 0]))
    return bool(max(np.diff(np.append(angles, angles[0] + 2 * np.pi))) <= np.pi + 1e-9)


def newton_points(gradient, order: int, size: int, draw: random.Random, starts: int) -> list[np.ndarray]:
    """Zeros of P∇N by Newton's method with numerical derivatives from random starts, `gradient` of one
    vector.
    """
    found = []

    def residual(u):
        g = gradient(u)
        return g - u * (g @ u) / (u @ u)

    for _ in range(starts):
        u = unit(np.array([draw.gauss(0, 1) for _ in range(size)]))
        for _ in range(30):
            r = residual(u)
            J = np.column_stack(
                [(residual(u + 1e-6 * e) - residual(u - 1e-6 * e)) / 2e-6 for e in np.eye(size)]
            )
            step = np.linalg.lstsq(J - np.outer(u, u) * np.abs(J).max(), -r, rcond=1e-9)[0]
            step -= u * (step @ u)
            if np.linalg.norm(step) > 0.3:
                step *= 0.3 / np.linalg.norm(step)
            u = unit(u + step)
            if np.linalg.norm(step) < 1e-12:
                break
        if np.linalg.norm(residual(u)) < 1e-11:
            found.append(u)
    return found


def _directions(normals, d, draw, tries):
    """Random directions, some of them close to flats of low dimension."""
    for k in range(tries):
        u = np.array([draw.gauss(0, 1) for _ in range(d)])
        if k % 2 and len(normals):
            chosen = draw.sample(
                range(len(normals)), min(len(normals), draw.randint(1, d - 1) if d > 1 else 1)
            )
            flat = _null_space(normals[chosen], d)
            if flat.shape[1]:
                u = flat @ (flat.T @ u) + 1e-4 * u
        yield unit(u)


def _null_space(rows: np.ndarray, d: int) -> np.ndarray:
    if not len(rows):
        return np.eye(d)
    _, s, basis = np.linalg.svd(rows)
    return basis[int((s > 1e-9).sum()) :].T


# -- what a list contains ------------------------------------------------------------------------------------


def middle(entry: KKTPoint) -> np.ndarray:
    return np.array([float(c.mid()) for c in entry.point])


def cone_distance(entry: KKTPoint, u: np.ndarray) -> float:
    """The distance of a unit vector to the cone of an entry: all subsets of rays (Carathéodory), so few rays
    only.
    """
    rays = np.array([[float(v) for v in ray] for ray in entry.continuum.rays]).reshape(-1, len(u))
    lines = np.array([[float(v) for v in line] for line in entry.continuum.lines]).reshape(-1, len(u))
    best = np.inf
    for size in range(min(len(u), len(rays)) + 1):
        for chosen in itertools.combinations(range(len(rays)), size):
            A = np.vstack([rays[list(chosen)], lines]).T
            if A.shape[1] == 0:
                continue
            a = np.linalg.lstsq(A, u, rcond=None)[0]
            if (a[:size] >= -1e-9).all():
                best = min(best, float(np.linalg.norm(A @ a - u)))
    return best


def contains(kkt: KKTSet, u: np.ndarray, near: float = NEAR) -> bool:
    """Whether a direction is one of the listed points, or in the cone of a listed set, up to rounding."""
    for entry in kkt.points:
        if np.linalg.norm(middle(entry) - u) < near:
            return True
        if (
            entry.continuum is not None
            and (entry.continuum.rays or entry.continuum.lines)
            and cone_distance(entry, u) < near
        ):
            return True
    return False


def cone_samples(entry: KKTPoint, draw: random.Random, count: int) -> list[np.ndarray]:
    """Random unit vectors of the set of an entry with rays or lines."""
    found = []
    for _ in range(count):
        u = sum(
            (draw.random() ** 2 * np.array([float(v) for v in ray]) for ray in entry.continuum.rays),
            np.zeros(len(entry.point)),
        )
        u = u + sum(
            (draw.gauss(0, 1) * np.array([float(v) for v in line]) for line in entry.continuum.lines),
            np.zeros(len(u)),
        )
        if np.linalg.norm(u) > 1e-6:
            found.append(unit(u))
    return found


def kind_disagrees(entry: KKTPoint, value, draw: random.Random) -> str:
    """What local sampling of `value` (of rows of directions) says against the kind of an isolated entry; ""
    if nothing.
    """
    u = middle(entry)
    if len(u) == 1:
        return ""
    rng = np.random.default_rng(draw.randrange(2**31))
    steps = rng.normal(size=(4000, len(u)))
    steps -= np.outer(steps @ u, u)
    steps /= np.linalg.norm(steps, axis=1, keepdims=True)
    for radius in (1e-3, 1e-4):
        around = u + radius * steps
        around /= np.linalg.norm(around, axis=1, keepdims=True)
        change = value(around) - value(u[None])[0]
        noise = 1e-13 * max(1.0, abs(value(u[None])[0]))
        if entry.kind == "maximum" and change.max() > noise:
            return f"a maximum at {u}, yet N rises by {change.max()}"
        if entry.kind == "minimum" and change.min() < -noise:
            return f"a minimum at {u}, yet N falls by {change.min()}"
    return ""


# -- data in general and in special position -----------------------------------------------------------------


def small_data(draw: random.Random, d: int, most: int):
    """Samples and weights, exact and short; mostly in special position: repeated, opposite, zero, in a
    subspace, symmetric.
    """
    count = draw.randint(1, most)
    style = draw.choice(("general", "grid", "grid", "grid", "flat", "symmetric"))
    if style == "general":
        X = [[Fraction(draw.randint(-99, 99), 7) for _ in range(d)] for _ in range(count)]
        z = [Fraction(draw.randint(-30, 30), 11) for _ in range(count)]
    elif style == "symmetric":
        X, z = [], []
        for k in range(d):
            weight = draw.choice((1, 1, -1, 2))
            for sign in (1, -1):
                X.append([Fraction(sign * (i == k)) for i in range(d)])
                z.append(Fraction(weight if draw.random() < 0.8 else draw.randint(-2, 2)))
        for _ in range(draw.randint(0, 2)):
            X.append([Fraction(draw.choice((1, -1))) for _ in range(d)])
            z.append(Fraction(draw.choice((1, -1))))
    else:
        X = [[Fraction(draw.randint(-2, 2)) for _ in range(d)] for _ in range(count)]
        z = [Fraction(draw.randint(-2, 2)) for _ in range(count)]
        if style == "flat":
            for row in X:
                row[-1] = Fraction(0) if draw.random() < 0.5 else row[0]
        for k in range(count):
            if draw.random() < 0.2:
                X[k], z[k] = (
                    [draw.choice((1, -1, 2)) * v for v in draw.choice(X)],
                    draw.choice((1, -1)) * draw.choice(z),
                )
    return X, z
