"""Data flows one way: imports, top-level or inside functions, only run downwards; heavy packages have one
door each.
"""

import ast
import subprocess
import sys

import pytest
from source_tree import ROOT, Import, Source, source, sources

import certflow

LAYERS = (
    ("certflow.__main__",),
    ("certflow.cli.commands",),
    ("certflow.cli.certificates", "certflow.cli.kkt"),
    ("certflow.cli", "certflow.cli.command_line"),
    ("certflow.experiments",),
    # Where prover and checker meet.
    ("certflow.trade_offs",),
    ("certflow.certifying",),
    # Imports nothing of certflow; nothing that proves may call it.
    ("certflow.checker",),
    ("certflow.report",),
    # A theorem is a folder: its proof, its claim, its certificate and its words.
    ("certflow.theorems",),
    # The container: it knows no theorem.
    ("certflow.certificates",),
    # Proposals may know what they are proposed to; the proofs know them only as data.
    ("certflow.flow.propose", "certflow.flow.reference"),
    ("certflow.flow",),
    ("certflow.kkt",),
    # N as sympy and exact algebra write it.
    ("certflow.ncf",),
    ("certflow.units",),
    ("certflow.problem", "certflow.problem_file"),
    ("certflow.networks.correlation",),
    # What a network is; its N asks for its order and smoothness.
    ("certflow.structure",),
    ("certflow.losses",),
    ("certflow.networks",),
    ("certflow.algebra",),
    ("certflow.tables",),
    ("certflow.arithmetic",),
    ("certflow.exact",),
    ("certflow.atomic", "certflow.printable", "certflow.progress", "certflow.running"),
    ("certflow.outcome",),
)
"""From top to bottom. A module belongs to the layer with the longest entry that it lies in."""

ROOMS = {
    "certflow.flow": {"certflow.kkt"},
    "certflow.flow.propose": {"certflow.flow.reference"},
    "certflow.flow.reference": {"certflow.flow.propose", "certflow.flow.enclose"},
    "certflow.flow.enclose": {"certflow.flow.propose", "certflow.flow.reference"},
    "certflow.kkt.neuron": {
        "certflow.kkt.cover",
        "certflow.kkt.single",
        "certflow.kkt.rank_one",
        "certflow.kkt.bounds",
    },
    "certflow.kkt.single": {
        "certflow.kkt.neuron",
        "certflow.kkt.cover",
        "certflow.kkt.rank_one",
        "certflow.kkt.bounds",
    },
    "certflow.kkt.cover": {"certflow.kkt.single", "certflow.kkt.rank_one", "certflow.kkt.bounds"},
    "certflow.kkt.rank_one": {"certflow.kkt.cover", "certflow.kkt.bounds"},
    "certflow.kkt.bounds": {"certflow.kkt.single", "certflow.kkt.cover", "certflow.kkt.rank_one"},
    "certflow.theorems.early_direction": {
        "certflow.theorems.early_direction_power_1",
        "certflow.theorems.basin",
        "certflow.theorems.kkt_points",
        "certflow.theorems.time_near_origin",
    },
    "certflow.theorems.early_direction_power_1": {
        "certflow.theorems.basin",
        "certflow.theorems.kkt_points",
        "certflow.theorems.time_near_origin",
    },
    "certflow.theorems.basin": {
        "certflow.theorems.early_direction_power_1",
        "certflow.theorems.kkt_points",
        "certflow.theorems.time_near_origin",
    },
    "certflow.theorems.kkt_points": {
        "certflow.theorems.early_direction",
        "certflow.theorems.early_direction_power_1",
        "certflow.theorems.basin",
        "certflow.theorems.time_near_origin",
    },
    "certflow.theorems.time_near_origin": {
        "certflow.theorems.early_direction_power_1",
        "certflow.theorems.basin",
    },
    "certflow.checker.kernel": {
        "certflow.checker.tube",
        "certflow.checker.symmetries",
        "certflow.checker.outcomes",
        "certflow.checker.early_direction",
        "certflow.checker.basin",
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.tube": {
        "certflow.checker.symmetries",
        "certflow.checker.outcomes",
        "certflow.checker.early_direction",
        "certflow.checker.basin",
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.symmetries": {
        "certflow.checker.outcomes",
        "certflow.checker.early_direction",
        "certflow.checker.basin",
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.outcomes": {
        "certflow.checker.early_direction",
        "certflow.checker.basin",
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.early_direction": {
        "certflow.checker.basin",
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.basin": {
        "certflow.checker.kkt_points",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.kkt_points": {
        "certflow.checker.tube",
        "certflow.checker.early_direction",
        "certflow.checker.basin",
        "certflow.checker.time_near_origin",
        "certflow.checker.registry",
    },
    "certflow.checker.time_near_origin": {"certflow.checker.basin", "certflow.checker.registry"},
}
"""Room -> the rooms on the same floor that it does not know."""

