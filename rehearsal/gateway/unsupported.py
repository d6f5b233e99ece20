"""What an Application Gateway may declare in Azure and the rehearsal's gateway does not have. Plain data."""

from __future__ import annotations

UNSUPPORTED = (
    "authenticationCertificates",
    "backendSettingsCollection",
    "customErrorConfigurations",
    "listeners",
    "loadDistributionPolicies",
    "privateLinkConfigurations",
    "rewriteRuleSets",
    "routingRules",
    "sslProfiles",
    "trustedClientCertificates",
    "urlPathMaps",
    "webApplicationFirewallConfiguration",
)
"""Properties that would change its answers: refused in the preview, and by the gateway itself. Others that it does not
read (sku, autoscaling, zones, tags) change how Azure runs it, and are recorded only."""
