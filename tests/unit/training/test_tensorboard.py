import io

import numpy as np
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from pneumobench.core.errors import UserError
from pneumobench.training.resume import ResumeState
from pneumobench.training.tensorboard import MAXIMUM_IMAGES, TrainingBoard, image_grid

ROWS = [
    {
        "epoch": epoch, "learning_rate": 1e-3 / epoch, "train_loss": 0.7 - 0.1 * epoch,
        "inner_auc": 0.5 + 0.1 * epoch, "share_xception": 0.25 * epoch,
    }
    for epoch in (1, 2, 3)
]  # fmt: skip


def read(folder) -> EventAccumulator:
    # The number of values that are kept of each kind; 0 keeps all of them.
    accumulator = EventAccumulator(str(folder), size_guidance={"scalars": 0, "images": 0})
    return accumulator.Reload()


def test_every_column_of_every_epoch_is_read_back(tmp_path):
    with TrainingBoard(tmp_path / "seed1/fold0") as board:
        for row in ROWS:
            board.epoch(row, images_per_second=40.0 + row["epoch"])
    found = read(tmp_path / "seed1/fold0")
    assert set(found.Tags()["scalars"]) == {*ROWS[0], "images_per_second"} - {"epoch"}
    for tag in found.Tags()["scalars"]:
        events = found.Scalars(tag)
        assert [event.step for event in events] == [1, 2, 3]
        expected = [{**row, "images_per_second": 40.0 + row["epoch"]}[tag] for row in ROWS]
        assert [event.value for event in events] == pytest.approx(expected, rel=1e-6)
        assert all(event.wall_time > 1.6e9 for event in events)


def test_image_decodes_to_the_grid(tmp_path):
    batch = torch.rand(5, 1, 16, 16)
    with TrainingBoard(tmp_path) as board:
        board.images(batch)
    found = read(tmp_path)
    assert found.Tags()["images"] == ["augmented_images"]
    (event,) = found.Images("augmented_images")
    assert (event.step, event.height, event.width) == (0, 32, 48)
    decoded = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)).convert("L"))
    np.testing.assert_array_equal(decoded, image_grid(batch[:, 0].numpy()))


def test_grid_holds_the_images_in_reading_order():
    images = np.linspace(0, 1, 5, dtype=np.float32)[:, None, None].repeat(4, 1).repeat(4, 2)
    grid = image_grid(images)
    assert grid.shape == (8, 12) and grid.dtype == np.uint8
    assert grid[::4, ::4].tolist() == [[0, 64, 128], [191, 255, 0]]


def test_large_batches_show_their_first_images(tmp_path):
    with TrainingBoard(tmp_path) as board:
        board.images(torch.zeros(MAXIMUM_IMAGES + 9, 1, 4, 4))
    (event,) = read(tmp_path).Images("augmented_images")
    assert (event.height, event.width) == (32, 32)


def test_epochs_are_on_disk_before_the_board_is_closed(tmp_path):
    """A job that is killed leaves what it has shown."""
    board = TrainingBoard(tmp_path)
    board.epoch(ROWS[0], images_per_second=40.0)
    assert [event.step for event in read(tmp_path).Scalars("train_loss")] == [1]
    board.close()


def test_resumed_training_leaves_one_file_with_each_epoch_once(tmp_path):
    other = tmp_path / "notes.txt"
    other.write_text("kept")
    for rows in (ROWS[:2], ROWS):
        with TrainingBoard(tmp_path) as board:
            board.images(torch.zeros(2, 1, 4, 4))
            for row in rows:
                board.epoch(row, images_per_second=40.0)
    assert len(list(tmp_path.glob("events.out.tfevents.*"))) == 1 and other.exists()
    found = read(tmp_path)
    assert [event.step for event in found.Scalars("inner_auc")] == [1, 2, 3]
    assert len(found.Images("augmented_images")) == 1


@pytest.mark.parametrize("made", [TrainingBoard, lambda folder: ResumeState(folder, {}).load()])
@pytest.mark.parametrize("kind", ["file", "link"])
def test_something_else_in_the_place_of_the_folder(tmp_path, made, kind):
    wrong = tmp_path / "tensorboard"
    wrong.touch() if kind == "file" else wrong.symlink_to(tmp_path / "gone")
    for folder in (wrong, wrong / "seed1/fold0"):
        with pytest.raises(UserError, match=r"cannot be made[\s\S]*tensorboard[\s\S]*move"):
            made(folder)
