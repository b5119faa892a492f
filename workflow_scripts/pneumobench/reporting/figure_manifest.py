"""Which files each figure and table comes from, and the hash of each."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pneumobench.core.files import write_json
from pneumobench.core.provenance import file_sha256


def list_figures(made_from: Mapping[str, Sequence[str]], manifest: str | Path) -> None:
    """Write the manifest: for each figure or table its hash and its inputs with theirs.

    Parameters
    ----------
    made_from
        The inputs of each file; a folder stands for the files in it.
    manifest
        manifest.json to write.
    """
    hashes: dict[str, str] = {}

    def hashed(path: str) -> str:
        if path not in hashes:
            hashes[path] = file_sha256(path)
        return hashes[path]

    entries = [
        {
            "name": Path(made).stem,
            "file": made,
            "sha256": hashed(made),
            "inputs": {path: hashed(path) for path in _files(inputs)},
        }
        for made, inputs in sorted(made_from.items())
    ]
    write_json(manifest, {"entries": entries})


def _files(paths: Sequence[str]) -> list[str]:
    found: set[str] = set()
    for path in map(Path, paths):
        inside = path.rglob("*") if path.is_dir() else [path]
        # Hidden files are marks of the workflow's own.
        found |= {str(file) for file in inside if file.is_file() and file.name[0] != "."}
    return sorted(found)
