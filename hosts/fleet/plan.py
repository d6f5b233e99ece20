"""`fab hosts.plan`: what a converge would change. Nothing is touched."""

from __future__ import annotations

from console import ExitCode, ExpectedError, console, counted
from hosts.agent.results import Status
from hosts.fleet.fleet import Outcome
from hosts.fleet.run import run_and_show
from infra.inventory.model import Inventory


def plan(inventory: Inventory, limit: str | None = None) -> Outcome:
    """Compare the hosts with their roles, and show what differs.

    Raises ExpectedError with code PENDING when something does, FAILED when a host could not be compared.
    """
    outcome, file = run_and_show(inventory, limit, "plan")
    if outcome.failed:
        names = ", ".join(report.host for report in outcome.reports if report.failed)
        raise ExpectedError(f"Not all could be compared: {names}.", hint=f"Everything that was found is in {file}.")
    if outcome.pending:
        where = sum(report.count(Status.PENDING) > 0 for report in outcome.reports)
        raise ExpectedError(
            f"Pending: {counted(outcome.pending, 'change')} on {counted(where, 'host')}; nothing was touched.",
            hint="fab hosts.converge",
            code=ExitCode.PENDING,
        )
    console.print(f"\n[green]Nothing is pending[/] on {counted(len(outcome.reports), 'host')}.")
    return outcome
