"""Published weights of one architecture: fetched once, kept under the layers' own names."""

import hashlib
import json
import logging
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor, uint8

from pneumobench.core.download import check_sha256, download
from pneumobench.core.errors import UserError
from pneumobench.core.files import write_json
from pneumobench.core.provenance import file_sha256
from pneumobench.models import registry
from pneumobench.models.weights.published import Published, complete_state, published
from pneumobench.models.weights.saved import write_state
from pneumobench.models.weights.state_file import read_state

logger = logging.getLogger(__name__)


def fetch_weights(model: str, record: Path, mirror: str | None = None) -> None:
    """Make sure that all published weights of an architecture lie beside `record`, and write it.

    Files that are there and right stay as they are; a published file that somebody put there is
    used instead of the network. Architectures that share weights share the file.

    Parameters
    ----------
    model
        Name in the registry, or `timm:<backbone>`.
    record
        The JSON file to write: module path -> tag, file, url of the publisher, SHA-256 of the
        published file and of the file beside the record.
    mirror
        Address of a folder with the published files; None = the publishers.

    Raises
    ------
    UserError
        If the architecture has no published weights, or if they cannot be had.
    """
    architecture = registry.load(model)
    if not architecture.checkpoints:
        raise UserError(
            f"nobody published weights of {model}",
            where=f"recipe key pretrained: true, used with model {model}",
            expected="an architecture with published weights",
            remedy=f"give {model} a recipe with pretrained: false, or with the path of a file",
        )
    # A folder of the job's own: another job may want the same file at the same time.
    downloads = record.parent / f".{record.stem}"
    try:
        checkpoints = {
            path: _provide(published(tag), record.parent, downloads, mirror)
            for path, tag in architecture.checkpoints.items()
        }
    finally:
        # What came of a download that broke off stays: the next try goes on there.
        if not any(downloads.glob("*.part")):
            shutil.rmtree(downloads, ignore_errors=True)
    write_json(record, {"model": model, "checkpoints": checkpoints})


def _provide(
    weights: Published, folder: Path, downloads: Path, mirror: str | None
) -> dict[str, str]:
    """Return the record's entry of the weights, which lie in `folder` afterwards."""
    stored = folder / weights.stored_name
    published_sha256 = _published_sha256(stored, weights.tag)
    if published_sha256 is None:
        published_sha256 = _fetch(weights, stored, downloads, mirror)
    else:
        logger.info("%s is there already", stored)
    return {
        "tag": weights.tag,
        "file": stored.name,
        "url": weights.url,
        "published_sha256": published_sha256,
        "sha256": file_sha256(stored),
    }


def _fetch(weights: Published, stored: Path, downloads: Path, mirror: str | None) -> str:
    """Bring the published file and keep its weights in `stored`; return the file's SHA-256."""
    by_hand = stored.parent / weights.file_name
    if by_hand.exists():
        remedy = f"remove {by_hand}, or put the published file there"
        digest = file_sha256(by_hand)
        check_sha256(digest, weights.sha256_start, where=str(by_hand), remedy=remedy)
        _keep(weights, by_hand, digest, stored, where=str(by_hand))
        return digest
    url = f"{mirror.rstrip('/')}/{weights.file_name}" if mirror else weights.url
    file = downloads / weights.file_name
    digest = download(
        url, file, sha256_start=weights.sha256_start, remedy=_remedy(weights, stored.parent)
    )
    _keep(weights, file, digest, stored, where=url)
    return digest


def _remedy(weights: Published, folder: Path) -> str:
    return (
        "run the same command again where there is network (`snakemake fetch` on the login node), "
        f"copying {folder} here if that is another machine; or download {weights.url} as "
        f"{folder / weights.file_name}; or name a mirror in downloads.weights_mirror; or set "
        "pretrained: false in the recipe"
    )


def _keep(weights: Published, file: Path, digest: str, stored: Path, *, where: str) -> None:
    """Write the weights of a published file to `stored`, the same bytes on every machine."""
    remedy = "take the publisher's file, or set pretrained: false in the recipe"
    state = read_state(file, where=where, remedy=remedy)
    state = complete_state(weights.tag, state, where=where)
    origin = {"tag": weights.tag, "sha256": digest, "content": _content(state)}
    write_state(stored, state, {"origin": json.dumps(origin)})


def _published_sha256(stored: Path, tag: str) -> str | None:
    """Return the SHA-256 of the file that `stored` was made from, None if it is not as made."""
    if not stored.exists():
        return None
    try:
        with safe_open(stored, framework="pt") as stream:
            origin = json.loads((stream.metadata() or {})["origin"])
        if origin["tag"] == tag and origin["content"] == _content(load_file(stored)):
            return origin["sha256"]
    except (SafetensorError, OSError, ValueError, LookupError, TypeError) as error:
        logger.warning("%s: %s", stored, error)
    logger.warning("%s is damaged and made anew", stored)
    return None


def _content(state: dict[str, Tensor]) -> str:
    """Return a hash of names, shapes and values, whatever file they lie in."""
    digest = hashlib.sha256()
    for name, value in sorted(state.items()):
        digest.update(f"{name} {value.dtype} {list(value.shape)}\n".encode())
        digest.update(value.contiguous().reshape(-1).view(uint8).numpy().data)
    return digest.hexdigest()
