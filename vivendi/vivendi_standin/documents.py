"""An area's documents, on its share of the file host, over encrypted SMB 3.1.1.

Through `smbclient`, because a share cannot be mounted everywhere (the rehearsal's hosts have no CIFS in their kernel).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from .database import Unavailable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""No character that a shell, smbclient or a file system could read as something else."""
SECONDS = 20
ABSENT = ("NT_STATUS_OBJECT_NAME_NOT_FOUND", "NT_STATUS_NO_SUCH_FILE")


class Absent(Exception):
    """There is no document of this name."""


class Documents:
    """Stores, reads and removes whole documents."""

    def __init__(self, share: str, credentials: Path) -> None:
        self._share = share
        self._credentials = credentials

    def store(self, name: str, content: bytes) -> None:
        """Write a document, over an older one of its name. Raises Unavailable."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(content)
            file.flush()
            self._order(f'put "{file.name}" "{name}"')

    def fetch(self, name: str) -> bytes:
        """A document's content. Raises Absent, Unavailable."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "document")
            self._order(f'get "{name}" "{file}"')
            return file.read_bytes()

    def remove(self, name: str) -> None:
        """Take a document away. Raises Absent, Unavailable."""
        self._order(f'del "{name}"')

    def _order(self, command: str) -> None:
        options = [
            f"--authentication-file={self._credentials}",
            "--max-protocol=SMB3_11",
            "--option=clientminprotocol=SMB3_11",
            "--client-protection=encrypt",
            f"--timeout={SECONDS // 2}",
        ]
        try:
            done = subprocess.run(
                ["smbclient", self._share, *options, "-c", command],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise Unavailable("smbclient is not installed") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"the file host did not answer within {SECONDS} s") from None
        said = f"{done.stdout}\n{done.stderr}"
        if any(sign in said for sign in ABSENT):
            raise Absent
        statuses = re.findall(r"NT_STATUS_\w+", said)
        if done.returncode != 0 or statuses:
            raise Unavailable(f"the file host says {statuses[0] if statuses else 'nothing that is understood'}")
