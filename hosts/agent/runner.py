"""One run over all states of a host: compare each, change it when asked, report each outcome as it comes."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from dataclasses import replace

from hosts.agent import storage
from hosts.agent.host import Host
from hosts.agent.operations import OPERATIONS, units, waits
from hosts.agent.results import AbandonedError, NotComparableError, OperationError, Result, Status
from hosts.states import Package, State, Unit, Wait


class Runner:
    """Goes through a host's states in their order."""

    def __init__(self, host: Host, report: Callable[[Result], None], begin: Callable[[str], None]) -> None:
        self._host = host
        self._report = report
        self._begin = begin
        self._lost: dict[str, str] = {}
        """States that failed or were skipped, each with the state that failed first."""
        self._unknown: set[str] = set()
        self._storage: dict[str, str] = {}
        """File systems that cannot be written, each with the state that found it."""
        self._waited: set[str] = set()
        self._waits = {state.identity: state for state in host.states if isinstance(state, Wait)}

    def run(self) -> None:
        """All states, whatever becomes of each."""
        for state in self._host.states:
            if isinstance(state, Wait):
                continue
            self._begin(state.identity)
            started = time.monotonic()
            result = self._explained(self._one(state))
            result.seconds = time.monotonic() - started
            if result.status is Status.FAILED:
                self._lost[state.identity] = state.identity
            if result.status is Status.SKIPPED:
                self._lost[state.identity] = result.reason
            if result.status in (Status.CHANGED, Status.PENDING):
                self._host.touched.add(state.identity)
            if result.status is Status.UNKNOWN:
                self._unknown.add(state.identity)
            self._report(result)
        if not self._host.planning:
            self._look_again()

    def _explained(self, result: Result) -> Result:
        """A failure for want of writable storage names the file system; the next for the same one only follows."""
        if result.status is not Status.FAILED:
            return result
        problem = storage.cause(self._host, f"{result.reason}\n{result.log}")
        if problem is None:
            return result
        if problem in self._storage:
            return Result(result.state, Status.SKIPPED, reason=self._storage[problem])
        self._storage[problem] = result.state
        return replace(result, reason=f"{problem} ({result.reason})")

    def _look_again(self) -> None:
        """Check again the units that were fine: one that has ended since did not really start."""
        for unit, reason, log in units.ended_since(self._host, set(self._lost)):
            self._report(Result(unit.identity, Status.FAILED, reason=reason, log=log))

    def _one(self, state: State) -> Result:
        for need in state.needs:
            if need in self._lost:
                return Result(state.identity, Status.SKIPPED, reason=self._lost[need])
        try:
            return self._reach(state)
        except AbandonedError:
            raise
        except OperationError as error:
            return Result(state.identity, Status.FAILED, reason=error.reason, log=error.log)
        except (OSError, UnicodeError) as error:
            return Result(state.identity, Status.FAILED, reason=str(error))
        except Exception as error:  # noqa: BLE001 - a mistake in one operation must not hide the other states' outcome
            reason = f"unexpected {type(error).__name__}: {error}"
            return Result(state.identity, Status.FAILED, reason=reason, log=traceback.format_exc())

    def _reach(self, state: State) -> Result:
        host, operation = self._host, OPERATIONS[type(state)]
        try:
            differences = operation.compare(state, host)
        except NotComparableError as error:
            unreached = [need for need in state.needs if need in host.touched or need in self._unknown]
            if not (host.planning and unreached):
                raise OperationError(str(error)) from error
            return Result(state.identity, Status.UNKNOWN, reason=str(error))
        follows = self._cause(state, bool(differences))
        if not differences and not follows:
            return Result(state.identity, Status.UNCHANGED)
        outcome = Result(state.identity, Status.PENDING, tuple(differences))
        if follows:
            outcome = Result(state.identity, Status.FOLLOWS, tuple(differences), reason=follows)
        if host.planning:
            return outcome
        self._wait_for(state)
        units.mark(host, state.identity)
        operation.apply(state, host)
        if left := operation.compare(state, host):
            what = "; ".join(difference.what for difference in left)
            raise OperationError(f"changed, but it did not hold: {what}")
        if outcome.status is Status.PENDING:
            outcome.status = Status.CHANGED
        return outcome

    def _cause(self, state: State, differs: bool) -> str:
        """Because of which state a unit has to follow; empty when it has not, or is not as wanted by itself."""
        if not isinstance(state, Unit):
            return ""
        if differs:
            # A unit that is not there because its package is not is that package's matter, not a second finding.
            there = self._host.facts.unit(state.unit)["LoadState"] not in ("not-found", "masked")
            packages = {other.identity for other in self._host.states if isinstance(other, Package)}
            missing = [need for need in state.needs if need in self._host.touched and need in packages]
            return f"start: {missing[0]}" if missing and not (there and self._host.planning) else ""
        if self._host.facts.unit(state.unit)["ActiveState"] not in ("active", "reloading"):
            return ""
        action = units.cause(state, self._host)
        return f"{action[0]}: {action[1]}" if action else ""

    def _wait_for(self, state: State) -> None:
        for need in state.needs:
            if need in self._waits and need not in self._waited:
                waits.wait(self._waits[need], self._host)
                self._waited.add(need)
