"""Which folder knows which statement; commands, records and pages ask here, and know no theorem themselves.

The files of a folder have the same names for all theorems, and are imported when they are needed: `prove`
(`certify`, and `weaker` where there is less to fall back on), `claim` (`Claim`, to and from JSON),
`certificate` (`certificate`), and as far as a theorem has them `words` (`paragraph`, `table` and
`points`, those to which the directions come, of a claim, `answer_tables`), `paper` (`latex`: the claim about
a problem, with the hash of its certificate, as a LaTeX theorem), `query` (`query`: the answer of a
claim to one delta), `limits` (`limits`: what keeps a claim from being stronger, with `sentence` and
`to_json`) and `trade_off` (`compromises`: theorems that give up something for a larger delta_bar). A theorem
without words is said in those of the checker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from typing import TYPE_CHECKING, Any

from certflow.exact import shown
from certflow.outcome import BadInput

if TYPE_CHECKING:
    from certflow.certificates import Claim
    from certflow.problem import Problem
    from certflow.progress import Progress
    from certflow.theorems.certified import Certified

FOLDERS = {
    "early-direction": "certflow.theorems.early_direction",
    "early-direction-power-1": "certflow.theorems.early_direction_power_1",
    "branches": "certflow.theorems.branches",
    "basin": "certflow.theorems.basin",
    "kkt-points": "certflow.theorems.kkt_points",
    "time-near-origin": "certflow.theorems.time_near_origin",
}
"""Statement -> folder."""


@dataclass(frozen=True)
class Statement:
    """A statement with the folder that knows how it is proved, written, said and asked."""

    statement: str
    folder: str

    def part(self, name: str) -> Any:
        """The file `name` of its folder, None if it has none."""
        place = f"{self.folder}.{name}"
        return import_module(place) if find_spec(place) is not None else None

    def takes(self, option: str) -> bool:
        """Whether its proof has this option."""
        return option in signature(self.part("prove").certify).parameters

    def certify(self, problem: Problem, progress: Progress | None, **options: Any) -> Certified[Any]:
        """What can be proved for a problem. Raises `BadInput` for options that this theorem does not have."""
        for name in options:
            if not self.takes(name):
                raise BadInput(f"{name}: the statement {self.statement} has no such number; leave it out.")
        found: Certified[Any] = self.part("prove").certify(problem, progress=progress, **options)
        return found

    def certificate(self, found: Certified[Any]) -> str:
        """The text of the certificate of what was proved."""
        return str(self.part("certificate").certificate(found))

    def weaker(self, found: Certified[Any], fault: Mapping[str, str]) -> Certified[Any] | None:
        """What is left of a theorem in which the checker finds this fault; None if nothing is."""
        fall_back: Callable[..., Certified[Any] | None] | None = getattr(self.part("prove"), "weaker", None)
        return None if fall_back is None else fall_back(found, fault)


def theorem(statement: Any, part: str = "claim", where: str = "claim.statement") -> Statement:
    """The theorem with the statement that was read at `where`; it has the file `part`. Raises `BadInput` if
    there is none.
    """
    able = having(part)
    if not isinstance(statement, str) or statement not in able:
        raise BadInput(f"{where}: {shown(statement)} is unknown; this certflow reads {', '.join(able)}.")
    return Statement(statement, FOLDERS[statement])


def default_statement(problem: Problem) -> str:
    """The statement that is proved if none is asked for: the early direction, that for power 1 where the
    gradient of a network of order 2 jumps.
    """
    from certflow.structure.smoothness import smoothness_of

    jumps = problem.order == 2 and smoothness_of(problem.network) == 0
    return "early-direction-power-1" if jumps else "early-direction"


def having(part: str) -> list[str]:
    """The statements whose folders have the file `part`."""
    return [name for name, folder in FOLDERS.items() if Statement(name, folder).part(part) is not None]


def words_of(claim: Claim) -> Any:
    """The file `words` of the theorem that the claim is about; raises `BadInput` if it has none."""
    return theorem(claim.statement, "words").part("words")


def query(claim: Claim | dict[str, Any], delta: Any, radii: Any = None) -> Any:
    """What a claim, or its JSON form in a certificate, says about one `delta` and the norms `radii`.

    The answer is that of `query` in the theorem's folder. Raises `BadInput` for claims that say nothing about
    a single delta, and for delta and radii that the claim is not about.
    """
    statement = claim.get("statement") if isinstance(claim, dict) else getattr(claim, "statement", None)
    if not isinstance(statement, str):
        raise BadInput(
            f"claim: expected a claim or its JSON form, got {shown(claim)}; certify(...).claim is one."
        )
    of = theorem(statement)
    if of.part("query") is None:
        able = ", ".join(having("query"))
        raise BadInput(f"claim: the statement {statement} says nothing about one delta, only {able} do.")
    read = of.part("claim").Claim.from_json(claim) if isinstance(claim, dict) else claim
    return of.part("query").query(read, delta, radii)
