"""The gateway's front: TLS, listeners by host name, redirects and the firewall, as nginx configuration.

nginx hands every request to the balancer (HAProxy) on the loopback, with the name of the backend in a header that
replaces whatever a client sent under this name.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address

from rehearsal.gateway.model import Backend, Gateway, Listener, Redirect, Rule
from rehearsal.gateway.waf import Firewall

BALANCER_PORT = 8080
BACKEND_HEADER = "X-Livegang-Backend"
STATUS_PORT = 8082
"""Answers with the revision of the configuration that is served, on the loopback."""
LOGS = "/var/log/nginx"

# A worker that inspects a large JSON body does nothing else meanwhile; the others go on. They share their memory.
_GLOBAL = """\
daemon off;
user www-data;
worker_processes 4;
pid /run/nginx.pid;
error_log stderr warn;
include /etc/nginx/modules-enabled/*.conf;
events { worker_connections 1000; }
"""

# Azure gives the client's address with its port, after what the client itself sent. Towards the balancer no
# connection is kept: it may close one at any moment, and a POST that met that moment could not be sent again.
_HTTP = """\
include /etc/nginx/mime.types;
default_type application/octet-stream;
log_format gateway '$time_iso8601 $remote_addr $scheme://$host "$request" $status $body_bytes_sent ${request_time}s';
access_log /var/log/nginx/access.log gateway;
server_tokens off;
server_names_hash_bucket_size 128;
large_client_header_buffers 4 32k;
tcp_nodelay on;
map $http_x_forwarded_for $client_and_before {
    ""      "$remote_addr:$remote_port";
    default "$http_x_forwarded_for, $remote_addr:$remote_port";
}
map $http_upgrade $upstream_connection { "" close; default upgrade; }
map $request_uri $path_alone { "~^(?<asked>[^?]*)" $asked; }
"""

_PROXY = """\
proxy_pass http://127.0.0.1:{port};
proxy_http_version 1.1;
proxy_connect_timeout 5s;
proxy_read_timeout 86400s;
proxy_send_timeout 86400s;
proxy_set_header {header} "{backend}";
proxy_set_header Host $http_host;
proxy_set_header Connection $upstream_connection;
proxy_set_header Upgrade $http_upgrade;
proxy_set_header X-Forwarded-For $client_and_before;
proxy_set_header X-Forwarded-Proto $scheme;
proxy_set_header X-Forwarded-Port $server_port;
proxy_set_header X-Original-Host $http_host;
"""


def certificate_paths(folder: str, name: str) -> tuple[str, str]:
    """Where the chain and the private key of the gateway's certificate ``name`` are, in the container."""
    return f"{folder}/{name}.pem", f"{folder}/{name}.key"


def firewall_path(folder: str, number: int) -> str:
    """Where the directives of the ``number``-th firewall policy are, in the container."""
    return f"{folder}/firewall-{number}.conf"


def policy_ids(gateway: Gateway) -> list[str]:
    """The firewall policies that the gateway uses, lower-cased: its own first, then those of its listeners."""
    named = [gateway.policy, *(rule.listener.policy for rule in gateway.rules)]
    return list(dict.fromkeys(identifier.lower() for identifier in named if identifier))


def render(
    gateway: Gateway, address: IPv4Address, firewalls: Mapping[str, Firewall], folder: str, revision: str
) -> str:
    """nginx.conf for the gateway at ``address``.

    ``firewalls`` are its policies by lower-cased id; the files it names are in ``folder``.
    """
    largest = [policy.largest_body for policy in firewalls.values()]
    lines = [
        _HTTP,
        f"ssl_protocols {' '.join(gateway.tls.protocols)};",
        f"ssl_ciphers {':'.join(gateway.tls.ciphers)};" if gateway.tls.ciphers else "",
        "ssl_prefer_server_ciphers on;\nssl_session_cache shared:tls:4m;\nssl_session_tickets off;",
        # ModSecurity's own limit counts; nginx's must not be below it.
        f"client_max_body_size {max(largest) if largest and all(largest) else 0};",
    ]
    lines.append(f"server {{ listen 127.0.0.1:{STATUS_PORT}; access_log off; return 200 '{revision}'; }}")
    if gateway.policy:
        # Read once here and inherited: read in each server, the core rule set would be held that many times.
        lines.append(
            f"modsecurity_rules_file {firewall_path(folder, policy_ids(gateway).index(gateway.policy.lower()))};"
        )
    for port in gateway.ports:
        rules = [rule for rule in gateway.rules if rule.listener.port == port]
        if all(rule.listener.hosts for rule in rules):
            lines.append(_nobody(address, port, rules[0].listener, gateway.http2))
        lines += [_server(gateway, address, rule, firewalls, folder) for rule in rules]
    return f"{_GLOBAL}http {{\n{_indent(chr(10).join(lines))}}}\n"


def _server(
    gateway: Gateway,
    address: IPv4Address,
    rule: Rule,
    firewalls: Mapping[str, Firewall],
    folder: str,
) -> str:
    listener = rule.listener
    default = "" if listener.hosts else " default_server"
    lines = [f"listen {address}:{listener.port}{_tls(listener, gateway.http2)}{default};"]
    if listener.hosts:
        lines.append(f"server_name {' '.join(map(_server_name, listener.hosts))};")
    if listener.certificate:
        chain, key = certificate_paths(folder, listener.certificate)
        lines += [f"ssl_certificate {chain};", f"ssl_certificate_key {key};"]
    policy = (listener.policy or gateway.policy or "").lower()
    if policy and firewalls[policy].enabled:
        lines.append("modsecurity on;")
        if listener.policy:
            lines.append(f"modsecurity_rules_file {firewall_path(folder, policy_ids(gateway).index(policy))};")
    body = _proxy(rule.target) if isinstance(rule.target, Backend) else _redirect(rule.target)
    lines.append(f"location / {{\n{_indent(body)}}}")
    return f"# {rule.name}: listener {listener.name}\nserver {{\n{_indent(chr(10).join(lines))}}}"


def _nobody(address: IPv4Address, port: int, listener: Listener, http2: bool) -> str:
    """What a host name gets that no listener has: no certificate, no site."""
    reject = "ssl_reject_handshake on; " if listener.protocol == "https" else ""
    return f"server {{ listen {address}:{port}{_tls(listener, http2)} default_server; {reject}return 404; }}"


def _tls(listener: Listener, http2: bool) -> str:
    if listener.protocol == "http":
        return ""
    return " ssl http2" if http2 else " ssl"


def _server_name(host: str) -> str:
    """Azure's ``*`` stands anywhere and ``?`` for one character; nginx takes a leading ``*.`` or an expression."""
    if not set(host) & {"*", "?"} or (host.startswith("*.") and not set(host[2:]) & {"*", "?"}):
        return host
    return "~^" + host.replace(".", r"\.").replace("*", ".*").replace("?", ".") + "$"


def _proxy(backend: Backend) -> str:
    return _PROXY.format(port=BALANCER_PORT, header=BACKEND_HEADER, backend=backend.name)


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
    return f"return {redirect.status} {base}{rest};"


def _indent(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines() if line.strip())
