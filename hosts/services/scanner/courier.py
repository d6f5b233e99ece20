"""One pass over ``clean``: what was not delivered yet goes to the share, and is proven there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .delivery_settings import Settings
from .records import Log
from .share import Exists, OutcomeUnknown, Refused, ShareUnavailable

WORKING = ".livegang-delivery"
"""Folder of the share for what is not proven yet."""
LEFT_OUT = re.compile(r"livegang-readiness-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""Folders of a readiness run, which removes them itself."""
CHUNK = 1024 * 1024
MOST_FAILURES = 3
"""After so many failures at one file that stopped everything, the others go first."""

Version = tuple[int, int, int]
"""Differs whenever a file of ``clean`` is another: inode, time of last change, size."""


class Destination(Protocol):
    """What a courier asks of a share; see :class:`hosts.services.scanner.share.Share`."""

    def make_folder(self, path: str) -> None: ...

    def upload(self, source: int, path: str, size: int) -> None: ...

    def rename(self, path: str, target: str) -> None: ...

    def remove(self, path: str) -> None: ...

    def sum_of(self, path: str, size: int) -> str | None: ...


@dataclass
class Tally:
    """What one pass came to, without names."""

    waiting: int = 0
    oldest: float = 0.0
    """Seconds since the file that waits longest became clean."""
    refused: int = 0
    """How many files wait for a person."""
    delivered: int = 0
    blocked: str | None = None
    """Why nothing goes on."""


@dataclass(frozen=True)
class Item:
    """A clean file."""

    path: str
    status: os.stat_result

    @property
    def version(self) -> Version:
        return self.status.st_ino, self.status.st_mtime_ns, self.status.st_size


@dataclass
class _Problem:
    version: Version
    reason: str
    until: float
    failures: int = 0
    reported: bool = False


@dataclass
class Delivered:
    """Which versions of which files are in the share. One line per file, appended: there may be a million."""

    path: Path
    known: dict[str, Version] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                entry = json.loads(line)
                self.known[entry["path"]] = tuple(entry["version"])
            except (ValueError, KeyError, TypeError):
                continue  # Half a line: the service was killed, and will find the file in the share.

    def add(self, item: Item) -> None:
        self.known[item.path] = item.version
        with self.path.open("a") as file:
            file.write(json.dumps({"path": item.path, "version": item.version}) + "\n")

    def forget_all_but(self, present: set[str]) -> None:
        """Write it anew without files that are not in ``clean`` any more."""
        self.known = {path: version for path, version in self.known.items() if path in present}
        new = self.path.with_name(f".{self.path.name}.new")
        with new.open("w") as file:
            for path, version in self.known.items():
                file.write(json.dumps({"path": path, "version": version}) + "\n")
        new.replace(self.path)


