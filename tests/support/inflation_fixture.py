"""What bad practice adds, made up: inflation.csv and inflation.json."""

import pandas as pd

from pneumobench.core.files import write_json, write_table
from pneumobench.core.inflation import PRACTICES

REASON = "a single run leaves nothing to pick"


def write_inflation(folder):
    """Write a record for each practice: point p adds 2 p - 2, the architecture is not measured."""
    records = []
    for position, name in enumerate(PRACTICES):
        added = 0.02 * position
        values = {"reported": 0.9 + added, "honest": 0.9, "optimism": added}
        bounds = {
            f"{key}{bound}": value + shift
            for key, value in values.items()
            for bound, shift in (("", 0.0), ("_low", -0.01), ("_high", 0.01))
        }
        missing = name == "architecture_on_test"
        records.append(
            {
                "practice": name, "metric": "roc_auc", "optimistic": True,
                "dataset": "test" if name.endswith("test") else "out_of_fold",
                **(dict.fromkeys(bounds) if missing else bounds),
                "reason": REASON if missing else "", "n": 624, "events": 390, "patients": 428,
            }
        )  # fmt: skip
    identity = {"model": "timm:resnet10t", "recipe": "copied", "seed": 42}
    table = pd.DataFrame([identity | record for record in records])
    write_table(folder / "inflation.csv", table)
    interval = {"confidence": 0.95, "replicates": 2000}
    content = identity | {"folds": 5, "interval": interval, "measured": records}
    write_json(folder / "inflation.json", content)
    return folder / "inflation.csv", folder / "inflation.json"
