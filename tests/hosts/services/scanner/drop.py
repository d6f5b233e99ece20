"""A drop in a folder for the tests, with a table in clamd's place and a clock that the test moves."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from hosts.services.scanner.intake import Intake, Tally
from hosts.services.scanner.settings import Settings

EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*").encode()
LARGEST = 100_000


class TableScanner:
    """Stands for clamd: answers by what a file contains."""

    def __init__(self) -> None:
        self.reason: str | None = None
        self.answers: dict[bytes, str | Exception] = {
            EICAR: "Eicar FOUND",
            b"LIMIT": "Heuristics.Limits.Exceeded.MaxScanSize FOUND",
            b"ENCRYPTED": "Heuristics.Encrypted.Zip FOUND",
            b"BROKEN": "Can't allocate memory ERROR",
        }

    def scan(self, file: BinaryIO) -> str:
        content = file.read()
        for part, answer in self.answers.items():
            if part in content:
                if isinstance(answer, Exception):
                    raise answer
                return answer
        return "OK"

    def unfit(self, signed: bool, oldest: float) -> str | None:
        return self.reason


class Drop:
    """A drop in a folder, with a service whose clock the test moves."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = Settings(
            folder=folder, clamd=folder / "none", log=folder / "files.log", state=folder / "state.json",
            status=folder / "status.json", largest_file=LARGEST, largest_expansion=200_000, settle=2.0, patience=10.0,
            signed=False, oldest_signatures=3600.0,
        )  # fmt: skip
        for name in ("drop/incoming", "work", "clean", "infected", "unclear", "manifests"):
            (folder / name).mkdir(parents=True)
        self.scanner = TableScanner()
        self.journal: list[str] = []
        self.ahead = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + self.ahead)
        self.restart()

    def restart(self) -> None:
        self.intake = Intake(self.settings, self.scanner, self.journal.append)
        self.intake.recover()

    def put(self, path: str, content: bytes) -> Path:
        file = self.settings.incoming / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        return file

    def announce(self, manifest: str, *files: str, **wrong: str) -> None:
        """A manifest as sha256sum writes it, with its escapes."""
        lines = []
        for name in files:
            sum_ = wrong.get("sum") or hashlib.sha256((self.settings.incoming / name).read_bytes()).hexdigest()
            escaped = name.replace("\\", "\\\\").replace("\n", "\\n")
            lines.append(f"{'' if escaped == name else chr(92)}{sum_}  {escaped}\n")
        self.put(manifest, "".join(lines).encode("utf-8", "surrogateescape"))

    def run(self, after: float = 3.0) -> Tally:
        """One pass, that many seconds later."""
        self.ahead += after
        return self.intake.pass_once()

    def log(self) -> list[dict[str, Any]]:
        if not self.settings.log.exists():
            return []
        return [json.loads(line) for line in self.settings.log.read_text().splitlines()]

    def verdicts(self) -> dict[str, str]:
        return {entry["path"]: entry["verdict"] for entry in self.log()}

    def reason(self, path: str) -> str:
        return str(next(entry["reason"] for entry in self.log() if entry["path"] == path))

    def inside(self, place: str) -> list[bytes]:
        folder = self.settings.folder / place
        return [
            file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file() and file.name != "record.json"
        ]
