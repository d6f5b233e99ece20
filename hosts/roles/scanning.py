"""What scans the drop's files: clamd with its signatures, and the service of `hosts/services/scanner`."""

from __future__ import annotations

import json
from pathlib import Path

from hosts.roles import apt, drop
from hosts.roles.context import Context, text
from hosts.states import Directory, File, Group, State, Unit, User
from landscape.names import SCANNER, TRANSFER_FOLDER, files_log, status_file

SOURCE = Path(__file__).resolve().parent.parent / "services" / "scanner"
LIBRARY = "/usr/local/lib/livegang"
PACKAGE = f"{LIBRARY}/transfer_scanner"
SETTINGS = f"/etc/livegang/{SCANNER}.json"
DELIVERY_MODULES = ("courier.py", "delivery.py", "delivery_settings.py", "share.py")
"""Modules of the delivery service alone: see :mod:`hosts.roles.delivery`."""
CLEAN_READERS = "transfer-clean"
"""Group of whoever carries clean files on."""
SIGNATURES = "/var/lib/clamav"
SIGNATURES_PATH = "/signatures"
"""Path on the management host below which it passes on ClamAV's signed database."""
STATUS = status_file(SCANNER)
CLAMD_SOCKET = "/run/clamav/clamd.ctl"
SETTLE_SECONDS = 2
LARGEST_CLAMD_MB = 4000
"""clamd counts what it scans of one file in 32 bits."""


def states(context: Context) -> list[State]:
    """clamd first, then the service; its own limits and clamd's are the same numbers."""
    return [*_clamd(context), *_service(context)]


def _expansion_mb(context: Context) -> int:
    return min(2 * drop.wanted(context).largest_file_mb, LARGEST_CLAMD_MB)


def _clamd(context: Context) -> list[State]:
    wanted = drop.wanted(context)
    packages = apt.packages(context, "clamav-daemon", "clamav-freshclam")
    installed = tuple(package.identity for package in packages)
    own: list[State] = [
        text(f"{SIGNATURES}/{name}", content, owner="clamav", group="clamav", needs=installed)
        for name, content in sorted(wanted.signatures.items())
    ]
    signed = ("main.c?d", "daily.c?d") if wanted.signature_source else ()
    configuration = context.template(
        "/etc/clamav/clamd.conf",
        "transfer/clamd.conf.j2",
        needs=installed,
        socket=CLAMD_SOCKET,
        signatures=SIGNATURES,
        largest_file_mb=wanted.largest_file_mb,
        expansion_mb=_expansion_mb(context),
    )
    freshclam = context.template(
        "/etc/clamav/freshclam.conf",
        "transfer/freshclam.conf.j2",
        needs=installed,
        mirror=f"http://{context.management.fqdn}{SIGNATURES_PATH}",
    )
    folders = [f"/etc/systemd/system/clamav-daemon.{kind}.d" for kind in ("service", "socket")]
    drop_ins = [
        context.template(
            f"{folder}/10-livegang.conf",
            "transfer/clamd.unit.j2",
            needed=[f"{SIGNATURES}/{name}" for name in (*sorted(wanted.signatures), *signed)],
            is_service=folder.endswith("service.d"),
        )
        for folder in folders
    ]
    updates = bool(wanted.signature_source)
    return [
        *packages,
        *own,
        configuration,
        freshclam,
        *(Directory(path=folder) for folder in folders),
        *drop_ins,
        Unit(
            unit="clamav-freshclam.service",
            enabled=updates,
            running=updates,
            restart_on=(freshclam.identity,) if updates else (),
            needs=installed,
        ),
        Unit(unit="clamav-daemon.socket", needs=installed),
        Unit(
            unit="clamav-daemon.service",
            restart_on=tuple(state.identity for state in (configuration, *own, *drop_ins)),
            needs=(*installed, "unit clamav-daemon.socket", "unit clamav-freshclam.service"),
            # The first database is some hundred megabytes, and loading it takes half a minute.
            deadline=600,
        ),
    ]


def module(name: str) -> File:
    """One module of the programs on the transfer host."""
    return text(f"{PACKAGE}/{name}", (SOURCE / name).read_text())


def _service(context: Context) -> list[State]:
    wanted = drop.wanted(context)
    folder = TRANSFER_FOLDER
    modules = [module(file.name) for file in sorted(SOURCE.glob("*.py")) if file.name not in DELIVERY_MODULES]
    values = {
        "folder": folder,
        "clamd": CLAMD_SOCKET,
        "log": files_log(SCANNER),
        "state": f"/var/lib/{SCANNER}/state.json",
        "status": STATUS,
        "largest_file": wanted.largest_file_mb * 2**20,
        "largest_expansion": _expansion_mb(context) * 2**20,
        "settle": SETTLE_SECONDS,
        "patience": wanted.patience_seconds,
        "signed": wanted.signature_source is not None,
        "oldest_signatures": wanted.oldest_signatures_hours * 3600,
    }
    settings = text(SETTINGS, json.dumps(values, indent=2) + "\n")
    unit = context.template(
        f"/etc/systemd/system/{SCANNER}.service",
        "transfer/scanner.service.j2",
        user=SCANNER,
        readers=CLEAN_READERS,
        library=LIBRARY,
        package=PACKAGE.rpartition("/")[2],
        settings=SETTINGS,
        folder=folder,
    )
    private = [Directory(path=f"{folder}/{name}", owner=SCANNER, group=SCANNER, mode=0o700)
               for name in ("work", "infected", "unclear", "manifests")]  # fmt: skip
    return [
        Group(group=SCANNER),
        Group(group=CLEAN_READERS),
        User(user=SCANNER, group=SCANNER, groups=(CLEAN_READERS,), home=f"/var/lib/{SCANNER}"),
        *private,
        Directory(path=f"{folder}/clean", owner=SCANNER, group=CLEAN_READERS, mode=0o750),
        Directory(path=LIBRARY),
        Directory(path=PACKAGE),
        *modules,
        Directory(path="/etc/livegang"),
        settings,
        unit,
        Unit(
            unit=f"{SCANNER}.service",
            restart_on=tuple(state.identity for state in (unit, settings, *modules)),
            needs=(
                f"user {SCANNER}",
                f"directory {drop.INCOMING}",
                f"directory {folder}/clean",
                *(directory.identity for directory in private),
                "unit clamav-daemon.service",
            ),
        ),
    ]
