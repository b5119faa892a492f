"""Where each number comes from."""

from collections.abc import Sequence

from pneumobench.reporting.files import ReportFiles
from pneumobench.reporting.section import Heading, Section
from pneumobench.reporting.table import Table
from pneumobench.reporting.words import Words


def gather(files: ReportFiles, words: Words, others: Sequence[Section]) -> Section:  # noqa: ARG001 - one shape for all
    """Return the section."""
    return Section(
        name="origins",
        title="Where does each number come from?",
        short="Origins",
        blocks=(
            Heading("Files and rules"),
            Table(
                "origins",
                "Files and rules",
                [
                    {
                        "Shown": shown,
                        "File in the experiment's folder": file,
                        "Written by rule": rule,
                    }
                    for section in others
                    for shown, file, rule in section.origins
                ],
            ),
        ),
    )
