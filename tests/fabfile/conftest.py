"""The fixtures of the rehearsal, for its commands."""

from __future__ import annotations

from tests.rehearsal.conftest import settings

__all__ = ["settings"]
