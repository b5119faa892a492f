"""Data sets from the network on their whole way, from publishers' files to the report."""

import hashlib
import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest
from fetched_fixture import (
    TOKEN,
    kaggle_environment,
    kaggle_server,
    kaggle_zip,
    kermany_radiographs,
    medmnist_arrays,
    mendeley_zip,
    npz,
)
from tiny_experiment import NO_NETWORK, PROJECT, Workflow

from pneumobench.core.files import read_json
from pneumobench.data.sources.mendeley import _OF_VERSION
from pneumobench.data.sources.pneumoniamnist import _MD5

PATIENTS = 60
SMALL = {
    "split": {"folds": 2},
    "ensembles": [],
    "recipes": {"light": {"epochs": 1, "batch_size": 16, "offline_copies": False}},
}
# What belongs to each source beside its name, in the words of its section.
SOURCES = {
    "kaggle": ("kaggle", {}, "kaggle/paultimothymooney/chest-xray-pneumonia"),
    "mendeley-v2": ("mendeley", {"version": 2}, "mendeley-v2"),
    "mendeley-v3": ("mendeley", {"version": 3}, "mendeley-v3"),
    "pneumoniamnist": ("pneumoniamnist", {"size": 64}, "pneumoniamnist-64"),
}


@pytest.fixture(scope="module")
def published() -> dict[str, bytes]:
    """The files of all publishers, of radiographs that this test draws."""
    radiographs = kermany_radiographs(patients=PATIENTS)
    return {
        "chest-xray-pneumonia.zip": kaggle_zip(radiographs),
        "ChestXRay2017.zip": mendeley_zip(2, radiographs),
        "ZhangLabData.zip": mendeley_zip(3, kermany_radiographs(3, PATIENTS)),
        "pneumoniamnist_64.npz": npz(medmnist_arrays(64, PATIENTS)),
    }


@pytest.fixture(scope="module")
def project(published, tmp_path_factory):
    """The project, in which checksums are those of this test's files instead of the publishers'."""
    copy = tmp_path_factory.mktemp("project")
    for part in ("Snakefile", "rules", "workflow_scripts", "envs", "profiles", "report",
                 "config.yaml", "recipes.yaml", "requirements.lock"):  # fmt: skip
        source = PROJECT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / part)
    sources = copy / "workflow_scripts/pneumobench/data/sources"
    sha256 = hashlib.sha256(published["ChestXRay2017.zip"]).hexdigest()
    md5 = hashlib.md5(published["pneumoniamnist_64.npz"]).hexdigest()
    for file, old, new in (("mendeley.py", _OF_VERSION[2]["sha256"], sha256),
                           ("pneumoniamnist.py", _MD5[64], md5)):  # fmt: skip
        text = (sources / file).read_text()
        assert old in text
        (sources / file).write_text(text.replace(old, new))
    return copy / "Snakefile"


@pytest.fixture
def flow_of(make_workflow, make_mirror, published):
    """Return a function that makes a workflow on a source, and a mirror that it fetches from."""

    def make(kind) -> tuple[Workflow, object]:
        mirror = make_mirror()
        for name, content in published.items():
            (mirror.folder / name).write_bytes(content)
        source, options, _ = SOURCES[kind]
        data = {"source": source} | ({source: options} if options else {})
        downloads = {"data_mirror": mirror.url}
        return make_workflow(data=data, downloads=downloads, **SMALL), mirror

    return make


