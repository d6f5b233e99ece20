"""The files with which people and tools reach the hosts: ``ssh_config`` and ``known_hosts``, from the inventory.

Fabric, testinfra and people use the same two files::

    ssh -F .livegang/rehearsal/ssh_config web01
    sftp -F .livegang/rehearsal/ssh_config file01

Only pinned host keys are accepted. Connections are shared: the first one to a host costs a handshake, the others almost
nothing, until a minute after the last one has ended.
"""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from console import ExpectedError
from infra.inventory.model import Host, Inventory, VantagePoint
from toolchain.files import write_atomically
from toolchain.folders import PROJECT, fill_in, output_folder, state_folder

KEY_EXCHANGE = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256"
"""The fast ones first: with the post-quantum default, connecting to nine hosts takes half as long again."""

SOCKET_PATH_LIMIT = 107
"""How many bytes the path of a Unix socket may have."""
SOCKET_NAME_LENGTH = 40 + 17
"""ssh's %C, and what it appends while it creates the socket."""


def write(inventory: Inventory, folder: Path | None = None) -> Path:
    """Write both files into ``folder``, by default the stack's output folder; returns the path of the ssh_config.

    Raises ExpectedError when a file with host keys that the inventory names cannot be read.
    """
    folder = (folder or output_folder(inventory.stack)).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    known_hosts, config = folder / "known_hosts", folder / "ssh_config"
    lines = "".join(f"{line}\n" for line in known_host_lines(inventory))
    write_atomically(known_hosts, lines.encode(), mode=0o644)
    write_atomically(config, ssh_config(inventory, known_hosts).encode(), mode=0o644)
    return config


def ssh_config(inventory: Inventory, known_hosts: Path) -> str:
    """The text of the ssh_config; ``known_hosts`` is where the pinned keys are."""
    config = known_hosts.with_name("ssh_config")
    blocks = [_block(host.name, _host_options(inventory, host, config)) for host in inventory.hosts.values()]
    blocks += [_block(name, _vantage_options(point)) for name, point in _ssh_vantage_points(inventory)]
    blocks.append(_block("*", _common_options(inventory, known_hosts)))
    usage = f"# Written from the inventory of stack {inventory.stack} by fab hosts.ssh-config. ssh -F THIS_FILE web01\n"
    return "\n".join([usage, *blocks])


def known_host_lines(inventory: Inventory) -> Iterator[str]:
    """A line for each pinned host key, with every name and address by which a client may look it up."""
    for host in inventory.hosts.values():
        names = [host.fqdn, host.name, str(host.address)]
        if host.name == inventory.way_in.jump_host:
            names.append(_with_port(str(inventory.way_in.jump_address), inventory.way_in.jump_port))
        for key in host.host_keys:
            yield f"{','.join(names)} {key}"
    for name, point in _ssh_vantage_points(inventory):
        for key in _vantage_host_keys(name, point):
            yield f"{name},{_with_port(str(point.address), point.port)} {key}"


def _host_options(inventory: Inventory, host: Host, config: Path) -> dict[str, str]:
    way_in = inventory.way_in
    options = {"HostKeyAlias": host.fqdn, "User": way_in.user}
    if way_in.identity_file:
        options |= _identity(way_in.identity_file)
    if host.name != way_in.jump_host:
        return {"HostName": str(host.address), **options, **_jump(way_in.jump_host, config)}
    options = {"HostName": str(way_in.jump_address), "Port": str(way_in.jump_port), **options}
    if way_in.proxy_command:
        options["ProxyCommand"] = _command(way_in.proxy_command)
    return options


def _jump(jump_host: str, config: Path) -> dict[str, str]:
    """Through the jump host. With ProxyJump, ssh calls itself and does not quote the path of its configuration."""
    quoted = shlex.quote(str(config))
    if quoted == str(config):
        return {"ProxyJump": jump_host}
    return {"ProxyCommand": f"ssh -F {quoted.replace('%', '%%')} -W '[%h]:%p' {jump_host}"}


