"""Tests on booted hosts are skipped where hosts cannot boot, and never where they were found to."""

from __future__ import annotations

import pytest


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    """A test on booted hosts, on a machine that supposedly cannot boot them."""
    pytester.makeini("[pytest]\nmarkers = booted: on booted hosts\n")
    pytester.makeconftest(
        """
        import pathlib
        from tests import evidence
        from tests.conftest import pytest_addoption, pytest_collection_modifyitems
        from toolchain import checks
        evidence.FOLDER = pathlib.Path("evidence").resolve()
        checks.why_no_hosts = lambda state: "No kernel."
        """
    )
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.booted
        def test_a_host():
            assert False
        """
    )
    return pytester


def test_they_are_skipped_with_the_reason(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-rs", "-p", "no:cacheprovider")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*hosts cannot boot here: No kernel."])


def test_where_hosts_were_found_to_boot_they_run(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("--with-hosts", "-p", "no:cacheprovider")
    result.assert_outcomes(failed=1)
