"""The key `external`: what it takes from `data`, and mistakes in it."""

import json

import pytest
from configurations import ROOT, check, config, only_problem, problems

from pneumobench.core.config import check_config, check_data_source
from pneumobench.core.config.identity import experiment_identity
from pneumobench.core.errors import UserError


def test_config_yaml_has_none():
    assert check().external is None


def test_what_is_not_named_comes_from_data():
    experiment = check(
        "data: {phantom: {image_px: 128}, checks: {minimum_px: 40}}\n"
        "external: {phantom: {seed: 11}, checks: {maximum_rejected_fraction: 0.5}}"
    )
    data, external = experiment.data, experiment.external
    assert external.source == "phantom" and external.phantom.seed == 11
    assert external.phantom == data.phantom.model_copy(update={"seed": 11})
    assert external.checks.minimum_px == 40 and external.checks.maximum_rejected_fraction == 0.5
    assert data.phantom.seed == 7


def test_adding_or_changing_it_changes_no_results_folder():
    identities = [
        experiment_identity(check(text))
        for text in ("", "external: {source: rsna}", "external: {phantom: {seed: 11}}")
    ]
    assert identities[0] == identities[1] == identities[2]


@pytest.mark.parametrize(
    ("overlay", "path"),
    [
        ("external: {source: rsma}", "external.source"),
        ("external: {source: rsna, rsna: {path: 7}}", "external.rsna.path"),
        ("external: {source: rsna, rsna: {pth: radiographs}}", "external.rsna.pth"),
        ("external: {source: rsna, size: 64}", "external.size"),
        ("external: {phantom: {seed: 11, patients: 3}}", "external.phantom.patients"),
        ("external: {phantom: 3}", "external.phantom"),
        ("external: rsna", "external"),
        ("external: [rsna]", "external"),
        ("external: true", "external"),
    ],
)
def test_a_mistake_is_reported_at_its_place(overlay, path):
    problem = only_problem(overlay)
    assert problem.path == path
    if path == "external.source":
        assert problem.nearest == "rsna"
    if path == "external.rsna.pth":
        assert problem.nearest == "path"
    if path == "external":
        assert "keys of data that differ" in problem.allowed and "null" in problem.allowed


def test_a_mistake_in_data_is_reported_there_alone():
    overlay = "data: {phantom: {patients: 3}}\nexternal: {phantom: {seed: 11}}"
    assert set(problems(overlay)) == {"data.phantom.patients"}


@pytest.mark.parametrize(
    ("own", "other"),
    [("kaggle", "mendeley"), ("mendeley", "pneumoniamnist"), ("kaggle", "kaggle"),
     ("nih", "rsna"), ("rsna", "nih"), ("nih", "nih")],
)  # fmt: skip
def test_sources_of_the_same_radiographs_are_refused(own, other):
    problem = only_problem(f"data: {{source: {own}}}\nexternal: {{source: {other}}}")
    assert problem.path == "external.source" and "same radiographs" in problem.given


@pytest.mark.parametrize(
    ("overlay", "path"),
    [
        ("external: {}", "external.phantom.seed"),
        ("external: {phantom: {shift: 0.9}}", "external.phantom.seed"),
        ("data: {source: directory}\nexternal: {source: directory}", "external.directory.path"),
        (
            "data: {source: table, table: {path: a/radiographs.csv}}\n"
            "external: {table: {path: ./a/radiographs.csv, images: elsewhere}}",
            "external.table.path",
        ),
    ],
)
def test_the_data_over_again_are_refused(overlay, path):
    assert only_problem(overlay).path == path


@pytest.mark.parametrize(
    "overlay",
    [
        "external: {source: rsna}",
        "data: {source: kaggle}\nexternal: {source: rsna}",
        "data: {source: mendeley}\nexternal: {source: kaggle, kaggle: {dataset: some/radiographs}}",
        "data: {source: kaggle}\nexternal: {source: kaggle, kaggle: {dataset: some/radiographs}}",
        "data: {source: directory}\nexternal: {directory: {path: other}}",
        "data: {source: nih}\nexternal: {source: phantom}",
    ],
)
def test_other_radiographs_are_allowed(overlay):
    assert check(overlay).external is not None


def test_a_folder_that_is_not_there_is_named(tmp_path):
    experiment = check(f"external: {{source: rsna, rsna: {{path: {tmp_path}/missing}}}}")
    with pytest.raises(UserError) as caught:
        check_data_source(experiment)
    assert f"external.rsna.path: {tmp_path}/missing" in caught.value.where
    (tmp_path / "missing").mkdir()
    check_data_source(experiment)


def test_a_whole_configuration_written_out_is_one_again():
    experiment = check("external: {source: rsna, rsna: {path: radiographs}}")
    written = json.loads(json.dumps(experiment.model_dump(mode="json")))
    again = config() | written
    assert again["external"]["rsna"]["path"] == "radiographs"
    names = [run.model for run in experiment.expanded_runs]
    assert check_config(again, architectures=names).external == experiment.external


def test_editors_want_no_complete_section():
    schema = json.loads((ROOT / "schemas/config.schema.json").read_text(encoding="utf-8"))
    node = schema["properties"]["external"]
    assert "required" not in json.dumps(node) and "$ref" not in json.dumps(node)
    assert "required" in schema["$defs"]["Data"]
