"""The package server on the rehearsal's Internet side: what Debian's mirror is in production."""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal.base.settings import PACKAGE_SERVER, Settings
from rehearsal.base.world import World
from rehearsal.packages.repository import KEY
from toolchain.folders import cache

NAMESPACE = "packages"
PATH = "debian"
"""The repository's place: http://packages.livegang.test/debian"""

_STAGED = "/srv/staged"
_SELECTED = "/srv/selected"

_NGINX = f"""\
user www-data;
worker_processes 1;
daemon off;
pid /run/nginx.pid;
error_log stderr;
events {{ worker_connections 256; }}
http {{
    access_log off;
    sendfile on;
    default_type application/octet-stream;
    server {{
        listen {PACKAGE_SERVER}:80;
        root {_SELECTED};
    }}
}}
"""


def select(settings: Settings, repository: Path) -> None:
    """Let this rehearsal's server show ``repository``, also while it runs, and put its key where the stack names it."""
    settings.packages.mkdir(parents=True, exist_ok=True)
    settings.packages.chmod(0o755)
    # A link inside a bound folder: the folder itself must stay the same, or the server would keep the old one.
    link = settings.packages / PATH
    temporary = link.with_name(f".{PATH}.{os.getpid()}")
    temporary.symlink_to(Path(_STAGED) / repository.relative_to(cache() / "packages"))
    temporary.replace(link)
    settings.keys.mkdir(parents=True, exist_ok=True, mode=0o700)
    (settings.keys / KEY).write_bytes((repository / KEY).read_bytes())


def start(world: World) -> None:
    """Start the server; without a selected repository it answers 404."""
    world.settings.packages.mkdir(parents=True, exist_ok=True)
    staged = cache() / "packages"
    staged.mkdir(parents=True, exist_ok=True)
    if not (world.settings.packages / PATH).is_symlink():
        world.log("no packages are staged: python -m rehearsal.packages")
    world.containers.start(
        "packages",
        NAMESPACE,
        ["/usr/sbin/nginx", "-c", "/etc/nginx/packages.conf"],
        files={"/etc/nginx/packages.conf": _NGINX, _STAGED: staged, _SELECTED: world.settings.packages},
    )
