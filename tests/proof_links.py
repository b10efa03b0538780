"""The links of `proofs_notes/`: of each numbered statement, the code that carries it and the tests that would
notice.
"""

import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
NOTES = ROOT / "proofs_notes"

CODE = re.compile(r"^\s*- code: `([A-Za-z_][\w.]*)`", re.MULTILINE)
TEST = re.compile(r"^\s*- test: `(tests/[\w/]+\.py)::([\w:]+)`", re.MULTILINE)
STATEMENT = re.compile(r"^### (L\d+\.\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Statement:
    """A numbered statement of a note, with the dotted names of its code and its tests as path::name."""

    label: str
    text: str

    @property
    def code(self) -> tuple[str, ...]:
        return tuple(CODE.findall(self.text))

    @property
    def tests(self) -> tuple[str, ...]:
        return tuple(f"{file}::{name}" for file, name in TEST.findall(self.text))


def note_files() -> list[Path]:
    """The notes, sorted."""
    return sorted(NOTES.glob("L*.md"))


def statements(text: str) -> list[Statement]:
    """The numbered statements of a note, each up to the next heading."""
    starts = [*STATEMENT.finditer(text)]
    ends = [m.start() for m in re.finditer(r"^#{1,3} ", text, re.MULTILINE)] + [len(text)]
    return [Statement(m[1], text[m.start() : min(e for e in ends if e > m.start())]) for m in starts]


@cache
def all_statements() -> tuple[Statement, ...]:
    """The statements of all notes."""
    return tuple(each for path in note_files() for each in statements(path.read_text(encoding="utf-8")))


def linked(dotted: str) -> Any:
    """The module, class, function or other member that `dotted` names."""
    parts = dotted.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for name in parts[cut:]:
            found = inspect.getattr_static(found, name)
        return found
    raise ModuleNotFoundError(dotted)


@cache
def entries(dotted: str) -> frozenset[FunctionType]:
    """What runs when `dotted` is entered: a function, all methods of a class, all functions and classes of a
    module.
    """
    return frozenset(_functions(linked(dotted)))


def docstring(dotted: str) -> str:
    """The docstring of what `dotted` names, "" if it has none of its own."""
    return inspect.unwrap(_inner(linked(dotted))).__doc__ or ""


def _functions(thing: Any) -> Iterator[FunctionType]:
    if isinstance(thing, ModuleType | type):
        own = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
        for each in vars(thing).values():
            if getattr(each, "__module__", own) == own and not isinstance(each, ModuleType):
                yield from _functions(each)
        return
    if _inner(thing) is not thing:
        yield from _functions(_inner(thing))
    elif isinstance(thing, FunctionType):
        yield thing


def _inner(thing: Any) -> Any:
    """What a static or class method, a property or a cached one is made of; all else as it is."""
    if isinstance(thing, ModuleType | type):
        return thing
    for wrapped in ("__func__", "fget", "func", "__wrapped__"):
        if getattr(thing, wrapped, None) is not None:
            return getattr(thing, wrapped)
    return thing
