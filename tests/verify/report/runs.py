"""Runs and results for tests of the verdict, made by hand, without hosts."""

from __future__ import annotations

from typing import Any

from verify.report.model import Check, Evidence, Needs, Outcome, Result, Run, Subjects

HOSTS = {
    "db01": "database",
    "db02": "database",
    "app01": "application",
    "app02": "application",
    "web01": "web",
    "web02": "web",
    "mgmt01": "management",
}
ENDPOINTS = {"ambulant": "ambulant.example.test", "kita": "kita.example.test"}


def subjects(**changes: Any) -> Subjects:
    return Subjects(**{"stack": "trial", "hosts": HOSTS, "endpoints": ENDPOINTS, "jump_host": "mgmt01", **changes})


def result(
    subject: str,
    title: str,
    outcome: Outcome = Outcome.PASSED,
    *,
    suite: str = "base",
    component: str = "part",
    proves: str = "",
    needs: Needs = (),
    reason: str = "",
    unreachable: str = "",
    evidence: str = "",
) -> Result:
    check = Check(
        identifier=f"test_{suite}.py::test_{title.replace(' ', '_')}[{subject}]",
        suite=suite,
        subject=subject,
        component=component,
        title=title,
        risk="What could go wrong.",
        proves=frozenset({proves} if proves else ()),
        needs=needs,
    )
    noted = [Evidence("command", evidence)] if evidence else []
    return Result(check, outcome, reason, evidence=noted, unreachable=unreachable)


def failed(subject: str, title: str, **details: Any) -> Result:
    return result(subject, title, Outcome.FAILED, **{"reason": f"{title} is wrong", **details})


def run(*results: Result, **changes: Any) -> Run:
    made = Run(subjects=changes.pop("subjects", subjects()), started="2027-01-09T08:00:00+01:00", results=list(results))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def passing_run() -> Run:
    """A run in which every check of a small landscape passed, with dependencies as the suites declare them."""
    results = [result(host, "base is right") for host in HOSTS]
    for host in ("db01", "db02"):
        results.append(
            result(host, "postgresql is running", suite="database", proves=f"postgresql:{host}", component="postgresql")
        )
    for host in ("app01", "app02"):
        for area in ENDPOINTS:
            service, well = f"service:{area}@{host}", f"area:{area}@{host}"
            results.append(
                result(host, f"{area} service is running", suite="application", component=area, proves=service)
            )
            results.append(
                result(
                    host,
                    f"{area} is healthy",
                    suite="application",
                    component=area,
                    proves=well,
                    needs=((service,), ("database-primary",)),
                )
            )
    for area in ENDPOINTS:
        members = tuple(f"area:{area}@{host}" for host in ("app01", "app02"))
        results.append(
            result(
                area,
                "health is good",
                suite="endpoints",
                proves=f"health:{area}",
                needs=(members, ("database-primary",)),
            )
        )
        results.append(
            result(
                area,
                "site runs on every application host",
                suite="endpoints",
                needs=(*((member,) for member in members), ("database-primary",)),
            )
        )
        results.append(result(area, "record is accepted", suite="endpoints", needs=((f"health:{area}",),)))
        results.append(result(area, "certificate is trusted", suite="endpoints"))
    return run(*results, standbys={"db02"})


def fail(made: Run, *names: tuple[str, str]) -> Run:
    """Make the named checks (subject, title) of a run fail."""
    wanted = set(names)
    for entry in made.results:
        key = (entry.check.subject, entry.check.title)
        if key in wanted:
            entry.outcome, entry.reason = Outcome.FAILED, f"{entry.check.title} is not so"
            wanted.discard(key)
    assert not wanted, f"no such checks: {wanted}"
    return made
