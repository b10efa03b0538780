"""Lists of KKT points against brute force: every entry is one, with its value, gap and kind, and complete
lists miss none.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from .claims import check_gap
from .extended import LD, TINY, angle, array, exact, extended, length, unit
from .networks import Net, Part
from .report import Report

NEAR = 1e-7
STARTS = 24
Entry = dict[str, Any]


def subject(net: Net, one_neuron: bool, output: bool) -> Part:
    """The function that a list is about: N of all weights, or of one neuron on the exact features.

    The neuron has its output weight as another weight if that is trained and `output`, else output weight 1.
    """
    layers = net.layers
    if not one_neuron:
        return net.block(range(net.size))
    features = layers.features(net.record["data"]["X"])
    kind = "two-layer" if output and layers.depth in layers.trained else "one-layer"
    activation = net.record["network"]["activation"]
    table = {"kind": kind, "inputs": len(features[0]), "width": 1, "activation": activation}
    alone = Net(
        {**net.record, "network": table, "data": {**net.record["data"], "X": features}, "direction": [1]}
    )
    return alone.block(range(alone.size))


def brute_points(part: Part, draw: np.random.Generator) -> list[np.ndarray]:
    """Smooth KKT points that ascent, descent and Newton's method from many starts end at."""
    found: list[np.ndarray] = []
    for k in range(STARTS):
        sign = (1, -1, 0)[k % 3]
        v = part.ascend(draw, 1, 40 if sign else 0, sign or 1)[0]
        v = part.polished(v, 12)
        if part.residual(v) <= 1e-15 * part.scale(v) and not any(length(v - other) < 1e-9 for other in found):
            found.append(v)
    return found


def check_list(net: Net, listed: dict[str, Any], draw: np.random.Generator) -> Report:
    """A list of `certflow kkt --json` (`kkt`, `kkt_status`, `kkt_of`, `n_max`, `n_min`) compared with brute
    force.
    """
    report = Report()
    part = subject(net, listed["kkt_of"] == "one neuron", output=True)
    entries = listed["kkt"]
    points = [_middle(entry) for entry in entries]
    for k, (entry, u) in enumerate(zip(entries, points, strict=True)):
        _check_entry(part, entry, u, f"KKT point {k} ({entry['kind']})", report)
    if net.record["network"]["kind"] == "one-layer" and len(net.layers.X[0]) <= 2 and net.layers.p == 2:
        report.need(listed["kkt_status"] == "complete", "the list of a planar problem is not complete")
    if listed["kkt_status"] != "complete":
        return report
    known = brute_points(part, draw)
    for v in known:
        value, scale = part.at(v)[0], part.scale(v)
        covered = any(length(v - u) < NEAR for u in points) or any(
            _in_set(v, value, scale, entry) for entry in entries
        )
        report.need(covered, f"a KKT point is missing: {[float(c) for c in v]} with N = {float(value):.9g}")
    for v in known:
        for name, sign in (("n_max", 1), ("n_min", -1)):
            if listed[name] is not None:
                room = max(TINY, 1e-15 * max(part.scale(v), part.typical))
                report.at_most(
                    sign * part.at(v)[0], max(sign * end for end in _ends(listed[name])), name, room
                )
    return report


def _check_entry(part: Part, entry: Entry, u: np.ndarray, where: str, report: Report) -> None:
    report.need(len(u) == part.size, f"{where}: {len(u)} of {part.size} coordinates")
    report.at_most(abs(length(u) - 1), LD(0), f"{where}: length", 1e-15)
    N, scale = part.at(u)[0], max(part.scale(u), part.typical)
    report.within(N, *_ends(entry["value"]), f"{where}: value", 1e-15 * scale)
    if part.net.record["network"]["kind"] == "expression":
        if not entry.get("set"):
            report.need(part.residual(u) <= 1e-12 * scale or _kinked(part, u), f"{where}: it is no KKT point")
        return
    if part.net.layers.p == 1 and part.net.layers.off != 1:
        report.need(_in_zonotope(part, u), f"{where}: it is no KKT point of Clarke's kind")
        return
    report.need(part.residual(u) <= 1e-13 * scale, f"{where}: it is no KKT point")
    if entry["gap"] is not None and not entry.get("set") and not any(each.any() for each in part.on_kinks(u)):
        check_gap(part, u, *_ends(entry["gap"]), where, report)
        spectrum, _ = part.spectrum(u, part.at(u)[2])
        if part.size > 1:
            report.need(entry["kind"] != "maximum" or spectrum[-1] < 1e-9, f"{where}: N rises nearby")
            report.need(entry["kind"] != "minimum" or spectrum[0] > -1e-9, f"{where}: N falls nearby")


def _ends(value: Any) -> tuple[Any, Any]:
    low, high = value if isinstance(value, list) else (value, value)
    return extended(low), extended(high)


def _middle(entry: Entry) -> np.ndarray:
    return np.array([sum(_ends(v)) / 2 for v in entry["point"]])


