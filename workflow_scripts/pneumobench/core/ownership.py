"""Whether a file is of the run and fold in whose folder it lies."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, read_table
from pneumobench.core.run import Run

IDENTITY = ("model", "recipe", "seed", "fold")


def read_fold_table(path: str | Path, text: tuple[str, ...] = ()) -> pd.DataFrame:
    """Read a table in the folder of a fold, without the columns `IDENTITY`.

    Files of earlier versions lack these columns; whose they are is not known.

    Parameters
    ----------
    path
        The table, in {slug}/{recipe}/seed{seed}/fold{fold}/.
    text
        Columns to keep as text.

    Raises
    ------
    UserError
        If the table cannot be read, or is of another run or fold than its folder.
    """
    table = read_table(path, text=(*text, "model", "recipe"))
    for row in table.reindex(columns=IDENTITY).dropna().drop_duplicates().to_dict("records"):
        check_owner(path, row)
    return table.drop(columns=list(IDENTITY), errors="ignore")


def read_owned_json(path: str | Path) -> dict[str, Any]:
    """Read a JSON file of a run or of a fold, which says whose it is.

    Raises
    ------
    UserError
        If it cannot be read, or is of another run or fold than its folder.
    """
    content = read_json(path)
    check_owner(path, content)
    return content


def check_owner(path: str | Path, named: Mapping[str, Any]) -> None:
    """Stop at a file that names another run or fold than the folder in which it lies.

    Parameters
    ----------
    path
        The file, in {slug}/{recipe}/seed{seed}/, or in fold{fold}/ below where it names a fold.
    named
        model, recipe, seed and, of a file of a fold, fold.

    Raises
    ------
    UserError
        Naming both.
    """
    path = Path(path)
    own = Path(Run(str(named["model"]), str(named["recipe"]), int(named["seed"])).folder)
    if "fold" in named:
        own /= f"fold{int(named['fold'])}"
    lies_in = Path(*path.absolute().parts[-1 - len(own.parts) : -1])
    if lies_in != own:
        raise UserError(
            f"{path.name} is of {own}",
            where=str(path),
            expected=f"the file of {lies_in}, as its own job wrote it",
            remedy=f"remove {path} and run snakemake again: it is recreated",
        )
