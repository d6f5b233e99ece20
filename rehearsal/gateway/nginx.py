"""The gateway's front end: TLS, listeners by host name, redirects and the firewall, as nginx configuration.

nginx passes every request to the balancer (HAProxy) on the loopback, with the backend's name in a header that replaces
any of that name from the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from rehearsal.base import templating
from rehearsal.gateway.model import Backend, Gateway, Listener, Redirect, RoutingRule
from rehearsal.gateway.waf import Firewall

BALANCER_PORT = 8080
BACKEND_HEADER = "X-Livegang-Backend"
STATUS_PORT = 8082
"""Loopback port that answers with the revision of the configuration that nginx serves."""
LOGS = "/var/log/nginx"

_TEMPLATE = Path(__file__).with_name("templates") / "nginx.conf.j2"


def certificate_paths(folder: str, name: str) -> tuple[str, str]:
    """Paths, in the container, of the chain and private key of the gateway's certificate ``name``."""
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"


def firewall_path(folder: str, number: int) -> str:
    """Path, in the container, of the directives of the ``number``-th firewall policy."""
    return f"{folder}/firewall-{number}.conf"


def policy_ids(gateway: Gateway) -> list[str]:
    """The firewall policies that the gateway uses, lower-cased: its own first, then those of its listeners."""
    named = [gateway.policy, *(rule.listener.policy for rule in gateway.rules)]
    return list(dict.fromkeys(identifier.lower() for identifier in named if identifier))


def render(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], folder: str, revision: str
) -> str:
    """nginx.conf for the gateway at ``address``.

    ``firewalls`` are its policies by lower-cased id; the files that it names are in ``folder``.
    """
    largest = [policy.largest_body for policy in firewalls.values()]
    return templating.render(
        _TEMPLATE,
        gateway=gateway,
        address=address,
        revision=revision,
        logs=LOGS,
        status_port=STATUS_PORT,
        balancer_port=BALANCER_PORT,
        backend_header=BACKEND_HEADER,
        largest_body=max(largest) if largest and all(largest) else 0,
        gateway_policy=_policy_path(gateway, gateway.policy, folder),
        ports=[_port(gateway, port, firewalls, folder) for port in gateway.ports],
    )


def _policy_path(gateway: Gateway, policy: str | None, folder: str) -> str | None:
    return firewall_path(folder, policy_ids(gateway).index(policy.lower())) if policy else None


def _port(gateway: Gateway, number: int, firewalls: Mapping[str, Firewall], folder: str) -> dict[str, Any]:
    """One port's sites, and how it answers host names that no site has."""
    rules = [rule for rule in gateway.rules if rule.listener.port == number]
    listener = rules[0].listener
    reject = {"tls": _tls(listener, gateway.http2), "https": listener.protocol == "https"}
    return {
        "number": number,
        "reject": reject if all(rule.listener.hosts for rule in rules) else None,
        "sites": [_site(gateway, rule, firewalls, folder) for rule in rules],
    }


def _site(gateway: Gateway, rule: RoutingRule, firewalls: Mapping[str, Firewall], folder: str) -> dict[str, Any]:
    listener, target = rule.listener, rule.target
    policy = (listener.policy or gateway.policy or "").lower()
    return {
        "rule": rule.name,
        "listener": listener.name,
        "tls": _tls(listener, gateway.http2),
        "names": [_server_name(host) for host in listener.hosts],
        "certificate": certificate_paths(folder, listener.certificate) if listener.certificate else None,
        "inspected": bool(policy) and firewalls[policy].enabled,
        "policy": _policy_path(gateway, listener.policy, folder),
        "backend": target.name if isinstance(target, Backend) else None,
        "redirect": None if isinstance(target, Backend) else _redirect(target),
    }


def _tls(listener: Listener, http2: bool) -> str:
    if listener.protocol == "http":
        return ""
    return " ssl http2" if http2 else " ssl"


def _server_name(host: str) -> str:
    """nginx's server_name: Azure allows ``*`` and ``?`` anywhere, nginx a leading ``*.`` or an expression."""
    if not set(host) & {"*", "?"} or (host.startswith("*.") and not set(host[2:]) & {"*", "?"}):
        return host
    return "~^" + host.replace(".", r"\.").replace("*", ".*").replace("?", ".") + "$"


def _redirect(redirect: Redirect) -> str:
    if redirect.listener is not None:
        usual = 443 if redirect.listener.protocol == "https" else 80
        port = "" if redirect.listener.port == usual else f":{redirect.listener.port}"
        base = f"{redirect.listener.protocol}://$host{port}"
    else:
        base = (redirect.url or "").rstrip("/") if redirect.path else redirect.url or ""
    rest = {
        (True, True): "$request_uri",
        (True, False): "$path_alone",
        (False, True): ("/" if redirect.listener else "") + "$is_args$args",
        (False, False): "/" if redirect.listener else "",
    }[redirect.path, redirect.query]
    return f"{redirect.status} {base}{rest}"
