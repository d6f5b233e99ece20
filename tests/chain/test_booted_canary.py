"""On booted hosts: a secret made under our eyes, and every other one, is found where it belongs and nowhere else."""

from __future__ import annotations

import pytest

from console import ExitCode
from tests.canary import Found, Search, all_secrets, vault_secrets
from tests.living import Rehearsal

pytestmark = pytest.mark.booted

CANARY = "smb-pep"
HOSTS = "app01,app02,file01"
"""Who is given the canary."""


def test_no_secret_is_anywhere_but_where_it_belongs(rehearsal: Rehearsal) -> None:
    urns = rehearsal.pulumi("stack", "--show-urns").stdout.split()
    (urn,) = [word for word in urns if word.endswith(f"livegang:Password::{CANARY}")]
    before = vault_secrets(rehearsal.folder)[CANARY]
    said = {
        "up": rehearsal.pulumi("up", "--yes", "--diff", "--target-replace", urn, "--target-dependents"),
        "plan": rehearsal.fab("hosts.plan", "--limit", "app01", check=False),
        "converge": rehearsal.fab("hosts.converge", "--limit", HOSTS),
        "preview --json": rehearsal.pulumi("preview", "--json"),
        "export": rehearsal.pulumi("stack", "export"),
        "inventory": rehearsal.fab("infra.inventory"),
    }
    assert said["plan"].returncode == ExitCode.PENDING
    after = vault_secrets(rehearsal.folder)[CANARY]
    assert len(after) == len(before) + 1, "there is no canary"
    secrets = all_secrets(rehearsal.folder, rehearsal.pulumi("stack", "export", "--show-secrets").stdout)
    search = Search(rehearsal.folder, {**secrets, "canary": after[-1:]})
    found = search.everywhere(rehearsal.inventory.hosts)
    for name, done in said.items():
        found += search.in_text(name, done.stdout + done.stderr)
    astray = [one for one in found if not one.belongs]
    assert not astray, astray
    # The twin: the search does find, the canary in all three places where it is, and each other secret somewhere.
    places = {one.where for one in found if one.secret == "canary"}
    assert {f"{host}:/etc/vivendi/pep.smb.credentials" for host in ("app01", "app02")} <= places
    assert len(places) == 3
    nowhere = set(secrets) - {one.secret for one in found} - {CANARY}
    assert nowhere == {"key-of-authority"}, "only in Pulumi's state, encrypted"


@pytest.mark.parametrize(
    ("where", "secret"),
    [
        ("app01:/var/log/x.log", "smb-pep"),
        ("app01:/etc/vivendi/kita.smb.credentials", "smb-pep"),
        ("web01:/etc/ssh/ssh_host_ed25519_key", "host-key-web02"),
        ("machine:.rehearsal/logs/supervisor.log", "backup-key"),
        ("process 12:cmdline /usr/bin/x", "postgresql-pep"),
    ],
)
def test_a_place_that_is_not_listed_is_astray(where: str, secret: str) -> None:
    assert not Found(secret, where).belongs
