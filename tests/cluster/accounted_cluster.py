"""The cluster of slurm_cluster.py with accounting: slurmdbd, and MariaDB behind it."""

import socket
import subprocess

from slurm_cluster import SlurmCluster, free_ports, program

PROGRAMS = ("slurmdbd", "mariadbd", "mariadb-install-db", "mariadb-admin")
PASSWORD = "of-the-tests-alone"

ACCOUNTING = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
DbdHost={host}
DbdAddr={host}
DbdPort={port}
CommunicationParameters=NoInAddrAny
SlurmUser=root
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database_port}
StorageUser=slurm
StoragePass={password}
StorageLoc=accounts
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
"""
# Lines of slurm.conf.
OF_CONTROLLER = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost={host}
AccountingStoragePort={port}
AccountingStoragePass={folder}/munge.socket
JobAcctGatherType=jobacct_gather/none
"""


def missing() -> str | None:
    """Say why there is no accounting here; None where there is."""
    absent = [name for name in PROGRAMS if program(name) is None]
    if absent:
        return f"{', '.join(absent)} not found: apt-get install slurmdbd mariadb-server"
    if not (address := socket.gethostbyname(socket.gethostname())).startswith("127."):
        return f"this machine's name stands for {address}: slurmdbd would not listen on loopback"
    return None


class AccountedCluster(SlurmCluster):
    """A running cluster whose ended jobs are known to sacct, and soon to nothing else."""

    remembered = 5

    def _start_accounting(self) -> None:
        port, database_port = free_ports(2)
        self._start_database(database_port)
        places = {"folder": self.folder, "host": self.host, "port": port}
        configuration = self.folder / "slurmdbd.conf"
        configuration.touch(0o600)
        configuration.write_text(
            ACCOUNTING.format(database_port=database_port, password=PASSWORD, **places),
            encoding="utf-8",
        )
        with (self.folder / "slurm.conf").open("a", encoding="utf-8") as stream:
            stream.write(OF_CONTROLLER.format(**places))
        self._daemon("slurmdbd", "-D")
        # The controller reports to a cluster that is known.
        self._wait(
            lambda: self._run(("sacctmgr", "-i", "add", "cluster", "tests")).returncode == 0,
            "slurmdbd",
        )

    def _start_database(self, port: int) -> None:
        folder, place = self.folder / "database", f"--socket={self.folder}/database.socket"
        subprocess.run(
            [program("mariadb-install-db"), "--no-defaults", "--user=root", f"--datadir={folder}",
             "--skip-test-db", "--auth-root-authentication-method=normal"],
            check=True, capture_output=True,
        )  # fmt: skip
        first = self.folder / "first.sql"
        first.write_text(
            f"CREATE USER slurm@127.0.0.1 IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON accounts.* TO slurm@127.0.0.1;\n",
            encoding="utf-8",
        )
        self._daemon(
            "mariadbd", "--no-defaults", "--user=root", f"--datadir={folder}", place,
            f"--port={port}", "--bind-address=127.0.0.1", f"--init-file={first}",
            f"--pid-file={self.folder}/database.pid", "--innodb-lock-wait-timeout=900",
        )  # fmt: skip
        ping = ("mariadb-admin", "--no-defaults", place, "ping")
        self._wait(lambda: "alive" in self._try(*ping), "mariadbd")
