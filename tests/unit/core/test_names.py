"""Names of runs, and the nearest to a mistyped one."""

from pneumobench.core.names import did_you_mean, nearest
from pneumobench.core.run import Run


def test_run_names():
    run = Run("timm:vit_tiny", "light", 3)
    assert run.folder == "timm-vit_tiny/light/seed3" and "timm:vit_tiny" in run.title
    assert nearest("densenet21", ["densenet121", "vgg16"]) == "densenet121"
    assert did_you_mean("zzz", ["densenet121"]) == ""
