"""Starting weights: fetched whole and right or not at all, and the trunk is filled to the last."""

import dataclasses
import errno
import hashlib
from pathlib import Path

import pytest
import timm
import torch
import torchvision
import yaml
from safetensors.torch import load_file, save_file

from pneumobench.core import attempts
from pneumobench.core.config import check_config, check_starting_weights
from pneumobench.core.errors import UserError
from pneumobench.core.files import read_json, write_json
from pneumobench.core.provenance import file_sha256
from pneumobench.models import registry
from pneumobench.models.heads import replace_head
from pneumobench.models.weights import fetch
from pneumobench.models.weights import load as load_module
from pneumobench.models.weights.fetch import fetch_weights
from pneumobench.models.weights.load import load_weights
from pneumobench.models.weights.published import complete_state, published
from pneumobench.models.weights.saved import restore_weights, save_weights
from pneumobench.models.weights.state_file import read_state

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts"
WITH_WEIGHTS = [name for name in registry.names() if registry.load(name).checkpoints]
RESNET18 = "torchvision/resnet18.IMAGENET1K_V1"
NOBODY = "http://127.0.0.1:9"


def published_network(tag):
    """Build the network that a tag's weights are of, by its library, without memory."""
    publisher, name = tag.split("/")
    with torch.device("meta"):
        if publisher == "timm":
            return timm.create_model(name)
        return torchvision.models.get_model(name.split(".")[0], weights=None)


def published_state(tag, value=None):
    """Make up the state of a published network: random, or one value everywhere."""
    state = {}
    for name, entry in published_network(tag).state_dict().items():
        if entry.dtype != torch.float32:
            state[name] = torch.ones(entry.shape, dtype=entry.dtype)
        elif value is None:
            state[name] = torch.rand(entry.shape) * 0.1
        else:
            state[name] = torch.full(entry.shape, value)
    return state


class Code:
    """What a malicious pickle does when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (Path(self.path),)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(attempts, "FIRST_PAUSE", 0.001)


@pytest.fixture
def offered(mirror, monkeypatch):
    """Return a function that publishes an object as torchvision's ResNet18, rightly named."""

    def offer(content) -> Path:
        file = mirror.folder / "new.pth"
        torch.save(content, file)
        file = file.rename(mirror.folder / f"resnet18-{file_sha256(file)[:8]}.pth")
        named = dataclasses.replace(published(RESNET18), file_name=file.name)
        monkeypatch.setattr(fetch, "published", lambda _: named)
        return file

    return offer


def refused(function, *arguments, **settings) -> str:
    with pytest.raises(UserError) as caught:
        function(*arguments, **settings)
    return str(caught.value)


class TestPublished:
    def test_every_tag_is_known_to_its_publisher(self):
        for name in WITH_WEIGHTS:
            for tag in registry.load(name).checkpoints.values():
                found = published(tag)
                assert found.url.startswith("https://") and found.url.endswith(found.file_name)
                assert len(found.sha256_start) >= 8, "torchvision's and timm's old names carry it"

    def test_torchvision_and_timm(self):
        resnet = published(RESNET18)
        assert resnet.stored_name == "torchvision-resnet18.IMAGENET1K_V1.safetensors"
        assert (resnet.sha256_start, resnet.classifier) == ("f37072fd", ("fc",))
        assert published("torchvision/vgg16.IMAGENET1K_V1").classifier == ("classifier.6",)
        hub = published("timm/resnet10t.c3_in1k")
        assert (
            hub.url
            == "https://huggingface.co/timm/resnet10t.c3_in1k/resolve/main/model.safetensors"
        )
        assert hub.file_name == "resnet10t.c3_in1k.safetensors" and hub.sha256_start == ""

    @pytest.mark.parametrize(
        "tag", ["resnet18", "torchvision/resnet18.V9", "timm/resnet18.none", "hub/resnet18.a"]
    )
    def test_unknown_tag(self, tag):
        assert tag in refused(published, tag)

    def test_old_names_of_densenet_become_the_layers_own(self):
        tag = "torchvision/densenet121.IMAGENET1K_V1"
        state = published_state(tag)
        old = {}
        for name, value in state.items():
            if not name.endswith("num_batches_tracked"):
                for layer in ("norm1", "norm2", "conv1", "conv2"):
                    if "denselayer" in name:
                        name = name.replace(f".{layer}.", f".{layer[:-1]}.{layer[-1]}.")
                old[name] = value
        assert "features.denseblock1.denselayer1.norm.1.weight" in old
        complete = complete_state(tag, old, where="here")
        assert list(complete) == list(state)
        for name, value in complete.items():
            counter = name.endswith("num_batches_tracked")
            assert torch.equal(value, torch.tensor(0) if counter else state[name])