def check_dataset(flow, kind) -> None:
    """Hold record, manifest and splits to what was published."""
    source, _, name = SOURCES[kind]
    record = read_json(flow.folder / f"resources/datasets/{name}.json")
    manifest = pd.read_csv(flow.results / "dataset/manifest.csv", keep_default_na=False)
    accepted = manifest[manifest.status == "ok"]
    assert record["source"] == source and record["images"] == len(manifest)
    if kind == "kaggle":
        nested = manifest[manifest.status == "rejected"]
        assert len(nested) == len(accepted) and nested.reason.str.contains("copy").all()
    else:
        assert len(accepted) == len(manifest)
    if source == "pneumoniamnist":
        assert accepted.patient.nunique() == len(accepted)
        assert set(accepted.subtype) == {"normal", "unknown"}
    else:
        assert accepted.patient.nunique() == PATIENTS
        assert set(accepted.subtype) == {"normal", "bacterial", "viral"}
    splits = pd.read_csv(flow.results / "dataset/splits.csv")
    assert len(splits) == len(accepted)
    tested = accepted.set_index("image_id").official_split == "test"
    assert set(splits.image_id[splits.role == "test"]) == set(tested.index[tested])


@pytest.mark.parametrize("kind", ["mendeley-v2", "mendeley-v3", "pneumoniamnist"])
def test_fetched_and_divided(flow_of, project, kind):
    flow, mirror = flow_of(kind)
    splits = "results/tiny/dataset/splits.csv"
    output = flow.succeed(splits, snakefile=project)
    assert "fetch_dataset" in output and len(mirror.asked) == 1
    check_dataset(flow, kind)

    # From here on there is no network; neither another mirror nor fetching again changes anything.
    mirror.stop()
    flow.overlay["downloads"] = {"data_mirror": "http://127.0.0.1:9"}
    flow.succeed("fetch", "--forcerun", "fetch_dataset", snakefile=project)
    assert "Nothing to be done" in flow.succeed("--dry-run", splits, snakefile=project)


def test_kaggle_with_its_own_client(flow_of, published, tmp_path):
    flow, _ = flow_of("kaggle")
    flow.overlay["downloads"] = {}
    flow.environment = kaggle_environment(tmp_path)
    refused = flow.run("fetch")
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    for word in ("no Kaggle token", "~/.kaggle/access_token", "data.source: mendeley"):
        assert word in refused.stdout
    assert not list((flow.folder / "resources").rglob("*.json"))

    flow.environment |= {"KAGGLE_API_TOKEN": TOKEN}
    with kaggle_server() as kaggle:
        kaggle.storage.files[kaggle.archive] = published["chest-xray-pneumonia.zip"]
        output = flow.succeed("fetch")
    del flow.environment["KAGGLE_API_TOKEN"]
    output += flow.succeed("results/tiny/dataset/splits.csv")
    check_dataset(flow, "kaggle")
    files = [path for path in flow.folder.rglob("*") if path.is_file()]
    for secret in (TOKEN, "signed0123"):
        assert secret not in output
        assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_own_file_is_tracked(flow_of):
    flow, mirror = flow_of("pneumoniamnist")
    flow.overlay["data"]["pneumoniamnist"] = {"size": 64, "file": "mine.npz"}
    refused = flow.run("--dry-run")
    assert refused.returncode != 0 and "data.pneumoniamnist.file: mine.npz" in refused.stdout
    own = flow.folder / "mine.npz"
    own.write_bytes(npz(medmnist_arrays(64, 30)))
    manifest = "results/tiny/dataset/manifest.csv"
    flow.succeed(manifest)
    assert len(pd.read_csv(flow.folder / manifest)) == 50 and mirror.asked == []
    own.write_bytes(npz(medmnist_arrays(64, 36)))
    flow.succeed(manifest)
    assert len(pd.read_csv(flow.folder / manifest)) == 60


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOURCES)
def test_to_the_report_without_network(flow_of, project, kind):
    """After `snakemake fetch` nothing needs a network, not even maps and corrupted images."""
    flow, mirror = flow_of(kind)
    explanation = {"method": "grad_cam", "images": 2, "tested_images": 1}
    flow.overlay |= {"explanation": explanation, "robustness": {"strengths": [2]}}
    flow.succeed("fetch", snakefile=project)
    mirror.stop()
    offline = replace(flow, prefix=NO_NETWORK if os.geteuid() == 0 else ())
    offline.succeed(snakefile=project)
    check_dataset(flow, kind)
    report = (flow.results / "report/report.html").read_text()
    assert "resnet10t" in report and "custom_resnet18" in report
