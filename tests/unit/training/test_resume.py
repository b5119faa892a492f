"""Interrupted trainings end as unbroken ones, byte for byte; foreign and damaged states."""

import logging
import random
import signal
import time
from pathlib import Path

import fold_fixture
import numpy as np
import pytest
import torch
from fold_fixture import busy_recipe, result_bytes, start, train, write_fold
from packed_fixture import write_packed
from recipe_fixture import settings

from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.interruption import EXIT_STATUS, InterruptedJobError, Interruption
from pneumobench.training.resume import ResumeState

# Small, with batch normalisation; the recipe adds dropout. LSTM and fusion are in the slow suite.
MODEL = "timm:test_resnet"


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fold")
    write_fold(folder)
    return folder


@pytest.fixture(scope="module")
def unbroken(data, tmp_path_factory) -> dict[str, bytes]:
    results = tmp_path_factory.mktemp("unbroken")
    train(data, results, MODEL, busy_recipe())
    assert not (results / "resume").exists()
    return result_bytes(results)


class StopAfter(Interruption):
    """Asks a job to stop after some steps."""

    steps = 0

    @property
    def reason(self) -> str | None:
        type(self).steps -= 1
        return "the test says so" if type(self).steps == 0 else None


# 5 steps an epoch, 3 epochs: in the first epoch, at an end, in the middle, before the last step.
def test_job_stopped_at_any_step_ends_as_an_unbroken_one(data, unbroken, tmp_path, monkeypatch):
    monkeypatch.setattr("pneumobench.training.fold.Interruption", StopAfter)
    for steps in (1, 4, 3, 6):
        StopAfter.steps = steps
        with pytest.raises(InterruptedJobError, match=r"timm:test_resnet fold 0 stopped in epoch"):
            train(data, tmp_path, MODEL, busy_recipe())
        assert (tmp_path / "resume" / "state.pt").exists()
    StopAfter.steps = 0
    train(data, tmp_path, MODEL, busy_recipe())
    assert result_bytes(tmp_path) == unbroken
    assert not (tmp_path / "resume").exists()


def test_job_killed_while_predicting_trains_no_step_again(data, unbroken, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(fold_fixture, "fold_outputs", lambda _: None)
        with pytest.raises(AttributeError):
            train(data, tmp_path, MODEL, busy_recipe())
    monkeypatch.setattr("pneumobench.training.trainer.train_epoch", None)
    train(data, tmp_path, MODEL, busy_recipe())
    assert result_bytes(tmp_path) == unbroken


def wait_for(path: Path, job) -> None:
    limit = time.monotonic() + 120
    while not path.exists():
        assert job.poll() is None and time.monotonic() < limit
        time.sleep(0.01)


def test_sigterm_saves_and_the_next_job_goes_on(data, unbroken, tmp_path):
    job = start(data, tmp_path, MODEL, busy_recipe())
    wait_for(tmp_path / "resume" / "state.pt", job)
    job.send_signal(signal.SIGTERM)
    assert job.wait(60) == EXIT_STATUS
    assert "SIGTERM was received" in (tmp_path / "job.log").read_text()
    assert not (tmp_path / "run.json").exists()
    assert start(data, tmp_path, MODEL, busy_recipe()).wait(120) == 0
    assert "going on after" in (tmp_path / "job.log").read_text()
    assert result_bytes(tmp_path) == unbroken


def kill_and_finish(data: Path, results: Path, model: str, recipe: dict, delay: float) -> bool:
    """Kill a job some time after it began to train, finish it; return whether it was alive."""
    job = start(data, results, model, recipe)
    wait_for(results / "board", job)
    time.sleep(delay)
    alive = job.poll() is None
    job.kill()
    job.wait()
    assert start(data, results, model, recipe).wait(300) == 0
    return alive


def test_sigkill_leaves_a_state_that_the_next_job_goes_on_from(data, unbroken, tmp_path):
    assert kill_and_finish(data, tmp_path, MODEL, busy_recipe(), delay=0.7)
    assert result_bytes(tmp_path) == unbroken


KILLED = ["custom_cnn_lstm", "custom_resnet_cbam", "alexnet", "xception_vgg16_fusion"]


@pytest.mark.slow
@pytest.mark.parametrize("model", KILLED)
def test_five_kills_at_random_moments(model, data, tmp_path):
    # Three epochs of the fusion network are a minute.
    recipe = busy_recipe(head={"kind": "own"})
    begin = time.monotonic()
    assert start(data, tmp_path / "unbroken", model, recipe).wait(600) == 0
    duration = time.monotonic() - begin
    expected, moments = result_bytes(tmp_path / "unbroken"), random.Random(model)
    for number in range(5):
        results = tmp_path / str(number)
        kill_and_finish(data, results, model, recipe, moments.uniform(0, 0.7 * duration))
        assert result_bytes(results) == expected


def test_deadline_stops_a_job_in_time(data, tmp_path):
    with pytest.raises(InterruptedJobError, match="time limit"):
        train(data, tmp_path, MODEL, busy_recipe(), runtime_minutes=1e-4)
    assert (tmp_path / "resume" / "state.pt").exists()


def test_deadline_leaves_time_for_saving():
    left = Interruption(runtime_minutes=60).deadline - time.monotonic()
    assert 58 * 60 < left < 59 * 60
    assert Interruption().deadline is None and Interruption().reason is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipe": busy_recipe(learning_rate=2.0e-4)}, "settings.learning_rate: 0.0001 in the "),
        ({"threads": 2}, "numeric_threads: 1 in the state, 2 now"),
        ({"code_hash": "other"}, "code_hash: code in the state, other now"),
    ],
    ids=["recipe", "threads", "code"],
)
def test_state_of_another_training_is_refused(change, said, data, tmp_path):
    with pytest.raises(InterruptedJobError):
        train(data, tmp_path, MODEL, busy_recipe(), runtime_minutes=1e-4)
    recipe = change.pop("recipe", busy_recipe())
    with pytest.raises(UserError, match=said) as raised:
        train(data, tmp_path, MODEL, recipe, **change)
    assert f"remove {tmp_path / 'resume'} to start anew" in raised.value.remedy
    assert (tmp_path / "resume" / "state.pt").exists()


