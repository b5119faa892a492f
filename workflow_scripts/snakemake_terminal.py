"""What a terminal shows of a run: how far each stage is, why things run again, and every error.

Snakemake's own log file (.snakemake/log) keeps its full messages, and so does the terminal with
--verbose or with a logger plugin.
"""

from __future__ import annotations

import ast
import logging
import re
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from snakemake_interface_logger_plugins.common import LogEvent

from pneumobench.core.config.changes import changes
from pneumobench.core.config.problems import value_text

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

# Messages about Snakemake itself, by how they begin; what is not listed is shown.
NOISE = (
    *("Building DAG", "Using shell", "Provided ", "Rules claiming", "Conda env", "Singularity"),
    *("Select jobs", "Execute ", "Reasons:", "Some jobs were triggered", "Rules with provenance"),
    *("Assuming unrestricted", "Job stats", "Elapsed time", "host: "),
)
SHOWN_NEVER = {
    *(LogEvent.WORKFLOW_STARTED, LogEvent.SHELLCMD, LogEvent.PROGRESS, LogEvent.RESOURCES_INFO),
    *(LogEvent.GROUP_INFO, LogEvent.RULEGRAPH),
}
NEW = "not there yet"
# How reasons of Snakemake's begin, and what is said instead; {} is the rest, names of files.
REASONS = {
    "Missing output files": NEW,
    "Incomplete output files": "was cut off",
    "Updated input files": "changed: {}",
    "Input files updated by another job": "",
    "Set of input files has changed": "is made of other files now",
    "Software environment definition": "another software environment (envs)",
    "Forced execution": "asked for (--force)",
    "Rules with ": "",
}
# Between reasons; values of settings may hold a semicolon, too.
SEVERAL = re.compile(f"; (?={'|'.join([*REASONS, 'Params have changed', 'Code has changed'])})")
CHANGED = re.compile(r"before: (.*?) now: (.*?)\s*(?:, before: |$)", re.DOTALL)
# What is said of a job's process, less its command.
ENDED = re.compile(r"RuleException:\nCalledProcessError in .*' ((?:returned|died) .*)\.", re.DOTALL)
# A rule's stage is the file that it stands in, but for these; "" is not counted.
STAGES = {"repredictions": "prediction", "rebuilding": "archive", "doctor": "", "Snakefile": ""}
# The wildcards that name a run, and how its folder names them.
RUN = {"slug": "{}", "recipe": "{}", "seed": "seed{}"}
# Errors that say what to do need no place in our own code.
PLACED = re.compile(r"WorkflowError in file .*?, line \d+:\n(.*\n  to do: [^\n]*)\n.*", re.DOTALL)
TENTHS = 10
# Rules that are named, of those whose jobs only follow from others.
MOST_FOLLOWING = 3