class TestFetch:
    def test_once_for_all_architectures_that_share_it(self, mirror, offered, tmp_path):
        state = published_state(RESNET18)
        file = offered(state)
        fetch_weights("plain_resnet18", tmp_path / "plain_resnet18.json", mirror.url + "/")
        record = read_json(tmp_path / "plain_resnet18.json")
        [(path, entry)] = record["checkpoints"].items()
        stored = tmp_path / "torchvision-resnet18.IMAGENET1K_V1.safetensors"
        assert path == "network" and entry == {
            "tag": RESNET18,
            "file": stored.name,
            "url": published(RESNET18).url,
            "published_sha256": file_sha256(file),
            "sha256": file_sha256(stored),
        }
        kept = load_file(stored)
        assert all(torch.equal(kept[name], value) for name, value in state.items())
        before = stored.stat().st_mtime_ns

        fetch_weights("resnet_cbam", tmp_path / "resnet_cbam.json", mirror.url)
        fetch_weights("plain_resnet18", tmp_path / "plain_resnet18.json", NOBODY)
        assert mirror.asked == [f"/{file.name}"]
        assert stored.stat().st_mtime_ns == before
        assert read_json(tmp_path / "resnet_cbam.json")["checkpoints"]["network"] == entry
        assert len(list(tmp_path.iterdir())) == 3, "nothing is left of the download"

    def test_damaged_file_is_made_anew_with_the_same_bytes(self, mirror, offered, tmp_path):
        offered(published_state(RESNET18))
        fetch_weights("plain_resnet18", tmp_path / "r.json", mirror.url)
        stored = tmp_path / "torchvision-resnet18.IMAGENET1K_V1.safetensors"
        right = stored.read_bytes()
        for wrong in (right[:-100], right[:-100] + bytes(100)):
            stored.write_bytes(wrong)
            fetch_weights("plain_resnet18", tmp_path / "r.json", mirror.url)
            assert stored.read_bytes() == right
        assert len(mirror.asked) == 3

    def test_file_put_there_by_hand(self, mirror, offered, tmp_path):
        file = offered(published_state(RESNET18))
        (tmp_path / file.name).write_bytes(file.read_bytes())
        fetch_weights("plain_resnet18", tmp_path / "r.json", NOBODY)
        assert (tmp_path / file.name).exists() and mirror.asked == []
        for path in (tmp_path / "r.json", *tmp_path.glob("*.safetensors")):
            path.unlink()
        (tmp_path / file.name).write_bytes(b"another file")
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", NOBODY)
        assert file.name in text and "SHA-256" in text and "remove" in text

    def test_without_network_the_ways_out_are_named(self, tmp_path):
        folder = tmp_path / "weights"
        text = refused(fetch_weights, "plain_resnet18", folder / "r.json", NOBODY)
        assert "no connection to 127.0.0.1:9" in text
        for way_out in ("snakemake fetch", str(folder / "resnet18-f37072fd.pth"),
                        "downloads.weights_mirror", "pretrained: false"):  # fmt: skip
            assert way_out in text
        assert list(folder.iterdir()) == []

    def test_wrong_hash(self, mirror, offered, tmp_path):
        file = offered(published_state(RESNET18))
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert file.name in text and "SHA-256" in text and file.stem[-8:] in text
        assert list(tmp_path.iterdir()) == []

    def test_connection_that_breaks_off(self, mirror, offered, tmp_path):
        offered(published_state(RESNET18))
        mirror.cut = 3_000_000
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert "broke off" in text
        assert [path.name for path in tmp_path.iterdir()] == [".r"], "what came, for the next try"
        mirror.cut = None
        fetch_weights("plain_resnet18", tmp_path / "r.json", mirror.url)
        assert not (tmp_path / ".r").exists()

    def test_refusal_of_the_server(self, mirror, tmp_path):
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert "404" in text and "resnet18-f37072fd.pth" in text

    def test_address_that_is_none(self, tmp_path):
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", "/some/folder")
        assert "/some/folder" in text and "downloads.weights_mirror" in text

    def test_full_disk(self, mirror, offered, tmp_path, monkeypatch):
        offered(published_state(RESNET18))

        def full(path, *arguments, **settings):
            if path.suffix == ".part":
                raise OSError(errno.ENOSPC, "No space left on device")
            return whole(path, *arguments, **settings)

        whole = Path.open
        monkeypatch.setattr(Path, "open", full)
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert "the disk is full" in text and "make room" in text

    def test_pickle_with_code_is_refused_and_not_run(self, mirror, offered, tmp_path):
        offered({"conv1.weight": Code(mirror.folder / "was_here")})
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert "could run code" in text and mirror.url in text
        assert not (mirror.folder / "was_here").exists()
        assert list(tmp_path.iterdir()) == []

    def test_another_networks_weights(self, mirror, offered, tmp_path):
        offered(published_state("torchvision/resnet34.IMAGENET1K_V1"))
        text = refused(fetch_weights, "plain_resnet18", tmp_path / "r.json", mirror.url)
        assert RESNET18 in text and "layer1.2.conv1.weight" in text

    def test_architecture_without_published_weights(self, tmp_path):
        text = refused(fetch_weights, "custom_resnet18", tmp_path / "r.json")
        assert "custom_resnet18" in text and "pretrained: false" in text


