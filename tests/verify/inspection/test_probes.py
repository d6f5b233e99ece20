"""The probes against real listeners on this machine's loopback."""

from __future__ import annotations

import ast
import json
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http import client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from verify.inspection.probes import clock, drop, postgres, reach, site, smb_wire

PROBES = [clock, drop, postgres, reach, site, smb_wire]
PATIENCE = 60
"""Seconds for an answer that does come, however busy the machine is."""


def ask(probe: ModuleType, orders: object) -> Any:
    """Run a probe as a host would: its source alone, isolated from this project."""
    source = Path(str(probe.__file__)).read_text()
    result = subprocess.run(
        [sys.executable, "-I", "-c", source, json.dumps(orders)], capture_output=True, text=True, check=True
    )
    return json.loads(result.stdout)


@pytest.fixture
def listen() -> Iterator[Callable[..., int]]:
    """Start a TCP listener that treats each connection with a function; returns its port."""
    sockets = []

    def start(treat: Callable[[socket.socket], None] = lambda connection: None) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        sockets.append(server)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    treat(connection)

        threading.Thread(target=serve, daemon=True).start()
        port: int = server.getsockname()[1]
        return port

    yield start
    for server in sockets:
        server.close()


@pytest.mark.parametrize("probe", PROBES)
def test_a_probe_needs_nothing_but_the_standard_library(probe: ModuleType) -> None:
    tree = ast.parse(Path(str(probe.__file__)).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in imported} <= set(sys.stdlib_module_names)


def test_what_listens_is_connected_and_what_does_not_is_refused(listen: Callable[..., int]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: the kernel refuses
        ports = [listen(), unused.getsockname()[1]]
        orders = [{"address": "127.0.0.1", "port": port, "protocol": "tcp", "seconds": PATIENCE} for port in ports]
        assert [answer["outcome"] for answer in ask(reach, orders)] == ["connected", "refused"]


def test_what_does_not_answer_times_out() -> None:
    servers = []
    try:
        for _ in range(8):
            server = socket.create_server(("127.0.0.1", 0), backlog=0)
            # A full queue drops what comes: to the client it is a host that does not answer.
            fillers = [socket.socket() for _ in range(2)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(server.getsockname())
            servers += [server, *fillers]
        ports = [server.getsockname()[1] for server in servers[::3]]
        orders = [{"address": "127.0.0.1", "port": port, "protocol": "tcp", "seconds": 0.5} for port in ports]
        assert {answer["outcome"] for answer in ask(reach, orders)} == {"timeout"}
    finally:
        for server in servers:
            server.close()


def test_all_are_tried_concurrently() -> None:
    number = 8
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer_once_all_have_asked() -> None:
            clients = [server.recvfrom(100)[1] for _ in range(number)]
            for client in clients:
                server.sendto(b"here", client)

        threading.Thread(target=answer_once_all_have_asked, daemon=True).start()
        order = {"address": "127.0.0.1", "port": server.getsockname()[1], "protocol": "udp", "seconds": PATIENCE}
        assert [answer["outcome"] for answer in ask(reach, [order] * number)] == ["connected"] * number


def test_a_udp_service_is_connected_once_it_answers() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            data, address = server.recvfrom(100)
            server.sendto(data, address)

        threading.Thread(target=answer, daemon=True).start()
        order = {"address": "127.0.0.1", "port": server.getsockname()[1], "protocol": "udp", "seconds": PATIENCE}
        assert [a["outcome"] for a in ask(reach, [order])] == ["connected"]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, str]:
    """A self-signed certificate for localhost with its key, as a file and as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=30))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "pair.pem"
    path.write_bytes(pem + private)
    return path, pem.decode()


def postgresql(pair: Path, answer: bytes) -> Callable[[socket.socket], None]:
    """How PostgreSQL treats a client until it asks for the password or refuses it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)

    def treat(connection: socket.socket) -> None:
        length, code = struct.unpack(">II", connection.recv(8))
        if code == 80877103:
            connection.sendall(b"S")
            try:
                connection = context.wrap_socket(connection, server_side=True)
            except (ssl.SSLError, OSError):
                return
            length = struct.unpack(">I", connection.recv(4))[0]
            connection.recv(length - 4)
        connection.sendall(answer)
        connection.close()

    return treat


SCRAM = struct.pack(">cII", b"R", 8, 10)
NO_ENTRY = b"SFATAL\0C28000\0Mno pg_hba.conf entry for host\0\0"
REFUSED = struct.pack(">cI", b"E", len(NO_ENTRY) + 4) + NO_ENTRY


