"""The result of a preview, for people and for programs: read from ``pulumi preview --json``.

Pulumi's JSON holds no secret in plain text. Its stack traces, which name files of this machine, are left out of the
plan that is kept.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from console import ExpectedError, counted
from landscape.host_order import listing_order

SYMBOLS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "replace": ("±", "magenta"),
    "create-replacement": ("++", "green"),
    "delete-replaced": ("--", "red"),
    "discard": ("<", "red"),
    "read": (">", "cyan"),
    "refresh": ("~", "cyan"),
    "same": (" ", "dim"),
}
MACHINE_LOCAL = ("stackTrace", "sourcePosition")


@dataclass(frozen=True)
class Step:
    """What would happen to one resource."""

    op: str
    urn: str
    old: dict[str, Any]
    """Its inputs before; empty for a new one."""
    new: dict[str, Any]
    """Its inputs after; empty for one that is removed."""
    detailed: dict[str, Any]

    @property
    def type(self) -> str:
        """E.g. ``azure-native:compute:VirtualMachine``, without its parents' types."""
        return self.urn.split("::")[2].rpartition("$")[2]

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]

    @property
    def inputs(self) -> dict[str, Any]:
        """Its inputs after, or before if it is removed."""
        return self.new or self.old

    @property
    def is_change(self) -> bool:
        return self.op not in ("same", "read")


@dataclass(frozen=True)
class Plan:
    """A preview's result."""

    stack: str
    document: dict[str, Any]
    steps: list[Step]

    @property
    def changes(self) -> Counter[str]:
        """The number of resources by operation."""
        return Counter(step.op for step in self.steps)

    def of_type(self, kind: str) -> list[Step]:
        """Steps of one type, e.g. ``compute:VirtualMachine``."""
        return [step for step in self.steps if step.type == f"azure-native:{kind}"]

    def to_json(self) -> str:
        """The plan as it is kept for programs."""
        return json.dumps(self.document, indent=2) + "\n"


def parse(stack: str, output: str, errors: str) -> Plan:
    """Read the output of ``pulumi preview --json``. Raises ExpectedError with pulumi's own messages if it failed."""
    try:
        document = json.loads(output)
    except ValueError:
        reason = (errors or output).strip().removeprefix("error: ") or "it wrote nothing"
        raise ExpectedError(f"The preview of stack {stack} failed: {reason}") from None
    messages = [
        entry["message"].strip()
        for entry in document.get("diagnostics") or []
        if entry.get("severity") == "error" and entry["message"].strip()
    ]
    if messages:
        unique = dict.fromkeys(message.removeprefix("error: ") for message in messages)
        raise ExpectedError("\n".join([f"The preview of stack {stack} failed.", *unique]))
    document = _without_local(document)
    steps = [
        Step(
            op=entry["op"],
            urn=entry["urn"],
            old=(entry.get("oldState") or {}).get("inputs") or {},
            new=(entry.get("newState") or {}).get("inputs") or {},
            detailed=entry.get("detailedDiff") or {},
        )
        for entry in document.get("steps", [])
    ]
    return Plan(stack, document, steps)


def render(plan: Plan, with_differences: bool) -> RenderableType:
    """The readable plan: everything by type, then hosts and endpoints, and on request each changed property."""
    parts: list[RenderableType] = [_resources(plan), Text(), _hosts(plan), Text(), _endpoints(plan)]
    if with_differences:
        parts += [Text(), *_differences(plan)]
    return Group(*parts, Text(), Text(_summary(plan), style="bold"))


def _summary(plan: Plan) -> str:
    changes = [f"{count} to {op}" for op, count in plan.changes.items() if op != "same"]
    unchanged = f"{plan.changes['same']} unchanged" if plan.changes["same"] else ""
    return f"Stack {plan.stack}: " + ", ".join([*changes, *([unchanged] if unchanged else [])] or ["nothing declared"])


