"""Whether a source has changed, without opening a radiograph."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.sources import Source
from pneumobench.data.sources.columns import read_rows, tables_beside
from pneumobench.data.sources.scan import scan_folder
from pneumobench.data.sources.table import REQUIRED, find_radiograph


def source_fingerprint(source: Source) -> str:
    """Return a digest of a source's radiographs and tables, as far as they are a user's own.

    Of others their records say what they are, which are not there before the first start: "".
    """
    root = Path(source.root)
    if source.name == "phantom" or source.fetched:
        return ""
    if source.name == "table":
        return table_fingerprint(Path(source.options["path"]), root)
    return fingerprint(root, tables_beside(root) if source.name in ("nih", "rsna") else ())


def fingerprint(root: Path, tables: Iterable[Path] = ()) -> str:
    """Return a digest (64 hexadecimal digits) of images' names and sizes, and of tables' contents.

    Cheap enough for every start of the pipeline; a changed image of unchanged size is noticed only
    when it is read. Litter does not count: opening the folder in a file manager changes nothing.

    Parameters
    ----------
    root
        The folder of the radiographs.
    tables
        What says what the radiographs are; a file that is not there counts as empty.

    Raises
    ------
    UserError
        If the folder is missing, or one below it cannot be read.
    """
    return _digest(scan_folder(root).files, tables)


def table_fingerprint(table: Path, root: Path) -> str:
    """Return a digest (64 hexadecimal digits) of a table and of its radiographs' names and sizes.

    Of a folder nothing else counts: the table may lie beside results, which change all the time.

    Parameters
    ----------
    table, root
        As for `pneumobench.data.sources.table.list_table`. A table that cannot be read counts by
        its bytes alone: indexing says what is wrong with it.
    """
    try:
        rows = read_rows(table, REQUIRED)
    except UserError:
        rows = []
    return _digest([find_radiograph(root, row) for row in rows], [table])


def _digest(radiographs: Iterable[tuple[str, int]], tables: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path, size in radiographs:
        digest.update(f"{path}\0{size}\n".encode())
    for table in tables:
        content = table.read_bytes() if table.is_file() else b""
        digest.update(hashlib.sha256(content).digest())
    return digest.hexdigest()
