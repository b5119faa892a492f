"""The common ground of all configuration sections: strictness and shared kinds of values."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

PLAIN_NAME_PATTERN = "^[a-z0-9_][a-z0-9_-]*$"

# `$comment` is the JSON schema's own keyword for notes; allowed.py shows it instead of the pattern.
PlainName = Annotated[
    str,
    Field(
        pattern=PLAIN_NAME_PATTERN,
        max_length=64,
        json_schema_extra={
            "$comment": "a plain folder name: lower-case letters, digits, _ and - (64 at most)"
        },
    ),
]


def one_line(text: str) -> str:
    """Return a text; raise ValueError if it is more than one line, or holds what no line does."""
    # Control characters, halves of characters, and the separators of lines and paragraphs.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text):
        raise ValueError("no line of text")
    return text


# Longer ones no file system takes as a path.
Text = Annotated[
    str,
    AfterValidator(one_line),
    Field(
        min_length=1,
        max_length=4096,
        json_schema_extra={"$comment": "one line of text, 4096 characters at most"},
    ),
]


def without_braces(text: str) -> str:
    """Return a text; raise ValueError if it holds braces, which Snakemake takes for wildcards."""
    if "{" in text or "}" in text:
        raise ValueError("braces")
    return text


# The path of a file that rules wait for.
FilePath = Annotated[
    Text,
    AfterValidator(without_braces),
    Field(json_schema_extra={"$comment": "the path of a file, without { and }"}),
]
# Files' names are put behind it, and it stands in logs and messages.
Address = Annotated[
    str,
    Field(
        pattern=r"^https?://[^\s/@?#\\]+(/[^\s?#\\]*)?$",
        max_length=2048,
        json_schema_extra={
            "$comment": "an address http://... or https://... of a folder, without a name, a "
            "password, ? or #"
        },
    ),
]
Share = Annotated[float, Field(ge=0, le=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, nothing is converted or changed later.

    No section gives a key a default: defaults stand in config.yaml, where everybody can see them.
    The text below a field is its meaning in schemas/config.schema.json and docs/configuration.md.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )
