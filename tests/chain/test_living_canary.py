"""On booted hosts: every secret is where it belongs and nowhere else. With a new one: ``python -m tests.canary``."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.canary import Found, Search, all_secrets
from tests.living import Rehearsal


@pytest.mark.booted
def test_no_secret_is_anywhere_but_where_it_belongs(rehearsal: Rehearsal) -> None:
    """The tests before this one have left plans, reports and logs of all kinds."""
    secrets = all_secrets(rehearsal)
    search = Search(rehearsal.folder, secrets)
    found = search.everywhere(rehearsal.inventory.hosts)
    found += search.in_text("inventory", rehearsal.fab("infra.inventory").stdout)
    assert not [one for one in found if not one.belongs]
    # The twin: the search does find, each secret somewhere and those of the hosts on their hosts.
    assert set(secrets) - {one.secret for one in found} == {"key-of-authority"}, "only in Pulumi's state, encrypted"
    current = {
        name for name in secrets if name.startswith(("postgresql-", "smb-", "tls-", "backup-")) and "," not in name
    }
    on_hosts = {one.secret for one in found if not one.where.startswith("machine:")}
    assert on_hosts >= current


@pytest.mark.parametrize(
    ("where", "secret"),
    [
        ("app01:/var/log/x.log", "smb-pep"),
        ("app01:/etc/vivendi/kita.smb.credentials", "smb-pep"),
        ("app01:/etc/vivendi/pep.smb.credentials", "smb-pep, before"),
        ("web01:/etc/ssh/ssh_host_ed25519_key", "host-key-web02"),
        ("machine:.rehearsal/logs/supervisor.log", "backup-key"),
        ("process 12:cmdline /usr/bin/x", "postgresql-pep"),
    ],
)
def test_a_place_that_is_not_listed_is_astray(where: str, secret: str) -> None:
    assert not Found(secret, where).belongs


def test_what_is_found_in_a_text_is_found_in_base64_too() -> None:
    search = Search(Path(), {"smb-pep": ["correct horse battery staple"]})
    for before in ("", "x", "xy"):
        text = base64.b64encode(f"{before}correct horse battery staple, and more".encode()).decode()
        assert search.in_text("a report", text) == [Found("smb-pep", "a report")]
    assert search.in_text("a report", "correct horse") == []
