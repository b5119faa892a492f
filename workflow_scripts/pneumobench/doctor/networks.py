"""The networks: whether each can be built, trained a step, saved, loaded and explained."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pneumobench
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan
from pneumobench.doctor.software import installed

_SUBJECT = "networks"


def network_findings(plan: Plan) -> Iterator[Finding]:
    """Say of each network what the run would say before it trains; one line if all are well."""
    models: dict[str, list[dict[str, Any]]] = {}
    for model, recipe in plan.trainings:
        models.setdefault(model, []).append(recipe)
    if plan.conda or installed("torch") is None:
        why = "conda makes PyTorch's environment" if plan.conda else "PyTorch is not installed"
        yield Finding(OK, _SUBJECT, f"not built here: {why}; the run builds each before it trains")
        return
    sound = 0
    for said in _build(plan, models):
        if said["error"]:
            yield Finding(FAILS, _SUBJECT, f"{said['error']} ({said['where']})", said["remedy"])
        elif said["no_maps"]:
            remedy = "nothing, if you can do without; all else of the run is made"
            text = f"the maps of {said['model']} will not be available: {said['no_maps']}"
            yield Finding(WARNING, _SUBJECT, text, remedy)
        else:
            sound += 1
    if sound:
        maps = "" if plan.explanation is None else " and explained"
        text = (
            f"{sound} of {len(models)} built, trained a step, saved{maps} at {plan.image_size} px"
        )
        yield Finding(OK, _SUBJECT, text)


def _build(plan: Plan, models: dict[str, list[dict[str, Any]]]) -> Iterator[dict[str, str]]:
    """Yield what `building.build` returns of each; a network that ends the process is named."""
    left = dict(models)
    while left:
        order = {"models": left, "image_size": plan.image_size, "explanation": plan.explanation}
        finished = subprocess.run(
            [sys.executable, "-m", "pneumobench.doctor.building"],
            input=json.dumps(order),
            capture_output=True,
            text=True,
            # Beside what is on the path already.
            env=_environment(),
        )
        for line in finished.stdout.splitlines():
            said = json.loads(line)
            del left[said["model"]]
            yield said
        if left:
            model = next(iter(left))
            del left[model]
            yield _ended(model, finished)


def _environment() -> dict[str, str]:
    library = str(Path(pneumobench.__file__).parents[1])
    return os.environ | {"PYTHONPATH": os.pathsep.join([library, os.environ.get("PYTHONPATH", "")])}


def _ended(model: str, finished: subprocess.CompletedProcess) -> dict[str, str]:
    last = (finished.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
    return {
        "model": model,
        "error": f"the process that built {model} ended with status {finished.returncode}: {last}",
        "where": f"model {model}",
        "remedy": f"leave {model} out, or take more memory or smaller images",
        "no_maps": "",
    }
