"""The mistakes of one run, image by image: where to look for a reason, or for a wrong label."""

from pathlib import Path

from pneumobench.core.explained import TEXT_COLUMNS
from pneumobench.core.files import read_table, write_table
from pneumobench.reporting.explained import panel_rows

_TEXT = ("dataset", "image_id", "patient", "label", "subtype")


def list_mistakes(
    calibrated: Path, explained: Path | None, panels: Path | None, mistakes: Path
) -> None:
    """Write every image that a run calls wrongly, the most confident mistakes first.

    Parameters
    ----------
    calibrated
        calibrated.csv of the run.
    explained, panels
        Its explained.csv and its folder of pictures; None where there are none.
    mistakes
        The table to write: dataset (out_of_fold, test), kind (missed, false_alarm), image_id,
        patient, label (the truth), subtype, fold (whose model predicts the image; empty on the
        test set, where all do), probability_uncalibrated, probability_calibrated and
        threshold_uncalibrated in [0, 1], margin (how far the uncalibrated probability lies from
        its threshold), and panel, the picture's path below the folder of the experiment, empty
        without one.
    """
    table = read_table(calibrated, text=_TEXT)
    positive, called = table["label"] == "pneumonia", table["decision_selected"] == 1
    wrong = table[positive != called].assign(kind="false_alarm")
    wrong["kind"] = wrong["kind"].mask(wrong["label"] == "pneumonia", "missed")
    wrong["margin"] = (wrong["probability_before"] - wrong["threshold"]).abs()
    names = {
        "probability_before": "probability_uncalibrated",
        "probability": "probability_calibrated",
        "threshold": "threshold_uncalibrated",
    }
    wrong = wrong.rename(columns=names).assign(panel="")
    if explained is not None and panels is not None:
        own = wrong["dataset"] == "out_of_fold"
        found = wrong["image_id"].map(_panels(explained, panels))
        wrong["panel"] = found.where(own).fillna("")
    order = ["dataset", "kind", "margin"]
    wrong = wrong.sort_values(order, ascending=[True, False, False], kind="stable")
    columns = [
        *("dataset", "kind", "image_id", "patient", "label", "subtype", "fold"),
        *names.values(),
        *("margin", "panel"),
    ]
    write_table(mistakes, wrong[columns].reset_index(drop=True))


def _panels(explained: Path, panels: Path) -> dict[str, str]:
    """Return the path of each image's picture below the folder of the experiment."""
    rows = panel_rows(read_table(explained, text=TEXT_COLUMNS))
    # explanations/<model>/<recipe>/seed<seed>/panels
    folder = "/".join(panels.parts[-5:])
    there = {path.name for path in panels.iterdir()}
    return {
        image_id: f"{folder}/{panel}"
        for image_id, panel in zip(rows["image_id"], rows["panel"], strict=True)
        if panel in there
    }
