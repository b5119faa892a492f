"""Are the tables that are rebuilt from an archive those that it holds?

    python benchmarks/equal_numbers.py demo.zip elsewhere/results/demo

Every file below made/ in the archive, of any format that is read, is held against the one in the
results. What format 1 calls otherwise is compared by today's name. JSON files and tables must have
the same keys, numbers and words without spaces; sentences may be reworded. LaTeX and Markdown
tables must have the same rows of numbers, in whatever order. Of an archive of format 1 the tables
of the report (tables/report_tables.tex) are left out: their columns were arranged anew.

With --trained-again the results are not rebuilt but of the same experiment, computed anew: what
took other seconds is left out, and so are the typeset tables that hold them.
"""

import argparse
import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

from pneumobench.core.archive import MADE, Archive, check_bytes, read_archive
from pneumobench.core.earlier import content_today

# Hashes of files, which other names in these files alter; of a figure its name alone is compared.
_HASHES = {"checksum", "sha256", "selection_sha256", "inputs"}
_ARRANGED_ANEW = "tables/report_tables.tex"
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def compared(
    archive: Archive, results: Path, *, trained_again: bool = False
) -> Iterator[tuple[str, list[str]]]:
    """Yield each table's path below the results and where the rebuilt one differs, a line each."""
    for name in archive.packed.wanted:
        if name.startswith(MADE) and not (trained_again and name.endswith((".md", ".tex"))):
            path = name.removeprefix(MADE)
            if archive.earlier and path == _ARRANGED_ANEW:
                continue
            then, rebuilt = archive.packed.read(name), results / path
            if archive.earlier:
                then = content_today(path, then)
            if rebuilt.is_file():
                found = differences(path, then, rebuilt.read_bytes())
                yield path, [line for line in found if not (trained_again and "seconds:" in line)]
            else:
                yield path, ["it was not rebuilt"]


def differences(path: str, then: bytes, now: bytes) -> Iterator[str]:
    """Yield in what two versions of a file differ, besides sentences and hashes."""
    if path.endswith(".json"):
        yield from _of_values("", json.loads(then), json.loads(now))
    elif path.endswith(".csv"):
        yield from _of_values("", _rows(then), _rows(now))
    else:
        gone, come = (_numbers(one) for one in (then, now))
        yield from (f"no longer: {row}" for row in (gone - come).elements())
        yield from (f"new: {row}" for row in (come - gone).elements())


def _of_values(place: str, then: Any, now: Any) -> Iterator[str]:
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            if key not in then or key not in now:
                yield f"{place}.{key}: only {'archived' if key in then else 'rebuilt'}"
            elif key not in _HASHES:
                yield from _of_values(f"{place}.{key}", then[key], now[key])
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for number, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from _of_values(f"{place}[{number}]", one, other)
    elif (type(then), then) != (type(now), now) and not (_is_sentence(then) and _is_sentence(now)):
        yield f"{place}: {_short(then)} became {_short(now)}"


def _rows(content: bytes) -> list[dict[str, str]]:
    head, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    # The checksum stands in the name of the first column.
    return [dict(zip(["schema_version", *head[1:]], row, strict=True)) for row in rows]


def _numbers(content: bytes) -> Counter[str]:
    """Return the rows of the tables in a text as the numbers in them, and how often each stands."""
    rows = re.findall(r"^\|.*\|$|^.*&.*\\\\$", content.decode(), re.MULTILINE)
    numbers = (" ".join(_NUMBER.findall(row.replace("\\,", "").replace(",", ""))) for row in rows)
    return Counter(row for row in numbers if row)


def _is_sentence(value: object) -> bool:
    return isinstance(value, str) and (" " in value or not value)


def _short(value: object) -> str:
    text = f"{len(value)} entries" if isinstance(value, list | dict) else repr(value)
    return text if len(text) < 80 else f"{text[:77]}..."


def main() -> None:
    """Compare and print a line for each table; the exit status is 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("archive", type=Path, help="a zip made by `snakemake archive_results`")
    parser.add_argument("results", type=Path, help="results/<experiment>, rebuilt from it")
    parser.add_argument("--trained-again", action="store_true", help="computed, not rebuilt")
    options = parser.parse_args()
    archive, differ = read_archive(options.archive), 0
    check_bytes(archive)
    for path, found in compared(archive, options.results, trained_again=options.trained_again):
        sys.stdout.write(f"{path}: {'differs' if found else 'equal'}\n")
        sys.stdout.writelines(f"    {line}\n" for line in found)
        differ += bool(found)
    raise SystemExit(bool(differ))


if __name__ == "__main__":
    main()
