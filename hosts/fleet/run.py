"""What plan and converge have in common: a run that is shown while it goes on, recorded, and shown at its end."""

from __future__ import annotations

from pathlib import Path

from hosts.fleet import display, fleet, record
from hosts.fleet.document import Mode
from infra.inventory.model import Inventory


def run_and_show(inventory: Inventory, limit: str | None, mode: Mode) -> tuple[fleet.Outcome, Path]:
    """Returns the outcome and the file that has all of it. Raises Interrupted when the user ended it."""
    hosts = inventory.select(limit)
    progress = display.LiveProgress(hosts)
    with progress.shown():
        outcome = fleet.run(inventory, hosts, mode, progress)
    file = record.write(outcome)
    if error := fleet.end_of(outcome):
        raise error
    display.show(outcome)
    return outcome, file
