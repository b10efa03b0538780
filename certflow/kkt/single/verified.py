"""KKT points of networks with many weights: found by search, and each of them proved (L6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import chain

import numpy as np

from certflow.arithmetic.enclosure import OutsideDomain
from certflow.kkt.permutations import in_order
from certflow.kkt.points import KKTSet, overlap
from certflow.kkt.single.ascent import Search, directions, is_new
from certflow.kkt.single.enclose import Enclosed, enclose_point
from certflow.networks.correlation import Correlation
from certflow.outcome import Inconclusive, Status
from certflow.progress import Progress

METHOD = (
    "multi-start search; each point is proved to exist, alone in a ball, by the contraction of a Newton step"
)


def verified_points(
    N: Correlation,
    starts: int = 64,
    digits: int = 30,
    count: int | None = None,
    progress: Progress | None = None,
    seed: int = 0,
    given: Iterable[np.ndarray] = (),
) -> KKTSet:
    """KKT points of N, all of whose numbers are exact, on the unit sphere, each with proof; by no means all
    of them (L6.26).

    Searches from the directions `given` (size doubles each, not 0) and from `starts` random ones, the same
    for the same seed, until `count` points are proved. No two entries are the same point; of those that
    differ by the order of hidden neurons usually one is listed. Values decrease.
    """
    found, refusals, proposed = _search(
        N, starts, digits, count, progress, seed, [np.asarray(w) for w in given]
    )
    points = sorted((each.point for each in found), key=lambda point: -point.value.mid())
    reason = (
        f"the entries were found by search from {starts} random directions and are proved; there may be "
        f"others"
    )
    if refusals:
        worst, _ = refusals.most_common(1)[0]
        reason += f"; {refusals.total()} further proposals were not proved, most often: {worst}"
    counts = {"starts": starts, "proposals": proposed, "proved": len(points)}
    return KKTSet(
        points,
        digits,
        Status.PARTIAL,
        reason.rstrip("."),
        METHOD,
        "all weights",
        undecided=Fraction(1),
        counts=counts,
    )


def _search(
    N: Correlation,
    starts: int,
    digits: int,
    count: int | None,
    progress: Progress | None,
    seed: int,
    given: Sequence[np.ndarray],
) -> tuple[list[Enclosed], Counter[str], int]:
    search = Search(N)
    found: list[Enclosed] = []
    known: list[np.ndarray] = []
    refusals: Counter[str] = Counter()
    total = len(given) + starts
    for done, start in enumerate(chain(given, directions(N.size, starts, seed))):
        if progress is not None:
            progress("searching and proving KKT points", done, total)
        for proposal in search.proposals(start):
            w = in_order(N.network, proposal)
            if not is_new(w, known):
                continue
            known.append(w)
            if any(each.unique_at(w) for each in found):
                continue
            try:
                each = enclose_point(N, w, digits)
            except (Inconclusive, OutsideDomain) as error:
                refusals[_class_of(str(error))] += 1
                continue
            if not any(overlap(each.point.point, other.point.point) for other in found):
                found.append(each)
            if len(found) == count:
                return found, refusals, len(known)
    if progress is not None:
        progress("searching and proving KKT points", total, total)
    return found, refusals, len(known)


def _class_of(sentence: str) -> str:
    """The sentence up to its figures, so that refusals of one kind are counted as one."""
    return sentence.split(" (", 1)[0].split(":", 1)[0]
