"""What only Snakemake knows, and how it is told of errors; nothing else touches its inner parts."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake.exceptions import WorkflowError

from pneumobench.core.errors import UserError

if TYPE_CHECKING:
    from snakemake.workflow import Workflow


def is_driver(workflow: Workflow) -> bool:
    """Tell whether the user started this process, which no job did."""
    return workflow.is_main_process


def given_values(workflow: Workflow) -> list[str]:
    """Return what stands behind --config."""
    return list(workflow.config_settings.config_args or [])


def given_settings(workflow: Workflow) -> dict[str, Any]:
    """Return what --config and the files behind --configfile give, values as Snakemake has them."""
    return workflow.config_settings.overwrite_config


def limits_time(workflow: Workflow) -> bool:
    """Tell whether a job's time limit is enforced: by a scheduler, whose job this may be."""
    return not workflow.local_exec or workflow.remote_exec


def machine(workflow: Workflow) -> dict[str, Any]:
    """Return what doctor is to know of the command, as `pneumobench.doctor.finding.Plan` has it."""
    return {
        # None are given with a scheduler.
        "cores": workflow.resource_settings.cores or 1,
        "elsewhere": not workflow.local_exec,
        "conda": bool(workflow.deployment_settings.deployment_method),
        "options": _options(workflow),
    }


def _options(workflow: Workflow) -> str:
    """Return what the command named beside its targets that the next one must name, too."""
    here, settings = Path.cwd(), workflow.config_settings
    moved = workflow.overwrite_workdir is not None
    words = []
    if moved:
        words += ["--directory", str(here)]
    if moved or not (here / "Snakefile").exists():
        words += ["--snakefile", str(workflow.main_snakefile)]
    if methods := workflow.deployment_settings.deployment_method:
        words += ["--sdm", *sorted(map(str, methods))]
    if files := [Path(file) for file in settings.configfiles]:
        below = [not moved and file.is_relative_to(here) for file in files]
        named = zip(files, below, strict=True)
        words += ["--configfile", *(str(f.relative_to(here) if near else f) for f, near in named)]
    if values := given_values(workflow):
        words += ["--config", *values]
    return f" {shlex.join(words)}" if words else ""


def cores_here(workflow: Workflow) -> int | None:
    """Return how many cores a job may use on this machine; None where jobs run elsewhere."""
    if workflow.resource_settings.nodes:
        return None
    given = workflow.resource_settings.cores
    return given and min(given, os.cpu_count() or given)


def inputs_of_makers(workflow: Workflow, files: Iterable[str]) -> dict[str, list[str]]:
    """Return for files that rules without wildcards make the inputs of these rules, sorted."""
    wanted = set(map(str, files))
    return {
        str(output): sorted(map(str, rule.expand_input({})[0]))
        for rule in workflow.rules
        for output in rule.output
        if str(output) in wanted
    }


class SaidPlainly:
    """A context in which Snakemake prints errors that users can mend without a traceback."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, UserError):
            raise WorkflowError(str(error)) from None


class _Refused(list):
    """Files that cannot be named: Snakemake adds a traceback to what an input function raises.

    It adds none to what the function's value raises when it is read.
    """

    def __init__(self, error: UserError) -> None:
        self.error = error

    def __iter__(self) -> Iterator[str]:
        raise WorkflowError(str(self.error))

    def __len__(self) -> int:
        return 1


def input_function(choose: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return an input function that says plainly what is for users to mend."""

    def chosen(wildcards: Any) -> Any:
        try:
            return choose(wildcards)
        except UserError as error:
            return _Refused(error)

    return chosen
