"""`fab hosts.converge`: bring the hosts to what their roles say."""

from __future__ import annotations

from console import ExpectedError, console, counted
from hosts.agent.results import Status
from hosts.fleet.fleet import Outcome
from hosts.fleet.run import run_and_show
from infra.inventory.model import Inventory


def converge(inventory: Inventory, limit: str | None = None) -> Outcome:
    """Change on every host what differs from its role, and show the outcome.

    Raises ExpectedError when a host failed; the others were brought as far as they could be all the same.
    """
    outcome, file = run_and_show(inventory, limit, "converge")
    if outcome.failed:
        causes = "; ".join(f"{report.host} ({report.cause})" for report in outcome.reports if report.failed)
        raise ExpectedError(
            f"Not converged: {causes}.", hint=f"Fix the cause and run it again: it continues. Details: {file}"
        )
    changed, hosts = sum(report.count(Status.CHANGED) for report in outcome.reports), len(outcome.reports)
    console.print(
        f"\n[green]Converged[/]: {counted(hosts, 'host')}, {counted(changed, 'change')}, {outcome.seconds:.1f} s."
    )
    return outcome
