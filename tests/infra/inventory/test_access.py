"""The access files, as the real ssh reads them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shlex import quote

import pytest

from console import ExpectedError
from infra.inventory import access
from infra.inventory.model import Inventory
from tests.infra.inventory.samples import KEY, inventory
from toolchain.folders import PROJECT, state_folder


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return access.write(with_vantage_keys(tmp_path), tmp_path / "access")


def with_vantage_keys(folder: Path) -> Inventory:
    (folder / "vantage.pub").write_text(f"{KEY} vantage\n")
    sample = inventory()
    point = sample.vantage_points["outside"].model_copy(update={"host_keys_file": str(folder / "vantage.pub")})
    return sample.model_copy(update={"vantage_points": {**sample.vantage_points, "outside": point}})


def options(config: Path, host: str) -> dict[str, str]:
    """What ssh itself reads from the file for a host."""
    shown = subprocess.run(["ssh", "-G", "-F", config, host], check=True, capture_output=True, text=True).stdout
    return dict(line.split(" ", 1) for line in shown.splitlines() if " " in line)


def test_a_host_is_reached_through_the_jump_host(config: Path) -> None:
    found = options(config, "web01")
    assert (found["hostname"], found["user"], found["proxyjump"]) == ("10.77.3.4", "ops", "mgmt01")
    assert found["hostkeyalias"] == "web01.vivendi.internal"


def test_the_jump_host_is_reached_through_the_way_in(config: Path) -> None:
    found = options(config, "mgmt01")
    assert found["hostname"] == "198.51.100.11"
    state, project = quote(str(state_folder())), quote(str(PROJECT))
    assert found["proxycommand"] == f"env LIVEGANG_STATE={state} {project}/.venv/bin/livegang-way-in operator %h %p"
    assert "proxyjump" not in found


def test_a_vantage_point_has_an_entry_of_its_own(config: Path) -> None:
    found = options(config, "outside")
    assert (found["hostname"], found["user"]) == ("203.0.113.66", "root")
    assert found["identityfile"] == f"{state_folder()}/keys/operator"


@pytest.mark.parametrize("host", ["web01", "mgmt01", "outside"])
def test_only_pinned_keys_are_accepted(config: Path, host: str) -> None:
    found = options(config, host)
    assert found["stricthostkeychecking"] in ("true", "yes")
    assert found["userknownhostsfile"] == str(config.with_name("known_hosts"))
    assert found["globalknownhostsfile"] == "/dev/null"
    assert found["updatehostkeys"] == "false"
    assert found["passwordauthentication"] == "no"
    assert found["kexalgorithms"].startswith("curve25519-sha256")


@pytest.mark.parametrize("name", ["web01.vivendi.internal", "10.77.3.4", "mgmt01", "198.51.100.11", "203.0.113.66"])
def test_a_key_is_known_by_every_name_that_a_client_may_look_up(config: Path, name: str) -> None:
    command = ["ssh-keygen", "-F", name, "-f", str(config.with_name("known_hosts"))]
    assert KEY in subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_address_that_is_not_in_the_inventory_is_unknown(config: Path) -> None:
    command = ["ssh-keygen", "-F", "10.77.3.5", "-f", str(config.with_name("known_hosts"))]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 1


def test_two_clones_never_share_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both use the same addresses: a shared socket would lead into the other rehearsal."""
    monkeypatch.setenv("HOME", str(tmp_path))
    one, other = access.control_path(tmp_path / "one"), access.control_path(tmp_path / "other")
    assert one != other
    assert one.parent.stat().st_mode & 0o077 == 0


def test_two_state_folders_never_share_a_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same stack, same clone: a command would reach the other rehearsal, without a check of host keys."""
    monkeypatch.setenv("HOME", str(tmp_path))
    found = set()
    for state in ("one", "other"):
        monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path / state))
        found.add(access.control_path(tmp_path / "clone" / ".livegang" / "small"))
    assert len(found) == 2


def test_a_socket_path_too_long_for_the_kernel_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/" + "h" * 80)
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(ExpectedError, match="There is no place for ssh's sockets"):
        access.control_path(Path("/clone"))


def test_a_project_folder_with_a_space_and_a_percent_sign_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolchain.folders.PROJECT", Path("/my clone 100%"))
    monkeypatch.setenv("LIVEGANG_STATE", "/my state 100%")
    text = access.ssh_config(inventory(), tmp_path / "known_hosts")
    assert "LIVEGANG_STATE='/my state 100%%' '/my clone 100%%'/.venv/bin/livegang-way-in operator %h %p" in text
    assert 'IdentityFile "/my state 100%%/keys/operator"' in text


def test_missing_host_keys_of_a_vantage_point_are_named(tmp_path: Path) -> None:
    sample = inventory()
    point = sample.vantage_points["outside"].model_copy(update={"host_keys_file": "nowhere.pub"})
    with pytest.raises(ExpectedError, match=r"vantage point outside .*nowhere\.pub"):
        access.write(sample.model_copy(update={"vantage_points": {"outside": point}}), tmp_path)


@pytest.mark.parametrize("name", ["plain", "with a blank", "it's 100%"])
def test_ssh_reaches_the_jump_host_whatever_the_folder_is_called(tmp_path: Path, name: str) -> None:
    """With ProxyJump, ssh passes the path of its configuration to a shell without quotes."""
    folder, called = tmp_path / name, tmp_path / "called"
    found = inventory()
    way_in = found.way_in.model_copy(update={"proxy_command": f"touch {called}; exit 1", "identity_file": None})
    config = access.write(found.model_copy(update={"way_in": way_in}), folder)
    inner = next(host for host in found.hosts if host != way_in.jump_host)
    # The jump host's own way in is called and fails: nothing leaves this machine.
    command = ["ssh", "-F", str(config), inner, "true"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 255
    assert called.exists(), done.stderr
