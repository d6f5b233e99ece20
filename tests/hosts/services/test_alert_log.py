"""The alert log, as Alertmanager meets it: over HTTP."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hosts.services import alert_log


@dataclass
class Receiver:
    port: int
    file: Path

    def post(self, body: bytes, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=300)
        try:
            connection.request("POST", "/", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()] if self.file.exists() else []


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    file = tmp_path / "alerts.jsonl"
    server = alert_log.server("127.0.0.1", 0, file)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Receiver(server.server_address[1], file)
    server.shutdown()
    server.server_close()
    thread.join()


def notification(name: str, status: str = "firing") -> dict[str, Any]:
    alert = {"status": status, "labels": {"alertname": name}, "annotations": {"summary": "Böse Überraschung"}}
    return {"version": "4", "status": status, "receiver": "people", "alerts": [alert]}


def test_a_notification_is_kept_whole_with_the_time_it_came(receiver: Receiver) -> None:
    assert receiver.post(json.dumps(notification("HostDown")).encode()) == (200, "kept\n")
    (entry,) = receiver.kept()
    assert entry.pop("received")
    assert entry == notification("HostDown")


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"nonsense", 400), (b"[]", 400), (b'{"alerts": 1}', 400), (b"\xff\xfe", 400)],
    ids=["nothing", "no JSON", "no object", "no alerts", "no text"],
)
def test_what_is_no_notification_is_refused_and_not_kept(receiver: Receiver, body: bytes, status: int) -> None:
    assert receiver.post(body)[0] == status
    assert receiver.kept() == []


def test_a_notification_that_is_too_large_is_refused_unread(receiver: Receiver) -> None:
    status, text = receiver.post(b"", **{"Content-Length": str(alert_log.LARGEST_NOTIFICATION + 1)})
    assert (status, text) == (413, "a notification may have 1048576 bytes\n")


def test_notifications_at_the_same_time_are_a_line_each(receiver: Receiver) -> None:
    bodies = [json.dumps(notification(f"Alert{number}")).encode() for number in range(40)]
    with ThreadPoolExecutor(8) as pool:
        assert {status for status, _ in pool.map(receiver.post, bodies)} == {200}
    names = {entry["alerts"][0]["labels"]["alertname"] for entry in receiver.kept()}
    assert names == {f"Alert{number}" for number in range(40)}


def test_what_cannot_be_kept_is_not_said_to_be(receiver: Receiver) -> None:
    receiver.file.mkdir()
    status, text = receiver.post(json.dumps(notification("HostDown")).encode())
    assert status == 507
    assert text.startswith("it cannot be kept: ")


def test_a_full_file_is_kept_once_next_to_the_new_one(tmp_path: Path) -> None:
    log = alert_log.AlertLog(tmp_path / "alerts.jsonl", largest=600)
    for number in range(12):
        log.keep(notification(f"Alert{number}"))
    assert {path.name for path in tmp_path.iterdir()} == {"alerts.jsonl", "alerts.jsonl.1"}
    assert all(path.stat().st_size <= 600 for path in tmp_path.iterdir())
    assert "Alert11" in (tmp_path / "alerts.jsonl").read_text()
