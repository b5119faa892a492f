"""The frame around every script: a log file, and one message for an error that a user can cause."""

import contextlib
import faulthandler
import logging
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from pneumobench.core.errors import UserError
from pneumobench.core.interruption import EXIT_STATUS, InterruptedJobError
from pneumobench.core.room import is_disk_trouble, writing_failed

REBUILT_MARK = "archive.json"
"""A file in the results folder where results are rebuilt from an archive."""
TERMINAL_LOG = "PNEUMOBENCH_TERMINAL_LOG"
TERMINAL_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@contextlib.contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Log to `path` and to standard error; turn exceptions into an exit status of 1.

    A `UserError` ends in its message alone, and so does a disk that takes no more; anything else in
    its traceback. All of it stands in the log and on the terminal, as far as there is room for it.
    Where results are rebuilt from an archive, whose content may be anybody's, tracebacks stand in
    the log alone.
    """
    with _log_file(Path(path)) as stream:
        faulthandler.enable(stream)
        handlers = [logging.StreamHandler(stream), logging.StreamHandler(sys.stderr)]
        handlers[1].setLevel("WARNING")
        logging.basicConfig(
            level="INFO",
            format="%(asctime)s %(levelname)s %(name)s: %(message)s",
            handlers=handlers,
            force=True,
        )
        logging.captureWarnings(True)
        logger = logging.getLogger("pneumobench")
        logger.info("%s", _place())
        try:
            handlers[1].setLevel(terminal_level())
            yield logger
        except InterruptedJobError as interruption:
            logger.warning("%s", interruption)
            raise SystemExit(EXIT_STATUS) from None
        except UserError as error:
            logger.error("%s", error)
            raise SystemExit(1) from None
        except OSError as error:
            if not is_disk_trouble(error):
                _log_failure(logger, error, Path(path))
            else:
                logger.error("%s", writing_failed(error, Path(error.filename or Path.cwd())))
            raise SystemExit(1) from None
        except Exception as error:  # noqa: BLE001
            _log_failure(logger, error, Path(path))
            raise SystemExit(1) from None
        finally:
            faulthandler.disable()
            logging.shutdown()


def terminal_level() -> str:
    """Return from which level on messages of jobs stand on the terminal, too.

    Raises
    ------
    UserError
        If the environment names none.
    """
    given = os.environ.get(TERMINAL_LOG) or "WARNING"
    if given.upper() in TERMINAL_LEVELS:
        return given.upper()
    raise UserError(
        f"{TERMINAL_LOG} is not a message level",
        where=f"the environment: {TERMINAL_LOG}={ascii(given)[:80]}",
        expected=", ".join(TERMINAL_LEVELS),
        remedy=f"unset {TERMINAL_LOG}, or set it to one of these",
    )


def _log_failure(logger: logging.Logger, error: Exception, log: Path) -> None:
    results = [folder.parent for folder in log.parents if folder.name == "logs"]
    if not any((folder / REBUILT_MARK).exists() for folder in results):
        logger.exception("the job failed")
        return
    logger.info("the job failed", exc_info=True)
    said = ascii(str(error))[1:-1][:200]
    logger.error(
        "%s",
        UserError(
            f"what the archive holds cannot be used ({type(error).__name__}: {said})",
            where=f"the job whose log is {log}",
            expected="contents as `snakemake archive_results` of this version writes them",
            remedy="ask those who passed the archive on; if it is sound, report this with the log",
        ),
    )


@contextlib.contextmanager
def _log_file(path: Path) -> Iterator[TextIO]:
    """Open the log; on a full disk the job's own message must not drown in those of its log."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        stream = path.open("w", encoding="utf-8", buffering=1)
    except OSError as error:
        print(writing_failed(error, path), file=sys.stderr)  # noqa: T201
        raise SystemExit(1) from None
    before, logging.raiseExceptions = logging.raiseExceptions, False
    try:
        yield stream
    finally:
        logging.raiseExceptions = before
        # What found no room is tried once more.
        with contextlib.suppress(OSError):
            stream.close()


def _place() -> str:
    """Say where the job runs, and which GPUs it sees where they are dealt out."""
    job, gpus = (os.environ.get(name) for name in ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES"))
    parts = [f"on {platform.node()}"]
    if job is not None:
        parts.append(f"as SLURM job {job}")
    if gpus is not None:
        parts.append(f"with GPU {gpus or 'none'}")
    return " ".join(parts)
