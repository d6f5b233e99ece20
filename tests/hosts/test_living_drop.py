"""On booted hosts: what a sender can do wrong over SFTP, and what may happen to a delivery, loses nothing."""

from __future__ import annotations

import json
import re
import shlex
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.living import Rehearsal

pytestmark = pytest.mark.booted

SENDER = Path(__file__).with_name("sender.py")
SHARED = "/srv/files/documents/incoming"
LOGS = {"scanner": "/var/log/transfer-scanner/files.log", "delivery": "/var/log/transfer-delivery/files.log"}


class Drop:
    """The old hoster's drop, from its place in the Internet."""

    def __init__(self, rehearsal: Rehearsal) -> None:
        self.rehearsal = rehearsal
        self.address = str(rehearsal.inventory.way_in.transfer_address)
        self.key = rehearsal.inventory.hosts["xfer01"].host_keys[0]

    def send(self, order: str, folder: str) -> dict[str, Any]:
        """Run the sender there; its answer."""
        words = ["python3", "-c", SENDER.read_text(), self.address, self.key, order, folder]
        answer: dict[str, Any] = json.loads(self.rehearsal.ssh("old-hoster", shlex.join(words)).stdout)
        return answer

    def host(self, command: str) -> str:
        return self.rehearsal.ssh("xfer01", f"sudo sh -c {shlex.quote(command)}").stdout

    def file_host(self, command: str) -> str:
        return self.rehearsal.ssh("file01", f"sudo sh -c {shlex.quote(command)}").stdout

    def lines(self, service: str, folder: str) -> list[dict[str, Any]]:
        """A service's lines on a folder; none before its first file has made the log."""
        said = self.host(f"[ ! -e {LOGS[service]} ] || cat {LOGS[service]}")
        return [line for line in map(json.loads, said.splitlines()) if line["path"].startswith(f"{folder}/")]

    def status(self) -> dict[str, Any]:
        """How the delivery says that it is."""
        found: dict[str, Any] = json.loads(self.host("cat /run/transfer-delivery/status.json"))
        return found

    def wait(self, what: Callable[[], bool], seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, f"not within {seconds} s; the delivery says {self.status()}"
            time.sleep(0.5)  # then look again, until the deadline

    def put_clean(self, folder: str, name: str, megabytes: int) -> None:
        """A file as the scanner puts it into clean."""
        place = f"/srv/transfer/clean/{folder}"
        making = f"/srv/transfer/{folder}.new"  # not within clean, whence it would be delivered, too
        self.host(
            f"install -d -o transfer-scanner -g transfer-clean -m 750 {place} && "
            f"head -c {megabytes}M /dev/urandom >{making} && chgrp transfer-clean {making} && "
            f"chmod 640 {making} && mv {making} {place}/{name}"
        )

    def same(self, folder: str, name: str) -> bool:
        """Whether the file host has what clean has."""
        here = self.host(f"sha256sum </srv/transfer/clean/{folder}/{name}")
        return here == self.file_host(f"sha256sum <{SHARED}/{folder}/{name}")

    def remove(self, folder: str) -> None:
        self.host(
            f"grep -lF '{folder}/' /srv/transfer/*/*/record.json | while read -r f; do rm -r $(dirname $f); done; "
            f"rm -rf /srv/transfer/clean/{folder} /srv/transfer/drop/incoming/{folder}"
        )
        self.file_host(f"rm -rf {SHARED}/{folder}")


@pytest.fixture
def drop(breakable: Rehearsal) -> Drop:
    return Drop(breakable)


@pytest.fixture
def folder(drop: Drop, request: pytest.FixtureRequest) -> Iterator[str]:
    """A folder of the test's own, removed everywhere afterwards."""
    name = f"{request.node.name[:40]}-{uuid.uuid4()}"
    yield name
    drop.remove(name)


def test_what_a_sender_does_wrong_is_refused_with_its_remedy_and_nothing_is_lost(drop: Drop, folder: str) -> None:
    sent = drop.send("wrong", folder)
    assert sent["upload"]["status"] == 0, sent["upload"]
    assert {name: said["status"] for name, said in sent["tried"].items()} == dict.fromkeys(sent["tried"], 1)
    expected: dict[str, str] = sent["expected"]
    drop.wait(lambda: len(drop.lines("scanner", folder)) > len(expected))
    judged = {line["path"].partition("/")[2]: line for line in drop.lines("scanner", folder)}
    verdicts = {name: line["verdict"] for name, line in judged.items()}
    assert verdicts == {**expected, "SHA256SUMS": "manifest"}
    for name, verdict in expected.items():
        assert judged[name]["sha256"] == sent["sums"][name], "it is not the file that was sent"
        if verdict == "unclear":
            assert re.search("send it|rename it|pack it|link out", judged[name]["reason"]), judged[name]
            content = f"/srv/transfer/unclear/{judged[name]['id']}/content"
            assert drop.host(f"sha256sum <{content}").split()[0] == sent["sums"][name]
    clean = [name for name, verdict in expected.items() if verdict == "clean"]
    drop.wait(lambda: len(drop.lines("delivery", folder)) >= len(clean))
    there = drop.file_host(f"cd {SHARED}/{folder} && find . -type f -printf '%P\\n'").splitlines()
    assert sorted(there) == sorted(clean)
    lines = drop.file_host(f"cd {SHARED}/{folder} && find . -type f -exec sha256sum {{}} +").splitlines()
    sums = {line.split("  ./", 1)[1]: line.split()[0] for line in lines}
    assert sums == {name: sent["sums"][name] for name in clean}
    rights = drop.host("stat -c '%U %G %a' /srv/transfer/drop/incoming").strip()
    assert rights == "root old-hoster 770", "the sender opened its drop to others"


def test_a_full_drop_says_so_and_loses_nothing(drop: Drop, folder: str) -> None:
    services = "transfer-scanner transfer-delivery"
    small = (
        f"systemctl stop {services}; cp -a --attributes-only /srv/transfer /srv/transfer.modes && "
        "mount -t tmpfs -o size=3m,mode=755 tmpfs /srv/transfer && "
        f"cp -a /srv/transfer.modes/. /srv/transfer/ && rm -r /srv/transfer.modes && systemctl start {services}"
    )
    drop.host(small)
    try:
        full = drop.send("large", folder)
        assert full["upload"]["status"] != 0, "the sender was not told"
        drop.host("mount -o remount,size=40m /srv/transfer")
        again = drop.send("large", folder)
        assert again["upload"]["status"] == 0, again["upload"]
        drop.wait(lambda: any(line["verdict"] == "clean" for line in drop.lines("scanner", folder)))
        drop.wait(lambda: bool(drop.lines("delivery", folder)))
        assert drop.same(folder, "large.bin")
    finally:
        drop.host(f"systemctl stop {services}; umount /srv/transfer; systemctl start {services}")


def test_a_delivery_that_is_killed_and_a_share_that_is_away_lose_nothing(drop: Drop, folder: str) -> None:
    drop.put_clean(folder, "large", 150)
    working = f"{SHARED}/.livegang-delivery"
    drop.wait(lambda: bool(drop.file_host(f"[ ! -e {working} ] || find {working} -type f -size +1M").strip()))
    drop.host("systemctl kill --signal=KILL transfer-delivery")
    drop.wait(lambda: bool(drop.lines("delivery", folder)))
    assert drop.same(folder, "large")
    drop.file_host("systemctl stop smbd")
    try:
        drop.put_clean(folder, "small", 1)
        drop.wait(lambda: drop.status()["blocked"] is not None)
    finally:
        drop.file_host("systemctl start smbd")
    drop.wait(lambda: len(drop.lines("delivery", folder)) == 2)
    assert drop.same(folder, "small")
    assert not drop.file_host(f"find {working} -type f").strip()


def test_anothers_file_in_the_share_is_not_touched_and_someone_is_alerted(drop: Drop, folder: str) -> None:
    drop.file_host(f"install -d -g documents-incoming -m 2770 {SHARED}/{folder} && echo own >{SHARED}/{folder}/Akte")
    drop.put_clean(folder, "Akte", 1)
    drop.wait(lambda: bool(drop.lines("delivery", folder)))
    (line,) = drop.lines("delivery", folder)
    assert line["outcome"] == "refused"
    assert "another file of this name" in line["reason"]
    assert drop.file_host(f"cat {SHARED}/{folder}/Akte") == "own\n"
    drop.wait(lambda: drop.status()["refused"] == 1)
