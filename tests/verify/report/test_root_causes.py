"""Which failures are causes, and which are consequences."""

from __future__ import annotations

from dataclasses import replace

from tests.verify.report.runs import ENDPOINTS, fail, failed, passing_run, run
from verify.report.model import Outcome, Run
from verify.report.root_causes import Analysis
from verify.report.verdict import assess
from verify.report.wording import consequences


def causes(made: Run) -> list[tuple[str, str]]:
    return [(cause.subject, cause.reason) for cause in Analysis(made).causes]


def everything_behind_the_database(made: Run) -> Run:
    names = [("db01", "postgresql is running")]
    for area in ENDPOINTS:
        names += [(host, f"{area} is healthy") for host in ("app01", "app02")]
        names += [
            (area, "health is good"),
            (area, "record is accepted"),
            (area, "site runs on every application host"),
        ]
    return fail(made, *names)


def test_a_stopped_primary_is_one_cause_and_all_else_follows_from_it() -> None:
    made = everything_behind_the_database(passing_run())
    (cause,) = Analysis(made).causes
    assert (cause.subject, cause.component) == ("db01", "postgresql")
    assert len(cause.consequences) == len(made.failed()) - 1


def test_a_stopped_service_is_one_cause_that_names_the_endpoint_which_runs_on_one_host() -> None:
    made = fail(
        passing_run(),
        ("app01", "ambulant service is running"),
        ("app01", "ambulant is healthy"),
        ("ambulant", "site runs on every application host"),
    )
    (cause,) = assess(made).causes
    assert (cause.subject, cause.component) == ("app01", "ambulant")
    assert consequences([cause], made.subjects) == [
        "endpoint ambulant: site runs on every application host is not so",
        "1 further check on app01",
    ]


def test_an_endpoint_that_fails_although_one_host_is_healthy_has_a_cause_of_its_own() -> None:
    made = fail(
        passing_run(),
        ("app01", "ambulant service is running"),
        ("app01", "ambulant is healthy"),
        ("ambulant", "health is good"),
    )
    assert [subject for subject, _ in causes(made)] == ["app01", "ambulant"]


def test_an_endpoint_that_fails_on_both_hosts_follows_from_both_causes() -> None:
    made = fail(
        passing_run(),
        *((host, f"kita {what}") for host in ("app01", "app02") for what in ("service is running", "is healthy")),
        ("kita", "health is good"),
    )
    found = Analysis(made).causes
    assert [cause.subject for cause in found] == ["app01", "app02"]
    assert all("health is good" in {r.check.title for r in cause.consequences} for cause in found)


def test_a_stopped_standby_does_not_explain_an_unhealthy_application() -> None:
    made = fail(passing_run(), ("db02", "postgresql is running"), ("app01", "kita is healthy"))
    assert [subject for subject, _ in causes(made)] == ["db02", "app01"]


def test_while_no_standby_is_known_only_the_loss_of_all_databases_explains_anything() -> None:
    made = fail(passing_run(), ("db01", "postgresql is running"), ("app01", "kita is healthy"))
    made.standbys = set()
    assert [subject for subject, _ in causes(made)] == ["db01", "app01"]
    assert [subject for subject, _ in causes(fail(made, ("db02", "postgresql is running")))] == ["db01", "db02"]


def test_without_any_primary_the_wrong_roles_are_the_cause() -> None:
    made = passing_run()
    roles = [failed(host, "role is clear", suite="database", proves=f"role:{host}") for host in ("db01", "db02")]
    made.results[:0] = roles
    made.standbys = {"db01", "db02"}
    fail(made, ("app01", "kita is healthy"), ("kita", "health is good"))
    assert [subject for subject, _ in causes(made)] == ["db01", "db02"]


def test_another_failure_next_to_a_cause_remains_a_cause() -> None:
    made = fail(everything_behind_the_database(passing_run()), ("kita", "certificate is trusted"))
    assert [subject for subject, _ in causes(made)] == ["db01", "kita"]


def test_a_host_out_of_reach_is_the_cause_of_what_needs_it() -> None:
    made = fail(passing_run(), ("app01", "kita is healthy"), ("kita", "health is good"))
    made.unreachable = {"db01": "Connection timed out"}
    (cause,) = Analysis(made).causes
    assert cause.unreachable
    assert cause.subject == "db01"
    assert {result.check.subject for result in cause.consequences} == {"app01", "kita"}


