"""The stand-in with a real database: its health, and synchronisation that neither loses nor duplicates anything."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.vivendi.conftest import HANG_SECONDS, PASSWORD, Service, port_of, write_configuration
from tests.vivendi.server import Server, free_port

ID = "6f1c7a52-0d0c-4f0e-9d6e-0a8b4b1f2c11"


def record(text: str = "Wunde versorgt, Gespräch geführt: 20 Minuten") -> dict[str, Any]:
    return {"id": str(uuid.uuid4()), "data": {"note": text}}


def test_health_names_the_database_host_that_answered(service: Service) -> None:
    status, answer = service.call("/health")
    assert status == 200
    assert answer["status"] == "ok"
    assert answer["area"] == "ambulant"
    assert answer["database"]["host"] == "127.0.0.1"


def test_it_says_that_it_is_a_stand_in(service: Service) -> None:
    assert "stand-in" in service.call("/info")[1]["notice"]


def test_a_devices_records_are_stored_and_come_back(service: Service, database: Server) -> None:
    sent = [record(), record("Öl, Äpfel, Straße")]
    answer = service.sync(sent)
    assert answer["accepted"] == [each["id"] for each in sent]
    assert answer["duplicates"] == []
    assert [each["data"] for each in answer["state"]] == [each["data"] for each in sent]
    assert answer["sequence"] == 2
    assert database.sql("SELECT count(*) FROM ambulant.record") == "2"


def test_a_record_sent_again_is_one_row(service: Service, database: Server) -> None:
    sent = record()
    service.sync([sent])
    again = service.sync([sent, sent])
    assert again["accepted"] == []
    assert again["duplicates"] == [sent["id"], sent["id"]]
    assert database.sql("SELECT count(*) FROM ambulant.record") == "1"


def test_a_device_gets_only_what_is_new(service: Service) -> None:
    first = service.sync([record()])
    second = service.sync([record()], since=first["sequence"], device="tablet 8")
    assert [each["device"] for each in second["state"]] == ["tablet 8"]
    nothing = service.sync([], since=second["sequence"])
    assert nothing["state"] == []
    assert nothing["sequence"] == second["sequence"]


def test_devices_that_synchronise_concurrently_miss_nothing(service: Service) -> None:
    def device(number: int) -> tuple[int, set[str]]:
        since, seen = 0, set()
        for _ in range(10):
            answer = service.sync([record()], since=since, device=f"tablet {number}")
            since = answer["sequence"]
            seen |= {each["id"] for each in answer["state"]}
        return since, seen

    with ThreadPoolExecutor(6) as pool:
        ends = list(pool.map(device, range(6)))
    for since, seen in ends:
        rest = service.sync([], since=since)
        assert len(seen | {each["id"] for each in rest["state"]}) == 60


def test_a_long_state_comes_in_parts(service: Service) -> None:
    first = service.sync([record() for _ in range(500)])
    service.sync([record()], since=first["sequence"])
    part = service.sync([], since=0)
    assert len(part["state"]) == 500
    assert len(service.sync([], since=part["sequence"])["state"]) == 1


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        ({"records": []}, "device"),
        ({"device": "", "records": []}, "device"),
        ({"device": "a", "records": {}}, "records"),
        ({"device": "a", "records": [{"id": "7", "data": {}}]}, "records[0].id"),
        ({"device": "a", "records": [{"id": str(uuid.uuid4()), "data": "x"}]}, "records[0]"),
        ({"device": "a", "since": -1}, "since"),
        ({"device": "a", "since": "1"}, "since"),
        (b'{"device": "a", "records": [{"id": "%s", "data": {"x": NaN}}]}' % ID.encode(), "NaN"),
        ({"device": "a", "records": [{"id": str(uuid.uuid4()), "data": {"x": "\0"}}]}, "Unicode"),
        ({"device": "a\0", "records": [{"id": str(uuid.uuid4()), "data": {}}]}, "NUL"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_the_reason(service: Service, body: Any, reason: str) -> None:
    status, answer = service.call("/sync", body)
    assert status == 400, answer
    assert reason in answer["reason"]
    assert service.call("/health")[0] == 200


def test_one_bad_record_stores_none_of_its_queue(service: Service, database: Server) -> None:
    queue = [record(), {"id": str(uuid.uuid4()), "data": {"x": "\0"}}]
    assert service.call("/sync", {"device": "a", "records": queue})[0] == 400
    assert database.sql("SELECT count(*) FROM ambulant.record") == "0"


def test_other_paths_and_methods_have_their_own_answers(service: Service) -> None:
    assert service.call("/elsewhere")[0] == 404
    assert service.call("/elsewhere", {})[0] == 404
    assert service.call("/sync")[0] == 405
    # The length alone: it answers and closes without reading, which a sender of the whole may see as a broken pipe.
    assert service.call("/sync", b"x", {"Content-Length": str((1 << 20) + 1)})[0] == 413


def test_without_its_database_it_is_unavailable_with_the_reason_and_recovers(
    service: Service, database: Server
) -> None:
    service.sync([record()])
    database.stop()
    try:
        status, answer = service.call("/health")
        assert status == 503
        assert answer["status"] == "unavailable"
        assert answer["reason"]
        assert PASSWORD not in answer["reason"]
        assert service.call("/sync", {"device": "a", "records": []})[0] == 503
    finally:
        database.start()
    service.wait_for_health(200)
    assert len(service.sync([])["state"]) == 1


def test_a_restart_of_the_database_costs_no_request(service: Service, database: Server) -> None:
    service.sync([record()])
    database.stop()
    database.start()
    status, answer = service.call("/sync", {"device": "tablet 7", "records": [record()]})
    assert status == 200, answer


def test_a_table_dropped_by_hand_is_created_again(service: Service, database: Server) -> None:
    service.sync([record()])
    database.sql("DROP TABLE ambulant.record")
    sent = record()
    assert service.sync([sent])["accepted"] == [sent["id"]]
    assert service.call("/health")[0] == 200


def test_a_database_that_hangs_is_reported_with_the_reason(service: Service, database: Server) -> None:
    database.freeze()
    try:
        # Answered while it hangs, each of several at the same time.
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(service.call, ["/health"] * 4))
        assert [status for status, _ in answers] == [503] * 4
        assert "did not answer within" in answers[0][1]["reason"]
    finally:
        database.freeze(frozen=False)
    service.wait_for_health(200)


def test_it_starts_without_its_database_and_creates_its_schema_once_that_is_up(
    artifact: Path, database: Server, configuration: Path, tmp_path: Path
) -> None:
    database.sql("DROP TABLE IF EXISTS ambulant.record")
    database.stop()
    service = Service(artifact, configuration, port_of(configuration), tmp_path / "log")
    try:
        assert "refused" in service.wait_for_health(503)["reason"]
        database.start()
        assert service.call("/health")[0] == 200, "an old reason must not outlive its cause"
    finally:
        service.end()
        database.stop()
        database.start()


def test_two_services_that_start_together_create_the_schema_once(
    artifact: Path, database: Server, tmp_path: Path
) -> None:
    database.sql("DROP TABLE IF EXISTS ambulant.record")
    services = []
    for name in ("app01", "app02"):
        folder = tmp_path / name
        folder.mkdir()
        port = write_configuration(folder, database.port, "127.0.0.1")
        services.append(Service(artifact, folder, port, folder / "log"))
    try:
        for service in services:
            service.wait_for_health(200)
            assert "not made" not in service.log.read_text()
    finally:
        assert [service.end() for service in services] == [0, 0]


def test_it_uses_the_database_host_that_accepts_writes(artifact: Path, database: Server, tmp_path: Path) -> None:
    standby = Server(database.folder.with_name("standby"), "127.0.0.2", database.port)
    standby.follow(database)
    standby.start()
    write_configuration(tmp_path, database.port, "127.0.0.2,127.0.0.1")
    service = Service(artifact, tmp_path, port_of(tmp_path), tmp_path / "log")
    try:
        assert service.wait_for_health(200)["database"]["host"] == "127.0.0.1"
        database.stop()
        assert service.wait_for_health(503)["reason"]
        standby.sql("SELECT pg_promote(true, 10)")
        assert service.wait_for_health(200)["database"]["host"] == "127.0.0.2"
    finally:
        service.end()
        standby.stop()
        database.stop()
        database.start()


def test_nothing_secret_is_logged(service: Service) -> None:
    service.sync([record("very private")])
    log = service.log.read_text()
    assert "POST /sync" in log
    assert "very private" not in log
    assert PASSWORD not in log


def test_it_ends_in_an_orderly_way(artifact: Path, configuration: Path, tmp_path: Path) -> None:
    service = Service(artifact, configuration, port_of(configuration), tmp_path / "log")
    service.wait_for_health(200)
    assert service.end() == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "ambulant.conf"),
        ("[service]\n", "[service] port is missing"),
        ("[service]\nport = 99999\n", "[service] port = 99999 is no port"),
        ("port = 1\n", "ambulant.conf"),
    ],
)
def test_a_configuration_that_cannot_be_used_is_reported_with_the_reason(
    artifact: Path, tmp_path: Path, content: str | None, reason: str
) -> None:
    if content is not None:
        complete = f"[database]\nhosts = a\nname = b\nschema = c\nrole = d\n{content}"
        (tmp_path / "ambulant.conf").write_text(content if content.startswith("port") else complete)
    service = Service(artifact, tmp_path, free_port(), tmp_path / "log")
    service._process.wait(timeout=HANG_SECONDS)
    assert service._process.returncode == 1
    assert reason in service.log.read_text()
    assert "Traceback" not in service.log.read_text()
