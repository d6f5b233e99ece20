"""`fab infra.*`: preview, up, refresh, destroy. Thin wrappers of the `pulumi` command, which can be typed by hand."""

from __future__ import annotations

import sys
from pathlib import Path

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task
from rich.console import Console

from console import ExpectedError, console, step
from infra.inventory import access, reading
from infra.inventory.model import Inventory
from infra.preview.offline import offline_project
from infra.preview.plan import Plan, parse, render
from infra.stack import stack_file
from infra.stack.pulumi_cli import PARALLEL, Pulumi, default_stack
from toolchain.folders import output_folder

PREVIEW = ("preview", "--json", "--show-sames", "--non-interactive", "--parallel", str(PARALLEL))
READABLE_WIDTH = 140
"""Columns of the readable plan in its file, whatever the width of the terminal."""


@task(
    help={
        "stack": "the stack (default: $LIVEGANG_STACK, or rehearsal)",
        "offline": "without hosts and without an Azure account; for any stack, as any user",
        "diff": "show each property that would change",
        "refresh": "first read what really exists",
    }
)
def preview(
    _context: Context, stack: str = "", offline: bool = False, diff: bool = False, refresh: bool = False
) -> None:
    """Show what `up` would do; the plan is also kept, as text and as JSON."""
    stack = stack or default_stack()
    if not offline:
        stack_file.check(stack)
    plan = _offline_plan(stack) if offline else _plan(Pulumi(stack), refresh)
    folder = _keep(plan, diff)
    console.print(render(plan, diff))
    console.print(f"The plan is kept in {folder}/preview.txt and, for programs, in {folder}/preview.json.")


def _offline_plan(stack: str) -> Plan:
    with offline_project(stack) as project:
        if project.replaced:
            console.print(
                f"Offline, throwaway files replace those that do not exist here: {', '.join(project.replaced)}."
            )
        return _plan(project.pulumi, refresh=False)


def _plan(pulumi: Pulumi, refresh: bool) -> Plan:
    with step(f"Preview stack {pulumi.stack}"):
        result = pulumi.capture(*PREVIEW, *(["--refresh"] if refresh else []))
        return parse(pulumi.stack, result.stdout, result.stderr)


def _keep(plan: Plan, diff: bool) -> Path:
    folder = output_folder(plan.stack)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "preview.json").write_text(plan.to_json())
        with (folder / "preview.txt").open("w") as file:
            Console(file=file, width=READABLE_WIDTH).print(render(plan, diff))
    except OSError as error:
        raise ExpectedError(
            f"The plan cannot be kept in {folder}: {error.strerror}.", hint="Work in a clone of your own."
        ) from error
    return _short(folder)


@task(
    help={
        "stack": "the stack (default: $LIVEGANG_STACK, or rehearsal)",
        "yes": "do not ask",
        "refresh": "first read what really exists, and correct it",
    }
)
def up(_context: Context, stack: str = "", yes: bool = False, refresh: bool = False) -> None:
    """Create what the stack declares, then write ssh_config and known_hosts."""
    bring_up(stack or default_stack(), yes, refresh)


def bring_up(stack: str, yes: bool, refresh: bool = False) -> Inventory:
    """What `fab infra.up` and `fab rehearse` do; returns the inventory of what came up."""
    stack_file.check(stack)
    arguments = ["up", "--parallel", str(PARALLEL)]
    if yes:
        # Without a question in between, a preview would only do the same work first.
        arguments += ["--yes", "--skip-preview"]
    if refresh:
        arguments.append("--refresh")
    Pulumi(stack).run(*arguments)
    found = reading.load(stack)
    config = access.write(found)
    console.print(f"Log in: ssh -F {_short(config)} {found.way_in.jump_host}")
    return found


@task(help={"stack": "the stack (default: $LIVEGANG_STACK, or rehearsal)", "yes": "do not ask"})
def refresh(_context: Context, stack: str = "", yes: bool = False) -> None:
    """Read what really exists into Pulumi's state."""
    Pulumi(stack or default_stack()).run("refresh", "--parallel", str(PARALLEL), *(["--yes"] if yes else []))


@task(help={"stack": "the stack (default: $LIVEGANG_STACK, or rehearsal)", "yes": "do not ask"})
def destroy(_context: Context, stack: str = "", yes: bool = False) -> None:
    """Remove everything that the stack declares. Protected resources prevent it."""
    Pulumi(stack or default_stack()).run("destroy", "--parallel", str(PARALLEL), *(["--yes"] if yes else []))


@task(help={"stack": "the stack (default: $LIVEGANG_STACK, or rehearsal)"})
def show_inventory(_context: Context, stack: str = "") -> None:
    """Show the inventory as JSON: what `hosts/` and `verify/` know about the landscape."""
    # Not through the console, which would fold long lines.
    sys.stdout.write(reading.load(stack or default_stack()).model_dump_json(indent=2) + "\n")


def _short(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


namespace = Collection("infra", preview, up, refresh, destroy)
namespace.add_task(show_inventory, name="inventory")
