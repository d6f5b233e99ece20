"""Vantage points: places on the rehearsal's Internet side that one can log in to, to see what is reached from there.

Each is an sshd in a container of its own, whose resolver and trust store are those of the rehearsal's world; the
machine's own stay untouched. One reaches it with `livegang-way-in NAME ADDRESS 22`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from landscape.parties import OLD_HOSTER, VANTAGE_POINTS
from rehearsal.base.containers import Content, File
from rehearsal.base.settings import PUBLIC_DNS
from rehearsal.base.world import World
from rehearsal.network.places import RESIDENTS

_SSHD = """\
ListenAddress {address}:22
HostKey /etc/ssh/vantage
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
UseDNS no
PrintMotd no
# Checks of many hosts and endpoints come over few connections at once.
MaxSessions 100
MaxStartups 100:30:200
Subsystem sftp internal-sftp
"""

_START = """\
set -e
authority=/usr/local/share/ca-certificates/livegang-rehearsal.crt
cat $authority >> /etc/ssl/certs/ca-certificates.crt
ln -sf $authority /etc/ssl/certs/$(openssl x509 -hash -noout -in $authority).0
mkdir -p /run/sshd
exec /usr/sbin/sshd -D -e -f /etc/ssh/vantage.conf
"""


def start(world: World) -> None:
    """Start the vantage points' containers."""
    with ThreadPoolExecutor(len(VANTAGE_POINTS)) as pool:
        list(pool.map(lambda name: _start(world, name), VANTAGE_POINTS))


def _start(world: World, name: str) -> None:
    keys = world.settings.keys
    files: dict[str, Content] = {
        "/etc/hostname": f"{name}\n",
        "/etc/resolv.conf": f"nameserver {PUBLIC_DNS}\n",
        "/etc/ssh/vantage": File((keys / "vantage").read_bytes()),
        "/etc/ssh/vantage.conf": _SSHD.format(address=RESIDENTS[name]),
        "/root/.ssh/authorized_keys": File((keys / "operator.pub").read_bytes()),
        "/usr/local/share/ca-certificates/livegang-rehearsal.crt": (keys / "authority.pem").read_bytes(),
    }
    if name == OLD_HOSTER:
        # The key with which the old hoster sends files, where the stack looks for it by default.
        files["/root/.ssh/id_ed25519"] = File((keys / "old-hoster").read_bytes())
    world.containers.start(name, name, ["/bin/sh", "-c", _START], files=files)
