"""A judged run, its card, its log of looks, and filled-in checklists."""

from statistics_cases import make_experiment

from pneumobench.core.files import read_json, write_json
from pneumobench.core.run import Run
from pneumobench.reporting.checklists import fill_checklists
from pneumobench.reporting.model_card import CardInputs, write_model_card
from pneumobench.reporting.words import Words
from pneumobench.statistics.looks import record_look

RUN = Run("alexnet", "light", 1)


def judged_experiment(folder):
    """Return an experiment of one run, on the files that the statistics really write."""
    experiment = make_experiment(folder)
    experiment.add_run(RUN, 1.5)
    experiment.select([RUN])
    experiment.evaluate(RUN)
    for fold, path in enumerate(experiment.files([RUN], "run.json")):
        extra = {"image_size": 64, "device": "cpu", "precision": "float32", "code_hash": "c0de",
                 "git_commit": "abc", "data_hash": {"images": "d"}, "versions": {"torch": "2.15.0"},
                 "settings": {"epochs": 4}, "starting_weights": None,
                 "outputs": 1}  # fmt: skip
        write_json(path, {**read_json(path), "fold": fold, **extra})
    return experiment


PARTS = ("robustness", "explanations", "ensembles")


def fill(made, folder, source="directory", computed=PARTS, **settings):
    """Fill in the checklists of a made-up `Experiment`; return them by their files' names."""
    fill_checklists(
        made.comparison_csv, made.comparison_json, made.audit, made.run_jsons,
        folder / "checklists.json", folder,
        settings={"data": {"source": source}, **settings}, computed=computed,
    )  # fmt: skip
    return {entry["file"]: entry for entry in read_json(folder / "checklists.json")["checklists"]}


def card_of(judged, folder, source, *, external=False, words=None):
    """Write the card of the judged run; return its text."""
    write_model_card(
        CardInputs(
            judged.folder(RUN) / "metrics.json",
            judged.files([RUN], "run.json"),
            judged.root / f"models/{RUN.slug}.json",
            judged.selection,
            external=external,
        ),
        folder / "card.md",
        settings={"data": {"source": source}},
        words=words or Words(),
    )
    return (folder / "card.md").read_text(encoding="utf-8")


def look(judged, folder, purpose="evaluation"):
    """Record a look at the test set."""
    return record_look(
        folder, RUN, purpose=purpose, test=judged.files([RUN], "test.csv"),
        test_labels=judged.test_labels, selection=judged.selection,
    )  # fmt: skip
