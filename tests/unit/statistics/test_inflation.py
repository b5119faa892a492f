"""What bad practice adds: its splits, its trainings, and the numbers that come of them."""

import numpy as np
import pandas as pd
import pytest
from fold_fixture import fold_inputs, train, write_fold
from packed_fixture import write_packed
from recipe_fixture import settings
from sealed_fixture import edit_csv
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from statistics_cases import DRAW, FOLDS, make_experiment

from pneumobench.core.errors import UserError
from pneumobench.core.estimates import Resampling
from pneumobench.core.files import read_json, read_table, write_table
from pneumobench.core.inflation import ARMS, PRACTICES, copy_identifier, copy_names, is_copy
from pneumobench.core.run import Run
from pneumobench.data.inflation import SplitTables, split_inflated
from pneumobench.statistics.bootstrap import resample_patients
from pneumobench.statistics.inflation import InflationFiles, _best_balanced, measure_inflation
from pneumobench.statistics.predictions import Labels
from pneumobench.statistics.samples import Sample
from pneumobench.training.files import FoldInputs, FoldJob
from pneumobench.training.inflation import train_inflated

RULES = {"folds": 4, "seed": 3, "inner_fraction": 0.25}


# Splits


def tables(folder):
    names = ("splits.csv", "development_labels.csv", "augmented.csv")
    return SplitTables(*(folder / name for name in names))


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """Honest tables of 40 patients, three images each, two copies an image, and what is made."""
    root = tmp_path_factory.mktemp("split")
    patient = np.repeat(np.arange(40), 3)
    names = [f"p{number}_{radiograph}" for number in range(40) for radiograph in range(3)]
    development = patient < 32
    splits = pd.DataFrame(
        {
            "image_id": names, "role": np.where(development, "cv", "test"),
            "fold": pd.array(np.where(development, patient % 4, -1), "Int64"),
            "inner": "", "group": [f"p{number}" for number in patient],
        }
    )  # fmt: skip
    splits.loc[~development, "fold"] = pd.NA
    subtype = np.where(patient % 2 == 0, "normal", "viral")
    labels = pd.DataFrame(
        {
            "image_id": names, "label": np.where(subtype == "normal", "normal", "pneumonia"),
            "subtype": subtype, "patient": splits["group"],
        }
    )  # fmt: skip
    rows = np.repeat(np.flatnonzero(development), 2)
    copies = pd.DataFrame(
        {"source_row": rows, "image_id": splits["image_id"][rows], "copy": np.tile([0, 1], 96)}
    )
    made = {name: tables(root / name) for name in ("honest", "images", "copies")}
    for path, table in zip(
        (made["honest"].splits, made["honest"].development_labels, made["honest"].augmented_table),
        (splits, labels[development], copies),
        strict=True,
    ):
        write_table(path, table)
    split_inflated(**made, **RULES)
    text = ("image_id", "inner", "group")
    return {
        name: [read_table(path, text=text) for path in vars(arm).values()]
        for name, arm in made.items()
    }


def folds_of(splits, key):
    """Return in how many folds the rows of one key lie, for each key."""
    development = splits[splits["role"] == "cv"]
    return development.groupby(key(development))["fold"].nunique()


def test_images_lose_their_patients_and_nothing_else(split):
    (honest, labels, copies), (splits, own_labels, own_copies) = split["honest"], split["images"]
    assert splits["image_id"].tolist() == honest["image_id"].tolist()
    assert splits["role"].tolist() == honest["role"].tolist()
    patients = folds_of(splits, lambda table: table["image_id"].str.split("_").str[0])
    assert (folds_of(honest, lambda table: table["group"]) == 1).all()
    assert (patients > 1).mean() > 0.5
    assert own_labels.equals(labels) and own_copies.equals(copies)
    test = splits[splits["role"] == "test"]
    assert test["fold"].isna().all() and (test["inner"] == "").all()
    sizes = splits["fold"].value_counts()
    assert len(sizes) == RULES["folds"] and sizes.max() - sizes.min() <= 2


