"""Who reaches whom: every row of the flow table is open, and everything else times out, proven by an open twin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from landscape.parties import OPERATOR, OUTSIDE
from verify.inspection.expectations import current
from verify.inspection.flow_targets import Closed, Open, Target, closed_pairs, open_rows, public_reach, targets_from
from verify.inspection.gathering import Gathering
from verify.inspection.probes import reach
from verify.inspection.run_probe import run_probe
from verify.report.check_marker import check

OPEN_ANSWERS = ("connected", "refused")
"""A host that refuses was reached: whether something listens there is checked by the suite of its role."""

Note = Callable[[str, object], None]


def look(host: Any) -> dict[Target, str]:
    place = place_name(host)
    targets = targets_from(place)
    answers = run_probe(host, reach, [target.request() for target in targets]) if targets else []
    return {target: answer["outcome"] for target, answer in zip(targets, answers, strict=True)}


def place_name(host: Any) -> str:
    return str(host.backend.hostname)


REACH = Gathering(__name__, look)


def outcomes(place: str, targets: tuple[Target, ...], note: Note) -> dict[Target, str]:
    """The outcomes of trying some targets from a place."""
    found = {target: REACH.of(place)[target] for target in targets}
    lines = [f"{target.address}:{target.port}/{target.protocol} {outcome}" for target, outcome in found.items()]
    note(f"from {place}", "\n".join(lines))
    return found


@pytest.mark.parametrize("row", open_rows())
@check("flow")
def test_allowed_flow_answers(row: Open, evidence: Note) -> None:
    """A missing rule shows up as a component that hangs, hours later and somewhere else."""
    for target, outcome in outcomes(row.place, row.targets, evidence).items():
        assert outcome in OPEN_ANSWERS, f"{target}: {outcome}, although {row.flow} allows it"


@pytest.mark.parametrize("pair", closed_pairs())
@check("flow")
def test_forbidden_flow_times_out(pair: Closed, evidence: Note) -> None:
    """An intruder on one host must not get any further; even a refusal would mean that the packet arrived."""
    for target, outcome in outcomes(pair.place, pair.targets, evidence).items():
        assert outcome == "timeout", f"{target}: {outcome}, although no flow allows it"
    for target, twin in pair.twins.items():
        outcome = outcomes(twin, (target,), evidence)[target]
        assert outcome in OPEN_ANSWERS, (
            f"a timeout proves nothing here: {target} does not even answer {twin} ({outcome})"
        )


@pytest.mark.parametrize("row", public_reach().open)
@check("flow")
def test_public_address_answers(row: Open, evidence: Note) -> None:
    """Only the sites, for everyone, and the way in, for operators, are open to the Internet."""
    for target, outcome in outcomes(row.place, row.targets, evidence).items():
        assert outcome == "connected", f"{target}: {outcome}"


@pytest.mark.parametrize("pair", public_reach().closed)
@check("flow")
def test_outsider_is_shut_out(pair: Closed, evidence: Note) -> None:
    """An open port is found by attackers within the hour. Twin: the way in and the sites, which do answer."""
    points = current().inventory.vantage_points
    if pair.place == OUTSIDE and points[OUTSIDE].spec == points[OPERATOR].spec:
        both = points[OUTSIDE].spec
        pytest.skip(f"outside and operator are both {both}: name a machine outside the operators' ranges for outside")
    for target, outcome in outcomes(pair.place, pair.targets, evidence).items():
        allowed = ("timeout",) if target.public else ("timeout", "no route to host", "network is unreachable")
        assert outcome in allowed, f"{target}: {outcome}"
    for target, twin in pair.twins.items():
        outcome = outcomes(twin, (target,), evidence)[target]
        assert outcome == "connected", f"a timeout proves nothing here: {target} from {twin}: {outcome}"