@pytest.fixture
def fetched(tmp_path):
    """Return a function that lays down an architecture's weights as `fetch_weights` does."""

    def lay_down(name, value=None, empty=False) -> Path:
        checkpoints = {}
        for path, tag in registry.load(name).checkpoints.items():
            file = tmp_path / published(tag).stored_name
            file.touch() if empty else save_file(published_state(tag, value), file)
            checkpoints[path] = {"tag": tag, "file": file.name, "sha256": file_sha256(file)}
        write_json(tmp_path / f"{name}.json", {"model": name, "checkpoints": checkpoints})
        return tmp_path / f"{name}.json"

    return lay_down


def load(model, source):
    return load_weights(model, model.architecture, source)


def zeros(name) -> torch.nn.Module:
    """Build an architecture with zeros everywhere."""
    with torch.device("meta"):
        model = registry.load(name).build(2)
    model.to_empty(device="cpu")
    for value in model.state_dict().values():
        value.zero_()
    return model


def ones(model) -> set[str]:
    return {name for name, value in model.state_dict().items() if (value == 1).all()}


class TestPublishedWeights:
    @pytest.mark.parametrize("name", WITH_WEIGHTS)
    def test_the_whole_trunk_is_filled_and_nothing_else(self, name, fetched, monkeypatch):
        """Zeros before, ones published: what is one afterwards was loaded."""
        checkpoints = registry.load(name).checkpoints
        tags = {published(tag).stored_name: tag for tag in checkpoints.values()}
        # Half a gigabyte of ones need not go to the disk and back.
        monkeypatch.setattr(
            load_module, "read_state", lambda file, **_: published_state(tags[file.name], 1.0)
        )
        model = zeros(name)
        record = load(model, fetched(name, empty=True))
        trunks = tuple(f"{path}." for path in checkpoints)
        classifiers = tuple(
            f"{path}.{layer}."
            for path, tag in checkpoints.items()
            for layer in published(tag).classifier
        )
        filled = {
            key
            for key in model.state_dict()
            if key.startswith(trunks) and not key.startswith(classifiers)
        }
        assert ones(model) == filled
        loaded = sum(value.numel() for key, value in model.named_parameters() if key in filled)
        total = sum(value.numel() for value in model.parameters())
        assert (record["loaded_parameters"], record["fresh_parameters"]) == (loaded, total - loaded)
        assert {file["module"]: file["tag"] for file in record["files"]} == checkpoints
        assert record["origin"] == "published"

    @pytest.mark.parametrize(
        ("name", "layer"), [("plain_resnet18", "layer4"), ("xception", "act4")]
    )
    def test_network_computes_what_the_published_one_does(self, name, layer, fetched):
        model = registry.load(name).build(1).eval()
        record = fetched(name)
        load(model, record)
        [entry] = read_json(record)["checkpoints"].values()
        network = published_network(entry["tag"]).to_empty(device="cpu").eval()
        network.load_state_dict(load_file(record.parent / entry["file"]))
        seen = []
        network.get_submodule(layer).register_forward_hook(lambda *args: seen.append(args[-1]))
        images = torch.rand(2, 1, 64, 64)
        with torch.inference_mode():
            network(model.prepare(images))
            torch.testing.assert_close(model.features(model.prepare(images)), seen[0])

    @pytest.mark.parametrize("kind", ["linear", "mlp"])
    @pytest.mark.parametrize("name", ["plain_resnet18", "alexnet", "timm:resnet10t"])
    def test_another_head_stays_fresh(self, name, kind, fetched):
        model = zeros(name)
        replace_head(model, kind, width=512, dropout=0.4, hidden_dropout=0.3, outputs=2)
        load(model, fetched(name, value=1.0))
        head = registry.load(name).head or "network.fc"
        assert ones(model) == {key for key in model.state_dict() if not key.startswith(f"{head}.")}

    def test_log_says_how_much_was_loaded(self, fetched, caplog):
        caplog.set_level("INFO")
        load(registry.load("resnet_cbam").build(1), fetched("resnet_cbam"))
        assert "11176512 of 11220" in caplog.text
        assert "attention.0.alpha" in caplog.text
        assert "network.fc.weight" in caplog.text

    def test_nothing_to_load(self):
        assert load_weights(torch.nn.Linear(1, 1), registry.load("alexnet"), None) is None

    @pytest.mark.parametrize("damage", ["no record", "no file", "other bytes", "other tag", "text"])
    def test_what_was_not_fetched_is_said_with_the_way_out(self, damage, fetched):
        record = fetched("plain_resnet18")
        [file] = record.parent.glob("*.safetensors")
        if damage == "no record":
            record.unlink()
        elif damage == "no file":
            file.unlink()
        elif damage == "other bytes":
            file.write_bytes(file.read_bytes()[:-1] + b"\x01")
        elif damage == "text":
            record.write_text('{"schema_version": 1, "checkpoints": {"network": 1}}')
        else:
            record.write_text(record.read_text().replace("IMAGENET1K_V1", "IMAGENET1K_V2"))
        text = refused(load, registry.load("plain_resnet18").build(1), record)
        assert "snakemake fetch" in text and "pretrained: false" in text


