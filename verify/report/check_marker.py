"""The marker `check`, with which a test declares what it is about, and how the plugin reads it.

    @check("sshd", needs=["host:{host}"])
    def test_sshd_refuses_passwords(host: Host) -> None:
        '''A guessed password would open the host.'''

The subject is the parameter ``endpoint`` or ``target`` if the test has one, else the host it runs on. In the
texts ``{host}``, ``{endpoint}``, ``{target}`` and ``{component}`` are replaced by the parameters of those names. A
parameter may be an object with its own ``place``, ``proves`` and ``needs``: see `Subject`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import pytest
from _pytest.compat import NOTSET

from verify.report.model import Check, Needs
from verify.report.root_causes import STEADY, STORAGE, UNIT, unit_name

Need = str | tuple[str, ...]
"""A capability, or several of which one is enough."""

MARKER = "check(component, *, proves, needs, at, unit, applies): what the test is about; see check_marker.py"


@runtime_checkable
class Subject(Protocol):
    """A parameter that knows where its test runs and what it depends on, e.g. one row of the flow table."""

    name: str
    """Identifies it in the test's id."""
    label: str
    """Its name in titles; the same for every place."""
    place: str
    """The host or vantage point on which the test runs."""

    @property
    def proves(self) -> str: ...

    @property
    def needs(self) -> Needs: ...


def check(
    component: str,
    *,
    proves: str = "",
    needs: Sequence[Need] = (),
    at: str = "",
    unit: str = "",
    applies: bool = True,
) -> pytest.MarkDecorator:
    """Declare a check's component, what it proves, what it needs, and from which vantage point it looks.

    ``proves``: the capability that is out of service if this fails. ``needs``: capabilities that must be in service
    for it to be able to pass; a tuple is a group of alternatives. Every check needs the host or vantage point it
    runs on. ``at``: the vantage point's name, for a test that does not run on a host of the landscape.
    ``unit``: the systemd unit on its host that this looks at (``{unit}`` for a component's own). If the unit flaps, or
    its host cannot write, that is the cause, and the check's own result counts for nothing.
    ``applies``: whether the landscape declares what the test is about: a standby that was never wanted is not missing.
    Take it from the inventory only. A test that cannot look at something skips itself instead, which blocks go-live.
    """
    groups = tuple(need if isinstance(need, tuple) else (need,) for need in needs)
    return pytest.mark.check(component, proves=proves, needs=groups, at=at, unit=unit, applies=applies)


def not_applicable(item: pytest.Item) -> bool:
    """Whether this landscape lacks what a test is about: no host of its role, or ``applies=False``."""
    marker = item.get_closest_marker("check")
    callspec = getattr(item, "callspec", None)
    # NOTSET is pytest's value for an empty set of parameters.
    empty = callspec is not None and any(value is NOTSET for value in callspec.params.values())
    return empty or (marker is not None and not marker.kwargs["applies"])


def describe(item: pytest.Item) -> Check:
    """The check that a collected test makes, from its marker, parameters and docstring."""
    names = _names(item)
    marker = item.get_closest_marker("check")
    component = _fill(str(marker.args[0]), names) if marker else suite_of(item)
    proves = {_fill(str(marker.kwargs["proves"]), names)} if marker else set()
    declared: Needs = marker.kwargs["needs"] if marker else ()
    needs = tuple(tuple(_fill(capability, names) for capability in group) for group in declared)
    for value in _parameters(item).values():
        if isinstance(value, Subject):
            proves.add(value.proves)
            needs += value.needs
    place = place_of(item)
    if unit := _fill(str(marker.kwargs["unit"]), names) if marker else "":
        proves.add(f"{UNIT}{unit_name(unit)}@{place}")
        needs += ((f"{STEADY}{unit_name(unit)}@{place}",), (f"{STORAGE}{place}",))
    docstring: str | None = getattr(getattr(item, "obj", None), "__doc__", None)
    return Check(
        identifier=f"{item.path.name}::{item.nodeid.partition('::')[2]}",
        suite=suite_of(item),
        subject=names.get("endpoint") or names.get("target") or place or suite_of(item),
        component=component,
        title=_title(item, names),
        risk=" ".join((docstring or "").split()),
        proves=frozenset(proves - {""}),
        needs=((f"host:{place}",), *needs) if place else needs,
    )


def suite_of(item: pytest.Item) -> str:
    """The topic of a test's file: ``base`` for test_base.py."""
    return item.path.stem.removeprefix("test_")


def place_of(item: pytest.Item) -> str | None:
    """The name of the host or vantage point on which a test runs; None if it runs on neither."""
    marker = item.get_closest_marker("check")
    if marker and marker.kwargs["at"]:
        return str(marker.kwargs["at"])
    places = [value.place for value in _parameters(item).values() if isinstance(value, Subject)]
    return places[0] if places else _names(item).get("host")


def _parameters(item: pytest.Item) -> dict[str, Any]:
    callspec = getattr(item, "callspec", None)
    return dict(callspec.params) if callspec else {}


def _names(item: pytest.Item) -> dict[str, str]:
    """The names of the parameters' values, by parameter; testinfra's own is called ``host``."""
    parameters = _parameters(item)
    host = parameters.pop("_testinfra_host", None)
    names = {parameter: str(getattr(value, "name", value)) for parameter, value in parameters.items()}
    units = [value.service.unit for value in parameters.values() if hasattr(value, "service")]
    names |= {"unit": str(units[0])} if units else {}
    return names | ({"host": str(host.backend.hostname)} if host is not None else {})


def _fill(text: str, names: dict[str, str]) -> str:
    for name, value in names.items():
        text = text.replace("{" + name + "}", value)
    return text


def _title(item: pytest.Item, names: dict[str, str]) -> str:
    """The title for people: "port answers (ambulant)" for ``test_port_answers[ssh://app01-ambulant]``."""
    words = str(getattr(item, "originalname", None) or item.name).removeprefix("test_").replace("_", " ")
    labels = {name: value.label for name, value in _parameters(item).items() if isinstance(value, Subject)}
    others = [value for name, value in (names | labels).items() if name not in ("host", "endpoint", "target", "unit")]
    return f"{words} ({', '.join(others)})" if others else words
