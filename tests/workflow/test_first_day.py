"""A first day with the pipeline, step by step, as its documents tell it and without any source.

Own table, own network, mistakes, a changed recipe, a figure for a paper, an archive to pass on.
"""

import csv
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fetched_fixture import jpeg, radiograph
from PIL import Image

from pneumobench.core.files import read_table

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).resolve().parents[2]
NETWORK = "workflow_scripts/pneumobench/models/architectures/small_cnn.py"
# The file that docs/data.md tells to write, with a run that ends within minutes.
MINE = """
experiment: mine
data:
  source: table
  table:
    path: {table}
    population: children
split: {{folds: 2}}
robustness: {{strengths: []}}
explanation: {{tested_images: 1, images: 2, second_opinions: 0}}
evaluation: {{bootstrap_replicates: 200, permutations: 200}}
recipes:
  light: {{epochs: 2, batch_size: 16}}
runs: [small_cnn, custom_resnet18]
"""


def clone(folder: Path) -> Path:
    """Return a copy of the project as a clone has it: what git tracks, and nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, check=True, capture_output=True, text=True
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
    return folder


class Day:
    """A clone, and the commands that are typed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = clone(folder)

    def types(self, words: str, status: int | None = 0) -> str:
        """Run `snakemake --cores 2 ...` and return the text; None is any status but 0."""
        finished = subprocess.run(
            [sys.executable, "-m", "snakemake", "--cores", "2", *words.split(" ")],
            cwd=self.folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said = finished.stdout
        assert (finished.returncode != 0) if status is None else finished.returncode == status, said
        assert "Traceback" not in said, said
        return said

    def writes(self, name: str, text: str) -> None:
        """Write a file of the clone."""
        (self.folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def day(tmp_path_factory) -> Day:
    """The morning: a clone, a table of 60 images of 40 children, and a network of one's own."""
    day = Day(tmp_path_factory.mktemp("first_day"))
    draw, rows = np.random.default_rng(1), [["path", "label", "patient"]]
    (day.folder / "study/images").mkdir(parents=True)
    for number in range(60):
        child = number % 40
        label = "normal" if child % 2 else "pneumonia"
        name = f"images/{number:04d}.jpeg"
        (day.folder / "study" / name).write_bytes(jpeg(radiograph(draw, label == "pneumonia")))
        rows.append([name, label, f"P{child:02d}"])
    with (day.folder / "study/table.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    page = (PROJECT / "docs/adding-a-model.md").read_text(encoding="utf-8")
    day.writes(NETWORK, re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    day.writes("experiments/mine.yaml", MINE.format(table=day.folder / "study/table.csv"))
    return day


@pytest.fixture(scope="module")
def finished(day) -> str:
    """The run of the own table and network; what the terminal showed."""
    return day.types("--configfile experiments/mine.yaml")


MISTAKES = (
    ("runs: [resnet18]", ["plain_resnet18 (ResNet18, torchvision's)", "custom_resnet18 ("]),
    ("runs: [efficientnet_b0]", ["timm:efficientnet_b0"]),
    ("runs: [timm:efficientnet_bo]", ["write timm:efficientnet_b"]),
    ("folds: 3", ["it belongs below split: split: {folds: 3}"]),
    ("data: {path: study/table.csv}", ["it belongs below data.table: data: {table: {path: "]),
    ("split:\n\tfolds: 3", ["line 2", "tab", "folds: 3"]),
    ("split:\n    folds: 3\n  seed: 1", ["line 3", "seed: 1"]),
    ("data: {table: {path: study/tabel.csv}}", ["not", "study/tabel.csv", "looked in"]),
)


@pytest.mark.parametrize("text, expected", MISTAKES)
def test_a_mistake_is_told_with_its_mend(day, text, expected):
    day.writes("wrong.yaml", f"{text}\n")
    files = "experiments/mine.yaml wrong.yaml"
    said = day.types(f"--dry-run --configfile {files}", status=None)
    for words in expected:
        assert words in said, said
    # The first thing said is what is wrong.
    assert len(said.splitlines()) < 40


def test_targets_come_first(day):
    said = day.types("--configfile experiments/mine.yaml train", status=None)
    assert "a target belongs in front of --configfile" in said


def test_doctor_finds_the_experiment_well_and_a_wrong_one_not(day):
    said = day.types("doctor --configfile experiments/mine.yaml")
    assert "60" in said and "nothing found that would make the run fail" in said
    day.writes("study/empty.csv", "path,label\n")
    day.writes("wrong.yaml", f"data: {{table: {{path: {day.folder / 'study/empty.csv'}}}}}\n")
    said = day.types("doctor --configfile experiments/mine.yaml wrong.yaml", status=None)
    assert "fails" in said


def test_a_run_ends_with_its_report_in_few_lines(day, finished):
    lines = finished.splitlines()
    assert len(lines) < 120
    assert "Report:  results/mine/report/report.html" in lines
    (found,) = (line for line in lines if line.startswith("Found:   "))
    assert "out-of-fold AUC" in found and any(line.startswith("Took:    ") for line in lines)
    assert (day.folder / "results/mine/report/report.html").is_file()
    again = day.types("--configfile experiments/mine.yaml")
    assert "Nothing to be done" in again and "Report:  results/mine" in again


def test_few_images_are_told_of(day, finished):
    report = (day.folder / "results/mine/report/report.html").read_text(encoding="utf-8")
    assert "few" in report and "does not carry over" not in report


def test_my_mistakes_have_pictures(day, finished):
    results = day.folder / "results/mine"
    (path,) = results.glob("runs/small_cnn/*/*/mistakes.csv")
    mistakes = read_table(path, text=("image_id", "panel"))
    assert {"label", "probability_calibrated", "probability_uncalibrated", "fold"} <= set(mistakes)
    own = mistakes[mistakes["dataset"] == "out_of_fold"]
    assert len(own) == 0 or any((results / panel).is_file() for panel in own["panel"] if panel)


def test_a_changed_recipe_says_why_and_how_to_keep_both(day, finished):
    day.writes("wrong.yaml", "recipes: {light: {epochs: 3}}\n")
    said = day.types("--dry-run --configfile experiments/mine.yaml wrong.yaml")
    assert "recipe light has changed since 4 folds" in said and "epochs 2 -> 3" in said
    assert "To keep both" in said and "train_fold (4)" in said
    kept = (
        "recipes: {light_2: {based_on: light, epochs: 3}}\n"
        "runs: [small_cnn, custom_resnet18, {model: small_cnn, recipe: light_2}]\n"
    )
    day.writes("wrong.yaml", kept)
    said = day.types("--dry-run --configfile experiments/mine.yaml wrong.yaml")
    assert "has changed" not in said and re.search(r"^train_fold +2$", said, re.M)


def test_a_figure_for_a_paper_shows_chosen_runs_in_larger_type(day, finished):
    """Nothing but drawing is done again."""
    results = day.folder / "results/mine"
    before = (results / "figures/roc.png").read_bytes()
    metrics = {path: path.stat().st_mtime_ns for path in results.glob("runs/*/*/*/metrics.json")}
    day.writes("paper.yaml", "figures: {runs: [small_cnn], font_size: 11, format: [png, svg]}\n")
    said = day.types("figures --configfile experiments/mine.yaml paper.yaml")
    assert "train_fold" not in said and "evaluate_run" not in said
    assert {path: path.stat().st_mtime_ns for path in metrics} == metrics
    assert (results / "figures/roc.png").read_bytes() != before
    assert (results / "figures/roc.svg").is_file()
    assert Image.open(results / "figures/roc.png").size[0] > 500


def test_a_colleague_rebuilds_it_in_a_clone_of_their_own(day, finished, tmp_path):
    """Without the images, and without the file of the network."""
    day.types("archive_results --configfile experiments/mine.yaml")
    colleague = Day(tmp_path)
    assert not (colleague.folder / NETWORK).exists()
    shutil.copy(day.folder / "results/mine/mine.zip", colleague.folder / "mine.zip")
    said = colleague.types("figures report --config archive=mine.zip")
    assert "Report:  results/mine/report/report.html" in said
    for name in ("comparison/comparison.csv", "tables/comparison.csv"):
        rebuilt, original = (each.folder / "results/mine" / name for each in (colleague, day))
        assert rebuilt.read_bytes() == original.read_bytes()
