"""pgBackRest's stanza, its two sides as roles want them, and what counts as proof of a backup."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from hosts import roles
from hosts.agent.operations.backups import NOT_YET, apply_stanza
from hosts.agent.results import CommandError, OperationError
from hosts.components.manifest import Manifest
from hosts.fleet.prove_backup import differences, parse
from hosts.roles import backups
from hosts.states import BackupStanza, File, Unit
from infra.inventory.model import Inventory
from tests.hosts.conftest import Scratch

STANZA = BackupStanza(
    stanza="vivendi", user="root", configuration="/etc/pgbackrest/pgbackrest.conf", primary_host="db01", deadline=0
)
CALL = "/usr/bin/pgbackrest --stanza=vivendi"
PATIENT = f"{CALL} --io-timeout=10"


def info(*errors: bool | None, databases: int = 1) -> str:
    backup = [{"label": f"2026112{n}-010000F", "error": error, "type": "full"} for n, error in enumerate(errors)]
    return json.dumps([{"name": "vivendi", "backup": backup, "db": [{"id": 1}] * databases}])


@pytest.fixture
def repository(scratch: Scratch) -> Scratch:
    scratch.put("/usr/bin/pgbackrest")
    scratch.put("/etc/pgbackrest/pgbackrest.conf")
    scratch.table.answers = {f"{CALL} --output=json info": info(None), PATIENT: ""}
    return scratch


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (info(None), []),
        (info(False, True), []),
        (info(True), ["no backup"]),
        (info(), ["no backup"]),
        (info(databases=0), ["no stanza"]),
        ("[]", ["no stanza"]),
    ],
)
def test_a_stanza_is_one_that_has_a_sound_backup(repository: Scratch, answer: str, expected: list[str]) -> None:
    repository.table.answers[f"{CALL} --output=json info"] = answer
    assert repository.compare(STANZA) == expected


def test_before_pgbackrest_is_there_a_stanza_is_missing(scratch: Scratch) -> None:
    assert scratch.compare(STANZA) == ["no stanza"]


def test_a_stanza_is_made_checked_and_given_its_first_backup(repository: Scratch) -> None:
    repository.table.answers[f"{CALL} --output=json info"] = info()
    repository.apply(STANZA)
    orders = [call.removeprefix(f"{PATIENT} ") for call in repository.table.calls if "info" not in call]
    assert orders == ["stanza-create", "check", "--type=full backup"]


def test_a_backup_that_is_there_is_enough(repository: Scratch) -> None:
    repository.apply(STANZA)
    assert not any("backup" in call.split()[-1] for call in repository.table.calls)


@pytest.mark.parametrize("number", NOT_YET)
def test_a_primary_on_its_way_is_waited_for(repository: Scratch, number: str) -> None:
    answers: Iterator[CommandError | str] = iter([CommandError("ended", f"P00  ERROR: [{number}]: on its way"), ""])

    def create() -> str:
        answer = next(answers)
        if isinstance(answer, CommandError):
            raise answer
        return answer

    repository.table.answers[f"{PATIENT} stanza-create"] = create
    waiting = BackupStanza(
        stanza="vivendi", user="root", configuration=STANZA.configuration, primary_host="db01", deadline=60
    )
    repository.apply(waiting)
    assert sum("stanza-create" in call for call in repository.table.calls) == 2


def test_a_primary_that_does_not_come_is_reported(repository: Scratch) -> None:
    repository.table.answers[f"{PATIENT} stanza-create"] = CommandError("ended", "ERROR: [056]: unable to find primary")
    with pytest.raises(OperationError, match="no primary answers, for 0 s"):
        repository.apply(STANZA)


def test_a_mistake_is_not_waited_for(repository: Scratch) -> None:
    repository.table.answers[f"{PATIENT} stanza-create"] = CommandError("ended", "P00  ERROR: [028]: do not match")
    with pytest.raises(OperationError, match="pgBackRest's stanza-create failed") as caught:
        repository.apply(STANZA)
    assert "do not match" in caught.value.log


def test_a_primary_that_failed_is_not_waited_for(repository: Scratch) -> None:
    repository.table.answers[f"{PATIENT} stanza-create"] = CommandError("ended", "ERROR: [056]: no primary")
    host = repository.host(STANZA)
    host.lost["db01"] = "unit postgresql"
    with pytest.raises(OperationError, match=r"db01 failed \(unit postgresql\)"):
        apply_stanza(STANZA, host)


def test_each_side_knows_the_other_by_name_and_no_one_else(inventory: Inventory, components: list[Manifest]) -> None:
    texts = {}
    for name in ("db01", "db02", "file01"):
        states = roles.states(inventory.hosts[name], inventory, components)
        (file,) = [state for state in states if isinstance(state, File) and state.path == backups.CONFIGURATION]
        texts[name] = "".join(str(part) for part in file.content)
        units = {state.unit: state for state in states if isinstance(state, Unit)}
        assert units["pgbackrest.service"].port == 8432
    for name in ("db01", "db02"):
        assert [line for line in texts[name].splitlines() if "tls-server-auth" in line] == [
            "tls-server-auth=file01.sample.internal=sample"
        ]
    assert [line for line in texts["file01"].splitlines() if "tls-server-auth" in line] == [
        "tls-server-auth=db01.sample.internal=sample",
        "tls-server-auth=db02.sample.internal=sample",
    ]


def test_without_a_file_host_nothing_is_archived(inventory: Inventory, components: list[Manifest]) -> None:
    hosts = {name: host for name, host in inventory.hosts.items() if host.role != "file"}
    small = inventory.model_copy(update={"hosts": hosts})
    for name in ("db01", "app01"):
        states = roles.states(small.hosts[name], small, components)
        assert not [state for state in states if "pgbackrest" in state.identity or "smb" in state.identity]
        files = [state for state in states if isinstance(state, File) and state.path.endswith("/postgresql.conf")]
        assert not any("archive_mode" in str(part) for file in files for part in file.content)


ANSWER = "backup 20261124-081500F_20261124-090000I\nbytes 31457280\ntable vivendi pep.records 12\n"
BEFORE = {"vivendi pep.records": 12, "vivendi kita.records": 3}


def test_the_scratch_instances_answer_is_read() -> None:
    restored = parse(ANSWER)
    assert restored.backup == "20261124-081500F_20261124-090000I"
    assert (restored.size, restored.rows) == (31457280, {"vivendi pep.records": 12})


@pytest.mark.parametrize(
    ("restored", "after", "expected"),
    [
        (BEFORE, BEFORE, []),
        # What came in around the restore point may be there or not.
        (BEFORE, {**BEFORE, "vivendi pep.records": 14}, []),
        ({**BEFORE, "vivendi pep.records": 13}, {**BEFORE, "vivendi pep.records": 14}, []),
        ({**BEFORE, "vivendi pep.records": 11}, BEFORE, ["vivendi pep.records has 11 rows instead of 12 to 12"]),
        ({"vivendi pep.records": 12}, BEFORE, ["vivendi kita.records is missing"]),
    ],
)
def test_what_was_restored_is_what_there_was(
    restored: dict[str, int], after: dict[str, int], expected: list[str]
) -> None:
    assert differences(restored, BEFORE, after) == expected


def test_an_empty_database_proves_nothing() -> None:
    assert differences({}, {}, {}) == ["there is no table to compare: nothing is proven"]
