"""Keys and certificates that are generated on the machine: :func:`ensure` makes what is missing and renews what ends.

Below the rehearsal's `keys` folder, each file readable by its owner only:

===================  ==================================================================================
operator             the operator's SSH key (OpenSSH form), with `operator.pub`
vantage              SSH host key of the vantage points, with `vantage.pub`
authority.pem, .key  the rehearsal's own certificate authority
gateway.pfx          the endpoints' certificate: PKCS#12 without password, with the authority in the chain
vault.pem, .key      certificate of the stand-in Key Vault's REST interface, with its private key
===================  ==================================================================================

They protect throwaway hosts that no network but the rehearsal's own can reach.
"""

from rehearsal.keys.ensure import Keys, ensure

__all__ = ["Keys", "ensure"]
