"""Base directories: the clone, its state, the cache that all clones on the machine share.

Standard library only: the toolchain runs before the virtual environment exists.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The clone."""


STATE = PROJECT / ".rehearsal"
"""The state folder unless LIVEGANG_STATE names another."""


def state_folder() -> Path:
    """What is made on this machine for this clone's rehearsal."""
    return Path(os.environ.get("LIVEGANG_STATE", STATE)).resolve()


def output_folder(stack: str) -> Path:
    """What commands write for people and other programs about a stack: ssh_config, plans, reports.

    A rehearsal in a state folder of its own has its own: two in one clone would otherwise overwrite each other's.
    """
    state = state_folder()
    return (PROJECT / ".livegang" if state == STATE.resolve() else state / "output") / stack


def cache() -> Path:
    """The machine's cache: /var/cache/livegang for root, readable by others; for everyone else below their home."""
    if named := os.environ.get("LIVEGANG_CACHE"):
        return Path(named)
    if os.geteuid() == 0:
        return Path("/var/cache/livegang")
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "livegang"


def fill_in(text: str, quote: Callable[[str], str] = str) -> str:
    """A path or command of a stack file with ``{project}`` and ``{state}`` replaced by the folders, each quoted."""
    return text.replace("{project}", quote(str(PROJECT))).replace("{state}", quote(str(state_folder())))
