"""A file system that is full or read-only is reported once, as the cause of all that failed for want of it."""

from __future__ import annotations

import os
from typing import Any

import pytest

from hosts.agent import storage
from hosts.agent.operations import OPERATIONS, Operation
from hosts.agent.results import CommandError
from hosts.states import File, Package
from tests.hosts.agent.test_runner import run, statuses
from tests.hosts.conftest import Scratch

MOUNTS = "overlay / overlay {0},relatime 0 0\nproc /proc proc ro 0 0\ntmpfs /run/lock tmpfs ro 0 0\n"
FULL = os.statvfs_result((4096, 4096, 1 << 20, 0, 0, 1 << 16, 1 << 15, 1 << 15, 0, 255))


def refuse(scratch: Scratch, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Every file fails so."""

    def fail(state: Any, host: Any) -> None:
        raise error

    monkeypatch.setitem(OPERATIONS, File, Operation(OPERATIONS[File].compare, fail))


def test_a_full_disk_is_the_first_state_s_reason_and_the_others_only_follow(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.put("/proc/mounts", MOUNTS.format("rw"))
    refuse(scratch, monkeypatch, OSError(28, "No space left on device"))
    monkeypatch.setattr(os, "statvfs", lambda path: FULL)
    scratch.table.answers = {"dpkg-query": "", "apt-get": CommandError("apt-get ended with code 100", "E: other")}
    results = run(scratch, File(path="/etc/a", content=()), File(path="/etc/b", content=()), Package(package="nginx"))
    assert statuses(results) == {"file /etc/a": "failed", "file /etc/b": "skipped", "package nginx": "failed"}
    assert results["file /etc/a"].reason == (
        "/ is full: 0 KiB of 4096 MiB are free ([Errno 28] No space left on device)"
    )
    assert results["file /etc/b"].reason == "file /etc/a"


@pytest.mark.parametrize(("blocks", "problems"), [(4095, ["/ is full: 16380 KiB of 4096 MiB are free"]), (4096, [])])
def test_a_file_system_is_full_without_room_for_what_a_service_writes_at_once(
    blocks: int, problems: list[str], scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.put("/proc/mounts", MOUNTS.format("rw"))
    room = os.statvfs_result((4096, 4096, 1 << 20, blocks, blocks, 1 << 16, 1 << 15, 1 << 15, 0, 255))
    monkeypatch.setattr(os, "statvfs", lambda path: room)
    assert storage.problems(scratch.host()) == problems


def test_a_command_s_log_that_reports_of_a_read_only_disk_is_understood(scratch: Scratch) -> None:
    scratch.put("/proc/mounts", MOUNTS.format("ro"))
    log = "dpkg: error: unable to access the dpkg database directory /var/lib/dpkg: Read-only file system"
    scratch.table.answers = {"dpkg-query": "", "apt-get": CommandError("apt-get ended with code 100", log)}
    result = run(scratch, Package(package="nginx"))["package nginx"]
    assert result.reason == "/ is mounted read-only (the package lists cannot be read)"
    assert result.log == log


def test_what_fails_while_a_disk_is_full_but_not_for_it_is_not_blamed_on_it(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch.put("/proc/mounts", MOUNTS.format("rw"))
    monkeypatch.setattr(os, "statvfs", lambda path: FULL)
    refuse(scratch, monkeypatch, OSError(13, "Permission denied"))
    results = run(scratch, File(path="/etc/a", content=()), File(path="/etc/b", content=()))
    assert set(statuses(results).values()) == {"failed"}
    assert results["file /etc/a"].reason == "[Errno 13] Permission denied"


def test_only_file_systems_of_the_host_s_own_are_looked_at(scratch: Scratch) -> None:
    scratch.put("/proc/mounts", MOUNTS.format("rw"))
    assert storage.problems(scratch.host()) == []
    scratch.put("/proc/mounts", MOUNTS.format("rw") + "/dev/loop3 /srv/files\\040x xfs ro 0 0\n")
    assert storage.problems(scratch.host()) == ["/srv/files x is mounted read-only"]
