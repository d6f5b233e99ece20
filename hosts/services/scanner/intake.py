"""One pass over the drop: what is complete is scanned, what is not waits, what waits too long is set aside."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Protocol

from . import archives, manifests, names
from .arrivals import Arrival, arrivals, empty_folders, open_folder
from .clamd import ClamdError
from .custody import Custody, Occupied, interrupted, opened, sum_of
from .records import Log, Memory
from .settings import Settings

NOT_SCANNED = ("Heuristics.Limits.", "Heuristics.Encrypted.")
"""What clamd "finds" where it could not look into all of a file."""
POSTPONED = 30.0
"""Seconds until a file is retried that could not be scanned for a reason unrelated to it."""
MOST_INTERRUPTIONS = 3
FIT = 30.0
"""Seconds for which clamd is trusted after it has found the test file."""


class Scanner(Protocol):
    """What an intake asks of clamd."""

    def scan(self, file: BinaryIO) -> str: ...

    def unfit(self, signed: bool, oldest: float) -> str | None: ...


@dataclass
class Tally:
    """What one pass came to, without names."""

    waiting: int = 0
    oldest: float = 0.0
    """Seconds since the file that waits longest last changed."""
    blocked: str | None = None
    """Why nothing is scanned at all."""
    judged: dict[str, int] = field(default_factory=dict)


class Intake:
    """The drop and all that becomes of it. ``report`` takes lines for the journal; they contain no file name.

    ``beat`` is called whenever a file is done with: one pass may take hours.
    """

    def __init__(
        self,
        settings: Settings,
        scanner: Scanner,
        report: Callable[[str], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._scanner = scanner
        self._report = report
        self._beat = beat
        self._log = Log(settings.log)
        self._memory = Memory(settings.state)
        self._wrong: dict[str, tuple[tuple[int, int, int], frozenset[str]]] = {}
        """Versions of files whose sum is none of the wanted ones (yet)."""
        self._postponed: dict[str, float] = {}
        self._last_judged = 0.0
        self._fit_until = 0.0

    def recover(self) -> None:
        """Return what an interrupted run was working on to the drop."""
        for custody in interrupted(self._settings):
            times = self._count(custody.path)
            if times >= MOST_INTERRUPTIONS:
                self._set_aside(custody, "unclear", f"the service was interrupted at it {times} times")
            elif not custody.give_back():
                self._set_aside(custody, "unclear", "the service was interrupted, and its place was taken meanwhile")

    def _unfit(self, now: float) -> str | None:
        """Whether clamd's word counts; asked again after a while only, for each question is a finding in its log."""
        if now < self._fit_until:
            return None
        reason = self._scanner.unfit(self._settings.signed, self._settings.oldest_signatures)
        self._fit_until = 0.0 if reason else now + FIT
        return reason

    def _count(self, path: str) -> int:
        """How often it did not come to a verdict at this file."""
        self._memory.interrupted[path] = self._memory.interrupted.get(path, 0) + 1
        self._memory.save()
        return self._memory.interrupted[path]

    def pass_once(self) -> Tally:
        """Look at everything once."""
        now, tally = time.time(), Tally()
        found = sorted(arrivals(self._settings.incoming), key=lambda arrival: arrival.path)
        quiet = now - max([self._last_judged, *(arrival.changed for arrival in found)]) >= self._settings.patience
        settled = [arrival for arrival in found if now - arrival.changed >= self._settings.settle]
        if settled and (reason := self._unfit(now)):
            tally.blocked = reason
            settled = []
        if self._memory.judged and not any(manifests.is_manifest(arrival.path) for arrival in found):
            self._memory.judged.clear()
            self._memory.save()
        lists = [arrival.path for arrival in settled if arrival.is_file and manifests.is_manifest(arrival.path)]
        listed, refused = self._read(lists)
        unjudged = set(lists) - set(refused)
        for arrival in settled:
            if now < self._postponed.get(arrival.path, 0.0) or arrival.path in unjudged:
                continue
            with self._postponing(arrival.path, now):
                self._consider(arrival, listed, refused, quiet, tally)
            self._beat()
        for path, sums in listed.items():
            with self._postponing(path, now):
                others = set().union(*(set(other) for name, other in listed.items() if name != path))
                self._retire(path, sums, others, quiet, tally)
        waiting = list(arrivals(self._settings.incoming))
        tally.waiting = len(waiting)
        tally.oldest = max((now - arrival.changed for arrival in waiting), default=0.0)
        if not waiting:
            self._remove_empty_folders(now)
            self._wrong.clear()
            self._postponed.clear()
        return tally

    @contextlib.contextmanager
    def _postponing(self, path: str, now: float) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            pass  # Its sender took it back just now: the next pass sees what is there.
        except (OSError, ClamdError) as error:
            self._fit_until = 0.0
            reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
            self._report(f"A file could not be judged and stays where it is for {POSTPONED:.0f} s: {reason}")
            self._postponed[path] = now + POSTPONED

    def _read(self, lists: list[str]) -> tuple[dict[str, dict[str, set[str]]], dict[str, str]]:
        """The wanted sums by manifest, and why manifests cannot be used."""
        listed: dict[str, dict[str, set[str]]] = {}
        refused: dict[str, str] = {}
        for manifest in lists:
            try:
                with opened(self._settings, manifest) as file:
                    content = file.read(manifests.LARGEST + 1)
                listed[manifest] = manifests.parse(content, manifest.rpartition("/")[0])
            except manifests.ManifestError as error:
                refused[manifest] = str(error)
            except OSError:
                continue  # The next pass sees what has become of it.
        return listed, refused

    def _consider(
        self,
        arrival: Arrival,
        listed: dict[str, dict[str, set[str]]],
        refused: dict[str, str],
        quiet: bool,
        tally: Tally,
    ) -> None:
        """Judge an arrival, or leave it where it is until it is complete."""
        path = arrival.path
        wanted = frozenset[str]().union(*(sums[path] for sums in listed.values() if path in sums))
        if not arrival.is_file:
            self._refuse(path, f"it is {arrival.kind}: send a file", tally)
        elif path in refused:
            self._judge(path, None, refused[path], tally)
        elif not wanted and not quiet:
            return
        elif arrival.status.st_size > self._settings.largest_file:
            self._refuse(path, f"it is larger than {self._settings.largest_file} bytes and was not scanned", tally)
        elif not wanted:
            self._judge(path, None, "no manifest names it: send it again with a manifest", tally)
        elif self._wrong.get(path) != (arrival.version, wanted) and self._is_wrong(arrival, wanted):
            return
        elif path not in self._wrong:
            self._judge(path, wanted, None, tally)
        elif quiet:
            self._judge(path, None, "its sum is not the one in the manifest: send it again", tally)

    def _is_wrong(self, arrival: Arrival, wanted: frozenset[str]) -> bool:
        with opened(self._settings, arrival.path) as file:
            if sum_of(file) in wanted:
                self._wrong.pop(arrival.path, None)
                return False
        self._wrong[arrival.path] = (arrival.version, wanted)
        return True

    def _refuse(self, path: str, reason: str, tally: Tally) -> None:
        """Set aside what is not even read."""
        self._set_aside(Custody.take(self._settings, path), "unclear", reason, tally)

    def _judge(self, path: str, wanted: frozenset[str] | None, reason: str | None, tally: Tally) -> None:
        """Take, copy, scan. Malware is malware also in what could not go on for another ``reason``."""
        custody = Custody.take(self._settings, path)
        try:
            with custody.copy() as copy:
                if wanted is not None and custody.sum not in wanted:
                    reason = "it changed while it was taken: send it again"
                verdict, reason = self._verdict(path, copy, custody.size, reason)
            if verdict == "clean":
                try:
                    if not custody.release():
                        reason = "the same file is in clean already"
                except Occupied as error:
                    verdict, reason = "unclear", str(error)
            if verdict != "clean":
                self._set_aside(custody, verdict, reason or "", tally)
                return
        except (OSError, ClamdError) as error:
            if isinstance(error, ClamdError) and self._count(path) >= MOST_INTERRUPTIONS:
                self._set_aside(custody, "unclear", f"clamd fails at it: {error}", tally)
            elif not custody.give_back():
                self._set_aside(custody, "unclear", "it could not be judged, and its place was taken meanwhile", tally)
            else:
                raise
            return
        self._conclude(custody, verdict, reason, tally)

    def _verdict(self, path: str, copy: BinaryIO, size: int, reason: str | None) -> tuple[str, str | None]:
        if size > self._settings.largest_file:
            return "unclear", "it grew while it was taken, and was not scanned"
        answer = self._scanner.scan(copy)
        if answer.endswith(" FOUND"):
            name = answer.removesuffix(" FOUND")
            if not name.startswith(NOT_SCANNED):
                return "infected", name
            return "unclear", reason or f"not all of it could be scanned ({name})"
        if answer.endswith(" ERROR"):
            return "unclear", reason or f"clamd could not scan it ({answer.removesuffix(' ERROR')})"
        if reason := reason or names.objection(path):
            return "unclear", reason
        try:
            archives.inspect(copy, self._settings.largest_expansion)
        except archives.Objection as objection:
            return "unclear", str(objection)
        return "clean", None

    def _set_aside(self, custody: Custody, place: str, reason: str, tally: Tally | None = None) -> None:
        custody.set_aside(place, reason=reason, sha256=custody.sum or None)
        self._conclude(custody, place, reason, tally)

    def _conclude(self, custody: Custody, verdict: str, reason: str | None, tally: Tally | None) -> None:
        self._log.write(
            verdict=verdict,
            path=custody.path,
            sha256=custody.sum or None,
            bytes=custody.size,
            id=custody.identifier,
            reason=reason,
        )
        self._memory.note(custody.path)
        self._last_judged = time.time()
        self._report(f"{verdict}: {custody.identifier} ({custody.size} bytes)")
        if tally is not None:
            tally.judged[verdict] = tally.judged.get(verdict, 0) + 1
        custody.done()

    def _retire(self, path: str, sums: dict[str, set[str]], others: set[str], quiet: bool, tally: Tally) -> None:
        """Put away a manifest whose files were all scanned, or have not arrived for too long."""
        missing = sorted(name for name in set(sums) - self._memory.judged if not manifests.is_manifest(name))
        if missing and not quiet:
            return
        for name in missing:
            if os.path.lexists(self._settings.incoming / name):
                return  # It is there, and cannot be scanned for the moment.
        custody = Custody.take(self._settings, path)
        for name in missing:
            self._log.write(verdict="missing", path=name, manifest=path, reason="it never came: send it again")
        custody.set_aside("manifests", entries=len(sums), missing=len(missing))
        self._conclude(custody, "manifest", f"{len(sums)} entries, {len(missing)} missing", tally)
        self._memory.judged -= {path, *sums} - others
        self._memory.save()

    def _remove_empty_folders(self, now: float) -> None:
        for path in empty_folders(self._settings.incoming, now - self._settings.patience):
            with contextlib.suppress(OSError):  # Its sender puts something there at this moment.
                folder = open_folder(self._settings.incoming, path)
                try:
                    os.rmdir(path.rpartition("/")[2], dir_fd=folder)
                finally:
                    os.close(folder)
