"""What must hold when Snakemake reads the workflow: the configuration, the archive, the folders.

Every cluster job reads the workflow, too, perhaps where nothing but results is to be seen: what
looks beyond them is left to the driver, the process that the user started.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pneumobench.core.analyses import made_of_archived, rebuilt_from
from pneumobench.core.archive import (
    Archive,
    check_bytes,
    check_contents,
    check_unpacked,
    read_archive,
)
from pneumobench.core.changed_recipes import changed_recipes
from pneumobench.core.config.across import cautions
from pneumobench.core.config.arguments import with_arguments
from pneumobench.core.config.check import archive_path, check_config
from pneumobench.core.config.experiment import Experiment
from pneumobench.core.config.identity import check_results_folder
from pneumobench.core.config.reading import check_config_files
from pneumobench.core.errors import UserError
from pneumobench.core.layout import Layout
from pneumobench.core.room import check_folder

# The one section that may be given beside an archive.
FIGURES = "figures"


def read_configuration(
    config: dict[str, Any], *, files: Iterable[str], values: Sequence[str], checkout: str
) -> dict[str, Any]:
    """Read the files once more, stricter than Snakemake, and the values of --config by their keys.

    Parameters
    ----------
    config
        What Snakemake made of both.
    files, values
        The configuration files, and what follows --config.
    checkout
        The folder of the workflow.

    Raises
    ------
    UserError
        If a file or a value does not say one thing, or Snakemake cannot work in the checkout.
    """
    if set("{}") & set(checkout):
        raise UserError(
            "Snakemake takes { and } in the path of a checkout for places to fill",
            where=checkout,
            expected="a path without { and }",
            remedy="move the checkout, or rename the folder",
        )
    check_config_files(files)
    return with_arguments(config, values)


def archive_asked_for(config: dict[str, Any], given: Collection[str]) -> Archive | None:
    """Return the archive that is named instead of a configuration, None where results are computed.

    Parameters
    ----------
    config
        The configuration.
    given
        Keys that the command gives.

    Raises
    ------
    UserError
        If there is no such archive, or the command gives other keys beside it.
    """
    path = archive_path(config)
    if path is None:
        return None
    archive = read_archive(path)
    if others := sorted(set(given) - {"archive", FIGURES}):
        raise UserError(
            "an archive brings its own configuration",
            where=f"given beside archive: {', '.join(others)}",
            expected=f"archive alone, or with {FIGURES}, which change drawing alone",
            remedy="leave the other keys, and files behind --configfile that hold them, out",
        )
    return archive


def checked_experiment(
    config: dict[str, Any],
    archive: Archive | None,
    *,
    architectures: Sequence[str],
    backbones: Callable[[], Collection[str]] = tuple,
    summary: Callable[[str], str] = str,
    driver: bool,
    given: Mapping[str, Any] | None = None,
) -> Experiment:
    """Return the checked configuration, an archive's own if there is one.

    Parameters
    ----------
    config, archive
        The configuration, and the archive to rebuild from.
    architectures
        Names of the architectures that exist here. An archive is rebuilt without them: those that
        it describes count, too.
    backbones, summary
        As for `check_config`. Nobody looks for a backbone of an archive, nor twice for another.
    driver
        Whether the user started this process.
    given
        What the command gives: of it, figures are drawn as asked for from an archive, too.

    Raises
    ------
    UserError
        If the configuration is wrong, or the folders of results are others' or cannot be used.
    """
    if archive:
        architectures = sorted({*architectures, *archive.architectures})
    try:
        experiment = check_config(
            archive.config if archive else config,
            architectures=architectures,
            backbones=backbones if driver and archive is None else tuple,
            summary=summary,
        )
        results = f"results/{experiment.experiment}"
        if driver:
            check_folder(Path(results))
        if driver and archive is None:
            check_folder(Path("resources"))
        # What a job unpacks is gone while it does.
        if driver or archive is None:
            check_unpacked(results, archive)
        if archive is None:
            check_results_folder(results, experiment)
    except UserError as error:
        if archive:
            error.args = (f"{archive.path}: {error}",)
        raise
    if archive and FIGURES in (given or {}):
        figures = _figures_asked_for(archive, config[FIGURES], given[FIGURES])
        return check_config(archive.config | {FIGURES: figures}, architectures=architectures)
    return experiment


def _figures_asked_for(archive: Archive, read: Any, given: Any) -> Any:
    """Return an archive's settings of figures with those that the command gives."""
    if not (isinstance(read, Mapping) and isinstance(given, Mapping)):
        return read
    return archive.config[FIGURES] | {key: read[key] for key in given}


def cautions_before(layout: Layout, cores: int | None) -> list[str]:
    """Return what is allowed, but worth a word to whoever starts the experiment.

    Parameters
    ----------
    layout
        The runs, and where their files lie.
    cores
        Cores that jobs may use on this machine; None where they run elsewhere.
    """
    return [*cautions(layout.experiment, cores=cores), *changed_recipes(layout)]


def archived_files(archive: Archive, layout: Layout, *, driver: bool) -> list[str]:
    """Return the files that an archive holds to rebuild from, as paths of the layout.

    Raises
    ------
    UserError
        If it does not hold what it must, or a file is not the one that was archived.
    """
    below = f"{layout.results}/"
    rebuilt, made = rebuilt_from(layout), made_of_archived(layout)
    check_contents(
        archive, *([path.removeprefix(below) for path in paths] for paths in (rebuilt, made))
    )
    # Once for each command: nothing is removed or written for an archive that is damaged.
    if driver:
        check_bytes(archive)
    return rebuilt
