"""Recipes that were changed in place: what was trained by them is trained again and replaced."""

import json
from pathlib import Path
from typing import Any

from pneumobench.core.config.changes import changes
from pneumobench.core.layout import Layout


def changed_recipes(layout: Layout) -> list[str]:
    """Return a warning for each recipe that trained folds of an experiment, and has changed since.

    Parameters
    ----------
    layout
        The runs, and where their files lie.
    """
    found: dict[tuple[str, str], int] = {}
    for run in layout.runs:
        new = layout.experiment.training(run.recipe)
        for path in layout.of(run).of_all_folds("run.json"):
            if changed := changes(_settings(Path(path)), new):
                key = run.recipe, ", ".join(changed)
                found[key] = found.get(key, 0) + 1
    return [
        f"recipe {recipe} has changed since {folds} fold{'s' * (folds > 1)} in {layout.results} "
        f"were trained: {changed}. These folds are trained again, and their results, figures and "
        f"report replaced. To keep both, leave {recipe} as it was, and give the change a name of "
        f"its own: recipes: {{{recipe}_2: {{based_on: {recipe}, ...}}}}, and in runs: "
        f"{{model: ..., recipe: {recipe}_2}}"
        for (recipe, changed), folds in found.items()
    ]


def _settings(path: Path) -> dict[str, Any]:
    """Return the recipe that a fold was trained by; none where that cannot be read."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))["settings"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return {}
    return settings if isinstance(settings, dict) else {}
