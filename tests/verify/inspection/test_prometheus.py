"""When the answers of Prometheus are recent enough to rely on."""

from __future__ import annotations

import json

import pytest

from verify.inspection.gathering import Output, Outputs
from verify.inspection.prometheus import QUESTIONS, is_fresh, reloaded

BEGUN = 1_800_000_000.0
BEFORE, AFTER = "2027-01-15T07:59:55.123456789Z", "2027-01-15T08:00:05.123456789Z"


def answers(targets: list[tuple[str, str]], sites: list[str], standbys: int = 0) -> Outputs:
    active = [{"health": health, "lastScrape": scraped} for health, scraped in targets]
    said = {
        "targets": {"status": "success", "data": {"activeTargets": active}},
        "sites": {"status": "success", "data": {"result": [{"value": [0, value]} for value in sites]}},
        "standbys": {"status": "success", "data": {"result": [{"value": [0, "0"]}] * standbys}},
    }
    return Outputs({name: Output(name, json.dumps(answer), 0) for name, answer in said.items()})


@pytest.mark.parametrize(
    ("targets", "sites", "expected"),
    [
        ([("up", AFTER), ("up", AFTER)], ["1", "1"], True),
        ([("up", AFTER), ("up", BEFORE)], ["1", "1"], False),
        ([("up", BEFORE), ("down", BEFORE)], ["1", "1"], False),
        ([("up", AFTER), ("down", BEFORE)], ["1", "1"], False),
        ([("up", AFTER), ("down", AFTER)], ["1", "1"], True),
        ([("up", BEFORE), ("unknown", "0001-01-01T00:00:00Z")], ["1", "1"], False),
        ([("up", AFTER)], ["1", "0"], True),
        ([("up", AFTER)], ["1"], False),
        ([], [], False),
    ],
    ids=[
        "all is well",
        "up, not seen since",
        "down, seen before",
        "down, not seen since",
        "down, seen since",
        "never scraped",
        "a site is down, seen since",
        "a site not asked yet",
        "no targets yet",
    ],
)
def test_it_is_asked_again_until_each_target_was_scraped_again(
    targets: list[tuple[str, str]], sites: list[str], expected: bool
) -> None:
    assert is_fresh(answers(targets, sites), BEGUN, expected_sites=2, expected_standbys=0) is expected


def test_one_that_is_still_starting_is_asked_again() -> None:
    refused = Output("curl", "curl: (7) Failed to connect", 7)
    said = Outputs({"targets": refused, "sites": refused, "standbys": refused})
    assert not is_fresh(said, BEGUN, expected_sites=2, expected_standbys=0)


@pytest.mark.parametrize(("seen", "expected"), [(0, False), (1, True)])
def test_it_is_asked_again_until_a_standby_is_back_after_its_primarys_restart(seen: int, expected: bool) -> None:
    said = answers([("up", AFTER)], ["1"], standbys=seen)
    assert is_fresh(said, BEGUN, expected_sites=1, expected_standbys=1) is expected


@pytest.mark.parametrize(("said", "expected"), [("1", True), ("0", False)])
def test_whether_the_last_reload_succeeded_is_read_from_prometheus_own_metrics(said: str, expected: bool) -> None:
    state = Outputs({"configuration": Output("", f"prometheus_config_last_reload_successful {said}", 0)})
    assert reloaded(state) is expected
    # For five minutes its database also has the series with the old labels: that would be a false NO-GO.
    assert "/api/v1/query" not in QUESTIONS["configuration"]


def test_a_prometheus_that_does_not_answer_has_not_reloaded() -> None:
    assert not reloaded(Outputs({"configuration": Output("", "curl: (7) Failed to connect", 1)}))