class TestOwnFile:
    @pytest.fixture
    def model(self):
        torch.manual_seed(0)
        return registry.load("custom_cnn_lstm").build(1)

    def test_weights_of_a_run(self, model, tmp_path):
        other = registry.load("custom_cnn_lstm").build(1)
        file = tmp_path / "weights.safetensors"
        save_file(other.state_dict(), file)
        record = load(model, file)
        for key, value in other.state_dict().items():
            assert torch.equal(model.state_dict()[key], value)
        assert record == {
            "origin": "file",
            "files": [{"module": "", "tag": None, "file": str(file), "sha256": file_sha256(file)}],
            "loaded_parameters": sum(value.numel() for value in model.parameters()),
            "fresh_parameters": 0,
        }

    def test_weights_of_a_run_with_another_head(self, tmp_path):
        models = [registry.load("plain_resnet18").build(2) for _ in range(2)]
        for model in models:
            replace_head(model, "mlp", width=8, dropout=0.1, hidden_dropout=0.1, outputs=2)
        save_file(models[0].state_dict(), tmp_path / "weights.safetensors")
        load(models[1], tmp_path / "weights.safetensors")
        assert torch.equal(models[0].network.fc[1].weight, models[1].network.fc[1].weight)
        text = refused(
            load, registry.load("plain_resnet18").build(2), tmp_path / "weights.safetensors"
        )
        assert "network.fc.weight" in text and "network.fc.1.weight" in text

    @pytest.mark.parametrize("kind", [".pth", ".pt", ".safetensors"])
    def test_names_of_the_published_network_with_a_head_of_other_classes(self, kind, tmp_path):
        state = published_state(RESNET18)
        state |= {"fc.weight": torch.rand(14, 512), "fc.bias": torch.rand(14)}
        file = tmp_path / f"own{kind}"
        save_file(state, file) if kind == ".safetensors" else torch.save(state, file)
        model = registry.load("resnet_cbam").build(1)
        record = load(model, file)
        assert torch.equal(model.network.layer4[1].conv2.weight, state["layer4.1.conv2.weight"])
        assert record["files"][0]["module"] == "network" and record["origin"] == "file"

    def test_misfits_are_named(self, model, tmp_path):
        state = model.state_dict()
        del state["trunk.conv1.weight"]
        state |= {"trunk.conv9.bias": torch.zeros(1), "trunk.conv2.bias": torch.zeros(7)}
        torch.save(state, tmp_path / "own.pth")
        before = {key: value.clone() for key, value in model.state_dict().items()}
        text = refused(load, model, tmp_path / "own.pth")
        assert "1 missing (trunk.conv1.weight)" in text
        assert "1 unexpected (trunk.conv9.bias)" in text
        assert "trunk.conv2.bias [7] instead of [150]" in text
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())

    def test_another_architecture(self, tmp_path):
        save_file(published_state(RESNET18), tmp_path / "own.safetensors")
        for name in ("custom_cnn_lstm", "custom_resnet18", "xception", "timm:regnetx_002"):
            text = refused(load, registry.load(name).build(1), tmp_path / "own.safetensors")
            assert "missing (" in text and "unexpected (" in text and ", ..." in text

    @pytest.mark.parametrize(
        "content",
        [b"", b"text", bytes(500), b"\x80\x02.", b"PK\x03\x04", b"(((("],
    )
    @pytest.mark.parametrize("kind", [".pth", ".safetensors"])
    def test_unreadable_file(self, content, kind, model, tmp_path):
        file = tmp_path / f"own{kind}"
        file.write_bytes(content)
        text = refused(load, model, file)
        assert file.name in text and "pretrained" in text

    def test_truncated_file(self, model, tmp_path):
        torch.save(model.state_dict(), tmp_path / "own.pth")
        content = (tmp_path / "own.pth").read_bytes()
        for length in (10, 1000, len(content) // 2, len(content) - 10):
            (tmp_path / "own.pth").write_bytes(content[:length])
            assert "own.pth" in refused(load, model, tmp_path / "own.pth")

    def test_pickle_with_code(self, model, tmp_path):
        torch.save({"trunk.conv1.weight": Code(tmp_path / "was_here")}, tmp_path / "own.pth")
        assert "could run code" in refused(load, model, tmp_path / "own.pth")
        assert not (tmp_path / "was_here").exists()

    @pytest.mark.parametrize(
        "content", [{}, [], torch.ones(1), {"state_dict": {"a": torch.ones(1)}}, {1: torch.ones(1)}]
    )
    def test_something_else_than_named_tensors(self, content, tmp_path):
        torch.save(content, tmp_path / "own.pth")
        text = refused(read_state, tmp_path / "own.pth", where="here", remedy="do this")
        assert "named tensors" in text

    def test_missing_file_and_other_kinds(self, model, tmp_path):
        assert "does not exist" in refused(load, model, tmp_path / "own.pth")
        (tmp_path / "own.h5").write_bytes(b"HDF")
        assert ".safetensors, .pth or .pt" in refused(load, model, tmp_path / "own.h5")


def kept_as_it_was(model):
    """Return a function that says whether the model still has its present state."""
    before = {key: value.clone() for key, value in model.state_dict().items()}
    return lambda: all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


class TestValues:
    """Numbers of another kind, and what is no number."""

    LAYER = "network.layer1.0.conv1.weight"
    VARIANCE = "network.bn1.running_var"

    @pytest.fixture
    def model(self):
        return registry.load("plain_resnet18").build(1)

    def changed(self, model, name, change):
        state = {key: value.clone() for key, value in model.state_dict().items()}
        return state | {name: change(state[name])}

    def answers(self, model, state, file):
        """Return what both doors say: a file that training starts from, and a run's weights."""
        save_file(state, file) if file.suffix == ".safetensors" else torch.save(state, file)
        unchanged = kept_as_it_was(model)
        texts = [
            refused(load, model, file),
            refused(restore_weights, file, model, where="here", remedy="do this"),
        ]
        assert unchanged()
        return texts

    @pytest.mark.parametrize(
        "kind", [torch.int8, torch.uint8, torch.int64, torch.bool, torch.float8_e4m3fn]
    )
    def test_other_kinds_of_numbers(self, model, kind, tmp_path):
        state = self.changed(model, self.LAYER, lambda value: value.to(kind))
        for text in self.answers(model, state, tmp_path / "own.safetensors"):
            said = f"{self.LAYER} {str(kind).removeprefix('torch.')} instead of float32"
            assert f"1 of another kind of number ({said})" in text

    def test_counters_are_whole(self, model, tmp_path):
        counter = "network.bn1.num_batches_tracked"
        for kind, fits in ((torch.int32, True), (torch.float32, False)):
            state = self.changed(model, counter, lambda value, kind=kind: value.to(kind) + 3)
            if fits:
                torch.save(state, tmp_path / "own.pth")
                load(model, tmp_path / "own.pth")
                assert model.network.bn1.num_batches_tracked == 3
            else:
                for text in self.answers(model, state, tmp_path / "own.pth"):
                    assert f"{counter} float32 instead of int64" in text

    @pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
    def test_other_precisions_are_converted_and_told(self, model, kind, tmp_path, caplog):
        state = self.changed(model, self.LAYER, lambda value: value.to(kind))
        save_file(state, tmp_path / "own.safetensors")
        load(model, tmp_path / "own.safetensors")
        torch.testing.assert_close(
            model.state_dict()[self.LAYER], state[self.LAYER].float(), rtol=0, atol=0
        )
        name = str(kind).removeprefix("torch.")
        assert f"1 entries are converted, as {self.LAYER} from {name} to float32" in caplog.text

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e39])
    def test_what_is_no_number_or_becomes_none(self, model, value, tmp_path):
        def spoil(weights):
            weights = weights.double()
            weights[3, 2, 1, 0] = value
            return weights

        state = self.changed(model, self.LAYER, spoil)
        for text in self.answers(model, state, tmp_path / "own.pth"):
            assert f"1 infinite or not a number ({self.LAYER})" in text and "learning" not in text

    def test_large_numbers_whose_sum_is_infinite_are_numbers(self, model, tmp_path):
        state = self.changed(model, self.LAYER, lambda value: torch.full_like(value, 3e38))
        save_file(state, tmp_path / "own.safetensors")
        restore_weights(tmp_path / "own.safetensors", model, where="here", remedy="do this")
        assert (model.state_dict()[self.LAYER] == state[self.LAYER]).all()

    @pytest.mark.parametrize(
        ("change", "said"),
        [(torch.zeros_like, "all of them are zero"), (lambda value: value * 1e20, "go beyond")],
    )
    def test_numbers_that_no_training_leaves(self, model, tmp_path, change, said):
        state = {
            name: change(value) if value.is_floating_point() and "running" not in name else value
            for name, value in model.state_dict().items()
        }
        torch.save(state, tmp_path / "own.pth")
        text = refused(load, model, tmp_path / "own.pth")
        assert "not those of a trained network" in text and said in text and "own.pth" in text

    def test_layers_of_one_number_are_told(self, model, tmp_path, caplog):
        torch.save(self.changed(model, self.LAYER, torch.zeros_like), tmp_path / "own.pth")
        load(model, tmp_path / "own.pth")
        assert f"one and the same number everywhere, as {self.LAYER}" in caplog.text

    def test_counts_of_batches_below_zero(self, model, tmp_path):
        counter = self.VARIANCE.replace("running_var", "num_batches_tracked")
        torch.save(self.changed(model, counter, lambda value: value - 7), tmp_path / "own.pth")
        assert "1 a negative count of batches" in refused(load, model, tmp_path / "own.pth")

    def test_variances_that_are_none(self, model, tmp_path):
        state = self.changed(model, self.VARIANCE, torch.neg)
        for text in self.answers(model, state, tmp_path / "own.pth"):
            assert f"1 a negative variance ({self.VARIANCE})" in text
        torch.save(self.changed(model, self.VARIANCE, torch.zeros_like), tmp_path / "own.pth")
        text = refused(load, model, tmp_path / "own.pth")
        assert f"every variance of a BatchNorm is zero: {self.VARIANCE}" in text

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda value: value.to(torch.complex64), "complex64"),
            (lambda value: value.to_sparse(), "sparse_coo"),
            (lambda value: torch.empty_like(value, device="meta"), "on meta"),
            (lambda value: torch.quantize_per_tensor(value, 0.1, 0, torch.qint8), "qint8"),
        ],
    )
    @pytest.mark.filterwarnings("ignore")
    def test_tensors_that_are_no_plain_ones(self, model, change, said, tmp_path):
        state = self.changed(model, self.LAYER, change)
        for text in self.answers(model, state, tmp_path / "own.pth"):
            assert self.LAYER in text and said in text and "own.pth" in text

    def test_views_are_read_as_what_they_show(self, model, tmp_path):
        state = self.changed(
            model, self.LAYER, lambda value: torch.stack([value, value + 1], -1)[..., 1]
        )
        torch.save(state, tmp_path / "own.pth")
        load(model, tmp_path / "own.pth")
        assert torch.equal(model.state_dict()[self.LAYER], state[self.LAYER])

    def test_parts_of_a_file_that_overlap_or_leave_gaps(self, tmp_path):
        file = tmp_path / "own.safetensors"
        entry = '"{}":{{"dtype":"F32","shape":[2],"data_offsets":[{},{}]}}'
        for places in (((0, 8), (4, 12)), ((0, 8), (0, 8)), ((0, 8), (12, 20))):
            parts = (entry.format(name, *place) for name, place in zip("ab", places, strict=True))
            header = ("{" + ",".join(parts) + "}").encode()
            content = len(header).to_bytes(8, "little") + header + bytes(places[1][1])
            file.write_bytes(content)
            assert "cannot be read as weights" in refused(read_state, file, where="", remedy="")

    def test_fetched_weights_are_looked_at_as_well(self):
        for tag in (RESNET18, "timm/resnet10t.c3_in1k"):
            state = published_state(tag)
            for spoilt, said in (
                (state["layer1.0.conv1.weight"].to(torch.int8), "int8 instead of float32"),
                (state["layer1.0.conv1.weight"] / 0, "infinite or not a number"),
            ):
                damaged = state | {"layer1.0.conv1.weight": spoilt}
                text = refused(complete_state, tag, damaged, where="the publisher")
                assert "layer1.0.conv1.weight" in text and said in text and "publisher" in text


