"""The registry: one file is one architecture, and a job imports only what its own needs."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from thirteen import THIRTEEN

from pneumobench.core.errors import UserError
from pneumobench.models import architectures, registry
from pneumobench.models.architecture import Architecture, Freeze
from pneumobench.models.describe import count_parameters, describe_model

ROOT = Path(__file__).resolve().parents[3]
MODELS = ROOT / "workflow_scripts/pneumobench/models"


@pytest.fixture
def extra_folder(tmp_path, monkeypatch):
    """A second folder of architectures, gone after the test."""
    monkeypatch.setattr(architectures, "__path__", [*architectures.__path__, str(tmp_path)])
    yield tmp_path
    for name in list(sys.modules):
        origin = getattr(sys.modules[name], "__file__", None)
        if origin and Path(origin).is_relative_to(tmp_path):
            del sys.modules[name]
            delattr(architectures, name.rpartition(".")[2])


def run_python(code: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=MODELS.parents[1],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_thirteen_architectures_are_there():
    assert set(registry.names()) >= set(THIRTEEN)


def test_names_and_modules_are_found_without_torch():
    code = """
import sys
from pneumobench.models import registry
names = registry.names()
modules = [registry.module_name(name) for name in [*names, "timm:efficientnet_b0"]]
print(len(names), *sorted({"torch", "torchvision", "timm"} & set(sys.modules)))
"""
    assert run_python(code).split() == [str(len(registry.names()))]


@pytest.mark.parametrize(
    ("name", "unwanted"),
    [("alexnet", {"timm"}), ("custom_resnet_cbam", {"timm", "torchvision"})],
)
def test_a_job_imports_only_its_own_architecture(name, unwanted):
    code = f"""
