"""What git keeps is finished: no marks of a merge are left in it, whatever the kind of text."""

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
# A line of equals signs alone may underline a heading.
MARKS = re.compile(rb"^(<{7}|\|{7}|>{7})( |\r?$)", re.MULTILINE)


def tracked() -> list[Path]:
    command = ["git", "ls-files", "-z"]
    try:
        listed = subprocess.run(command, cwd=PROJECT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this copy of the project is no checkout of git")
    return [path for name in listed.decode().split("\0") if (path := PROJECT / name).is_file()]


def test_no_mark_of_a_merge_is_left():
    left = [path for path in tracked() if MARKS.search(path.read_bytes())]
    assert not left, f"resolve the conflicts in {', '.join(map(str, left))}"


@pytest.mark.parametrize(
    "mark", [b"<<<<<<< HEAD", b"||||||| base", b">>>>>>> part-a", b"<<<<<<<\r"]
)
def test_marks_are_known(mark):
    assert MARKS.search(b"text\n" + mark + b"\ntext\n")
    assert not MARKS.search(b"Heading\n=======\n" + b"a " + mark + b"\n")