class Twice(torch.nn.Module):
    """Two names for one layer, and a view of another's weights."""

    def __init__(self):
        super().__init__()
        self.first = torch.nn.Linear(2, 2)
        self.second = self.first
        self.third = torch.nn.Linear(2, 2)
        self.third.weight = torch.nn.Parameter(self.first.weight.data.t())


def test_shared_tensors_are_written_under_all_their_names(tmp_path):
    saved, fresh = Twice(), Twice()
    save_weights(tmp_path / "weights.safetensors", saved, "twice")
    restore_weights(tmp_path / "weights.safetensors", fresh, where="here", remedy="do this")
    for name, value in saved.state_dict().items():
        assert torch.equal(fresh.state_dict()[name], value)
    assert fresh.second is fresh.first
    assert not any((tmp_path).glob("*.partial*"))


def test_file_that_is_not_there_stops_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load((SCRIPTS.parent / "config.yaml").read_text(encoding="utf-8"))
    values["recipes"]["unused"] = values["recipes"]["light"] | {"pretrained": "nowhere.pth"}
    check_starting_weights(check_config(values, architectures=registry.names()))
    values["recipes"]["light"]["pretrained"] = "own.pth"
    experiment = check_config(values, architectures=registry.names())
    text = refused(check_starting_weights, experiment)
    assert "recipes.light.pretrained: own.pth" in text and str(tmp_path) in text
    (tmp_path / "own.pth").touch()
    check_starting_weights(experiment)


def test_content_hash_sees_names_shapes_and_values():
    state = {"a": torch.ones(2, 3), "b": torch.zeros(())}
    changed = [
        state | {"a": torch.ones(3, 2)},
        state | {"b": torch.ones(())},
        {"c": state["a"], "b": state["b"]},
        state | {"a": torch.ones(2, 3, dtype=torch.float64)},
    ]
    hashes = {fetch._content(content) for content in (state, dict(reversed(state.items())))}
    assert len(hashes) == 1
    assert len(hashes | {fetch._content(content) for content in changed}) == 5
    assert len(next(iter(hashes))) == len(hashlib.sha256().hexdigest())
