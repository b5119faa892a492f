"""The frame of jobs: their log, and one message for what a user can mend."""

import errno
import logging
import os

import pytest

from pneumobench.core.errors import UserError
from pneumobench.core.job import job_log


def test_user_error_ends_a_job_with_one_message(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "job.log"):
        raise UserError("it is wrong", where="here", expected="right", remedy="mend it")
    assert ended.value.code == 1
    for text in ((tmp_path / "job.log").read_text(), capsys.readouterr().err):
        assert "it is wrong" in text and "mend it" in text and "Traceback" not in text


def test_other_errors_keep_their_traceback_in_the_log(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log") as logger:
        logger.info("so far so good")
        raise ZeroDivisionError
    text = (tmp_path / "job.log").read_text()
    assert "so far so good" in text and "ZeroDivisionError" in text and "Traceback" in text
    assert "so far" not in capsys.readouterr().err
    logging.getLogger().handlers.clear()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS])
def test_disk_that_takes_no_more_ends_a_job_with_one_message(tmp_path, capsys, number):
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "job.log"):
        raise OSError(number, os.strerror(number), str(tmp_path / "scores.csv"))
    assert ended.value.code == 1
    for text in (capsys.readouterr().err, (tmp_path / "job.log").read_text()):
        assert "the file cannot be written: the disk" in text
        assert str(tmp_path / "scores.csv") in text and "Traceback" not in text


def test_other_trouble_with_files_keeps_its_traceback(tmp_path, capsys):
    with pytest.raises(SystemExit), job_log(tmp_path / "job.log"):
        (tmp_path / "not_there").read_text()
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("level", ["loud", "10", "WARNING "])
def test_level_of_messages_that_there_is_not_ends_a_job(tmp_path, capsys, monkeypatch, level):
    monkeypatch.setenv("PNEUMOBENCH_TERMINAL_LOG", level)
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "job.log"):
        raise AssertionError
    assert ended.value.code == 1
    for text in (capsys.readouterr().err, (tmp_path / "job.log").read_text()):
        assert f"PNEUMOBENCH_TERMINAL_LOG={level!r}" in text and "Traceback" not in text


@pytest.mark.parametrize(("level", "shown"), [("", False), ("info", True), ("WARNING", False)])
def test_level_of_messages(tmp_path, capsys, monkeypatch, level, shown):
    monkeypatch.setenv("PNEUMOBENCH_TERMINAL_LOG", level)
    with job_log(tmp_path / "job.log") as logger:
        logger.info("so far so good")
    assert ("so far" in capsys.readouterr().err) is shown


def test_log_that_cannot_be_opened_ends_a_job_with_one_message(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as ended, job_log(tmp_path / "file" / "job.log"):
        raise AssertionError
    assert ended.value.code == 1 and "file/job.log" in capsys.readouterr().err


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full, as Linux has it")
def test_log_without_room_does_not_hide_the_message(capsys):
    with pytest.raises(SystemExit) as ended, job_log("/dev/full") as logger:
        logger.warning("a word")
        raise UserError("wrong", where="here", expected="right", remedy="mend it")
    assert ended.value.code == 1
    shown = capsys.readouterr().err
    assert "wrong" in shown and "Logging error" not in shown and "Traceback" not in shown
