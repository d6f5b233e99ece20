"""Preconditions: everything that fails is reported together, each in a sentence with a remedy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

import pytest

from rehearsal.base.settings import Settings
from rehearsal.control import ownership
from toolchain import checks, goals, kernel, system
from toolchain.__main__ import main
from toolchain.errors import CANNOT_REHEARSE, SetupError
from toolchain.folders import PROJECT
from toolchain.kernel import Failing, Probe
from toolchain.steps import Progress, Step

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces of its own need root")


def _sentences(found: list[Failing]) -> str:
    return "\n".join(f"{each.sentence} {each.remedy}" for each in found)


def test_another_system_than_linux_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    assert "This is Darwin, not Linux." in _sentences(checks.basics())


def test_an_ordinary_user_is_asked_to_become_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    found = _sentences(checks.for_booting(tmp_path / "state"))
    assert "Booting hosts needs root, and you are not root." in found
    assert "sudo" in found


def test_an_ordinary_user_learns_what_their_python_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LIVEGANG_CACHE", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "As root: apt-get install python3-venv" in _sentences(checks.basics())
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert checks.basics() == []  # root's is installed


def test_everything_that_fails_is_reported_together(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1 << 29))
    monkeypatch.setattr(checks, "MEMORY", 1 << 20)
    found = _sentences(checks.for_booting(tmp_path / "state"))
    assert "Booting hosts needs root" in found
    assert "Only 0.5 GiB are free" in found
    assert "of memory are available" in found


def test_a_state_folder_of_another_clone_is_refused_naming_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "state")
    ownership.claim(settings)
    assert "belongs to" not in _sentences(checks.for_booting(settings.state))
    other = tmp_path / "other"
    other.mkdir()
    _claim(settings, other, os.geteuid())
    assert f"belongs to another clone: {other}" in _sentences(checks.for_booting(settings.state))


def test_a_state_folder_of_another_user_is_refused_naming_it(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    _claim(settings, PROJECT, os.geteuid() + 1)
    assert f"The rehearsal in {tmp_path} belongs to another user" in _sentences(checks.for_booting(settings.state))


def test_a_state_folder_that_cannot_be_read_is_reported_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(self: Path) -> str:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", closed)
    monkeypatch.setattr(Path, "stat", closed)
    found = checks._claimed(tmp_path / "state")
    assert [each.sentence for each in found] == [f"{tmp_path}/state cannot be read: Permission denied."]


def test_a_clone_that_is_gone_claims_nothing(tmp_path: Path) -> None:
    settings = Settings(tmp_path)
    _claim(settings, tmp_path / "gone", os.geteuid())
    assert "belongs to" not in _sentences(checks.for_booting(settings.state))


def _claim(settings: Settings, clone: Path, user: int) -> None:
    """As :mod:`rehearsal.control.ownership` does in another clone or for another user."""
    owner = ownership.Owner(str(clone), user)
    (settings.state / "owner.json").write_text(json.dumps(asdict(owner)))


@needs_root
def test_a_feature_that_works_is_not_reported(tmp_path: Path) -> None:
    assert kernel._try(Probe("nothing", "test -d .", ""), tmp_path) is None


@needs_root
def test_a_feature_that_fails_gives_its_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probe = Probe("a file system", "mount -t no-such-system none .", "Take another kernel.")
    monkeypatch.setattr(kernel, "PROBES", (probe,))
    found = kernel.failing(tmp_path)
    assert len(found) == 1
    assert "This kernel does not support a file system: mount:" in found[0].sentence
    assert found[0].remedy == "Take another kernel."


@needs_root
def test_a_feature_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "SECONDS", 1)
    assert kernel._try(Probe("sleep", "sleep 60", ""), tmp_path) == "no answer within 1 s"


@needs_root
def test_probes_leave_nothing_behind(tmp_path: Path) -> None:
    def traces() -> list[str]:
        loops = subprocess.run(["losetup", "--all"], capture_output=True, text=True, check=True).stdout
        mounts = Path("/proc/mounts").read_text()
        return [line for line in (loops + mounts).splitlines() if str(tmp_path) in line]

    kernel.failing(tmp_path)
    assert traces() == []
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_probes_of_several_processes_do_not_meet(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        folders = [tmp_path / str(number) for number in range(24)]
        assert [found for found in pool.map(kernel.failing, folders) if found] == []


def test_missing_packages_are_named_with_the_command_that_installs_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    package = system.Package("some-package", "no-such-command", "purpose")
    with pytest.raises(SetupError) as caught:
        system.install(Progress("system packages", tmp_path / "log"), [package])
    assert "Missing on this machine: some-package." in str(caught.value)
    assert "apt-get install --no-install-recommends some-package" in str(caught.value)


def test_what_cannot_rehearse_says_what_works_here(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["rehearse"]) == CANNOT_REHEARSE
    said = capsys.readouterr().err
    assert "Booting hosts needs root" in said
    assert "make preview" in said
    assert "make test" in said


@pytest.fixture
def becomes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What a goal would become in the end, noted instead; nothing is prepared."""
    noted: list[str] = []
    monkeypatch.setenv("LIVEGANG_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(goals, "_become", lambda *command: noted.extend(command))
    monkeypatch.setattr(goals, "_toolchain", lambda packages=True: [])
    monkeypatch.setattr(goals, "_world", lambda state: [])
    return noted


def test_make_test_goes_on_without_hosts_and_says_why(
    becomes: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["test", "-k", "topology"]) == 0
    assert becomes[:2] == ["pytest", "--numprocesses=2"]
    assert becomes[2].startswith("--junitxml=")
    assert becomes[3:] == ["-k", "topology"]
    assert "Tests on booted hosts are skipped: Booting hosts needs root" in capsys.readouterr().out


def test_make_test_goes_on_when_a_feature_fails_only_after_the_packages_came(
    becomes: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(progress: Progress) -> None:
        raise SetupError("This kernel does not support nftables rules.", code=CANNOT_REHEARSE)

    monkeypatch.setattr(checks, "why_no_hosts", lambda state: None)
    monkeypatch.setattr(goals, "_world", lambda state: [Step("kernel features", fail)])
    assert main(["test"]) == 0
    assert becomes[0] == "pytest"
    assert "skipped: This kernel does not support nftables rules." in capsys.readouterr().out


def test_make_test_skips_nothing_where_hosts_were_found_to_boot(
    becomes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "why_no_hosts", lambda state: None)
    assert main(["test", "-k", "topology"]) == 0
    assert becomes[3:] == ["--with-hosts", "-k", "topology"]


def test_make_preview_needs_neither_root_nor_packages(becomes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert main(["preview", "--diff"]) == 0
    assert becomes == ["fab", "infra.preview", "--stack", "prod", "--offline", "--diff"]


@needs_root
def test_make_rehearse_as_an_ordinary_user_exits_with_5(clone_of_nobody: Path) -> None:
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    # The system's interpreter: the environment's may be below a folder that others cannot enter.
    python = shutil.which("python3", path="/usr/bin") or "python3"
    done = subprocess.run(
        [*as_nobody, "make", "rehearse", f"PYTHON={python}"],
        cwd=clone_of_nobody,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Booting hosts needs root, and you are not root." in done.stderr
    assert "What works here: make preview" in done.stderr
    assert "Traceback" not in done.stderr
    assert f"Error {int(CANNOT_REHEARSE)}" in done.stderr


@pytest.fixture
def clone_of_nobody() -> Iterator[Path]:
    """What make needs of the clone, where an ordinary user can read and write it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(PROJECT / "Makefile", folder)
        for package in ("toolchain", "rehearsal", "vivendi"):
            shutil.copytree(PROJECT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        for path in (folder, *folder.rglob("*")):
            os.chown(path, 65534, 65534)
        yield folder
