"""Units: given what systemd says, exactly these differences and these commands."""

from __future__ import annotations

import pytest

from hosts.agent.operations import units
from hosts.agent.results import OperationError
from hosts.states import Unit
from tests.hosts.conftest import Scratch

NGINX = Unit(unit="nginx.service", reload_on=("file /etc/nginx/nginx.conf",), restart_on=("file /etc/x",))


def says(
    load: str = "loaded",
    active: str = "active",
    sub: str = "running",
    file: str = "enabled",
    stale: str = "no",
    restarts: int = 0,
) -> str:
    return (
        f"LoadState={load}\nActiveState={active}\nSubState={sub}\nUnitFileState={file}\nNeedDaemonReload={stale}\n"
        f"Result=success\nConditionResult=yes\nNRestarts={restarts}\n"
    )


@pytest.mark.parametrize(
    ("state", "answer", "differences"),
    [
        (NGINX, says(), []),
        (NGINX, says(sub="exited"), []),
        (NGINX, says(active="reloading"), []),
        (NGINX, says(active="inactive", sub="dead"), ["inactive (dead) instead of running"]),
        (NGINX, says(active="activating", sub="auto-restart"), ["activating (auto-restart) instead of running"]),
        (NGINX, says(active="failed", sub="failed"), ["failed (failed) instead of running"]),
        (NGINX, says(file="disabled"), ["disabled instead of enabled"]),
        (
            NGINX,
            says(load="masked", active="inactive", sub="dead", file="masked"),
            ["masked instead of enabled", "inactive (dead) instead of running"],
        ),
        (NGINX, says(load="not-found", active="inactive", file=""), ["systemd does not have it (not-found)"]),
        (NGINX, says(stale="yes"), ["systemd has not read its changed files"]),
        (Unit(unit="a.service", enabled=None), says(file="static"), []),
        (Unit(unit="a.service", enabled=None, running=None), says(active="inactive"), []),
        (Unit(unit="a.service", enabled=False, running=False), says(load="not-found", active="inactive", file=""), []),
        (
            Unit(unit="a.service", enabled=False, running=False),
            says(),
            ["enabled instead of disabled", "active (running) instead of stopped"],
        ),
    ],
)
def test_what_differs(scratch: Scratch, state: Unit, answer: str, differences: list[str]) -> None:
    scratch.table.answers = {"systemctl show": answer}
    assert scratch.compare(state) == differences


def test_all_units_are_asked_about_in_one_call(scratch: Scratch) -> None:
    chrony = Unit(unit="chrony.service")
    scratch.table.answers = {"systemctl show": f"{says()}\n{says(active='inactive', sub='dead')}"}
    host = scratch.host(NGINX, chrony)
    assert units.compare_unit(NGINX, host) == []
    assert [difference.what for difference in units.compare_unit(chrony, host)] == [
        "inactive (dead) instead of running"
    ]
    assert len(scratch.table.calls) == 1


def test_a_stopped_and_disabled_unit_is_enabled_and_started(scratch: Scratch) -> None:
    answers = iter([says(active="inactive", sub="dead", file="disabled")])
    scratch.table.answers = {"systemctl show": lambda: next(answers, says()), "systemctl": ""}
    scratch.apply(NGINX)
    assert scratch.table.changing() == [
        "systemctl daemon-reload",
        "systemctl --no-reload enable nginx.service",
        "systemctl restart nginx.service",
    ]


@pytest.mark.parametrize(
    ("changed", "command"),
    [
        ("file /etc/nginx/nginx.conf", ["systemctl reload nginx.service"]),
        ("file /etc/x", ["systemctl restart nginx.service"]),
        ("file /etc/other", []),
    ],
)
def test_a_running_unit_follows_what_it_reads(scratch: Scratch, changed: str, command: list[str]) -> None:
    scratch.table.answers = {"systemctl show": says(), "systemctl": ""}
    host = scratch.host(NGINX)
    host.units_are_read = True
    host.touched.add(changed)
    assert units.compare_unit(NGINX, host) == []
    units.apply_unit(NGINX, host)
    assert scratch.table.changing() == command


def test_what_a_killed_run_left_undone_is_seen_and_done_by_the_next(scratch: Scratch) -> None:
    (scratch.root / "run").mkdir()
    scratch.table.answers = {"systemctl show": says(), "systemctl": ""}
    units.mark(scratch.host(NGINX), "file /etc/nginx/nginx.conf")  # the run that is killed after this
    assert scratch.compare(NGINX) == ["an interrupted run has not come to its reload"]
    scratch.apply(NGINX)
    assert "systemctl reload nginx.service" in scratch.table.calls
    assert scratch.compare(NGINX) == []
    assert not (scratch.root / "run/livegang").exists()


def test_a_bad_configuration_is_noticed_before_the_service_is_touched(scratch: Scratch) -> None:
    state = Unit(unit="nginx.service", check=("nginx", "-t"))
    scratch.table.answers = {"systemctl show": says(active="inactive", sub="dead"), "systemctl daemon-reload": ""}
    with pytest.raises(OperationError, match="nginx -t"):
        scratch.apply(state)
    assert "systemctl restart nginx.service" not in scratch.table.calls


