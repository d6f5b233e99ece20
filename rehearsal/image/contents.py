"""What is in the two images, apart from what Debian puts there itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SUITE = "bookworm"

_SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-include=/usr/share/locale/locale.alias",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
    # Only in the rehearsal: its hosts are thrown away, and a third of their converging would be fsync.
    "force-unsafe-io",
)

HOSTS = """\
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
"""

CLOUD_INIT = """\
# What Azure's Debian image leaves to its data source; here the supervisor writes a NoCloud seed for each host.
datasource_list: [NoCloud]
# The network is set from outside, as an address from Azure's DHCP would be.
network: {config: disabled}
# Setting a locale fails without the locales' data and ends cloud-init with an error.
locale: false
apt: {preserve_sources_list: true}
growpart: {mode: "off"}
resize_rootfs: false
"""


@dataclass(frozen=True)
class Contents:
    """One image: packages with what they need, then files of our own."""

    name: str
    packages: tuple[str, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    dpkg_options: tuple[str, ...] = _SLIM


BASE = Contents(
    "base",
    # As Azure's Debian 12 image has them, as far as they mean something without a kernel of one's own.
    packages=(
        *("systemd", "systemd-sysv", "dbus", "udev", "libpam-systemd", "openssh-server", "sudo", "cloud-init"),
        *("python3", "ca-certificates", "curl", "openssl", "iproute2", "iputils-ping", "netcat-openbsd", "nftables"),
        *("chrony", "unattended-upgrades", "e2fsprogs", "xfsprogs", "fdisk", "gdisk", "acl", "attr", "procps", "less"),
        *("locales", "logrotate", "bind9-host"),
    ),
    files={
        "etc/hosts": HOSTS,
        "etc/cloud/cloud.cfg.d/90_livegang.cfg": CLOUD_INIT,
    },
)

EDGE = Contents(
    "edge",
    packages=(
        *("nginx", "libnginx-mod-http-modsecurity", "modsecurity-crs", "haproxy", "knot", "knot-dnsutils"),
        *("dnsmasq-base", "openssh-server", "curl", "ca-certificates", "bind9-dnsutils", "python3", "openssl"),
        *("netcat-openbsd", "iproute2", "iputils-ping", "procps"),
    ),
    files={"etc/hosts": HOSTS},
)
