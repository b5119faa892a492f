"""Starting weights on their whole way: fetched, tracked as an input, named in run.json."""

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from pneumobench.core.files import read_json
from pneumobench.core.provenance import file_sha256

TAG = "timm/resnet10t.c3_in1k"
FILE = "resnet10t.c3_in1k.safetensors"
# So small a rate that trained weights tell what they started from.
LIGHT = {"epochs": 1, "batch_size": 16, "offline_copies": False, "learning_rate": 1.0e-9}
NOBODY = "http://127.0.0.1:9"


def run_json(recipe) -> str:
    return f"results/tiny/runs/timm-resnet10t/{recipe}/seed42/fold0/run.json"


@pytest.fixture
def flow(make_workflow, mirror):
    """ResNet10-t, whose published weights a server of the test's own offers."""
    torch.manual_seed(0)
    save_file(timm.create_model("resnet10t").state_dict(), mirror.folder / FILE)
    return make_workflow(
        recipes={"light": LIGHT | {"pretrained": True}}, downloads={"weights_mirror": NOBODY}
    )


def test_published_weights_and_a_file(flow, mirror):
    weights = flow.folder / "resources/weights"

    # No network, and an architecture that nobody published weights of.
    flow.overlay["runs"] = ["timm:resnet10t", "custom_resnet18"]
    refused = flow.run("fetch")
    assert refused.returncode != 0 and "Traceback" not in refused.stdout
    for word in ("127.0.0.1:9", FILE, "snakemake fetch", "weights_mirror", "pretrained: false",
                 "nobody published weights of custom_resnet18"):  # fmt: skip
        assert word in refused.stdout, word
    assert not list(weights.glob("*.json")) and not list(weights.glob("*.safetensors"))

    # Two names of the same weights, both at once in spite of the limit that the profile sets.
    flow.overlay["runs"] = ["timm:resnet10t", "timm:resnet10t.c3_in1k"]
    flow.overlay["downloads"] = {"weights_mirror": mirror.url}
    flow.succeed("fetch", "--resources", "network=2")
    stored = weights / "timm-resnet10t.c3_in1k.safetensors"
    for slug in ("timm-resnet10t", "timm-resnet10t.c3_in1k"):
        assert read_json(weights / f"{slug}.json")["checkpoints"] == {
            "network": {
                "tag": TAG,
                "file": stored.name,
                "url": "https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors",
                "published_sha256": file_sha256(mirror.folder / FILE),
                "sha256": file_sha256(stored),
            }
        }
    assert set(mirror.asked) == {f"/{FILE}"} and len(list(weights.iterdir())) == 3

    # From here on there is no network.
    mirror.stop()
    flow.overlay["runs"] = ["timm:resnet10t"]
    flow.succeed(run_json("light"))
    started = read_json(flow.folder / run_json("light"))["starting_weights"]
    assert started["origin"] == "published" and started["fresh_parameters"] == 513
    assert started["files"] == [
        {"module": "network", "tag": TAG, "file": stored.name, "sha256": file_sha256(stored)}
    ]
    trained = load_file((flow.folder / run_json("light")).with_name("weights.safetensors"))
    for name, value in load_file(stored).items():
        if name.endswith("conv1.weight"):
            torch.testing.assert_close(trained[f"network.{name}"], value, atol=1e-5, rtol=0)

    # A file of the user's: not there, there, and changed.
    flow.overlay["runs"] = [{"model": "timm:resnet10t", "recipe": "own"}]
    flow.overlay["recipes"]["own"] = {"based_on": "light", "pretrained": "own.pth"}
    refused = flow.run("--dry-run", "train")
    assert refused.returncode != 0 and "recipes.own.pretrained: own.pth" in refused.stdout
    file = flow.folder / "own.pth"
    torch.save(timm.create_model("resnet10t", num_classes=5).state_dict(), file)
    flow.succeed(run_json("own"))
    started = read_json(flow.folder / run_json("own"))["starting_weights"]
    assert started["files"] == [
        {"module": "network", "tag": None, "file": "own.pth", "sha256": file_sha256(file)}
    ]
    file.write_bytes(b"something else")
    assert "train_fold" in flow.succeed("--dry-run", run_json("own"))

    # Neither fetching again, for which nothing is missing, nor another mirror is a reason to train
    # again; other weights are.
    flow.overlay["runs"] = ["timm:resnet10t"]
    flow.overlay["downloads"] = {"weights_mirror": NOBODY}
    flow.succeed("fetch", "--forcerun", "fetch_weights")
    assert "Nothing to be done" in flow.succeed("--dry-run", run_json("light"))
    record = weights / "timm-resnet10t.json"
    record.write_text(record.read_text().replace(file_sha256(stored), "0" * 64))
    assert "train_fold" in flow.succeed("--dry-run", run_json("light"))
