"""What ties a configuration to the world: its results folder, its images, its own weights."""

import contextlib
import json
import os
import stat
from pathlib import Path
from typing import Any, get_args

from pneumobench.core.config.changes import flat
from pneumobench.core.config.data import Data
from pneumobench.core.config.experiment import Experiment
from pneumobench.core.config.problems import value_text
from pneumobench.core.errors import UserError
from pneumobench.core.names import nearest
from pneumobench.core.room import check_folder

IDENTITY_FILE = "experiment.json"
SOURCES = get_args(Data.model_fields["source"].annotation)
# The user's own paths in the sections of the sources.
PATHS = {
    "directory": {"path": "folder"},
    "table": {"path": "file", "images": "folder"},
    "nih": {"path": "folder"},
    "rsna": {"path": "folder"},
    "pneumoniamnist": {"file": "file"},
}
EXPECTED = {
    (
        "folder",
        "directory",
    ): "a folder with {train,val,test}/{NORMAL,PNEUMONIA} or {NORMAL,PNEUMONIA}; a link will do",
    ("file", "table"): "a CSV file with the columns path and label",
    ("folder", "table"): "the folder that the paths of the table are relative to",
    ("folder", "nih"): "the folder with Data_Entry_2017.csv and the folders of images",
    ("folder", "rsna"): "the folder with stage_2_train_labels.csv and the radiographs",
    ("file", "pneumoniamnist"): "a file pneumoniamnist*.npz, or null to fetch it",
}
# Of more names in a folder, it takes long to find the one most like another.
MOST_NAMES = 5000
# They only decide whether the pipeline stops; once changed, it may go on in the same folder.
STOPPING_CHECKS = {
    *("maximum_rejected_fraction", "maximum_near_duplicate_fraction", "allow_crossings"),
}


def experiment_identity(experiment: Experiment) -> dict[str, Any]:
    """Return the part of the configuration that must not change within one results folder.

    These are the images, how they are divided, and what is to be distinguished; with other ones,
    old and new results would not compare. Plain values as JSON has them; the sections of sources
    that are not used are left out, and `repeats`, which adds results and leaves those there alone.
    """
    data = experiment.data
    unused = set(SOURCES) - {data.source}
    return experiment.other_task | {
        "data": data.model_dump(
            mode="json", exclude=dict.fromkeys(unused, True) | {"checks": STOPPING_CHECKS}
        ),
        "split": experiment.split.once,
        "images": experiment.images.model_dump(mode="json"),
    }


def check_results_folder(folder: str | Path, experiment: Experiment) -> None:
    """Stop when the results folder belongs to another configuration.

    Parameters
    ----------
    folder
        results/<experiment>; a folder that does not exist, or has no experiment.json yet, is free.
    experiment
        The configuration about to be run.

    Raises
    ------
    UserError
        If experiment.json there says otherwise or cannot be read, or there can be no such folder.
    """
    path = Path(folder) / IDENTITY_FILE
    # Not core.files.read_json: this runs whenever Snakemake reads the workflow, and pandas is slow.
    check_folder(path.parent)
    try:
        there = json.loads(path.read_text(encoding="utf-8"))["identity"]
        old = dict(flat(there))
        shown = {key: value_text(value) for key, value in old.items()}
    except FileNotFoundError:
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        reason = f": {error.strerror}" if isinstance(error, OSError) else ""
        raise UserError(
            f"the record of what a results folder belongs to cannot be read{reason}",
            where=str(path),
            expected="the file as the pipeline wrote it, with the key `identity`",
            remedy=f"remove {path}; if the results are of another configuration, remove {folder}",
        ) from (None if isinstance(error, RecursionError) else error)
    new = dict(flat(experiment_identity(experiment)))
    keys = [key for key in dict.fromkeys([*new, *old]) if old.get(key) != new.get(key)]
    if keys:
        differences = "".join(
            f"\n    {key}: {shown.get(key, 'not there')} in the folder, "
            f"{value_text(new[key]) if key in new else 'not there'} in the config"
            for key in keys
        )
        raise UserError(
            f"the results in {folder} are of another configuration:{differences}",
            where=str(path),
            expected="the same images and folds for everything in one results folder",
            remedy=f"give this configuration another name (experiment: {experiment.experiment}_2), "
            f"or set the keys back, or remove {folder} to start over",
        )