def test_hosts_behind_an_unreachable_jump_host_are_counted_under_it() -> None:
    made = run(unreachable={"mgmt01": "Connection timed out", "db01": "mgmt01 closed", "outside": "refused"})
    found = Analysis(made).causes
    assert [(cause.subject, cause.hidden_hosts) for cause in found] == [("mgmt01", ["db01"]), ("outside", [])]


def test_circular_needs_do_not_hide_failures() -> None:
    made = run(failed("app01", "one", proves="a", needs=(("b",),)), failed("app02", "two", proves="b", needs=(("a",),)))
    reported = {cause.subject for cause in Analysis(made).causes}
    reported |= {result.check.subject for cause in Analysis(made).causes for result in cause.consequences}
    assert reported == {"app01", "app02"}


def test_every_failure_is_reported_as_a_cause_or_under_one() -> None:
    made = fail(everything_behind_the_database(passing_run()), ("kita", "certificate is trusted"))
    found = Analysis(made).causes
    reported = {id(cause.result) for cause in found} | {id(r) for cause in found for r in cause.consequences}
    assert reported == {id(result) for result in made.failed()}


def test_endpoints_with_the_same_failure_share_one_line() -> None:
    made = everything_behind_the_database(passing_run())
    (cause,) = Analysis(made).causes
    first, *_ = consequences([cause], made.subjects)
    assert first == "2 endpoints ambulant, kita: health is good is not so"


def test_an_unhealthy_application_host_explains_an_endpoint_that_passes_its_answer_on() -> None:
    made = fail(passing_run(), ("app01", "kita is healthy"), ("kita", "health is good"))
    assert [subject for subject, _ in causes(made)] == ["app01", "kita"]
    for entry in made.results:
        if (entry.check.subject, entry.check.title) == ("kita", "health is good"):
            entry.check = replace(entry.check, needs=(*entry.check.needs, ("sound:kita@app01",)))
        if (entry.check.subject, entry.check.title) == ("app01", "kita is healthy"):
            entry.disproved = {"sound:kita@app01"}
    assert [subject for subject, _ in causes(made)] == ["app01"]


def test_a_unit_that_flaps_is_the_cause_also_where_its_own_check_passed() -> None:
    made = fail(passing_run(), ("app01", "kita is healthy"), ("kita", "site runs on every application host"))
    made.results.append(
        failed("app01", "no service keeps restarting", suite="stability", component="units", reason="kita flaps")
    )
    made.results[-1].disproved = {"steady:vivendi-kita.service@app01"}
    assert [reason for _, reason in causes(made)] == ["kita is healthy is not so", "kita flaps"]
    for entry in made.results:
        if (entry.check.subject, entry.check.title) == ("app01", "kita service is running"):
            entry.check = replace(entry.check, needs=(("steady:vivendi-kita.service@app01",),))
    assert [reason for _, reason in causes(made)] == ["kita flaps"]
    fail(made, ("app01", "kita service is running"))
    assert [reason for _, reason in causes(made)] == ["kita flaps"]
    # Its health passed at its look; the site did not, which needs it.
    for entry in made.results:
        if (entry.check.subject, entry.check.title) in (
            ("app01", "kita is healthy"),
            ("app01", "kita service is running"),
        ):
            entry.outcome = Outcome.PASSED
    assert [reason for _, reason in causes(made)] == ["kita flaps"]


def test_checks_that_share_a_failed_look_and_need_each_other_are_one_cause() -> None:
    first = failed("db01", "role is clear", proves="role", needs=(("running",),))
    second = failed("db01", "postgresql is running", proves="running", needs=(("role",),))
    second.same_as = first
    assert causes(run(first, second)) == [("db01", "role is clear is wrong")]


def test_failed_units_are_reported_once_if_their_own_checks_have_found_them() -> None:
    running = failed("app01", "nginx is running", proves="unit:nginx.service@app01")
    units = failed("app01", "no unit has failed", component="units")
    units.needs = (("unit:nginx.service@app01", "unit:other.service@app01"),)
    assert len(causes(run(running, units))) == 2
    units.needs = (("unit:nginx.service@app01",),)
    assert causes(run(running, units)) == [("app01", "nginx is running is wrong")]
