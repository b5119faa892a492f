"""One zip with everything that an experiment's tables and figures follow from."""

import copy
import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pneumobench
from pneumobench.core.archive import (
    ARCHIVE_FORMAT,
    CODE,
    CONFIG,
    CRATE,
    ENVIRONMENT,
    INDEX,
    LOCK,
    LOOKS,
    MADE,
    RADIOGRAPH_IMAGES,
    RADIOGRAPH_ROWS,
    README,
    RESULTS,
)
from pneumobench.core.files import SCHEMA_VERSION, atomic_path
from pneumobench.core.provenance import (
    file_sha256,
    git_changes,
    git_commit,
    installed_packages,
    software_versions,
)
from pneumobench.reporting.crate import describe_crate
from pneumobench.reporting.radiographs import ShownRadiographs, npy_bytes

# The same files give the same zip, whenever and wherever it is made.
_TIME, _MODE = (1980, 1, 1, 0, 0, 0), 0o644 << 16
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ArchiveInputs:
    """What goes into an archive.

    Attributes
    ----------
    results
        results/<experiment>; everything below it keeps its place.
    rebuilt_from
        Files to rebuild from; a folder stands for the files in it.
    made
        Metrics, tables and lists to hold the rebuilt against.
    lock
        requirements.lock.
    radiographs
        The radiographs that figures show; None leaves them out.
    """

    results: Path
    rebuilt_from: Iterable[str | Path]
    made: Iterable[str | Path]
    lock: Path
    radiographs: ShownRadiographs | None = None


def archive_results(
    inputs: ArchiveInputs,
    archive: str | Path,
    *,
    config: dict[str, Any],
    missing: list[dict[str, Any]],
) -> None:
    """Write the archive.

    Parameters
    ----------
    inputs
        What goes into it.
    archive
        The zip to write.
    config
        The whole configuration, plain values.
    missing
        Runs that were not complete: model, recipe, seed and a note.
    """
    files = dict(sorted(_files(inputs).items()))
    texts = _texts(inputs, config)
    if inputs.radiographs is not None:
        rows, images = inputs.radiographs.read()
        texts |= {RADIOGRAPH_ROWS: npy_bytes(rows), RADIOGRAPH_IMAGES: npy_bytes(images)}
    listed = {name: _listed(path) for name, path in files.items()}
    listed |= {name: _listed_text(text) for name, text in texts.items()}
    listed = dict(sorted(listed.items()))
    index = {
        "schema_version": SCHEMA_VERSION,
        "archive_format": ARCHIVE_FORMAT,
        "experiment": config["experiment"],
        "made_by": f"pneumobench {pneumobench.__version__}",
        "git_commit": git_commit(),
        "radiographs": inputs.radiographs is not None,
        "missing": missing,
        "files": listed,
    }
    texts[INDEX] = _json(index)
    texts[CRATE] = _json(describe_crate(index))
    with (
        atomic_path(archive) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as container,
    ):
        # What the archive is comes first, for readers that look at its beginning only.
        first = (README, INDEX, CONFIG, CRATE)
        for name in (*first, *sorted(set(texts) - set(first))):
            container.writestr(_entry(name), texts[name])
        for name, path in files.items():
            _add_file(container, name, path)


def _files(inputs: ArchiveInputs) -> dict[str, Path]:
    """Return the files that are copied, by their names in the archive."""
    looks = inputs.results / LOOKS
    found = {}
    for above, paths in ((RESULTS, [*inputs.rebuilt_from, looks]), (MADE, inputs.made)):
        for path in _single_files(paths):
            found[above + path.relative_to(inputs.results).as_posix()] = path
    return found


def _single_files(paths: Iterable[str | Path]) -> Iterator[Path]:
    for path in map(Path, paths):
        if path.is_dir():
            # Hidden files are marks of the workflow's own.
            yield from (file for file in path.iterdir() if file.is_file() and file.name[0] != ".")
        elif path.name != LOOKS:
            yield path


def _texts(inputs: ArchiveInputs, config: dict[str, Any]) -> dict[str, bytes]:
    """Return the files that are written for the archive, by name."""
    config = copy.deepcopy(config)
    # They may be addresses inside an institution, with a key in them.
    config["downloads"] |= dict.fromkeys(("data_mirror", "weights_mirror"))
    return {
        README: _readme(config["experiment"]),
        CONFIG: _json(config),
        ENVIRONMENT: _json(
            {"versions": software_versions(), "installed_packages": installed_packages()}
        ),
        CODE: _json({"git_commit": git_commit(), "changed_files": git_changes()}),
        LOCK: inputs.lock.read_bytes(),
    }


def _readme(experiment: str) -> bytes:
    return f"""\
# Archive of the experiment {experiment}

Made by pneumobench {pneumobench.__version__}, commit {git_commit()}.
With that version of pneumobench

    snakemake --cores all figures --config archive=path/of/this.zip

rebuilds every table and figure in results/{experiment}/, without data, weights, PyTorch or GPU;
`report` instead of `figures` the report as well.

- `{RESULTS}`: predictions, selection, records of the trainings (run.json), audit and split of the
  data, what was explained
- `{MADE}`: metrics and tables as they were, to hold the rebuilt against
- `{CONFIG}`: the whole configuration
- `{CODE}`, `{ENVIRONMENT}`, `{LOCK}`: commit and packages; run.json has those of each training
- `radiographs/`: the few images that figures show, as networks see them, if the experiment wanted
that
- `{INDEX}`: SHA-256 of every file; `{CRATE}`: the same for readers of RO-Crate
""".encode()


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def _listed(path: Path) -> dict[str, Any]:
    return {"sha256": file_sha256(path), "bytes": path.stat().st_size}


def _listed_text(text: bytes) -> dict[str, Any]:
    return {"sha256": hashlib.sha256(text).hexdigest(), "bytes": len(text)}


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _TIME)
    entry.compress_type, entry.external_attr, entry.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
    return entry


def _add_file(container: zipfile.ZipFile, name: str, path: Path) -> None:
    entry = _entry(name)
    entry.file_size = path.stat().st_size
    with path.open("rb") as source, container.open(entry, "w") as target:
        while block := source.read(_BLOCK):
            target.write(block)
