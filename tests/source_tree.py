"""The package as syntax trees, for the tests of its architecture."""

import ast
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "certflow"


@dataclass(frozen=True)
class Import:
    """One imported module (`certflow.exact`, `flint`, ...) and where: `top` at module level, else inside a
    function.

    `name` is what is taken from it, "" for the module itself. `typing_only` marks imports under `if
    TYPE_CHECKING:`, which never run.
    """

    module: str
    name: str
    line: int
    top: bool
    typing_only: bool


@dataclass(frozen=True)
class Source:
    """One source file: its path from the root of the repository, its dotted name and its text."""

    path: str
    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def imports(self) -> list[Import]:
        return list(_imports(self.tree, self.name, self.path.endswith("__init__.py"), True, False))

    @cached_property
    def knows(self) -> list[Import]:
        """The imports, and the modules that a text in the code names: what imports them does not matter."""
        named = [
            Import(node.value, "", node.lineno, False, False)
            for node in ast.walk(self.tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
            # Also a module that is not there; "certflow" alone is the name of the command.
            if re.fullmatch(rf"{PACKAGE}(\.\w+)+", node.value)
        ]
        return [*self.imports, *named]


def source(text: str, name: str = "certflow.example") -> Source:
    """A source file that is not on disk, to try the rules on."""
    return Source(name.replace(".", "/") + ".py", name, text)


@lru_cache
def sources() -> tuple[Source, ...]:
    """All source files of the package, sorted."""
    found = []
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        relative = path.relative_to(ROOT)
        parts = relative.with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(Source(relative.as_posix(), name, path.read_text(encoding="utf-8")))
    return tuple(found)


@lru_cache
def module_names() -> frozenset[str]:
    """The dotted names of all modules and packages."""
    return frozenset(each.name for each in sources())


def _imports(node, name, is_package, top, typing_only):
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, "", child.lineno, top, typing_only)
        elif isinstance(child, ast.ImportFrom):
            base = _absolute(child, name, is_package)
            for alias in child.names:
                # "from package import module" imports the module.
                inner = f"{base}.{alias.name}"
                found, taken = (inner, "") if inner in module_names() else (base, alias.name)
                yield Import(found, taken, child.lineno, top, typing_only)
        else:
            inside = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            typing = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
            typing = typing and not isinstance(child.test, ast.UnaryOp)
            yield from _imports(child, name, is_package, top and not inside, typing_only or typing)


def _absolute(node: ast.ImportFrom, name: str, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = name.split(".")
    parts = parts[: len(parts) - node.level + is_package]
    return ".".join([*parts, node.module] if node.module else parts)
