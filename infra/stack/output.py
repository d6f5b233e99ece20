"""What Pulumi writes where nobody watches: only what changes, and the end.

With a terminal Pulumi draws a table that keeps up with the run. Without one it writes two lines for each resource,
changed or not: hundreds for a run that finds nothing to do.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TextIO

UNCHANGED = re.compile(
    r"@ \w+\.+"  # the beginning of a phase, again and again
    r"| {4}\S+:\S+ \S+( (running|\s*))?"  # a resource to which nothing happens
    r"| .  \S+:\S+ \S+ (refreshing|refresh) \([\d.]+s\)"  # one that is as it was
)
"""A line of Pulumi's non-interactive output, without trailing blanks, that says nothing happened."""

_END = "\0\n"


@contextmanager
def changes_only(output: TextIO) -> Iterator[IO[str]]:
    """A file for a `pulumi` to write to, from which ``output`` gets all but what says that nothing happened."""
    reading, writing = os.pipe()
    with open(reading, errors="replace") as source, open(writing, "w") as sink:
        passing_on = threading.Thread(target=_pass_on, args=(source, output), daemon=True)
        passing_on.start()
        try:
            yield sink
        finally:
            # Not the pipe's end: a language host that outlives a failed run would hold it open for minutes.
            sink.write(_END)
            sink.flush()
            passing_on.join()


def _pass_on(source: IO[str], output: TextIO) -> None:
    for line in source:
        if line == _END:
            return
        if not UNCHANGED.fullmatch(line.rstrip()):
            output.write(line)
            output.flush()
