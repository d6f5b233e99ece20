"""Starting the vault family's two servers."""

from __future__ import annotations

import ssl

from console import ExpectedError
from landscape import parties
from rehearsal.base.settings import KEY_VAULT, METADATA
from rehearsal.base.world import World
from rehearsal.vault import metadata, rest
from rehearsal.vault.service import service


def start(world: World) -> None:
    """Serve the vaults at their address on the rehearsal's Internet, and the metadata service at its own on the router.

    Needs the namespaces `key-vault` and `router` with these addresses, and the certificate that `rehearsal.keys`
    issues. The servers end with the supervisor.
    """
    vault = service(world)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.minimum_version = ssl.TLSVersion.TLSv1_2
    certificate, key = world.settings.keys / "vault.pem", world.settings.keys / "vault.key"
    if not certificate.exists() or not key.exists():
        raise ExpectedError(
            f"The Key Vault's certificate is not in {world.settings.keys}.",
            hint="Make the rehearsal's keys: .venv/bin/python -m rehearsal.keys (make rehearse does it too)",
        )
    tls.load_cert_chain(certificate, key)
    rest.serve(vault, world.namespaces.listen(parties.KEY_VAULT, str(KEY_VAULT), 443), tls).start()
    metadata.serve(vault, world.namespaces.listen("router", str(METADATA), 80)).start()
