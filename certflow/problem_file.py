"""Problem files: TOML text <-> the parts of a problem, exact in both directions. The format is in
docs/problem-files.md.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any

from certflow.atomic import file_name
from certflow.exact import MAX_DIGITS, MAX_ENTRIES, exact_matrix, exact_vector, listed, short_number, shown
from certflow.networks.activation import Activation
from certflow.networks.base import Network
from certflow.networks.feed_forward import MAX_WEIGHTS, FeedForward
from certflow.networks.one_hidden_layer import OneLayer, TwoLayer
from certflow.outcome import BadInput

MAX_FILE_BYTES = 64 * 2**20
"""Largest problem or data file that is read."""

MAX_LAYERS = 64

KINDS = {
    "one-layer": ("kind", "width", "activation", "signs"),
    "two-layer": ("kind", "width", "activation"),
    "feed-forward": ("kind", "widths", "activation", "trained", "given"),
    "expression": ("kind", "weights", "inputs", "output"),
}
TABLES = {
    "network": tuple(dict.fromkeys(key for keys in KINDS.values() for key in keys)),
    "data": ("X", "y", "file"),
    "loss": ("kind", "reduction"),
    "initialization": ("seed", "direction"),
    "experiment": ("deltas", "factor_squared", "radius", "time", "epsilon"),
}

# A key of very many dotted parts costs the TOML reader quadratic time; no valid file has more than three.
_ENDLESS_KEY = re.compile(
    r"""(?<![A-Za-z0-9_-])(?:(?:[A-Za-z0-9_-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){64}"""
)


class _Decimal(str):
    """The text of a TOML float: read exactly later, and told apart from quoted text in error messages."""

    __slots__ = ()
    __repr__ = str.__str__


# -- files ---------------------------------------------------------------------------------------------------


def read_text(path: str | os.PathLike[str], where: str) -> str:
    """The text of a plain UTF-8 file of at most `MAX_FILE_BYTES` bytes; `BadInput` otherwise."""
    file_name(path)
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{where}: is not a plain file; give the name of a file.")
        with open(path, "rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise BadInput(
            f"{where}: cannot be read ({error.strerror}); check the name and the permissions."
        ) from error
    if len(data) > MAX_FILE_BYTES:
        raise BadInput(
            f"{where}: the file is larger than {MAX_FILE_BYTES // 2**20} MiB; move the data to a smaller "
            f"file."
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{where}: is not UTF-8 text (byte {error.start}); save it as UTF-8.") from error


@dataclass(frozen=True)
class FileParts:
    """What a problem file says, all numbers exact; exactly one of `direction` and `seed` is given.

    `experiment` maps the keys that the file has to their values (`deltas` as written).
    """

    network: Network
    X: list[list[Fraction]]
    y: list[Fraction]
    loss: str
    reduction: str
    direction: list[Fraction] | None
    seed: Any
    experiment: Mapping[str, Any]


def read_problem(text: str, folder: Path | None) -> FileParts:
    """The parts of a problem file; `folder` is where `data.file` is looked up, None if there is no folder.

    Raises `BadInput` with one sentence naming the place.
    """
    return read_tables(_parse_toml(text), folder)


def read_tables(tables: dict[str, Any], folder: Path | None) -> FileParts:
    """The same from the tables themselves."""
    check_keys(tables, "", tuple(TABLES))
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise BadInput(f"{name}: expected a table [{name}], got {shown(table)}.")
        check_keys(table, f"{name}.", TABLES[name])
    X, y = _read_data(_required_table(tables, "data"), folder)
    network = _read_network(_required_table(tables, "network"), len(X[0]))
    table = tables.get("loss", {})
    loss = _text(table, "loss", "kind", "square")
    if loss not in ("square", "logistic"):
        raise BadInput(f"loss.kind: {shown(loss)} is not one of square, logistic.")
    reduction = _text(table, "loss", "reduction", "mean")
    start = tables.get("initialization", {})
    if len(start) != 1:
        raise BadInput("initialization: give either seed = 1 or direction = [...], exactly one of them.")
    direction = (
        exact_vector(start["direction"], "initialization.direction", short_number)
        if "direction" in start
        else None
    )
    experiment = dict(tables.get("experiment", {}))
    if "deltas" in experiment:
        deltas = listed(experiment["deltas"], "experiment.deltas", "a list of numbers")
        experiment["deltas"] = tuple(str(d) if isinstance(d, str) else d for d in deltas)
    return FileParts(network, X, y, loss, reduction, direction, start.get("seed"), experiment)


def input_files(path: str | os.PathLike[str]) -> list[Path]:
    """The problem file `path` and the data file that it names, if any."""
    data = _parse_toml(read_text(path, os.fspath(path))).get("data")
    name = data.get("file") if isinstance(data, dict) else None
    return [Path(path), *([Path(path).parent / name] if isinstance(name, str) else [])]


def _parse_toml(text: str) -> dict[str, Any]:
    if len(text) > MAX_FILE_BYTES:
        raise BadInput(f"the problem is longer than {MAX_FILE_BYTES // 2**20} MiB; move the data to a file.")
    if _ENDLESS_KEY.search(text):
        raise BadInput(
            "a key has more than 64 dotted parts; the tables are network, data, loss, initialization, "
            "experiment."
        )
    try:
        return tomllib.loads(text, parse_float=lambda number: _Decimal(number.replace("_", "")))
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"is not valid TOML: {error}; see `certflow init figure1` for an example.") from error
    except RecursionError as error:
        raise BadInput(
            "is nested too deeply to be a problem; data.X is a list of rows, nothing is deeper."
        ) from error
    except ValueError as error:
        raise BadInput(
            f"contains a number that is too long; at most {MAX_DIGITS} digits are read, in quotes."
        ) from error


def check_keys(table: Mapping[str, Any], prefix: str, known: tuple[str, ...]) -> None:
    """Raise `BadInput` for a key that is not `known`, with the one that may have been meant."""
    for key in table:
        if key in known:
            continue
        near = difflib.get_close_matches(key[:64], known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}."
        raise BadInput(f"{prefix}{key[:64]}: unknown {'key' if prefix else 'table'}; {hint}")


def _required_table(tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    if name not in tables:
        raise BadInput(f"{name}: the table [{name}] is missing; see `certflow init figure1` for an example.")
    return dict(tables[name])


def _required(table: Mapping[str, Any], name: str, key: str, example: str) -> Any:
    if key not in table:
        raise BadInput(f"{name}.{key}: is missing; write for example {key} = {example}.")
    return table[key]


def _text(table: Mapping[str, Any], name: str, key: str, default: str) -> str:
    value = table.get(key, default)
    if not isinstance(value, str) or isinstance(value, _Decimal):
        raise BadInput(f"{name}.{key}: expected text in quotes, got {shown(value)}.")
    return value


def _whole(value: Any, where: str, most: int = MAX_WEIGHTS) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadInput(f"{where}: expected a whole number without quotes, got {shown(value)}.")
    if not 1 <= value <= most:
        raise BadInput(f"{where}: {shown(value)} is outside the range from 1 to {most}.")
    return value


# -- tables --------------------------------------------------------------------------------------------------


def _read_data(table: dict[str, Any], folder: Path | None) -> tuple[list[list[Fraction]], list[Fraction]]:
    if "file" in table:
        if len(table) > 1:
            raise BadInput(
                "data.file: the file holds the samples and the labels; remove data.X and data.y, or the file."
            )
        X, y = _read_csv(_text(table, "data", "file", ""), folder)
    else:
        X = exact_matrix(_required(table, "data", "X", '[["1", "0"]]'), "data.X", short_number)
        y = exact_vector(_required(table, "data", "y", '["5"]'), "data.y", short_number)
    if not X or not X[0]:
        raise BadInput("data.X: there are no samples; give at least one row with at least one entry.")
    return X, y


def _read_csv(name: str, folder: Path | None) -> tuple[list[list[Fraction]], list[Fraction]]:
    if folder is None:
        raise BadInput(
            "data.file: the problem has no folder to look in; give data.X and data.y, or read it from a file."
        )
    relative = PurePosixPath(name)
    if (
        not name
        or "\0" in name
        or "\\" in name
        or ":" in name
        or relative.is_absolute()
        or ".." in relative.parts
    ):
        raise BadInput(
            f"data.file: {shown(name)} is not inside the problem's folder; copy the file beside the problem."
        )
    home = os.path.realpath(folder)
    real = os.path.realpath(os.path.join(home, name))
    # After resolving symbolic links, so that none leads out of the folder.
    if os.path.commonpath([home, real]) != home:
        raise BadInput(
            f"data.file: {shown(name)} leads out of the problem's folder; copy the file beside the problem."
        )
    text = read_text(real, f"data.file: {name}")
    X: list[list[Fraction]] = []
    y: list[Fraction] = []
    entries = 0
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            if not row:
                continue
            place = f"{name} line {reader.line_num}"
            if len(row) < 2:
                raise BadInput(f"{place}: expected at least one input and the label, separated by commas.")
            if X and len(row) != len(X[0]) + 1:
                raise BadInput(
                    f"{place}: the row has {len(row)} entries, but the first has {len(X[0]) + 1}; make them "
                    f"equal."
                )
            entries += len(row)
            if entries > MAX_ENTRIES:
                raise BadInput(f"{place}: there are more than {MAX_ENTRIES} entries; give fewer samples.")
            numbers = [short_number(value, f"{place}, column {j + 1}") for j, value in enumerate(row)]
            X.append(numbers[:-1])
            y.append(numbers[-1])
    except csv.Error as error:
        raise BadInput(
            f"{name} line {reader.line_num}: is not CSV ({error}); write numbers separated by commas."
        ) from error
    return X, y


def _read_network(table: dict[str, Any], inputs: int) -> Network:
    kind = _required(table, "network", "kind", '"one-layer"')
    if not isinstance(kind, str) or kind not in KINDS:
        near = difflib.get_close_matches(str(kind)[:64], KINDS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(KINDS)}."
        raise BadInput(f"network.kind: {shown(kind)} is not a kind of network; {hint}")
    for key in table:
        if key not in KINDS[kind]:
            raise BadInput(
                f"network.{key}: is not a key of a network of kind {kind}; remove it (keys: "
                f"{', '.join(KINDS[kind])})."
            )
    if kind == "expression":
        return _read_expression(table)
    activation = _read_activation(_required(table, "network", "activation", '{ alpha = "0", power = 2 }'))
    if kind == "feed-forward":
        return _read_feed_forward(table, activation)
    width = _whole(_required(table, "network", "width", "20"), "network.width")
    if width * inputs > MAX_WEIGHTS:
        raise BadInput(
            f"network.width: {width} × {inputs} weights are too many; at most {MAX_WEIGHTS} are supported."
        )
    if kind == "two-layer":
        return TwoLayer(inputs, width, activation)
    signs = table.get("signs")
    return OneLayer(
        inputs,
        width,
        activation,
        None if signs is None else exact_vector(signs, "network.signs", short_number),
    )


def _read_activation(table: Any) -> Activation:
    if not isinstance(table, dict):
        raise BadInput(f'network.activation: expected {{ alpha = "0", power = 2 }}, got {shown(table)}.')
    check_keys(table, "network.activation.", ("alpha", "power"))
    return Activation(short_number(table.get("alpha", 0), "network.activation.alpha"), table.get("power", 1))


def _read_feed_forward(table: dict[str, Any], activation: Activation) -> FeedForward:
    widths = listed(
        _required(table, "network", "widths", "[3, 4, 4, 1]"), "network.widths", "a list of whole numbers"
    )
    if len(widths) > MAX_LAYERS + 1:
        raise BadInput(
            f"network.widths: {len(widths) - 1} layers are too many; at most {MAX_LAYERS} are supported."
        )
    widths = [_whole(width, f"network.widths[{i}]") for i, width in enumerate(widths)]
    trained = table.get("trained")
    if trained is not None:
        trained = listed(trained, "network.trained", "a list of layer numbers")
        trained = [_whole(layer, f"network.trained[{i}]", MAX_LAYERS) for i, layer in enumerate(trained)]
    matrices = table.get("given", {})
    if not isinstance(matrices, dict):
        raise BadInput(
            f'network.given: expected a table such as given."1" = [["1", "0"]], got {shown(matrices)}.'
        )
    given = {}
    for layer, rows in matrices.items():
        if not re.fullmatch(r"[1-9][0-9]?", layer):
            raise BadInput(
                f'network.given: {shown(layer)} is not the number of a layer; write given."1" for the first.'
            )
        given[int(layer)] = exact_matrix(rows, f'network.given."{layer}"', short_number)
    return FeedForward(widths, activation, trained, given)


def _read_expression(table: dict[str, Any]) -> Network:
    from certflow.networks.expression import Expression  # imports sympy

    names = {}
    for key in ("weights", "inputs"):
        names[key] = listed(
            _required(table, "network", key, '["u1", "u2"]'), f"network.{key}", "a list of names"
        )
        for i, name in enumerate(names[key]):
            if not isinstance(name, str) or isinstance(name, _Decimal):
                raise BadInput(f"network.{key}[{i}]: expected a name in quotes, got {shown(name)}.")
    _required(table, "network", "output", '"u1*abs(u2)*x1"')
    return Expression(output=_text(table, "network", "output", ""), **names)


# -- writing -------------------------------------------------------------------------------------------------


def write_problem(tables: Mapping[str, Mapping[str, Any]]) -> str:
    """The TOML text of nested tables of text, whole numbers and (nested) lists: one row of a matrix per
    line.
    """
    lines: list[str] = []
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{_key(key)} = {_literal(value)}" for key, value in table.items()), ""]
    return "\n".join(lines)


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quoted(key)


def _quoted(text: str) -> str:
    import tomli_w

    return tomli_w.dumps({"key": text}).removeprefix("key = ").removesuffix("\n")


def _literal(value: Any, nested: bool = False) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return (
            "{ "
            + ", ".join(f"{_key(key)} = {_literal(item, nested=True)}" for key, item in value.items())
            + " }"
        )
    items = [_literal(item, nested=True) for item in value]
    if nested or (len(items) <= 10 and not any(isinstance(item, list) for item in value)):
        return "[" + ", ".join(items) + "]"
    step = 1 if isinstance(value[0], list) else 10
    return "[\n" + "".join(f"  {', '.join(items[i : i + step])},\n" for i in range(0, len(items), step)) + "]"
