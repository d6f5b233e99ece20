"""All hosts rebooted, in a random order and all at once: everything comes back by itself to GO."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

from console import ExitCode
from tests.living import Rehearsal

ATTEMPTS = 3
"""Of the verdict. What starts after a boot (a standby that catches up, exporters) may be later than the boot's end."""


def one_after_the_other(living: Rehearsal, hosts: list[str], seed: int) -> list[str]:
    """Reboot each as soon as the one before is back; returns the order."""
    order = random.Random(seed).sample(hosts, len(hosts))
    for host in order:
        reported = living.fab("rehearsal.reboot", host)
        assert f"{host} is running" in reported.stdout, reported.stdout
    return order


def all_at_once(living: Rehearsal, hosts: list[str]) -> None:
    with ThreadPoolExecutor(len(hosts)) as pool:
        done = list(pool.map(lambda host: living.fab("rehearsal.reboot", host, check=False), hosts))
    failed = [each.stdout + each.stderr for each in done if each.returncode]
    assert not failed, "\n".join(failed)


def attempts_until_go(living: Rehearsal) -> int:
    """How many readiness runs it took to say GO, without anything done in between."""
    said = ""
    for attempt in range(1, ATTEMPTS + 1):
        verdict = living.fab("verify.ready", check=False)
        if verdict.returncode == ExitCode.DONE:
            return attempt
        said += verdict.stdout + verdict.stderr
    raise AssertionError(f"not GO in {ATTEMPTS} runs:\n{said}")
