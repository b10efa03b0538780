"""Nothing lies about unused: every function, class and constant of the package is reached from what users
call.

Reached is what an export, a command or a statement of a module uses, and what that uses in turn; names are
resolved through imports. A method is used if its name is said anywhere else, or if users get objects of its
class.
"""

import ast
from collections import Counter, defaultdict

import pytest
from source_tree import Source, source, sources
from theorem_files import asked_of

import certflow
import certflow.checker
from certflow.theorems.registry import FOLDERS

Place = tuple[str, str]
"""A module and a name in it."""

PASSIVE = {
    "dataclass",
    "lru_cache",
    "cache",
    "contextmanager",
    "total_ordering",
    "overload",
    "runtime_checkable",
}
"""Decorators that do not hand what they decorate to anybody; all others, such as those of commands, do."""

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


NOTEBOOK = {"_repr_html_", "_repr_latex_", "_repr_markdown_"}
"""Methods that notebooks call."""


def names_of(node: ast.stmt) -> list[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
    return []


def definitions(files: tuple[Source, ...]) -> dict[Place, Definition]:
    return {(file.name, name): node for file in files for node in file.tree.body for name in names_of(node)}


def uses(file: Source, node: ast.AST, known: dict[Place, Definition]) -> set[Place]:
    """The definitions that a piece of `file` names."""
    taken = {alias: place for alias, place in _imported(file).items() if place in known}
    modules = {alias: module for alias, (module, name) in _imported(file).items() if not name}
    found = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load):
            found.add(taken.get(each.id, (file.name, each.id)))
        if isinstance(each, ast.Attribute):
            found.add((modules.get(ast.unparse(each.value), ""), each.attr))
    return found & known.keys()


def _imported(file: Source) -> dict[str, Place]:
    """What the names that are imported anywhere in `file` stand for; modules have no second part."""
    found = {}
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            package = file.name if file.path.endswith("__init__.py") else file.name.rpartition(".")[0]
            parts = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*parts, *([node.module] if node.module else [])])
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                found[alias.asname or alias.name] = (inner, "") if inner in _modules() else (base, alias.name)
    return found


def _modules() -> frozenset[str]:
    return frozenset(file.name for file in sources())


def unreached(files: tuple[Source, ...], exported: set[Place]) -> list[str]:
    """The definitions of modules that neither `exported` names nor statements of modules lead to."""
    known = definitions(files)
    used: dict[Place, set[Place]] = defaultdict(set)
    waiting = exported & known.keys()
    for file in files:
        for node in file.tree.body:
            found, names = uses(file, node, known), names_of(node)
            for name in names:
                used[file.name, name] |= found
            if not names or names[0].startswith("__") or _handed_over(node):
                waiting |= found | {(file.name, name) for name in names}
    reached: set[Place] = set()
    while waiting:
        place = waiting.pop()
        reached.add(place)
        waiting |= used[place] - reached
    return sorted(".".join(place) for place in known.keys() - reached if not place[1].startswith("__"))


def _handed_over(node: ast.stmt) -> bool:
    """Whether a decorator gives the definition to somebody who calls it."""
    decorators = node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
    calls = [each.func if isinstance(each, ast.Call) else each for each in decorators]
    return any(ast.unparse(each).rpartition(".")[2] not in PASSIVE for each in calls)


def unused_methods(files: tuple[Source, ...], exported: set[Place]) -> list[str]:
    """The methods whose name nobody says, of classes whose objects users do not get, and such private ones of
    all classes.
    """
    said = Counter(word for file in files for word in _said(file.tree))
    public = _public(files, exported)
    found = []
    for file in files:
        for node in ast.walk(file.tree):
            if not isinstance(node, ast.ClassDef) or any(
                isinstance(base, ast.Attribute) for base in node.bases
            ):
                continue  # what a class of another package calls is not known
            for method in node.body:
                if (
                    isinstance(method, ast.FunctionDef)
                    and not method.name.startswith("__")
                    and method.name not in NOTEBOOK
                    and not _handed_over(method)
                ):
                    private = method.name.startswith("_") or (file.name, node.name) not in public
                    if private and said[method.name] == Counter(_said(method))[method.name]:
                        found.append(f"{file.name}.{node.name}.{method.name}")
    return found


def _said(tree: ast.AST) -> list[str]:
    """The attributes that are asked for, and the texts that are names and may be asked for by `getattr`."""
    attributes = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    return attributes + [text for text in texts if text.isidentifier()]


def _public(files: tuple[Source, ...], exported: set[Place]) -> set[Place]:
    """The classes whose objects users get: exported, or in the annotations of what these give."""
    known, by_name = definitions(files), {file.name: file for file in files}
    reached, waiting = set(), exported & known.keys()
    while waiting:
        place = waiting.pop()
        node = known[place]
        reached.add(place)
        given: list[ast.AST] = []
        if isinstance(node, ast.ClassDef):
            given = [*node.bases, *(each.annotation for each in node.body if isinstance(each, ast.AnnAssign))]
        functions = (
            [node]
            if isinstance(node, ast.FunctionDef)
            else node.body
            if isinstance(node, ast.ClassDef)
            else []
        )
        given += [each.returns for each in functions if isinstance(each, ast.FunctionDef) and each.returns]
        for each in given:
            waiting |= uses(by_name[place[0]], each, known) - reached
    return {place for place in reached if isinstance(known[place], ast.ClassDef)}


def exports() -> set[Place]:
    """What users import, what the shell calls, and what the registry asks of the theorems."""
    public = {
        (getattr(certflow, name).__module__, name) for name in certflow.__all__ if name != "__version__"
    }
    public |= {place for statement in FOLDERS for place in asked_of(statement)}
    return (
        public
        | {("certflow.checker", name) for name in certflow.checker.__all__}
        | {("certflow.__main__", "main")}
    )


def test_all_code_is_reached_from_what_users_call():
    assert unreached(sources(), exports()) == []


def test_all_methods_are_used_or_given_to_users():
    assert unused_methods(sources(), exports()) == []


# -- the rules can fail --------------------------------------------------------------------------------------

HOUSE = """
from certflow.cellar import coal
LIMIT, UNUSED = 3, 4
def door(x) -> Room:
    return coal(x) + LIMIT
def _window():
    return _window() + door(1)
class Room:
    def lamp(self): return self._switch()
    def _switch(self): return 1
    def _fuse(self): return self._fuse()
class Attic:
    def box(self): ...
"""
CELLAR = """
import functools
def coal(x):
    return shovel(x)
@functools.cache
def shovel(x): ...
@functools.cache
def potatoes(): ...
@main.command("sweep")
def sweep():
    return broom
broom = 1
class Bin:
    def lid(self): ...
    def empty(self): return getattr(Bin(), "lid")
"""


@pytest.fixture
def house():
    return (source(HOUSE, "certflow.house"), source(CELLAR, "certflow.cellar"))


def test_code_that_nobody_reaches_is_noticed(house):
    assert unreached(house, {("certflow.house", "door")}) == [
        "certflow.cellar.Bin",
        "certflow.cellar.potatoes",
        "certflow.house.Attic",
        "certflow.house.UNUSED",
        "certflow.house._window",
    ]
    assert "certflow.cellar.coal" in unreached(house, {("certflow.house", "Room")})


def test_methods_that_nobody_uses_are_noticed(house):
    assert unused_methods(house, {("certflow.house", "door")}) == [
        "certflow.house.Room._fuse",
        "certflow.house.Attic.box",
        "certflow.cellar.Bin.empty",
    ]
    assert "certflow.house.Room.lamp" in unused_methods(house, set())