def _in_set(v: np.ndarray, value: Any, scale: Any, entry: Entry) -> bool:
    """Whether a unit vector is in the set of an entry; a set without generators is told by its value."""
    if not entry.get("set"):
        return False
    own, (low, high) = entry["set"], _ends(entry["value"])
    if not low - 1e-9 * scale <= value <= high + 1e-9 * scale:
        return False
    if not own["rays"] and not own["lines"]:
        return True
    lines, rays = ([_over_largest(each) for each in own[name]] for name in ("lines", "rays"))
    return in_cone(v.astype(float), rays, lines)


def _over_largest(values: Sequence[Any]) -> np.ndarray:
    numbers = [exact(v) for v in values]
    largest = max(map(abs, numbers))
    return np.array([float(v / largest) for v in numbers])


def in_cone(
    v: np.ndarray, rays: Sequence[np.ndarray], lines: Sequence[np.ndarray], near: float = 1e-7
) -> bool:
    """Whether v is a combination of rays, with coefficients >= 0, and lines."""
    _, sizes, basis = np.linalg.svd(np.array([*lines, 0 * v]))
    across = basis[(sizes > 1e-12).sum() :]
    if len(across) == 0:
        return True
    A = np.array([across @ ray for ray in rays]).reshape(-1, len(across)).T
    return _distance(A, across @ v) < near


def _distance(A: np.ndarray, v: np.ndarray) -> float:
    """The distance of v to the cone of the columns of A (Lawson and Hanson's active sets)."""
    A = A / np.maximum(np.linalg.norm(A, axis=0), 1e-300)
    x, free = np.zeros(A.shape[1]), np.zeros(A.shape[1], dtype=bool)
    for _ in range(10 * A.shape[1]):
        pull = np.where(free, -1.0, A.T @ (v - A @ x))
        if not pull.size or pull.max() < 1e-14:
            break
        free[np.argmax(pull)] = True
        while True:
            best = np.zeros_like(x)
            best[free] = np.linalg.lstsq(A[:, free], v, rcond=None)[0]
            if (best[free] > 0).all():
                break
            back = free & (best <= 0)
            t = (x[back] / np.maximum(x[back] - best[back], 1e-300)).min()
            x = x + t * (best - x)
            free &= x > 1e-15
            x[~free] = 0
            if not free.any():
                break
        x = np.where(free, best, 0.0)
    return float(np.linalg.norm(A @ x - v))


def _in_zonotope(part: Part, u: np.ndarray) -> bool:
    """Power 1: whether L N u is a sum of the gradients of the samples, each between its branches where it is
    on its kink.

    This is necessary for a KKT point of Clarke's kind, and enough where the samples on kinks are independent.
    """
    net = part.net
    arguments = net.run(part.all_weights(u))[3][0][:, 0]
    sizes = np.abs(net.layers.X).max(axis=1) * np.abs(u).max()
    on = (np.abs(arguments) <= 1e-12 * sizes) & (sizes > 0)
    off, scale = net.layers.off, max(part.scale(u), part.typical)
    base = [np.where(on, off, np.where(arguments > 0, LD(1), off))[:, None]]
    _, g, _ = part.at(u, base)
    columns = []
    for i in np.flatnonzero(on):
        raised = base[0].copy()
        raised[i] = 1
        columns.append(((part.at(u, [raised])[1] - g) / scale).astype(float))
    target = ((part.order * part.at(u)[0] * u - g) / scale).astype(float)
    if not columns:
        return bool(np.linalg.norm(target) < 1e-9)
    # Each coefficient c and 1 - c are at least 0.
    A, I = np.array(columns).T, np.eye(len(columns))
    above = np.vstack([np.hstack([A, 0 * A]), np.hstack([I, I])])
    return _distance(above, np.concatenate([target, np.ones(len(columns))])) < 1e-7


def _kinked(part: Part, u: np.ndarray) -> bool:
    """Whether the gradient of an expression jumps about u."""
    g, h = part.at(u)[1], 1e-9
    steps = [h * s * e for e in np.eye(part.size, dtype=LD) for s in (1, -1)]
    return any(length(part.at(u + e)[1] - g) > 1e-6 * part.scale(u) for e in steps)


# -- lists in certificates -----------------------------------------------------------------------------------


def check_kkt_claim(net: Net, claim: dict[str, Any], draw: np.random.Generator) -> Report:
    """The claim of a certificate of KKT points: entries, completeness and the bound of N."""
    report = Report()
    report.need(claim["problem_sha256"] == net.sha256, "problem_sha256")
    check_points(net, claim, draw, report)
    return report


