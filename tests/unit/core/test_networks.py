"""Names of networks: what a wrong one is answered with."""

import pytest
from configurations import config

from pneumobench.core.config import ConfigError, check_config
from pneumobench.core.config.problems import Problem
from pneumobench.models import registry, timm_names


def problem_of(name: str) -> Problem:
    with pytest.raises(ConfigError) as caught:
        check_config(
            config() | {"runs": [name]},
            architectures=registry.names(),
            backbones=timm_names.names,
            summary=registry.summary,
        )
    (problem,) = caught.value.problems
    assert problem.path == "runs[0]"
    return problem


def test_a_name_that_several_networks_could_have_is_answered_with_what_each_is():
    problem = problem_of("resnet18")
    assert problem.nearest == "plain_resnet18"
    assert problem.hint.startswith("write plain_resnet18 (ResNet18, torchvision's)")
    assert "custom_resnet18 (ResNet18 written out" in problem.hint
    assert problem.hint.endswith(" or timm:resnet18")


@pytest.mark.parametrize(
    "name", ["efficientnet_b0", "EfficientNet-B0", "timm/efficientnet_b0", "Timm: efficientnet_b0"]
)
def test_a_backbone_of_timm_is_named_with_its_prefix(name):
    problem = problem_of(name)
    assert problem.nearest == "timm:efficientnet_b0"
    assert problem.hint == "write timm:efficientnet_b0"


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("ResNet-50", "resnet50"),
        ("vgg 16", "vgg16"),
        ("densenet", "densenet121"),
        ("alexnett", "alexnet"),
        ("timm:xception_lstm", "xception_lstm"),
        ("timm:EfficientNet_B0", "timm:efficientnet_b0"),
    ],
)
def test_one_network_is_meant(name, right):
    assert problem_of(name).hint == f"write {right}"


def test_a_backbone_that_timm_does_not_have_is_refused_with_those_most_like_it():
    problem = problem_of("timm:mobilenetv3_smal_100")
    assert "the timm installed here does not have" in problem.given
    assert problem.nearest == "timm:mobilenetv3_small_100"
    assert problem.hint.count("timm:") == 3
    assert problem_of("convnext").hint.count("timm:convnext_") == 3


def test_a_backbone_like_no_other_is_to_be_searched_for():
    assert "timm.list_models('*part*')" in problem_of("timm:qqqqqqqq").hint


@pytest.mark.parametrize("name", ["timm:vit_tiny_patch16_224.augreg_in21k", "timm:tv_resnet50"])
def test_names_with_tags_and_names_of_earlier_versions_are_timms(name):
    raw = config() | {"runs": [name], "ensembles": []}
    check_config(raw, architectures=registry.names(), backbones=timm_names.names)


def test_every_architecture_says_what_it_is_without_being_imported(tmp_path, monkeypatch):
    for name in registry.names():
        assert registry.summary(name) != "no description"
    monkeypatch.setattr(registry.architectures, "__path__", [str(tmp_path)])
    (tmp_path / "silent.py").write_text("import nowhere\n")
    (tmp_path / "broken.py").write_text("def\n")
    (tmp_path / "own.py").write_text('"""Mine.\n\nLonger."""\nimport nowhere\n')
    found = [registry.summary(name) for name in ("silent", "broken", "own", "missing")]
    assert found == ["no description", "no description", "Mine", "no description"]