def test_copies_lie_in_other_folds_than_their_radiograph(split):
    (honest, labels, copies), (splits, own_labels, own_copies) = split["honest"], split["copies"]
    assert own_copies.empty and list(own_copies.columns) == list(copies.columns)
    rows = splits.iloc[len(honest) :]
    # In the order of the copies, as they lie behind the images.
    assert rows["image_id"].tolist() == [
        copy_identifier(name, number)
        for name, number in zip(copies["image_id"], copies["copy"], strict=True)
    ]
    assert (rows["role"] == "cv").all() and rows["image_id"].map(is_copy).all()
    assert not honest["image_id"].map(is_copy).any()
    radiographs = folds_of(splits, lambda table: table["image_id"].str.split("//").str[0])
    assert (radiographs > 1).mean() > 0.5
    truth = labels.set_index("image_id")["label"]
    found = own_labels.set_index("image_id")["label"]
    assert found[rows["image_id"]].tolist() == truth[copies["image_id"]].tolist()
    assert found[truth.index].equals(truth)
    for fold in range(RULES["folds"]):
        inner = splits["inner"].str.split().map(lambda entry, fold=fold: str(fold) in entry)
        assert inner.any() and not (inner & (splits["fold"] == fold)).any()


# Trainings


def arm_inputs(data, table):
    """Return the fold's files with copies (one of each image) and a table of those that follow."""
    inputs = vars(fold_inputs(data))
    splits = read_table(inputs["splits"], text=("image_id", "inner", "group"))
    rows = np.flatnonzero(splits["role"] == "cv")
    names = splits["image_id"][rows]
    copies = pd.DataFrame({"source_row": rows, "image_id": names, "copy": 0})
    write_packed(
        data / "augmented.npy",
        np.load(inputs["images"])[rows],
        copy_names(names, copies["copy"]),
    )
    write_table(data / "augmented.csv", copies)
    write_table(data / "none.csv", copies.iloc[:0])
    return FoldInputs(
        **inputs | {"augmented": data / "augmented.npy", "augmented_table": data / table}
    )


