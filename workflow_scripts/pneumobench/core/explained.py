"""What explained.csv is to those who write and those who read it: one row a map."""

import numpy as np
import pandas as pd

# Why an image was chosen: for this sample, or for its place among those of one outcome.
SAMPLE = "sample"
TEXT_COLUMNS = ("image_id", "path", "label", "subtype", "outcome", "chosen", "target")


def in_sample(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the sample of each subtype, which is the same for all runs."""
    sampled = [SAMPLE in chosen.split("+") for chosen in table["chosen"]]
    return table.loc[np.array(sampled, dtype=bool)]
