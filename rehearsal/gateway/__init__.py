"""The stand-in Application Gateway: nginx with ModSecurity and the OWASP core rule set in front of HAProxy.

nginx (service `gateway`) terminates TLS, chooses the site by host name, redirects, and has the firewall inspect every
request; HAProxy (service `gateway-balancer`) chooses a server, probes all servers, retries and drains. Both run in the
namespace `gateway`, which has an address in the gateway's subnet to which its public address is translated.

Where it differs from Azure: one instance instead of several, one gateway a rehearsal, Debian's core rule set for
whichever managed rule set is declared, and a renewed certificate is used immediately instead of within four hours.
"""
