"""The management host: the one way in, the package mirror and time server of all others, and what watches them."""

from __future__ import annotations

from urllib.parse import urlsplit

from hosts.roles import apt, monitoring, scanning
from hosts.roles.context import Context
from hosts.states import Directory, State, Unit

CACHE = "/var/cache/nginx"


def states(context: Context) -> list[State]:
    """A caching mirror of the stack's package sources, and the monitoring. Way in and time are the base role's work."""
    sources = [(source, urlsplit(source.uri)) for source in context.inventory.packages.sources]
    transfer = context.inventory.transfer
    folder = Directory(path="/etc/nginx")
    # Before the package, which then starts nginx with it: workers of another configuration would go on answering for a
    # moment after a reload, and say 404 to a host that has just seen the mirror answer.
    configuration = context.template(
        "/etc/nginx/nginx.conf",
        "management/nginx.conf.j2",
        needs=(folder.identity,),
        sources=sources,
        mirror_path=apt.MIRROR_PATH,
        signatures=urlsplit(transfer.signature_source) if transfer and transfer.signature_source else None,
        signatures_path=scanning.SIGNATURES_PATH,
        cache=CACHE,
    )
    cache = Directory(path=CACHE, owner="www-data", group="www-data", mode=0o750)
    package = apt.packages(context, "nginx", more_needs=(configuration.identity, cache.identity))[0]
    service = Unit(
        unit="nginx.service",
        reload_on=(configuration.identity,),
        check=("/usr/sbin/nginx", "-t", "-q"),
        port=80,
        needs=(package.identity,),
    )
    return [folder, configuration, cache, package, service, *monitoring.states(context)]
