"""A run over a host's states: a plan touches nothing, a failure blocks only what needs it, units follow changes."""

from __future__ import annotations

import pytest

from hosts.agent.operations import OPERATIONS, Operation, waits
from hosts.agent.results import AbandonedError, CommandError, OperationError, Result, Status
from hosts.agent.runner import Runner
from hosts.fleet.document import in_order
from hosts.states import Database, DatabaseCluster, Directory, File, Package, Secret, State, Unit, Wait
from tests.hosts.agent.operations.test_units import says
from tests.hosts.conftest import Scratch


def run(scratch: Scratch, *states: State, planning: bool = False) -> dict[str, Result]:
    results: list[Result] = []
    host = scratch.host(*in_order(states), planning=planning)
    Runner(host, results.append, lambda identity: None).run()
    return {result.state: result for result in results}


def statuses(results: dict[str, Result]) -> dict[str, str]:
    return {state: result.status.value for state, result in results.items()}


FOLDER = Directory(path="/srv/app")
CONFIGURATION = File(path="/srv/app/app.conf", content=("a\n",))
SERVICE = Unit(unit="app.service", restart_on=(CONFIGURATION.identity,))


def test_a_plan_touches_nothing(scratch: Scratch) -> None:
    scratch.table.answers = {"systemctl show": says(active="inactive", sub="dead"), "dpkg-query": ""}
    before = scratch.snapshot()
    results = run(scratch, FOLDER, CONFIGURATION, SERVICE, Package(package="nginx"), planning=True)
    assert scratch.snapshot() == before
    assert scratch.table.changing() == []
    assert set(statuses(results).values()) == {"pending"}


def test_a_second_run_changes_nothing(scratch: Scratch) -> None:
    assert statuses(run(scratch, FOLDER, CONFIGURATION)) == {
        "directory /srv/app": "changed",
        "file /srv/app/app.conf": "changed",
    }
    before = scratch.snapshot()
    assert set(statuses(run(scratch, FOLDER, CONFIGURATION)).values()) == {"unchanged"}
    assert scratch.snapshot() == before


def test_a_failure_blocks_what_needs_it_and_nothing_else(scratch: Scratch) -> None:
    scratch.put("/srv/app", "a file in the folder's place")
    other = File(path="/etc/other", content=("b\n",))
    scratch.table.answers = {"systemctl show": says()}
    results = run(scratch, FOLDER, CONFIGURATION, SERVICE, other)
    assert statuses(results) == {
        "directory /srv/app": "failed",
        "file /srv/app/app.conf": "skipped",
        "file /etc/other": "changed",
        "unit app.service": "skipped",
    }
    # Everything that was skipped names the state that failed, not the next one in the chain.
    assert results["unit app.service"].reason == "directory /srv/app"


def test_a_unit_follows_a_changed_file_and_counts_as_no_change_of_its_own(scratch: Scratch) -> None:
    (scratch.root / "run").mkdir()
    scratch.put("/srv/app/app.conf", "old\n")
    scratch.table.answers = {"systemctl show": says(), "systemctl": ""}
    planned = run(scratch, CONFIGURATION, SERVICE, planning=True)
    assert statuses(planned) == {"file /srv/app/app.conf": "pending", "unit app.service": "follows"}
    assert planned["unit app.service"].reason == "restart: file /srv/app/app.conf"
    done = run(scratch, CONFIGURATION, SERVICE)
    assert statuses(done) == {"file /srv/app/app.conf": "changed", "unit app.service": "follows"}
    assert "systemctl restart app.service" in scratch.table.calls


def test_a_unit_that_went_with_its_package_is_the_packages_matter(scratch: Scratch) -> None:
    scratch.table.answers = {"systemctl show": says(load="not-found", active="inactive", file=""), "dpkg-query": ""}
    service = Unit(unit="nginx.service", needs=("package nginx",))
    results = run(scratch, Package(package="nginx"), service, planning=True)
    assert statuses(results) == {"package nginx": "pending", "unit nginx.service": "follows"}
    assert results["unit nginx.service"].reason == "start: package nginx"


def test_a_stopped_unit_is_a_finding_of_its_own_also_next_to_a_missing_package(scratch: Scratch) -> None:
    scratch.table.answers = {"systemctl show": says(active="inactive", sub="dead"), "dpkg-query": ""}
    service = Unit(unit="app.service", needs=("package python3-psycopg2",))
    results = run(scratch, Package(package="python3-psycopg2"), service, planning=True)
    assert set(statuses(results).values()) == {"pending"}


def test_a_change_that_does_not_hold_is_a_failure(scratch: Scratch) -> None:
    scratch.table.answers = {"dpkg-query": "", "apt-get": ""}
    result = run(scratch, Package(package="nginx"))["package nginx"]
    assert result.status is Status.FAILED
    assert result.reason == "changed, but it did not hold: not installed"


