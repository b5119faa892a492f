"""Damage to the bytes of a file: what broken disks, cut transfers, editors and enemies do."""

import random
import re
from collections.abc import Callable, Sequence

# Numbers at which readers stumble, as they stand in binary headers.
EDGES = tuple(
    number.to_bytes(size, order)
    for size in (1, 2, 4, 8)
    for number in (0, 1, 2 ** (8 * size - 1) - 1, 2 ** (8 * size - 1), 2 ** (8 * size) - 1)
    for order in ("little", "big")
)
# What stands in no sound table, list or configuration.
WORDS = tuple(
    word.encode("utf-8", "surrogatepass")
    for word in (
        *(
            "",
            "nan",
            "NaN",
            "inf",
            "-inf",
            "1e999",
            "-1",
            "0",
            "1.5",
            "99999999999999999999",
            "1_0",
        ),
        *("null", "None", "true", "True", "[]", "{}", "[[", "}", "]", ":", "- ", "? ", "\t", "\r"),
        *("\n", "\r\n", "\0", '"', "'", "''", '""', ",", ";", "|", "\\", "/", "../", "/etc/passwd"),
        *(
            "&a [*a]",
            "*a",
            "!!python/object/apply:os.getcwd []",
            "<<: 1",
            "%YAML 9.9",
            "---",
            "...",
        ),
        *("=1+1", "@x", "<script>", "{fold}", "{{", "$x$", "\ud800", "\ufeff", "\u202e", "e\u0301"),
        *("[" * 3000, "x" * 300, "9" * 5000),
    )
)

Mutation = Callable[[bytes, random.Random], bytes]


def mutate(content: bytes, generator: random.Random, mutations: Sequence[Mutation]) -> bytes:
    """Return a file with one to four faults.

    Parameters
    ----------
    content
        A sound file.
    generator
        All chance comes from it.
    mutations
        Of which each fault is one.
    """
    for _ in range(generator.choice((1, 1, 1, 2, 4))):
        content = generator.choice(mutations)(content, generator)
    return content


def _run(content: bytes, generator: random.Random) -> tuple[int, int]:
    """Return begin and end of a part, often a short one."""
    length = min(len(content), int(2 ** generator.uniform(0, 12)))
    begin = generator.randint(0, len(content) - length)
    return begin, begin + length


def flip_bit(content: bytes, generator: random.Random) -> bytes:
    """Turn one bit over."""
    if not content:
        return content
    place = generator.randrange(len(content))
    changed = content[place] ^ 1 << generator.randrange(8)
    return content[:place] + bytes([changed]) + content[place + 1 :]


def flip_early_bit(content: bytes, generator: random.Random) -> bytes:
    """Turn over one bit of the first 256 bytes, where headers are."""
    return flip_bit(content[:256], generator) + content[256:]


def set_edge(content: bytes, generator: random.Random) -> bytes:
    """Put a number at the edge of its kind over other bytes."""
    edge = generator.choice(EDGES)
    place = generator.randint(0, min(len(content), generator.choice((64, 512, 1 << 30))))
    return content[:place] + edge + content[place + len(edge) :]


def cut_end(content: bytes, generator: random.Random) -> bytes:
    """Break off, as a transfer does."""
    return content[: generator.randint(0, len(content))]


def cut_part(content: bytes, generator: random.Random) -> bytes:
    """Lose a part."""
    begin, end = _run(content, generator)
    return content[:begin] + content[end:]


def blank_part(content: bytes, generator: random.Random) -> bytes:
    """Fill a part with zeros, as a file system does after a crash."""
    begin, end = _run(content, generator)
    return content[:begin] + bytes(end - begin) + content[end:]


def blank_end(content: bytes, generator: random.Random) -> bytes:
    """Fill everything from a place on with zeros."""
    begin = generator.randint(0, len(content))
    return content[:begin] + bytes(len(content) - begin)


def repeat_part(content: bytes, generator: random.Random) -> bytes:
    """Say something twice."""
    begin, end = _run(content, generator)
    return content[:end] + content[begin:]


def swap_parts(content: bytes, generator: random.Random) -> bytes:
    """Exchange two neighbouring parts."""
    begin, end = _run(content, generator)
    middle = (begin + end) // 2
    return content[:begin] + content[middle:end] + content[begin:middle] + content[end:]


def add_end(content: bytes, generator: random.Random) -> bytes:
    """Let something follow the end."""
    return content + generator.randbytes(generator.choice((1, 2, 100)))


def put_word(content: bytes, generator: random.Random) -> bytes:
    """Write a word somewhere between the others."""
    place = generator.randint(0, len(content))
    return content[:place] + generator.choice(WORDS) + content[place:]


def exchange_word(content: bytes, generator: random.Random) -> bytes:
    """Write a word in the place of a number, a name or a quoted text."""
    found = list(re.finditer(rb'"[^"\n]*"|[\w.+-]+', content))
    if not found:
        return content
    old = generator.choice(found)
    return content[: old.start()] + generator.choice(WORDS) + content[old.end() :]


def lose_line(content: bytes, generator: random.Random) -> bytes:
    """Leave out a line."""
    lines = content.split(b"\n")
    del lines[generator.randrange(len(lines))]
    return b"\n".join(lines)


def repeat_line(content: bytes, generator: random.Random) -> bytes:
    """Write a line twice, the second time anywhere."""
    lines = content.split(b"\n")
    lines.insert(generator.randint(0, len(lines)), generator.choice(lines))
    return b"\n".join(lines)


OF_BYTES = (
    *(flip_bit, flip_bit, flip_early_bit, set_edge, cut_end, cut_part, blank_part, blank_end),
    *(repeat_part, swap_parts, add_end),
)
OF_TEXT = (
    *(exchange_word, exchange_word, put_word, lose_line, repeat_line, flip_bit, cut_end),
    *(cut_part, blank_part, repeat_part),
)
