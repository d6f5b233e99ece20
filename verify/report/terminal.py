"""The verdict on the console: the matrix, the causes, what was not checked, and where the report is."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from verify.report.matrix import Cell, Matrix, Row, State, arrange
from verify.report.model import Run, Verdict
from verify.report.summary import consequences
from verify.report.verdict import Judgement

COLOURS = {
    Verdict.GO: "bold white on green",
    Verdict.NO_GO: "bold white on red",
    Verdict.NOT_CHECKED: "bold black on yellow",
}
MARKS = {
    State.PASSED: ("✓", "green"),
    State.FAILED: ("✗", "bold red"),
    State.NOT_CHECKED: ("?", "yellow"),
    State.NONE: ("·", "dim"),
}


def show(console: Console, run: Run, judgement: Judgement, report: Path | None) -> None:
    """Print the end of a readiness run."""
    console.print(render(run, judgement, report))


def render(run: Run, judgement: Judgement, report: Path | None) -> RenderableType:
    verdict = judgement.verdict
    parts: list[RenderableType] = ["", _table(arrange(run)), ""]
    parts.append(Text.assemble((f" {verdict} ", COLOURS[verdict]), f" {judgement.sentence}"))
    for cause in judgement.causes:
        heading = f"{cause.subject}, {cause.component}: {cause.reason}"
        if cause.unreachable:
            heading = f"{cause.subject} is out of reach: {cause.reason}"
        parts.append(f"  [{'yellow' if cause.unreachable else 'red'}]●[/] [bold]{escape(heading)}[/]")
        parts += [f"      → {escape(line)}" for line in consequences(cause, run.subjects)]
    told = {cause.subject for cause in judgement.causes if cause.unreachable}
    parts += [f"  [yellow]○[/] not checked: {escape(str(gap))}" for gap in judgement.gaps if gap.what not in told]
    parts.append(f"[dim]{len(run.results)} checks in {run.seconds:.1f} s[/]")
    if report is not None:
        parts.append(f"Report: {escape(str(report))}")
    return Group(*parts)


def _table(matrix: Matrix) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("")
    for suite in matrix.suites:
        table.add_column(suite, justify="right")
    for number, (_, rows) in enumerate(matrix.groups):
        if number:
            table.add_section()
            table.add_row()
        for row in rows:
            table.add_row(
                _mark(row), f"[dim]{escape(row.note)}[/]", *(_cell(row.cells[suite]) for suite in matrix.suites)
            )
    return table


def _mark(row: Row) -> str:
    mark, style = MARKS[row.state]
    return f"[{style}]{mark}[/] [bold]{escape(row.subject)}[/]"


def _cell(cell: Cell) -> str:
    mark, style = MARKS[cell.state]
    if cell.state is State.NONE:
        return f"[{style}]{mark}[/]"
    count = str(cell.total) if cell.state is State.PASSED else f"{cell.passed}/{cell.total}"
    return f"[{style}]{count} {mark}[/]"
