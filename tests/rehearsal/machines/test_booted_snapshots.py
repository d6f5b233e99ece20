"""Two booted hosts, one with a data disk: they go back to what they were, exactly, and whatever is interrupted."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.control import launch, reset, teardown
from rehearsal.control.client import SupervisorError
from rehearsal.snapshots import put_back
from rehearsal.snapshots.store import Store
from tests.rehearsal.machines.small_world import DISK, SmallWorld, disk_id, wait_until

pytestmark = pytest.mark.booted

DEVICE = "/dev/disk/azure/scsi1/lun0"

TREES = """\
cd / && find etc/snap usr/share/doc/openssh-server srv/data usr/share/doc/snap -printf '%y %m %U:%G %s %l %p\\n' | sort
find /etc/snap /srv/data -type f -exec md5sum {} + | sort -k 2; getfacl -R /etc/snap
"""
"""All that the tests change, with kinds, modes, owners, targets, contents and access lists."""

BEFORE = f"""\
mkfs.xfs -q {DEVICE} && mkdir -p /srv/data /etc/snap/folder && mount {DEVICE} /srv/data
echo on the disk > /srv/data/file && echo in the root > /etc/snap/file && echo inner > /etc/snap/folder/inner
ln -s file /etc/snap/link && ln /etc/snap/file /etc/snap/hard && mkfifo /etc/snap/pipe
chown ops /etc/snap/file && setfacl -m u:ops:rw /etc/snap/folder/inner && chmod 4750 /etc/snap/hard
rm /usr/share/doc/openssh-server/copyright && rm -r /usr/share/doc/adduser && mkdir /usr/share/doc/snap
"""
AGAIN = """\
rm -r /etc/snap/folder && mkdir /etc/snap/folder && echo other > /etc/snap/folder/other
rm /etc/snap/link && mkdir /etc/snap/link && rm -r /usr/share/doc/snap && echo file > /usr/share/doc/snap
echo again > /usr/share/doc/openssh-server/copyright && rm /etc/snap/pipe && echo more >> /etc/snap/file
echo more >> /srv/data/file
"""
COUNTING = """\
i=0; while :; do i=$((i+1))
echo $i > /srv/data/new; sync -f /srv/data; mv /srv/data/new /srv/data/count
echo $i > /var/new; mv /var/new /var/count
done"""
"""The disk always knows the next number first."""
DAMAGE = "rm -rf /etc/snap /srv/data/* /usr/share/doc/openssh-server /bin/false && touch /etc/new"


@pytest.fixture(scope="module")
def fleet(small_world: SmallWorld) -> Iterator[SmallWorld]:
    small_world.make_disk("data", 1)
    small_world.make_host("one", 4, disks={0: "data"})
    small_world.make_host("two", 5)
    yield small_world
    # The end of one that was reset is as clean as any; the conftest's `down` asks again.
    teardown.down(small_world.settings, small_world.log.append)


def take(fleet: SmallWorld, name: str) -> dict[str, float]:
    reported: dict[str, float] = fleet.supervisor.call("snapshot", {"name": name}, fleet.log.append)
    return reported


def back_to(fleet: SmallWorld, name: str) -> None:
    reset.reset(fleet.settings, name, fleet.log.append)


def trees(fleet: SmallWorld) -> str:
    """What there is on `one`, the disk included."""
    return fleet.run("one", f"mountpoint -q /srv/data || mount {DEVICE} /srv/data; {TREES}")


@pytest.fixture(scope="module")
def first(fleet: SmallWorld) -> str:
    """What there is when the first snapshot is taken."""
    fleet.run("one", BEFORE)
    return trees(fleet)


def test_a_fleet_goes_back_to_either_of_two_snapshots_exactly(fleet: SmallWorld, first: str) -> None:
    fleet.run("two", "echo first > /etc/two")
    take(fleet, "first")
    assert trees(fleet) == first, "hosts go on as they were"

    fleet.run("one", DAMAGE)
    fleet.run("two", "rm /etc/two")
    back_to(fleet, "first")
    assert trees(fleet) == first
    assert fleet.run("two", "cat /etc/two") == "first"
    assert fleet.run(
        "one", "test ! -e /etc/new && test -e /bin/false && test ! -e /usr/share/doc/adduser && echo whole"
    )

    fleet.run("one", AGAIN)
    second = trees(fleet)
    assert second != first
    take(fleet, "second")
    fleet.run("one", DAMAGE)
    back_to(fleet, "second")
    assert trees(fleet) == second


def test_writers_that_never_rest_are_all_caught_at_one_instant(fleet: SmallWorld) -> None:
    """A host that hears of another's progress must not know more than the other's own files do."""
    fleet.run("one", f"mountpoint -q /srv/data || mount {DEVICE} /srv/data; systemd-run -q sh -c '{COUNTING}'")
    wait_until(lambda: fleet.run("one", "cat /var/count || true") > "", "the count to begin", 300)
    take(fleet, "counting")
    back_to(fleet, "counting")
    on_disk = int(fleet.run("one", f"mount {DEVICE} /srv/data; cat /srv/data/count"))
    in_root = int(fleet.run("one", "cat /var/count"))
    assert on_disk > 0
    assert on_disk - in_root in (0, 1)


def test_a_landscape_that_changed_is_refused_by_name_and_nothing_is_touched(fleet: SmallWorld) -> None:
    fleet.make_disk("more", 1)
    with pytest.raises(ExpectedError, match="Disk disk-more: made since"):
        back_to(fleet, "first")
    assert fleet.host("one")["state"] == "running"
    assert not fleet.settings.reset.exists()
    fleet.supervisor.delete(DISK, disk_id("more"))


def test_a_fleet_that_does_not_run_whole_is_not_taken(fleet: SmallWorld) -> None:
    fleet.supervisor.call("host", {"name": "two", "action": "stop"})
    with pytest.raises(SupervisorError, match=r"two is stopped[\s\S]*rehearsal\.start"):
        take(fleet, "part")
    assert "part" not in {snapshot.name for snapshot in Store(fleet.settings).all()}


def test_a_reset_that_was_killed_is_finished_by_whatever_starts_a_supervisor_and_lost_hosts_come_back(
    fleet: SmallWorld, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet.supervisor.call("host", {"name": "one", "action": "kill"})
    assert (fleet.host("one")["state"], fleet.host("two")["state"]) == ("gone", "stopped")

    def killed(settings: Settings, log: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(put_back, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            back_to(fleet, "first")
    assert not fleet.supervisor.alive()
    launch.ensure(fleet.settings, fleet.log.append)
    fleet.supervisor.call("restored")
    assert trees(fleet) == first
    assert fleet.run("two", "cat /etc/two") == "first"


def test_a_supervisor_that_is_killed_while_everything_is_frozen_leaves_nothing_and_no_snapshot(
    fleet: SmallWorld,
) -> None:
    # So that there is much to be copied at that moment.
    fleet.run("one", "dd if=/dev/zero of=/var/large bs=1M count=300 status=none")
    writing = "while :; do dd if=/dev/zero of=/var/large bs=1M count=300 conv=notrunc status=none; done"
    fleet.run("one", f"systemd-run -q sh -c '{writing}'")
    taking = threading.Thread(target=lambda: _ignore(fleet), daemon=True)
    supervisor = fleet.processes()["supervisor"]
    taking.start()
    events = Path(f"/proc/{supervisor}/root/sys/fs/cgroup/hosts/cgroup.events")
    wait_until(lambda: "frozen 1" in events.read_text(), "the hosts to stand still", 300)
    os.kill(supervisor, signal.SIGKILL)
    taking.join(300)
    assert not taking.is_alive()
    launch.ensure(fleet.settings, fleet.log.append)
    fleet.supervisor.call("restored")
    assert fleet.host("one")["state"] == "running"
    assert "killed" not in {snapshot.name for snapshot in Store(fleet.settings).all()}
    known = {snapshot.identifier for snapshot in Store(fleet.settings).all()}
    deadline = time.monotonic() + 300
    while {path.name for path in fleet.settings.snapshots.iterdir()} != known:
        assert time.monotonic() < deadline, "the unfinished folder was not swept"
        time.sleep(0.1)


def _ignore(fleet: SmallWorld) -> None:
    try:
        take(fleet, "killed")
    except SupervisorError:
        return
