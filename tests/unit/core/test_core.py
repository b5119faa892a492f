"""Files, hashes of code, the frame of jobs."""

import errno
import logging
import os

import numpy as np
import pandas as pd
import pytest

from pneumobench.core.errors import UserError
from pneumobench.core.files import (
    atomic_path,
    read_json,
    read_table,
    signed_table,
    write_json,
    write_table,
)
from pneumobench.core.job import job_log
from pneumobench.core.names import did_you_mean, nearest
from pneumobench.core.run import Run


def test_table_keeps_float32_exactly(tmp_path):
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 1e3, 500).astype(np.float32)
    write_table(tmp_path / "t.csv", pd.DataFrame({"image_id": "x", "logit": logits}))
    back = read_table(tmp_path / "t.csv")
    assert np.array_equal(back["logit"].to_numpy(np.float32), logits)
    assert list(back.columns) == ["image_id", "logit"]


def test_table_keeps_text(tmp_path):
    table = pd.DataFrame({"image_id": ["007", "NA"], "inner": ["", "3"]})
    write_table(tmp_path / "t.csv", table)
    assert read_table(tmp_path / "t.csv", text=("image_id", "inner")).equals(table)


def test_table_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "old.csv"
    path.write_bytes(signed_table(b"schema_version,a\n99,1\n"))
    with pytest.raises(UserError, match="schema version 99") as raised:
        read_table(path)
    assert "schema version 1" in raised.value.expected and "again" in raised.value.remedy
    for content in ("a\n1\n", "schema_version,a\n1,1\n"):
        path.write_text(content)
        with pytest.raises(UserError, match=r"old\.csv .* has no checksum"):
            read_table(path)


def test_json_round_trip_and_version(tmp_path):
    write_json(tmp_path / "a.json", {"value": 1})
    assert read_json(tmp_path / "a.json") == {"value": 1}
    (tmp_path / "a.json").write_text('{"schema_version": 7}')
    with pytest.raises(UserError, match="schema version 7"):
        read_json(tmp_path / "a.json")
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "b.json", {"value": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_failed_write_leaves_the_earlier_file(tmp_path):
    path = tmp_path / "result.txt"
    path.write_text("earlier")
    with pytest.raises(RuntimeError), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "earlier" and list(tmp_path.iterdir()) == [path]


def test_run_names():
    run = Run("timm:vit_tiny", "light", 3)
    assert run.folder == "timm-vit_tiny/light/seed3" and "timm:vit_tiny" in run.title
    assert nearest("densenet21", ["densenet121", "vgg16"]) == "densenet121"
    assert did_you_mean("zzz", ["densenet121"]) == ""


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
