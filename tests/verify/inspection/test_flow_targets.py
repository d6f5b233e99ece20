"""What the flow table means for each host."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from infra.inventory.model import VantagePoint
from tests.verify.inventories import inventory
from verify.inspection import expectations
from verify.inspection.expectations import Expectations
from verify.inspection.flow_targets import (
    CLOSED_SECONDS,
    OPEN_SECONDS,
    closed_pairs,
    open_rows,
    public_reach,
    targets_from,
)


@pytest.fixture(autouse=True)
def trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expectations, "_current", Expectations(inventory(), [], Path("ssh_config")))


def test_every_flow_is_tried_from_every_host_it_starts_at() -> None:
    rows = {row.name: [str(target) for target in row.targets] for row in open_rows()}
    assert rows["application-from-web from web01"] == ["app01:8001"]
    assert rows["application-from-web from web02"] == ["app01:8001"]
    assert rows["ssh-from-management from mgmt01"] == ["db01:22", "app01:22", "web01:22", "web02:22"]
    assert rows["packages-from-internet from mgmt01"] == ["packages of trial:80"]
    assert rows["secrets from db01"] == ["key-vault:443"]
    assert rows["time from db01"] == ["mgmt01:123"]


def test_flows_that_start_outside_are_not_tried_from_hosts() -> None:
    assert not [row for row in open_rows() if row.flow in ("web-from-gateway", "gateway-from-internet")]


def test_a_host_must_not_reach_what_only_others_may() -> None:
    pairs = {pair.name: pair for pair in closed_pairs()}
    closed = pairs["web01 to db01"]
    assert {str(target) for target in closed.targets} == {"db01:5432", "db01:22"}
    assert {str(target): twin for target, twin in closed.twins.items()} == {"db01:5432": "app01", "db01:22": "mgmt01"}


def test_hosts_of_one_subnet_are_shut_off_from_each_other_too() -> None:
    pairs = {pair.name: pair for pair in closed_pairs()}
    assert {str(target) for target in pairs["web01 to web02"].targets} == {"web02:22"}


def test_only_management_reaches_the_internet() -> None:
    places = {pair.place for pair in closed_pairs() if pair.name.endswith("packages of trial")}
    assert places == {"db01", "app01", "web01", "web02"}


def test_nothing_is_both_open_and_closed() -> None:
    opened = {(row.place, target) for row in open_rows() for target in row.targets}
    closed = {(pair.place, target) for pair in closed_pairs() for target in pair.targets}
    assert not opened & closed


def test_every_closed_target_has_a_twin_that_may_reach_it() -> None:
    opened = {(row.place, target) for row in open_rows() for target in row.targets}
    for pair in closed_pairs():
        assert pair.twins.keys() == set(pair.targets)
        assert all((twin, target) in opened for target, twin in pair.twins.items())


def test_a_twins_flow_is_needed_so_that_its_failure_is_reported_once() -> None:
    pair = next(pair for pair in closed_pairs() if pair.name == "web01 to db01")
    proved = {row.proves for row in open_rows()}
    assert {capability for (capability,) in pair.needs} <= proved


def test_outsiders_are_shut_out_of_everything_but_the_sites() -> None:
    closed = {pair.name: {str(target) for target in pair.targets} for pair in public_reach().closed}
    assert closed["outside to way in"] == {"mgmt01:22"}
    assert {"db01:5432", "web01:22", "mgmt01:22"} <= closed["outside to private addresses"]
    assert "gateway:443" not in closed["outside to other ports of the gateway"]
    assert {"gateway:22", "gateway:5432", "gateway:8001"} <= closed["outside to other ports of the gateway"]


def test_the_way_in_needs_the_jump_host() -> None:
    way_in = next(row for row in public_reach().open if row.place == "operator")
    assert (("host:mgmt01",)) in way_in.needs


def with_a_drop(monkeypatch: pytest.MonkeyPatch, has_old_hoster: bool) -> None:
    """Expect a transfer host as well and, if so wanted, a vantage point at the old hoster's."""
    trial = inventory()
    way_in = trial.way_in.model_copy(update={"transfer_address": IPv4Address("198.51.100.3")})
    host = trial.hosts["web01"].model_copy(update={"name": "xfer01", "role": "transfer"})
    points = dict(trial.vantage_points)
    if has_old_hoster:
        points["old-hoster"] = VantagePoint(spec="ssh://old-hoster", address=IPv4Address("203.0.113.20"))
    changed = trial.model_copy(
        update={"way_in": way_in, "hosts": {**trial.hosts, "xfer01": host}, "vantage_points": points}
    )
    monkeypatch.setattr(expectations, "_current", Expectations(changed, [], Path("ssh_config")))


def test_the_drop_answers_the_old_hoster_and_no_one_else(monkeypatch: pytest.MonkeyPatch) -> None:
    with_a_drop(monkeypatch, has_old_hoster=True)
    public = public_reach()
    (target,) = next(row.targets for row in public.open if row.place == "old-hoster")
    assert str(target) == "xfer01:22"
    shut_out = {pair.place: pair for pair in public.closed if target in pair.targets}
    assert set(shut_out) == {"outside", "operator"}
    assert all(pair.twins == {target: "old-hoster"} for pair in shut_out.values())
    assert all(pair.needs == (("drop",),) for pair in shut_out.values())
    assert {str(t) for pair in public.closed if pair.place == "old-hoster" for t in pair.targets} == {"mgmt01:22"}


def test_without_a_vantage_point_at_the_old_hosters_the_way_in_is_the_drops_twin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_a_drop(monkeypatch, has_old_hoster=False)
    shut_out = [pair for pair in public_reach().closed if pair.label == "to transfer"]
    assert {twin for pair in shut_out for twin in pair.twins.values()} == {"operator"}


@pytest.mark.parametrize("place", ["db01", "mgmt01", "outside", "operator"])
def test_everything_that_a_check_needs_is_tried_from_its_place(place: str) -> None:
    public = public_reach()
    tried = {target: target.seconds for target in targets_from(place)}
    for row in [*open_rows(), *public.open]:
        if row.place == place:
            assert all(tried[target] == OPEN_SECONDS for target in row.targets)
    for pair in [*closed_pairs(), *public.closed]:
        if pair.place == place:
            assert all(tried[target] == CLOSED_SECONDS for target in pair.targets)
        assert all(target in tried for target, twin in pair.twins.items() if twin == place)
