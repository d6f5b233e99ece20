"""`fab rehearsal.snapshot` and `fab rehearsal.reset`, which rehearsal_commands.py puts with the others."""

from __future__ import annotations

import time

from invoke.context import Context
from invoke.tasks import task
from rich.table import Table

from console import console, counted, step
from rehearsal.base.locking import exclusive
from rehearsal.base.settings import Settings
from rehearsal.control.client import Supervisor
from rehearsal.snapshots.store import DEFAULT_NAME, Store, check_name

NAME_HELP = f"which one (default: {DEFAULT_NAME})"


@task(help={"name": NAME_HELP, "remove": "remove it instead of taking it"})
def snapshot(_context: Context, name: str = DEFAULT_NAME, remove: bool = False) -> None:
    """Keep all hosts and data disks as they are now, for `rehearsal.reset` to go back to."""
    check_name(name)
    settings = Settings.for_this_clone()
    supervisor = Supervisor(settings)
    if remove:
        with step(f"Removing the snapshot {name}"):
            Store(settings).forget(name)
            # The supervisor knows whether a folder without a description is left over or is being filled.
            if supervisor.alive():
                supervisor.call("sweep")
            else:
                Store(settings).sweep()
        return
    with step(f"Taking the snapshot {name}"):
        answer = supervisor.call("snapshot", {"name": name}, log=_show)
    console.print(
        f"{counted(answer['hosts'], 'host')} and {counted(answer['disks'], 'disk')}, "
        f"{answer['size'] / 2**20:,.0f} MiB. Back to it: "
        f"fab rehearsal.reset{'' if name == DEFAULT_NAME else f' --name {name}'}"
    )


@task(help={"name": NAME_HELP})
def reset(_context: Context, name: str = DEFAULT_NAME) -> None:
    """Bring all hosts and data disks back to a snapshot; what they did since is lost."""
    from rehearsal.control import reset as resetting

    check_name(name)
    settings = Settings.for_this_clone()
    settings.runtime.mkdir(parents=True, exist_ok=True, mode=0o700)
    with step(f"Going back to the snapshot {name}"), exclusive(settings.runtime / "reset.lock", "resets", _show):
        found, parts = resetting.reset(settings, name, _show)
    console.print(
        f"{len(found.hosts)} hosts are back: ended in {parts.ended:.1f} s, put back in {parts.put_back:.1f} s, "
        f"booted in {parts.booted:.1f} s."
    )


def table(settings: Settings) -> Table | None:
    """The snapshots that there are, for `rehearsal.status`; None without any."""
    known = Store(settings).all()
    if not known:
        return None
    shown = Table(title="Snapshots", title_justify="left", box=None)
    for column in ("name", "taken", "hosts", "disks", "size"):
        shown.add_column(column, justify="left" if column in ("name", "taken") else "right")
    for found in known:
        taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.taken))
        size = f"{found.size / 2**20:,.0f} MiB"
        shown.add_row(found.name, taken, str(len(found.hosts)), str(len(found.disks)), size)
    return shown


def _show(line: str) -> None:
    console.print(f"  [dim]{line}[/]")
