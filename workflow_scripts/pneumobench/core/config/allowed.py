"""What a key allows, in words, read from the JSON schema of the configuration models."""

import copy
from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from pneumobench.core.config.experiment import Experiment

Node = dict[str, Any]
KINDS = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
# A recipe may give this key and only what differs; pneumobench.core.config.inherit resolves it.
BASED_ON = "based_on"
# Stands for the freely chosen name in the paths of the recipes' keys.
ANY_NAME = "<name>"


class _Untitled(GenerateJsonSchema):
    """Leaves out the titles, which only repeat the keys."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002
        return False


@cache
def json_schema() -> Node:
    """Return the JSON schema (draft 2020-12) of a whole configuration."""
    schema = Experiment.model_json_schema(schema_generator=_Untitled)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def editor_schema() -> Node:
    """Return the JSON schema for editors, who see recipes before `based_on` is resolved.

    A recipe need not be complete then, nor external data; `check_config` finds out whether it is.
    """
    schema = copy.deepcopy(json_schema())
    definitions = schema["$defs"]
    schema["properties"]["external"] = _partial(schema["properties"]["external"], definitions)
    sections = [
        node["$ref"].rsplit("/", 1)[-1]
        for node in definitions["Recipe"]["properties"].values()
        if "$ref" in node
    ]
    for name in ("Recipe", *sections):
        definitions[name].pop("required")
    definitions["Recipe"]["properties"] = {
        BASED_ON: {"type": "string", "description": "Recipe that all keys not given come from."},
        **definitions["Recipe"]["properties"],
    }
    return schema


def _partial(node: Any, definitions: Node) -> Any:
    """Return a part of the schema in which no section need be complete, written out in place."""
    if isinstance(node, list):
        return [_partial(part, definitions) for part in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = {**definitions[node["$ref"].rsplit("/", 1)[-1]], **node}
    dropped = ("$ref", "required")
    return {key: _partial(part, definitions) for key, part in node.items() if key not in dropped}


def resolve(node: Node) -> Node:
    """Return a node of the schema with its reference and its `null` alternative resolved.

    What stands beside a reference wins over what it refers to. A nullable node gets the key
    `nullable`; of other alternatives the mapping is taken, whose keys errors can name.
    """
    if "$ref" in node:
        target = json_schema()["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    if "anyOf" in node:
        inner = next(part for part in node["anyOf"] if part.get("type") != "null")
        beside = {key: value for key, value in node.items() if key != "anyOf"}
        return {**resolve(inner), **beside, "nullable": True}
    if "oneOf" in node:
        inner = next(part for part in node["oneOf"] if "$ref" in part)
        return {**resolve(inner), **node}
    return node


def children(node: Node) -> dict[str, Node]:
    """Return the keys that a resolved node names, each with its node."""
    if "patternProperties" in node:
        return dict.fromkeys([ANY_NAME], next(iter(node["patternProperties"].values())))
    return node.get("properties", {})


def find(location: tuple[str | int, ...]) -> Node:
    """Return the resolved node at a place of the configuration, such as ("split", "folds")."""
    node = resolve(json_schema())
    for step in location:
        if isinstance(step, int) and "items" in node:
            node = resolve(node["items"])
        else:
            keys = children(node)
            node = resolve(keys[step] if step in keys else keys[ANY_NAME])
    return node


def in_words(node: Node) -> str:
    """Say what a resolved node allows, for example `a whole number from 2 to 20`."""
    text = _without_null(node)
    return f"{text}, or null" if node.get("nullable") else text


def _without_null(node: Node) -> str:
    if "$comment" in node:
        return node["$comment"]
    if "enum" in node:
        return ", ".join(map(str, node["enum"]))
    if node["type"] == "array":
        return f"a list of: {in_words(resolve(node['items']))}"
    if node["type"] == "object":
        return "a section with the keys " + ", ".join(children(node))
    return KINDS[node["type"]] + _range(node)


def _range(node: Node) -> str:
    low = high = ""
    if "minimum" in node:
        low = f" from {node['minimum']}"
    elif "exclusiveMinimum" in node:
        low = f" above {node['exclusiveMinimum']}"
    if "maximum" in node:
        high = f" to {node['maximum']}" if "minimum" in node else f", at most {node['maximum']}"
    elif "exclusiveMaximum" in node:
        high = f", below {node['exclusiveMaximum']}"
    return low + high


def meaning(node: Node) -> str | None:
    """Return what the key of a resolved node means, on one line without the final full stop."""
    if "description" not in node:
        return None
    return " ".join(node["description"].split()).removesuffix(".")


def leaves(node: Node | None = None, above: tuple[str, ...] = ()) -> Iterator[tuple[str, Node]]:
    """Yield path and resolved node of every key that is no section, in the models' order."""
    node = resolve(json_schema()) if node is None else node
    for key, child in children(node).items():
        child = resolve(child)
        # A section that may be null repeats keys of another one: config.yaml says null.
        if children(child) and not child.get("nullable"):
            yield from leaves(child, (*above, key))
        else:
            yield ".".join((*above, key)), child
            if "items" in child and children(resolve(child["items"])):
                yield from leaves(resolve(child["items"]), (*above, f"{key}[]"))
