"""The verdict on the console: the matrix, the causes, what was not checked, and the path of the report."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from verify.report.matrix import Cell, Matrix, Row, State, arrange
from verify.report.model import Gap, Run, Subjects, Verdict
from verify.report.verdict import Assessment
from verify.report.wording import consequences, heading

COLOURS = {
    Verdict.GO: "bold white on green",
    Verdict.NO_GO: "bold white on red",
    Verdict.NOT_CHECKED: "bold black on yellow",
}
WIDE = 120
"""Columns of a console on which roles and host names fit next to the matrix."""
MARKS = {
    State.PASSED: ("✓", "green"),
    State.FAILED: ("✗", "bold red"),
    State.NOT_CHECKED: ("?", "yellow"),
    State.NONE: ("·", "dim"),
}


def show(console: Console, run: Run, assessment: Assessment, report: Path | None) -> None:
    """Print the outcome of a readiness run."""
    console.print(render(run, assessment, report, console.width))


def render(run: Run, assessment: Assessment, report: Path | None, width: int) -> RenderableType:
    """The outcome of a readiness run for a console of ``width`` columns; a narrow one gets no notes next to names."""
    verdict = assessment.verdict
    matrix = arrange(run)
    with_notes = _table(matrix, notes=True)
    # Roles and host names are shown elsewhere too: they must not push out the counts.
    fits = width >= WIDE and _widest(with_notes) <= width
    parts: list[RenderableType] = ["", with_notes if fits else _table(matrix, notes=False), ""]
    parts.append(Text.assemble((f" {verdict} ", COLOURS[verdict]), f" {assessment.sentence}"))
    shown = {cause.subject for cause in assessment.causes if cause.unreachable}
    parts.append(_problems(assessment, [gap for gap in assessment.gaps if gap.what not in shown], run.subjects))
    parts.append(f"[dim]{len(run.results)} checks in {run.seconds:.1f} s[/]")
    if report is not None:
        parts.append(f"Report: {escape(str(report))}")
    return Group(*parts)


def _problems(assessment: Assessment, gaps: list[Gap], subjects: Subjects) -> Table:
    """One line per cause, its consequences below it, then what was not checked; wrapped lines stay indented."""
    table = Table.grid(padding=(0, 1, 0, 1))
    for group in assessment.groups:
        table.add_row(Text("●", "yellow" if group[0].unreachable else "red"), Text(heading(group), "bold"))
        for line in consequences(group, subjects):
            table.add_row("", Text(f"→ {line}"))
    for gap in gaps:
        table.add_row(Text("○", "yellow"), Text(f"not checked: {gap}"))
    return table


def _table(matrix: Matrix, notes: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2 if notes else 1, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    if notes:
        table.add_column("", no_wrap=True, style="dim")
    for suite in matrix.suites:
        table.add_column(suite, justify="right", no_wrap=True)
    for number, (_, rows) in enumerate(matrix.groups):
        if number:
            table.add_section()
            table.add_row()
        for row in rows:
            cells = [_cell(row.cells[suite]) for suite in matrix.suites]
            table.add_row(_mark(row), *([escape(row.note)] if notes else []), *cells)
    return table


def _widest(table: Table) -> int:
    """The columns that a table takes if it has enough room."""
    console = Console(width=1000)
    return console.measure(table).maximum


def _mark(row: Row) -> str:
    mark, style = MARKS[row.state]
    return f"[{style}]{mark}[/] [bold]{escape(row.subject)}[/]"


def _cell(cell: Cell) -> str:
    mark, style = MARKS[cell.state]
    if cell.state is State.NONE:
        return f"[{style}]{mark}[/]"
    count = str(cell.total) if cell.state is State.PASSED else f"{cell.passed}/{cell.total}"
    return f"[{style}]{count} {mark}[/]"
