"""A real SLURM of one node with two GPUs that are none, for as long as a test needs it.

Everything lies in one folder: munge key, sockets, state, logs. Daemons listen on loopback only and
know nothing of a SLURM that the machine may belong to. By hand, as root:

    python tests/cluster/slurm_cluster.py /tmp/slurm

starts it, prints the variable that makes SLURM's commands and Snakemake use it, and stops it at
Ctrl-C.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")
# Stand for GPUs: SLURM wants device files, and hands out their numbers.
DEVICES = ("/dev/null", "/dev/zero")

# The executor starts srun inside a job without SLURM_CONF, which most clusters do not need; and a
# test may want what srun starts to have no network.
SRUN = """\
#!/usr/bin/env bash
export SLURM_CONF={folder}/slurm.conf
options=()
while [[ $1 == -* ]]; do options+=("$1"); shift; done
exec {srun} "${{options[@]}}" $PNEUMOBENCH_TEST_STEP "$@"
"""

# More processors and memory than there may be: jobs are counted against them, not confined.
CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser=root
AuthType=auth/munge
# A requeued job waits until its old credential has expired: two minutes by default.
AuthInfo=socket={folder}/munge.socket,cred_expire=10
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,sched_min_interval=200000,bf_interval=2
SlurmdParameters=config_overrides
MailProg=/bin/true
# A node that was set down comes back when it is told to, not by itself.
ReturnToService=1
JobRequeue=1
KillWait=5
MinJobAge={remembered}
MaxJobCount=10000
GresTypes=gpu
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=128000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str | None:
    """Say why no cluster can be started here; None where one can."""
    absent = [name for name in PROGRAMS if program(name) is None]
    if absent:
        return f"{', '.join(absent)} not found: apt-get install slurm-wlm munge"
    if os.geteuid() != 0:
        return "SLURM's daemons are started as root"
    return None


def program(name: str) -> str | None:
    """Return where a program is; those of daemons are on no user's path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


def free_ports(number: int) -> list[int]:
    """Return ports of 127.0.0.1 that nothing listens on."""
    with contextlib.ExitStack() as stack:
        # All at once, so that they differ.
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


class SlurmCluster:
    """A running cluster; a context manager.

    Parameters
    ----------
    folder
        A folder of the cluster's own; made if it is not there.

    Attributes
    ----------
    port
        Of the controller, on 127.0.0.1.
    remembered
        Seconds for which squeue and scontrol know ended jobs.
    """

    remembered = 3600

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.host = socket.gethostname().partition(".")[0]
        self.port = 0
        self.daemons: list[subprocess.Popen] = []
        self.ready = False

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need to find this cluster and no other."""
        return {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
        }

    def __enter__(self) -> "SlurmCluster":
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start the daemons, and wait until the node takes jobs."""
        self._configure()
        munge = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in ("pid", "log", "seed")]
        key = f"--key-file={self.folder}/munge.key"
        self._daemon("munged", "--foreground", "--force", key, *munge,
                     f"--socket={self.folder}/munge.socket")  # fmt: skip
        self._wait((self.folder / "munge.socket").exists, "munged")
        self._start_accounting()
        self._daemon("slurmctld", "-D", "-c")
        self._wait(lambda: "UP" in self._try("scontrol", "ping"), "slurmctld")
        self._daemon("slurmd", "-D", "-c")
        self._wait(lambda: "idle" in self._try("sinfo", "--noheader", "--format=%T"), "slurmd")
        self.ready = True

    def _start_accounting(self) -> None:
        """Start what keeps accounts, between munged and the controller: here nothing does."""

    def stop(self) -> None:
        """End all jobs and then the daemons, last started first, each by its own id."""
        if self.ready:
            self._try("scancel", "--user=root")
            with contextlib.suppress(TimeoutError):
                self._wait(lambda: not self._try("squeue", "--noheader"), "the end of jobs")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(timeout=20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.daemons.clear()
        self._end_strays()

    def _end_strays(self) -> None:
        """Kill what is left of jobs: when a node is set down, parts of a step can outlive it."""
        own = f"SLURM_CONF={self.folder}/slurm.conf".encode()
        for environ in Path("/proc").glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if own in environ.read_bytes().split(b"\0"):
                    os.kill(int(environ.parent.name), signal.SIGKILL)

    def command(self, *words: str) -> str:
        """Run one of SLURM's commands; return what it prints."""
        finished = self._run(words)
        assert finished.returncode == 0, f"{words}: {finished.stderr}"
        return finished.stdout

    def jobs(self, rule: str, state: str = "RUNNING") -> list[str]:
        """Return the ids of a rule's jobs that are in a state; its name begins their comment."""
        listed = self.command("squeue", "--noheader", "--states=all", "--format=%i|%T|%k")
        rows = [line.split("|", 2) for line in listed.splitlines()]
        return [job for job, found, comment in rows
                if found == state and comment.startswith(f"rule_{rule}")]  # fmt: skip

    def details(self, job: str) -> dict[str, str]:
        """Return what the controller knows of a job, by name."""
        words = self.command("scontrol", "--oneliner", "show", "job", job).split()
        return dict(word.partition("=")[::2] for word in words if "=" in word)

    def _configure(self) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self.port, node_port = free_ports(2)
        text = CONFIGURATION.format(
            folder=self.folder,
            host=self.host,
            gpus=len(DEVICES),
            controller_port=self.port,
            node_port=node_port,
            remembered=self.remembered,
        )
        (self.folder / "slurm.conf").write_text(text, encoding="utf-8")
        devices = []
        for number, device in enumerate(DEVICES):
            devices.append(self.folder / f"gpu{number}")
            devices[-1].symlink_to(device)
        lines = [f"NodeName={self.host} Name=gpu File={device}\n" for device in devices]
        (self.folder / "gres.conf").write_text("".join(lines), encoding="utf-8")
        srun = self.folder / "bin" / "srun"
        srun.write_text(SRUN.format(folder=self.folder, srun=program("srun")), encoding="utf-8")
        srun.chmod(0o755)

    def _daemon(self, name: str, *options: str) -> None:
        # A process group of its own: Ctrl-C reaches the daemons through stop, in their order.
        with (self.folder / f"{name}.out").open("wb") as stream:
            self.daemons.append(
                subprocess.Popen(
                    [program(name), *options],
                    env=os.environ | self.environment,
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    process_group=0,
                )
            )

    def _try(self, *words: str) -> str:
        return self._run(words).stdout

    def _run(self, words: tuple[str, ...]) -> subprocess.CompletedProcess:
        return subprocess.run(
            words,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def _wait(self, ready, what: str, seconds: float = 60) -> None:
        end = time.monotonic() + seconds
        while not ready():
            dead = [daemon for daemon in self.daemons if daemon.poll() is not None]
            if dead or time.monotonic() > end:
                found = [*self.folder.glob("*.out"), *self.folder.glob("*.log")]
                logs = [path.read_text(errors="replace")[-2000:] for path in found]
                raise TimeoutError(f"waited in vain for {what}\n" + "\n".join(logs))
            time.sleep(0.2)


def main() -> None:
    """Run a cluster until Ctrl-C or SIGTERM."""
    if reason := missing():
        raise SystemExit(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with SlurmCluster(Path(sys.argv[1])) as cluster, contextlib.suppress(KeyboardInterrupt):
        print(f"export SLURM_CONF={cluster.environment['SLURM_CONF']}", flush=True)  # noqa: T201
        signal.pause()


if __name__ == "__main__":
    main()
