"""Archives of strangers as their users meet them: one message, and nothing is written."""

import json
import zipfile
from pathlib import Path

import pytest
import yaml
from hostile_archive import write_archive
from poison import WORDS, assert_text_alone, poison_archive

from pneumobench.core.archive import INDEX
from pneumobench.core.baselines import BASELINES
from pneumobench.core.config.check import check_config
from pneumobench.models import registry

PROJECT = Path(__file__).resolve().parents[2]
RUN = "results/runs/custom_resnet18/light/seed42"
FOLD_FILES = ("run.json", "history.csv", "timing.csv", "out_of_fold.csv", "test.csv")
DATASET = ("audit.json", "manifest.csv", "splits.csv", "development_labels.csv", "test_labels.csv")


def whole_config(**changes) -> dict:
    raw = {}
    for name in ("recipes.yaml", "config.yaml"):
        for key, value in yaml.safe_load((PROJECT / name).read_text()).items():
            raw[key] = {**raw.get(key, {}), **value} if key == "recipes" else value
    raw |= {
        "experiment": "tiny", "runs": ["custom_resnet18"], "split": raw["split"] | {"folds": 2},
        "robustness": raw["robustness"] | {"strengths": []}, "ensembles": [],
        "explanation": raw["explanation"] | {"method": "none"}, "archive_radiographs": False,
    }  # fmt: skip
    checked = check_config(raw | changes, architectures=registry.names())
    return checked.model_dump(mode="json")


def archive_files() -> dict[str, bytes]:
    """Every file of an archive of one run; what is in them is not read by a dry run."""
    names = [
        "results/experiment.json", "results/precision.json", "results/models/custom_resnet18.json",
        "results/selection/selection.json", "results/shift/domains.csv",
        "results/shift/blocks.csv",
        *(f"results/dataset/{name}" for name in DATASET),
        *(f"{RUN}/fold{fold}/{name}" for fold in range(2) for name in FOLD_FILES),
        *(f"results/baselines/{baseline}/{name}.csv" for baseline in BASELINES
          for name in ("out_of_fold", "test")),
    ]  # fmt: skip
    content = {".json": b'{"schema_version": 1}', ".csv": b"schema_version\n"}
    return {name: content[Path(name).suffix] for name in names}


@pytest.fixture
def flow(make_workflow, tmp_path):
    """A workflow that rebuilds from an archive that is still to be written."""
    made = make_workflow()
    made.overlay = {"archive": str(made.folder / "some.zip")}
    return made


def write(flow, files=None, config=None, **changes) -> Path:
    config = json.dumps(config or whole_config()).encode()
    files = {**archive_files(), "config.json": config} | (files or {})
    return write_archive(flow.folder / "some.zip", files, **changes)


def refused(flow, *said: str) -> None:
    before = sorted(path for path in flow.folder.rglob("*") if ".snakemake" not in path.parts)
    finished = flow.run("tables")
    after = sorted(path for path in flow.folder.rglob("*") if ".snakemake" not in path.parts)
    assert finished.returncode != 0 and "Traceback" not in finished.stdout
    assert [path for path in after if path.name != "overlay.yaml"] == [
        path for path in before if path.name != "overlay.yaml"
    ]
    for text in ("where:", "to do:", *said):
        assert text in finished.stdout, finished.stdout[-3000:]


def test_paths_of_an_archive_are_not_looked_at(flow):
    data = whole_config()["data"] | {"source": "directory"}
    data["directory"] = data["directory"] | {"path": "/nonexistent/secret"}
    odd = write(flow, config=whole_config(data=data)).rename(flow.folder / "a $b 'c'.zip")
    flow.overlay = {"archive": str(odd)}
    planned = flow.succeed("tables", "--dry-run")
    assert "unpack_archive" in planned and "index_dataset" not in planned
    assert "draw_panels" not in planned
    doctor = flow.run("doctor")
    assert doctor.returncode != 0 and "secret" not in doctor.stdout


def test_a_forged_report_is_not_unpacked(flow):
    write(flow, {"results/report/report.html": b"<h1>All is well</h1>"})
    refused(flow, "report/report.html", "no place")


def test_a_changed_byte_leaves_what_was_rebuilt(flow):
    good = write(flow)
    results = flow.results
    for name in ("archive.json", "tables/comparison.csv"):
        (results / name).parent.mkdir(parents=True, exist_ok=True)
        (results / name).write_bytes(b"earlier")
    with zipfile.ZipFile(good) as packed:
        index = packed.read(INDEX)
    (results / "archive.json").write_bytes(index)
    entry = json.loads(index)["files"]["results/dataset/audit.json"]
    changed = {"results/dataset/audit.json": b'{"schema_version": 2}'}
    write(flow, changed, listed={"results/dataset/audit.json": entry})
    refused(flow, "results/dataset/audit.json", "SHA-256", "fetch the archive again")


def test_a_configuration_that_is_not_valid(flow):
    write(flow, config=whole_config() | {"runs": 5})
    refused(flow, "some.zip", "runs")


def test_an_archive_that_is_cut_off(flow):
    path = write(flow)
    path.write_bytes(path.read_bytes()[:-100])
    refused(flow, "cannot be read", "fetch the archive again")


@pytest.mark.slow
def test_markup_in_every_text_of_an_archive_stays_text(finished, make_workflow):
    finished.succeed("archive_results")
    flow = make_workflow()
    poison_archive(
        finished.results / "tiny.zip",
        flow.folder / "bad.zip",
        # What joins files, and is hashed with them.
        WORDS | {"image_id", "patient", "group"},
    )
    flow.overlay = {"archive": "bad.zip"}
    flow.succeed("all")
    page = flow.results / "report/report.html"
    assert_text_alone(page.read_text(encoding="utf-8"))
    for path in [*flow.results.rglob("*.md"), *flow.results.rglob("*.tex")]:
        assert "svg onload" in path.read_text(encoding="utf-8")
        assert "<svg" not in path.read_text(encoding="utf-8")
