"""What must hold before Snakemake starts: the shipped profiles ask, since it reads them first.

Snakemake itself answers these with a traceback, or writes them into its log.
"""

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from pneumobench.core.config.arguments import parsed, with_arguments
from pneumobench.core.config.reading import check_config_files
from pneumobench.core.config.secrets import (
    has_credentials,
    is_secret,
    names_of_secrets,
    places_of_credentials,
)
from pneumobench.core.config.section import one_line
from pneumobench.core.errors import UserError
from pneumobench.core.job import terminal_level
from pneumobench.core.room import check_writing

# Of Snakemake's own records and caches.
RECORDS, LOCKS = ".snakemake", ".snakemake/locks"
# What Snakemake takes as a key behind --config.
KEY = re.compile(r"[A-Za-z_][\w-]*\w")
# One letter of an option that takes words, behind letters that take none; and what is attached.
SHORT = re.compile(r"-[ntkfFlSDpa]*([Cdsc])(.*)", re.DOTALL)
# What looks at the folder or frees it, and so stops at no lock.
LOCK_PASSING = ("--dry-run", "--dryrun", "--nolock", "--unlock")
SIMULATED = re.compile(r"-[tkfFlSDpa]*n")
# Snakemake knows an option by its beginning, too, where no other one begins so.
CUT = {"--directory"[:end]: "--directory" for end in range(len("--di"), len("--directory"))}


def check_or_exit(arguments: Sequence[str], project: Path) -> None:
    """End the process with one message where `check_start` finds something; warn of a lock."""
    try:
        check_start(arguments, project)
    except UserError as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
    if warning := warning_of_lock(arguments):
        print(warning, file=sys.stderr)  # noqa: T201


def check_start(arguments: Sequence[str], project: Path) -> None:
    """Stop where a command gives secrets, files that cannot be read, or folders not to be written.

    Parameters
    ----------
    arguments
        The words of the command.
    project
        The checkout.

    Raises
    ------
    UserError
        If the command holds a password, gives --config or --configfile twice, or names a file that
        is not there or does not say one thing; if Snakemake's records and cache have no place; or
        if the environment asks for messages that there are not.
    """
    values = _given_once(arguments, "--config", "-C")
    overlays = [Path(name) for name in _given_once(arguments, "--configfile", "--configfiles")]
    _refuse_secrets(arguments, values)
    _check_values(values)
    place = _place(arguments)
    check_config_files([project / "recipes.yaml", project / "config.yaml"])
    for path in overlays:
        _check_overlay(path, place / "results")
    terminal_level()
    _check_characters(place)
    _check_characters(project.absolute())
    check_writing(place / RECORDS)
    if not _behind(arguments, "--runtime-source-cache-path"):
        check_writing(
            _caches() / "snakemake", "; or name another folder: export XDG_CACHE_HOME=..."
        )


def warning_of_lock(arguments: Sequence[str]) -> str | None:
    """Return what to do about a lock that Snakemake will stop at, None where it stops at none."""
    passing = any(SIMULATED.match(word) or _begins(word, *LOCK_PASSING) for word in arguments)
    if passing or not any((_place(arguments) / LOCKS).glob("*")):
        return None
    return (
        "another snakemake works in this folder, or one was killed here and left its lock. If none "
        "is at work any more (nor jobs of it: ps, on a cluster squeue --me), give the same command "
        "once with --unlock, and then again without: trainings go on where they stopped"
    )


def _place(arguments: Sequence[str]) -> Path:
    """Return the folder that Snakemake will work in."""
    folders = _behind(arguments, "--directory", "-d")
    return Path(*(words[0] for words in folders[-1:] if words)).absolute()


def _begins(word: str, *options: str) -> bool:
    """Whether a word names one of the options, which Snakemake knows by their beginnings, too."""
    return len(word) > len("--") and any(option.startswith(word) for option in options)


def _behind(arguments: Sequence[str], *names: str) -> list[list[str]]:
    """Return the words behind each occurrence of an option, up to the next option.

    Read as Snakemake does: `-Ca=1`, `-nCa=1` and `--config=a=1` have one word, which is attached.
    """
    found: list[list[str]] = []
    reading = False
    for word in arguments:
        name, attached = _option(word)
        if CUT.get(name, name) in names:
            found.append([] if attached is None else [attached])
            reading = attached is None
        elif word.startswith("-"):
            reading = False
        elif reading:
            found[-1].append(word)
    return found


