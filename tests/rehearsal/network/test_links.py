"""Interfaces that come and go while one looks at them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import cast

import pytest

from rehearsal.base.namespaces import NamespaceError, Namespaces
from rehearsal.network import links


class Vanishing:
    """Namespaces in which an interface is listed, cannot be deleted, and is listed ``still`` times more."""

    def __init__(self, still: int) -> None:
        self.left = 1 + still

    def run(self, name: str, argv: Sequence[str], input: str | None = None) -> str:
        if "-batch" in argv:
            raise NamespaceError('`ip -batch -` ended with 1: Cannot find device "port"')
        self.left -= 1
        port = {"ifname": "port", "flags": ["UP"], "addr_info": [], "operstate": "UP"}
        return json.dumps([port] if self.left >= 0 else [])


def test_an_interface_that_vanished_before_it_could_be_deleted_is_gone() -> None:
    links.remove(cast(Namespaces, Vanishing(still=0)), "router", "port")


def test_one_that_is_still_there_could_not_be_deleted() -> None:
    with pytest.raises(NamespaceError, match="Cannot find device"):
        links.remove(cast(Namespaces, Vanishing(still=1)), "router", "port")
