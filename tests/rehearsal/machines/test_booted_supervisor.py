"""One supervisor holds everything: what ends it ends all, the next one brings all back, and `down` leaves nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.base.cgroups import Cgroup
from rehearsal.base.settings import Settings
from rehearsal.control import kernel, launch, ownership, teardown
from rehearsal.control.client import SupervisorError
from tests.rehearsal.machines.small_world import VM, SmallWorld, Traces, cgroup_processes, machine_id, wait_until

pytestmark = pytest.mark.booted

HELD_BY = ("unshare", "tini", "supervisor")


@pytest.fixture(scope="module")
def landscape(small_world: SmallWorld) -> SmallWorld:
    """One host that runs, one that was stopped, one that is gone."""
    small_world.make_disk("data", 1)
    small_world.make_host("runs", 4, disks={0: "data"})
    small_world.make_host("stopped", 5)
    small_world.make_host("gone", 6)
    small_world.run("runs", "echo kept > /var/kept")
    small_world.supervisor.call("host", {"name": "stopped", "action": "stop"})
    small_world.supervisor.call("host", {"name": "gone", "action": "kill"})
    return small_world


@pytest.fixture
def second(tmp_path: Path) -> Iterator[SmallWorld]:
    """A second rehearsal on the same machine."""
    world = SmallWorld(Settings(tmp_path / "beside"))
    yield world
    teardown.down(world.settings, world.log.append)


@pytest.mark.parametrize("name", HELD_BY)
def test_its_end_ends_all_and_the_next_one_brings_all_back(landscape: SmallWorld, name: str) -> None:
    settings, group = landscape.settings, launch.cgroup(landscape.settings)
    assert len(cgroup_processes(group)) > 20
    assert len(Traces.of(settings).loop_devices) == 1
    os.kill(landscape.processes()[name], signal.SIGKILL)
    wait_until(lambda: not cgroup_processes(group), "all processes to end", 300)
    wait_until(lambda: not Traces.of(settings).loop_devices, "the loop device to clear itself", 300)
    assert not landscape.supervisor.alive()
    assert not kernel.lives(settings.identifier)

    launch.ensure(landscape.settings)
    assert landscape.exists(VM, machine_id("runs"))
    landscape.wait_for("runs", "running")
    assert landscape.run("runs", "cat /var/kept; test -b /dev/disk/azure/scsi1/lun0 && echo disk") == "kept\ndisk"
    assert landscape.exists(VM, machine_id("stopped"))
    assert landscape.host("stopped")["state"] == "stopped"
    assert not landscape.exists(VM, machine_id("gone"))


def test_a_host_that_was_stopped_before_the_kill_can_be_started_after_it(landscape: SmallWorld) -> None:
    assert landscape.supervisor.call("host", {"name": "stopped", "action": "start"})["state"] == "running"
    assert landscape.run("stopped", "cat /etc/marker") == "first boot"
    landscape.supervisor.call("host", {"name": "stopped", "action": "stop"})


def test_only_one_supervisor_is_started_when_many_ask(landscape: SmallWorld) -> None:
    before = landscape.processes()
    for _ in range(3):
        launch.ensure(landscape.settings)
    assert landscape.processes() == before


def test_another_clones_folder_is_refused_before_anything_starts(second: SmallWorld, tmp_path: Path) -> None:
    theirs = tmp_path / "their clone"
    theirs.mkdir()
    second.settings.state.mkdir()
    file = second.settings.state / "owner.json"
    file.write_text(f'{{"project": "{theirs}", "uid": {os.geteuid()}}}')
    with pytest.raises(ExpectedError, match="their clone"):
        launch.ensure(second.settings)
    with pytest.raises(ExpectedError, match="their clone"):
        teardown.down(second.settings, second.log.append)
    assert not second.settings.runtime.exists()
    file.unlink()


def test_two_rehearsals_live_side_by_side(landscape: SmallWorld, second: SmallWorld) -> None:
    launch.ensure(second.settings)
    second.make_network()
    second.make_host("runs", 4)
    assert second.run("runs", "test ! -e /var/kept && hostname") == "runs"
    teardown.down(second.settings, second.log.append)
    assert landscape.run("runs", "cat /var/kept") == "kept"
    assert int(kernel.INOTIFY.read_text()) == kernel.INOTIFY_WANTED, "the other one still needs it"


def test_a_graceful_end_keeps_the_world_for_the_next_one(landscape: SmallWorld) -> None:
    landscape.run("runs", "echo written just before > /var/last")
    teardown.end(landscape.settings, landscape.log.append)
    assert not landscape.settings.runtime.exists()
    assert not launch.cgroup(landscape.settings).exists()
    launch.ensure(landscape.settings)
    landscape.wait_for("runs", "running")
    assert landscape.run("runs", "cat /var/last") == "written just before"


def test_hosts_that_ran_when_the_machine_was_shut_down_run_again_after_it(landscape: SmallWorld) -> None:
    group = launch.cgroup(landscape.settings)
    # As systemd does in the end with all that is not its own: no one may react before all have their signal.
    processes = [int(process) for process in cgroup_processes(group)]
    for number in (signal.SIGSTOP, signal.SIGTERM, signal.SIGCONT):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)
    # A host's own systemd takes SIGTERM for an order to begin anew, and may hear of its power-off only after half a
    # minute, when its plug is pulled. The machine's systemd waits for 90 s.
    wait_until(lambda: not cgroup_processes(group), "all processes to end", 300)
    launch.ensure(landscape.settings)
    landscape.wait_for("runs", "running")
    assert landscape.host("stopped")["state"] == "stopped"


@pytest.mark.parametrize("service", ["operator", "packages"])
def test_a_service_that_is_killed_comes_back(landscape: SmallWorld, service: str) -> None:
    def leader() -> int | None:
        try:
            found = landscape.supervisor.call("place", {"name": service})["leader"]
        except SupervisorError:
            return None  # it is just being started
        return None if found is None else int(found)

    def alive() -> bool:
        services = landscape.supervisor.call("status")["services"]
        return next(bool(each["alive"]) for each in services if each["name"] == service)

    before = leader()
    for process in Cgroup(launch.cgroup(landscape.settings) / "services" / service).processes():
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    wait_until(lambda: alive() and leader() not in (None, before), f"{service} to come back", 300)


@pytest.mark.parametrize("killed", [False, True], ids=["living", "killed"])
def test_down_leaves_nothing_and_may_be_repeated(second: SmallWorld, killed: bool) -> None:
    settings = second.settings
    before = Traces.of(settings)
    launch.ensure(second.settings)
    second.make_network()
    second.make_disk("data", 1)
    second.make_host("db01", 4, disks={0: "data"})
    if killed:
        os.kill(second.processes()["supervisor"], signal.SIGKILL)
    teardown.down(settings, second.log.append)
    assert Traces.of(settings) == before
    assert not settings.runtime.exists()
    assert not launch.cgroup(settings).exists()
    assert ownership.owner(settings) is None
    assert sorted(path.name for path in settings.state.iterdir()) == ["keys"]
    teardown.down(settings, second.log.append)


def test_down_works_on_a_folder_that_was_half_removed_by_hand(second: SmallWorld) -> None:
    launch.ensure(second.settings)
    for file in (
        second.settings.socket,
        second.settings.runtime / "supervisor.json",
        second.settings.state / "owner.json",
    ):
        file.unlink()
    teardown.down(second.settings, second.log.append)
    assert not launch.cgroup(second.settings).exists()