def check_points(net: Net, listed: dict[str, Any], draw: np.random.Generator, report: Report) -> None:
    """The list of a certificate: `of`, `proof`, `kkt_status`, `points`, `dead_cone` and `n_max_upper`."""
    part = subject(net, listed["of"] == "neuron", output=False)
    known = brute_points(part, draw)
    for k, entry in enumerate(listed["points"]):
        where = f"listed point {k} ({entry['kind']})"
        places = _places(part, entry)
        for u in places:
            N, scale = part.at(u)[0], max(part.scale(u), part.typical)
            report.need(part.residual(u) <= 1e-13 * scale, f"{where}: it is no KKT point")
            report.within(N, *_ends(entry["value"]), f"{where}: value", 1e-15 * scale)
            if entry["kind"] != "arc" and not any(each.any() for each in part.on_kinks(u)):
                check_gap(part, u, *_ends(entry["gap"]), where, report)
                top, bottom = part.spectrum(u, part.at(u)[2])[0][[-1, 0]]
                kinds = {
                    "maximum": top < 1e-9,
                    "minimum": bottom > -1e-9,
                    "saddle": top > -1e-9 and bottom < 1e-9,
                }
                report.need(kinds[entry["kind"]], f"{where}: it is of another kind")
        if "centre" in entry:
            centre = array(entry["centre"])
            report.at_most(
                np.abs(places[0] / _face(places[0], centre) - centre).max(),
                extended(entry["radius"]),
                f"{where}: radius",
                1e-16,
            )
    if listed["kkt_status"] == "complete":
        for v in known:
            dead = listed["dead_cone"] and _dead(part, v)
            covered = dead or any(_is_there(part, v, entry) for entry in listed["points"])
            report.need(covered, f"a KKT point is missing: {[float(c) for c in v]}")
            room = max(TINY, 1e-15 * max(part.scale(v), part.typical))
            report.at_most(part.at(v)[0], extended(listed["n_max_upper"]), "n_max_upper", room)


def _face(u: np.ndarray, centre: np.ndarray) -> Any:
    """The coordinate that is 1 or -1 in the centre, up to that sign: dividing by it brings u to the face."""
    j = int(np.argmax(np.abs(centre)))
    return u[j] * np.sign(centre[j])


def _places(part: Part, entry: Entry) -> list[np.ndarray]:
    """Unit vectors that an entry says are KKT points."""
    if "centre" in entry:
        return [part.polished(array(entry["centre"]))]
    ends = [unit(array([exact(v) / max(abs(exact(w)) for w in d) for v in d])) for d in entry["directions"]]
    if not ends:
        return [unit(array(v)) for v in ((1, 0), (-1, 3), (-1, -2))]
    if len(ends) == 1:
        return ends
    if entry["kind"] == "arc":
        first, last = (_turn(end) for end in ends)
        middle = first + ((last - first) % (2 * np.pi) or 2 * np.pi) / 2
        return [*ends, unit(np.array([np.cos(middle), np.sin(middle)], dtype=LD))]
    return [part.polished(ends[0] + ends[1])]


def _is_there(part: Part, v: np.ndarray, entry: Entry) -> bool:
    if entry["kind"] == "arc":
        places = _places(part, entry)
        if not entry["directions"]:
            return True
        first, last, own = (_turn(place) for place in (*places[:2], v))
        return (own - first) % (2 * np.pi) <= (last - first) % (2 * np.pi) + 1e-9 or angle(
            v, places[0]
        ) < NEAR
    return any(length(v - u) < NEAR for u in _places(part, entry))


def _turn(u: np.ndarray) -> float:
    return float(np.arctan2(u[1], u[0]))


def _dead(part: Part, v: np.ndarray) -> bool:
    used = part.net.z != 0
    slopes = part.net.layers.X[used] @ v
    return bool((slopes <= 1e-12 * np.abs(part.net.layers.X[used]).max(initial=LD(0))).all())


def check_time_claim(net: Net, claim: dict[str, Any], draw: np.random.Generator) -> Report:
    """The claim of a certificate of the time near the origin: its one number bounds N on the sphere of all
    weights.
    """
    report = Report()
    report.need(
        claim["problem_sha256"] == net.sha256 and claim["order"] == net.order, "problem_sha256, order"
    )
    whole = net.block(range(net.size))
    top = max((whole.at(v)[0] for v in whole.ascend(draw, 12, 40)), default=LD(0))
    report.at_most(
        max(top, LD(0)), extended(claim["n_max_upper"]), "n_max_upper", max(TINY, 1e-15 * whole.typical)
    )
    return report


def check_near_origin(net: Net, bounds: dict[str, Fraction], draw: np.random.Generator) -> Report:
    """`n_max_lower` <= max(0, N) <= `n_max_upper`, and `beta_upper` >= |h|, on the sphere of all weights."""
    report = Report()
    whole = net.block(range(net.size))
    tops = whole.ascend(draw, 12, 40)
    top, largest = max(whole.at(v)[0] for v in tops), max(length(net.run(v)[0]) for v in tops)
    report.at_most(
        max(top, LD(0)),
        extended(bounds["n_max_upper"]),
        "near_origin: n_max_upper",
        max(TINY, 1e-15 * whole.typical),
    )
    report.need(
        bounds["n_max_lower"] <= bounds["n_max_upper"], "near_origin: n_max_lower is above n_max_upper"
    )
    report.at_most(largest, extended(bounds["beta_upper"]), "near_origin: beta_upper", TINY)
    report.need(bounds["beta_lower"] <= bounds["beta_upper"], "near_origin: beta_lower is above beta_upper")
    return report
