"""What a host knows of itself beyond the node exporter's own: its backups, its drop, its certificates.

``python3 metrics.py SETTINGS`` is run every minute by a timer, as root, with the standard library alone. It writes one
file a kind, ``livegang-KIND.prom``, into the node exporter's folder, each in one move. What cannot be found out is left
out of its file and reported in the journal: then the file stays old, and the monitoring reports that.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SECONDS = 50
Sample = tuple[str, dict[str, str], float]
"""Name, labels, value."""

HELP = {
    "livegang_backup_completed_timestamp_seconds": "When the newest sound backup ended; 0 where there is none.",
    "livegang_backup_status": "pgBackRest's status of the stanza; 0 is well.",
    "livegang_service_reported_timestamp_seconds": "When a service of the drop last reported its state; 0 where never.",
    "livegang_service_blocked": "1 while a service of the drop can do nothing.",
    "livegang_service_waiting_files": "Files that wait for a service of the drop.",
    "livegang_service_oldest_waiting_seconds": "How long the oldest of them waits.",
    "livegang_service_refused_files": "Files that a service of the drop cannot bring any further by itself.",
    "livegang_certificate_expires_timestamp_seconds": "When a certificate of the internal authority ends.",
}


def backups(settings: dict[str, Any], info: Callable[[dict[str, Any]], str]) -> Iterable[Sample]:
    """The newest backup of each kind, and whether pgBackRest is content."""
    stanzas = [row for row in json.loads(info(settings)) if row["name"] == settings["stanza"]]
    found = [backup for row in stanzas for backup in row["backup"] if not backup["error"]]
    for kind, types in (("any", ("full", "diff", "incr")), ("full", ("full",))):
        ends = [backup["timestamp"]["stop"] for backup in found if backup["type"] in types]
        yield "livegang_backup_completed_timestamp_seconds", {"kind": kind}, max(ends, default=0)
    yield "livegang_backup_status", {}, max((row["status"]["code"] for row in stanzas), default=1)


def pgbackrest(settings: dict[str, Any]) -> str:
    """What pgBackRest has, asked as the account that may."""
    command = ["/usr/sbin/runuser", "-u", settings["user"], "--", "/usr/bin/pgbackrest"]
    return subprocess.run(
        [*command, f"--stanza={settings['stanza']}", "--output=json", "info"],
        cwd="/", capture_output=True, text=True, timeout=SECONDS, check=True,
    ).stdout  # fmt: skip


def drop(settings: dict[str, Any]) -> Iterable[Sample]:
    """How the services of the drop say that they are, from their status files."""
    for service, path in settings["services"].items():
        labels = {"service": service}
        status = json.loads(Path(path).read_text()) if Path(path).exists() else {}
        yield "livegang_service_reported_timestamp_seconds", labels, status.get("at", 0)
        if status:
            yield "livegang_service_blocked", labels, int(status["blocked"] is not None)
            yield "livegang_service_waiting_files", labels, status["waiting"]
            yield "livegang_service_oldest_waiting_seconds", labels, status["oldest_waiting_seconds"]
            yield "livegang_service_refused_files", labels, status.get("refused", 0)


def certificates(settings: dict[str, Any]) -> Iterable[Sample]:
    """The end of each certificate file."""
    for path in settings["files"]:
        said = subprocess.run(
            ["openssl", "x509", "-noout", "-enddate", "-in", path],
            capture_output=True, text=True, timeout=SECONDS, check=True,
        ).stdout  # fmt: skip
        end = ssl.cert_time_to_seconds(said.strip().removeprefix("notAfter="))
        yield "livegang_certificate_expires_timestamp_seconds", {"file": path}, end


def written(samples: Iterable[Sample]) -> str:
    """In the form that the node exporter reads."""
    lines: list[str] = []
    for name, labels, value in sorted(samples, key=lambda sample: sample[0]):
        if f"# HELP {name} {HELP[name]}" not in lines:
            lines += [f"# HELP {name} {HELP[name]}", f"# TYPE {name} gauge"]
        inside = ",".join(f'{label}="{content}"' for label, content in labels.items())
        lines.append(f"{name}{{{inside}}} {value}")
    return "\n".join(lines) + "\n"


def replace(path: Path, text: str) -> None:
    """Write and rename: the exporter reads the old file or the new one, never a partial one."""
    new = path.with_name(f".{path.name}.new")
    new.write_text(text)
    new.chmod(0o644)
    new.replace(path)


def main() -> None:
    settings = json.loads(Path(sys.argv[1]).read_text())
    kinds: dict[str, Callable[[dict[str, Any]], Iterable[Sample]]] = {
        "backups": lambda own: backups(own, pgbackrest),
        "drop": drop,
        "certificates": certificates,
    }
    for kind, own in settings["kinds"].items():
        begun = time.monotonic()
        try:
            replace(Path(settings["folder"]) / f"livegang-{kind}.prom", written(kinds[kind](own)))
        except (OSError, ValueError, KeyError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", "") or error).strip().splitlines()
            print(f"{kind}: not known after {time.monotonic() - begun:.1f} s: {(said or ['no word of why'])[-1]}")


if __name__ == "__main__":
    main()
