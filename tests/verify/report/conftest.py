"""What the plugin's tests share."""

from __future__ import annotations

import pytest

from tests.verify.report.trial import Trial


@pytest.fixture
def trial(pytester: pytest.Pytester) -> Trial:
    return Trial(pytester)