def test_a_failure_has_its_reason_and_the_logs_end(scratch: Scratch) -> None:
    scratch.table.answers = {"dpkg-query": "", "apt-get": CommandError("apt-get ended with code 100", "E: no room")}
    result = run(scratch, Package(package="nginx"))["package nginx"]
    assert (result.reason, result.log) == ("the package lists cannot be read", "E: no room")


def test_a_mistake_in_an_operation_hides_no_other_outcome(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(state: object, host: object) -> list[object]:
        raise ZeroDivisionError("oh")

    monkeypatch.setitem(OPERATIONS, Directory, Operation(broken, broken))  # type: ignore[arg-type]
    results = run(scratch, FOLDER, File(path="/etc/other", content=()))
    assert statuses(results) == {"directory /srv/app": "failed", "file /etc/other": "changed"}
    assert results["directory /srv/app"].reason == "unexpected ZeroDivisionError: oh"
    assert "Traceback" in results["directory /srv/app"].log


def test_what_is_in_a_stopped_database_is_unknown_in_a_plan(scratch: Scratch) -> None:
    scratch.put("/data/main/PG_VERSION", "15\n")
    scratch.table.answers = {"systemctl show": says(active="inactive", sub="dead")}
    cluster = DatabaseCluster(version="15", data="/data/main")
    service = Unit(unit="postgresql.service", needs=(cluster.identity,))
    results = run(scratch, cluster, service, Database(database="vivendi", needs=(service.identity,)), planning=True)
    assert statuses(results) == {
        "database cluster /data/main": "unchanged",
        "unit postgresql.service": "pending",
        "database vivendi": "unknown",
    }


def test_what_is_in_a_database_that_is_not_made_yet_would_be_made(scratch: Scratch) -> None:
    scratch.table.answers = {"systemctl show": says(load="not-found", active="inactive", file="")}
    cluster = DatabaseCluster(version="15", data="/data/main")
    service = Unit(unit="postgresql.service", needs=(cluster.identity,))
    results = run(scratch, cluster, service, Database(database="vivendi", needs=(service.identity,)), planning=True)
    assert set(statuses(results).values()) == {"pending"}


MIRROR = Wait(label="package mirror", host="mgmt01", url="http://127.0.0.1:9/dists/InRelease", deadline=0)


def test_a_plan_and_an_unchanged_state_wait_for_nothing(scratch: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(state: Wait, host: object) -> None:
        raise AssertionError("waited")

    monkeypatch.setattr(waits, "wait", never)
    package = Package(package="nginx", needs=(MIRROR.identity,))
    scratch.table.answers = {"dpkg-query": ""}
    assert statuses(run(scratch, MIRROR, package, planning=True)) == {"package nginx": "pending"}
    scratch.table.answers = {"dpkg-query": "nginx ii \n"}
    assert statuses(run(scratch, MIRROR, package)) == {"package nginx": "unchanged"}


def test_a_change_waits_for_its_condition_and_says_what_it_waited_for(scratch: Scratch) -> None:
    scratch.table.answers = {"dpkg-query": ""}
    result = run(scratch, MIRROR, Package(package="nginx", needs=(MIRROR.identity,)))["package nginx"]
    assert result.status is Status.FAILED
    assert "http://127.0.0.1:9/dists/InRelease did not answer within 0 s" in result.reason


def test_waiting_ends_when_the_other_host_failed(scratch: Scratch) -> None:
    host = scratch.host()
    host.lost["mgmt01"] = "package nginx"
    patient = Wait(label="package mirror", host="mgmt01", url="http://127.0.0.1:9/", deadline=300)
    with pytest.raises(OperationError, match=r"mgmt01 failed \(package nginx\)"):
        waits.wait(patient, host)


def test_waiting_ends_when_no_one_listens_any_more(scratch: Scratch) -> None:
    def gone(text: str) -> None:
        raise AbandonedError

    host = scratch.host(*in_order([MIRROR, Package(package="nginx", needs=(MIRROR.identity,))]))
    host.note = gone
    scratch.table.answers = {"dpkg-query": ""}
    with pytest.raises(AbandonedError):
        Runner(host, lambda result: None, lambda identity: None).run()


def test_a_secret_that_cannot_be_had_fails_only_what_needs_it(scratch: Scratch) -> None:
    class Refusing:
        def value(self, purpose: str) -> str:
            raise OperationError("Key Vault does not give secret postgresql-pep: 403")

    scratch.put("/etc/a", "x")
    states = [File(path="/etc/a", content=(Secret("postgresql/pep"),)), File(path="/etc/b", content=())]
    results: list[Result] = []
    host = scratch.host(*states)
    host.vault = Refusing()  # type: ignore[assignment]
    Runner(host, results.append, lambda identity: None).run()
    assert [result.status.value for result in results] == ["failed", "changed"]
    assert "403" in results[0].reason
