"""What one area's service needs to know: /etc/vivendi/AREA.conf, and beside it AREA.password.

    [service]
    listen = 10.77.2.4                  ; address to listen on; default 0.0.0.0
    port = 8001
    health_path = /health               ; default
    sync_path = /sync                   ; default

    [database]
    hosts = db01.vivendi.internal,db02.vivendi.internal   ; the one that accepts writes is used
    port = 5432                         ; default
    name = vivendi
    schema = ambulant
    role = vivendi_ambulant
    sslmode = verify-full               ; default
    sslrootcert = /etc/vivendi/authority.pem

    [documents]                         ; may be left out: then the area keeps no documents
    path = /documents
    share = //file01.vivendi.internal/ambulant
    credentials = /etc/vivendi/ambulant.smb.credentials

The password is alone in its file, so that the configuration can be read by anyone.
"""

from __future__ import annotations

import configparser
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path("/etc/vivendi")


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names file, section, key and what is wrong."""


@dataclass(frozen=True)
class Configuration:
    """One area's configuration, read and checked."""

    area: str
    listen: str
    port: int
    health_path: str
    sync_path: str
    schema: str
    connection: dict[str, str]
    """libpq's parameters, without the password."""
    password_file: Path
    documents_path: str = ""
    """Below it documents are stored; empty for an area that keeps none."""
    share: str = ""
    credentials_file: Path = Path()

    def password(self) -> str:
        """The database role's password, read anew at each connection so that a rotated one is found."""
        return self.password_file.read_text().rstrip("\n")


def read(area: str, folder: Path | None = None) -> Configuration:
    """Read an area's configuration from ``folder``, else from VIVENDI_CONFIGURATION, else from /etc/vivendi.

    Raises ConfigurationError.
    """
    folder = folder or Path(os.environ.get("VIVENDI_CONFIGURATION", FOLDER))
    file = folder / f"{area}.conf"
    parser = configparser.ConfigParser(interpolation=None, inline_comment_prefixes=(";",))
    try:
        parser.read_string(file.read_text(), source=str(file))
    except (OSError, configparser.Error) as error:
        raise ConfigurationError(f"{file}: {error}") from error

    def value(section: str, key: str, default: str | None = None) -> str:
        found = parser.get(section, key, fallback=default)
        if not found:
            raise ConfigurationError(f"{file}: [{section}] {key} is missing")
        return found

    def port(section: str, default: str | None = None) -> int:
        found = value(section, "port", default)
        if not found.isdecimal() or not 0 < int(found) < 65536:
            raise ConfigurationError(f"{file}: [{section}] port = {found} is no port (1 to 65535)")
        return int(found)

    hosts = value("database", "hosts").replace(" ", "")
    connection = {
        "host": hosts,
        "port": ",".join([str(port("database", "5432"))] * len(hosts.split(","))),
        "dbname": value("database", "name"),
        "user": value("database", "role"),
        "sslmode": value("database", "sslmode", "verify-full"),
        "target_session_attrs": "read-write",
        "application_name": f"vivendi-standin-{area}",
        # A database host that vanished without a word must not hold a request for minutes.
        "connect_timeout": "2",
        "tcp_user_timeout": "2000",
        "keepalives_idle": "10",
        "options": "-c statement_timeout=5000 -c lock_timeout=4000",
    }
    if parser.has_option("database", "sslrootcert"):
        connection["sslrootcert"] = value("database", "sslrootcert")
    documents: dict[str, Any] = {}
    if parser.has_section("documents"):
        documents = {
            "documents_path": value("documents", "path").rstrip("/"),
            "share": value("documents", "share"),
            "credentials_file": Path(value("documents", "credentials")),
        }
    return Configuration(
        area=area,
        listen=value("service", "listen", "0.0.0.0"),
        port=port("service"),
        health_path=value("service", "health_path", "/health"),
        sync_path=value("service", "sync_path", "/sync"),
        schema=value("database", "schema"),
        connection=connection,
        password_file=folder / f"{area}.password",
        **documents,
    )
