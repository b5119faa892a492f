"""Bad practice measured, on the results of a finished experiment: in a folder of its own only."""

import shutil

import pandas as pd
import pytest
from pipeline_runs import job_counts

from pneumobench.core.files import read_json, read_table
from pneumobench.core.inflation import ARMS, HONEST, PRACTICES

FOLDS = 2
RUN = "runs/timm-resnet10t/light/seed42"


@pytest.fixture(scope="module")
def inflated(finished, make_workflow):
    """The finished experiment under a name that allows to ask for bad practice."""
    flow = make_workflow(experiment="inflation_tiny", inflation={"model": "timm:resnet10t"})
    shutil.copytree(finished.results, flow.results)
    shutil.copytree(finished.folder / "resources", flow.folder / "resources")
    # Under another name nothing is known of what these were made from.
    shutil.rmtree(flow.results / "report")
    (flow.results / "figures/manifest.json").unlink()
    return flow


def test_no_other_experiment_knows_the_rules(finished):
    stopped = finished.run("--dry-run", "--", "results/tiny/inflation/inflation.csv")
    assert stopped.returncode != 0 and "MissingRuleException" in stopped.stdout


def test_bad_practice_is_trained_and_measured_beside_what_is_there(inflated):
    counts = job_counts(inflated.succeed("--dry-run"))
    assert counts["train_inflated"] == len(ARMS) * FOLDS
    assert "train_fold" not in counts and "freeze_selection" not in counts
    inflated.succeed()
    assert "Nothing to be done" in inflated.succeed("--dry-run")
    table = read_table(inflated.results / "inflation/inflation.csv", text=("reason",))
    assert set(table["practice"]) == set(PRACTICES)
    assert table.loc[table["reason"] == "", "optimism"].notna().all()
    # So few images leave no early-stopping part.
    assert table.set_index("practice")["reason"]["sixteen_images"] != ""
    for fold in range(FOLDS):
        epochs = read_table(inflated.results / f"inflation/{HONEST}/fold{fold}/epochs.csv")
        kept = epochs[(epochs["kept"] == 1) & (epochs["part"] == "test")]
        honest = read_table(inflated.results / RUN / f"fold{fold}/test.csv")
        pd.testing.assert_series_equal(
            kept.set_index("image_id")["logit"], honest.set_index("image_id")["logit"]
        )
    looks = [read_json(path) for path in (inflated.results / "test_looks").iterdir()]
    (look,) = [look for look in looks if look.get("purpose") == "bad practice"]
    assert look["model"] == "timm:resnet10t"
    report = (inflated.results / "report/report.html").read_text(encoding="utf-8")
    assert 'id="figure-inflation"' in report and "OPTIMISTIC" in report