def test_state_of_other_data_or_precision_is_refused(data, tmp_path):
    own = tmp_path / "data"
    write_fold(own)
    with pytest.raises(InterruptedJobError):
        train(own, tmp_path, MODEL, busy_recipe(), runtime_minutes=1e-4)
    images = 255 - np.load(own / "images.npy")
    write_packed(own / "images.npy", images, [f"image{row}" for row in range(len(images))])
    numerics = read_json(own / "precision.json")
    write_json(own / "precision.json", numerics | {"precision": "bfloat16"})
    with pytest.raises(UserError) as raised:
        train(own, tmp_path, MODEL, busy_recipe())
    assert "data_hash.images: " in str(raised.value)
    assert "precision: float32 in the state, bfloat16 now" in str(raised.value)


@pytest.mark.parametrize("damage", ["truncated", "empty", "text", "a changed bit"])
def test_damaged_state_gives_way_to_the_one_before(damage, tmp_path, caplog):
    resume = ResumeState(tmp_path / "resume", {"seed": 1})
    for epoch in (1, 2):
        resume.save({"epoch": epoch, "weights": torch.ones(1000)})
    whole = resume.newest.read_bytes()
    place = whole.index(np.ones(1000, np.float32).tobytes()) + 2000
    content = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "text": b"not a state",
        # torch itself would take it for a number.
        "a changed bit": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
    }
    resume.newest.write_bytes(content[damage])
    with caplog.at_level(logging.WARNING):
        assert resume.load()["epoch"] == 1
    assert "state.pt is damaged" in caplog.text
    resume.previous.unlink()
    assert resume.load() is None


def test_state_is_whole_whenever_writing_it_is_cut_off(tmp_path, monkeypatch):
    resume = ResumeState(tmp_path / "resume", {})
    resume.save({"epoch": 1})

    def cut_off(*_arguments) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pneumobench.training.resume.os.replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        resume.save({"epoch": 2})
    assert resume.load() == {"epoch": 1}


def test_exploding_loss_stops_and_keeps_the_last_good_state(data, tmp_path):
    recipe = settings(epochs=3, batch_size=2, optimiser="sgd", learning_rate=10.0)
    with pytest.raises(UserError, match=r"no longer a number in epoch \d, at step \d+") as raised:
        train(data, tmp_path, "alexnet", recipe)
    assert "learning rate 10" in raised.value.where
    assert "gradient_clip: 1.0" in raised.value.remedy
    state = ResumeState(tmp_path / "resume", {}).newest
    if state.exists():
        saved = torch.load(state, weights_only=True)["state"]["history"]
        assert all(np.isfinite(row["train_loss"]) for row in saved)


def test_too_little_memory_names_the_batch_size(data, tmp_path, monkeypatch):
    def exhausted(*_arguments, **_keys):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("pneumobench.training.step.augment", exhausted)
    with pytest.raises(UserError, match="a batch of 16 images") as raised:
        train(data, tmp_path, MODEL, busy_recipe())
    assert "snakemake find_batch_size" in raised.value.remedy
