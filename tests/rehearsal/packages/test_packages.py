"""Staging packages, and the link by which a rehearsal chooses a repository."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from console import ExpectedError
from rehearsal import packages
from rehearsal.base.settings import Settings
from rehearsal.image import Images
from rehearsal.packages import repository as staging
from tests.processes import command_lines

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("apt-get", "apt-ftparchive", "gpg"))),
    reason="staging needs root, apt-utils and gnupg",
)


@pytest.fixture
def images(tmp_path: Path) -> Images:
    """An image in which nothing is installed."""
    base = tmp_path / "images/0123/base"
    (base / "var/lib/dpkg").mkdir(parents=True)
    (base / "var/lib/dpkg/status").write_text("")
    return Images(base, base)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    folder.mkdir()
    monkeypatch.setenv("LIVEGANG_CACHE", str(folder))
    return folder


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A real package, made here: tests fetch nothing."""
    source = tmp_path / "hallo"
    (source / "DEBIAN").mkdir(parents=True)
    (source / "DEBIAN/control").write_text(
        "Package: hallo\nVersion: 1:1.0\nArchitecture: all\n"
        "Maintainer: Tests <tests@livegang.test>\nDescription: greets\n"
    )
    file = tmp_path / "hallo_1%3a1.0_all.deb"
    subprocess.run(["dpkg-deb", "--build", str(source), str(file)], check=True, capture_output=True)
    return file


@pytest.fixture
def no_download(package: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    asked: list[list[str]] = []

    def download(cache: Path, images: Images, wanted: list[str], log: object) -> list[Path]:
        asked.append(list(wanted))
        return [package]

    monkeypatch.setattr(staging, "_download", download)
    return asked


def test_the_repository_is_signed_by_the_key_next_to_it(
    cache: Path, images: Images, no_download: list[list[str]], tmp_path: Path
) -> None:
    repository = packages.stage(cache, images, ["hallo"], print)
    keyring = tmp_path / "keyring.gpg"
    subprocess.run(
        ["gpg", "--batch", "--dearmor", "--output", str(keyring), str(repository / "archive-key.asc")], check=True
    )
    signed = repository / "dists/bookworm/InRelease"
    subprocess.run(["gpgv", "--keyring", str(keyring), str(signed)], check=True, capture_output=True)
    listing = gzip.decompress(next(repository.rglob("Packages.gz")).read_bytes()).decode()
    assert "Package: hallo" in listing
    assert (repository / "pool/hallo_1%3a1.0_all.deb").is_file()
    assert "Filename: pool/hallo_1%3a1.0_all.deb" in listing


def test_it_is_staged_once_and_anew_for_other_packages_with_the_same_key(
    cache: Path, images: Images, no_download: list[list[str]]
) -> None:
    first = packages.stage(cache, images, ["hallo"], print)
    assert packages.stage(cache, images, ["hallo", "hallo"], print) == first
    second = packages.stage(cache, images, ["hallo", "welt"], print)
    assert second != first
    assert len(no_download) == 2
    assert (first / "archive-key.asc").read_text() == (second / "archive-key.asc").read_text()


def test_the_signing_key_is_its_owners_and_no_agent_stays(
    cache: Path, images: Images, no_download: list[list[str]]
) -> None:
    packages.stage(cache, images, ["hallo"], print)
    key = cache / "package-signing-key.asc"
    assert key.stat().st_mode & 0o077 == 0
    assert b"PRIVATE KEY" in key.read_bytes()
    assert not [line for line in command_lines().values() if "livegang-gpg-" in line]


def test_a_package_that_does_not_exist_is_reported_with_apts_reason(
    cache: Path, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = staging._run

    def without_update(*argv: str, **options: Path) -> str:
        return "" if "update" in argv else real(*argv, **options)

    monkeypatch.setattr(staging, "_run", without_update)
    with pytest.raises(ExpectedError, match="Unable to locate package gibtsnicht"):
        packages.stage(cache, images, ["gibtsnicht"], print)
    assert all(folder.suffix == ".partial" for folder in (cache / "packages").iterdir()), "no try looks like a success"


def test_choosing_another_repository_changes_a_link_and_not_the_folder(
    cache: Path, images: Images, no_download: list[list[str]], tmp_path: Path
) -> None:
    settings = Settings(tmp_path / "state")
    first = packages.stage(cache, images, ["hallo"], print)
    packages.select(settings, first)
    folder = settings.packages.stat().st_ino
    assert str((settings.packages / "debian").readlink()) == f"/srv/staged/{first.parent.name}/repository"
    second = packages.stage(cache, images, ["welt"], print)
    packages.select(settings, second)
    assert settings.packages.stat().st_ino == folder, "the server has it bound"
    assert str((settings.packages / "debian").readlink()) == f"/srv/staged/{second.parent.name}/repository"
    assert (settings.keys / "archive-key.asc").read_text() == (second / "archive-key.asc").read_text()
