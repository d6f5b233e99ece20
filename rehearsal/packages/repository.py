"""Staging: the packages that the hosts will install, downloaded once and put into a signed repository.

Hosts reach no registry. The packages come from the machine's own apt sources, resolved against what the base image
has installed (not the machine), and are served on the rehearsal's Internet side as Debian's mirror is in production.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from console import ExpectedError
from rehearsal.base.handler import Log
from rehearsal.base.locking import exclusive
from rehearsal.image import Images
from rehearsal.image.contents import SUITE
from toolchain.files import write_atomically

RECIPE = "2"
"""Raised when the repository is made in another way from the same packages."""

KEY = "archive-key.asc"
ORIGIN = "Livegang"
"""Origin and label of the repository, by which unattended-upgrades may accept it."""

_APT_CONFIGURATION = """\
Dir::State "{work}/state";
Dir::State::status "{status}";
Dir::Cache "{work}/cache";
Dir::Cache::archives "{archives}";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Acquire::Languages "none";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Update::Post-Invoke {{}};
DPkg::Post-Invoke {{}};
"""


def stage(cache: Path, images: Images, packages: Sequence[str], log: Log) -> Path:
    """The signed repository with ``packages`` and what they need beyond the base image; made if missing.

    Raises ExpectedError with apt's reason when a package does not exist or cannot be downloaded.
    """
    folder = cache / "packages" / _hash(images, packages)
    if not (folder / "repository").is_dir():
        check_tools()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(cache / "packages.lock", "stages packages", log):
            if not (folder / "repository").is_dir():
                for left_over in folder.parent.glob("*.partial"):
                    shutil.rmtree(left_over)
                partial = folder.with_suffix(".partial")
                _make(cache, images, packages, partial / "repository", log)
                partial.rename(folder)
    return folder / "repository"


def check_tools() -> None:
    """Raise ExpectedError where staging cannot work."""
    if os.geteuid() != 0:
        raise ExpectedError("Packages are staged as root only.", hint="sudo make rehearse")
    needed = {"apt-get": "apt", "apt-ftparchive": "apt-utils", "gpg": "gnupg"}
    missing = sorted({package for tool, package in needed.items() if shutil.which(tool) is None})
    if missing:
        raise ExpectedError(f"Tools are missing: {', '.join(missing)}.", hint=f"apt-get install {' '.join(missing)}")


def _make(cache: Path, images: Images, packages: Sequence[str], repository: Path, log: Log) -> None:
    architecture = _run("dpkg", "--print-architecture").strip()
    pool = repository / "pool"
    index = repository / f"dists/{SUITE}/main/binary-{architecture}"
    for path in (pool, index):
        path.mkdir(parents=True)
    repository.parent.chmod(0o755)
    for package in _download(cache, images, packages, log):
        os.link(package, pool / package.name)
    log("writing the repository's index")
    listing = _run("apt-ftparchive", "packages", "pool", folder=repository).encode()
    (index / "Packages").write_bytes(listing)
    (index / "Packages.gz").write_bytes(gzip.compress(listing, mtime=0))
    release = repository / f"dists/{SUITE}"
    about = {"Origin": ORIGIN, "Label": ORIGIN, "Suite": SUITE, "Codename": SUITE}
    about |= {"Architectures": architecture, "Components": "main"}
    options = [
        option for name, value in about.items() for option in ("-o", f"APT::FTPArchive::Release::{name}={value}")
    ]
    (release / "Release").write_text(_run("apt-ftparchive", *options, "release", str(release)))
    with _signing(cache) as gpg:
        _run(*gpg, "--clearsign", "--output", str(release / "InRelease"), str(release / "Release"))
        (repository / KEY).write_text(_run(*gpg, "--armor", "--export"))


def _download(cache: Path, images: Images, packages: Sequence[str], log: Log) -> list[Path]:
    """The .deb files of ``packages`` and of what they need; what an earlier staging fetched is not fetched again."""
    archives = cache / "archives"
    (archives / "partial").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="livegang-apt-") as work:
        configuration = Path(work) / "apt.conf"
        for folder in ("state/lists/partial", "cache", "nothing/partial"):
            (Path(work) / folder).mkdir(parents=True)
        status = images.base / "var/lib/dpkg/status"
        configuration.write_text(_APT_CONFIGURATION.format(work=work, status=status, archives=archives))
        log("reading the package lists")
        _run("apt-get", "-q", "update", apt=configuration)
        log(f"downloading {len(packages)} packages and what they need")
        # Also what the base image has already: who removes it from a host must be able to get it again.
        install = ("apt-get", "-q", "-y", "install", "--reinstall")
        _run(*install, "--download-only", *packages, apt=configuration)
        # Without any archives apt names all it would fetch, one a line: 'URI' file size hash
        nothing = f"Dir::Cache::archives={work}/nothing"
        named = _run(*install, "--print-uris", "-o", nothing, *packages, apt=configuration)
        return sorted(archives / line.split()[1] for line in named.splitlines() if line.startswith("'"))


@contextmanager
def _signing(cache: Path) -> Iterator[list[str]]:
    """The gpg command with the repository's key; its home and agent last no longer than this."""
    key = cache / "package-signing-key.asc"
    with tempfile.TemporaryDirectory(prefix="livegang-gpg-") as home:  # short: its agent's socket is inside
        gpg = ["gpg", "--batch", "--quiet", "--homedir", home]
        try:
            if not key.exists():
                user = "Livegang rehearsal packages <packages@livegang.test>"
                _run(*gpg, "--passphrase", "", "--quick-generate-key", user, "ed25519", "sign", "never")
                write_atomically(key, _run(*gpg, "--armor", "--export-secret-keys").encode())
            else:
                _run(*gpg, "--import", str(key))
            yield gpg
        finally:
            _run("gpgconf", "--homedir", home, "--kill", "all")


def _hash(images: Images, packages: Sequence[str]) -> str:
    parts = [RECIPE, images.base.parent.name, *sorted(set(packages))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _run(*argv: str, folder: Path | None = None, apt: Path | None = None) -> str:
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
    if apt:
        environment["APT_CONFIG"] = str(apt)
    result = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        said = "\n".join((result.stderr or result.stdout).strip().splitlines()[-12:])
        raise ExpectedError(
            f"Staging packages: `{argv[0]} {' '.join(argv[1:4])} …` ended with {result.returncode}:\n{said}",
            hint="The packages come from this machine's apt sources: does `apt-get update` work?",
        )
    return result.stdout