def _option(word: str) -> tuple[str, str | None]:
    """Return the option that a word names, and what is attached to it."""
    if short := SHORT.fullmatch(word):
        return f"-{short[1]}", short[2].removeprefix("=") or None
    name, equals, value = word.partition("=")
    return name, value if equals else None


def _given_once(arguments: Sequence[str], *names: str) -> list[str]:
    found = _behind(arguments, *names)
    if len(found) > 1:
        raise UserError(
            f"{names[0]} stands twice in the command, and Snakemake reads the last one only",
            where=f"{names[0]} {found[0][0] if names[0] == '--configfile' and found[0] else '...'}",
            expected=f"{names[0]} once, with all that belongs to it behind it",
            remedy=f"write {names[0]} first second",
        )
    return found[0] if found else []


def _refuse_secrets(arguments: Sequence[str], values: Sequence[str]) -> None:
    secrets, login = [], any(map(has_credentials, arguments))
    for value in values:
        key, _, text = value.partition("=")
        try:
            given = {key: parsed(key, text)}
        except UserError:
            # What cannot be read is said later, in a message that repeats a part of it.
            secrets += filter(is_secret, re.findall(r"[\w-]+(?=['\"]?\s*[:=])", value))
            login = login or has_credentials(value, address=True)
            continue
        secrets += names_of_secrets(given)
        login = login or next(places_of_credentials(given), None) is not None
    secret = next(iter(secrets), None)
    if secret is not None or login:
        subject = "an address with a name or a password" if secret is None else f"a {secret}"
        raise UserError(
            f"{subject} stands in the command, which Snakemake would write into its log",
            where="the command; it is not repeated here",
            expected="no secret in a command or a configuration",
            remedy="leave it out, and put it into ~/.netrc: machine HOST login NAME password ... "
            "(for Kaggle: ~/.kaggle or the environment, docs/data.md)",
        )


def _check_overlay(path: Path, results: Path) -> None:
    """Stop where what stands behind --configfile is no configuration, as a target is none."""
    where = f"--configfile {path} (seen from {Path.cwd()})"
    expected = "files alone behind --configfile, whose names end in .yaml, .yml or .json"
    remedy = "a target belongs in front of --configfile"
    # Not Path.exists, which raises where a name is too long.
    if not os.path.exists(path):
        raise UserError(
            "the configuration file does not exist",
            where=where,
            expected=expected,
            remedy=f"correct the path; {remedy}",
        )
    suffix = path.suffix.lower()
    target = suffix == ".json" and os.path.realpath(results) in map(str, path.resolve().parents)
    try:
        check_config_files([path])
    except UserError:
        if suffix in (".yaml", ".yml", ".json"):
            raise
        target = True
    if target:
        raise UserError(
            "what stands behind --configfile is no configuration",
            where=where,
            expected=expected,
            remedy=remedy,
        )


def _check_values(values: Sequence[str]) -> None:
    """Stop where something behind --config is no `key=value`, or its value is no YAML."""
    for value in values:
        key, equals, text = value.partition("=")
        if equals and KEY.fullmatch(key):
            continue
        section, *rest = key.split(".")
        nested = "".join(f"{{{name}: " for name in rest) + (text or "...") + "}" * len(rest)
        remedy = f"write {section}='{nested}'" if rest else "a target belongs in front of --config"
        raise UserError(
            "what stands behind --config is no key=value",
            where=f"--config ... {value[:80]}",
            expected="key=value, the key one of those on the left edge of config.yaml",
            remedy=remedy,
        )
    with_arguments({}, values)


def _check_characters(folder: Path) -> None:
    try:
        one_line(str(folder))
    except ValueError:
        raise UserError(
            "the path of a folder holds a line break or another control character",
            where=ascii(str(folder)),
            expected="a path on one line",
            remedy="rename the folder, or take another one",
        ) from None


def _caches() -> Path:
    """Return the user's folder of caches, which Snakemake copies scripts to."""
    folder = "~/Library/Caches"
    if sys.platform != "darwin":
        folder = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    # Not Path.expanduser, which raises where a user has no home, as in some containers.
    return Path(os.path.expanduser(folder))
