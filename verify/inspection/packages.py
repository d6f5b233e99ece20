"""A host's package sources: asked without a change to the host, which keeps no trace of it."""

from __future__ import annotations

SIGNED_UPDATE = (
    "lists=$(mktemp -d) && trap 'rm -rf $lists' EXIT; "
    "apt-get update -q -o Dir::State::Lists=$lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "
    "-o APT::Sandbox::User=root "
    "-o Acquire::http::Timeout=15 -o Acquire::Retries=0 -o Acquire::Languages=none "
    "-o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false"
)
"""Shell: fetches the signed release file of every source and verifies it, in a folder that is removed again.

Without names for its caches apt writes none. (An empty ``Dir::Cache`` would not do: it means ``/``.)
"""
