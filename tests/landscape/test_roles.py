"""Each role of the registry has what the other packages need for it, and they know no role that it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from console import ExpectedError
from hosts.roles import states_of_role
from landscape import roles
from landscape.names import GATEWAY
from landscape.roles import EVERY_HOST, ROLES, Role, own_suites, required_suites
from tests.stacks import STACKS, topology
from tests.verify.inventories import inventory
from tests.verify.report.runs import result, run
from toolchain.folders import PROJECT
from verify.inspection.expectations import Expectations
from verify.report.model import Gap, Run, Subjects, Verdict
from verify.report.verdict import assess

SUITES = {file.stem.removeprefix("test_") for file in (PROJECT / "verify").glob("test_*.py")}


def missing_for(role: Role) -> list[str]:
    """The places that have to know something of a role and do not."""
    module, suites = PROJECT / "hosts" / "roles" / f"{role.name}.py", set(role.every_suite)
    places = [] if module.exists() else [f"hosts/roles/{role.name}.py"]
    places += [] if own_suites(role) else [f"a suite of its own for {role.name} in landscape/roles.py"]
    return places + [f"verify/test_{suite}.py" for suite in sorted(suites - SUITES)]


@pytest.mark.parametrize("role", ROLES.values(), ids=lambda role: role.name)
def test_a_role_of_the_registry_has_its_module_and_its_suites(role: Role) -> None:
    missing = missing_for(role)
    assert missing == [], f"the role {role.name} lacks {', '.join(missing)}"
    assert callable(states_of_role(role.name, "a host"))


def test_a_role_that_is_in_the_registry_only_is_named_in_each_place_that_lacks_it() -> None:
    assert missing_for(Role("nonsense")) == [
        "hosts/roles/nonsense.py",
        "a suite of its own for nonsense in landscape/roles.py",
    ]
    assert missing_for(Role("web", suites=("nonsense",))) == ["verify/test_nonsense.py"]
    # A suite that looks at every host looks at no role's work.
    assert missing_for(Role("web", suites=("base",))) == ["a suite of its own for web in landscape/roles.py"]
    # Nor does one of another role: its results exist already, and would be taken for this role's.
    assert missing_for(Role("web", suites=("database",))) == ["a suite of its own for web in landscape/roles.py"]
    assert missing_for(Role("web", suites=("endpoints",))) == ["a suite of its own for web in landscape/roles.py"]


def test_every_suite_must_look_at_something() -> None:
    """One that no role requires could be left out of a run without being missed."""
    of_roles = {suite for role in ROLES.values() for suite in role.every_suite}
    required = EVERY_HOST | roles.ENDPOINT_SUITES | of_roles
    assert SUITES - required == set(), "name them in landscape/roles.py"
    assert required - SUITES == set(), "write verify/test_SUITE.py, or take them out of landscape/roles.py"


@pytest.mark.parametrize("stack", STACKS)
def test_each_stack_has_subnets_and_hosts_of_known_roles_only_and_of_each_that_must_be_there(stack: str) -> None:
    declared = topology(stack)
    hosts = [role for host in declared["hosts"].values() for role in (host["role"], *host.get("also", ()))]
    assert set(declared["network"]["subnets"]) - {*ROLES, GATEWAY} == set()
    assert set(hosts) <= ROLES.keys()
    assert {role.name for role in ROLES.values() if role.at_least} <= set(hosts)


def test_what_a_role_refers_to_is_a_role_itself() -> None:
    for role in ROLES.values():
        named = {*role.stops_after, *dict(role.suites_with), *(r for secret in role.secrets for r in secret.only_with)}
        assert named <= ROLES.keys()


def test_a_host_needs_the_suites_of_all_its_roles_and_those_that_other_roles_bring() -> None:
    assert required_suites(("web", "application"), frozenset()) == EVERY_HOST | {"web", "application"}
    assert "backup" not in required_suites(("file",), frozenset({"file"}))
    assert "backup" in required_suites(("file",), frozenset({"file", "database"}))


def test_a_role_without_a_module_is_an_error_that_names_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROLES, "nonsense", Role("nonsense"))
    with pytest.raises(
        ExpectedError, match=r"web01 has the role 'nonsense', and hosts/roles/nonsense\.py does not exist"
    ):
        states_of_role("nonsense", "web01")


@pytest.mark.parametrize("also", [None, "unregistered", "registered", "looked at as every host"])
def test_a_host_whose_role_no_suite_looks_at_is_not_checked(also: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was GO once: nothing had looked at the host's work, and nothing missed it."""
    monkeypatch.setitem(ROLES, "registered", Role("registered"))
    every = Role("looked at as every host", suites=("base",))
    monkeypatch.setitem(ROLES, every.name, every)
    found = inventory()
    web01 = found.hosts["web01"].model_copy(update={"also": [also] if also else []})
    found = found.model_copy(update={"hosts": {**found.hosts, "web01": web01}})
    loaded = Expectations(found, [], Path("ssh_config"))
    made = everything_passed(loaded.subjects())
    made.gaps += loaded.gaps()
    assert assess(made).verdict is (Verdict.NOT_CHECKED if also else Verdict.GO)
    assert made.gaps == ([Gap("web01", f"its role {also} has no suite")] if also else [])


def everything_passed(subjects: Subjects) -> Run:
    """A run in which every suite that must look at a host or an endpoint did, and found nothing."""
    required = [(subject, suite) for subject, suites in subjects.required.items() for suite in sorted(suites)]
    return run(*(result(subject, "all is well", suite=suite) for subject, suite in required), subjects=subjects)
