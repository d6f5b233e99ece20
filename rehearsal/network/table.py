"""One nftables table of a namespace: replaced atomically, and compared with what was put there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rehearsal.base.namespaces import NamespaceError, Namespaces


@dataclass(frozen=True)
class Rule:
    """A rule as the kernel holds it."""

    chain: str
    comment: str
    expression: str
    """Its expressions as canonical JSON, without counted packets."""


class Table:
    """A table that is entirely ours: anything in it that we did not put there was added by hand."""

    def __init__(self, namespaces: Namespaces, namespace: str, family: str, name: str) -> None:
        self._namespaces = namespaces
        self._place = namespace
        self._name = f"{family} {name}"
        self._content: str | None = None
        self._applied: Counter[Rule] = Counter()

    def apply(self, content: str) -> None:
        """Make the table so in one transaction: no packet ever meets half of it. Connections live on."""
        if content == self._content and Counter(self.rules()) == self._applied:
            return
        text = f"table {self._name} {{}}\ndelete table {self._name}\ntable {self._name} {{\n{content}\n}}\n"
        self._namespaces.run(self._place, ["nft", "-f", "-"], input=text)
        self._content, self._applied = content, Counter(self.rules())

    def rules(self) -> list[Rule]:
        """The rules that are there now, in order; none when the table is gone."""
        try:
            listing = self._namespaces.run(self._place, ["nft", "-j", "list", "table", *self._name.split()])
        except NamespaceError as error:
            if "No such file or directory" in str(error):
                return []
            raise
        documents = (item["rule"] for item in json.loads(listing)["nftables"] if "rule" in item)
        return [Rule(item["chain"], item.get("comment", ""), _canonical(item["expr"])) for item in documents]

    def drift(self) -> Drift:
        """What differs from the last `apply`; a changed rule is both missing and foreign."""
        there = Counter(self.rules())
        return Drift(missing=list((self._applied - there).elements()), foreign=list((there - self._applied).elements()))


@dataclass(frozen=True)
class Drift:
    missing: list[Rule]
    foreign: list[Rule]

    def missing_in(self, chains: Collection[str]) -> set[str]:
        """Comments of the rules that these chains lost."""
        return {rule.comment for rule in self.missing if rule.chain in chains}

    def foreign_in(self, chains: Collection[str]) -> list[Rule]:
        return [rule for rule in self.foreign if rule.chain in chains]


def _canonical(expressions: list[dict[str, Any]]) -> str:
    counted = [{"counter": None} if "counter" in expression else expression for expression in expressions]
    return json.dumps(counted, sort_keys=True)
