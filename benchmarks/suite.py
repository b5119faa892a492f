"""The speed suite: every row in a process of its own, all in one table and one JSON file.

    make bench                                              everything
    python benchmarks/suite.py training:resnet50 ingest     some rows; the others stay as they were

What is done is kept after each row: results/benchmarks.json, and the table of docs/benchmarks.md.

Each figure is the median of interleaved repetitions with its interval; ratios are taken turn by
turn.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow_scripts"))

import rows_pipeline

from pneumobench.core.provenance import git_commit, software_versions
from pneumobench.models import registry

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT, JSON_FILE = ROOT / "docs" / "benchmarks.md", ROOT / "results" / "benchmarks.json"
BEGIN, END = "<!-- table written by `make bench`, do not edit -->", "<!-- end of the table -->"
PREDICTED = ("plain_resnet18", "densenet121", "xception_lstm")
# What the table says elsewhere than among the ratios.
KNOWN = ("row", "unit", "speeds", "measured", "commit", "processor", "cores", "threads", "versions")
RESUMED = ("custom_cnn_lstm", "plain_resnet18", "vgg16")


def row_names() -> list[str]:
    """Return the names of all rows."""
    return [
        *(f"training:{model}" for model in registry.names()),
        "engine", *(f"prediction:{model}" for model in PREDICTED),
        "explanation", "ingest", "nih", "memory", "start_up",
        *(f"resume:{model}" for model in RESUMED), "dag", "no_op", "overhead", "bootstrap",
    ]  # fmt: skip


def measure(name: str, repetitions: int, threads: int, steps: int) -> dict[str, Any]:
    """Measure one row in this process."""
    # Here, so that listing the rows does not take torch.
    import rows_explain
    import rows_ingest
    import rows_nih
    import rows_statistics
    import rows_training

    kind, _, model = name.partition(":")
    rows = {
        "training": lambda: rows_training.training_row(model, steps, repetitions, threads),
        "engine": lambda: rows_training.engine_row(repetitions, threads),
        "prediction": lambda: rows_training.prediction_row(model, repetitions, threads),
        "explanation": lambda: rows_explain.explanation_row(repetitions, threads),
        "ingest": lambda: rows_ingest.ingest_row(repetitions, threads),
        "nih": lambda: rows_nih.nih_row(repetitions, threads),
        "memory": lambda: rows_ingest.memory_row(threads),
        "start_up": lambda: rows_pipeline.start_up_row(repetitions),
        "resume": lambda: rows_pipeline.resume_row(model, repetitions),
        "dag": lambda: rows_pipeline.dag_row(repetitions),
        "no_op": lambda: rows_pipeline.no_op_row(repetitions),
        "overhead": rows_pipeline.overhead_row,
        "bootstrap": lambda: rows_statistics.bootstrap_row(repetitions),
    }
    return rows[kind]()


def measure_apart(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Measure one row in a process of its own."""
    command = [
        sys.executable, __file__, "--here", name, "--repetitions", str(arguments.repetitions),
        "--threads", str(arguments.threads), "--steps", str(arguments.steps),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": str(arguments.threads)}
    finished = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if finished.returncode:
        return {"row": name, "error": finished.stderr.strip().splitlines()[-1]}
    return json.loads(finished.stdout.splitlines()[-1])


def origin(threads: int) -> dict[str, Any]:
    """Say where and when a row was measured."""
    return {
        "measured": rows_pipeline.now(),
        "commit": git_commit(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "versions": software_versions(),
    }


def document(rows: dict[str, dict[str, Any]]) -> str:
    """Return the rows as Markdown, under each machine that they were measured on."""
    machines: dict[str, list[dict[str, Any]]] = {}
    for name in row_names():
        if name in rows:
            row = rows[name]
            where = f"{row['processor']}, {row['cores']} cores, {row['threads']} threads; torch "
            machines.setdefault(where + row["versions"]["torch"], []).append(row)
    return "\n".join(
        f"{where}\n\n{table(measured)}\n{training_means(measured)}"
        for where, measured in machines.items()
    )


def training_means(rows: list[dict[str, Any]]) -> str:
    """Return the geometric means of the training rows' ratios as a sentence, or nothing."""
    trained = [row for row in rows if "ours / bound" in row and "common practice" in row["speeds"]]
    ratios = ("ours / bound", "ours / common practice", "bound / common practice")
    means = [
        f"{ratio} {statistics.geometric_mean([row[ratio]['median'] for row in trained]):.3f}"
        for ratio in ratios
        if trained
    ]
    if not means:
        return ""
    return f"Training, geometric means over {len(trained)} architectures: {', '.join(means)}.\n"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as Markdown: one line a row, every figure with its interval."""
    lines = ["| row | figures | ratios | measured |", "| --- | --- | --- | --- |"]
    for row in rows:
        when = f"{row['measured']}, {row['commit'][:7]}"
        if "error" in row:
            lines.append(f"| {row['row']} | not measured: {row['error']} | | {when} |")
            continue
        unit = row.get("unit", "")
        figures = [
            f"{name} {_figure(value)} {unit}" for name, value in row.get("speeds", {}).items()
        ]
        ratios = [
            f"{name} {_figure(value) if isinstance(value, dict) else value}"
            for name, value in row.items()
            if name not in KNOWN
        ]
        lines.append(f"| {row['row']} | {'<br>'.join(figures)} | {'<br>'.join(ratios)} | {when} |")
    return "\n".join(lines) + "\n"


def _figure(value: dict[str, Any]) -> str:
    return f"**{value['median']:.3g}** ({value['low']:.3g}-{value['high']:.3g}, n = {value['n']})"


def write_document(text: str) -> None:
    """Put the table between its marks in docs/benchmarks.md."""
    document = DOCUMENT.read_text(encoding="utf-8")
    before, rest = document.split(BEGIN)
    after = rest.split(END)[1]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure the rows asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rows", nargs="*", help=f"any of {', '.join(row_names())}")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--steps", type=int, default=1, help="training steps in one turn")
    arguments = parser.parse_args()
    if arguments.here:
        row = measure(arguments.here, arguments.repetitions, arguments.threads, arguments.steps)
        sys.stdout.write(json.dumps(row) + "\n")
        return
    wanted = arguments.rows or row_names()
    unknown = set(wanted) - set(row_names())
    if unknown:
        parser.error(
            f"unknown rows: {', '.join(sorted(unknown))}; there are {', '.join(row_names())}"
        )
    rows = json.loads(JSON_FILE.read_text()) if JSON_FILE.exists() else {}
    for name in wanted:
        rows[name] = measure_apart(name, arguments) | origin(arguments.threads)
        sys.stdout.write(table([rows[name]]).splitlines()[-1] + "\n")
        sys.stdout.flush()
        JSON_FILE.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
        write_document(document(rows))
    failed = [name for name in wanted if "error" in rows[name]]
    if failed:
        sys.exit(f"rows that failed, their errors in {JSON_FILE}: {', '.join(failed)}")


if __name__ == "__main__":
    main()
