"""Packages: one question, one installation, and the repair of what an interrupted one left."""

from __future__ import annotations

import pytest

from hosts.agent.operations import packages
from hosts.agent.results import CommandError, OperationError
from hosts.states import Package
from tests.hosts.conftest import Scratch

NGINX, CHRONY, POSTGRESQL = (Package(package=name) for name in ("nginx", "chrony", "postgresql-15"))
INSTALL = " ".join([*packages.APT, "install"])


def answer(scratch: Scratch, status: str) -> None:
    scratch.table.answers = {"dpkg-query": status, "apt-get": "", "dpkg --configure": ""}


@pytest.mark.parametrize(
    ("status", "differences"),
    [
        ("nginx ii \n", []),
        ("nginx hi \n", []),
        ("nginx rc \n", ["not installed"]),
        ("nginx un \n", ["not installed"]),
        ("chrony ii \n", ["not installed"]),
        ("nginx iU \n", ["an interrupted installation left it half done (dpkg: iU)"]),
        ("nginx iF \n", ["an interrupted installation left it half done (dpkg: iF)"]),
        ("nginx iHR\n", ["an interrupted installation left it half done (dpkg: iHR)"]),
    ],
)
def test_a_package_is_there_only_when_dpkg_says_installed(
    scratch: Scratch, status: str, differences: list[str]
) -> None:
    answer(scratch, status)
    assert scratch.compare(NGINX) == differences


def test_all_packages_are_asked_about_once(scratch: Scratch) -> None:
    answer(scratch, "nginx ii \nchrony ii \n")
    host = scratch.host(NGINX, CHRONY)
    assert packages.compare_package(NGINX, host) == packages.compare_package(CHRONY, host) == []
    assert len(scratch.table.calls) == 1


def test_all_that_is_missing_comes_with_one_installation(scratch: Scratch) -> None:
    answer(scratch, "chrony ii \n")
    scratch.apply(NGINX, CHRONY, POSTGRESQL)
    installs = [call for call in scratch.table.calls if call.startswith(INSTALL)]
    assert installs == [f"{INSTALL} nginx postgresql-15"]


def test_recommended_packages_stay_away_and_files_written_before_stay_as_they_are() -> None:
    assert "--no-install-recommends" in packages.APT
    assert "--option=Dpkg::Options::=--force-confold" in packages.APT


@pytest.mark.parametrize("left", ["status", "journal"])
def test_what_an_interrupted_dpkg_left_is_finished_first(scratch: Scratch, left: str) -> None:
    answer(scratch, "libpq5 iU \n" if left == "status" else "chrony ii \n")
    if left == "journal":
        scratch.put("/var/lib/dpkg/updates/0001")
    scratch.apply(NGINX)
    assert [call.split()[0] for call in scratch.table.changing()] == ["dpkg", "apt-get", "apt-get"]


def test_a_package_whose_unpacking_broke_off_is_unpacked_anew(scratch: Scratch) -> None:
    """As a disk that was full or read-only leaves it: for apt-get it is there already."""
    answer(scratch, "nginx iHR\n")
    scratch.apply(NGINX, CHRONY)
    assert scratch.table.calls[-1] == f"{INSTALL} --reinstall nginx chrony"


def test_a_dependency_whose_unpacking_broke_off_is_unpacked_anew_too(scratch: Scratch) -> None:
    """As a dpkg killed at the wrong moment leaves it: no state names it, yet what needs it could not be configured."""
    answer(scratch, "nginx-common iHR\n")
    scratch.apply(NGINX)
    assert scratch.table.calls[-1] == f"{INSTALL} --reinstall nginx nginx-common"


def test_a_package_that_cannot_be_had_keeps_no_other_away(scratch: Scratch) -> None:
    answer(scratch, "")
    scratch.table.answers[f"{INSTALL} nginx postgresql-15"] = CommandError("apt-get ended with code 100", "E: no")
    scratch.apply(NGINX, POSTGRESQL)
    assert scratch.table.calls[-1] == f"{INSTALL} nginx"


def test_lists_that_cannot_be_read_are_the_reason(scratch: Scratch) -> None:
    answer(scratch, "")
    scratch.table.answers["apt-get"] = CommandError("apt-get ended with code 100", "E: no Release file")
    with pytest.raises(OperationError, match="the package lists cannot be read") as caught:
        scratch.apply(NGINX)
    assert caught.value.log == "E: no Release file"
