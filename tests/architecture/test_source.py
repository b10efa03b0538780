"""Rules that every source file keeps: no text is executed, mpmath never proves, no assert carries a proof,
files are short.
"""

import ast
import re
from pathlib import PurePosixPath

import pytest
from source_tree import ROOT, Source, source, sources

MAX_LINES = 600

FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "sympify", "parse_expr", "lambdify", "breakpoint"}
FORBIDDEN_MODULES = {
    "pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "marshal",
    "shelve",
    "joblib",
    "sympy.parsing",
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "misc", "common", "stuff", "tools"}

MPMATH_WITHOUT_PRECISION = {"libmp", "mpf", "mpc", "ctx_mp", "MPContext"}
"""What may be taken from mpmath itself: all else, such as mpmath.sqrt or mpmath.mp.dps, uses the global
precision.
"""


def executed_text(file: Source) -> list[str]:
    """Every way in `file` to turn text or bytes into running code or objects."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Call):
            function = node.func
            plain = isinstance(function, ast.Name) and function.id in FORBIDDEN_CALLS
            method = isinstance(function, ast.Attribute) and function.attr in FORBIDDEN_CALLS - {
                "compile",
                "eval",
            }
            if plain or method or any(k.arg == "allow_pickle" for k in node.keywords):
                found.append(f"{file.path}:{node.lineno} {ast.unparse(function)}")
            if (
                isinstance(function, ast.Attribute)
                and function.attr == "S"
                and ast.unparse(function.value) in ("sympy", "sp")
            ):
                found.append(f"{file.path}:{node.lineno} sympy.S(...)")
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names), *names]
        if any(
            name in FORBIDDEN_MODULES | FORBIDDEN_CALLS or name.startswith("sympy.parsing") for name in names
        ):
            found.append(f"{file.path}:{node.lineno} imports {names[0]}")
    return found


def global_precision_uses(file: Source) -> list[str]:
    """Every use in `file` of mpmath's interval arithmetic or of its process-wide precision."""
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "mpmath":
            bad = [
                a.name
                for a in node.names
                if node.module == "mpmath" and a.name not in MPMATH_WITHOUT_PRECISION
            ]
            found += [f"{file.path}:{node.lineno} mpmath.{name}" for name in bad]
    allowed_mp = {
        id(n.value)
        for n in ast.walk(file.tree)
        if isinstance(n, ast.Attribute) and ast.unparse(n) == "mpmath.mp.clone"
    }
    for node in ast.walk(file.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "mpmath":
            clones = node.attr == "mp" and id(node) in allowed_mp
            if not clones and node.attr not in MPMATH_WITHOUT_PRECISION:
                found.append(f"{file.path}:{node.lineno} mpmath.{node.attr}")
    return found


def undocumented(files: tuple[Source, ...]) -> list[str]:
    """Public modules, classes, functions and methods without a docstring (a method may have that of a base or
    a protocol).
    """
    classes = {
        node.name: node for file in files for node in ast.walk(file.tree) if isinstance(node, ast.ClassDef)
    }
    protocols = [
        node
        for node in classes.values()
        if any(ast.unparse(base).startswith("Protocol") for base in node.bases)
    ]
    found = []
    for file in files:
        if not ast.get_docstring(file.tree):
            found.append(f"{file.path}: the module")
        for node in file.tree.body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                if not ast.get_docstring(node):
                    found.append(f"{file.path}:{node.lineno} {node.name}")
                if isinstance(node, ast.ClassDef):
                    found += [
                        f"{file.path}:{method.lineno} {node.name}.{method.name}"
                        for method in node.body
                        if isinstance(method, ast.FunctionDef)
                        and not method.name.startswith("_")
                        and not any(_documented(home, method.name, classes) for home in (node, *protocols))
                    ]
    return found


def _documented(owner: ast.ClassDef, method: str, classes: dict[str, ast.ClassDef]) -> bool:
    if any(isinstance(m, ast.FunctionDef) and m.name == method and ast.get_docstring(m) for m in owner.body):
        return True
    bases = [base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in owner.bases]
    return any(_documented(classes[base], method, classes) for base in bases if base in classes)


def names_with_two_meanings(files: tuple[Source, ...]) -> list[str]:
    """Classes and types of one name that are not the same, in certflow or in its checker, which has words of
    its own.

    A protocol and what fulfils it under the same name are one meaning.
    """
    meanings: dict[tuple[bool, str], set[str]] = {}
    protocols = set()
    for file in files:
        inside = file.name.startswith("certflow.checker")
        for node in file.tree.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                meanings.setdefault((inside, node.name), set()).add(file.path)
                if any(ast.unparse(base).startswith("Protocol") for base in node.bases):
                    protocols.add((inside, node.name))
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.targets[0], ast.Name)
                and _is_a_type_name(node.targets[0].id)
            ):
                meanings.setdefault((inside, node.targets[0].id), set()).add(ast.unparse(node.value))
    return sorted(
        name for (room, name), found in meanings.items() if len(found) > 1 and (room, name) not in protocols
    )


def _is_a_type_name(name: str) -> bool:
    """Whether this is a name in CamelCase, and no constant."""
    return name[0].isupper() and any(letter.islower() for letter in name)


def asserts(file: Source) -> list[str]:
    """The assert statements: they vanish under -O, so nothing may rest on them."""
    return [f"{file.path}:{node.lineno}" for node in ast.walk(file.tree) if isinstance(node, ast.Assert)]


def leftovers(file: Source) -> list[str]:
    """Notes to oneself and names of folders of one machine."""
    pattern = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|(?<![\w./])/(home|root|Users|tmp|work)/")
    return [f"{file.path}:{i}" for i, line in enumerate(file.text.splitlines(), 1) if pattern.search(line)]


NETWORKS = re.compile(r"\b(Network|FeedForward|OneLayer|TwoLayer|Expression)\b")
TRIPLE = (
    {"network", "net", "model"},
    {"X", "x", "samples", "features", "inputs", "data", "rows"},
    {"z", "r", "residual", "residuals", "weights", "labels", "coefficients", "c"},
)
"""The names under which a network, samples and what they are weighed with go about."""


def bare_triples(file: Source) -> list[str]:
    """Functions and records that take a network, samples and weights of theirs one by one: N is one object
    (`networks/correlation.py`).
    """
    if file.name.startswith(("certflow.networks.", "certflow.checker.")):
        return []
    found = []
    for node in ast.walk(file.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            taken = [
                (each.arg, each.annotation)
                for each in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
            ]
        elif isinstance(node, ast.ClassDef):
            fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
            taken = [(ast.unparse(each.target), each.annotation) for each in fields]
        else:
            continue
        names = {name for name, _ in taken}
        typed = {
            name for name, annotation in taken if annotation and NETWORKS.search(ast.unparse(annotation))
        }
        if names & (TRIPLE[0] | typed) and names & TRIPLE[1] and names & TRIPLE[2]:
            found.append(f"{file.path}:{node.lineno}")
    return found


def digits_to_bits(file: Source) -> list[str]:
    """Where the bits of a decimal digit are reckoned again instead of asking `bits_for`."""
    if file.name == "certflow.arithmetic.decimal_text":
        return []
    return [
        f"{file.path}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(file.tree)
        if (
            isinstance(node, ast.Constant)
            and type(node.value) in (int, float)
            and (3.3 <= node.value < 3.34 or str(node.value).startswith(("332", "333")) and node.value > 3000)
        )
        or re.fullmatch(r"\w+\.log2\(10(\.0)?\)|\w+\.log\(10(\.0)?, 2(\.0)?\)", ast.unparse(node))
    ]


BORDERS = {
    "certflow.certificates": "JSON: certificates",
    "certflow.cli.certificates": "JSON: claims that no folder has words for",
    "certflow.cli.kkt": "JSON: what the command prints",
    "certflow.experiments.verify": "JSON: results.json",
    "certflow.experiments.workers": "JSON: lines to other processes, and how these are started",
    "certflow.networks.feed_forward": "TOML: the table of a network",
    "certflow.problem": "TOML and JSON: the content of a problem",
    "certflow.problem_file": "TOML: problem files",
    "certflow.report.figures": "matplotlib: settings",
    "certflow.report.kkt_figures": "matplotlib: settings",
    "certflow.report.polygon_figures": "matplotlib: settings",
    "certflow.theorems.early_direction.certificate": "JSON: evidence",
    "certflow.theorems.early_direction.claim": "JSON: claims",
    "certflow.theorems.early_direction.limits": "JSON: evidence that is read again",
    "certflow.theorems.early_direction_power_1.evidence": "JSON: evidence",
    "certflow.theorems.early_direction_power_1.limits": "JSON: evidence that is read again",
    "certflow.theorems.early_direction.query": "JSON: answers",
    "certflow.theorems.registry": "JSON: claims that are asked",
}
"""Where tables with any content come from or go to, besides functions that are called after JSON, TOML or a
record.
"""


def open_tables(file: Source) -> list[str]:
    """Where `file` has a table from texts to anything, which is for the border; inside there are records."""
    if file.name.startswith("certflow.checker") or file.name in BORDERS:
        return []
    return [f"{file.path}:{line}" for line in _open_tables(file.tree)]


def _open_tables(node: ast.AST) -> list[int]:
    if isinstance(node, ast.FunctionDef) and re.fullmatch(r"\w+_json|to_table|(\w+_)?record", node.name):
        return []
    found = [line for child in ast.iter_child_nodes(node) for line in _open_tables(child)]
    text = ast.unparse(node) if isinstance(node, ast.Subscript) else ""
    if re.fullmatch(r"([\w.]+\.)?(dict|Dict|\w*Mapping|defaultdict)\[str, (Any|typing\.Any|object)\]", text):
        found.append(node.lineno)
    return found


RULES = (executed_text, global_precision_uses, asserts, leftovers, bare_triples, digits_to_bits, open_tables)


def test_there_are_sources_to_look_at():
    assert len(sources()) > 10


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_no_source_file_breaks_the_rule(rule):
    assert [line for file in sources() for line in rule(file)] == []


def test_borders_are_borders():
    files = {file.name: file for file in sources()}
    assert [name for name in BORDERS if not _open_tables(files[name].tree)] == []


def test_public_names_have_docstrings():
    assert undocumented(sources()) == []


def test_one_name_has_one_meaning():
    assert names_with_two_meanings(sources()) == []


def test_files_are_short():
    long = {
        file.path: len(file.text.splitlines())
        for file in sources()
        if len(file.text.splitlines()) > MAX_LINES
    }
    assert long == {}


def test_modules_are_named_after_what_they_hold():
    assert [file.path for file in sources() if set(file.name.split(".")) & FORBIDDEN_NAMES] == []


def test_every_package_folder_has_an_init():
    folders = {PurePosixPath(file.path).parent for file in sources()}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


# -- the rules can fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (executed_text, "eval('1')"),
        (executed_text, "import sympy\nsympy.sympify(text)"),
        (executed_text, "from sympy import sympify as read"),
        (executed_text, "from sympy.parsing.sympy_parser import parse_expr"),
        (executed_text, "import sympy\nsympy.S(text)"),
        (executed_text, "import pickle"),
        (executed_text, "def f():\n    from pickle import loads"),
        (executed_text, "np.load(path, allow_pickle=True)"),
        (executed_text, "compile(text, 'x', 'exec')"),
        (global_precision_uses, "import mpmath\nmpmath.mp.dps = 50"),
        (global_precision_uses, "import mpmath\nx = mpmath.iv.exp(1)"),
        (global_precision_uses, "from mpmath import iv"),
        (global_precision_uses, "from mpmath import mp"),
        (global_precision_uses, "import mpmath\nwith mpmath.workdps(50):\n    pass"),
        (global_precision_uses, "import mpmath\ny = mpmath.sqrt(2)"),
        (asserts, "def f(x):\n    assert x"),
        (bare_triples, "def f(network, X, z): ..."),
        (bare_triples, "class A:\n    def __init__(self, digits, network, y, *, z, X): ..."),
        (bare_triples, "f = lambda z, X, network: 0"),
        (bare_triples, "def f(net, samples, residuals): ..."),
        (bare_triples, "def f(of: FeedForward, features: Any, *, r: Any): ..."),
        (bare_triples, "async def f(h: 'Network | None', X, labels): ..."),
        (bare_triples, "class A:\n    network: Network\n    X: Any\n    z: Any"),
        (digits_to_bits, "bits = int(digits * 3.33) + 32"),
        (digits_to_bits, "bits = digits * 3322 // 1000"),
        (digits_to_bits, "import math\nbits = math.ceil(digits * math.log2(10))"),
        (open_tables, "def f(claim: dict[str, Any]): ..."),
        (open_tables, "def f() -> list[Mapping[str, object]]: ..."),
        (open_tables, "class A:\n    stopped_at: dict[str, Any] | None = None"),
        (open_tables, "Json = dict[str, typing.Any]"),
        (open_tables, "def f():\n    parts: dict[str, Any] = {}"),
        (leftovers, "x = 1  # TO" + "DO"),
        (leftovers, "path = '/ro" + "ot/x'"),
    ],
)
def test_broken_rules_are_noticed(rule, text):
    assert rule(source(text))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (executed_text, "import re\nre.compile('x')\nmodel.eval()"),
        (global_precision_uses, "import mpmath\ncontext = mpmath.mp.clone()\ncontext.dps = 50"),
        (asserts, "raise AssertionError"),
        (digits_to_bits, "k = bits * 30103 // 100000\nlog_ten = math.log(10)\nthird = 10 / 3"),
        (open_tables, "def to_json(self) -> dict[str, Any]:\n    entry: dict[str, Any] = {}"),
        (open_tables, "def ncf_record() -> dict[str, Any]: ..."),
        (open_tables, "counts: dict[str, int] = {}\nknown: dict[Any, Any] = {}"),
        (bare_triples, "def f(N, X, network): ..."),
        (bare_triples, "def f(N: Correlation, X, z): ..."),
        (bare_triples, "class A:\n    network: Network\n    X: Any\n    y: Any"),
    ],
)
def test_what_is_allowed_is_not_noticed(rule, text):
    assert rule(source(text)) == []


INHERITED = '''"""M."""
class A:
    """A."""
    def f(self):
        """F."""
class B(A):
    """B."""
    def f(self): ...
    def g(self): ...
'''


def test_names_with_two_meanings_are_noticed():
    one = "class Limit: ...\nVector = tuple[int, ...]\nExactBox = list[int]\nMOST = 1"
    other = "class Limit: ...\nVector = list[int]\nExactBox = list[str]\nMOST = 2"
    files = tuple(
        source(text, f"certflow.{name}") for name, text in (("a", one), ("b", other), ("checker.c", one))
    )
    assert names_with_two_meanings(files) == ["ExactBox", "Limit", "Vector"]
    assert names_with_two_meanings((files[0], files[2])) == []


def test_missing_docstrings_are_noticed_and_inherited_ones_count():
    assert undocumented((source(INHERITED),)) == ["certflow/example.py:9 B.g"]
    assert undocumented((source("def f(): ..."),)) == [
        "certflow/example.py: the module",
        "certflow/example.py:1 f",
    ]
