"""Measures of maps summed up: intervals, pairs, what is undefined, verdicts and their direction."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from statistics_cases import DRAW, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.explained import arrays_without_maps
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.run import Run
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.explanations import (
    COLUMNS,
    DIRECTION,
    LARGE_EFFECT,
    RANDOMISATION_COLUMNS,
    ExplanationFiles,
    ExplanationTables,
    summarise_explanations,
)
from pneumobench.statistics.intervals import detectable_effect

RUN, OTHER = Run("resnet18", "light", 42), Run("timm:vit_tiny", "light", 7)
MEANS = {"grad_cam": 0.6, "random": 0.4, "centre": 0.6, "randomised": 0.5}


@pytest.fixture
def experiment(tmp_path):
    return make_experiment(tmp_path, patients=48)


def folder(experiment, run):
    return experiment.root / "explanations" / run.folder


def identity(run):
    return {"model": run.model, "recipe": run.recipe, "seed": run.seed}


def write_measures(experiment, run=RUN, measures=("insertion",), means=MEANS, seed=0, rows=None):
    """Write values of all kinds of maps; maps of an image share most of their noise."""
    generator = np.random.default_rng(seed)
    images = experiment.development.iloc[:rows]
    parts = []
    for measure in measures:
        shared = generator.normal(0, 0.2, len(images))
        for name, mean in means.items():
            value = mean + shared + generator.normal(0, 0.05, len(images))
            part = images[["image_id", "fold", "subtype"]].assign(map=name, measure=measure)
            parts.append(part.assign(value=value.astype(np.float32)))
    table = pd.concat(parts).assign(**identity(run))
    write_table(folder(experiment, run) / "measures.csv", table)
    return table


def write_randomisation(experiment, run=RUN):
    images = experiment.development["image_id"]
    parts = [
        pd.DataFrame(
            {
                **identity(run), "layer_order": order, "layer": layer, "image_id": images,
                "spearman": start + np.linspace(0, 0.1, len(images)),
                "ssim": start + np.linspace(0, 0.2, len(images)),
            }
        )
        for order, layer, start in ((10, "conv1", 0.1), (2, "fc", 0.7))
    ]  # fmt: skip
    write_table(folder(experiment, run) / "randomisation.csv", pd.concat(parts))


def summarise(experiment, resampling=DRAW):
    outputs = [
        experiment.root / name for name in ("explanations.csv", "layers.csv", "explanations.json")
    ]
    names = ("measures", "randomisation")
    paths = [sorted(experiment.root.rglob(f"{name}.csv")) for name in names]
    paths.append(sorted(experiment.root.rglob("maps.npz")))
    summarise_explanations(
        ExplanationFiles(*paths, experiment.development_labels),
        ExplanationTables(*outputs),
        resampling=resampling,
    )
    return read_table(outputs[0], text=("run", "model", "verdict")), read_json(outputs[2])


def row_of(table, measure, name, run=RUN):
    chosen = (table["run"] == run.folder) & (table["measure"] == measure) & (table["map"] == name)
    return table[chosen].squeeze(axis=0)


def values_of(table, measure, name):
    chosen = (table["measure"] == measure) & (table["map"] == name)
    return table[chosen].set_index("image_id")["value"].astype(float)


def slow_means(values, patients):
    """Draw as the library does, and take the mean over copied images, replicate by replicate."""
    resamples = resample_patients(patients, DRAW)
    means = []
    for multiplicity in resamples.multiplicity[1:]:
        copies = [
            value
            for value, cluster in zip(values, resamples.cluster, strict=True)
            for _ in range(multiplicity[cluster])
            if not np.isnan(value)
        ]
        means.append(np.mean(copies) if copies else np.nan)
    return means


def slow_interval(values, patients):
    return np.nanquantile(slow_means(values, patients), [0.025, 0.975])


def patients_of(experiment, images):
    return experiment.development.set_index("image_id")["patient"][images].to_numpy(dtype=str)


def spoil(experiment, change, run=RUN, name="measures.csv"):
    path = folder(experiment, run) / name
    write_table(path, change(read_table(path)))


def test_means_and_intervals_equal_a_slow_loop(experiment):
    written = write_measures(experiment)
    found, details = summarise(experiment)
    assert list(found) == list(COLUMNS)
    for name in MEANS:
        values = values_of(written, "insertion", name).sort_index()
        row = row_of(found, "insertion", name)
        assert row["value"] == pytest.approx(values.mean())
        expected = slow_interval(values, patients_of(experiment, values.index))
        assert row[["low", "high"]].tolist() == pytest.approx(expected.tolist())
        assert row["images"] == len(values) and row["undefined"] == 0
        assert row["patients"] == experiment.development["patient"].nunique()
    assert details["interval"]["replicates"] == DRAW.replicates
    assert details["direction"]["deletion"] == "lower"


@pytest.mark.parametrize("control", ["random", "centre", "randomised"])
def test_differences_are_paired_by_image(experiment, control):
    written = write_measures(experiment)
    # The order of rows says nothing.
    spoil(experiment, lambda table: table.sample(frac=1, random_state=0))
    found, _ = summarise(experiment)
    row = row_of(found, "insertion", f"grad_cam - {control}")
    ours, theirs = (values_of(written, "insertion", name) for name in ("grad_cam", control))
    difference = (ours - theirs).sort_index()
    assert row["value"] == pytest.approx(difference.mean())
    means, n = slow_means(difference, patients_of(experiment, difference.index)), row["patients"]
    # Student's interval instead of the percentiles of the same draws.
    reach = t.ppf(0.975, n - 1) * np.std(means) * np.sqrt(n / (n - 1))
    assert row["high"] - row["value"] == pytest.approx(reach)
    assert row["high"] - row["value"] == pytest.approx(row["value"] - row["low"])
    # What images share falls out of the difference.
    own = row_of(found, "insertion", "grad_cam")
    assert row["high"] - row["low"] < 0.6 * (own["high"] - own["low"])


def test_undefined_values_are_left_out_and_counted(experiment):
    written = write_measures(experiment)
    images = sorted(written["image_id"].unique())
    lost = {"grad_cam": images[:3], "random": images[2:7]}

    def lose(table):
        for name, gone in lost.items():
            table.loc[(table["map"] == name) & table["image_id"].isin(gone), "value"] = np.nan
        # Rows that are not there are no undefined values.
        absent = (table["map"] == "centre") & table["image_id"].isin(images[10:20])
        return table[~absent].astype({"value": np.float32})

    spoil(experiment, lose)
    found, _ = summarise(experiment)
    count = len(images)
    for name, defined, undefined in (
        ("grad_cam", count - 3, 3), ("random", count - 5, 5), ("centre", count - 10, 0),
        ("grad_cam - random", count - 7, 7), ("grad_cam - centre", count - 13, 3),
        ("grad_cam - randomised", count - 3, 3),
    ):  # fmt: skip
        row = row_of(found, "insertion", name)
        assert (row["images"], row["undefined"]) == (defined, undefined), name
    ours = values_of(written, "insertion", "grad_cam").drop(images[:3])
    assert row_of(found, "insertion", "grad_cam")["value"] == pytest.approx(ours.mean())
    kept = ours.drop(images[2:7], errors="ignore")
    assert row_of(found, "insertion", "grad_cam")["patients"] == len(
        set(patients_of(experiment, ours.index))
    )
    difference = kept - values_of(written, "insertion", "random")[kept.index]
    row = row_of(found, "insertion", "grad_cam - random")
    assert row["value"] == pytest.approx(difference.mean())


def test_a_measure_without_any_value_has_no_interval_and_no_verdict(experiment):
    write_measures(experiment)
    spoil(experiment, lambda table: table.assign(value=np.nan))
    found, details = summarise(experiment)
    row = row_of(found, "insertion", "grad_cam - random")
    assert np.isnan(row[["value", "low", "high"]].astype(float)).all() and row["images"] == 0
    assert row["verdict"] == "too few patients"
    assert details["runs"][0]["undefined_replicates"]["insertion: random"] == DRAW.replicates


@pytest.mark.parametrize(
    ("measure", "means", "verdict"),
    [
        ("insertion", (0.6, 0.4, 0.5, 0.4), "beats all controls"),
        (
            "insertion",
            (0.6, 0.4, 0.6, 0.4),
            "beats random, randomised; not shown to be better than centre",
        ),
        ("iou", (0.6, 0.4, 0.8, 0.4), "beats random, randomised; worse than centre"),
        ("road", (0.6, 0.6, 0.6, 0.6), "not shown to be better than random, centre, randomised"),
        ("deletion", (0.4, 0.6, 0.5, 0.6), "beats all controls"),
        ("deletion", (0.4, 0.6, 0.5, 0.3), "beats random, centre; worse than randomised"),
        ("deletion", (0.6, 0.4, 0.5, 0.4), "worse than random, centre, randomised"),
        # The centre is away from border and corners: no merit, no verdict.
        ("energy_border", (0.4, 0.6, 0.1, 0.1), "beats random"),
        ("energy_corners", (0.6, 0.6, 0.1, 0.1), "not shown to be better than random"),
        ("energy_outside_body", (0.6, 0.3, 0.1, 0.1), "worse than random"),
    ],
)
def test_verdicts_know_the_good_direction(experiment, measure, means, verdict):
    means = dict(zip(("grad_cam", "random", "centre", "randomised"), means, strict=True))
    write_measures(experiment, measures=(measure,), means=means, seed=1)
    found, _ = summarise(experiment)
    assert row_of(found, measure, "grad_cam")["verdict"] == verdict
    assert row_of(found, measure, "random")["verdict"] == ""
    single = row_of(found, measure, "grad_cam - random")
    apart = not single["low"] <= 0 <= single["high"]
    better = apart and (single["value"] > 0) == (DIRECTION[measure] > 0)
    assert single["verdict"] == ("better" if better else "worse" if apart else "not shown")


def test_the_trained_network_is_held_against_the_randomised_one(experiment):
    write_measures(experiment, measures=("insertion", "deletion"))
    found, _ = summarise(experiment)
    rows = [row_of(found, name, "grad_cam - randomised") for name in ("insertion", "deletion")]
    assert [row["verdict"] for row in rows] == ["better", "worse"]


def test_maps_may_be_of_another_method(experiment):
    write_measures(experiment)
    expected, _ = summarise(experiment)
    spoil(experiment, lambda table: table.replace("grad_cam", "layer_cam"))
    found, _ = summarise(experiment)
    assert "layer_cam - centre" in set(found["map"])
    renamed = expected.assign(map=expected["map"].str.replace("grad_cam", "layer_cam"))
    pd.testing.assert_frame_equal(found, renamed)


def of_patients(experiment, count, means, seed):
    """The differences of maps to random ones, of so many patients."""
    patients = experiment.development["patient"]
    rows = int(patients.isin(patients.unique()[:count]).sum())
    write_measures(experiment, means=means, rows=rows, seed=seed)
    found, _ = summarise(experiment)
    return row_of(found, "insertion", "grad_cam - random")


def test_what_few_patients_do_not_show_is_no_finding(experiment):
    """Fourteen patients would miss a large effect in more than a fifth of samples, fifteen not."""
    equal = dict.fromkeys(MEANS, 0.5)
    verdicts = [of_patients(experiment, count, equal, seed=1)["verdict"] for count in (14, 15)]
    assert verdicts == ["too few patients", "not shown"]


def test_an_effect_that_few_patients_show_counts(experiment):
    means = {"grad_cam": 0.9, "random": 0.1, "centre": 0.1, "randomised": 0.1}
    assert of_patients(experiment, 3, means, seed=0)["verdict"] == "better"
    alone = of_patients(experiment, 1, means, seed=0)
    assert alone["verdict"] == "too few patients" and np.isnan(alone["low"])


def test_the_smallest_detectable_difference_is_detected_as_often_as_promised():
    generator, shown, trials = np.random.default_rng(0), 0, 2000
    effect = detectable_effect(15, 0.95)
    assert 0.7 < effect <= LARGE_EFFECT < detectable_effect(14, 0.95)
    for _ in range(trials):
        values = generator.normal(effect, 1, 15)
        shown += values.mean() / values.std(ddof=1) * 15**0.5 > t.ppf(0.975, 14)
    assert shown / trials == pytest.approx(0.8, abs=0.03)


def test_similarity_is_that_after_the_last_layer(experiment):
    write_measures(experiment)
    write_randomisation(experiment)
    found, details = summarise(experiment)
    assert row_of(found, "spearman", "randomised")["value"] == pytest.approx(0.15)
    row = row_of(found, "ssim", "randomised")
    assert row["value"] == pytest.approx(0.2) and row["low"] < 0.2 < row["high"]
    assert row["verdict"] == "" and row["images"] == len(experiment.development)
    assert details["runs"][0]["last_layer"] == "conv1"


def test_every_layer_has_its_own_rows(experiment):
    write_randomisation(experiment)
    _, details = summarise(experiment)
    table = read_table(experiment.root / "layers.csv", text=("run", "model", "layer", "measure"))
    assert list(table) == list(RANDOMISATION_COLUMNS)
    assert table["layer"].tolist() == ["fc", "fc", "conv1", "conv1"]
    assert table["layer_order"].tolist() == [2, 2, 10, 10]
    rows = table.set_index(["layer", "measure"])
    assert rows.loc[("fc", "spearman"), "value"] == pytest.approx(0.75)
    assert rows.loc[("conv1", "ssim"), "value"] == pytest.approx(0.2)
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()
    assert details["runs"][0]["last_layer"] == "conv1"


def test_runs_stand_side_by_side(experiment):
    write_measures(experiment)
    write_measures(experiment, OTHER, measures=("iou",), means={"grad_cam": 0.2}, rows=20)
    write_randomisation(experiment)
    found, details = summarise(experiment)
    alone = found[found["run"] == OTHER.folder]
    assert alone["map"].tolist() == ["grad_cam"] and alone["images"].tolist() == [20]
    assert alone["model"].tolist() == ["timm:vit_tiny"] and alone["verdict"].tolist() == [""]
    assert [run["last_layer"] for run in details["runs"]] == ["conv1", None]
    # Another run in the table changes nothing for the first.
    (folder(experiment, OTHER) / "measures.csv").unlink()
    again, _ = summarise(experiment)
    pd.testing.assert_frame_equal(again, found[found["run"] == RUN.folder])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.drop(columns="map"), "the file lacks map"),
        (lambda table: table.iloc[:0], "the file lacks rows"),
        (lambda table: pd.concat([table, table[:1]]), "values are listed twice: p000_0, grad_cam"),
        (lambda table: table.replace("p000_0", "p999_9"), "images without a label: p999_9"),
        (
            lambda table: table.replace("centre", "middle"),
            "maps are of several methods: p000_0, middle",
        ),
        (lambda table: table.replace("insertion", "auc"), "a measure is unknown"),
        (lambda table: table.assign(value=np.inf), "values are not numbers"),
        (lambda table: table.assign(value="high"), "values are not numbers"),
        (lambda table: table.assign(seed=range(len(table))), "mixes several runs"),
    ],
)
def test_damaged_files_are_named(experiment, change, message):
    write_measures(experiment)
    spoil(experiment, change)
    with pytest.raises(UserError, match=rf"{message}[\s\S]*measures.csv"):
        summarise(experiment)


def test_a_run_stands_in_one_file(experiment):
    write_measures(experiment)
    write_measures(experiment, OTHER)
    spoil(experiment, lambda table: table.assign(**identity(RUN)), OTHER)
    with pytest.raises(UserError, match=r"two files are of resnet18 \(light, seed 42\)"):
        summarise(experiment)


def test_nothing_to_sum_up_is_said(experiment):
    with pytest.raises(UserError, match="no run has been explained"):
        summarise(experiment)


def test_runs_without_maps_are_named_and_stop_no_other(experiment):
    other = Run("timm:some", "light", 1)
    for name in ("measures.csv", "randomisation.csv"):
        write_table(folder(experiment, other) / name, pd.DataFrame(columns=["model", "recipe"]))
    np.savez(folder(experiment, other) / "maps.npz", **arrays_without_maps("it has none"))
    found, details = summarise(experiment)
    assert found.empty and details["runs"] == []
    write_measures(experiment)
    found, details = summarise(experiment)
    assert set(found["run"]) == {RUN.folder} and [run["run"] for run in details["runs"]] == [
        RUN.folder
    ]
    assert details["without_maps"] == [{"run": other.folder, "reason": "it has none"}]


def test_rounding_is_no_difference(experiment):
    def nearly_alike(table):
        return table.assign(value=0.3 + 1e-9 * (table["map"] == "grad_cam"))

    write_measures(experiment, measures=("energy_corners",))
    spoil(experiment, nearly_alike)
    found, _ = summarise(experiment)
    assert (
        row_of(found, "energy_corners", "grad_cam")["verdict"]
        == "not shown to be better than random"
    )
