"""A run over many hosts at once, each in a thread; one host's failure never hides another's."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import fabric

from console import Interrupted, signals_raise
from console.interruption import number_of
from hosts import roles
from hosts.agent.results import Status
from hosts.components import manifest
from hosts.fleet.connection import Connections, JumpHostError, NotPermittedError, UnreachableError
from hosts.fleet.document import Mode, document
from hosts.fleet.session import Progress, Report, Session
from infra.inventory.model import Host, Inventory

JOIN_SECONDS = 3.0
"""How long an interrupted run waits for its threads."""


@dataclass
class Outcome:
    """What became of all hosts of a run."""

    mode: Mode
    stack: str
    reports: list[Report]
    seconds: float
    interrupted: signal.Signals | None = None
    """The signal that ended it before its time."""

    @property
    def failed(self) -> bool:
        """True if any host failed."""
        return any(report.failed for report in self.reports)

    @property
    def pending(self) -> int:
        """Number of states that a converge would change."""
        return sum(report.count(Status.PENDING) for report in self.reports)


def run(inventory: Inventory, hosts: Sequence[Host], mode: Mode, progress: Progress) -> Outcome:
    """Plan or converge these hosts, all at the same time.

    Where a host needs another one (its packages come from the mirror, a standby is copied from its primary) its agent
    waits on the spot, having done by then what it could; it is notified when that other host failed.

    Raises ExpectedError, before anything is touched, when the inventory, a manifest or a role cannot be used.
    """
    started = time.monotonic()
    components = manifest.of_inventory(inventory)
    if mode == "converge" and any("application" in host.roles for host in hosts):
        manifest.demand_artifacts(inventory, components)
    sessions = [
        Session(
            host,
            document(host, inventory, roles.states(host, inventory, components), mode),
            lambda file: manifest.artifact_path(inventory, file),
            progress,
        )
        for host in hosts
    ]
    fleet = _Fleet(Connections(inventory), inventory.way_in.jump_host, sessions, hosts, progress)
    interrupted = fleet.run()
    reports = [session.report for session in sessions]
    return Outcome(mode, inventory.stack, reports, time.monotonic() - started, interrupted)


class _Fleet:
    def __init__(
        self,
        connections: Connections,
        jump_host: str,
        sessions: Sequence[Session],
        hosts: Sequence[Host],
        progress: Progress,
    ) -> None:
        self._connections = connections
        self._jump_host = jump_host
        self._ended = {host.name: threading.Event() for host in hosts}
        self._sessions = sessions
        self._progress = progress
        self._threads = [
            threading.Thread(target=self._one, args=(session, host), name=host.name, daemon=True)
            for session, host in zip(sessions, hosts, strict=True)
        ]
        self._over = False

    def run(self) -> signal.Signals | None:
        """Until all hosts are done; the signal with which the user ended it before."""
        with signals_raise():
            try:
                for thread in self._threads:
                    thread.start()
                for thread in self._threads:
                    thread.join()
            except KeyboardInterrupt as interruption:
                self._over = True
                return number_of(interruption)
            finally:
                self._connections.close()
                for thread in self._threads:
                    if thread.ident is not None:
                        thread.join(JOIN_SECONDS / len(self._threads))
        return None

    def _one(self, session: Session, host: Host) -> None:
        report = session.report
        started = time.monotonic()
        self._progress.doing(host.name, "connects")
        try:
            session.run(self._open(host).transport)
        except JumpHostError as error:
            report.error, report.behind = str(error), self._jump_host
        except UnreachableError as error:
            report.error = str(error)
        except Exception as error:  # noqa: BLE001 - a mistake here must not hide the other hosts' outcome
            report.error = f"unexpected {type(error).__name__}: {error}"
        finally:
            if host.name == self._jump_host:
                self._connections.forget_jump_host()
            self._ended[host.name].set()
        report.seconds = time.monotonic() - started
        if report.error and host.name != self._jump_host and self._connections.jump_host_lost():
            report.behind = self._jump_host
        if self._over and report.error:
            report.error = "interrupted"
        self._progress.doing(host.name, "failed" if report.failed else "done")
        if report.failed and not self._over:
            # The first line: the rest is advice to people.
            reason = report.error.splitlines()[0] if report.error else report.of(Status.FAILED)[0].state
            for other in self._sessions:
                if other is not session:
                    other.report_lost(host.name, reason)

    def _open(self, host: Host) -> fabric.Connection:
        """A host that was added to a living landscape is let through once the jump host knows of it."""
        try:
            return self._connections.open(host)
        except NotPermittedError:
            if self._jump_host not in self._ended:
                raise
            self._progress.doing(host.name, f"waits until {self._jump_host} passes connections on to it")
            self._ended[self._jump_host].wait()
            return self._connections.open(host)


def end_of(outcome: Outcome) -> Interrupted | None:
    """The error with which an interrupted run ends: one sentence on what was reached."""
    if outcome.interrupted is None:
        return None
    done = sum(report.error is None and len(report.results) == report.expected for report in outcome.reports)
    changed = sum(report.count(Status.CHANGED, Status.FOLLOWS) for report in outcome.reports)
    reached = f"{done} of {len(outcome.reports)} hosts were done"
    if outcome.mode == "converge":
        reached += f", {changed} states were changed; each host finishes its current one, and the next run continues"
    return Interrupted(
        outcome.interrupted,
        f"Interrupted after {outcome.seconds:.1f} s: {reached}.",
        hint=f"Go on from there: fab hosts.{outcome.mode}",
    )
