"""Writes what is derived from the configuration models: the JSON schema and the table of all keys.

Run from the project's root: PYTHONPATH=workflow_scripts python -m pneumobench.core.config.schema
"""

import json
import logging
from pathlib import Path
from typing import Any

import yaml

from pneumobench.core.config.allowed import ANY_NAME, editor_schema, in_words, leaves, meaning
from pneumobench.core.errors import UserError
from pneumobench.core.files import atomic_path

COMMAND = "PYTHONPATH=workflow_scripts python -m pneumobench.core.config.schema"
SCHEMA_PATH = Path("schemas/config.schema.json")
DOCUMENT_PATH = Path("docs/configuration.md")
BEGIN = f"<!-- table of keys: written by `{COMMAND}`, do not edit -->"
END = "<!-- end of the table of keys -->"


def schema_text() -> str:
    """Return the content of schemas/config.schema.json."""
    return json.dumps(editor_schema(), indent=2, ensure_ascii=False) + "\n"


def key_table(defaults: dict[str, Any]) -> str:
    """Return a Markdown table of every key: path, meaning, what is allowed, value in config.yaml.

    Parameters
    ----------
    defaults
        The content of config.yaml; keys of recipes show the values of the default recipe.
    """
    rows = [_row("key", "meaning", "allowed", "in config.yaml"), _row(*["---"] * 4)]
    for path, node in leaves():
        described = (meaning(node) or "").replace("<", "&lt;")
        rows.append(_row(f"`{path}`", described, in_words(node), _default(defaults, path)))
    return "".join(rows)


def _row(*cells: str) -> str:
    escaped = [cell.replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |\n"


def _default(defaults: dict[str, Any], path: str) -> str:
    if "[]" in path:
        return ""
    value: Any = defaults
    for key in path.split("."):
        value = value[defaults["defaults"]["recipe"] if key == ANY_NAME else key]
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def with_table(document: str, table: str) -> str:
    """Return the document with the part between its two marks replaced by the table.

    Raises
    ------
    UserError
        If a mark is missing.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(
            "the marks around the table of keys are missing",
            where=str(DOCUMENT_PATH),
            expected=f"a line {BEGIN} and a line {END}",
            remedy=f"write the two lines where the table belongs, then run {COMMAND}",
        )
    return f"{before}{BEGIN}\n{table}{END}{after}"


def derived_files(root: Path) -> dict[Path, str]:
    """Return the content of every derived file of a project, by path below its root.

    Raises
    ------
    UserError
        If the folder is not a project's root.
    """
    try:
        defaults = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
        document = (root / DOCUMENT_PATH).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(
            "a file of the project is missing",
            where=str(error.filename),
            expected="the root of the project as the current folder",
            remedy=f"change to the project's root and run {COMMAND} again",
        ) from error
    return {
        SCHEMA_PATH: schema_text(),
        DOCUMENT_PATH: with_table(document, key_table(defaults)),
    }


def main(root: Path) -> None:
    """Write every derived file of the project."""
    for path, text in derived_files(root).items():
        with atomic_path(root / path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        logging.getLogger(__name__).info("wrote %s", path)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(message)s")
    main(Path.cwd())