class Courier:
    """Delivers clean files to the share. ``report`` takes lines for the journal; they contain no file name.

    ``beat`` is called whenever a file is done with: one pass may take hours.
    """

    def __init__(
        self,
        settings: Settings,
        share: Destination,
        report: Callable[[str], None],
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._share = share
        self._report = report
        self._beat = beat
        self._log = Log(settings.log)
        self._delivered = Delivered(settings.state)
        self._delivered.forget_all_but({item.path for item in self.items()})
        self._problems: dict[str, _Problem] = {}
        self._folders: set[str] = set()

    def items(self) -> Iterator[Item]:
        """What lies in ``clean``, by path."""
        root = self._settings.clean
        for folder, names, files in os.walk(root):
            above = os.path.relpath(folder, root)
            if above == ".":
                names[:] = [name for name in names if not LEFT_OUT.fullmatch(name)]
            names.sort()
            for name in sorted(files):
                path = name if above == "." else f"{above}/{name}"
                try:
                    yield Item(path, os.lstat(root / path))
                except FileNotFoundError:
                    continue  # A person removed it just now.

    def pass_once(self) -> Tally:
        """Deliver what can be delivered now."""
        now, tally = time.time(), Tally()
        for item in self.items():
            if self._delivered.known.get(item.path) == item.version:
                continue
            if tally.blocked or self._must_wait(item, now):
                self._count(item, now, tally)
                continue
            self._beat()
            try:
                sum_, already = self._deliver(item)
            except FileNotFoundError:
                continue  # A person removed it just now.
            except Refused as refusal:
                self._refuse(item, str(refusal), now)
            except (ShareUnavailable, OSError) as error:
                self._folders.clear()
                if not isinstance(error, ShareUnavailable) or isinstance(error, OutcomeUnknown):
                    self._suspect(item, str(error), now)
                tally.blocked = str(error)
            else:
                self._problems.pop(item.path, None)
                self._conclude(item, sum_, already)
                tally.delivered += 1
                continue
            self._count(item, now, tally)
        return tally

    def _count(self, item: Item, now: float, tally: Tally) -> None:
        problem = self._problems.get(item.path)
        if problem is not None and problem.reported and problem.version == item.version:
            tally.refused += 1
            return
        tally.waiting += 1
        tally.oldest = max(tally.oldest, now - item.status.st_ctime)

    def _must_wait(self, item: Item, now: float) -> bool:
        problem = self._problems.get(item.path)
        return problem is not None and problem.version == item.version and now < problem.until

    def _problem(self, item: Item, reason: str) -> _Problem:
        problem = self._problems.get(item.path)
        if problem is None or problem.version != item.version:
            problem = self._problems[item.path] = _Problem(item.version, reason, 0.0)
        problem.reason = reason
        return problem

    def _suspect(self, item: Item, reason: str, now: float) -> None:
        """It may be the file's fault that nothing went on: after a few times it no longer holds up the others."""
        problem = self._problem(item, reason)
        problem.failures += 1
        if problem.failures >= MOST_FAILURES:
            self._refuse(item, reason, now)

    def _deliver(self, item: Item) -> tuple[str, bool]:
        """Bring one file there and prove it; its sum, and True where it was there already."""
        if item.path.split("/")[0].casefold() == WORKING:
            raise Refused(f"its path begins with {WORKING}, where unfinished deliveries are: it needs another name")
        source = os.open(self._settings.clean / item.path, os.O_RDONLY | os.O_NOFOLLOW)
        with closing(os.fdopen(source, "rb")) as file:
            if os.fstat(source).st_ino != item.status.st_ino:
                raise FileNotFoundError  # Another one by now: the next pass takes it.
            digest = hashlib.sha256()
            while part := file.read(CHUNK):
                digest.update(part)
            sum_ = digest.hexdigest()
            if (found := self._share.sum_of(item.path, item.status.st_size)) is not None:
                return sum_, _same(found, sum_)
            self._make_folders(item.path)
            # Always the same name for the same file: after an interruption only what is missing is sent.
            place = hashlib.sha256(f"{sum_}/{item.path}".encode("utf-8", "surrogateescape")).hexdigest()[:40]
            return sum_, self._bring(item, source, sum_, f"{WORKING}/{place}")

    def _bring(self, item: Item, source: int, sum_: str, working: str) -> bool:
        self._upload(item, source, sum_, working)
        try:
            self._share.rename(working, item.path)
        except Exists:
            self._share.remove(working)
            return _same(self._share.sum_of(item.path, item.status.st_size), sum_)
        except Refused:
            self._folders.clear()
            self._share.remove(working)
            raise
        return False

    def _upload(self, item: Item, source: int, sum_: str, working: str) -> None:
        for _ in range(2):
            try:
                self._share.upload(source, working, item.status.st_size)
            except Refused as refusal:  # Not of its own name, which is not used yet: so of any.
                raise ShareUnavailable(f"nothing can be written: {refusal}") from refusal
            if self._share.sum_of(working, item.status.st_size) == sum_:
                return
            # What an interruption left was not the beginning of this file: the whole of it, once more.
            self._share.remove(working)
        raise OutcomeUnknown("what the share gives back is not what it was given, twice")

    def _make_folders(self, path: str) -> None:
        if WORKING not in self._folders:
            try:
                self._share.make_folder(WORKING)
            except Refused as refusal:
                raise ShareUnavailable(f"nothing can be written: {refusal}") from refusal
            self._folders.add(WORKING)
        parts = path.split("/")[:-1]
        for folder in ("/".join(parts[:depth]) for depth in range(1, len(parts) + 1)):
            if folder not in self._folders:
                self._share.make_folder(folder)
                self._folders.add(folder)

    def _conclude(self, item: Item, sum_: str, already: bool) -> None:
        self._log.write(
            outcome="delivered", path=item.path, sha256=sum_, bytes=item.status.st_size, already_there=already
        )
        # After the log: a file that is in the log twice is better than one that is in it never.
        self._delivered.add(item)

    def _refuse(self, item: Item, reason: str, now: float) -> None:
        problem = self._problem(item, reason)
        problem.until = now + self._settings.retry
        if not problem.reported:
            problem.reported = True
            self._log.write(outcome="refused", path=item.path, bytes=item.status.st_size, reason=reason)
            self._report(f"A file is refused and stays in clean: {reason}")


def _same(found: str | None, wanted: str) -> bool:
    """True; raises Refused where something else is in the share."""
    if found != wanted:
        raise Refused(
            "another file of this name, or of one that differs in capitals only, is in the share already: "
            "look at both, then remove that one or have this one sent again under another name"
        )
    return True
