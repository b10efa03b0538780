"""A problem: network, data, loss and initial direction, all exact; the one object that every computation
starts from.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any, SupportsIndex

import numpy as np

from certflow.atomic import file_name, write_atomically
from certflow.exact import (
    exact_matrix,
    exact_vector,
    format_rational,
    initial_norm,
    listed,
    short_number,
    shown,
    whole,
)
from certflow.losses import Loss
from certflow.networks.base import Network
from certflow.networks.correlation import Correlation
from certflow.networks.feed_forward import FeedForward
from certflow.outcome import BadInput
from certflow.problem_file import (
    TABLES,
    FileParts,
    check_keys,
    read_problem,
    read_tables,
    read_text,
    write_problem,
)

DEFAULT_DELTAS = ("1e-2", "1e-3", "1e-5", "1e-8", "1e-16", "1e-50", "1e-100", "1e-1000")
MAX_DELTAS = 1_000
MAX_ORDER = 4_096
MAX_SEED = 2**63 - 1


@dataclass(frozen=True)
class Experiment:
    """What `certflow verify` tabulates; the mathematics of a problem does not depend on it.

    `deltas` are kept as written (`delta_values` are the numbers), `factor_squared` is C of the event ‖w‖ = √C
    δ, `radius` is R of the event ‖w‖ = R, `time` the fixed (scaled) time of the angle table, `epsilon` the
    angle of the uniform statement. Raises `BadInput` unless all are positive, C > 1 and there is at least one
    delta.
    """

    deltas: tuple[str, ...] = DEFAULT_DELTAS
    factor_squared: Fraction = Fraction(4)
    radius: Fraction = Fraction(1, 100)
    time: Fraction = Fraction(6)
    epsilon: Fraction = Fraction(1, 100)

    def __post_init__(self) -> None:
        deltas = [] if isinstance(self.deltas, str) else listed(self.deltas, "experiment.deltas", "numbers")
        if not 1 <= len(deltas) <= MAX_DELTAS:
            raise BadInput(
                f'experiment.deltas: give a list of 1 to {MAX_DELTAS} numbers, for example ["1e-2", "1e-5"].'
            )
        values = exact_vector(deltas, "experiment.deltas", initial_norm)
        written = zip(deltas, values, strict=True)
        texts = tuple(
            delta.strip() if isinstance(delta, str) else format_rational(value) for delta, value in written
        )
        object.__setattr__(self, "deltas", texts)
        for key in ("factor_squared", "radius", "time", "epsilon"):
            value = short_number(getattr(self, key), f"experiment.{key}")
            least = 1 if key == "factor_squared" else 0
            if value <= least:
                raise BadInput(
                    f"experiment.{key}: {shown(getattr(self, key))} is too small; give a number above "
                    f"{least}."
                )
            object.__setattr__(self, key, value)

    def delta_values(self) -> list[Fraction]:
        """The exact values of `deltas`, in order."""
        return exact_vector(self.deltas, "experiment.deltas", initial_norm)

    def to_table(self) -> dict[str, Any]:
        """The `[experiment]` table of a problem file."""
        numbers = {
            key: format_rational(getattr(self, key))
            for key in ("factor_squared", "radius", "time", "epsilon")
        }
        return {"deltas": list(self.deltas), **numbers}


class Problem:
    """Gradient flow of `sum_i omega l(H(x_i; w), y_i)` from `w(0) = delta direction/‖direction‖`; immutable
    and exact.

    `network` gives H; `X` (n × inputs), `y` (n) and `direction` (all weights, not zero, not normalised) are
    object arrays of `Fraction`, read-only. The constructor takes lists, arrays, tensors and tables of numbers
    of any kind (see `exact.number`), and a `Loss` or the name of one with its `reduction`. Give `direction`
    or a `seed` (see `seeded_direction`). `name` is a label and is not compared.

    Raises `BadInput` for NaN or infinity, wrong lengths, ragged rows, no samples, a zero direction, labels
    that the loss cannot use, and a network that is not homogeneous of a whole order from 2 to `MAX_ORDER`.
    """

    network: Network
    X: np.ndarray
    y: np.ndarray
    loss: Loss
    direction: np.ndarray
    seed: int | None
    experiment: Experiment
    name: str

    def __init__(
        self,
        network: Network,
        X: Any,
        y: Any,
        loss: str | Loss = "square",
        direction: Any = None,
        seed: SupportsIndex | None = None,
        reduction: str = "mean",
        experiment: Experiment | None = None,
        name: str = "",
    ) -> None:
        if not isinstance(network, Network):
            raise BadInput(f"network: expected a network such as OneLayer(...), got {shown(network)}.")
        if not isinstance(name, str):
            raise BadInput(f"name: expected text, got {shown(name)}.")
        rows, labels = exact_matrix(X, "data.X", short_number), exact_vector(y, "data.y", short_number)
        if not rows or not rows[0]:
            raise BadInput("data.X: there are no samples; give at least one row with at least one entry.")
        if len(rows[0]) != network.inputs:
            raise BadInput(
                f"data.X: the samples have {len(rows[0])} entries, but the network has {network.inputs} "
                f"inputs."
            )
        if len(labels) != len(rows):
            raise BadInput(
                f"data.y: {len(labels)} labels for {len(rows)} samples; give one label per row of data.X."
            )
        if isinstance(network, FeedForward):
            for layer, given in network.given.items():
                exact_matrix(given, f'network.given."{layer}"', short_number)
        loss = loss if isinstance(loss, Loss) else Loss(loss, reduction)
        if (direction is None) == (seed is None):
            raise BadInput("initialization: give either a seed or a direction, exactly one of them.")
        if seed is None:
            start = exact_vector(direction, "initialization.direction", short_number)
        else:
            seed = whole(seed, "initialization.seed", 0, MAX_SEED)
            start = seeded_direction(seed, network.size)
        if len(start) != network.size:
            raise BadInput(
                f"initialization.direction: {len(start)} entries for {network.size} weights; give one per "
                f"weight."
            )
        if not any(start):
            raise BadInput("initialization.direction: all entries are zero; give at least one that is not.")
        values = {
            "network": network,
            "X": _frozen(rows, (len(rows), network.inputs)),
            "y": _frozen(labels, (len(rows),)),
            "loss": loss,
            "direction": _frozen(start, (network.size,)),
            "seed": seed,
            "experiment": experiment or Experiment(),
            "name": name,
        }
        self.__dict__.update(values)
        network.check_samples(self.X)
        loss.check_labels(self.y)
        _check_order(self.order, network)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a problem is immutable; make a new one to change {name}")

    __delattr__ = None  # type: ignore[assignment]

    def replace(self, **changes: Any) -> Problem:
        """A new problem with other parts: those of the constructor, of the `Experiment`, or one `delta`.

        A `seed` takes the place of a direction, and a direction that of a seed. The name stays if the
        mathematics does, unless it is given. Raises `BadInput` like the constructor, and for unknown parts.
        """
        parts = {key: getattr(self, key) for key in ("network", "X", "y", "loss", "experiment")}
        known = (*parts, "direction", "seed", "reduction", "name", "delta", *TABLES["experiment"])
        check_keys(changes, "problem.", known)
        if "delta" in changes:
            changes["deltas"] = (changes.pop("delta"),)
        settings = {key: changes.pop(key) for key in TABLES["experiment"] if key in changes}
        parts["name"] = "" if changes.keys() - {"experiment"} else self.name
        if isinstance(loss := changes.get("loss", self.loss), str):
            loss = Loss(loss, self.loss.reduction)
        if "reduction" in changes:
            loss = replace(loss, reduction=changes.pop("reduction"))
        if not changes.keys() & {"seed", "direction"}:
            parts |= {"direction": self.direction} if self.seed is None else {"seed": self.seed}
        parts |= {**changes, "loss": loss}
        return Problem(**parts | {"experiment": replace(parts["experiment"], **settings)})

    def with_numbers(self, network: Network, X: np.ndarray, y: np.ndarray, direction: np.ndarray) -> Problem:
        """A problem of the same shape, loss and name with other exact numbers, which may be longer than those
        of a file.
        """
        other = object.__new__(Problem)
        arrays = {"X": X, "y": y, "direction": direction}
        kept = {key: self.__dict__[key] for key in ("loss", "experiment", "name")}
        other.__dict__.update(
            network=network,
            seed=None,
            **kept,
            **{key: _frozen(list(values), values.shape) for key, values in arrays.items()},
        )
        return other

    # -- what follows from the parts -------------------------------------------------------------------------

    @property
    def n(self) -> int:
        """The number of samples."""
        return int(self.X.shape[0])

    @property
    def inputs(self) -> int:
        """The number of inputs of the network."""
        return self.network.inputs

    @property
    def blocks(self) -> tuple[tuple[int, ...], ...]:
        """The indices of the weights of each separable block."""
        return self.network.blocks

    @cached_property
    def order(self) -> int:
        """The order L of homogeneity of H in all weights jointly."""
        if isinstance(self.network, FeedForward):
            return self.network.order
        # Only expressions need degree inference, and with it sympy.
        from certflow.structure.homogeneity import homogeneity

        order = homogeneity(self.network).order
        if order != int(order):
            raise BadInput(
                f"network: the order of homogeneity is {order}; only whole orders from 2 on are supported."
            )
        return int(order)

    @cached_property
    def correlation(self) -> Correlation:
        """N of the problem: `sum_i z_i H(x_i; w)`."""
        return Correlation(self.network, self.X, self.z)

    @cached_property
    def z(self) -> np.ndarray:
        """The exact NCF weights `z_i = -omega l'(0, y_i)` (n), read-only: N(w) = sum_i z_i H(x_i; w)."""
        return _frozen(list(self.loss.initial_residuals(self.y)), (self.n,))

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the exact mathematical content: network, data, loss and resolved direction.

        Independent of how numbers are written, of the name, the experiment, and of whether the direction came
        from a seed. Raises `BadInput` for a custom loss, which has no exact text.
        """
        return hashlib.sha256(_canonical(self.exact_content())).hexdigest()

    def exact_content(self) -> dict[str, Any]:
        """Network, data, loss and resolved direction as exact text: what `sha256` is the hash of, and
        certificates hold.

        Raises `BadInput` for a custom loss, which has no exact text.
        """
        return {
            "network": {"inputs": self.inputs, **self.network.to_table()},
            "data": self._data_table(),
            "loss": self._loss_table(),
            "direction": [format_rational(value) for value in self.direction],
        }

    # -- files -----------------------------------------------------------------------------------------------

    @classmethod
    def load(cls, source: ProblemSource) -> Problem:
        """A problem as it is, that of a file, or the one that comes with certflow under a name.

        Every function that takes a problem takes all three. The name of a built-in problem is not that of a
        file. Raises `BadInput` for anything else, as `from_toml` and `builtin` do.
        """
        if isinstance(source, Problem):
            return source
        if not isinstance(source, str | os.PathLike):
            expected = "a problem, a path or the name of a built-in problem"
            raise BadInput(f"problem: expected {expected}, got {shown(source)}.")
        return cls.builtin(str(source)) if is_builtin(source) else cls.from_toml(source)

    @classmethod
    def from_toml(cls, path: str | os.PathLike[str]) -> Problem:
        """The problem in the file `path`; a `data.file` in it is looked up in the same folder.

        Raises `BadInput` with one sentence that names the file and the place in it.
        """
        where = file_name(path)
        text = read_text(where, where)
        try:
            return cls._from_text(text, Path(where).parent, Path(where).stem)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from error

    @classmethod
    def from_toml_text(
        cls, text: str, folder: str | os.PathLike[str] | None = None, name: str = ""
    ) -> Problem:
        """The problem that TOML text describes; `folder` is where a `data.file` is looked up. Raises
        `BadInput`.
        """
        return cls._from_text(text, None if folder is None else Path(folder), name)

    @classmethod
    def from_exact_content(cls, content: Any, **settings: Any) -> Problem:
        """The problem of which this is the `exact_content`; `settings` are those of its `Experiment`. Raises
        `BadInput` for what is no problem, and for one that would be written otherwise.
        """
        expected = ("network", "data", "loss", "direction")
        if not isinstance(content, dict) or sorted(content) != sorted(expected):
            raise BadInput(f"problem: expected {', '.join(expected)} and nothing else, got {shown(content)}.")
        network = content["network"]
        if isinstance(network, dict) and isinstance(network.get("inputs"), int):
            network = {key: value for key, value in network.items() if key != "inputs"}
        tables = {"network": network, "data": content["data"], "loss": content["loss"]}
        parts = read_tables({**tables, "initialization": {"direction": content["direction"]}}, None)
        found = cls._from_parts(parts, Experiment(**settings))
        if _canonical(found.exact_content()) != _canonical(content):
            raise BadInput("problem: its numbers or keys are not in the one form in which they are written.")
        return found

    @classmethod
    def _from_text(cls, text: str, folder: Path | None, name: str) -> Problem:
        parts = read_problem(text, folder)
        return cls._from_parts(parts, Experiment(**parts.experiment), name)

    @classmethod
    def _from_parts(cls, parts: FileParts, experiment: Experiment, name: str = "") -> Problem:
        start = parts.direction, parts.seed
        return cls(parts.network, parts.X, parts.y, parts.loss, *start, parts.reduction, experiment, name)

    def to_toml(self) -> str:
        """The problem file, with every number exact: `from_toml_text(p.to_toml()) == p`. Data from a file is
        included.

        Raises `BadInput` for a custom loss, which only Python can hold.
        """
        start = (
            {"seed": self.seed}
            if self.seed is not None
            else {"direction": [format_rational(v) for v in self.direction]}
        )
        return write_problem(
            {
                "network": self.network.to_table(),
                "data": self._data_table(),
                "loss": self._loss_table(),
                "initialization": start,
                "experiment": self.experiment.to_table(),
            }
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the problem file atomically; `BadInput` if that is impossible, and the earlier file is
        untouched.
        """
        write_atomically(path, self.to_toml())

    def _data_table(self) -> dict[str, Any]:
        return {
            "X": [[format_rational(value) for value in row] for row in self.X],
            "y": [format_rational(value) for value in self.y],
        }

    def _loss_table(self) -> dict[str, str]:
        if self.loss.kind == "custom":
            raise BadInput("loss: a custom loss cannot be written to a file; use square or logistic.")
        return {"kind": self.loss.kind, "reduction": self.loss.reduction}

    # -- built-in problems -----------------------------------------------------------------------------------

    @classmethod
    def builtin(cls, name: str) -> Problem:
        """The problem that comes with certflow under `name` (see `builtin_names`); `BadInput` if there is
        none.
        """
        return cls.from_toml_text(builtin_text(name), name=name)

    @classmethod
    def figure1(cls) -> Problem:
        """Figure 1 of [KH24]: 20 squared-ReLU neurons in the plane, 50 samples, square loss, mean."""
        return cls.builtin("figure1")

    # -- comparison ------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Problem):
            return NotImplemented
        parts = ("network", "loss", "seed", "experiment")
        arrays = ("X", "y", "direction")
        return all(getattr(self, part) == getattr(other, part) for part in parts) and all(
            np.array_equal(getattr(self, array), getattr(other, array)) for array in arrays
        )

    def __hash__(self) -> int:
        return hash((self.network, tuple(self.y), tuple(self.direction)))

    def __repr__(self) -> str:
        label = f"{self.name!r}, " if self.name else ""
        return (
            f"Problem({label}{self.network!r}, n={self.n}, loss={self.loss.kind}/{self.loss.reduction}, "
            f"order={self.order})"
        )


ProblemSource = Problem | str | os.PathLike[str]
"""A problem, the path of its file, or the name of one that comes with certflow: see `Problem.load`."""


def _canonical(content: Any) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _frozen(values: Sequence[Any], shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(shape, dtype=object)
    array[...] = values
    array.setflags(write=False)
    return array


def _check_order(order: int, network: Network) -> None:
    if order < 2:
        fix = (
            "train more layers or raise the power of the activation"
            if isinstance(network, FeedForward)
            else "raise the degree"
        )
        raise BadInput(
            f"network: its output is homogeneous of order {order}, but order 2 or more is needed; {fix}."
        )
    if order > MAX_ORDER:
        raise BadInput(
            f"network: its output is homogeneous of order {order}; at most {MAX_ORDER} is supported."
        )


def seeded_direction(seed: SupportsIndex, size: int) -> list[Fraction]:
    """The exact direction that `seed` stands for: `size` approximately standard normal numbers with three
    decimals.

    Entry i is the sum of the first twelve big-endian 16-bit numbers in the SHA-256 of the text "certflow
    direction SEED i ATTEMPT", minus 12 · 65535/2, over 65536 (the Irwin-Hall approximation of a normal
    number), rounded to the nearest thousandth, ties upwards. ATTEMPT counts from 0 and rises only while all
    entries are zero. Integers only: the same on every machine and for every version of every library, for
    ever.

    Raises `BadInput` unless `seed` is a whole number from 0 to `MAX_SEED`.
    """
    seed = whole(seed, "initialization.seed", 0, MAX_SEED)
    attempts = (
        [_seeded_entry(f"certflow direction {seed} {i} {attempt}") for i in range(size)]
        for attempt in count()
    )
    return next(entries for entries in attempts if any(entries))


def _seeded_entry(text: str) -> Fraction:
    digest = hashlib.sha256(text.encode("ascii")).digest()
    total = sum(int.from_bytes(digest[2 * i : 2 * i + 2], "big") for i in range(12)) - 6 * 65535
    return Fraction((1000 * total + 32768) // 65536, 1000)


def builtin_names() -> tuple[str, ...]:
    """The names of the problems that come with certflow, sorted."""
    files = (entry.name for entry in (resources.files("certflow") / "problems").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def is_builtin(source: str | os.PathLike[str]) -> bool:
    """Whether `source` is the name of a built-in problem, or can only be meant as one: text that no file has
    as its name, and that does not look like the name of one.
    """
    if not isinstance(source, str):
        return False
    looks_like_a_file = source.endswith(".toml") or os.sep in source or os.path.exists(source)
    return source in builtin_names() or not looks_like_a_file


def builtin_text(name: str) -> str:
    """The problem file that comes with certflow under `name`, byte for byte; `BadInput` if there is none."""
    names = builtin_names()
    if name not in names:
        near = difflib.get_close_matches(str(name)[:64], names, n=1)
        hint = f"did you mean {near[0]}?" if near else "or give the path of a problem file."
        raise BadInput(f"{shown(name)}: no built-in problem has this name, only {', '.join(names)}; {hint}")
    return (resources.files("certflow") / "problems" / f"{name}.toml").read_bytes().decode("utf-8")
