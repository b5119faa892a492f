"""What bad practice adds, as inflation.csv has it."""

from pathlib import Path

import pandas as pd

from pneumobench.core.files import read_table
from pneumobench.core.inflation import PRACTICES
from pneumobench.reporting.measures import SHOWN

METRIC_TITLES = {metric.name: metric.title for metric in SHOWN}


def read_inflation(table: str | Path) -> pd.DataFrame:
    """Read inflation.csv with a column `title`, the practice's name for people, added."""
    text = ("model", "recipe", "practice", "metric", "dataset", "reason")
    rows = read_table(table, text=text)
    titles = {name: practice.title for name, practice in PRACTICES.items()}
    return rows.assign(title=rows["practice"].map(titles))
