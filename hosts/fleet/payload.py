"""What is sent to a host: the agent's own source, and the host's document, over the channel's standard input.

The command line that a host sees is always the same and holds nothing; no file is written there.
"""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

from toolchain.folders import PROJECT

COMMAND = (
    # -I: nothing of the environment or the user's folders; -B: no compiled files; -S: the standard library suffices.
    "exec sudo -n /usr/bin/python3 -I -B -S -c "
    "'import sys,zlib;i=sys.stdin.buffer;exec(zlib.decompress(i.read(int(i.readline()))))'"
)
"""Runs whatever comes, as root: who may log in as the administrator may do that anyway."""


def payload(document: dict[str, Any]) -> bytes:
    """All that goes to a host before the conversation begins; see `hosts.agent.boot`."""
    message = {"modules": _modules(), "document": document}
    return _part(_boot()) + _part(json.dumps(message, ensure_ascii=False))


def _part(text: str) -> bytes:
    deflated = zlib.compress(text.encode(), level=6)
    return f"{len(deflated)}\n".encode() + deflated


@cache
def _boot() -> str:
    return (PROJECT / "hosts" / "agent" / "boot.py").read_text()


@cache
def _modules() -> dict[str, str]:
    """Source by module name: the agent and the states, which are all that runs on a host."""
    folder = PROJECT / "hosts"
    files = [folder / "__init__.py", *(folder / "agent").rglob("*.py"), *(folder / "states").rglob("*.py")]
    return {_module_name(file): file.read_text() for file in files if file.name != "boot.py"}


def _module_name(file: Path) -> str:
    parts = file.relative_to(PROJECT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
