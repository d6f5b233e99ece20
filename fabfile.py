"""Every command of Livegang as a task tree; it only collects what the rooms offer. `fab --list` shows it."""

from __future__ import annotations

import importlib
import sys

from invoke import Collection

namespace = Collection()
for room in ("infra", "hosts", "verify", "rehearsal"):
    try:
        namespace.add_collection(importlib.import_module(f"{room}.tasks").namespace, name=room)
    except (ImportError, AttributeError) as error:
        sys.stderr.write(f"fab: the tasks of {room}/ cannot be used yet: {error}\n")
