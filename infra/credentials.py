"""The name under which stacks keep the generators of `infra.components.credentials`; nothing imports it.

Pulumi stores with each dynamic resource a pickle of its provider, which consists of a module's path and a class name.
Stacks know the generators by this path: it must stay as long as one of them exists. See ADR 21.
"""

from infra.components.credentials import (
    _AuthorityGenerator,
    _CertificateGenerator,
    _HostKeyGenerator,
    _PasswordGenerator,
)

__all__ = ["_AuthorityGenerator", "_CertificateGenerator", "_HostKeyGenerator", "_PasswordGenerator"]
