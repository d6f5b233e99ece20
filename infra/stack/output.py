"""The output of `pulumi` without a terminal: only what changes, what went wrong, and the summary.

On a terminal Pulumi rewrites its rows in place. In a log each row stays: nearly 600 for a run in which none of 189
resources changes. Rows that say that nothing changes are left out here; everything that is not recognised as such a row
is kept.
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
"""Written to the pipe at the end, since the child's exit may not close it: a language host can outlive the child."""

_RESOURCE = r"[\w-]+:\w[\w/.-]*:\w+\ \S+"
"""Type and name."""

_UNCHANGED = re.compile(
    rf"""
      \ ~\ \ {_RESOURCE} \s refreshing (\s\([\d.]+s\))?     # it will be looked at
    | \ ~\ \ {_RESOURCE} \s refresh \s \([\d.]+s\)          # it was, and no difference follows
    | \ {{4}}  {_RESOURCE} (\s running)?                      # it does not change
    | @\ .*\.\.\.                                           # Pulumi is still there
    """,
    re.VERBOSE,
)


def is_watched() -> bool:
    """Whether Pulumi would rewrite its rows in place, which takes a terminal for both input and output."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def changes(lines: Iterable[str]) -> Iterator[str]:
    """The lines, without rows about what does not change and the empty lines that these would leave."""
    last = ""
    for line in lines:
        if _UNCHANGED.fullmatch(line.rstrip()) or not (line.strip() or last.strip()):
            continue
        last = line
        yield line


@contextmanager
def changes_only(output: TextIO) -> Iterator[IO[str]]:
    """A file for a child to write to within the block; what changes is passed on to ``output`` line by line."""
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
    # Closed in any case, or the child would block for ever once its output is not read; it reports the failure itself.
    with source, suppress(BrokenPipeError):
        for line in changes(iter(source.readline, "")):
            if line.endswith(_END):
                output.write(line.removesuffix(_END))
                break
            output.write(line)
            output.flush()
