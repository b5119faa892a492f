"""Recipes that name another recipe, and external data: sections that give only what differs."""

import copy
from collections.abc import Iterator
from typing import Any

from pneumobench.core.config.allowed import BASED_ON
from pneumobench.core.config.problems import Location, Problem, path_text, value_text
from pneumobench.core.names import nearest

DATA, EXTERNAL = "data", "external"


class Inheritance:
    """A configuration with every recipe and the external data written out in full.

    A recipe with the key `based_on: <recipe>` takes all keys that it does not give itself from that
    recipe, `external` from `data`; sections are merged key by key.

    Parameters
    ----------
    raw
        The configuration as YAML gives it; left as it is.

    Attributes
    ----------
    resolved
        The configuration without the key `based_on`.
    problems
        Recipes that are based on no recipe, or on themselves.
    """

    def __init__(self, raw: Any) -> None:
        self.raw = raw
        self.problems: list[Problem] = []
        self.resolved = raw
        self._recipes = raw.get("recipes") if isinstance(raw, dict) else None
        self._written: dict[Any, Any] = {}
        if isinstance(self._recipes, dict):
            for name in self._recipes:
                self._written[name] = self._written_out(name)
            self.resolved = {**raw, "recipes": self._written}
        data, external = map(raw.get, (DATA, EXTERNAL)) if isinstance(raw, dict) else (None, None)
        if isinstance(data, dict) and isinstance(external, dict):
            self.resolved = {**self.resolved, EXTERNAL: _merged(data, external)}

    def concerns_another_place(self, place: Location, kind: str) -> bool:
        """Whether a mistake is one of what its section is based on, and reported there."""
        if not self._is_based(place):
            return False
        return kind == "missing" or not _given(self.raw, place)

    def _is_based(self, place: Location) -> bool:
        if place[:1] == (EXTERNAL,):
            return len(place) > 1
        return len(place) > 2 and place[0] == "recipes" and self._base(place[1]) is not None

    def _base(self, name: Any) -> Any:
        recipe = self._recipes[name]
        return recipe.get(BASED_ON) if isinstance(recipe, dict) else None

    def _written_out(self, name: Any) -> Any:
        recipe = self._recipes[name]
        if name in self._written:
            return self._written[name]
        if not isinstance(recipe, dict) or BASED_ON not in recipe:
            return recipe
        own = {key: value for key, value in recipe.items() if key != BASED_ON}
        base = recipe[BASED_ON]
        known = [other for other in self._recipes if isinstance(other, str) and other != name]
        if base not in known or name in self._bases(name):
            self.problems.append(self._unusable(name, base, known))
            return own
        above = self._written[base] = self._written_out(base)
        return _merged(above, own) if isinstance(above, dict) else own

    def _bases(self, name: Any) -> Iterator[Any]:
        """Yield the recipes that a recipe rests on, nearest first, each once."""
        seen, base = [], self._base(name)
        while base in list(self._recipes) and base not in seen:
            seen.append(base)
            yield base
            base = self._base(base)

    def _unusable(self, name: Any, base: Any, known: list[Any]) -> Problem:
        circle = base in known
        match = nearest(base, known) if isinstance(base, str) and not circle else None
        return Problem(
            path=path_text(("recipes", name, BASED_ON)),
            given=value_text(base) + (", which is based on this recipe" if circle else ""),
            allowed=", ".join(known) or "nothing: there is no other recipe",
            nearest=match,
            hint=f"write {match}" if match else "take another recipe of the list",
        )


def _merged(above: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    merged = copy.deepcopy(above)
    for key, value in own.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


def _given(raw: Any, place: Location) -> bool:
    for step in place:
        if not isinstance(raw, dict) or step not in raw:
            return False
        raw = raw[step]
    return True
