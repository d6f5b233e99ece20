"""`fab hosts.converge`: bring the hosts to what their roles say."""

from __future__ import annotations

from console import ExpectedError, console
from hosts.fleet import display, fleet, record
from hosts.fleet.display import amount
from infra.inventory.model import Inventory


def converge(inventory: Inventory, limit: str | None = None) -> fleet.Outcome:
    """Change on every host what differs from its role, and show the outcome.

    Raises ExpectedError when a host failed; the others were brought as far as they could be all the same.
    """
    hosts = inventory.select(limit)
    progress = display.LiveProgress(hosts)
    with progress.shown():
        outcome = fleet.run(inventory, hosts, "converge", progress)
    file = record.write(outcome)
    if error := fleet.end_of(outcome):
        raise error
    display.show(outcome)
    if outcome.failed:
        causes = "; ".join(f"{report.host} ({report.cause})" for report in outcome.reports if report.failed)
        raise ExpectedError(
            f"Not converged: {causes}.", hint=f"Mend the reason and run it again, it continues. Details: {file}"
        )
    changed = sum(report.count("changed") for report in outcome.reports)
    console.print(
        f"\n[green]Converged[/]: {amount(len(hosts), 'host')}, {amount(changed, 'change')}, {outcome.seconds:.1f} s."
    )
    return outcome
