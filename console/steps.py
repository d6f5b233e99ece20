"""Named steps with their elapsed times."""

from __future__ import annotations

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 140
"""Columns in a log file or on a CI page, which have no width: tables must not be cut at 80."""


for stream in (sys.stdout, sys.stderr):
    # A character that the output lacks (PYTHONIOENCODING=latin-1, LANG=C) becomes `?`: no reason to fail in the middle
    # of a command.
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")


def fitted(console: Console) -> Console:
    """The console, with a fixed width if it has no terminal."""
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDTH_WITHOUT_TERMINAL
    return console


console = fitted(Console(highlight=False))


@contextmanager
def step(name: str) -> Iterator[None]:
    """Show ``name`` while the block runs, and afterwards how long it took and whether it failed."""
    started = time.monotonic()
    with console.status(f"{name} …"):
        try:
            yield
        except BaseException:
            console.print(f"[red]✗[/] {name} [dim]{time.monotonic() - started:6.1f} s[/]")
            raise
    console.print(f"[green]✓[/] {name} [dim]{time.monotonic() - started:6.1f} s[/]")
