"""How a run looks: a living table while it goes on, then what was found, then one line for each host."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from console import console
from hosts.agent.results import Result, Status
from hosts.fleet.fleet import Outcome
from hosts.fleet.session import Report
from infra.inventory.model import Host

SIGNS = {Status.PENDING: "~", Status.CHANGED: "✓", Status.FAILED: "✗"}


@dataclass
class _Row:
    """How far one host is."""

    role: str
    doing: str = ""
    completed: int = 0
    changed: int = 0
    failed: int = 0


class LiveProgress:
    """One line per host during a run; nothing without a terminal."""

    def __init__(self, hosts: Sequence[Host], output: Console = console) -> None:
        self._lock = threading.Lock()
        self._output = output
        self._rows = {host.name: _Row(host.role) for host in hosts}
        self._started = time.monotonic()

    def doing(self, host: str, what: str) -> None:
        """What the host is doing now."""
        with self._lock:
            self._rows[host].doing = what

    def completed(self, host: str, result: Result) -> None:
        """A state of the host has its result."""
        with self._lock:
            row = self._rows[host]
            row.completed += 1
            row.changed += result.status in (Status.CHANGED, Status.PENDING)
            row.failed += result.status in (Status.FAILED, Status.SKIPPED)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it while the block runs."""
        if not self._output.is_terminal:
            yield
            return
        with Live(get_renderable=self._table, console=self._output, refresh_per_second=5, transient=True):
            yield

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for host, row in self._rows.items():
                counts = f"{row.completed:3}" + (f"  [yellow]~{row.changed}[/]" if row.changed else "")
                counts += f"  [red]✗{row.failed}[/]" if row.failed else ""
                table.add_row(host, f"[dim]{row.role}[/]", counts, Text(row.doing, no_wrap=True))
        table.add_row("", f"[dim]{time.monotonic() - self._started:.0f} s[/]", "", "")
        return table


def show(outcome: Outcome, output: Console = console) -> None:
    """What was found or done, host by host, and the table at the end."""
    for report in outcome.reports:
        _show_findings(report, outcome.mode == "plan", output)
    _show_behind([report for report in outcome.reports if report.behind], outcome, output)
    output.print(_summary(outcome))


def _show_behind(reports: list[Report], outcome: Outcome, output: Console) -> None:
    """Hosts that were lost with the jump host, in one line, and why, unless the jump host itself has said it."""
    if not reports:
        return
    jump, names = reports[0].behind, ", ".join(report.host for report in reports)
    _print(output, f"\n[bold]{jump}[/] [dim]the jump host[/]")
    if not any(report.host == jump and report.error for report in outcome.reports):
        _print(output, Text(f"  ✗ {reports[0].error}", style="red"))
    _print(output, f"  [magenta]· lost behind it:[/] {names}")


def _print(output: Console, line: Text | str) -> None:
    """A line as it is: what does not fit is the terminal's matter, never cut or broken here."""
    output.print(line, soft_wrap=True)


def _show_findings(report: Report, planning: bool, output: Console) -> None:
    shown = report.of(*SIGNS)
    left_out = report.of(Status.SKIPPED, Status.UNKNOWN)
    follows = report.of(Status.FOLLOWS)
    if not (shown or left_out or follows or (report.error and not report.behind)):
        return
    _print(output, f"\n[bold]{report.host}[/] [dim]{report.role}[/]")
    if report.error and not report.behind:
        _print(output, Text(f"  ✗ {report.error}", style="red"))
    for result in shown:
        _show_result(result, planning, output)
        for follower in [other for other in follows if other.reason.endswith(f": {result.state}")]:
            verb = follower.reason.partition(":")[0]
            _print(output, f"      [cyan]→ {verb} {escape(follower.state)}[/]")
    for status, cause in dict.fromkeys((result.status, result.reason) for result in left_out):
        names = [result.state for result in left_out if result.reason == cause]
        listed = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        what = "skipped because of" if status is Status.SKIPPED else "not compared, for"
        _print(output, f"  [magenta]· {what} {escape(cause)}:[/] {escape(listed)}")


def _show_result(result: Result, planning: bool, output: Console) -> None:
    failed = result.status is Status.FAILED
    what = "; ".join(difference.what for difference in result.differences)
    line = ": ".join(part for part in (result.state, (result.reason if failed else "") or what) if part)
    _print(output, Text(f"  {SIGNS[result.status]} {line}", style="red" if failed else ""))
    if planning or failed:
        for difference in result.differences:
            for text in difference.lines:
                colour = {"+": "green", "-": "red"}.get(text[:1], "dim")
                _print(output, Text(f"      {text}", style=colour))
    for text in result.log.splitlines():
        _print(output, Text(f"      | {text}", style="dim"))


def _summary(outcome: Outcome) -> Table:
    planning = outcome.mode == "plan"
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("host", "role", "unchanged", "pending" if planning else "changed"):
        table.add_column(heading, justify="left" if heading in ("host", "role") else "right", no_wrap=True)
    unknown = any(report.count(Status.UNKNOWN) for report in outcome.reports)
    between = ["not compared"] if unknown else [] if planning else ["restarted"]
    for heading in (*between, "failed", "skipped", "time"):
        table.add_column(heading, justify="right", no_wrap=True)
    for report in outcome.reports:
        changed = report.count(Status.PENDING if planning else Status.CHANGED)
        cells = [
            _cell(report.count(Status.UNCHANGED) + (report.count(Status.FOLLOWS) if planning else 0)),
            _cell(changed, "yellow"),
            *([_cell(report.count(Status.UNKNOWN), "magenta")] if unknown else []),
            *([] if planning else [_cell(report.count(Status.FOLLOWS), "cyan")]),
            _cell(report.count(Status.FAILED) + (report.error is not None), "red"),
            _cell(report.count(Status.SKIPPED), "magenta"),
            f"{report.seconds:.1f} s",
        ]
        table.add_row(f"[red]{report.host}[/]" if report.failed else report.host, report.role, *cells)
    return table


def _cell(number: int, colour: str = "") -> str:
    if not number:
        return "[dim]0[/]"
    return f"[{colour}]{number}[/]" if colour else str(number)
