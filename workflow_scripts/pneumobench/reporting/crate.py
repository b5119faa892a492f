"""The archive's content for readers of RO-Crate 1.1 (https://w3id.org/ro/crate/1.1)."""

from pathlib import Path
from typing import Any

from pneumobench.core.archive import CONFIG, CRATE, INDEX

_CONTEXT = "https://w3id.org/ro/crate/1.1/context"
_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".lock": "text/plain",
    ".md": "text/markdown",
    ".npy": "application/octet-stream",
    ".npz": "application/octet-stream",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".tex": "text/x-tex",
}


def describe_crate(index: dict[str, Any]) -> dict[str, Any]:
    """Return ro-crate-metadata.json: the archive, the software that made it, and every file.

    Parameters
    ----------
    index
        The archive's own list of its files, and what it says of itself.
    """
    files = [
        {
            "@id": name,
            "@type": "File",
            "contentSize": str(entry["bytes"]),
            "encodingFormat": _FORMATS.get(Path(name).suffix, "application/octet-stream"),
            "sha256": entry["sha256"],
        }
        for name, entry in index["files"].items()
    ]
    own = [{"@id": INDEX, "@type": "File", "encodingFormat": "application/json"}]
    parts = [{"@id": entry["@id"]} for entry in (*own, *files)]
    software, commit = index["made_by"], index["git_commit"]
    return {
        "@context": _CONTEXT,
        "@graph": [
            {
                "@id": CRATE,
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": f"Results of the experiment {index['experiment']}",
                "description": "Predictions, frozen selection, metrics and tables of a comparison "
                "of neural networks, and what they follow from, but images and weights.",
                "mainEntity": {"@id": CONFIG},
                "hasPart": parts,
            },
            {
                "@id": "#software",
                "@type": "SoftwareApplication",
                "name": software.rpartition(" ")[0],
                "softwareVersion": f"{software.rpartition(' ')[2]}, commit {commit}",
            },
            {
                "@id": "#archive_results",
                "@type": "CreateAction",
                "name": "snakemake archive_results",
                "instrument": {"@id": "#software"},
                "result": {"@id": "./"},
            },
            *own,
            *files,
        ],
    }
