"""Preconditions, checked before anything starts. Each one that fails is a sentence and a remedy."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path

from toolchain import kernel, system
from toolchain.folders import PROJECT, cache
from toolchain.kernel import Failing

GIB = 1 << 30

MEMORY = 3
"""GiB that must be available: nine hosts and their services take under two."""


def basics() -> list[Failing]:
    """What every goal needs."""
    found = []
    if platform.system() != "Linux":
        found.append(Failing(f"This is {platform.system()}, not Linux.", "Use a Linux machine, preferably Debian 12."))
    if not os.access(PROJECT, os.W_OK):
        found.append(Failing(f"You have no write permission in {PROJECT}.", "Use a clone of your own: git clone …"))
    if not os.access(_existing(cache()), os.W_OK):
        remedy = "Is HOME yours? If not, name a folder: export LIVEGANG_CACHE=/path/to/folder"
        found.append(Failing(f"You have no write permission in {cache()}, where tools are kept.", remedy))
    if os.geteuid() != 0 and system.missing([system.VENV]):
        sentence = f"This Python ({sys.executable}) cannot make virtual environments."
        remedy = f"As root: apt-get install {system.VENV.name} (make rehearse installs it as well)"
        found.append(Failing(sentence, remedy))
    return found


def for_booting(state: Path) -> list[Failing]:
    """What booting hosts needs in addition: root, disk space, memory and kernel features."""
    found = basics()
    if os.geteuid() != 0:
        found.append(Failing("Booting hosts needs root, and you are not root.", "Become root: sudo -i, or sudo make …"))
    found += [*_claimed(state), *_room(state), *_memory()]
    if platform.system() == "Linux" and os.geteuid() == 0 and os.access(PROJECT, os.W_OK):
        found += kernel.failing(state)
    return found


def _claimed(state: Path) -> list[Failing]:
    """A state folder belongs to one clone of one user: two would bring down each other's hosts."""
    file = state / "owner.json"
    try:
        owner = json.loads(file.read_text())
    except FileNotFoundError:
        return []
    except PermissionError as error:
        try:
            owner = {"uid": state.stat().st_uid}
        except PermissionError:
            sentence = f"{state} cannot be read: {error.strerror}."
            return [Failing(sentence, "Use a folder of your own: export LIVEGANG_STATE=/path/to/folder")]
    if owner["uid"] != os.geteuid():
        sentence = f"The rehearsal in {state} belongs to another user (uid {owner['uid']})."
        return [Failing(sentence, "Use a folder of your own: export LIVEGANG_STATE=/path/to/folder")]
    clone = owner["project"]
    if clone != str(PROJECT) and Path(clone).is_dir():
        sentence = f"The rehearsal in {state} belongs to another clone: {clone}."
        return [Failing(sentence, f"Unset LIVEGANG_STATE, or end that one first: cd {clone} && fab rehearsal.down")]
    return []


def _room(state: Path) -> list[Failing]:
    """Free disk space, counted once for each file system; what is already cached needs none."""
    images = cache() / "images"
    needs = [(state, 4.0), (cache(), 0.5 if os.access(images, os.R_OK) else 4.0), (PROJECT, 1.0)]
    by_device: dict[int, tuple[Path, float]] = {}
    for folder, gib in needs:
        there = _existing(folder)
        device = there.stat().st_dev
        by_device[device] = (there, by_device.get(device, (there, 0.0))[1] + gib)
    found = []
    for there, gib in by_device.values():
        free = shutil.disk_usage(there).free / GIB
        if free < gib:
            sentence = f"Only {free:.1f} GiB are free in {there}; {gib:.1f} GiB are needed."
            remedy = "Free some space, or name other folders: LIVEGANG_STATE (hosts), LIVEGANG_CACHE (images, tools)."
            found.append(Failing(sentence, remedy))
    return found


def _existing(folder: Path) -> Path:
    """The folder, or its nearest parent that exists; os.access does not fail in folders that cannot be entered."""
    while not os.access(folder, os.F_OK):
        folder = folder.parent
    return folder


def _memory() -> list[Failing]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return []
    fields = dict(line.split(":", 1) for line in lines)
    available = int(fields["MemAvailable"].split()[0]) / (1 << 20)
    if available >= MEMORY:
        return []
    return [
        Failing(f"Only {available:.1f} GiB of memory are available; {MEMORY} GiB are needed.", "Close what uses it.")
    ]


def why_no_hosts(state: Path) -> str | None:
    """Why hosts cannot boot here, None if they can: the reason given for skipped tests."""
    found = for_booting(state)
    return " ".join(each.sentence for each in found) or None
