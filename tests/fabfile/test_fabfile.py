"""The tree of commands, and the handbook's page about it."""

from __future__ import annotations

import importlib
import re

from invoke.tasks import Task

import fabfile
from toolchain.folders import PROJECT

PAGE = PROJECT / "docs" / "commands.md"


def documented() -> set[str]:
    """The commands in the first column of the page's table; within one row, the group is named once."""
    found = set()
    for cell in re.findall(r"^\| `fab (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE):
        group = ""
        for name in re.findall(r"(?:^|`)([a-z.-]+)", cell):
            group = name.rpartition(".")[0] or group
            found.add(f"{group}.{name.rpartition('.')[2]}".lstrip("."))
    return found


def test_every_command_is_in_the_handbook_and_no_other() -> None:
    assert documented() == set(fabfile.namespace.task_names)


def test_every_task_is_a_command() -> None:
    """One that is left out of its module's `namespace` exists for nobody."""
    modules = [importlib.import_module(f"fabfile.{file.stem}") for file in (PROJECT / "fabfile").glob("*_commands.py")]
    tasks = {item for module in modules for item in vars(module).values() if isinstance(item, Task)}
    commands = {fabfile.namespace[name] for name in fabfile.namespace.task_names}
    assert [task.name for task in tasks - commands] == [], "add them to the namespace of their module"