import sys
from pneumobench.models import registry
registry.load({name!r})
print(*sys.modules)
"""
    imported = set(run_python(code).split())
    assert not imported & unwanted
    package = registry.architectures.__name__
    assert {module for module in imported if module.startswith(f"{package}.")} == {
        f"{package}.{name}"
    }


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, and what the package's own of them import in turn."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    for name in list(found):
        file = MODELS.parents[1].joinpath(*name.split(".")).with_suffix(".py")
        if file.is_file():
            found |= imports_of(file)
    return found


@pytest.mark.parametrize("path", sorted(MODELS.glob("architectures/custom_*.py")), ids=str)
def test_custom_networks_take_nothing_from_torchvision_or_timm(path):
    imported = imports_of(path)
    assert "pneumobench.models.blocks.classifier" in imported
    assert not {name for name in imported if name.split(".")[0] in ("torchvision", "timm")}


def test_module_names():
    assert registry.module_name("vgg16") == "pneumobench.models.architectures.vgg16"
    assert registry.module_name("timm:resnet18") == "pneumobench.models.timm_backbone"


def test_unknown_name_gives_the_nearest():
    with pytest.raises(UserError, match=r"no architecture resnet5O(.|\n)*did you mean resnet50\?"):
        registry.load("resnet5O")


def test_file_without_an_architecture_is_refused(extra_folder):
    (extra_folder / "hollow.py").write_text("x = 1\n")
    with pytest.raises(UserError, match="hollow does not define it"):
        registry.load("hollow")


def test_file_that_could_be_taken_for_a_backbone_of_timm_is_no_architecture(extra_folder):
    (extra_folder / "timm-resnet50.py").write_text("x = 1\n")
    assert "timm-resnet50" not in registry.names()
    with pytest.raises(UserError, match="no architecture timm-resnet50"):
        registry.load("timm-resnet50")


def test_the_model_of_the_guide_needs_one_file_only(extra_folder):
    guide = (ROOT / "docs/adding-a-model.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    (extra_folder / "small_cnn.py").write_text(code)

    assert "small_cnn" in registry.names()
    description = describe_model("small_cnn", 64)
    assert description["cam_layers"] == [{"layer": "trunk.11", "channels": 256, "map": [4, 4]}]
    assert description["freeze"] == {"none": "every parameter is trained"}
    network = registry.load("small_cnn").build(1)
    network(torch.rand(2, 1, 64, 64)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_an_own_model_of_which_a_part_is_never_trained_is_refused(extra_folder):
    guide = (ROOT / "docs/adding-a-model.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", guide, flags=re.DOTALL)
    cut = code.replace("return self.trunk(prepared)", "return self.trunk(prepared).detach()")
    assert cut != code
    (extra_folder / "cut_cnn.py").write_text(cut)
    with pytest.raises(UserError, match=r"no gradient reaches \d+ of its \d+(.|\n)*trunk"):
        describe_model("cut_cnn", 64)


def test_freeze_selects_by_whole_path_and_in_order():
    names = ["net.layer4.w", "net.layer40.w", "net.fc.w", "new.w"]
    assert Freeze("", all_but=("net.layer4", "net.fc")).select(names) == ["net.layer40.w", "new.w"]
    assert Freeze("", first={"net": 2, "new": 1}).select(names) == [*names[:2], "new.w"]


def test_freeze_policy_without_meaning_lists_the_valid_ones():
    entry = Architecture("some", "Some", "CNN", "none", build=print, cam_layers=())
    assert entry.frozen_names("none", ["a.w"]) == []
    with pytest.raises(UserError, match=r"last_stage means nothing for some(.|\n)*one of none"):
        entry.frozen_names("last_stage", ["a.w"])


class TestTimm:
    """Backbones of timm by name."""

    def test_any_backbone_by_name(self):
        network = registry.load("timm:mobilenetv3_small_050").build(3)
        logits = network(torch.rand(2, 1, 64, 64))
        assert logits.shape == (2, 3)
        logits.sum().backward()
        assert all(parameter.grad is not None for parameter in network.parameters())

    def test_tag_and_checkpoint(self):
        assert registry.load("timm:resnet50").checkpoint == "timm/resnet50.a1_in1k"
        assert registry.load("timm:resnet50.tv_in1k").checkpoint == "timm/resnet50.tv_in1k"

    @pytest.mark.parametrize(
        ("name", "remedy"),
        [
            ("timm:efficientnet_b00", r"did you mean efficientnet_b0\?"),
            ("timm:resnet50.a1_in2k", r"did you mean resnet50\.a1_in1k\?"),
        ],
    )
    def test_unknown_backbone_gives_the_nearest(self, name, remedy):
        with pytest.raises(UserError, match=remedy):
            registry.load(name)

    def test_backbone_of_one_size_refuses_others(self):
        with pytest.raises(UserError, match=r"does not take images of 64 px(.|\n)*for 224 px"):
            describe_model("timm:vit_tiny_patch16_224", 64)

    def test_maps_with_channels_last_axis_come_out_channels_first(self):
        description = describe_model("timm:swin_tiny_patch4_window7_224", 224)
        assert description["cam_layers"] == [{"layer": "last_map", "channels": 768, "map": [7, 7]}]


class TestDescribe:
    """Parameters and cost against published figures (at 1000 classes, hence small deviations)."""

    @pytest.mark.parametrize(
        ("model", "image_size", "giga_macs"),
        [
            ("plain_resnet18", 224, 1.814),  # torchvision's table
            ("alexnet", 224, 0.714),  # torchvision's table
            ("xception", 299, 8.40),  # timm's table
        ],
    )
    def test_macs(self, model, image_size, giga_macs):
        macs = describe_model(model, image_size)["macs"]
        assert macs == pytest.approx(giga_macs * 1e9, rel=0.006)

    def test_macs_include_the_lstm(self):
        description = describe_model("custom_cnn_lstm", 64)
        convolutions = 9 * (64**2 * 3 * 200 + 32**2 * 200 * 150 + 16**2 * 150 * 100)
        pooling = 100 * (7 * 16 * 16 + 7 * 16 * 7)
        recurrent = 49 * 4 * 50 * (100 + 50) + 50 * 64 + 64
        assert description["macs"] == convolutions + pooling + recurrent

    def test_description_is_complete(self):
        description = describe_model("xception_vgg16_fusion", 96)
        assert description == {
            "model": "xception_vgg16_fusion",
            "title": "Xception + VGG16 fusion",
            "family": "fusion",
            "parameters": description["parameters"],
            "trainable_parameters": description["parameters"],
            "macs": description["macs"],
            "image_size": 96,
            "cam_layers": [
                {"layer": "xception.act4", "channels": 2048, "map": [3, 3]},
                {"layer": "vgg16.features.29", "channels": 512, "map": [6, 6]},
            ],
            "checkpoint": "timm/legacy_xception.tf_in1k + torchvision/vgg16.IMAGENET1K_V1",
            "branches": ["xception", "vgg16"],
            "freeze": description["freeze"],
            "reference": description["reference"],
        }
        assert set(description["freeze"]) == {"none", "first_parameters", "last_stage"}

    def test_too_small_images_name_model_size_and_minimum(self):
        with pytest.raises(UserError, match=r"too small for alexnet: 48 px(.|\n)*64 px or more"):
            describe_model("alexnet", 48)

    def test_trainable_parameters_are_those_with_a_gradient(self):
        layer = torch.nn.Linear(3, 2)
        layer.bias.requires_grad_(False)
        assert count_parameters(layer) == 8
        assert count_parameters(layer, trainable_only=True) == 6
