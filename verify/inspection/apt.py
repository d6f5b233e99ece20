"""Asking apt on a host, without a trace of it."""

from __future__ import annotations

SIGNED_UPDATE = (
    "lists=$(mktemp -d) && trap 'rm -rf $lists' EXIT; "
    "apt-get update -q -o Dir::State::Lists=$lists -o APT::Sandbox::User=root "
    # Without a folder of its own apt writes its caches to the root folder, where they would stay.
    "-o Dir::Cache=$lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "
    "-o Acquire::http::Timeout=15 -o Acquire::Retries=0 -o Acquire::Languages=none "
    "-o Acquire::IndexTargets::deb::Packages::DefaultEnabled=false"
)
"""Asks every source for its signed list of lists and verifies it, without a change to the host's own lists."""