def check_data_source(experiment: Experiment) -> None:
    """Stop when images, or the table of them, are to come from where nothing is.

    Raises
    ------
    UserError
        If a path in the section of the source, of external data as well, does not exist, is a
        broken link, or is a file where a folder is wanted, or the other way round.
    """
    check_paths("data", experiment.data)
    if experiment.external is not None:
        check_paths("external", experiment.external)


def check_paths(name: str, data: Data) -> None:
    """Stop when a path in the section of a source leads nowhere; `name` is data or external."""
    section = getattr(data, data.source)
    for key, kind in PATHS.get(data.source, {}).items():
        given = getattr(section, key)
        if given is None:
            continue
        path, place = Path(given), f"{name}.{data.source}.{key}"
        if is_there(path, kind, place):
            continue
        raise UserError(
            _what_is_there(path, kind),
            where=f"{place}: {given} ({_looked_in(path)})",
            expected=EXPECTED[kind, data.source],
            remedy=_remedy(str(given), kind, name),
        )


def is_there(path: Path, kind: str, place: str) -> bool:
    """Whether a path is a file, or a folder.

    Raises
    ------
    UserError
        If the system cannot say, as with names that are too long, or folders that may not be read;
        it names `place`, the key.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UserError(
            f"the path cannot be examined: {error.strerror}",
            where=f"{place}: {path}",
            expected=f"the path of a {kind} that may be read",
            remedy="correct the path, or the rights of the folders on the way",
        ) from None
    return stat.S_ISREG(mode) if kind == "file" else stat.S_ISDIR(mode)


def _what_is_there(path: Path, kind: str) -> str:
    subject = {"folder": "the folder of images", "file": "the file"}[kind]
    if path.is_symlink() and not path.exists():
        return f"{subject} is a link to {path.readlink()}, which does not exist"
    if path.exists():
        wrong = {"folder": "images is a file, not a folder", "file": "a file is a folder"}[kind]
        return f"the path of {wrong}"
    return f"{subject} was not found"


def _looked_in(path: Path) -> str:
    """Say how far a path leads, and what it may have been meant to lead to."""
    there = path.absolute()
    if there.exists() or there.is_symlink():
        return f"seen from {Path.cwd()}"
    while not there.exists():
        there, lacking = there.parent, there.name
    inner: list[str] = []
    # Folders whose content may not be seen, and files.
    with contextlib.suppress(OSError):
        inner = sorted(filter(str.isprintable, os.listdir(there)))[:MOST_NAMES]
    match = nearest(lacking, inner)
    return f"looked in {there}, which has no {lacking}{f', but {match}' if match else ''}"


def _remedy(given: str, kind: str, name: str) -> str:
    home = "write the home folder out instead of ~, or " if given.startswith("~") else ""
    if kind == "file":
        return f"{home}correct the path, or draw images instead with {name}.source: phantom"
    return (
        f"{home}unpack the images there, or link them: ln -s /where/they/are {given}; "
        f"or draw images instead with {name}.source: phantom"
    )


def check_starting_weights(experiment: Experiment) -> None:
    """Stop when a run is to start from a file that is not there.

    Raises
    ------
    UserError
        Naming the first recipe, used by a run, whose key pretrained names no file.
    """
    for name in dict.fromkeys(run.recipe for run in experiment.expanded_runs):
        given = experiment.recipe(name).pretrained
        place = f"recipes.{name}.pretrained"
        if isinstance(given, str) and not is_there(Path(given), "file", place):
            home = "write the home folder out instead of ~, or " if given.startswith("~") else ""
            raise UserError(
                "the file of the starting weights does not exist",
                where=f"{place}: {given} (seen from {Path.cwd()})",
                expected="a file .safetensors, .pth or .pt; or true (published weights), or false",
                remedy=f"{home}correct the path",
            )
