"""The common ground of all configuration sections: strictness and shared kinds of values."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

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
Text = Annotated[str, Field(min_length=1, json_schema_extra={"$comment": "text"})]
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
