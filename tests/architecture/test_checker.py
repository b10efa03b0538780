"""The checker can be read in one sitting: its folders are short, and the page that walks through it names
what is there.
"""

import ast
import io
import re
import tokenize
from collections import Counter

import pytest
from proof_links import all_statements
from source_tree import ROOT, Source, source, sources

# The kernel knows which samples share a kink, and holds what parts of layers and parts of expressions share.
# A cover of the sphere finds the largest value of N for the claim of an early direction.
MOST = {"kernel": 1050, "tube": 740, "early_direction": 680, "polygon": 650}
MOST_OF_A_STATEMENT = 600

PAGE = ROOT / "docs" / "reading-the-checker.md"
FUNCTION = re.compile(r"\[`([\w.]+)`\]\(\.\./(certflow/checker/[\w/]+\.py)\)")

NO_CODE = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}


def lines_of_code(file: Source) -> int:
    """The lines of a file that hold more than a comment or (a part of) a docstring."""
    words = [
        range(node.lineno, (node.end_lineno or node.lineno) + 1)
        for node in ast.walk(file.tree)
        if isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ]
    tokens = [
        token
        for token in tokenize.generate_tokens(io.StringIO(file.text).readline)
        if token.type not in NO_CODE
    ]
    lines = {line for token in tokens for line in range(token.start[0], token.end[0] + 1)}
    return len(lines - {line for place in words for line in place})


def folder_of(file: Source) -> str:
    """The folder of the checker in which a file lies; "" for the door itself."""
    return "/".join(file.path.split("/")[2:-1])


def checker() -> list[Source]:
    return [each for each in sources() if each.path.startswith("certflow/checker/")]


def defined(file: Source) -> set[str]:
    """The names that a file defines at its top level, methods as Class.method."""
    names = set()
    for node in file.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}.{entry.name}" for entry in node.body if isinstance(entry, ast.FunctionDef)
            }
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def dead_links(text: str, files: list[Source]) -> list[str]:
    """The functions that the page links to a file which does not define them."""
    names = {each.path: defined(each) for each in files}
    return [f"{name} in {path}" for name, path in FUNCTION.findall(text) if name not in names.get(path, ())]


def test_every_folder_is_short():
    lines: Counter[str] = Counter()
    for file in checker():
        lines[folder_of(file)] += lines_of_code(file)
    assert {*MOST, "early_direction", "kkt_points"} <= set(lines)
    assert {folder: n for folder, n in lines.items() if n > MOST.get(folder, MOST_OF_A_STATEMENT)} == {}


def test_the_page_names_functions_that_are_there():
    text = PAGE.read_text(encoding="utf-8")
    assert len(FUNCTION.findall(text)) > 30
    assert dead_links(text, checker()) == []


def test_the_page_leaves_out_no_rule_and_no_file_with_rules():
    text = PAGE.read_text(encoding="utf-8")
    headings = " ".join(re.findall(r"^## (R.*)$", text, re.MULTILINE))
    spans = [(int(a), int(b or a)) for a, b in re.findall(r"R(\d+)(?: to R(\d+))?", headings)]
    assert [rule for low, high in spans for rule in range(low, high + 1)] == list(range(1, 16))
    assert {f"Q{rule}" for rule in range(1, 10) if rule != 6} <= set(re.findall(r"\bQ\d\b", text))
    named = {path for _, path in FUNCTION.findall(text)}
    rules = [
        file
        for file in checker()
        if len(file.tree.body) > 1 and not file.path.endswith(("words.py", "__main__.py"))
    ]
    assert [file.path for file in rules if file.path not in named] == []


def test_the_page_cites_lemmas_that_are_there():
    cited = set(re.findall(r"\bL\d+\.\d+\b", PAGE.read_text(encoding="utf-8")))
    assert len(cited) > 20
    assert sorted(cited - {each.label for each in all_statements()}) == []


# -- the rules can fail --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('"""Two\nlines."""\n\nimport re  # why\n\n# alone\nX = 1\n"""What X is."""\n', 2),
        ('def f(x):\n    """It\n    is."""\n    # so\n    return (\n        x\n        + 1\n    )\n', 5),
        ('TEXT = """one\n\nthree"""\n', 3),
        ("", 0),
    ],
)
def test_lines_without_words_are_counted(text, count):
    assert lines_of_code(source(text)) == count


def test_dead_links_are_noticed():
    file = source("X = 1\ndef f(): ...\nclass A:\n    def g(self): ...\n", "certflow.checker.a")
    links = "[`{}`](../certflow/checker/a.py)"
    assert dead_links(" ".join(links.format(name) for name in ("X", "f", "A", "A.g")), [file]) == []
    assert dead_links(links.format("g") + "[`f`](../certflow/checker/b.py)", [file]) == [
        "g in certflow/checker/a.py",
        "f in certflow/checker/b.py",
    ]