def _vantage_options(point: VantagePoint) -> dict[str, str]:
    options = {"HostName": str(point.address), "Port": str(point.port)}
    if point.user:
        options["User"] = point.user
    if point.identity_file:
        options |= _identity(point.identity_file)
    if point.proxy_command:
        options["ProxyCommand"] = _command(point.proxy_command)
    return options


def _common_options(inventory: Inventory, known_hosts: Path) -> dict[str, str]:
    return {
        "UserKnownHostsFile": _path(str(known_hosts)),
        "GlobalKnownHostsFile": "/dev/null",
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "ForwardAgent": "no",
        "KexAlgorithms": KEY_EXCHANGE,
        "ConnectTimeout": "15",
        "ServerAliveInterval": "5",
        "ServerAliveCountMax": "3",
        "ControlMaster": "auto",
        "ControlPersist": "60",
        "ControlPath": _path(str(control_path(known_hosts.parent)), tokens="-%C"),
    }


def control_path(folder: Path) -> Path:
    """How the socket paths of shared connections begin: a short folder, and a digest that only this inventory has.

    ssh's %C is the same for two landscapes with the same addresses. The digest, of the access files' folder and of the
    state folder, is not: it has to differ, since host keys are not checked on an open shared connection.
    """
    digest = hashlib.sha256(f"{folder}\n{state_folder()}".encode()).hexdigest()[:8]
    candidates = [Path.home() / ".ssh" / "livegang"]
    if runtime := os.environ.get("XDG_RUNTIME_DIR"):
        candidates.append(Path(runtime) / "livegang-ssh")
    if os.geteuid() == 0:
        candidates.append(Path("/run/livegang-ssh"))
    for sockets in candidates:
        if len(str(sockets / digest).encode()) + 1 + SOCKET_NAME_LENGTH > SOCKET_PATH_LIMIT:
            continue
        try:
            sockets.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue  # A home folder that is read-only or missing: try the next one.
        return sockets / digest
    raise ExpectedError(
        f"There is no place for ssh's sockets: {' and '.join(map(str, candidates))} cannot be created or are too long.",
        hint="Set XDG_RUNTIME_DIR to a folder of your own whose path has fewer than 30 characters.",
    )


def _ssh_vantage_points(inventory: Inventory) -> Iterator[tuple[str, VantagePoint]]:
    for point in inventory.vantage_points.values():
        if point.spec.startswith("ssh://"):
            yield point.spec.removeprefix("ssh://"), point


def _vantage_host_keys(name: str, point: VantagePoint) -> list[str]:
    if not point.host_keys_file:
        return point.host_keys
    file = PROJECT / fill_in(point.host_keys_file)
    try:
        return [*point.host_keys, *(line for line in file.read_text().splitlines() if line.strip())]
    except OSError as error:
        raise ExpectedError(
            f"The host keys of vantage point {name} cannot be read from {file}: {error.strerror}.",
            hint="They are made when the rehearsal starts: make rehearse.",
        ) from error


def _identity(path: str) -> dict[str, str]:
    # Only this one: with an agent full of keys, ssh would exceed the server's limit of attempts.
    return {"IdentityFile": _path(fill_in(path)), "IdentitiesOnly": "yes"}


def _command(command: str) -> str:
    """A ProxyCommand for the shell. A percent sign in a folder's path must not become one of ssh's tokens."""
    return fill_in(command, lambda folder: shlex.quote(folder).replace("%", "%%"))


def _with_port(address: str, port: int) -> str:
    return address if port == 22 else f"[{address}]:{port}"


def _path(value: str, tokens: str = "") -> str:
    """A path as ssh reads it, followed by ssh's own tokens. A percent sign in the path must not become one."""
    escaped = value.replace("%", "%%") + tokens
    return f'"{escaped}"' if " " in escaped else escaped


def _block(pattern: str, options: dict[str, str]) -> str:
    return "".join([f"Host {pattern}\n", *(f"    {key} {value}\n" for key, value in options.items())])
