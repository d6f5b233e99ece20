"""What a readiness run asks apt leaves nothing on a host."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest

from verify.inspection.apt import SIGNED_UPDATE


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="needs apt")
def test_looking_at_the_sources_signatures_leaves_nothing(tmp_path: Path) -> None:
    """It left 3.4 MB of caches in the root folder of each host."""
    root, repository = tmp_path / "root", tmp_path / "repository"
    for folder in ("etc/apt/sources.list.d", "etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/dpkg"):
        (root / folder).mkdir(parents=True)
    installed = (
        "Package: installed\nStatus: install ok installed\nVersion: 1\nArchitecture: all\nMaintainer: nobody\n\n"
    )
    (root / "var/lib/dpkg/status").write_text(installed)
    # A source on this machine: nothing is asked for over the network.
    repository.mkdir()
    (repository / "Packages").touch()
    digest, date = hashlib.sha256(b"").hexdigest(), format_datetime(datetime.now(UTC))
    (repository / "Release").write_text(f"Suite: test\nDate: {date}\nSHA256:\n {digest} 0 Packages\n")
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{repository} ./\n")
    elsewhere = f"apt-get update -o Dir={root} -o Dir::State::status={root}/var/lib/dpkg/status"
    command = SIGNED_UPDATE.replace("apt-get update", elsewhere)
    assert command != SIGNED_UPDATE
    # As a host has it: this machine's own configuration may switch the caches off.
    configuration = tmp_path / "apt.conf"
    configuration.write_text('Dir::Etc::Parts "/dev/null"; Dir::Etc::Main "/dev/null";\n')
    environment = {"TMPDIR": str(tmp_path), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "APT_CONFIG": str(configuration)}
    before = sorted(tmp_path.rglob("*"))
    done = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(tmp_path.rglob("*")) == before
