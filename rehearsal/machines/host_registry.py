"""All hosts of a rehearsal: by the id of their virtual machine, and by name."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from landscape.host_order import stop_rank
from landscape.roles import ROLES, Role
from rehearsal.base.handler import HandlerError, Log
from rehearsal.machines.host import Host, State

STOP_SECONDS = 5.0
"""How long a host may take to power off whose role asks for nothing else."""


@dataclass(frozen=True)
class Endings:
    """Seconds that it took to end all hosts."""

    databases: float
    others: float


class Hosts:
    """Registry of the booted hosts. May be used from several threads."""

    def __init__(self, folder: Path, base_image: Path) -> None:
        self._folder = folder
        self._base = base_image
        self._lock = threading.Lock()
        self._hosts: dict[str, Host] = {}
        self._roles: dict[str, str] = {}

    def add(self, identifier: str, computer_name: str, role: str) -> Host:
        """The host of a virtual machine, made known if it is not yet; its folder is named after the machine."""
        with self._lock:
            key = identifier.lower()
            if (same := self._named(computer_name)) and same != key:
                raise HandlerError(f"{identifier}: there already is a host {computer_name}: {same}")
            self._roles[key] = role
            if key not in self._hosts:
                self._hosts[key] = Host(computer_name, self._folder / identifier.rsplit("/", 1)[-1], self._base)
            return self._hosts[key]

    def get(self, identifier: str) -> Host | None:
        with self._lock:
            return self._hosts.get(identifier.lower())

    def find(self, name: str) -> Host:
        """By its own name or its virtual machine's; raises HandlerError listing the hosts there are."""
        with self._lock:
            for key, host in self._hosts.items():
                if name in (host.name, key.rsplit("/", 1)[-1]):
                    return host
            known = ", ".join(sorted(host.name for host in self._hosts.values()))
        raise HandlerError(f"There is no host {name}; there are: {known or 'none'}.")

    def identifier(self, host: Host) -> str:
        """The ARM id of a host, in lower case."""
        with self._lock:
            return next(key for key, other in self._hosts.items() if other is host)

    def forget(self, identifier: str) -> None:
        with self._lock:
            self._hosts.pop(identifier.lower(), None)
            self._roles.pop(identifier.lower(), None)

    def all(self) -> list[tuple[str, Host]]:
        """Pairs of ARM id (lower case) and host, by the host's name."""
        with self._lock:
            return sorted(self._hosts.items(), key=lambda pair: pair[1].name)

    def role(self, identifier: str) -> str:
        """Its roles, the first its own, e.g. ``web`` or ``web+application``; empty where none is known."""
        return self._roles.get(identifier.lower(), "")

    def _roles_of(self, identifier: str) -> list[Role]:
        return [ROLES[name] for name in self.role(identifier).split("+") if name in ROLES]

    def stop_seconds(self, identifier: str) -> float:
        """How long a host may take to power off before its plug is pulled."""
        return max([STOP_SECONDS, *(role.stop_seconds or 0 for role in self._roles_of(identifier))])

    def _must_stop_in_order(self, identifier: str) -> bool:
        return any(role.stop_seconds for role in self._roles_of(identifier))

    def _living_by_rank(self) -> list[list[tuple[str, Host]]]:
        """The living hosts in the order in which they stop: each group writes to those after it while it stops."""
        ranks: dict[int, list[tuple[str, Host]]] = {}
        for key, host in self.all():
            if host.state in (State.STARTING, State.RUNNING):
                ranks.setdefault(stop_rank(role.name for role in self._roles_of(key)), []).append((key, host))
        return [ranks[rank] for rank in sorted(ranks)]

    def stop_all(self, log: Log) -> None:
        """Power all off, those that others write to after these: database hosts archive to the file host."""
        # First: where the machine is shut down, each host gets the signal as well and powers off by itself.
        for _, host in self.all():
            host.leave()
        ranks = self._living_by_rank()
        if ranks:
            log(f"stopping {sum(map(len, ranks))} hosts")
        for hosts in ranks:
            _all_of(hosts, lambda key, host: _stop(host, self.stop_seconds(key), log))

    def end_all(self, log: Log) -> Endings:
        """End all for good: databases in good order, all others by pulling their plug.

        A database that stops writes its last log to the archive on the file host, which therefore ends after it.
        """
        for _, host in self.all():
            host.leave()
        ranks = self._living_by_rank()
        if ranks:
            log(f"ending {sum(map(len, ranks))} hosts, databases in good order")
        stopping = killing = 0.0
        for hosts in ranks:
            began = time.monotonic()
            ordered = [(key, host) for key, host in hosts if self._must_stop_in_order(key)]
            _all_of([pair for pair in hosts if pair not in ordered], lambda _, host: _end(host, log))
            ended = time.monotonic()
            _all_of(ordered, lambda key, host: _stop(host, self.stop_seconds(key), log))
            killing, stopping = killing + ended - began, stopping + time.monotonic() - ended
        return Endings(stopping, killing)

    def _named(self, computer_name: str) -> str | None:
        return next((key for key, host in self._hosts.items() if host.name == computer_name), None)


def _all_of(hosts: Sequence[tuple[str, Host]], end: Callable[[str, Host], None]) -> None:
    """Do it to all of these concurrently, and wait until it is done."""
    if hosts:
        with ThreadPoolExecutor(len(hosts)) as pool:
            list(pool.map(end, *zip(*hosts, strict=True)))


def _end(host: Host, log: Log) -> None:
    try:
        host.kill()
    except HandlerError as error:  # the others are to be ended all the same
        log(str(error))


def _stop(host: Host, seconds: float, log: Log) -> None:
    try:
        host.stop(seconds)
    except HandlerError as error:  # the others are to be stopped all the same
        log(str(error))
