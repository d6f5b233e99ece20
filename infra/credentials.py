"""An alias of `infra.components.credentials` for Pulumi's state; no module imports it.

Pulumi stores a pickle of its provider with each dynamic resource: the path of a module and the name of a class.
Existing stacks name this module, so it must stay as long as one of them exists. See ADR 21.
"""

from infra.components.credentials import (
    _AuthorityGenerator,
    _CertificateGenerator,
    _HostKeyGenerator,
    _PasswordGenerator,
)

__all__ = ["_AuthorityGenerator", "_CertificateGenerator", "_HostKeyGenerator", "_PasswordGenerator"]
