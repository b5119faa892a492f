"""What jobs ask a scheduler for, and that the SLURM profile knows every rule."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from configurations import check
from rule_texts import rule_texts

from pneumobench.core.resources import (
    TrainingSize,
    read_training_size,
    training_memory_mb,
    training_minutes,
    training_size,
)

PROJECT = Path(__file__).resolve().parents[3]
VGG16 = TrainingSize(
    parameters=134_264_641, macs=15_466_172_416, image_size=224, images=5856,
    batch_size=32, epochs=20, threads=2, device="cpu",
)  # fmt: skip
# Largest resident size in MB: one step with AdamW, float32, one thread.
MEASURED = {
    "alexnet": (57_007_937, 64, 6, 1822),
    "plain_resnet18": (11_177_025, 224, 32, 2168),
    "resnet50": (23_510_081, 224, 32, 5280),
    "densenet121": (6_954_881, 224, 32, 6538),
    "xception": (20_809_001, 224, 32, 6308),
    "custom_cnn_lstm": (444_579, 224, 8, 2247),
    "xception_lstm": (24_023_593, 224, 32, 6488),
    "vgg16": (134_264_641, 224, 32, 6257),
}


def profile() -> dict:
    return yaml.safe_load((PROJECT / "profiles/slurm/config.yaml").read_text())


def local_rules() -> set[str]:
    return {name for name, text in rule_texts().items() if "localrule: True" in text}


@pytest.mark.parametrize("name", MEASURED)
def test_what_was_measured_fits(name):
    parameters, image_size, batch_size, measured = MEASURED[name]
    size = replace(
        VGG16, parameters=parameters, image_size=image_size, batch_size=batch_size, images=400
    )
    assert measured <= training_memory_mb(size, attempt=1) <= 6 * measured


def test_each_attempt_asks_for_more():
    for ask in (training_memory_mb, training_minutes):
        asked = [ask(VGG16, attempt) for attempt in (1, 2, 3)]
        assert asked[1] >= 1.9 * asked[0] and asked[2] >= 1.4 * asked[1]


def test_a_gpu_needs_less_time_and_keeps_maps_to_itself():
    on_gpu = replace(VGG16, device="cuda")
    assert training_minutes(on_gpu, 1) < training_minutes(VGG16, 1) / 50
    large = replace(on_gpu, batch_size=512)
    assert training_memory_mb(large, 1) == training_memory_mb(on_gpu, 1)


def test_bigger_trainings_ask_for_more():
    smaller = (
        replace(VGG16, images=2000),
        replace(VGG16, epochs=5),
        replace(VGG16, macs=VGG16.macs // 9),
    )
    assert all(training_minutes(size, 1) < training_minutes(VGG16, 1) for size in smaller)
    assert training_minutes(replace(VGG16, epochs=1, images=10), 1) == 30


def test_size_is_read_from_earlier_jobs(tmp_path):
    contents = {
        "model": {"parameters": 7, "macs": 9},
        "digest": {"size": 64, "count": 100},
        "precision": {"device": "cuda"},
    }
    paths = [str(tmp_path / name) for name in contents]
    with pytest.raises(FileNotFoundError) as missing:
        read_training_size(*paths, copies=0, batch_size=8, epochs=2, threads=1)
    assert missing.value.filename == paths[0]
    for path, content in zip(paths, contents.values(), strict=True):
        Path(path).write_text(json.dumps(content))
    size = read_training_size(*paths, copies=1, batch_size=8, epochs=2, threads=1)
    assert size == TrainingSize(7, 9, 64, 200, 8, 2, 1, "cuda")


def test_size_follows_from_the_recipe(tmp_path):
    contents = {
        "model": {"parameters": 7, "macs": 9},
        "images_digest": {"size": 64, "count": 100},
        "precision": {"device": "cpu"},
    }
    inputs = SimpleNamespace(**{name: str(tmp_path / name) for name in contents})
    for name, content in contents.items():
        (tmp_path / name).write_text(json.dumps(content))
    recipes = "{light: {batch_size: 4, epochs: 3}, copied: {based_on: light, offline_copies: true}}"
    experiment = check(f"{{offline_copies: {{per_image: 2}}, recipes: {recipes}}}")
    plain = training_size(experiment, "light", inputs, threads=5)
    assert plain == TrainingSize(7, 9, 64, 100, 4, 3, 5, "cpu")
    assert training_size(experiment, "copied", inputs, threads=5) == replace(plain, images=300)


def test_every_rule_is_local_or_says_what_it_needs():
    asked, local = profile()["set-resources"], local_rules()
    assert not set(asked) & local
    assert set(asked) | local == set(rule_texts())
    for name, resources in asked.items():
        for key in ("mem_mb", "runtime"):
            expression = resources.get(key)
            if expression is None:
                assert f"{key}=training_" in rule_texts()[name], (name, key)
            else:
                assert eval(expression, {"attempt": 2}) == 2 * eval(expression, {"attempt": 1})


def test_rules_with_networks_and_no_others_get_one_gpu():
    for name, resources in profile()["set-resources"].items():
        expected = 1 if "gpu=gpus" in rule_texts()[name] else None
        assert resources.get("gpu") == expected, name


def test_groups_hold_no_gpu_and_no_local_rule():
    grouped = profile()["groups"]
    with_gpu = {name for name, text in rule_texts().items() if "gpu=gpus" in text}
    assert set(grouped) <= set(rule_texts()) - with_gpu - local_rules()
    assert set(profile()["group-components"]) < set(grouped.values())


def test_profile_leaves_to_the_site_what_is_the_site_s():
    keys = profile()
    assert "default-resources" not in keys and "set-threads" not in keys
    assert "code" not in keys["rerun-triggers"]
    text = json.dumps(keys)
    assert not any(
        word in text for word in ("slurm_account", "slurm_partition", "tasks", "cpus_per_gpu")
    )


@pytest.mark.parametrize(
    "content",
    [
        *("", "[1]", "\0\1", '{"parameters": null}', '{"size": 64}', "[" * 100_000),
        '{"parameters": Infinity}',
    ],
)
def test_files_that_cannot_be_read_are_left_to_the_job(tmp_path, content):
    path = tmp_path / "some.json"
    path.write_text(content)
    configured = {"batch_size": 8, "epochs": 1, "threads": 1}
    size = read_training_size(str(path), str(path), str(path), copies=0, **configured)
    assert size is None and training_memory_mb(size, 1) > 0 and training_minutes(size, 1) > 0


def test_folder_where_a_file_belongs_is_left_to_the_job(tmp_path):
    configured = {"batch_size": 8, "epochs": 1, "threads": 1}
    path = str(tmp_path)
    assert read_training_size(path, path, path, copies=0, **configured) is None
