"""`fab hosts.plan`: what a converge would change. Nothing is touched."""

from __future__ import annotations

from console import ExitCode, ExpectedError, console
from hosts import display, fleet, record
from infra.inventory import Inventory


def plan(inventory: Inventory, limit: str | None = None) -> fleet.Outcome:
    """Compare the hosts with their roles, and show what differs.

    Raises ExpectedError with code PENDING when something does, FAILED when a host could not be compared.
    """
    hosts = inventory.select(limit)
    progress = display.LiveProgress(hosts)
    with progress.shown():
        outcome = fleet.run(inventory, hosts, "plan", progress)
    file = record.write(outcome)
    if error := fleet.end_of(outcome):
        raise error
    display.show(outcome)
    if outcome.failed:
        names = ", ".join(report.host for report in outcome.reports if report.failed)
        raise ExpectedError(f"Not all could be compared: {names}.", hint=f"Everything that was found is in {file}.")
    if outcome.pending:
        where = sum(report.count("pending") > 0 for report in outcome.reports)
        changes = "1 change is" if outcome.pending == 1 else f"{outcome.pending} changes are"
        on = "1 host" if where == 1 else f"{where} hosts"
        raise ExpectedError(
            f"{changes} pending on {on}; nothing was touched.", hint="fab hosts.converge", code=ExitCode.PENDING
        )
    console.print(f"\n[green]Nothing is pending[/] on {len(hosts)} hosts.")
    return outcome