def _hosts(plan: Plan) -> Table:
    machines = sorted(plan.of_type("compute:VirtualMachine"), key=_by_role)
    addresses = {
        step.name.removeprefix("nic-"): step.inputs["ipConfigurations"][0]["privateIPAddress"]
        for step in plan.of_type("network:NetworkInterface")
    }
    disks = {step.name: f"{step.inputs['diskSizeGB']} GiB" for step in plan.of_type("compute:Disk")}
    table = Table(title=counted(len(machines), "virtual machine"), title_justify="left", title_style="bold", box=None)
    for column in ("", "host", "role", "address", "zone", "size", "data disk"):
        table.add_column(column, no_wrap=True)
    for step in machines:
        host = step.name.removeprefix("vm-")
        data_disks = step.inputs["storageProfile"].get("dataDisks", [])
        table.add_row(
            _symbol(step.op),
            host,
            step.inputs.get("tags", {}).get("role", ""),
            addresses.get(host, ""),
            ", ".join(step.inputs.get("zones", [])),
            step.inputs["hardwareProfile"]["vmSize"],
            ", ".join(disks.get(disk["name"], "") for disk in data_disks),
        )
    return table


def _by_role(step: Step) -> tuple[int, str]:
    role = step.inputs.get("tags", {}).get("role", "").partition("+")[0]
    return (listing_order(role), step.name)


def _endpoints(plan: Plan) -> Table:
    rows = [
        (gateway.op, listener["name"].removeprefix("https-"), listener["hostName"])
        for gateway in plan.of_type("network:ApplicationGateway")
        for listener in gateway.inputs["httpListeners"]
        if listener["protocol"] == "Https"
    ]
    table = Table(title=counted(len(rows), "mobile endpoint"), title_justify="left", title_style="bold", box=None)
    for column in ("", "endpoint", "address"):
        table.add_column(column, no_wrap=True)
    for op, name, host_name in rows:
        table.add_row(_symbol(op), name, f"https://{host_name}/")
    return table


def _resources(plan: Plan) -> Table:
    """All resources, with one line for each type and operation."""
    groups: dict[tuple[str, str], list[str]] = {}
    for step in plan.steps:
        if step.type.startswith(("azure-native:", "pulumi-python:")):
            groups.setdefault((step.type.partition(":")[2], step.op), []).append(step.name)
    count = sum(len(names) for names in groups.values())
    table = Table(title=f"{count} resources", title_justify="left", title_style="bold", box=None)
    table.add_column("")
    table.add_column("type", no_wrap=True)
    table.add_column("", justify="right")
    table.add_column("names", overflow="fold")
    for (kind, op), names in sorted(groups.items()):
        table.add_row(_symbol(op), kind, str(len(names)), ", ".join(sorted(names)))
    return table


def _differences(plan: Plan) -> Iterator[Text]:
    for step in plan.steps:
        if not step.is_change or not step.type.startswith("azure-native:") or not step.old or not step.new:
            continue
        symbol, style = SYMBOLS.get(step.op, ("?", "red"))
        yield Text(f"{symbol} {step.type.partition(':')[2]} {step.name}", style=style)
        # A change within a secret does not show in its inputs: Pulumi's own paths have to do.
        lines = list(difference_lines(step.old, step.new)) or [f"~ {path}: secret" for path in step.detailed]
        yield from (Text(f"    {line}") for line in lines)


def difference_lines(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """A line for each property that differs. Items of lists are matched by name, if they have names."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from difference_lines(old.get(key), new.get(key), f"{path}.{key}" if path else key)
        return
    named_old, named_new = _by_name(old), _by_name(new)
    if named_old is not None and named_new is not None:
        for name in sorted({*named_old, *named_new}):
            yield from difference_lines(named_old.get(name), named_new.get(name), f'{path}["{name}"]')
        return
    if old == new:
        return
    if old is None:
        yield f"+ {path}: {_value(new)}"
    elif new is None:
        yield f"- {path}: {_value(old)}"
    else:
        yield f"~ {path}: {_value(old)} → {_value(new)}"


def _by_name(items: Any) -> dict[str, Any] | None:
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) and "name" in item for item in items):
        return None
    return {item["name"]: item for item in items}


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else f"{text[:97]}…"


def _symbol(op: str) -> Text:
    symbol, style = SYMBOLS.get(op, (op, "red"))
    return Text(symbol, style=style)


def _without_local(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_local(inner) for key, inner in value.items() if key not in MACHINE_LOCAL}
    if isinstance(value, list):
        return [_without_local(item) for item in value]
    return value
