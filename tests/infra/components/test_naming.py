"""Names keep within Azure's limits and are the same in every run."""

from __future__ import annotations

import re
import uuid

import pytest

from infra.components.naming import Names

NAMES = Names("vivendi", "rehearsal", "11111111-2222-4333-8444-555555555555")
LONGEST = Names("l" * 12, "rehearsal", "11111111-2222-4333-8444-555555555555")


@pytest.mark.parametrize("names", [NAMES, LONGEST])
def test_a_vaults_name_is_one_that_azure_accepts(names: Names) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]{1,22}[a-z0-9]", names.vault)
    assert "--" not in names.vault


def test_vaults_of_two_stacks_or_subscriptions_have_different_names() -> None:
    others = [Names("vivendi", "prod", NAMES.subscription), Names("vivendi", "rehearsal", "another")]
    assert NAMES.vault not in {other.vault for other in others}


def test_a_role_assignment_has_a_stable_uuid_of_its_own() -> None:
    name = NAMES.role_assignment("db01", "tls-key-db01")
    assert str(uuid.UUID(name)) == name == NAMES.role_assignment("db01", "tls-key-db01")
    assert name != NAMES.role_assignment("db02", "tls-key-db01")
