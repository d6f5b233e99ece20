"""systemd-nspawn: the options that were found to work, and entering what it started."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from rehearsal.base.cgroups import Cgroup
from rehearsal.base.handler import HandlerError

REBOOT = 133
"""nspawn's exit code when the host asked for a reboot: it is to be started again."""

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def arguments(name: str, root: Path, namespace: Path) -> list[str]:
    """What hosts and services have in common."""
    return [
        "systemd-nspawn",
        "--quiet",
        f"--directory={root}",
        f"--machine={name}",
        # There need not be a systemd on the machine that could be asked for units.
        "--register=no",
        "--keep-unit",
        f"--network-namespace-path={namespace}",
        "--resolv-conf=off",
        "--timezone=off",
        "--link-journal=no",
        "--drop-capability=CAP_MKNOD",
    ]


def spawn(cgroup: Cgroup, argv: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start nspawn inside ``cgroup``; what it and its processes print goes to ``log``.

    The process enters the group before nspawn begins, else all would share one payload group: hosts would have
    no accounting, `systemctl status` inside would fail, and none could be ended whole.
    """
    cgroup.create()
    entering = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    with open(log, "ab") as output:
        return subprocess.Popen(
            ["/bin/sh", "-c", entering, str(cgroup.path), *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={"PATH": PATH, "LANG": "C.UTF-8", **environment},
            start_new_session=True,
        )


def enter(leader: int, argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` in all namespaces of ``leader``.

    Not nsenter waits for its end but a shell. A host that goes down stops all its processes for a moment
    (systemd-shutdown), and nsenter stops with what it waits for; continued is only what is inside. The command would
    end without anybody to collect it, and the host would wait for that, for ever.
    """
    entering = ["nsenter", f"--target={leader}", "-m", "-u", "-i", "-n", "-p", "-C", "--no-fork", "--"]
    return [*entering, *clean(["/bin/sh", "-c", '"$@"; exit $?', "sh", *argv])]


def clean(argv: Sequence[str]) -> list[str]:
    """The command that runs ``argv`` with nothing of this process's environment."""
    return ["env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", f"TERM={os.environ.get('TERM', 'dumb')}", *argv]


def run(place: str, leader: int | None, argv: Sequence[str], given: str | None = None, timeout: float = 30) -> str:
    """Run ``argv`` in the namespaces of ``leader`` and return its standard output; ``place`` names it in errors."""
    if leader is None:
        raise HandlerError(f"{place} is not running, so `{argv[0]}` could not be run there.")
    try:
        result = subprocess.run(
            enter(leader, argv), input=given or "", capture_output=True, text=True, check=False, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise HandlerError(f"`{' '.join(argv)}` in {place} did not end within {timeout:.0f} s.") from error
    if result.returncode:
        said = (result.stderr or result.stdout).strip()
        raise HandlerError(
            f"`{' '.join(argv)}` in {place} ended with {result.returncode}: {said or 'nothing was said'}"
        )
    return result.stdout


def end_of(file: Path, lines: int) -> str:
    """The last lines of a log, without what terminals need; empty when there is none."""
    if not file.exists():
        return ""
    with open(file, "rb") as opened:
        opened.seek(max(0, file.stat().st_size - 64 * 1024))
        text = opened.read().decode(errors="replace").replace("\r", "")
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
