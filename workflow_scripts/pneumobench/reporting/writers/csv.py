"""Tables as CSV: numbers unrounded, each bound of an interval in a column of its own."""

import csv
import io

from pneumobench.reporting.table import Table, cell_parts


def csv_table(table: Table) -> str:
    """Return a table as CSV with a header; empty cells are empty.

    >>> from pneumobench.core.estimates import Estimate
    >>> print(csv_table(Table("t", "T", [{"Run": "a", "AUC": Estimate(0.5, 0.25, 0.75)}])))
    Run,AUC,AUC low,AUC high
    a,0.5,0.25,0.75
    <BLANKLINE>
    """
    parts = {
        column: list(dict.fromkeys(name for row in table.rows for name in cell_parts(row[column])))
        for column in table.columns
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(f"{column} {name}".strip() for column, names in parts.items() for name in names)
    for row in table.rows:
        held = {column: cell_parts(row[column]) for column in parts}
        writer.writerow(held[column].get(name) for column, names in parts.items() for name in names)
    return text.getvalue()
