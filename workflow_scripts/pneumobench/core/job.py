"""The frame around every script: a log file, and one message for an error that a user can cause."""

import contextlib
import faulthandler
import logging
import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from pneumobench.core.errors import UserError
from pneumobench.core.interruption import EXIT_STATUS, InterruptedJobError


@contextlib.contextmanager
def job_log(path: str | Path) -> Iterator[logging.Logger]:
    """Log to `path` and to standard error; turn exceptions into an exit status of 1.

    A `UserError` ends in its message alone, anything else in its traceback; both stand in the log
    and on the terminal.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", buffering=1) as stream:
        faulthandler.enable(stream)
        handlers = [logging.StreamHandler(stream), logging.StreamHandler(sys.stderr)]
        handlers[1].setLevel(os.environ.get("PNEUMOBENCH_TERMINAL_LOG", "WARNING"))
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
            yield logger
        except InterruptedJobError as interruption:
            logger.warning("%s", interruption)
            raise SystemExit(EXIT_STATUS) from None
        except UserError as error:
            logger.error("%s", error)
            raise SystemExit(1) from None
        except Exception:
            logger.exception("the job failed")
            raise SystemExit(1) from None
        finally:
            faulthandler.disable()
            logging.shutdown()


def _place() -> str:
    """Say where the job runs, and which GPUs it sees where they are dealt out."""
    job, gpus = (os.environ.get(name) for name in ("SLURM_JOB_ID", "CUDA_VISIBLE_DEVICES"))
    parts = [f"on {platform.node()}"]
    if job is not None:
        parts.append(f"as SLURM job {job}")
    if gpus is not None:
        parts.append(f"with GPU {gpus or 'none'}")
    return " ".join(parts)
