"""What an earlier run of the main job left behind: only what it says it wrote."""

import json

import pytest

from certflow.experiments.earlier import files_of_results, remove_files


def test_only_files_that_the_results_name_are_removed(tmp_path):
    (tmp_path / "results.json").write_text(
        json.dumps({"files": ["theorem.tex", "gone.csv", "../other.txt", "results.json", "", 3]})
    )
    for name in ("theorem.tex", "mine.tex"):
        (tmp_path / name).write_text("text")
    named = files_of_results(tmp_path)
    assert named == ["theorem.tex", "gone.csv"]
    remove_files(tmp_path, named)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.tex", "results.json"]


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", '{"files": "theorem.tex"}', '{"files": null}', "[" * 100_000]
)
def test_results_that_name_nothing_remove_nothing(tmp_path, text):
    if text is not None:
        (tmp_path / "results.json").write_text(text)
    assert files_of_results(tmp_path) == []