class Terminal(logging.Handler):
    """In place of Snakemake's handler of the terminal, which still writes what is shown unchanged.

    Parameters
    ----------
    own
        Snakemake's handler.
    workflow
        The workflow, whose jobs are looked up to name their settings.

    Attributes
    ----------
    report
        The report of the experiment, once that is known.
    """

    def __init__(self, own: logging.StreamHandler, workflow: Workflow) -> None:
        super().__init__()
        self.own, self.workflow = own, workflow
        self.report: Path | None = None
        self.start = time.time()
        self.total: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        self.jobs: dict[int, tuple[logging.LogRecord, float]] = {}
        # Of each rule the runs of its jobs, by the reason for which they run.
        self.why: dict[str, dict[str, list[str]]] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Show, shorten or leave out one message."""
        try:
            self._shown_by.get(getattr(record, "event", None), self._other)(record)
        except Exception:  # noqa: BLE001  As every handler does: no message ends a run.
            self.handleError(record)

    @property
    def _shown_by(self) -> dict[str | None, Callable[[logging.LogRecord], None]]:
        return dict.fromkeys(SHOWN_NEVER, lambda _record: None) | {
            LogEvent.RUN_INFO: self._planned,
            LogEvent.JOB_INFO: self._started,
            LogEvent.JOB_FINISHED: self._finished,
            LogEvent.JOB_ERROR: self._failed,
        }

    def _other(self, record: logging.LogRecord) -> None:
        text = str(record.msg)
        if record.levelno == logging.INFO and text.startswith(NOISE):
            return
        if text.startswith("This was a dry-run"):
            self._say(self._reasons(), text.partition(". ")[0] + ": nothing was done")
        elif placed := PLACED.fullmatch(text):
            self._say(placed[1])
        elif ended := ENDED.fullmatch(text.strip()):
            # Jobs that end with 1 have said why.
            if ended[1] != "returned non-zero exit status 1":
                self._say(f"{'failed':12}a job {ended[1]}")
        else:
            self.own.handle(record)
            if text.startswith("Nothing to be done") and self.report:
                self._say(*self._found())

    def ended(self) -> None:
        """Say what there is after a run that succeeded, and how long it took."""
        if self.report is None or not self.total.total():
            return
        made = self.report.is_file() and self.report.stat().st_mtime >= self.start
        lines = self._found() if made else [f"Results: {self.report.parents[1]}"]
        self._say(*lines, f"Took:    {duration(time.time() - self.start)}")

    def _found(self) -> list[str]:
        """Return what the report found, and where it is; nothing without one."""
        if not self.report.is_file():
            return []
        answer = self.report.with_name("answer.txt")
        text = answer.read_text(encoding="utf-8") if answer.is_file() else ""
        # Names in it may be those of an archive, and a terminal obeys control characters.
        lines = ["".join(filter(str.isprintable, line)) for line in text.splitlines()[:1]]
        return [*(f"Found:   {line}" for line in lines), f"Report:  {self.report}"]

    def _planned(self, record: logging.LogRecord) -> None:
        """Count the jobs of each stage; Snakemake's table of rules is for a dry run."""
        if self.workflow.dryrun:
            # It comes before the jobs and once more behind them.
            if self.jobs:
                self._say(record.msg)
        else:
            counts = {rule: count for rule, count in record.stats.items() if rule != "total"}
            planned: Counter[str] = Counter()
            for rule, count in counts.items():
                planned[self._stage(rule)] += count
            del planned[""]
            if planned:
                steps = ", ".join(f"{stage} {count}" for stage, count in planned.items())
                self._say(f"Steps:   {planned.total()} ({steps})")
            self.total = planned

    def _started(self, record: logging.LogRecord) -> None:
        self.jobs[record.jobid] = record, time.time()
        reason = self._reason(record)
        rules = self.why.setdefault(reason, {})
        # Said once, though it may hold for each fold of each run.
        said = reason in ("", NEW) or record.rule_name in rules
        if not self.workflow.dryrun and not said:
            self._say(f"{'again':12}{record.rule_name}: {reason}")
        rules.setdefault(record.rule_name, []).append(run_of(record))

    def _finished(self, record: logging.LogRecord) -> None:
        job, start = self.jobs.pop(record.job_id, (None, 0.0))
        stage = self._stage(job.rule_name) if job else ""
        if not stage:
            return
        total = max(self.total[stage], 1)
        tenth = TENTHS * self.done[stage] // total
        self.done[stage] += 1
        if TENTHS * self.done[stage] // total > tenth:
            now, took = time.strftime("%H:%M:%S"), duration(time.time() - start)
            done = f"{self.done[stage]:>4} of {total:<4}"
            self._say(f"{stage:12}{done}  {now}  {which(job)} ({took})")

    def _failed(self, record: logging.LogRecord) -> None:
        said = f": {record.rule_msg}" if record.rule_msg else ""
        job, _ = self.jobs.pop(record.jobid, (record, 0.0))
        self._say(f"{'failed':12}{which(job)}{said}")
        for log in record.log:
            self._say(f"{'':12}its messages: {log}")

    def _stage(self, rule: str) -> str:
        stem = Path(str(self.workflow.get_rule(rule).snakefile)).stem
        return STAGES.get(stem, stem)

    def _say(self, *lines: str) -> None:
        for line in lines:
            self.own.stream.write(f"{line}\n")
        self.own.flush()

    def _reasons(self) -> str:
        """Return why jobs would run, a line for each reason."""
        lines = ["Why:"]
        for reason, rules in sorted(self.why.items(), key=lambda item: item[0] == ""):
            lines.append(f"  {reason or 'made of what is made anew'}:")
            for number, (rule, runs) in enumerate(rules.items()):
                if not reason and number == MOST_FOLLOWING:
                    more = sum(map(len, list(rules.values())[number:]))
                    lines.append(f"    and {more} more")
                    break
                of = some(", ".join(dict.fromkeys(filter(None, runs))))
                lines.append(f"    {rule} ({len(runs)}){of and f' of {of}'}")
        return "\n".join(lines)

    def _reason(self, record: logging.LogRecord) -> str:
        """Return why a job runs; "" where it only follows from others."""
        said = []
        for part in SEVERAL.split(str(record.reason)):
            name, _, files = part.partition(": ")
            if name.startswith("Params have changed"):
                said.append(self._changed(record.jobid, files))
            else:
                words = next((REASONS[key] for key in REASONS if part.startswith(key)), part)
                said.append(words.replace("{}", some(files)))
        return "; ".join(filter(None, said))

    def _changed(self, jobid: int, text: str) -> str:
        """Return what of a job's settings changed, from the values before and now."""
        dag = self.workflow.dag
        job = next(job for job in dag.jobs if dag.jobid(job) == jobid)
        names = {repr(value): name for name, value in job.params.items()}
        found = [
            words
            for before, now in CHANGED.findall(text)
            for words in differences(before, now, names)
        ]
        return ", ".join(dict.fromkeys(found)) or "other settings"


