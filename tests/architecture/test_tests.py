"""The unit tests lie as what they test does: a folder of tests/unit mirrors one of certflow/ and tests what
is in it.

Right in tests/unit lie the tests of the modules right in certflow/, and of the whole process.
"""

from pathlib import PurePath

from source_tree import ROOT, Source, source, sources

UNIT = PurePath("tests/unit")


def folders() -> set[str]:
    """The dotted names of the package and all packages in it."""
    return {each.name for each in sources() if each.path.endswith("/__init__.py")}


def misplaced(file: Source) -> list[str]:
    """Why a file of tests/unit does not lie where its subject does."""
    room = ".".join(["certflow", *PurePath(file.path).relative_to(UNIT).parent.parts])
    if room not in folders():
        return [f"{file.path}: there is no {room}"]
    if room != "certflow" and not any(f"{each.module}.".startswith(f"{room}.") for each in file.imports):
        return [f"{file.path}: it imports nothing of {room}"]
    return []


def unit_tests() -> list[Source]:
    """The files of tests/unit."""
    paths = [path.relative_to(ROOT).as_posix() for path in sorted((ROOT / UNIT).rglob("*.py"))]
    return [
        Source(path, path.removesuffix(".py").replace("/", "."), (ROOT / path).read_text("utf-8"))
        for path in paths
    ]


def test_unit_tests_mirror_the_package():
    files = unit_tests()
    assert len(files) > 50, "the search for unit tests is broken"
    assert [line for file in files for line in misplaced(file)] == []


def test_tests_of_properties_have_names_of_their_own():
    # In tests/unit the folder tells files apart that test modules of one name.
    names = [
        path.name for path in (ROOT / "tests").rglob("test_*.py") if not path.is_relative_to(ROOT / UNIT)
    ]
    assert len(names) == len(set(names))


def test_misplaced_unit_tests_are_noticed():
    text = "from certflow.checker.kernel.numbers import up\n"
    places = ("test_x", "checker.test_x", "checker.kernel.test_x", "checker.tube.test_x", "numbers.test_x")
    assert [misplaced(source(text, f"tests.unit.{place}")) for place in places] == [
        [],
        [],
        [],
        ["tests/unit/checker/tube/test_x.py: it imports nothing of certflow.checker.tube"],
        ["tests/unit/numbers/test_x.py: there is no certflow.numbers"],
    ]
