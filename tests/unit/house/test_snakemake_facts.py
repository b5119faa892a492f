"""What Snakemake is asked for is what it was told, in this version of it, too."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[3]
SNAKEFILE = f"""
import json, sys
sys.path.insert(0, {str(PROJECT / "workflow_scripts")!r})
import snakemake_facts as facts
from pneumobench.core.errors import UserError

def ask():
    return dict(
        driver=facts.is_driver(workflow),
        values=facts.given_values(workflow),
        keys=sorted(facts.given_settings(workflow)),
        cores_here=facts.cores_here(workflow),
        machine=facts.machine(workflow),
        limits_time=facts.limits_time(workflow),
    )

def told(name):
    with open(name, "w") as stream:
        json.dump(ask(), stream)

# A job reads the workflow, too.
told(f"read_{{facts.is_driver(workflow)}}.json")

def refused(wildcards):
    raise UserError("nothing goes", where="here", expected="there", remedy="do it")

def later(wildcards):
    told(f"later_{{facts.is_driver(workflow)}}.json")
    return []

rule all:
    input: "b.txt", later
    output: "a.txt"
    run:
        told("job.json")
        open(output[0], "w").close()
rule b:
    output: "b.txt"
    params: made=lambda wildcards: 1
    shell: "touch b.txt"
rule listed:
    input: "a.txt", "b.txt"
    output: "c.txt"
    params: made=lambda wildcards, input: facts.inputs_of_makers(workflow, input)
    run:
        json.dump(params.made, open(output[0], "w"))
rule wrong:
    input: "b.txt", facts.input_function(refused)
rule wrong_by_name:
    input: unpack(facts.input_function(refused))
"""


@pytest.fixture
def run(tmp_path):
    """Return a function that runs Snakemake on `SNAKEFILE` and gives its status and output."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "more.yaml").write_text("cc: 1\n")

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "snakemake", "--workflow-profile", "none", *words]
        finished = subprocess.run(
            command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        return finished.returncode, finished.stdout

    run.folder = tmp_path
    return run


def facts(run, name):
    return json.loads((run.folder / name).read_text())


def test_facts_of_a_command_on_this_machine(run):
    status, said = run("--cores", "1", "--config", "aa=1", "bb=x", "--configfile", "more.yaml")
    assert status == 0, said
    later = facts(run, "later_True.json")
    assert later == {
        "driver": True,
        "values": ["aa=1", "bb=x"],
        "keys": ["aa", "bb", "cc"],
        "cores_here": 1,
        "machine": {
            "cores": 1,
            "elsewhere": False,
            "conda": False,
            "options": " --configfile more.yaml --config aa=1 bb=x",
        },
        "limits_time": False,
    }
    assert facts(run, "read_True.json")["keys"] == ["aa", "bb", "cc"]
    assert facts(run, "read_False.json")["driver"] is False
    assert facts(run, "job.json")["driver"] is False


def test_facts_of_a_command_for_a_scheduler(run):
    words = ("--executor", "slurm", "--jobs", "5", "--sdm", "conda")
    status, said = run(*words, "--dry-run")
    assert status == 0, said
    asked = facts(run, "later_True.json")
    assert asked["cores_here"] is None
    assert asked["machine"]["cores"] == 1 and asked["machine"]["conda"] is True


def test_cores_that_there_are_not_do_not_count(run):
    status, said = run("--cores", "100000", "--dry-run")
    assert status == 0, said
    assert 0 < facts(run, "later_True.json")["cores_here"] < 100_000
    assert facts(run, "later_True.json")["machine"]["cores"] == 100_000


def test_files_follow_from_the_inputs_of_their_rules(run):
    status, said = run("--cores", "1", "listed")
    assert status == 0, said
    assert facts(run, "c.txt") == {"a.txt": ["b.txt"], "b.txt": []}


@pytest.mark.parametrize("target", ["wrong", "wrong_by_name"])
def test_what_users_can_mend_is_said_without_a_traceback(run, target):
    status, said = run("--cores", "1", "--dry-run", target)
    assert status == 1
    assert "WorkflowError:\nnothing goes\n  where:    here\n  expected: there\n" in said
    assert "Traceback" not in said and "InputFunctionException" not in said