def which(record: logging.LogRecord) -> str:
    """Return which job a message is about: `train_fold resnet50/light/seed42, fold 3`."""
    others = [f"{key} {value}" for key, value in wildcards_of(record).items() if key not in RUN]
    return f"{record.rule_name} {', '.join(filter(None, [run_of(record), *others]))}".strip()


def run_of(record: logging.LogRecord) -> str:
    """Return which run, or architecture, a job is of: `resnet50/light/seed42`, or ""."""
    values = wildcards_of(record)
    return "/".join(RUN[key].format(values[key]) for key in RUN if key in values)


def wildcards_of(record: logging.LogRecord) -> dict[str, str]:
    """Return the wildcards of a job; none where a message has none."""
    return dict(getattr(record, "wildcards", None) or {})


def some(files: str, most: int = 2) -> str:
    """Return the first of a list of files, and how many more there are."""
    names = files.split(", ")
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def differences(before: str, now: str, names: dict[str, str]) -> list[str]:
    """Return what changed between values that Snakemake lists without their names.

    Parameters
    ----------
    before, now
        Values as Python writes them, separated by commas.
    names
        Names of today's values, by how Python writes these.
    """
    try:
        old, new = (list(ast.literal_eval(f"[{values}]")) for values in (before, now))
    except (ValueError, SyntaxError):
        return []
    found = []
    # In the order in which the rule gives them.
    for value in sorted(new, key=lambda value: [*names, repr(value)].index(repr(value))):
        name = names.get(repr(value), "")
        if name == "code":
            found.append("its code")
        elif isinstance(value, dict):
            # The section before is the one with the most keys in common.
            sections = [section for section in old if isinstance(section, dict)]
            like = max(sections, key=lambda section: len(section.keys() & value), default={})
            found += changes(like, value)
        else:
            same = [other for other in old if type(other) is type(value)]
            was = f"{value_text(same[0])} -> " if len(same) == 1 else ""
            found.append(f"{name or 'a setting'} {was}{value_text(value)}")
    return found


def duration(seconds: float) -> str:
    """Return a time as people say it: 4 s, 3 min 5 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def show_progress(logger: logging.Logger, workflow: Workflow) -> Terminal | None:
    """Put `Terminal` in the place of Snakemake's handler of the terminal.

    Returns
    -------
    Terminal or None
        None where the user wants Snakemake's own messages: with --verbose, or a logger plugin.
    """
    for handler in list(logger.handlers):
        if handler.name == "DefaultStreamHandler" and not workflow.output_settings.verbose:
            terminal = Terminal(handler, workflow)
            logger.removeHandler(handler)
            logger.addHandler(terminal)
            return terminal
    return None
