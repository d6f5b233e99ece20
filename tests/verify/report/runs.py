"""Runs, results and landscapes for tests of the verdict: made by hand, no host behind them."""

from __future__ import annotations

from typing import Any

from infra.inventory.model import Inventory
from infra.inventory.reading import parse
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
    return Result(check, outcome, reason, evidence=[Evidence("command", evidence)] if evidence else [])


def failed(subject: str, title: str, **details: Any) -> Result:
    return result(subject, title, Outcome.FAILED, **{"reason": f"{title} is wrong", **details})


def run(*results: Result, **changes: Any) -> Run:
    made = Run(subjects=changes.pop("subjects", subjects()), started="2027-01-09T08:00:00+01:00", results=list(results))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def passing_run() -> Run:
    """A whole small landscape in which every check passed, with the dependencies that the suites declare."""
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
    """Let the named checks (subject, title) of a run fail."""
    wanted = set(names)
    for entry in made.results:
        key = (entry.check.subject, entry.check.title)
        if key in wanted:
            entry.outcome, entry.reason = Outcome.FAILED, f"{entry.check.title} is not so"
            wanted.discard(key)
    assert not wanted, f"no such checks: {wanted}"
    return made


def inventory() -> Inventory:
    """A landscape of five hosts and one endpoint, as an inventory."""
    hosts = {
        "db01": ("database", "10.9.1.4"),
        "app01": ("application", "10.9.2.4"),
        "web01": ("web", "10.9.3.4"),
        "web02": ("web", "10.9.3.5"),
        "mgmt01": ("management", "10.9.6.4"),
    }
    subnets = {"database": 1, "application": 2, "web": 3, "management": 6, "gateway": 7}
    network = {name: f"10.9.{number}.0/24" for name, number in subnets.items()}

    def flow(name: str, source: str, destination: str, *ports: int, protocol: str = "tcp") -> dict[str, Any]:
        return {
            "name": name,
            "source": source,
            "destination": destination,
            "protocol": protocol,
            "ports": list(ports),
            "source_prefixes": [network.get(source, "10.9.0.0/16")],
            "destination_prefixes": [network.get(destination, "10.9.0.0/16")],
        }

    return parse(
        {
            "stack": "trial",
            "landscape": "trial",
            "internal_domain": "trial.internal",
            "address_space": "10.9.0.0/16",
            "subnets": network,
            "hosts": {
                name: {
                    "name": name,
                    "role": role,
                    "zone": "1",
                    "address": address,
                    "fqdn": f"{name}.trial.internal",
                    "size": "Standard_D2as_v5",
                    "host_keys": ["ssh-ed25519 AAAA"],
                }
                for name, (role, address) in hosts.items()
            },
            "endpoints": {
                "ambulant": {
                    "name": "ambulant",
                    "host_name": "ambulant.example.test",
                    "address": "198.51.100.1",
                    "health_path": "/health",
                    "sync_path": "/sync",
                    "minimum_certificate_days": 20,
                }
            },
            "flows": [
                flow("gateway-from-internet", "internet", "gateway", 80, 443),
                flow("web-from-gateway", "gateway", "web", 80),
                flow("application-from-web", "web", "application", 8001),
                flow("database-from-application", "application", "database", 5432),
                flow("ssh-from-management", "management", "any-host", 22),
                flow("time", "any-host", "management", 123, protocol="udp"),
                flow("packages-from-internet", "management", "internet", 80, 443),
                flow("secrets", "any-host", "key-vault", 443),
            ],
            "way_in": {"user": "ops", "jump_host": "mgmt01", "jump_address": "198.51.100.2", "jump_port": 22},
            "vantage_points": {
                "outside": {"spec": "ssh://outside", "address": "203.0.113.66"},
                "operator": {"spec": "ssh://operator", "address": "203.0.113.10"},
            },
            "vault_uri": "https://kv-trial.vault.azure.net/",
            "trusted_authorities": [],
            "internal_authority": "",
            "packages": {
                "sources": [
                    {
                        "name": "trial",
                        "uri": "http://packages.example.test/debian",
                        "suites": ["bookworm"],
                        "components": ["main"],
                        "keyring": "key",
                    }
                ]
            },
            "components": {"manifests": "hosts/components", "artifacts": "artifacts"},
            "time_sources": [],
        },
        "trial",
    )
