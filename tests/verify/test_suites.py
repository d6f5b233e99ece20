"""The suites themselves, as far as that needs no host."""

from __future__ import annotations

import json
import subprocess
import sys

from toolchain.folders import PROJECT

# In a process of its own: suites take their hosts and parameters from the expectations while they are imported.
PROGRAM = """
import importlib, json
from pathlib import Path
from hosts.components.manifest import load
from tests.verify.inventories import inventory
from verify.inspection.expectations import Expectations, set_current

more = {"db02": ("database", "10.9.1.5"), "file01": ("file", "10.9.4.4"), "xfer01": ("transfer", "10.9.5.4")}
set_current(Expectations(inventory(more), load(Path("hosts/components")), Path("ssh_config")))
checks = {}
for path in sorted(Path("verify").glob("test_*.py")):
    module = importlib.import_module(f"verify.{path.stem}")
    for name, function in vars(module).items():
        if name.startswith("test_"):
            marks = [mark.name for mark in getattr(function, "pytestmark", [])]
            checks[f"{path.name}::{name}"] = ["check" in marks, function.__doc__ or ""]
print(json.dumps(checks))
"""


def test_every_check_declares_what_it_is_about_and_what_goes_wrong_without_it() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    checks = json.loads(done.stdout)
    assert len(checks) > 100
    assert [name for name, (declared, _) in checks.items() if not declared] == []
    assert [name for name, (_, risk) in checks.items() if not risk.strip().endswith(".")] == []
