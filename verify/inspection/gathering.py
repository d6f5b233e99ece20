"""Looking at all hosts concurrently: what several tests need of a host is fetched once, in a single command.

A suite declares what it wants as a `Gathering`. It is fetched in the background while other tests run; a test gets
the part of its host, which is kept as the test's evidence.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import testinfra

from verify.inspection.connection import end_running
from verify.inspection.expectations import current
from verify.inspection.reachability import unreachable_reason
from verify.inspection.waiting import pause, stop_waiting
from verify.report.errors import CommandTooSlow
from verify.report.evidence import NOTEBOOK

T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="gather")
_waiting = ThreadPoolExecutor(max_workers=64, thread_name_prefix="wait")
"""For what mostly waits for something to happen on a host: it must neither hold up the others nor begin after them."""
_all: list[Gathering[Any]] = []


def abandon() -> None:
    """Stop fetching and waiting: else an interrupted run, and with it the process, would go on until all is done.

    What is under way may still run commands to clean up on its host.
    """
    stop_waiting()
    for pool in (_pool, _waiting):
        pool.shutdown(wait=False, cancel_futures=True)
    end_running()


def start_looking(specs: dict[str, str], first: str | None, ssh_config: str) -> dict[str, Future[str | None]]:
    """Begin to find out which places answer; a part's result is the reason why one does not, None if it does.

    ``specs``: testinfra host specs by name. ``first``: the jump host's name. It is asked before the others, which
    then share its open connection instead of opening one each.
    """
    jump = _waiting.submit(unreachable_reason, specs[first], ssh_config) if first in specs else None

    def look_behind(spec: str) -> str | None:
        if jump is not None:
            jump.exception()  # wait for it; what came of it is reported for the jump host itself
        pause(0)  # nothing more is asked once the run is interrupted
        return unreachable_reason(spec, ssh_config)

    parts = {name: _waiting.submit(look_behind, spec) for name, spec in specs.items() if name != first}
    return parts if first is None or jump is None else {first: jump, **parts}


def connect(place: str) -> Any:
    """The testinfra host for a host or vantage point, by name."""
    expected = current()
    points = {str(name): point.spec for name, point in expected.inventory.vantage_points.items()}
    return testinfra.get_host(points.get(place, f"ssh://{place}"), ssh_config=str(expected.ssh_config))


class Gathering(Generic[T]):
    """Something that is fetched once from each of several places, from all of them concurrently.

    ``fetch`` is given a testinfra host. An exception from it is raised again in every test that asks for that place.
    ``places``: where to fetch it, if not where the suite's tests run. ``waits``: it mostly waits for something to
    happen on the host, so it is started before those that do not.
    """

    def __init__(
        self,
        suite: str,
        fetch: Callable[[Any], T],
        places: Callable[[], Iterable[str]] | None = None,
        waits: bool = False,
    ) -> None:
        self.suite = suite.rpartition(".")[2].removeprefix("test_")
        self.places = places
        self.waits = waits
        self._fetch = fetch
        self._parts: dict[str, Future[T]] = {}
        _all.append(self)

    def start(self, places: Iterable[str]) -> None:
        for place in places:
            if place not in self._parts:
                self._parts[place] = (_waiting if self.waits else _pool).submit(self._look, place)

    def _look(self, place: str) -> T:
        return self._fetch(connect(place))

    def of(self, place: str) -> T:
        """What was fetched from one place; waits until it is there."""
        self.start([place])
        return self._parts[place].result()


def start_all(places_by_suite: dict[str, set[str]], unreachable: Iterable[str]) -> None:
    """Begin to fetch for all suites that will run, from the places where their tests run."""
    for gathering in sorted(_all, key=lambda gathering: not gathering.waits):
        if gathering.suite in places_by_suite:
            places = gathering.places() if gathering.places else places_by_suite[gathering.suite]
            gathering.start(sorted(set(places) - set(unreachable)))


@dataclass(frozen=True)
class Output:
    """What one command of a batch printed (standard output and error together) and its exit status."""

    command: str
    text: str
    status: int


class Outputs:
    """The outputs of a batch by name; reading one makes it evidence of the running test."""

    def __init__(self, outputs: dict[str, Output]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> str:
        output = self._outputs[name]
        ending = "" if output.status == 0 else f"\n(exit status {output.status})"
        NOTEBOOK.note(output.command, output.text + ending)
        return output.text

    def peek(self, name: str) -> str:
        """An output without making it evidence: for waiting until it is as wanted."""
        return self._outputs[name].text.strip()

    def status(self, name: str) -> int:
        self[name]
        return self._outputs[name].status

    def lines(self, name: str) -> list[str]:
        return [line for line in self[name].splitlines() if line.strip()]


_MARK = "-----livegang-----"


def batch(host: Any, commands: dict[str, str], sudo: bool = True) -> Outputs:
    """Run several commands on a host in one round trip; each may fail without affecting the others."""
    script = "\n".join(
        f"echo {_MARK} begin {name}; ( {command} ) </dev/null 2>&1; s=$?; echo; echo {_MARK} end $s"
        for name, command in commands.items()
    )
    wrapped = f"sudo -n sh -c {shlex.quote(script)}" if sudo else f"sh -c {shlex.quote(script)}"
    try:
        result = host.run(wrapped)
    except CommandTooSlow as slow:
        # Of all the commands, report the one that hangs.
        begun = [line.removeprefix(f"{_MARK} begin ") for line in slow.output.splitlines() if f"{_MARK} begin " in line]
        if begun and begun[-1] in commands:
            raise CommandTooSlow(slow.host, commands[begun[-1]], slow.seconds, slow.output.encode()) from None
        raise
    outputs: dict[str, Output] = {}
    name = ""
    lines: list[str] = []
    for line in result.stdout.splitlines():
        if line.startswith(f"{_MARK} begin "):
            name, lines = line.removeprefix(f"{_MARK} begin "), []
        elif line.startswith(f"{_MARK} end "):
            outputs[name] = Output(commands[name], "\n".join(lines).strip("\n"), int(line.rpartition(" ")[2]))
        else:
            lines.append(line)
    reason = result.stderr.strip() or f"exit status {result.rc}"
    missing = {name: Output(command, reason, 255) for name, command in commands.items() if name not in outputs}
    return Outputs(outputs | missing)