def train_arm(inputs, folder, recipe, **options):
    arm = options.pop("arm", "patients")
    told = {
        "run": Run("timm:resnet10t", "changed", 7), "fold": 0,
        "settings": recipe, "threads": 1, "code_hash": "code", "resume_folder": folder / "resume",
    }  # fmt: skip
    train_inflated(inputs, folder / "epochs.csv", FoldJob(**told | options), arm=arm)
    return read_table(folder / "epochs.csv", text=("image_id", "part", "arm"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_fold(folder)
    return folder


RECIPE = {"epochs": 3, "batch_size": 16, "ema_decay": 0.9}


def test_the_kept_epoch_is_that_of_the_honest_training(data, tmp_path):
    """Looking on after each epoch changes no bit of a training."""
    recipe = settings(**RECIPE)
    train(data, tmp_path / "honest", "timm:resnet10t", recipe)
    epochs = train_arm(fold_inputs(data), tmp_path, recipe)
    record = read_json(tmp_path / "honest/run.json")
    assert epochs["epoch"].unique().tolist() == [1, 2, 3]
    kept = epochs[epochs["kept"] == 1]
    assert kept["epoch"].unique().tolist() == [record["best_epoch"]]
    for part in ("out_of_fold", "test"):
        expected = read_table(tmp_path / f"honest/{part}.csv", text=("image_id",))
        found = kept[kept["part"] == part]
        assert found["image_id"].tolist() == expected["image_id"].tolist()
        assert found["logit"].tolist() == expected["logit"].tolist()
    assert (epochs["part"] == "inner").sum() == 3 * record["inner_images"]
    assert not (tmp_path / "resume").exists()


def test_copies_are_rows_where_none_follows_its_image(data, tmp_path):
    """Images and copies lie one behind the other; the split alone says who is trained on."""
    inputs = arm_inputs(data, "none.csv")
    splits = read_table(inputs.splits, text=("image_id", "inner", "group"))
    copies = splits[splits["role"] == "cv"].assign(
        image_id=lambda table: [copy_identifier(name, 0) for name in table["image_id"]]
    )
    labels = read_table(inputs.development_labels)
    united = tmp_path / "splits.csv", tmp_path / "labels.csv"
    write_table(united[0], pd.concat([splits, copies]))
    write_table(united[1], pd.concat([labels, labels.assign(image_id=list(copies["image_id"]))]))
    changed = vars(inputs) | {"splits": united[0], "development_labels": united[1]}
    recipe = settings(**RECIPE | {"epochs": 1, "offline_copies": True})
    epochs = train_arm(FoldInputs(**changed), tmp_path, recipe, arm="copies")
    held_out = epochs[epochs["part"] == "out_of_fold"]
    plain = held_out[~held_out["image_id"].map(is_copy)]
    assert len(held_out) == 2 * len(plain) > 0
    # The copies are the images themselves here.
    logit = held_out.set_index("image_id")["logit"]
    twins = [copy_identifier(name, 0) for name in plain["image_id"]]
    np.testing.assert_allclose(logit[twins], logit[plain["image_id"]], atol=1e-5)


def test_labels_that_stand_twice_are_refused(data, tmp_path):
    inputs = vars(fold_inputs(data))
    labels = read_table(inputs["development_labels"], text=("image_id",))
    write_table(tmp_path / "labels.csv", pd.concat([labels, labels[:1]]))
    changed = FoldInputs(**inputs | {"development_labels": tmp_path / "labels.csv"})
    with pytest.raises(UserError, match=r"labels\.csv .* image0 has two rows"):
        train_arm(changed, tmp_path, settings(**RECIPE))


def test_copies_of_other_images_are_refused(data, tmp_path):
    inputs = arm_inputs(data, "augmented.csv")
    table = read_table(inputs.augmented_table, text=("image_id",))
    wrong = {
        "sources.csv": table.assign(source_row=table["source_row"].to_numpy()[::-1]),
        "rows.csv": table[::-1],
    }
    for name, content in wrong.items():
        write_table(tmp_path / name, content)
        changed = FoldInputs(**vars(inputs) | {"augmented_table": tmp_path / name})
        with pytest.raises(UserError, match=r"other images|not the same images"):
            train_arm(changed, tmp_path, settings(**RECIPE | {"offline_copies": True}))


def test_logits_without_a_state_are_not_believed(data, tmp_path):
    recipe = settings(**RECIPE | {"epochs": 1})
    first = train_arm(fold_inputs(data), tmp_path, recipe)
    (tmp_path / "resume").mkdir()
    np.savez(tmp_path / "resume/epoch1.npz", logits=np.zeros(len(first), np.float32))
    assert train_arm(fold_inputs(data), tmp_path, recipe).equals(first)


# Measurement

RUN = Run("small", "copied", 42)
OTHER = Run("other", "copied", 42)
EPOCHS = 4


def write_epochs(experiment, arm, signals, seed, epochs=EPOCHS, inner=40):
    """Write an arm's epochs; a signal for each epoch is the distance of the classes in SDs."""
    generator = np.random.default_rng(seed)
    development = experiment.development
    for fold in range(FOLDS):
        own = development["fold"] == fold
        parts = {
            "inner": development[~own].iloc[:inner], "out_of_fold": development[own],
            "test": experiment.test,
        }  # fmt: skip
        rows = []
        for epoch in range(1, epochs + 1):
            for part, images in parts.items():
                logit = generator.normal(size=len(images)).astype(np.float32)
                logit += np.float32(signals[epoch - 1]) * (images["label"] == "pneumonia")
                frame = pd.DataFrame({"image_id": images["image_id"], "logit": logit})
                rows.append(frame.assign(epoch=epoch, kept=int(epoch == 2), part=part))
        identity = {"arm": arm, "model": RUN.model, "recipe": RUN.recipe, "seed": 42, "fold": fold}
        table = pd.concat(rows, ignore_index=True).assign(**identity)
        if arm == "copies":
            twins = table.assign(image_id=[copy_identifier(name, 0) for name in table["image_id"]])
            table = pd.concat([table, twins.assign(logit=np.float32(-99))])
        write_table(experiment.root / f"inflation/{arm}/fold{fold}/epochs.csv", table)


def epochs_files(experiment):
    return sorted((experiment.root / "inflation").glob("*/fold*/epochs.csv"))


def measure(experiment, runs=(RUN, OTHER), epochs=None):
    folder = experiment.root / "inflation"
    measure_inflation(
        InflationFiles(
            epochs or epochs_files(experiment),
            [experiment.folder(run) / "scores.csv" for run in runs],
            experiment.development_labels,
            experiment.test_labels,
            experiment.selection,
        ),
        folder / "inflation.csv",
        folder / "inflation.json",
        run=RUN,
        folds=FOLDS,
        resampling=DRAW,
    )
    table = read_table(folder / "inflation.csv", text=("reason",))
    return table.set_index(["practice", "metric"]), read_json(folder / "inflation.json")


def make(root, runs=(RUN, OTHER), **options):
    experiment = make_experiment(root, patients=160)
    for number, run in enumerate(runs):
        experiment.add_run(run, 0.8 - 0.05 * number, seed=number)
    experiment.select(list(runs))
    for run in runs:
        experiment.evaluate(run)
    signals = {"patients": [0.7, 0.8, 0.8, 0.8], "images": [1.0, 1.6, 1.0, 1.0]}
    for seed, arm in enumerate(ARMS):
        write_epochs(experiment, arm, signals.get(arm, [2.5] * EPOCHS), seed, **options)
    return experiment


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    return make(tmp_path_factory.mktemp("inflation"))


@pytest.fixture(scope="module")
def results(experiment):
    return measure(experiment)


def kept(experiment, arm, part):
    """Return the kept epoch's rows with their truth."""
    files = [path for path in epochs_files(experiment) if path.parts[-3] == arm]
    table = pd.concat([read_table(path, text=("image_id",)) for path in files])
    images = pd.concat([experiment.development, experiment.test]).drop(columns="fold")
    table = table[(table["part"] == part) & ~table["image_id"].map(is_copy)]
    return table.merge(images, on="image_id").assign(
        positive=lambda rows: rows["label"] == "pneumonia"
    )


def area(rows):
    return roc_auc_score(rows["positive"], rows["logit"])


def test_every_practice_is_there_and_marked(results):
    table, details = results
    assert set(table.index.get_level_values(0)) == set(PRACTICES)
    assert table["optimistic"].all() and details["optimistic"]
    assert (table["reason"] == "").all() and len(details["measured"]) == len(table) == 8
    measured = table[["optimism", "optimism_low", "optimism_high"]].to_numpy(float)
    assert (measured[:, 1] <= measured[:, 0]).all() and (measured[:, 0] <= measured[:, 2]).all()
    np.testing.assert_allclose(table["reported"] - table["honest"], table["optimism"], atol=1e-12)


def test_cross_validated_figures_are_means_of_the_folds(experiment, results):
    table, _ = results
    for practice, arm in (("folds_by_image", "images"), ("copies_before_split", "copies")):
        row = table.loc[practice, "roc_auc"]
        for name, of_arm in (("reported", arm), ("honest", "patients")):
            rows = kept(experiment, of_arm, "out_of_fold")
            rows = rows[rows["kept"] == 1]
            expected = np.mean([area(part) for _, part in rows.groupby("fold")])
            assert row[name] == pytest.approx(expected, abs=1e-12)
        assert row["optimism_low"] > 0 and row["dataset"] == "out_of_fold"
    # The honest figure is one and the same.
    assert table.loc["folds_by_image", "roc_auc"]["honest"] == pytest.approx(
        table.loc["copies_before_split", "roc_auc"]["honest"], abs=0
    )


def test_epoch_architecture_and_threshold_are_the_best_on_test(experiment, results):
    table, _ = results
    rows = kept(experiment, "patients", "test")
    areas = rows.groupby(["fold", "epoch"]).apply(area, include_groups=False).unstack()
    found = table.loc["epoch_on_test", "roc_auc"]
    assert found["reported"] == pytest.approx(areas.max(axis=1).mean(), abs=1e-12)
    assert found["honest"] == pytest.approx(areas[2].mean(), abs=1e-12)
    scores = {run: read_table(experiment.folder(run) / "scores.csv") for run in (RUN, OTHER)}
    of_runs = {
        run: area(part.assign(positive=part["label"] == "pneumonia"))
        for run, table_ in scores.items()
        for part in [table_[(table_["dataset"] == "test") & table_["fold"].isna()]]
    }
    found = table.loc["architecture_on_test", "roc_auc"]
    best = read_json(experiment.selection)["best"]
    assert found["reported"] == pytest.approx(max(of_runs.values()), abs=1e-12)
    assert found["honest"] == pytest.approx(of_runs[Run(**best)], abs=1e-12)
    found = table.loc["threshold_on_test", "balanced_accuracy"]
    assert found["reported"] >= found["honest"] and found["optimism_low"] >= 0


def test_best_threshold_against_every_threshold():
    generator = np.random.default_rng(4)
    positive = generator.random(60) < 0.4
    score = (generator.normal(size=60) + positive).round(1)
    patient = np.arange(60) // 2
    resamples = resample_patients(patient.astype(str), Resampling(0.95, 20, 1))
    labels = Labels(None, patient, positive, patient, patient)
    found = _best_balanced(score, Sample(labels, np.zeros(60, int), resamples))
    cuts = [*np.unique(score), np.inf]
    for row, multiplicity in enumerate(resamples.multiplicity[:8]):
        weight = multiplicity[resamples.cluster]
        expected = max(
            balanced_accuracy_score(positive, score >= cut, sample_weight=weight) for cut in cuts
        )
        assert found[row] == pytest.approx(expected, abs=1e-12)


def test_sixteen_images_flatter(experiment, results):
    table, _ = results
    row = table.loc["sixteen_images", "balanced_accuracy"]
    rows = kept(experiment, "patients", "out_of_fold")
    by_epoch = rows.groupby(["fold", "epoch"]).apply(
        lambda part: balanced_accuracy_score(part["positive"], part["logit"] > 0),
        include_groups=False,
    )
    # What is picked by so few images is an epoch like the others; what they say is not so.
    assert by_epoch.min() <= row["honest"] <= by_epoch.max()
    assert row["reported"] > row["honest"] + 0.05
    # Sixteen images have sixteenths; their mean over folds and draws lies where chance puts it.
    assert 0.5 < row["reported_low"] < row["reported"] < row["reported_high"] <= 1


def test_what_cannot_be_measured_says_why(tmp_path):
    experiment = make(tmp_path, runs=(RUN,), epochs=2, inner=0)
    for path in epochs_files(experiment):
        edit_csv(path, lambda table: table[table["epoch"] == "2"])
    table, details = measure(experiment, runs=(RUN,))
    reasons = table["reason"].droplevel("metric")
    assert "no early-stopping part" in reasons["sixteen_images"]
    assert "one epoch" in reasons["epoch_on_test"]
    assert "single run" in reasons["architecture_on_test"]
    assert table.loc[table["reason"] != "", ["reported", "honest", "optimism"]].isna().all(None)
    assert (reasons["folds_by_image"] == "").all() and reasons["threshold_on_test"] == ""
    assert [entry["optimism"] is None for entry in details["measured"]].count(True) == 3


def test_repetition_gives_the_same_bytes(experiment, results):
    folder = experiment.root / "inflation"
    paths = [folder / "inflation.csv", folder / "inflation.json"]
    before = [path.read_bytes() for path in paths]
    measure(experiment, epochs=epochs_files(experiment)[::-1])
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda table: table.assign(logit="nan"), "logits are not finite"),
        (lambda table: pd.concat([table, table.iloc[:1]]), "images are listed twice"),
        (lambda table: table.iloc[1:], "not predicted after every epoch"),
        (lambda table: table.assign(image_id="x" + table["image_id"]), "have no label"),
        (lambda table: table[table["part"] != "out_of_fold"], "out of fold in no fold"),
        (lambda table: table.assign(schema_version="9"), "schema version 9"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(experiment, tmp_path, change, message):
    files = epochs_files(experiment)
    spoiled = tmp_path / "epochs.csv"
    spoiled.write_bytes(files[-1].read_bytes())
    edit_csv(spoiled, change)
    with pytest.raises(UserError, match=message):
        measure(experiment, epochs=[*files[:-1], spoiled])


def test_a_missing_fold_is_named(experiment):
    with pytest.raises(UserError, match=f"no epochs of patients/fold{FOLDS - 1}"):
        measure(experiment, epochs=epochs_files(experiment)[:-1])
