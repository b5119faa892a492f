"""No damaged file ends in a traceback, hangs, or passes for the sound one.

A finding names its door and number: `reproduce` makes the input again. The bytes of what was found
and mended lie in findings/<door>/<variant>@<name>, and are tried in every test run.
"""

import random
import time
import traceback
from pathlib import Path

import pytest
from doors import DOORS, REFUSALS, Door
from mutation import mutate

FINDINGS = Path(__file__).with_name("findings")
LONGEST_SECONDS = 10
# Of each door, in every test run.
FEW = 25
ALL = 20_000


def reproduce(door: Door, number: int) -> tuple[bytes, str]:
    """Return the damaged file of a number, and the variant that it was made of."""
    generator = random.Random(f"{door.name} {number}")
    sound = door.samples()
    variant = generator.choice(sorted(sound))
    return mutate(sound[variant], generator, door.mutations), variant


def fault_of(door: Door, content: bytes, variant: str, folder: Path) -> str:
    """Return what is wrong with how a door takes a file; "" where nothing is."""
    begun = time.monotonic()
    try:
        door.enter(content, variant, folder)
    except REFUSALS as refusal:
        if not str(refusal).strip():
            return "refused without a word"
    except Exception:  # noqa: BLE001 - any is a finding
        return traceback.format_exc(limit=-4)
    seconds = time.monotonic() - begun
    return f"it took {seconds:.0f} seconds" if seconds > LONGEST_SECONDS else ""


def faults_among(door: Door, numbers: range, folder: Path) -> dict[str, list[int]]:
    """Return the numbers of the inputs with each fault."""
    faults: dict[str, list[int]] = {}
    for number in numbers:
        if fault := fault_of(door, *reproduce(door, number), folder):
            faults.setdefault(fault, []).append(number)
    return faults


def report(faults: dict[str, list[int]]) -> str:
    """Return the faults for the message of a test, the most frequent first."""
    ordered = sorted(faults.items(), key=lambda item: -len(item[1]))
    return "\n".join(
        f"{len(numbers)} inputs, such as {numbers[:5]}:\n{fault}" for fault, numbers in ordered
    )


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_sound_files_are_let_in(door, tmp_path):
    for variant, content in door.samples().items():
        door.enter(content, variant, tmp_path)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_a_few_damaged_files(door, tmp_path):
    assert not (found := faults_among(door, range(min(FEW, door.inputs)), tmp_path)), report(found)


@pytest.mark.slow
@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_many_damaged_files(door, tmp_path):
    assert not (found := faults_among(door, range(door.inputs), tmp_path)), report(found)


def test_many_are_enough():
    assert sum(door.inputs for door in DOORS) >= ALL


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.name)
def test_what_was_found_stays_mended(door, tmp_path):
    for path in sorted((FINDINGS / door.name).glob("*")):
        variant = path.name.partition("@")[0].replace("+", "/")
        fault = fault_of(door, path.read_bytes(), variant, tmp_path)
        assert not fault, f"{path.name}: {fault}"
