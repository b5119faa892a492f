"""The section on the use of the test set: counted from the log that evaluation keeps."""

import pytest
from reporting_fixture import Experiment
from section_fixture import CHILDREN, report_files, table_of
from statistics_cases import make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table, write_json, write_table
from pneumobench.core.run import Run
from pneumobench.reporting.sections.looks import build
from pneumobench.statistics.looks import record_beside, record_look

RUN = Run("alexnet", "light", 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return Experiment(tmp_path_factory.mktemp("looks"))


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    experiment = make_experiment(tmp_path_factory.mktemp("judged"))
    experiment.add_run(RUN, 1.5)
    experiment.select([RUN])
    return experiment


def section(made, looks, judged=(RUN,)):
    """Return the section of an experiment whose runs are these."""
    table = read_table(made.comparison_csv, text=("note",)).head(len(judged))
    identity = [(run.model, run.recipe, run.seed) for run in judged]
    table[["model", "recipe", "seed"]] = identity or table[["model", "recipe", "seed"]]
    path = made.folder / "runs.csv"
    write_table(path, table)
    return build(report_files(made, table=path, looks=looks), CHILDREN)


def reading(found):
    return " ".join(found.answer)


def rows(found):
    return table_of(found, "looks")


def look(judged, folder, purpose="evaluation"):
    return record_look(
        folder, RUN, purpose=purpose, test=judged.files([RUN], "test.csv"),
        test_labels=judged.test_labels, selection=judged.selection,
    )  # fmt: skip


def test_looks_add_up_and_repetitions_are_told_from_news(made, judged, tmp_path):
    assert section(made, tmp_path, judged=()) is section(made, None) is None
    first, second = look(judged, tmp_path), look(judged, tmp_path)
    assert first != second and len(list(tmp_path.iterdir())) == 2
    found = section(made, tmp_path)
    assert "2 times, for 1 run; 1 of these" in reading(found)
    assert "anew" not in reading(found)
    content = read_json(second)
    write_json(second, content | {"predictions_sha256": "other"})
    found = section(made, tmp_path)
    assert "2 of these" in reading(found) and "trained or selected anew" in reading(found)
    assert rows(found)[0]["Uses"] == rows(found)[0]["With something new"] == "2"


def test_measuring_bad_practice_is_a_look_of_its_own(made, judged, tmp_path):
    look(judged, tmp_path)
    path = look(judged, tmp_path, purpose="bad practice")
    assert read_json(path)["purpose"] == "bad practice"
    found = section(made, tmp_path)
    assert [row["Run"] for row in rows(found)] == [RUN.title, f"{RUN.title}, bad practice"]
    assert [row["Uses"] for row in rows(found)] == ["1", "1"]
    # The same predictions for two purposes: each is new for its own, and nothing was recreated.
    assert "2 times, for 1 run; 2 of these" in reading(found)
    assert "anew" not in reading(found) and "1 of them measured" in reading(found)
    old = read_json(path)
    del old["purpose"]
    write_json(path, old)
    assert [row["Uses"] for row in rows(section(made, tmp_path))] == ["2"]


def test_a_damaged_look_is_not_to_be_removed(made, judged, tmp_path):
    path = look(judged, tmp_path)
    whole = path.read_bytes()
    lacking = {key: value for key, value in read_json(path).items() if key != "looked_at"}
    damages = [
        lambda: path.write_bytes(whole[:-40]),
        lambda: path.write_bytes(whole.replace(b"evaluation", b"something!")),
        lambda: write_json(path, lacking),
    ]
    for damage in damages:
        damage()
        with pytest.raises(UserError) as caught:
            section(made, tmp_path)
        text = str(caught.value)
        assert path.name in text and "from a backup" in text and "cannot be recreated" in text
        assert "remove " not in text


def test_runs_without_a_look_and_a_log_elsewhere_are_named(made, judged, tmp_path):
    look(judged, tmp_path / "there")
    (tmp_path / "looks").symlink_to(tmp_path / "there")
    other = Run("alexnet", "other", 3)
    text = reading(section(made, tmp_path / "looks", [RUN, other]))
    assert f"No evaluation is on record for {other.title}, although" in text
    assert "is a link to another place" in text and "of the test set 1 time" in text
    gone = section(made, tmp_path / "gone")
    assert f"for {RUN.title}" in reading(gone) and rows(gone) == []


def test_baselines_ensembles_and_external_images_are_logged_as_well(made, judged, tmp_path):
    look(judged, tmp_path / "looks")
    folder = tmp_path / "baselines/thumbnail"
    folder.mkdir(parents=True)
    (folder / "test.csv").write_text("scores", encoding="utf-8")
    for purpose in ("evaluation", "external validation"):
        record_beside(
            tmp_path / "looks",
            {"baseline": [folder / "test.csv"], "ensemble": []},
            purpose=purpose,
            test_labels=judged.test_labels,
            selection=judged.selection,
        )
    found = section(made, tmp_path / "looks")
    names = [row["Run"] for row in rows(found)]
    assert names[1:] == ["baseline thumbnail", "baseline thumbnail, external validation"]
    assert "3 times, for 1 run and 1 baseline or ensemble" in reading(found)
