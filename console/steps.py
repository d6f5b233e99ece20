"""Named steps with their elapsed times."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

console = Console(highlight=False)


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
