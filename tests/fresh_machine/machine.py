"""A machine inside this one: systemd-nspawn, so nested that the rehearsal's own nspawn works in it.

What that needed, each line found by trying:

- A cgroup2-only hierarchy, as Debian 12 has it: mounted over /sys/fs/cgroup in a mount namespace of its own, whose
  root is a group of the machine's own. systemd inside sees nothing else.
- Every capability, and /proc/sys and /sys writable: the rehearsal mounts, makes namespaces and loop devices, and
  raises a limit. So the units that would set the shared kernel's own values are masked (see ``bootstrap``), and
  what systemd's PID 1 sets in any case is put back at the end.
- /dev/loop-control bound, and nodes for the loop devices: nspawn's /dev is its own.
- The machine's root on a real file system: overlays do not lie on overlays.
- The network of this machine, for the registries. The rehearsal's own traffic stays in its namespaces, there as here.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.base.cgroups import Cgroup
from rehearsal.control.kernel import cgroup2

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

BOOT_SECONDS = 120.0

_SET_BY_SYSTEMD = ("fs/file-max", "fs/nr_open", "net/unix/max_dgram_qlen")
"""Below /proc/sys."""

_POWER_OFF = signal.SIGRTMIN + 4
"""systemd's signal for it."""

_NEST = """
echo $$ > "$1/cgroup.procs"
shift
exec unshare --pid --mount --cgroup --ipc --uts --fork --kill-child=KILL --mount-proc --propagation private -- \
    sh -euc '
        mkdir -p /run/systemd
        mount -t tmpfs tmpfs /run/systemd
        mount -t cgroup2 cgroup2 /sys/fs/cgroup
        exec "$@"
    ' nest "$@"
"""


class Machine:
    """One booted machine. Used as a context: it is ended, and its groups are removed, whatever happens."""

    def __init__(self, root: Path, binds: Mapping[Path, str], environment: Mapping[str, str]) -> None:
        """``binds``: what it sees of this machine, read-only. ``environment``: of all commands run there."""
        self.root = root
        self.log = root.parent / "console.log"
        self._binds = binds
        self._environment = environment
        self._cgroup = Cgroup(cgroup2() / f"fresh-machine-{os.getpid()}")
        self._sysctls: dict[Path, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Machine:
        for name in _SET_BY_SYSTEMD:
            file = Path("/proc/sys") / name
            self._sysctls[file] = file.read_text()
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        folder: str = "/",
        environment: Mapping[str, str] | None = None,
        timeout: float = 7200,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as a unit of the machine's systemd and return what it said, which is shown as well."""
        unit = ["systemd-run", "--quiet", "--pipe", "--wait", "--collect", "--service-type=exec"]
        unit += [f"--property=User={user}", f"--working-directory={folder}"]
        unit += [f"--setenv={name}={value}" for name, value in {**self._environment, **(environment or {})}.items()]
        process = subprocess.Popen(
            self._entering(*unit, "--", *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        lines = []
        deadline = time.monotonic() + timeout
        assert process.stdout is not None
        for line in process.stdout:
            print(f"    {line}", end="", flush=True)
            lines.append(line)
            if time.monotonic() > deadline:
                process.kill()
        return subprocess.CompletedProcess(argv, process.wait(), "".join(lines))

    def _boot(self) -> None:
        self._cgroup.create()
        nspawn = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot", "--machine=fresh"]
        nspawn += ["--register=no", "--keep-unit", "--console=passive", "--link-journal=no"]
        nspawn += ["--capability=all", "--resolv-conf=off", "--timezone=off", "--bind=/dev/loop-control"]
        nspawn += [f"--bind-ro={source}:{target}" for source, target in self._binds.items()]
        with self.log.open("wb") as console:
            self._process = subprocess.Popen(
                ["sh", "-euc", _NEST, "nest", str(self._cgroup.path), *nspawn],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                env={"PATH": PATH, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1"},
                start_new_session=True,
            )
        deadline = time.monotonic() + BOOT_SECONDS
        state = ""
        while state not in ("running", "degraded"):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The machine is {state or 'not there'}; its console:\n{self._console()}")
            time.sleep(0.5)
            if self._leader() is not None:
                asked = subprocess.run(
                    self._entering("systemctl", "is-system-running"), capture_output=True, text=True, check=False
                )
                state = asked.stdout.strip()
        if state == "degraded":
            failed = self._entering("systemctl", "--failed", "--no-legend", "--plain")
            print(subprocess.run(failed, capture_output=True, text=True, check=True).stdout, end="")

    def _entering(self, *argv: str) -> list[str]:
        clean = ["env", "-i", f"PATH={PATH}", "SYSTEMD_PAGER="]
        return ["nsenter", f"--target={self._leader()}", "-m", "-u", "-i", "-n", "-p", "-C", "--", *clean, *argv]

    def _leader(self) -> int | None:
        """The machine's PID 1, by its number here: the first process two namespaces below."""
        for process in self._cgroup.processes():
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except OSError:
                continue  # ended meanwhile
            ids = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
            if len(ids) == 3 and ids[2] == "1":
                return process
        return None

    def _end(self) -> None:
        if self._process is not None and (leader := self._leader()) is not None:
            os.kill(leader, _POWER_OFF)
            self._cgroup.wait_empty(100)
        self._cgroup.remove(30)
        if self._process is not None:
            self._process.wait()
        for file, value in self._sysctls.items():
            file.write_text(value)

    def _console(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-30:])
