"""What a terminal shows of a run: stages, reasons in words, errors, and where the report is."""

import subprocess
import sys
from pathlib import Path

import pytest

from snakemake_terminal import differences, duration, some

PROJECT = Path(__file__).resolve().parents[3]
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(PROJECT / "workflow_scripts")!r})
from pathlib import Path
from pneumobench.core.errors import UserError
import snakemake_facts as facts
import snakemake_terminal
TERMINAL = snakemake_terminal.show_progress(logger, workflow) if facts.is_driver(workflow) else None
if config.get("wrong"):
    with facts.SaidPlainly():
        raise UserError("nothing goes", where="here", expected="there", remedy="do it")
if TERMINAL:
    TERMINAL.report = Path("results/x/report/report.html")
onsuccess:
    if TERMINAL:
        TERMINAL.ended()
include: "training.smk"
rule all:
    input: expand("fold{{fold}}.txt", fold=range(30)), "results/x/report/report.html"
"""
TRAINING = """
rule train_fold:
    output: "fold{fold}.txt"
    params:
        recipe={"epochs": config.get("epochs", 2), "augmentation": {"rotation": 0}},
        views=config.get("views", "none"),
        caption=lambda wildcards: "Filled: {a}; hollow: b" + config.get("caption", ""),
        code=config.get("code", "abc"),
    shell: "touch {output}"
rule render_report:
    input: "fold0.txt"
    output: "results/x/report/report.html", "results/x/report/answer.txt"
    shell: "echo page > {output[0]}; printf 'Best: a\\033[31m\\nmore\\n' > {output[1]}"
rule failing:
    output: "none.txt"
    log: "failing.log"
    shell: "echo why > {log}; exit 3"
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs Snakemake on `SNAKEFILE` and gives its status and output."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "training.smk").write_text(TRAINING)

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "snakemake", "--cores", "2"]
        finished = subprocess.run(
            [*command, "--workflow-profile", "none", *words],
            cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return finished.returncode, finished.stdout

    run.folder = tmp_path
    return run


def test_a_run_shows_stages_and_ends_with_its_report(run):
    status, said = run()
    lines = said.splitlines()
    assert status == 0 and "Steps:   31 (training 31)" in said
    progress = [line for line in lines if line.startswith("training ")]
    assert 5 < len(progress) <= 10 and "31 of 31" in progress[-1]
    assert "jobid" not in said and "Select jobs" not in said
    # Without what a terminal would obey.
    assert "Found:   Best: a[31m" in lines and "Report:  results/x/report/report.html" in lines
    assert any(line.startswith("Took:    ") for line in lines)
    log = next((run.folder / ".snakemake/log").glob("*.log")).read_text()
    assert log.count("Finished jobid") == 32 and str(run.folder) in said
    _, again = run()
    assert "Nothing to be done" in again and "Report:  results/x/report/report.html" in again
    (run.folder / "fold29.txt").unlink()
    _, part = run("fold29.txt")
    assert "Results: results/x" in part and "Report:" not in part


def test_why_it_runs_again_is_said_in_words(run):
    run("fold0.txt", "fold1.txt")
    words = ("fold0.txt", "fold1.txt", "--config", "epochs=3", "views=flip")
    _, planned = run("--dry-run", *words)
    assert '  epochs 2 -> 3, views "none" -> "flip":\n    train_fold (2)\n' in planned
    assert "nothing was done" in planned and "train_fold        2" in planned
    status, said = run(*words)
    assert status == 0
    assert said.count('again       train_fold: epochs 2 -> 3, views "none" -> "flip"') == 1
    _, planned = run("--dry-run", *words, "caption=X")
    assert '  caption "Filled: {a}; hollow: b" -> "Filled: {a}; hollow: bX":\n' in planned
    assert "Logging error" not in planned
    _, planned = run("--dry-run", *words, "code=xyz")
    assert "  its code:\n    train_fold (2)" in planned
    _, planned = run("--dry-run", "results/x/report/report.html", "fold2.txt", *words[2:])
    assert "  not there yet:\n" in planned


def test_an_error_is_said_once_and_without_our_own_code(run):
    status, said = run("--config", "wrong=1")
    assert status == 1 and "nothing goes\n  where:    here\n" in said
    assert "WorkflowError in file" not in said and "line " not in said
    status, said = run("none.txt")
    assert status == 1 and "a job returned non-zero exit status 3" in said
    assert "failed      failing" in said and "its messages: failing.log" in said


def test_verbose_leaves_all_to_snakemake(run):
    _, said = run("--verbose", "fold0.txt")
    assert "Select jobs to execute" in said and "Steps:" not in said


def test_settings_are_named_as_far_as_they_can_be():
    assert differences("300, 'a'", "200, 'a'", {"200": "permutations"})[0] == (
        "permutations 300 -> 200"
    )
    assert differences("{'a': {'b': 1}}", "{'a': {'b': 2}}", {}) == ["a.b 1 -> 2"]
    # Two of a kind: which of them was it?
    assert differences("1, 2", "3", {}) == ["a setting 3"]
    assert differences("<object at 0x1>", "<object at 0x2>", {}) == []


def test_words_are_short():
    assert some("a, b") == "a, b" and some("a, b, c, d") == "a, b and 2 more"
    assert [duration(each) for each in (4.4, 185, 7800)] == ["4 s", "3 min 5 s", "2 h 10 min"]
