"""What a stack's hosts and endpoints require of the suites."""

from __future__ import annotations

from pathlib import Path

import pytest

from landscape.roles import EVERY_HOST, ROLES, Role
from tests.verify.inventories import inventory
from toolchain.folders import PROJECT
from verify.inspection.expectations import Expectations
from verify.report.model import Gap

ALL_ROLES = {"file01": ("file", "10.9.4.4"), "xfer01": ("transfer", "10.9.5.4")}


def expectations(more: dict[str, tuple[str, str]], behind: str | None = None) -> Expectations:
    return Expectations(inventory(more), [], Path("ssh_config"), behind)


def test_every_suite_is_required_by_some_host_or_endpoint_and_every_required_suite_exists() -> None:
    """A suite that only one side knows would be looked for in vain, or missed by no one."""
    required = expectations({f"{role}09": (role, "10.9.4.9") for role in ROLES}).subjects().required.values()
    suites = {path.stem.removeprefix("test_") for path in (PROJECT / "verify").glob("test_*.py")}
    assert set[str]().union(*required) == suites


def test_every_host_requires_the_suites_of_all_hosts_and_those_of_its_role() -> None:
    subjects = expectations(ALL_ROLES).subjects()
    assert subjects.required["web01"] == EVERY_HOST | {"web"}
    assert subjects.required["file01"] == EVERY_HOST | {"file", "backup"}
    assert subjects.required["xfer01"] == EVERY_HOST | {"transfer", "delivery"}
    assert subjects.required["ambulant"] == {"endpoints"}
    assert subjects.required.keys() == subjects.hosts.keys() | subjects.endpoints.keys()


def test_the_report_lists_hosts_from_the_database_outwards() -> None:
    assert list(expectations(ALL_ROLES).subjects().hosts) == [
        *("db01", "app01", "web01", "web02", "file01", "xfer01", "mgmt01")
    ]


def test_a_host_whose_role_has_no_suite_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    assert expectations(ALL_ROLES).gaps() == []
    assert expectations({"odd01": ("nonsense", "10.9.4.4")}).gaps() == [Gap("odd01", "its role nonsense has no suite")]
    # The same where the registry of roles has it, and nothing looks at its work.
    monkeypatch.setitem(ROLES, "nonsense", Role("nonsense"))
    assert expectations({"odd01": ("nonsense", "10.9.4.4")}).gaps() == [Gap("odd01", "its role nonsense has no suite")]


@pytest.mark.parametrize("more", [{}, ALL_ROLES])
def test_an_inventory_behind_its_stack_file_is_not_checked(more: dict[str, tuple[str, str]]) -> None:
    assert expectations(more, "Pulumi.trial.yaml has changed").gaps() == [
        Gap("inventory", "Pulumi.trial.yaml has changed")
    ]
