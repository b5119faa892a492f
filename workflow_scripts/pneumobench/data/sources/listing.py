"""From the name of a source to the list of its radiographs."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pneumobench.core.fetched import KERMANY_ON_KAGGLE
from pneumobench.data.sources.directory import list_directory
from pneumobench.data.sources.nih import list_nih
from pneumobench.data.sources.patients import one_key_for_each_patient
from pneumobench.data.sources.phantom import list_phantoms
from pneumobench.data.sources.radiograph import Listing
from pneumobench.data.sources.rsna import list_rsna
from pneumobench.data.sources.table import list_table

# All three hold the radiographs of Kermany et al., Cell 172, 2018, 1122-1131.
_KERMANY = {
    "kaggle": "Chest X-Ray Images (Pneumonia), Kermany et al. 2018, from Kaggle",
    "mendeley": "Chest X-Ray Images, Kermany et al. 2018, from Mendeley Data",
    "pneumoniamnist": "PneumoniaMNIST of MedMNIST, made of the radiographs of Kermany et al. 2018",
}

_NOTES = [
    "PneumoniaMNIST names neither patients nor subtypes: every image counts as its own patient",
    "MedMNIST divided train and val at random, so that images of one child may lie on both sides "
    "of every fold, and out-of-fold figures come out too good; its test set is the official one",
]


def list_radiographs(source: str, root: Path, options: Mapping[str, Any]) -> Listing:
    """List the radiographs of a source; no radiograph is opened.

    Parameters
    ----------
    source
        phantom, directory, table, nih, rsna, kaggle, mendeley or pneumoniamnist.
    root
        The folder that the paths of the radiographs are relative to.
    options
        The source's own section of the configuration.

    Raises
    ------
    UserError
        If the source is not there, or its folders or tables are not as they should be.
    """
    return one_key_for_each_patient(_list(source, root, options))


def _list(source: str, root: Path, options: Mapping[str, Any]) -> Listing:
    if source == "phantom":
        return list_phantoms(root)
    if source == "directory":
        return list_directory(
            root, population=options["population"], patient_pattern=options["patient_pattern"]
        )
    if source == "table":
        listing = list_table(Path(options["path"]), root)
        return replace(listing, population=options["population"])
    if source == "nih":
        return list_nih(root, positive=options["positive"])
    if source == "rsna":
        return list_rsna(root, negatives=options["negatives"])
    if source == "kaggle" and options["dataset"] != KERMANY_ON_KAGGLE:
        return list_directory(root, title=f"{options['dataset']}, from Kaggle")
    listing = list_directory(root, title=_KERMANY[source], population="children")
    own = _NOTES if source == "pneumoniamnist" else []
    return replace(listing, notes=[*own, *listing.notes])
