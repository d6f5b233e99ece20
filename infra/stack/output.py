"""What `pulumi` prints where nobody watches it happen: what changes, what went wrong, and the end.

On a terminal Pulumi rewrites its rows in place. In a log each of them stays: nearly 600 for a run that finds 189
resources as they should be. A row that says that nothing changes is left out here; whatever is not recognised as one is
kept.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TextIO

_END = "\0\n"
"""Ends the pipe: the child's own end does not, for a language host may outlive it and hold the pipe open."""

_RESOURCE = r"[\w-]+:\w[\w/.-]*:\w+\ \S+"
"""Type and name."""

_UNCHANGED = re.compile(
    rf"""
      \ ~\ \ {_RESOURCE} \s refreshing (\s\([\d.]+s\))?     # it will be looked at
    | \ ~\ \ {_RESOURCE} \s refresh \s \([\d.]+s\)          # it was, and no difference follows
    | \ {{4}}  {_RESOURCE} (\s running)?                      # it stays as it is
    | @\ .*\.\.\.                                           # Pulumi is still there
    """,
    re.VERBOSE,
)


def is_watched() -> bool:
    """Whether Pulumi would rewrite its rows in place: it wants a terminal on both sides."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def changes(lines: Iterable[str]) -> Iterator[str]:
    """The lines without rows of what does not change, and without the empty lines that would be left of them."""
    last = ""
    for line in lines:
        if _UNCHANGED.fullmatch(line.rstrip()) or not (line.strip() or last.strip()):
            continue
        last = line
        yield line


@contextmanager
def changes_only(output: TextIO) -> Iterator[IO[str]]:
    """A file for a child to write to while the block lasts; what changes goes on to ``output`` line by line."""
    source, target = (os.fdopen(end, mode, errors="replace") for end, mode in zip(os.pipe(), "rw", strict=True))
    reader = threading.Thread(target=_pass_on, args=(source, output))
    reader.start()
    try:
        yield target
    finally:
        with suppress(BrokenPipeError), target:
            target.write(_END)
        reader.join()


def _pass_on(source: IO[str], output: TextIO) -> None:
    # Closed in any case: a child that nobody reads from would wait for ever. Such an end is the child's to report.
    with source, suppress(BrokenPipeError):
        for line in changes(iter(source.readline, "")):
            if line.endswith(_END):
                output.write(line.removesuffix(_END))
                break
            output.write(line)
            output.flush()
