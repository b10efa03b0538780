"""Data in a file of its own: label in the last column, inside the folder of the problem, refused with line
and column.
"""

import os

import pytest
from problem_texts import file_text, refusal_of

from certflow import exact, problem_file
from certflow.problem import Problem

DATA_FILE = '[data]\nfile = "data.csv"\n'


def test_data_from_a_file_has_the_label_in_the_last_column(tmp_path):
    (tmp_path / "data.csv").write_text('1,0,5\n\n"3/5", 0.8 ,9/5\n')
    (tmp_path / "p.toml").write_text(file_text(data=DATA_FILE))
    problem = Problem.from_toml(tmp_path / "p.toml")
    assert problem == Problem.from_toml_text(file_text())
    assert Problem.from_toml_text(problem.to_toml()) == problem  # the data is included, no folder needed


def test_data_may_lie_in_a_folder_below_or_behind_a_link_that_stays_inside(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "data.csv").write_text("1,0,5\n3/5,4/5,9/5\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "sub" / "data.csv")
    for name in ("sub/data.csv", "link.csv", "./link.csv"):
        text = file_text(data=f'[data]\nfile = "{name}"\n')
        assert Problem.from_toml_text(text, tmp_path) == Problem.from_toml_text(file_text())


@pytest.mark.parametrize(
    "name",
    [
        "../data.csv",
        "/etc/passwd",
        "sub/../../data.csv",
        "..",
        "",
        "C:data.csv",
        "..\\\\data.csv",
        "a\\u0000b",
    ],
)
def test_data_outside_the_folder_is_refused(tmp_path, name):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "data.csv").write_text("1,0,5\n")
    message = refusal_of(file_text(data=f'[data]\nfile = "{name}"\n'), home)
    assert message.startswith("data.file: ")
    assert "inside the problem's folder" in message


def test_links_that_lead_outside_are_refused(tmp_path):
    home, secret = tmp_path / "home", tmp_path / "secret"
    home.mkdir()
    secret.mkdir()
    (secret / "data.csv").write_text("1,0,5\n")
    (home / "data.csv").symlink_to(secret / "data.csv")
    (home / "folder").symlink_to(secret)
    for name in ("data.csv", "folder/data.csv"):
        message = refusal_of(file_text(data=f'[data]\nfile = "{name}"\n'), home)
        assert "leads out of the problem's folder" in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x1,x2,y\n1,0,5\n", "data.csv line 1, column 1: 'x1' is not a number"),
        ("1,0,5\n1,nan,5\n", "data.csv line 2, column 2: nan is not a finite number"),
        ("1,0,5\n1,5\n", "data.csv line 2: the row has 2 entries, but the first has 3"),
        ("5\n", "data.csv line 1: expected at least one input and the label"),
        ("", "data.X: there are no samples"),
        ("1,0,5\n1,0,\n", "data.csv line 2, column 3: '' is not a number"),
        ('1,"0,5\n', "data.csv line 1: is not CSV"),
        ("1,0," + "9" * 200_000, "data.csv line 1: is not CSV"),
        ("1,0," + "9" * 8_000, "data.csv line 1, column 3: a number of 8000 digits is too long"),
    ],
)
def test_bad_data_files_are_refused_with_line_and_column(tmp_path, content, words):
    (tmp_path / "data.csv").write_text(content)
    assert refusal_of(file_text(data=DATA_FILE), tmp_path).startswith(words)


def test_data_files_that_cannot_be_read(tmp_path):
    assert "cannot be read" in refusal_of(file_text(data=DATA_FILE), tmp_path)
    (tmp_path / "data.csv").write_bytes(b"\xff\xfe1")
    assert "not UTF-8" in refusal_of(file_text(data=DATA_FILE), tmp_path)
    (tmp_path / "data.csv").unlink()
    os.mkfifo(tmp_path / "data.csv")
    assert "not a plain file" in refusal_of(file_text(data=DATA_FILE), tmp_path)
    assert "no folder to look in" in refusal_of(file_text(data=DATA_FILE))


def test_data_in_a_file_and_in_the_problem_is_a_contradiction(tmp_path):
    message = refusal_of(file_text(data=DATA_FILE + 'y = ["1"]\n'), tmp_path)
    assert message.startswith("data.file: the file holds the samples and the labels")


def test_too_many_entries_are_refused(tmp_path, monkeypatch):
    for module in (exact, problem_file):
        monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    assert "2 × 2 entries are too many" in refusal_of(file_text())
    (tmp_path / "data.csv").write_text("1,0,5\n1,0,5\n")
    assert "more than 3 entries" in refusal_of(file_text(data=DATA_FILE), tmp_path)
