"""Looking at many places at once: what several tests need of a host is fetched in one command, from all hosts together.

A suite names what it wants once, as a `Gathering`; it is fetched in the background while other tests run, and
a test gets its host's part, which is noted as the test's evidence.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import testinfra

from verify.inspection.connection import CommandTooSlow, end_running, look
from verify.inspection.expectations import current
from verify.report.evidence import NOTEBOOK

T = TypeVar("T")

_pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="gather")
_waiting = ThreadPoolExecutor(max_workers=64, thread_name_prefix="wait")
"""For what mostly waits for something else to happen: it must not keep others from their work, nor begin after them."""
_all: list[Gathering[Any]] = []


_abandoned = threading.Event()


class Abandoned(Exception):
    """Raised in what waits for something, when the run was interrupted: it puts in order what it has to, and ends."""


def abandon() -> None:
    """Begin nothing more, and wait for nothing more: an interrupted run would go on, and its process with it.

    What then puts a host in order still may.
    """
    _abandoned.set()
    for pool in (_pool, _waiting):
        pool.shutdown(wait=False, cancel_futures=True)
    end_running()


def pause(seconds: float) -> None:
    """Let time pass before another look at something; raises Abandoned when the run is interrupted meanwhile."""
    if _abandoned.wait(seconds):
        raise Abandoned


def start_looking(specs: dict[str, str], first: str | None, ssh_config: str) -> dict[str, Future[str | None]]:
    """Begin to look whether places answer; each part is the reason why one does not, None when it does.

    ``specs``: testinfra host spec by name. ``first``: the jump host's name; it is asked alone, so that the others find
    its shared connection open instead of opening one each.
    """
    jump = _waiting.submit(look, specs[first], ssh_config) if first is not None and first in specs else None

    def look_behind(spec: str) -> str | None:
        if jump is not None:
            jump.exception()  # what became of it is not for this place to say
        pause(0)
        return look(spec, ssh_config)

    parts = {name: _waiting.submit(look_behind, spec) for name, spec in specs.items() if name != first}
    return parts if first is None or jump is None else {first: jump, **parts}


def connect(place: str) -> Any:
    """The testinfra host of a host or vantage point, by name."""
    expected = current()
    points = {str(name): point.spec for name, point in expected.inventory.vantage_points.items()}
    return testinfra.get_host(points.get(place, f"ssh://{place}"), ssh_config=str(expected.ssh_config))


class Gathering(Generic[T]):
    """Something fetched once from each of several places, all at the same time.

    ``fetch`` is given a testinfra host. What it raises is raised again in the tests that ask for that place.
    ``places``: names those places that are not where the suite's tests run. ``waits``: for most of its time it waits
    for something on the host to happen, so it begins before those that do not.
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
        """The part of one place, waited for."""
        self.start([place])
        return self._parts[place].result()


def start_all(places_by_suite: dict[str, set[str]], unreachable: Iterable[str]) -> None:
    """Begin to fetch for the suites that will run, from the places on which their tests run."""
    for gathering in sorted(_all, key=lambda gathering: not gathering.waits):
        if gathering.suite in places_by_suite:
            places = gathering.places() if gathering.places else places_by_suite[gathering.suite]
            gathering.start(sorted(set(places) - set(unreachable)))


@dataclass(frozen=True)
class Output:
    """What one command of a batch said (standard output and error together) and its exit status."""

    command: str
    text: str
    status: int


class Outputs:
    """The outputs of a batch by name; asking for one makes it evidence of the running test."""

    def __init__(self, outputs: dict[str, Output]) -> None:
        self._outputs = outputs

    def __getitem__(self, name: str) -> str:
        output = self._outputs[name]
        ending = "" if output.status == 0 else f"\n(exit status {output.status})"
        NOTEBOOK.note(output.command, output.text + ending)
        return output.text

    def quietly(self, name: str) -> str:
        """An output that is not evidence: for waiting until it is as it should be."""
        return self._outputs[name].text.strip()

    def status(self, name: str) -> int:
        self[name]
        return self._outputs[name].status

    def lines(self, name: str) -> list[str]:
        return [line for line in self[name].splitlines() if line.strip()]


_MARK = "-----livegang-----"


def batch(host: Any, commands: dict[str, str], sudo: bool = True) -> Outputs:
    """Run several commands on a host in one round trip; each may fail without touching the others."""
    script = "\n".join(
        f"echo {_MARK} begin {name}; ( {command} ) </dev/null 2>&1; s=$?; echo; echo {_MARK} end $s"
        for name, command in commands.items()
    )
    wrapped = f"sudo -n sh -c {shlex.quote(script)}" if sudo else f"sh -c {shlex.quote(script)}"
    try:
        result = host.run(wrapped)
    except CommandTooSlow as slow:
        # Of all that was asked at once, the one that hangs is worth telling.
        begun = [line.removeprefix(f"{_MARK} begin ") for line in slow.output.splitlines() if f"{_MARK} begin " in line]
        if begun and begun[-1] in commands:
            raise CommandTooSlow(slow.host, commands[begun[-1]], slow.output.encode()) from None
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
