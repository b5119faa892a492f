"""The report: one HTML file with everything in it, which opens from disk without a network."""

from collections.abc import Sequence
from pathlib import Path

from pneumobench.core.files import atomic_path
from pneumobench.reporting.figures import FIGURES
from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.origin import phantom_notice, unknown_patients
from pneumobench.reporting.section import Section
from pneumobench.reporting.sections import SECTIONS, answer
from pneumobench.reporting.tables import all_rows
from pneumobench.reporting.wording import capital
from pneumobench.reporting.words import Words, words_from
from pneumobench.reporting.writers import latex
from pneumobench.reporting.writers.html import Page, Picture, html_page

GLOSSARY = (
    (
        "Run",
        "one architecture, trained by one recipe (its training settings) with one random seed, "
        "once for each fold.",
    ),
    (
        "Out of fold",
        "predicted by the fold's model that was not trained on the image. Runs are ranked by these "
        "predictions; nothing is chosen on the test set.",
    ),
    ("AUC", "area under the ROC curve: 1 separates the classes perfectly, 0.5 is chance."),
    (
        "Baseline",
        "not a network but a linear model of something very simple, such as 16 x 16 grey values; "
        "every network should exceed it.",
    ),
)
"""What a reader must know from the first sentence on."""


def render_report(
    files: ReportFiles,
    report: str | Path,
    *,
    title: str,
    experiment: str,
    shown: Sequence[str] | None = None,
) -> None:
    """Write the report.

    Parameters
    ----------
    files
        What it is made of.
    report
        The HTML file to write.
    title, experiment
        Title of the report and name of the experiment. `{disease}` in the title becomes the name of
        what is detected; nothing else of it is altered.
    shown
        Names of the runs that figures show, None for all.

    Raises
    ------
    UserError
        If a file is not what an earlier job wrote, or of another run or figure.
    """
    words = words_from(files.audit.get("source", {}))
    page = Page(
        title=_named(title, words),
        experiment=experiment,
        sections=compose(files, words),
        notices=_notices(files, words),
        glossary=GLOSSARY,
        runs=list(all_rows(files.comparison, files.facts)["label"]),
    )
    text = html_page(page, {path.stem: _picture(path, shown) for path in files.all("figures")})
    with atomic_path(report) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_answer(files: ReportFiles, path: str | Path) -> None:
    """Write the answer alone as plain text, a line for each statement.

    Parameters
    ----------
    files
        What the report is made of.
    path
        The text file to write.
    """
    section = answer.build(files, words_from(files.audit.get("source", {})))
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([*section.answer, ""]), encoding="utf-8")


def write_tables(files: ReportFiles, path: str | Path, *, title: str) -> None:
    """Write every table of the report as one LaTeX document.

    Parameters
    ----------
    files
        What the report is made of; no figures or panels are needed.
    path
        The document to write.
    title
        Title of the report.
    """
    words = words_from(files.audit.get("source", {}))
    latex.write_document(compose(files, words), path, title=_named(title, words))


def compose(files: ReportFiles, words: Words) -> list[Section]:
    """Return all sections that have something to say, in their order."""
    built = {module: module.build(files, words) for module in SECTIONS if hasattr(module, "build")}
    others = [section for section in built.values() if section]
    sections = [
        built[module] if module in built else module.gather(files, words, others)
        for module in SECTIONS
    ]
    return [section for section in sections if section]


def _named(title: str, words: Words) -> str:
    return title.replace("{disease}", capital(words.disease))


def _notices(files: ReportFiles, words: Words) -> list[tuple[str, str]]:
    found = [("Phantoms, not patients.", phantom_notice(words))] if files.phantoms else []
    unknown = unknown_patients(files.audit, words)
    return [*found, *([("Patients unknown.", unknown)] if unknown else [])]


def _picture(path: Path, shown: Sequence[str] | None) -> Picture:
    """Return a figure with its title and caption; one that nobody knows has its file's name."""
    for figure in FIGURES:
        if figure.name == path.stem:
            return Picture(path, figure.title, figure.caption_of(shown))
    return Picture(path, path.stem.replace("_", " ").capitalize(), "")
