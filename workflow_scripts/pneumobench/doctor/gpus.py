"""GPUs and their driver, asked of nvidia-smi; PyTorch is not imported."""

import importlib.util
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from pneumobench.core.gpu import VISIBLE, present_gpus
from pneumobench.doctor.finding import FAILS, OK, WARNING, Finding, Plan, said

_FIELDS = ("index", "name", "memory.total", "driver_version")


@dataclass(frozen=True)
class Driver:
    """What the NVIDIA driver says, asked once: where it hangs, every question takes seconds.

    Attributes
    ----------
    gpus
        Index, name, memory in MiB and version of the driver, of each GPU.
    cuda
        The newest CUDA that it runs, None if it does not say.
    """

    gpus: tuple[tuple[str, ...], ...] = ()
    cuda: tuple[int, int] | None = None

    @property
    def usable(self) -> bool:
        """Whether jobs that are started from here may use a GPU."""
        shown = VISIBLE not in os.environ or bool(present_gpus(os.environ))
        return bool(self.gpus) and self.cuda is not None and shown


def ask_driver(plan: Plan) -> Driver:
    """Ask nvidia-smi, if jobs of the plan may use a GPU of this machine."""
    if plan.elsewhere or plan.device in ("cpu", "mps"):
        return Driver()
    listed = said("nvidia-smi", f"--query-gpu={','.join(_FIELDS)}", "--format=csv,noheader,nounits")
    rows = [tuple(line.split(", ")) for line in (listed or "").splitlines()]
    gpus = tuple(row for row in rows if len(row) == len(_FIELDS))
    if not gpus:
        return Driver()
    # The head of the table that nvidia-smi prints without options; no field of a query has it.
    return Driver(gpus, _version(r"CUDA Version: *(\d+)\.(\d+)", said("nvidia-smi") or ""))


def gpu_finding(plan: Plan, driver: Driver) -> Finding:
    """Say which GPUs there are, and whether this PyTorch can use them with this driver."""
    gpus = driver.gpus
    if plan.device in ("cpu", "mps"):
        return Finding(OK, "GPU", f"not wanted (compute.device: {plan.device})")
    if plan.elsewhere:
        return Finding(OK, "GPU", "not looked for here: jobs run on the scheduler's nodes")
    if not gpus:
        return _none(plan)
    text = "; ".join(f"{name}, {int(float(memory)) // 1024} GiB" for _, name, memory, _ in gpus)
    text += f"; driver {gpus[0][3]}"
    if VISIBLE in os.environ and not present_gpus(os.environ):
        return Finding(WARNING, "GPU", f"{text}; {VISIBLE} hides all of them", f"unset {VISIBLE}")
    wanted, offered = torch_cuda(), driver.cuda
    if wanted and offered and offered[0] < wanted[0]:
        return Finding(
            FAILS if plan.device == "cuda" else WARNING,
            "GPU",
            f"{text} brings CUDA {offered[0]}.{offered[1]}, PyTorch was built for {wanted[0]}",
            "install a newer driver, or a PyTorch for the older CUDA",
        )
    return Finding(OK, "GPU", f"{text}; {places(len(gpus), plan.jobs_per_gpu)}")


def places(gpus: int, jobs_per_gpu: int) -> str:
    """Say how many training jobs GPUs take at once, and with which option."""
    number = gpus * jobs_per_gpu
    return f"{number} training jobs at once with --resources gpu={number} network=1"


def _none(plan: Plan) -> Finding:
    text = "none found (nvidia-smi says nothing)"
    if plan.device == "auto":
        return Finding(OK, "GPU", f"{text}: jobs compute on the processor, or where they are sent")
    if shutil.which("sbatch"):
        remedy = "nothing if jobs go to nodes with GPUs: --workflow-profile profiles/slurm"
        return Finding(WARNING, "GPU", f"{text}; compute.device is cuda", remedy)
    remedy = "set compute.device: auto, or install the NVIDIA driver"
    return Finding(FAILS, "GPU", f"{text}; compute.device is cuda", remedy)


def torch_cuda() -> tuple[int, int] | None:
    """Return the version of CUDA that the installed PyTorch was built for, read from its files."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    version = Path(spec.origin).with_name("version.py")
    text = version.read_text(encoding="utf-8") if version.exists() else ""
    return _version(r"^cuda\b.*= *['\"](\d+)\.(\d+)", text)


def _version(pattern: str, text: str) -> tuple[int, int] | None:
    match = re.search(pattern, text, re.MULTILINE)
    return (int(match[1]), int(match[2])) if match else None
