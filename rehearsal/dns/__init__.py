"""DNS made real: public zones on the rehearsal's Internet, private ones behind Azure's resolver 168.63.129.16.

Three services, each in a container of its own: ``public-dns`` (knot at 203.0.113.53, with the declared public zones,
the few names of the rehearsal's Internet, and a root zone without any other name), ``private-dns`` (knot on the
router's loopback) and ``resolver`` (dnsmasq at 168.63.129.16, which hosts query).

Where it differs from DNS at large: nothing is cached, delegated or signed, a CNAME into another zone is not followed,
and every name below vault.azure.net resolves to the one stand-in for Key Vault.
"""

from rehearsal.dns.services import Servers, internet_zones, servers, start

__all__ = ["Servers", "internet_zones", "servers", "start"]
