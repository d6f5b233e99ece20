"""What a new user does on the fresh machine, and what must show."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fresh_machine import bootstrap
from tests.fresh_machine.machine import Machine

CLONE = "/root/livegang"
USERS_CLONE = f"/home/{bootstrap.USER}/livegang"
SMALL = "/mnt/small"

MAKE_FAILED = 2
"""What make ends with, whatever the command ended with; that it shows."""


@dataclass(frozen=True)
class Step:
    """One command and what it must end with."""

    title: str
    command: Sequence[str]
    code: int = 0
    shows: Sequence[str] = ()
    """Regular expressions that its output must match."""
    user: str = "root"
    folder: str = CLONE
    environment: dict[str, str] = field(default_factory=dict)


def _shell(script: str) -> list[str]:
    return ["sh", "-euc", script]


def _active(command: str) -> list[str]:
    return ["bash", "-euc", f". .venv/bin/activate && {command}"]


# Patterns that do not match the command in which they stand.
_TRACES = f"""
ip netns list
losetup --list --noheadings --output NAME,BACK-FILE | grep -F ' {CLONE}/' || true
grep -E ' ({CLONE}|/run/livegang|/run/netns)(/| )' /proc/mounts || true
find /sys/fs/cgroup -maxdepth 1 -name 'livegang-*'
grep -lsE 'rehearsal[.](supervisor|provider)|systemd-nspaw[n]' /proc/[0-9]*/cmdline || true
"""

CLONING = (
    Step("clone it", ["git", "clone", "--quiet", f"/{bootstrap.BUNDLE}", CLONE, "--branch", "main"], folder="/root"),
    Step(
        "clone it as an ordinary user",
        ["git", "clone", "--quiet", f"/{bootstrap.BUNDLE}", USERS_CLONE, "--branch", "main"],
        user=bootstrap.USER,
        folder=f"/home/{bootstrap.USER}",
    ),
    Step("the targets", ["make"], shows=["make rehearse", "make test", "make preview"]),
)

PULLING = (
    Step("bring the clone up to date", ["git", "pull", "--quiet", "--ff-only"]),
    Step(
        "bring the ordinary user's up to date",
        ["git", "pull", "--quiet", "--ff-only"],
        user=bootstrap.USER,
        folder=USERS_CLONE,
    ),
)
"""On a machine that was kept."""

REFUSALS = (
    Step(
        "an ordinary user cannot boot hosts",
        ["make", "rehearse"],
        code=MAKE_FAILED,
        shows=["Error 5", "needs root", "sudo", "make preview"],
        user=bootstrap.USER,
        folder=USERS_CLONE,
    ),
    Step(
        "without python3-venv an ordinary user is told to have it installed",
        ["make", "preview"],
        code=MAKE_FAILED,
        shows=["Error 5", "apt-get install .*python3-venv"],
        user=bootstrap.USER,
        folder=USERS_CLONE,
    ),
    Step(
        "a state folder that is too small",
        _shell(
            f"mkdir -p {SMALL}; mount -t tmpfs -o size=64M small {SMALL}; trap 'umount {SMALL}' EXIT; make rehearse"
        ),
        code=MAKE_FAILED,
        shows=["Error 5", f"GiB are free where {SMALL}", "LIVEGANG_STATE"],
        environment={"LIVEGANG_STATE": f"{SMALL}/state"},
    ),
)
"""Only on a machine where nothing was installed yet."""

CHAIN = (
    Step("make rehearse", ["make", "rehearse"], shows=[r"\bGO\b"]),
    Step(
        "make preview as an ordinary user",
        ["make", "preview"],
        shows=[r"compute:VirtualMachine +9\b", "https://ambulant", r"to create"],
        user=bootstrap.USER,
        folder=USERS_CLONE,
    ),
    Step("make rehearse, living", ["make", "rehearse"], shows=[r"\bGO\b"]),
    Step(
        "nothing to change",
        _active("pulumi preview --stack rehearsal --refresh --expect-no-changes && fab hosts.plan"),
    ),
    Step("nothing in the work tree", _shell('test -z "$(git status --porcelain)"')),
    Step("a host by ssh", _active("ssh -F .livegang/rehearsal/ssh_config web01 hostname"), shows=["^web01$"]),
    Step("no unit of the machine failed", _shell('test -z "$(systemctl --failed --no-legend)"')),
)

REBOOTED = (
    Step("make rehearse, after a reboot of the machine", ["make", "rehearse"], shows=[r"\bGO\b"]),
    Step("make down", ["make", "down"]),
    Step("nothing is left", _shell(f'left=$({_TRACES})\necho "$left"\ntest -z "$left"')),
)


def go(machine: Machine, steps: Sequence[Step]) -> list[str]:
    """Take the steps; returns what failed. The first that fails is the last that is taken."""
    for step in steps:
        print(f"== {step.title}", flush=True)
        began = time.monotonic()
        done = machine.run(step.command, user=step.user, folder=step.folder, environment=step.environment)
        missing = [pattern for pattern in step.shows if not re.search(pattern, done.stdout, re.MULTILINE)]
        print(f"== {step.title}: exit {done.returncode}, {time.monotonic() - began:.0f} s\n", flush=True)
        if done.returncode != step.code:
            return [f"{step.title}: ended with {done.returncode}, not with {step.code}."]
        if missing:
            return [f"{step.title}: did not show {pattern!r}." for pattern in missing]
    return []
