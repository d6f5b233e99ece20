"""Every kind of state that roles can declare is one that the agent can bring about, and the reverse."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import hosts.states
from hosts.agent.operations import OPERATIONS
from hosts.states import KINDS, State, Wait

MODULES = [
    importlib.import_module(f"hosts.states.{file.stem}")
    for file in Path(hosts.states.__path__[0]).glob("*.py")
    if file.stem != "__init__"
]
DECLARED = {
    declared
    for module in MODULES
    for _, declared in inspect.getmembers(module, inspect.isclass)
    if issubclass(declared, State) and declared is not State
}


def test_every_kind_of_state_has_its_operation_and_every_operation_its_kind() -> None:
    assert len(DECLARED) > 20, "the kinds of states were not found"
    lacking = DECLARED - OPERATIONS.keys() - {Wait}  # a wait changes nothing: the runner itself heeds it
    assert lacking == set(), "add their operations to OPERATIONS in hosts/agent/operations/__init__.py"
    assert OPERATIONS.keys() - DECLARED == set(), "declare their kinds in hosts/states/"


def test_every_kind_of_state_is_known_by_its_name_where_it_arrives() -> None:
    assert DECLARED - set(KINDS.values()) == set(), "give each a `kind` of its own"
    exported = [getattr(hosts.states, name) for name in hosts.states.__all__]
    assert [kind for kind in DECLARED if kind not in exported] == [], "import them in hosts/states/__init__.py"
