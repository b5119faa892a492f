"""What stops when Snakemake reads the workflow, in the driver and in its jobs."""

import json

import pytest
import yaml
from configurations import config
from hostile_archive import write_archive

from pneumobench.core import opening
from pneumobench.core.analyses import made_of_archived, rebuilt_from
from pneumobench.core.archive import Archive, read_archive
from pneumobench.core.errors import UserError
from pneumobench.core.layout import Layout
from pneumobench.models import registry

OF_A_LATER_TIMM = "timm:quitenet_9000"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def checked(overlay: str = "", *, archive=None, driver=True):
    return opening.checked_experiment(
        config(overlay), archive, architectures=registry.names(), driver=driver
    )


def test_values_of_the_command_are_read_by_their_keys(folder):
    config = {"allow_partial": False, "images": {"size": 64}}
    read = opening.read_configuration(
        config, files=[], values=["allow_partial=true"], checkout=str(folder)
    )
    assert read == {"allow_partial": True, "images": {"size": 64}}


def test_files_are_read_strictly(folder):
    file = folder / "twice.yaml"
    file.write_text("a: 1\na: 2\n")
    with pytest.raises(UserError, match=r"twice\.yaml"):
        opening.read_configuration({}, files=[file], values=[], checkout=str(folder))


def test_a_checkout_whose_path_snakemake_would_fill_is_refused():
    with pytest.raises(UserError, match="path of a checkout"):
        opening.read_configuration({}, files=[], values=[], checkout="/home/{me}")


def test_no_archive_is_read_where_none_is_named():
    assert opening.archive_asked_for({"archive": None}, {"runs"}) is None
    with pytest.raises(UserError, match="the archive does not exist"):
        opening.archive_asked_for({"archive": "none.zip"}, {"archive"})


def test_results_of_another_configuration_stop_jobs_too(folder):
    record = folder / "results/demo/experiment.json"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"identity": {"images": {"size": 1}}}))
    for driver in (True, False):
        with pytest.raises(UserError, match="another configuration"):
            checked(driver=driver)


@pytest.mark.parametrize("name", ["results", "resources"])
def test_folders_are_the_drivers_care(folder, name):
    (folder / name).symlink_to("nowhere")
    with pytest.raises(UserError, match="leads nowhere"):
        checked()
    if name == "resources":
        assert checked(driver=False).experiment == "demo"


def test_a_mistake_in_an_archive_names_the_archive(archive_of):
    wrong = read_archive(archive_of({"runs": ["nothing"]}))
    with pytest.raises(UserError, match=rf"^{wrong.path}: .*error"):
        checked(archive=wrong)


def test_an_archive_may_have_networks_that_have_no_file_here(folder):
    def archived(*described: str) -> Archive:
        given = config() | {"archive": None, "runs": ["small_cnn", OF_A_LATER_TIMM]}
        contents = {f"results/models/{name}.json": b"{}" for name in described}
        contents["config.json"] = json.dumps(given).encode()
        return read_archive(write_archive(folder / f"{len(described)}.zip", contents))

    own = archived("small_cnn", OF_A_LATER_TIMM.replace(":", "-"), "..", "a-b")
    assert own.architectures == ["small_cnn", OF_A_LATER_TIMM]
    assert checked(archive=own).runs == ("small_cnn", OF_A_LATER_TIMM)
    with pytest.raises(UserError, match="small_cnn"):
        checked(archive=archived())
    with pytest.raises(UserError, match="small_cnn"):
        checked("{runs: [small_cnn]}")


def test_an_archive_brings_its_own_configuration(archive_of):
    path = archive_of({})
    assert opening.archive_asked_for({"archive": path}, {"archive"}).path == path
    assert opening.archive_asked_for({"archive": path}, {"archive", "figures"})
    with pytest.raises(UserError, match="given beside archive: runs"):
        opening.archive_asked_for({"archive": path}, {"archive", "runs", "figures"})


def test_figures_are_drawn_from_an_archive_as_the_command_asks(archive_of):
    own = config()["figures"] | {"runs": ["custom_cnn_lstm"], "font_size": 7}
    archive = read_archive(archive_of({"figures": own}))

    def asked(figures):
        return opening.checked_experiment(
            config(f"figures: {figures}"),
            archive,
            architectures=registry.names(),
            driver=True,
            given={"archive": str(archive.path), "figures": yaml.safe_load(figures)},
        ).figures

    drawn = asked("{font_size: 10}")
    assert drawn.font_size == 10 and drawn.runs == ("custom_cnn_lstm",) and drawn.width == 183
    with pytest.raises(UserError) as caught:
        asked("{runs: [custom_cnn_lsm]}")
    assert str(archive.path) not in str(caught.value) and "write custom_cnn_lstm" in str(
        caught.value
    )
    with pytest.raises(UserError, match="figures"):
        asked("5")


@pytest.fixture
def archive_of(folder):
    """Return a function that writes an archive with a configuration; it holds nothing else."""

    def make(overlay: dict) -> str:
        given = config() | {"archive": None} | overlay
        path = folder / "made.zip"
        write_archive(path, {"config.json": json.dumps(given).encode()})
        return str(path)

    return make


def test_an_archive_must_hold_what_its_configuration_leads_to(folder):
    experiment = checked("{explanation: {method: none}, runs: [vgg16], archive_radiographs: false}")
    on_disk = Layout("results/demo", experiment, tuple(experiment.expanded_runs))
    contents = {
        above + path.removeprefix("results/demo/"): b"1"
        for above, paths in (
            ("results/", rebuilt_from(on_disk)),
            ("made/", made_of_archived(on_disk)),
        )
        for path in paths
    }
    in_rules = Layout("<results>", experiment, on_disk.runs)
    whole = read_archive(write_archive(folder / "whole.zip", contents))
    assert opening.archived_files(whole, in_rules, driver=True) == rebuilt_from(in_rules)

    lacking = dict(list(contents.items())[1:])
    with pytest.raises(UserError, match=r"it lacks results/experiment\.json"):
        opening.archived_files(
            read_archive(write_archive(folder / "b.zip", lacking)), in_rules, driver=False
        )
    wrong = {"results/precision.json": {"sha256": "0" * 64, "bytes": 1}}
    damaged = read_archive(write_archive(folder / "c.zip", contents, listed=wrong))
    assert opening.archived_files(damaged, in_rules, driver=False)
    with pytest.raises(UserError, match="SHA-256"):
        opening.archived_files(damaged, in_rules, driver=True)
