"""Pack the stand-in application: reproducibly, the same bytes wherever and whenever it is packed.

`python -m vivendi.build FOLDER` writes FOLDER/vivendi-standin-VERSION.tar and prints its SHA-256, which the component
manifests contain: so anyone can check that what runs on hosts is the code in this folder.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import tarfile
from pathlib import Path

from vivendi.vivendi_standin import VERSION

SOURCE = Path(__file__).resolve().parent / "vivendi_standin"


def file_name() -> str:
    """The artifact's file name, as in the manifests."""
    return f"vivendi-standin-{VERSION}.tar"


def pack() -> bytes:
    """The artifact's bytes, which depend on the code only: not on the files' times, owners, modes or order."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(_entry(SOURCE.name, tarfile.DIRTYPE, 0o755))
        for file in sorted(SOURCE.glob("*.py"), key=lambda path: path.name):
            content = file.read_bytes()
            entry = _entry(f"{SOURCE.name}/{file.name}", tarfile.REGTYPE, 0o644)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def build(folder: Path) -> tuple[Path, str]:
    """Write the artifact into ``folder``; returns the file and its SHA-256."""
    content = pack()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / file_name()
    if not file.exists() or file.read_bytes() != content:
        written = file.with_name(f"{file.name}.{os.getpid()}")
        written.write_bytes(content)
        written.replace(file)
    return file, hashlib.sha256(content).hexdigest()


def _entry(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.mtime = kind, mode, 0
    entry.uname = entry.gname = "root"
    return entry


def main() -> None:
    """Entry point of the command."""
    parser = argparse.ArgumentParser(description="Pack the stand-in for Vivendi reproducibly.")
    parser.add_argument("folder", type=Path)
    file, digest = build(parser.parse_args().folder)
    print(f"{digest}  {file}")


if __name__ == "__main__":
    main()
