"""The look at package sources, by this machine's apt in a root folder of the test's own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from verify.inspection.packages import SIGNED_UPDATE

RELEASE = """Origin: trial
Suite: bookworm
Codename: bookworm
Date: Thu, 01 Jan 2026 00:00:00 UTC
Architectures: amd64
Components: main
SHA256:
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root folder for apt, with one source in another folder."""
    release = tmp_path / "archive" / "dists" / "bookworm" / "Release"
    release.parent.mkdir(parents=True)
    release.write_text(RELEASE)
    root = tmp_path / "root"
    for name in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d", "var/lib/apt", "var/lib/dpkg"):
        (root / name).mkdir(parents=True)
    for name in ("var/cache/apt", "var/log", "tmp"):
        (root / name).mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{tmp_path}/archive bookworm main\n")
    (tmp_path / "apt.conf").write_text(f'Dir "{root}";\n')
    return root


def everything_in(folder: Path) -> dict[Path, int]:
    """All files and folders below it, each with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="this machine has no apt")
def test_a_look_at_the_sources_leaves_nothing_behind(root: Path) -> None:
    before = everything_in(root)
    environment = {**os.environ, "APT_CONFIG": str(root.parent / "apt.conf"), "TMPDIR": str(root / "tmp")}
    done = subprocess.run(["sh", "-c", SIGNED_UPDATE], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f"file:{root.parent}/archive bookworm Release" in done.stdout
    assert everything_in(root).keys() == before.keys()
    changed = {path for path, changed in everything_in(root).items() if changed != before[path]}
    assert changed <= {root / "tmp"}
