"""What a job does not import."""

import os
import subprocess
import sys

import pytest

from pneumobench.models.start_up import compiler_deferred

TRAIN_A_STEP = """
import sys
import torch
from pneumobench.models import registry
from pneumobench.training.optimisation import OPTIMISERS, build_optimiser

network = registry.load({model!r}).build(1)
for name in OPTIMISERS:
    optimiser = build_optimiser(network.parameters(), name, 1e-3, 0.0)
    optimiser.zero_grad()
    network(torch.rand(2, 1, 64, 64)).sum().backward()
    optimiser.step()
    optimiser.load_state_dict(optimiser.state_dict())
print("torch._dynamo" in sys.modules)
"""


def run(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout.strip()


@pytest.mark.parametrize("model", ["custom_cnn_lstm", "plain_resnet18", "timm:resnet10t"])
def test_training_a_step_does_not_import_the_compiler(model):
    assert run(TRAIN_A_STEP.format(model=model)) == "False"


def test_importing_every_architecture_does_not_import_the_compiler():
    code = "import sys\nfrom pneumobench.models import registry\n"
    code += "for name in registry.names():\n    registry.load(name)\n"
    assert run(f"{code}print('torch._dynamo' in sys.modules)") == "False"


def test_describing_a_model_does_not_import_the_compiler():
    code = "import sys\nfrom pneumobench.models.describe import describe_model\n"
    code += "describe_model('plain_resnet18', 64)\n"
    assert run(f"{code}print('torch._dynamo' in sys.modules)") == "False"


USE_THE_COMPILER = """
import torch
from pneumobench.models import registry
import pneumobench.training.optimisation
registry.load("plain_resnet18")
from torchvision.ops import roi_align
from torchvision.ops.roi_align import is_compile_supported

print(is_compile_supported("cuda") in (True, False))
boxes = [torch.tensor([[0.0, 0.0, 4.0, 4.0]])]
torch.use_deterministic_algorithms(True)
print(tuple(roi_align(torch.rand(1, 1, 8, 8), boxes, 2).shape))
print(torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item())
"""


def test_the_compiler_works_when_it_is_asked_for():
    assert run(USE_THE_COMPILER).splitlines() == ["True", "(1, 1, 2, 2)", "2.0"]


def test_a_name_that_the_stand_in_lacks_comes_from_the_compiler():
    code = "from pneumobench.models.start_up import compiler_deferred\nimport sys\n"
    code += "with compiler_deferred():\n    from torch._dynamo.utils import counters\n"
    code += "print(type(counters).__name__, 'torch._dynamo' in sys.modules)"
    assert run(code) == "defaultdict True"


def test_the_stand_in_is_gone_after_the_block():
    had = "torch._dynamo.utils" in sys.modules
    with compiler_deferred():
        assert "torch._dynamo.utils" in sys.modules
    assert ("torch._dynamo.utils" in sys.modules) == had
