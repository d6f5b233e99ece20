"""The virtual environment: from requirements.lock with hashes, bytecode compiled, the toolkit itself editable."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

from toolchain.errors import SetupError
from toolchain.folders import PROJECT, cache
from toolchain.steps import Progress

VENV = PROJECT / ".venv"
LOCK = PROJECT / "requirements.lock"
UV_LOCK = Path(__file__).resolve().parent / "requirements-uv.txt"
"""uv, pinned by hash: it installs everything else, in seconds."""


def make(progress: Progress) -> str:
    """Create `.venv`, or bring it up to date with the lock file. Raises SetupError."""
    wanted = _fingerprint()
    mark = VENV / "livegang-fingerprint"
    if mark.exists() and mark.read_text() == wanted:
        return "already there"
    if not _usable():
        shutil.rmtree(VENV, ignore_errors=True)
        # Not uv's: the Python language host runs `python -m pip list` in it, so pip must be there.
        progress.run([sys.executable, "-m", "venv", VENV], hint="Debian: apt-get install python3-venv")
    mark.unlink(missing_ok=True)
    python = VENV / "bin" / "python"
    _install(progress, python)
    mark.write_text(wanted)
    return "from requirements.lock"


def _usable() -> bool:
    """Whether `.venv` exists, of this interpreter and made in this folder: one that was moved names its old folder."""
    try:
        configuration = (VENV / "pyvenv.cfg").read_text()
        pip = (VENV / "bin" / "pip").read_text().splitlines()[0]
    except OSError:
        return False
    version = ".".join(map(str, sys.version_info[:3]))
    return f"version = {version}" in configuration and pip.startswith(f"#!{VENV}/")


def _install(progress: Progress, python: Path) -> None:
    try:
        uv = _uv(progress)
        environment = os.environ | {"UV_CACHE_DIR": str(_uv_cache()), "UV_LINK_MODE": "copy"}
        options = ["--require-hashes", "--python", str(python)]
        progress.run([uv, "pip", "sync", *options, LOCK], environment=environment)
    except SetupError as error:
        # uv does not read pip.conf: where that names the only reachable index, pip works and uv does not.
        progress.say(f"uv failed ({error.message.splitlines()[0]}); trying pip")
        pip = ["--quiet", "--no-compile", "--require-hashes", "--requirement", str(LOCK)]
        progress.run([python, "-m", "pip", "install", *pip])
    progress.say("bytecode")
    progress.run([python, "-m", "compileall", "-q", "-j", "0", "-x", _unused(), VENV / "lib"])
    # Editable, with the build tools of the lock: nothing is fetched.
    editable = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--editable", str(PROJECT)]
    progress.run([python, "-m", "pip", "install", *editable])


def _unused() -> str:
    """A pattern for modules that are not compiled: the parts of the Azure SDK that the program does not import.

    They make up nine tenths of the environment, and compiling them takes longer than installing everything.
    """
    program = "\n".join(path.read_text() for path in (PROJECT / "infra").rglob("*.py"))
    used = sorted(set(re.findall(r"^import pulumi_azure_native\.(\w+)", program, flags=re.MULTILINE)))
    return rf"/pulumi_azure_native/(?!(?:{'|'.join(used)})/)[^/]+/"


def _uv(progress: Progress) -> Path:
    """uv, in its own environment in the cache."""
    text = UV_LOCK.read_text()
    digest = hashlib.sha256(f"{text}{sys.version}".encode()).hexdigest()[:12]
    folder = cache() / "uv" / digest
    uv = folder / "bin" / "uv"
    if not uv.exists():
        progress.say("uv, which installs the rest")
        progress.run([sys.executable, "-m", "venv", folder], hint="Debian: apt-get install python3-venv")
        options = ["--quiet", "--require-hashes", "--only-binary=:all:", "--requirement", str(UV_LOCK)]
        progress.run([folder / "bin" / "python", "-m", "pip", "install", *options])
    return uv


def _uv_cache() -> Path:
    return cache() / "uv" / "wheels"


def _fingerprint() -> str:
    content = LOCK.read_bytes() + (PROJECT / "pyproject.toml").read_bytes()
    return f"{hashlib.sha256(content).hexdigest()} {sys.version.split()[0]} {PROJECT}\n"
