"""The commands `hosts.plan`, `hosts.converge`, `hosts.ssh-config`."""

from __future__ import annotations

import os
from typing import Any

from invoke.collection import Collection
from invoke.tasks import task

STACK = os.environ.get("LIVEGANG_STACK", "rehearsal")
_HELP = {
    "stack": "the Pulumi stack whose hosts are meant",
    "limit": "hosts or roles, separated by commas; all without it (fab -H web01 does the same)",
}


def _limit(context: Any, limit: str | None) -> str | None:
    """`fab -H web01 hosts.plan` gives the task a connection of its own making; all that counts of it is the name."""
    return limit or getattr(context, "host", None)


@task(help=_HELP)
def plan(context: Any, stack: str = STACK, limit: str | None = None) -> None:
    """Show what a converge would change, exactly, and touch nothing. Exit 2 when changes are pending."""
    # Imported here: `fab --list` must not take seconds.
    from console import interruptible
    from hosts.fleet.plan import plan as run
    from infra.inventory.reading import load

    with interruptible("nothing was touched", hint="Ask it again: fab hosts.plan"):
        run(load(stack), _limit(context, limit))


@task(help=_HELP)
def converge(context: Any, stack: str = STACK, limit: str | None = None) -> None:
    """Bring the hosts to what their roles say; exit 1 when one failed."""
    from console import interruptible
    from hosts.fleet.converge import converge as run
    from infra.inventory.reading import load

    with interruptible("no host was asked anything yet", hint="Begin again: fab hosts.converge"):
        run(load(stack), _limit(context, limit))


@task(name="ssh-config", help={"stack": _HELP["stack"]})
def ssh_config(context: Any, stack: str = STACK) -> None:
    """Write ssh_config and known_hosts of the stack, and say how to use them."""
    from console import console
    from infra.inventory import access
    from infra.inventory.reading import load

    file = access.write(load(stack))
    console.print(f"{file}\n[dim]ssh -F {file} web01[/]", soft_wrap=True)


@task(name="prove-backup", help={"stack": _HELP["stack"]})
def prove_backup(context: Any, stack: str = STACK) -> None:
    """Restore the newest backup and its log into a scratch instance, compare it with the primary, and remove it."""
    from hosts.fleet.prove_backup import prove
    from infra.inventory.reading import load

    prove(load(stack))


namespace = Collection(plan, converge, ssh_config, prove_backup)
