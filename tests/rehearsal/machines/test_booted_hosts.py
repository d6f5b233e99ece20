"""Virtual machines as booted hosts: what they find at their first boot, and what becomes of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal.control.client import SupervisorError
from tests.processes import command_lines
from tests.rehearsal.machines.small_world import CUSTOM_DATA, DISK, VM, SmallWorld, disk_id, machine_id, wait_until

pytestmark = pytest.mark.booted


@pytest.fixture(scope="module")
def host(small_world: SmallWorld) -> str:
    """A host with a data disk; tests leave it running."""
    small_world.make_disk("data", 1)
    small_world.make_host("db01", 4, disks={0: "data"})
    return "db01"


def test_a_host_is_what_its_os_profile_says(small_world: SmallWorld, host: str) -> None:
    assert small_world.run(host, "hostname") == host
    assert small_world.run(host, "cloud-init query userdata") == CUSTOM_DATA.strip()
    assert small_world.run(host, "cat /etc/marker") == "first boot"
    key = (small_world.settings.keys / "operator.pub").read_text().strip()
    assert small_world.run(host, "cat /home/ops/.ssh/authorized_keys") == key
    assert small_world.run(host, "sudo -u ops sudo -n id -u") == "0"
    assert "permitrootlogin without-password" in small_world.run(host, "sshd -T")
    assert "passwordauthentication no" in small_world.run(host, "sshd -T")


def test_its_boot_ended_without_errors(small_world: SmallWorld, host: str) -> None:
    assert "status: done" in small_world.run(host, "cloud-init status --long")
    assert small_world.run(host, "systemctl is-system-running") == "running"
    assert "Active: active" in small_world.run(host, "systemctl status ssh"), "it has a control group of its own"
    reported = small_world.host(host)
    assert (reported["state"], reported["address"], reported["failed"]) == ("running", "10.77.1.4", [])
    assert reported["memory"] > 5 * 2**20


def test_its_resolver_is_azures(small_world: SmallWorld, host: str) -> None:
    assert "nameserver 168.63.129.16" in small_world.run(host, "cat /etc/resolv.conf")


def test_a_put_of_the_same_changes_nothing(small_world: SmallWorld, host: str) -> None:
    boot = "cat /proc/sys/kernel/random/boot_id; cut -d ' ' -f 22 /proc/1/stat"  # and when its first process began
    before = small_world.run(host, boot)
    small_world.make_host(host, 4, disks={0: "data"})
    assert small_world.run(host, boot) == before


def test_it_comes_back_from_a_reboot_of_its_own(small_world: SmallWorld, host: str) -> None:
    small_world.run(host, "echo kept > /var/kept; touch /run/before; systemctl reboot")
    wait_until(lambda: small_world.host(host)["state"] == "starting", "its reboot", 300)
    small_world.wait_for(host, "running")
    assert small_world.run(host, "cat /var/kept; test ! -e /run/before && echo anew") == "kept\nanew"


def test_what_runs_inside_does_not_hold_up_its_reboot(small_world: SmallWorld, host: str) -> None:
    with small_world.running(host, ["sleep", "600"]) as inside:
        small_world.supervisor.call("host", {"name": host, "action": "reboot"})
        assert inside.wait(10) != 0, "it ended with the host that it ran in"
    assert small_world.run(host, "cat /var/kept") == "kept"


def test_one_that_powers_off_is_stopped_and_no_drift(small_world: SmallWorld, host: str) -> None:
    small_world.run(host, "systemctl poweroff")
    small_world.wait_for(host, "stopped")
    assert small_world.exists(VM, machine_id(host))
    with pytest.raises(SupervisorError, match=r"fab rehearsal\.start db01"):
        small_world.supervisor.call("place", {"name": host})
    assert small_world.supervisor.call("host", {"name": host, "action": "start"})["state"] == "running"
    assert small_world.run(host, "cat /var/kept") == "kept"


def test_its_data_disk_grows_while_it_runs_and_never_shrinks(small_world: SmallWorld, host: str) -> None:
    disk = "/dev/disk/azure/scsi1/lun0"
    small_world.run(host, f"mkfs.xfs -q {disk} && mount {disk} /mnt && echo Klienten > /mnt/inhalt && sync")
    small_world.make_disk("data", 2)
    assert int(small_world.run(host, f"blockdev --getsize64 {disk}")) == 2 * 2**30
    small_world.run(host, "xfs_growfs /mnt")
    assert int(small_world.run(host, "df -m --output=size /mnt | tail -1")) > 1500
    with pytest.raises(SupervisorError, match="cannot shrink"):
        small_world.make_disk("data", 1)
    assert small_world.supervisor.get(DISK, disk_id("data")) == {"diskSizeGB": 2}


def test_another_size_reboots_it_and_keeps_all_it_has(small_world: SmallWorld, host: str) -> None:
    small_world.run(host, "umount /mnt; touch /run/before")
    small_world.make_host(host, 4, disks={0: "data"}, size="Standard_D4as_v5")
    assert small_world.run(host, "test ! -e /run/before && cat /var/kept") == "kept"
    assert any("rebooting as Standard_D4as_v5" in line for line in small_world.log)


def test_a_disk_is_attached_and_detached_while_it_runs(small_world: SmallWorld, host: str) -> None:
    size = "Standard_D4as_v5"
    small_world.make_disk("second", 1)
    small_world.run(host, "touch /run/before")
    small_world.make_host(host, 4, disks={0: "data", 1: "second"}, size=size)
    assert small_world.run(host, "blockdev --getsize64 /dev/disk/azure/scsi1/lun1") == str(2**30)
    small_world.make_host(host, 4, disks={0: "data"}, size=size)
    assert small_world.run(host, "ls /dev/disk/azure/scsi1; ls /run/before") == "lun0\n/run/before"


def test_a_disk_that_was_there_at_its_boot_is_detached_while_it_runs(small_world: SmallWorld, host: str) -> None:
    size = "Standard_D4as_v5"
    small_world.make_host(host, 4, disks={0: "data", 1: "second"}, size=size)
    small_world.supervisor.call("host", {"name": host, "action": "reboot"})
    small_world.make_host(host, 4, disks={0: "data"}, size=size)
    assert small_world.run(host, "ls /dev/disk/azure/scsi1") == "lun0"


def test_one_whose_nspawn_is_killed_is_gone_whole(small_world: SmallWorld, host: str) -> None:
    inside = small_world.host(host)["processes"]
    assert inside > 5
    # nspawn alone: its host would live on, if no one looked after it.
    supervisor = small_world.supervisor.process_id()
    nspawn = _nspawn_of(host, supervisor)
    os.kill(nspawn, signal.SIGKILL)
    small_world.wait_for(host, "gone")
    assert not small_world.exists(VM, machine_id(host))
    assert small_world.host(host)["processes"] == 0
    with pytest.raises(SupervisorError, match="only Pulumi makes it anew"):
        small_world.supervisor.call("host", {"name": host, "action": "start"})


def test_made_anew_it_has_a_fresh_root_and_finds_its_data_disk(small_world: SmallWorld, host: str) -> None:
    small_world.make_host(host, 4, disks={0: "data"})
    assert small_world.run(host, "test ! -e /var/kept && cat /etc/marker") == "first boot"
    assert small_world.run(host, "mount /dev/disk/azure/scsi1/lun0 /mnt && cat /mnt/inhalt") == "Klienten"
    small_world.run(host, "umount /mnt")


def test_a_deleted_host_leaves_its_disk(small_world: SmallWorld, host: str) -> None:
    small_world.supervisor.delete(VM, machine_id(host))
    small_world.supervisor.delete(VM, machine_id(host))
    assert not small_world.exists(VM, machine_id(host))
    assert not (small_world.settings.machines / "vm-db01").exists()
    assert small_world.exists(DISK, disk_id("data"))
    small_world.supervisor.delete(DISK, disk_id("data"))
    assert not small_world.exists(DISK, disk_id("data"))


def test_a_failing_cloud_init_is_reported_with_the_hosts_own_words(small_world: SmallWorld) -> None:
    broken = "#cloud-config\nruncmd:\n- [sh, -c, 'echo so geht das nicht >&2; exit 3']\n"
    with pytest.raises(SupervisorError) as raised:
        small_world.make_host("web01", 9, custom_data=broken)
    assert "cloud-init of web01 ended with errors" in raised.value.reason
    assert "so geht das nicht" in raised.value.reason
    assert not small_world.exists(VM, machine_id("web01")), "to the engine it was never made"
    small_world.make_host("web01", 9)
    assert small_world.run("web01", "cat /etc/marker") == "first boot"


def test_the_vantage_points_are_reached_through_the_way_in_only(small_world: SmallWorld) -> None:
    keys = small_world.settings.keys
    known = keys / "known_hosts"
    known.write_text(f"203.0.113.66 {(keys / 'vantage.pub').read_text()}")
    command = ["ssh", "-F", "none", "-i", str(keys / "operator"), "-o", f"UserKnownHostsFile={known}"]
    command += ["-o", "StrictHostKeyChecking=yes", "-o", "ProxyCommand=livegang-way-in outside %h %p"]
    command += ["root@203.0.113.66", "hostname; curl -sS -o /dev/null -w '%{http_code}' http://203.0.113.80/"]
    environment = {**os.environ, "LIVEGANG_STATE": str(small_world.settings.state)}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert result.stdout.split() == ["outside", "403"], result.stderr


def _nspawn_of(host: str, supervisor: int) -> int:
    found = [process for process, line in command_lines().items() if f"--machine={host} " in line]
    namespace = Path(f"/proc/{supervisor}/ns/pid").readlink()
    return next(process for process in found if Path(f"/proc/{process}/ns/pid").readlink() == namespace)