HEAVY = {"numpy", "sympy", "flint", "matplotlib", "mpmath", "gmpy2"}

DOORS = {
    "flint": {"certflow.arithmetic.ball"},
    "matplotlib": {"certflow.report.figures"},
    "mpl_toolkits": set(),
    "click": {
        "certflow.cli.commands",
        "certflow.cli.certificates",
        "certflow.cli.kkt",
        "certflow.cli.command_line",
    },
}
"""Package -> the only modules that import it."""


def layer_of(name: str) -> int | None:
    """The position in `LAYERS` of the module `name`, None if it has none."""
    best: tuple[int, int] | None = None
    for position, entries in enumerate(LAYERS):
        for entry in entries:
            if (name == entry or name.startswith(entry + ".")) and (best is None or len(entry) > best[0]):
                best = (len(entry), position)
    return None if best is None else best[1]


def upward_imports(file: Source) -> list[str]:
    """What `file` imports of certflow from a layer above its own."""
    own = layer_of(file.name)
    found = []
    for each in file.knows:
        if (
            each.module.split(".")[0] != "certflow"
            or each.typing_only
            or (each.module, each.name) == ("certflow", "__version__")
        ):
            continue
        target = layer_of(each.module)
        if own is None or target is None or target < own:
            found.append(f"{file.path}:{each.line} imports {each.module}")
    return found


def inside(name: str, room: str) -> bool:
    """Whether the module `name` lies in `room` or is it."""
    return name == room or name.startswith(room + ".")


def imports_through_walls(file: Source) -> list[str]:
    """What `file` imports of a room that its own does not know."""
    forbidden = {wall for room, walls in ROOMS.items() if inside(file.name, room) for wall in walls}
    return [
        f"{file.path}:{each.line} imports {each.module}"
        for each in file.knows
        if not each.typing_only
        and any(inside(each.module, wall) or f"{each.module}.{each.name}" == wall for wall in forbidden)
    ]


def heavy_imports(file: Source, package: str) -> list[Import]:
    """The imports of `package` or a part of it in `file`, except those for type checkers only."""
    return [each for each in file.imports if each.module.split(".")[0] == package and not each.typing_only]


LATE = {"certflow", "certflow.theorems.registry"}
"""The only modules that import what a variable names: public names, and the folders of theorems."""


def late_imports(file: Source) -> list[str]:
    """What `file` imports to import modules by a name that is not written there."""
    found = [
        f"{file.path}:{each.line} imports {each.module}"
        for each in file.imports
        if each.module.split(".")[0] in {"importlib", "runpy", "pkgutil", "imp", "zipimport"}
        if {each.module.removeprefix("importlib."), each.name}.isdisjoint({"metadata", "resources"})
    ]
    modules = [
        f"{file.path}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Attribute | ast.Name)
        if ast.unparse(node) in {"sys.modules", "__import__", "__builtins__", "builtins.__import__"}
    ]
    return found + modules


def test_every_module_has_a_layer():
    homeless = [each.name for each in sources() if each.name != "certflow" and layer_of(each.name) is None]
    assert not homeless, f"place in LAYERS: {homeless}"


def test_imports_only_run_downwards():
    assert [line for each in sources() if each.name != "certflow" for line in upward_imports(each)] == []


def test_only_two_modules_import_what_a_variable_names():
    assert {each.name for each in sources() if late_imports(each)} == LATE


def test_rooms_keep_their_walls():
    assert [line for each in sources() for line in imports_through_walls(each)] == []
    names = {each.name for each in sources()}
    assert [room for room in ROOMS if not any(inside(name, room) for name in names)] == []


def test_the_package_itself_imports_nothing_of_its_own():
    (package,) = [each for each in sources() if each.name == "certflow"]
    assert [each.module for each in package.imports if not each.typing_only] == ["__future__", "importlib"]
    assert [each.module for each in package.imports if each.top and not each.typing_only] == ["__future__"]


def circle(files: list[Source]) -> list[str]:
    """Modules that import each other in a loop, at the top or inside functions; empty if there are none."""
    names = {each.name for each in files}
    graph = {
        each.name: {
            target
            for i in each.knows
            if not i.typing_only
            for target in (f"{i.module}.{i.name}", i.module)
            if target in names and target != each.name
        }
        for each in files
    }
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        found = next((loop for target in sorted(graph[name]) if (loop := visit(target, [*path, name]))), [])
        done.add(name)
        return found

    return next((loop for name in sorted(graph) if (loop := visit(name, []))), [])


