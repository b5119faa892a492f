"""Tests are found by the paths of what they test, and lean on tests/support, not on each other."""

import ast
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[3]
PACKAGE = PROJECT / "workflow_scripts/pneumobench"
UNIT = PROJECT / "tests/unit"


def subjects(room: Path) -> set[str]:
    """Return the names of a room, of its folders and of its modules."""
    found = {path.stem for path in room.rglob("*.py")}
    return (found | {path.name for path in room.rglob("*")} | {room.name}) - {"__init__"}


def test_a_test_is_called_after_a_module_of_the_room_in_whose_folder_it_lies():
    """`test_<module>.py`, or `test_<module>_<what of it>.py` where there are several."""
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert {path.name for path in UNIT.iterdir() if path.is_dir()} - {"__pycache__"} <= {
        *rooms, "house"
    }  # fmt: skip
    for room in rooms:
        known = subjects(PACKAGE / room)
        for path in (UNIT / room).rglob("test_*.py"):
            words = path.stem.split("_")[1:]
            beginnings = {"_".join(words[:length]) for length in range(1, len(words) + 1)}
            assert beginnings & known, f"{path}: {room} has no module of that name"


def test_no_test_imports_another():
    for path in (PROJECT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                parts = name.split(".")
                assert not any(part == "conftest" or part.startswith("test_") for part in parts), (
                    f"{path}: {name}"
                )
