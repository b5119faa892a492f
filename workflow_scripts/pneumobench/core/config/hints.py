"""What to write instead of a wrong value, minding what YAML makes of plain words and numbers."""

import datetime
import re

from pneumobench.core.config.allowed import Node, meaning

EXPONENT = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?[eE]([+-]?)(\d+)")
# What YAML takes for a text where a key or the entry of a list was meant.
KEY_WITHOUT_SPACE = re.compile(r"([a-z_]+):\S")
DASH_WITHOUT_SPACE = re.compile(r"-\S")
SCALARS = ("string", "integer", "number", "boolean")


def hint_for(value: object, node: Node) -> str:
    """Say what to write instead of a value that its place does not allow.

    Parameters
    ----------
    value
        The value as YAML reads it.
    node
        The place's resolved node of the JSON schema.
    """
    kind = node["type"]
    if kind in SCALARS and isinstance(value, (list, dict)):
        return "write a single value"
    if kind in ("integer", "number"):
        return _for_number(value, node)
    if kind == "boolean":
        return "write true or false without quotes"
    if kind == "array":
        return _for_list(value)
    if kind == "string":
        return _for_text(value, node)
    if "$comment" in node:
        return "write it as allowed"
    if isinstance(value, str) and (found := KEY_WITHOUT_SPACE.match(value)):
        return f"a space is missing after the colon: {found[1]}: ..."
    return "write the section's keys below it, indented by two spaces"


def _for_list(value: object) -> str:
    if isinstance(value, list):
        return "write at least one entry"
    if isinstance(value, str) and DASH_WITHOUT_SPACE.match(value):
        return "a space is missing after the dash of each entry: - ..."
    example = value if isinstance(value, (str, int)) else "first, second"
    return f"write a list: [{example}]"


def _for_text(value: object, node: Node) -> str:
    instead = "take one of the allowed words" if "enum" in node else "write a text, in quotes"
    if isinstance(value, bool):
        words = "on, yes and true" if value else "off, no and false"
        return f"YAML reads the plain words {words} as {str(value).lower()}; {instead}"
    if value is None:
        return f"YAML reads null, ~ and an empty value as nothing; {instead}"
    if isinstance(value, (int, float, datetime.date)) and "enum" not in node:
        return f'YAML reads this as a number or a date; write it in quotes: "{value}"'
    return instead if "enum" in node else _reminder(node)


def _for_number(value: object, node: Node) -> str:
    if isinstance(value, str):
        return _for_number_as_text(value.strip(), node)
    if node["type"] == "integer" and isinstance(value, float) and value.is_integer():
        return f"write the whole number without a point: {int(value)}"
    return _reminder(node)


def _for_number_as_text(text: str, node: Node) -> str:
    exponent = EXPONENT.fullmatch(text)
    if exponent:
        sign, whole, rest, exponent_sign, power = exponent.groups()
        number = f"{sign}{whole}.{rest or 0}e{exponent_sign or '+'}{power}"
        return f"YAML reads {text} as text; write {number} (with a point and a signed exponent)"
    if node.get("nullable") and text.lower() in ("none", "off", "never", ""):
        return "write null"
    if re.fullmatch(r"[+-]?\d+,\d+", text):
        return f"write a decimal point: {text.replace(',', '.')}"
    if re.fullmatch(r"[+-]?\d+(\.\d*)?", text):
        return f"write the number without quotes: {text}"
    return _reminder(node)


def _reminder(node: Node) -> str:
    text = meaning(node)
    return f"the key means: {text}" if text else "take an allowed value"