def test_no_module_imports_itself_through_others():
    assert circle([each for each in sources() if each.name != "certflow"]) == []


@pytest.mark.parametrize("package", sorted(DOORS))
def test_heavy_packages_have_one_door(package):
    importers = {each.name for each in sources() if heavy_imports(each, package)}
    assert importers <= DOORS[package]


def test_the_checker_imports_only_the_standard_library_and_itself():
    files = [each for each in sources() if inside(each.name, "certflow.checker")]
    assert len(files) > 5
    assert foreign_imports(files) == []


def foreign_imports(files: list[Source]) -> list[str]:
    """What is imported neither from the standard library nor relatively inside the checker's folder."""
    found = []
    for file in files:
        deep = file.path.count("/") - 1
        for node in ast.walk(file.tree):
            if isinstance(node, ast.ImportFrom) and 1 <= node.level <= deep:
                continue
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""] if not node.level else ["." * node.level]
            else:
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            found += [
                f"{file.path}: {name}" for name in names if name.split(".")[0] not in sys.stdlib_module_names
            ]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "import numpy",
        "from certflow.exact import shown",
        "from .. import exact",
        "def f():\n    import gmpy2",
    ],
)
def test_foreign_imports_of_the_checker_are_noticed(text):
    assert foreign_imports([source(text, "certflow.checker.x")])


def test_the_checkers_folders_may_know_each_other_but_nothing_above():
    assert foreign_imports([source("from ..kernel import numbers", "certflow.checker.tube.x")]) == []
    assert foreign_imports([source("from ...exact import shown", "certflow.checker.tube.x")])


APPROXIMATE = {
    "linalg",
    "exp",
    "expm1",
    "log",
    "log1p",
    "log2",
    "log10",
    "pow",
    "power",
    "hypot",
    "sin",
    "cos",
    "tan",
    "arctan2",
}
"""What numpy and math compute in floats without a bound of the error. Square roots are rounded correctly."""


def float_searches(file: Source) -> list[str]:
    """Where `file` takes a float of unknown error, or the arithmetic's own proposals, instead of being given
    a proposal.
    """
    found = [
        f"{file.path}:{each.line} imports {each.name}"
        for each in file.imports
        if each.name in {"smallest_shift", *APPROXIMATE}
    ]
    for node in ast.walk(file.tree):
        if (
            isinstance(node, ast.Attribute)
            and node.attr in APPROXIMATE
            and ast.unparse(node.value) in {"np", "numpy", "math"}
        ):
            found.append(f"{file.path}:{node.lineno} {ast.unparse(node)}")
    return found


def test_proofs_about_flows_are_given_proposals_and_search_for_none():
    files = [each for each in sources() if inside(each.name, "certflow.flow.enclose")]
    assert len(files) > 3
    assert [line for file in files for line in float_searches(file)] == []


@pytest.mark.parametrize(
    "text",
    [
        "import numpy as np\nvalues, vectors = np.linalg.eigh(A)",
        "import math\nscore = math.log(x)",
        "from numpy import linalg",
        "from certflow.arithmetic.eigenvalues import smallest_shift",
    ],
)
def test_searches_of_proofs_are_noticed(text):
    assert float_searches(source(text, "certflow.flow.enclose.x"))
    assert float_searches(source("import numpy as np\nr = np.sqrt(x)", "certflow.flow.enclose.x")) == []


def test_sympy_lives_with_the_exact_ncf_and_is_lazy_elsewhere():
    for each in sources():
        for found in heavy_imports(each, "sympy"):
            at_home = each.name.startswith("certflow.ncf.")
            lazily = each.name in {"certflow.networks.expression", "certflow.structure.homogeneity"}
            assert at_home or (lazily and not found.top), f"{each.path}:{found.line} imports {found.module}"


@pytest.mark.parametrize("package", ["sympy", "flint", "matplotlib", "mpmath"])
def test_nothing_below_the_exact_ncf_loads_heavy_packages_when_imported(package):
    allowed = {"certflow.arithmetic.ball"} if package == "flint" else set()
    exact = next(i for i, entries in enumerate(LAYERS) if "certflow.ncf" in entries)
    for each in sources():
        if each.name != "certflow" and layer_of(each.name) > exact:
            top = [found.line for found in heavy_imports(each, package) if found.top]
            assert not top or each.name in allowed, f"{each.path}:{top} imports {package} at the top"


def modules_after(statement: str) -> set[str]:
    """The top-level names in `sys.modules` of a fresh interpreter that has run `statement`."""
    code = f"import sys; {statement}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("statement", ["import certflow", "import certflow; dir(certflow)"])
def test_importing_certflow_loads_nothing_heavy(statement):
    assert modules_after(statement) & (HEAVY | {"rich", "tomllib"}) == set()


def test_the_command_line_loads_nothing_heavy_before_it_is_asked_to_compute():
    assert modules_after("import certflow.cli.commands") & HEAVY == set()


def test_reading_a_problem_loads_neither_sympy_nor_flint_nor_matplotlib():
    assert modules_after("import certflow; certflow.Problem.figure1()") & (HEAVY - {"numpy"}) == set()


@pytest.mark.parametrize("name", sorted(set(certflow.__all__) - {"__version__"}))
def test_public_names_lead_to_their_objects(name):
    assert getattr(certflow, name).__name__.split(".")[-1] == name


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        certflow.Nothing  # noqa: B018
    assert set(certflow.__all__) <= set(dir(certflow))


# -- the rules can fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "upward"),
    [
        ("certflow.exact", "from certflow.problem import Problem", 1),
        ("certflow.exact", "def f():\n    import certflow.cli.commands", 1),
        ("certflow.networks.base", "from certflow import problem", 1),
        ("certflow.networks.base", "from ..flow import reference", 1),
        ("certflow.networks.base", "from . import activation", 0),
        ("certflow.problem", "from certflow.theorems.literature import classify", 1),
        ("certflow.problem", "from certflow.structure.homogeneity import homogeneity", 0),
        ("certflow.exact", "if TYPE_CHECKING:\n    from certflow.problem import Problem", 0),
        ("certflow.flow.x", "from certflow.kkt import planar\nfrom certflow.theorems.x import y", 1),
        ("certflow.flow.x", "from certflow.unplaced import y", 1),
        ("certflow.flow.x", "from certflow import Problem", 1),
        ("certflow.flow.x", "from certflow import __version__", 0),
        ("certflow.exact", "from importlib import import_module\nimport_module('certflow.problem')", 1),
        ("certflow.exact", "__import__('certflow.cli.commands')", 1),
        ("certflow.exact", "HOMES = {'basin': 'certflow.theorems.basin'}", 1),
        ("certflow.theorems.registry", "HOMES = {'basin': 'certflow.theorems.basin'}", 0),
        ("certflow.exact", "name = 'certflow'", 0),
    ],
)
def test_upward_imports_are_noticed(name, text, upward):
    assert len(upward_imports(source(text, name))) == upward


@pytest.mark.parametrize(
    ("name", "text", "walls"),
    [
        ("certflow.flow.enclose.trap", "from certflow.flow.propose.series import PartSeries", 1),
        ("certflow.flow.enclose.trap", "from certflow.flow import propose", 1),
        ("certflow.flow.enclose.trap", "from certflow.flow.curve import Curve", 0),
        ("certflow.flow.reference.flow", "from certflow.kkt.points import KKTPoint", 1),
        (
            "certflow.kkt.cover.search",
            "def f():\n    from certflow.kkt.single.enclose import enclose_point",
            1,
        ),
        ("certflow.checker.kernel.numbers", "from ..tube import region", 1),
        ("certflow.flow.enclose.trap", "import_module('certflow.flow.propose.series')", 1),
        ("certflow.checker.tube.region", "from ..kernel.numbers import up", 0),
    ],
)
def test_imports_through_walls_are_noticed(name, text, walls):
    assert len(imports_through_walls(source(text, name))) == walls


@pytest.mark.parametrize(
    ("text", "late"),
    [
        ("from importlib import import_module", 1),
        ("def f():\n    import importlib", 1),
        ("from importlib.util import find_spec", 1),
        ("import runpy", 1),
        ("import sys\nproblem = sys.modules[name]", 1),
        ("__import__(name)", 1),
        ("from importlib import metadata, resources\nimport importlib.metadata", 0),
        ("import sys\nsys.path", 0),
    ],
)
def test_late_imports_are_noticed(text, late):
    assert len(late_imports(source(text))) == late


def test_circles_are_noticed_also_inside_functions():
    here = source("from certflow.b import x", "certflow.a")
    lazy = source("def f():\n    from certflow.a import y", "certflow.b")
    typed = source("if TYPE_CHECKING:\n    from certflow.a import y", "certflow.b")
    named = source("def f():\n    return import_module('certflow.a')", "certflow.b")
    assert circle([here, lazy]) == circle([here, named]) == ["certflow.a", "certflow.b", "certflow.a"]
    assert circle([here, typed]) == []


def test_lazy_and_top_level_imports_are_told_apart():
    text = (
        "import flint.types\nclass A:\n    from sympy import x\n    def f(self):\n        import mpmath as "
        "m\n"
    )
    assert [(each.module, each.top) for each in source(text).imports] == [
        ("flint.types", True),
        ("sympy", True),
        ("mpmath", False),
    ]
