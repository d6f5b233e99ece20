"""What all hosts have in common."""

from __future__ import annotations

from hosts.roles import access, apt, clock, exporters, firewall
from hosts.roles.context import Context
from hosts.states import Directory, State, Sysctl, TrustedCertificate, Unit

SETTINGS = {
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.accept_source_route": "0",
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.tcp_syncookies": "1",
}
"""No host is a router, and none accepts routes from others."""
INTERNAL_AUTHORITY = "/etc/ssl/livegang/internal-authority.pem"
"""Who signs the hosts' certificates; only services configured to do so trust it, not the entire host."""


def states(context: Context) -> list[State]:
    """Access, packages, time, firewall, log limits, trusted authorities, metrics."""
    return [
        *access.states(context),
        *apt.states(context),
        *_authorities(context),
        *clock.states(context),
        *(Sysctl(key=key, value=value) for key, value in SETTINGS.items()),
        *_log_limits(context),
        *exporters.node(context),
        # Last, so that a mistake in it cannot keep the others away.
        *firewall.states(context),
    ]


def _authorities(context: Context) -> list[State]:
    authority = context.inventory.internal_authority
    return [
        *(
            TrustedCertificate(label=f"livegang-{number}", pem=pem)
            for number, pem in enumerate(context.inventory.trusted_authorities, start=1)
        ),
        Directory(path="/etc/ssl/livegang"),
        context.template(INTERNAL_AUTHORITY, "base/certificate.pem.j2", pem=authority),
    ]


def _log_limits(context: Context) -> list[State]:
    folder = "/etc/systemd/journald.conf.d"
    limits = context.template(f"{folder}/10-livegang.conf", "base/journald.conf.j2")
    return [
        Directory(path=folder),
        limits,
        Unit(unit="systemd-journald.service", enabled=None, restart_on=(limits.identity,)),
    ]