@pytest.mark.parametrize(
    ("answer", "order", "expected"),
    [
        (SCRAM, {}, {"tls": "TLSv1.3", "answer": "asks for scram-sha-256"}),
        (REFUSED, {}, {"tls": "TLSv1.3", "answer": "refused: no pg_hba.conf entry for host"}),
        (REFUSED, {"tls": False}, {"tls": None, "answer": "refused: no pg_hba.conf entry for host"}),
    ],
)
def test_postgresqls_answer_is_understood(
    listen: Callable[..., int],
    certificate: tuple[Path, str],
    answer: bytes,
    order: dict[str, object],
    expected: dict[str, object],
) -> None:
    pair, authority = certificate
    common = {"address": "127.0.0.1", "server_name": "localhost", "user": "u", "database": "d", "tls": True}
    port = listen(postgresql(pair, answer))
    assert ask(postgres, [{**common, "port": port, "authority": authority, **order}]) == [expected]


def test_a_certificate_for_another_name_is_an_error(listen: Callable[..., int], certificate: tuple[Path, str]) -> None:
    pair, authority = certificate
    order = {"address": "127.0.0.1", "server_name": "db01", "port": listen(postgresql(pair, SCRAM)), "user": "u"}
    (answer,) = ask(postgres, [{**order, "database": "d", "tls": True, "authority": authority}])
    assert answer["answer"].startswith("error: ")
    assert "db01" in answer["answer"]


class Site(BaseHTTPRequestHandler):
    """Answers as a component's sync path does, and keeps what it is sent."""

    records: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self.answer(301 if self.path == "/moved" else 200, {"status": "ok"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        identifiers = [record["id"] for record in body["records"]]
        fresh = [name for name in identifiers if name not in self.records]
        self.records.update(fresh)
        known = [name for name in identifiers if name not in fresh]
        self.answer(200, {"accepted": fresh, "duplicates": known, "state": ["a client's record"], "sequence": 1})

    def answer(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Location", "https://elsewhere/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Quiet."""


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # The probe speaks HTTPS to sites; its HTTP part is the same and needs no port 443 here.
    plain = client.HTTPConnection
    monkeypatch.setattr(client, "HTTPSConnection", lambda host, timeout, context: plain(host, timeout=timeout))
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_sites_redirect_is_seen_and_not_followed(http: str) -> None:
    answer = site.seen(site.ask, http, "/moved", secure=False)
    assert (answer["status"], answer["location"]) == (301, "https://elsewhere/")


def test_a_record_is_posted_twice_and_no_ones_data_is_kept(http: str) -> None:
    answer = site.seen(site.sync, http, "/sync", "record-1")
    assert answer["first"]["accepted"] == ["record-1"]
    assert (answer["second"]["accepted"], answer["second"]["duplicates"]) == ([], ["record-1"])
    assert "client" not in json.dumps(answer)


def test_no_answer_is_an_error_with_its_reason() -> None:
    assert "refused" in site.seen(site.ask, "127.0.0.1:9", "/", secure=False)["error"].lower()


def dns_server(answer: Callable[[bytes], bytes]) -> tuple[socket.socket, int]:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 0))

    def serve() -> None:
        data, address = server.recvfrom(512)
        server.sendto(answer(data), address)

    threading.Thread(target=serve, daemon=True).start()
    return server, server.getsockname()[1]


@pytest.mark.parametrize(
    ("flags", "records", "expected"),
    [
        (0x8180, 1, {"addresses": ["198.51.100.1"], "ttl": 60}),
        (0x8183, 0, {"error": "127.0.0.1 says NXDOMAIN"}),
    ],
)
def test_a_names_address_and_ttl_are_read(
    monkeypatch: pytest.MonkeyPatch, flags: int, records: int, expected: dict[str, object]
) -> None:
    def answer(query: bytes) -> bytes:
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton("198.51.100.1")
        return query[:2] + struct.pack(">HHHHH", flags, 1, records, 0, 0) + query[12:] + record * records

    server, port = dns_server(answer)
    monkeypatch.setattr(site, "resolver", lambda: "127.0.0.1")
    monkeypatch.setattr(site, "DNS_PORT", port)
    with server:
        seen = site.seen(site.dns, "ambulant.example.test")
    assert expected.items() <= seen.items()