def test_a_service_that_ends_again_is_reported_with_its_journal(scratch: Scratch) -> None:
    answers = iter([says(active="inactive", sub="dead")])
    failed = says(active="failed", sub="failed").replace("Result=success", "Result=exit-code")
    scratch.table.answers = {
        "systemctl show": lambda: next(answers, failed),
        "systemctl": "",
        "journalctl": "cannot start: port in use\n",
    }
    with pytest.raises(
        OperationError, match=r"does not stay up: systemd says failed \(failed\), result exit-code"
    ) as it:
        scratch.apply(NGINX)
    assert it.value.log == "cannot start: port in use"


def test_a_service_that_never_listens_is_reported_after_the_deadline(scratch: Scratch) -> None:
    state = Unit(unit="nginx.service", port=80, deadline=0)
    answers = iter([says(active="inactive", sub="dead")])
    scratch.table.answers = {"systemctl show": lambda: next(answers, says()), "systemctl": "", "journalctl": "…\n"}
    with pytest.raises(OperationError, match="it does not listen on port 80 after 0 s"):
        scratch.apply(state)


HEADER = "  sl  local_address rem_address   st\n"
LISTENING = """\
   0: 0100007F:0050 00000000:0000 0A 0:0 00:0 0 0 0 4711
   1: 00000000:0050 0A:1 01 0:0 00:0 0 0 0 4712
"""


@pytest.mark.parametrize(
    ("sockets", "expected"),
    [(["socket:[4711]"], True), (["socket:[4712]"], False), (["/dev/null"], False), ([], False)],
    ids=["its own", "a connection", "no socket", "nothing"],
)
def test_a_port_counts_only_when_the_unit_itself_listens(scratch: Scratch, sockets: list[str], expected: bool) -> None:
    scratch.put("/proc/net/tcp", HEADER + LISTENING)
    scratch.put("/sys/fs/cgroup/cgroup.controllers")
    scratch.put("/sys/fs/cgroup/system.slice/nginx.service/cgroup.procs", "80\n81\n")
    (scratch.root / "proc/81/fd").mkdir(parents=True)
    for number, target in enumerate(sockets):
        (scratch.root / f"proc/81/fd/{number}").symlink_to(target)
    scratch.table.answers = {"systemctl show --property=ControlGroup": "/system.slice/nginx.service\n"}
    assert units.listens(scratch.host(), Unit(unit="nginx.service", port=80)) is expected


def test_where_there_are_no_control_groups_any_listener_counts(scratch: Scratch) -> None:
    scratch.put("/proc/net/tcp6", HEADER + LISTENING)
    scratch.table.answers = {"systemctl show": "/system.slice/nginx.service\n"}
    assert units.listens(scratch.host(), Unit(unit="nginx.service", port=80))
    assert not units.listens(scratch.host(), Unit(unit="nginx.service", port=81))


def test_a_unit_without_a_process_does_not_listen(scratch: Scratch) -> None:
    scratch.put("/proc/net/tcp", HEADER + LISTENING)
    scratch.put("/sys/fs/cgroup/cgroup.controllers")
    scratch.table.answers = {"systemctl show": "\n"}
    assert not units.listens(scratch.host(), Unit(unit="nginx.service", port=80))


def test_a_service_that_ends_again_and_again_is_not_waited_for_long(
    scratch: Scratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "CRASHING", 0.0)
    answers = iter([says(active="inactive", sub="dead")])
    crashing = says(active="activating", sub="auto-restart")
    scratch.table.answers = {
        "systemctl show": lambda: next(answers, crashing),
        "systemctl": "",
        "journalctl": "cannot start: Address already in use\n",
    }
    with pytest.raises(OperationError, match="it ends again and again") as caught:
        scratch.apply(NGINX)
    assert caught.value.log == "cannot start: Address already in use"


def test_a_unit_that_ended_after_its_turn_fails_with_its_log_s_end(scratch: Scratch) -> None:
    answers = iter([says(), says(active="failed", sub="failed"), says(active="failed", sub="failed")])
    scratch.table.answers = {"systemctl show": lambda: next(answers), "journalctl": "no database\n"}
    host = scratch.host(NGINX)
    assert units.compare_unit(NGINX, host) == []
    ((unit, reason, log),) = units.ended_since(host, set())
    assert unit is NGINX
    assert reason == "it did not stay up: systemd says failed (failed)"
    assert log == "no database"


def test_a_unit_that_systemd_has_started_again_since_its_turn_fails_though_it_is_active(scratch: Scratch) -> None:
    answers = iter([says(restarts=3), says(restarts=5)])
    scratch.table.answers = {"systemctl show": lambda: next(answers), "journalctl": "no database\n"}
    host = scratch.host(NGINX)
    assert units.compare_unit(NGINX, host) == []
    ((_, reason, _),) = units.ended_since(host, set())
    assert reason == "it ends again and again: systemd started it 2 times more since this run looked at it"


def test_a_unit_that_stays_up_or_has_failed_already_is_not_reported_again(scratch: Scratch) -> None:
    scratch.table.answers = {"systemctl show": says(restarts=3)}
    host = scratch.host(NGINX)
    assert units.compare_unit(NGINX, host) == []
    assert units.ended_since(host, set()) == []
    scratch.table.answers = {"systemctl show": says(active="failed")}
    assert units.ended_since(host, {NGINX.identity}) == []
