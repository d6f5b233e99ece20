"""The stand-in Key Vault and what it depends on: managed identities, role assignments, the metadata service.

What is real: the REST interface for reading secrets, over TLS at the vault's own name; the tokens that a virtual
machine gets for its identity, by its source address; and the evaluation of role assignments at every request.

A host obtains a secret as in Azure, in two requests:

1. ``GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net``
   with the header ``Metadata: true``; the answer's ``access_token`` lasts a day;
2. ``GET {vault_uri}secrets/{name}/{version}?api-version=7.4`` with ``Authorization: Bearer {access_token}``; the
   answer's ``value`` is the secret. 401 without a token, 403 for an identity without a role, 404 for no such secret.

Where it differs from Azure: what is deleted is purged immediately (no soft delete, no reserved names), a role counts
from the moment it is assigned (in Azure after minutes), the vault's network rules are recorded only, and secrets are
written through Pulumi only (the REST interface is read-only).
"""

from rehearsal.vault.identities import identities_of, principal_of
from rehearsal.vault.service import AccessRefused, VaultService, service
from rehearsal.vault.start import start

__all__ = ["AccessRefused", "VaultService", "identities_of", "principal_of", "service", "start"]
