"""One nftables table of a namespace: replaced atomically, and compared with what was applied last."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rehearsal.base.namespaces import NamespaceError, Namespaces


@dataclass(frozen=True)
class InstalledRule:
    """A rule as the kernel has it."""

    chain: str
    comment: str
    expression: str
    """Its expressions as canonical JSON, without packet counts."""


class Table:
    """A table that is entirely ours: whatever in it we did not apply was added by hand."""

    def __init__(self, namespaces: Namespaces, namespace: str, family: str, name: str) -> None:
        self._namespaces = namespaces
        self._place = namespace
        self._name = f"{family} {name}"
        self._content: str | None = None
        self._applied: Counter[InstalledRule] = Counter()

    def apply(self, content: str) -> None:
        """Replace the table in one transaction: no packet ever meets half of it. Connections stay up."""
        if content == self._content and Counter(self.rules()) == self._applied:
            return
        text = f"table {self._name} {{}}\ndelete table {self._name}\ntable {self._name} {{\n{content}\n}}\n"
        self._namespaces.run(self._place, ["nft", "-f", "-"], input=text)
        self._content, self._applied = content, Counter(self.rules())

    def rules(self) -> list[InstalledRule]:
        """The rules that the kernel has now, in order; none if the table is gone."""
        try:
            listing = self._namespaces.run(self._place, ["nft", "-j", "list", "table", *self._name.split()])
        except NamespaceError as error:
            if "No such file or directory" in str(error):
                return []
            raise
        documents = (item["rule"] for item in json.loads(listing)["nftables"] if "rule" in item)
        return [InstalledRule(item["chain"], item.get("comment", ""), _canonical(item["expr"])) for item in documents]

    def drift(self) -> Drift:
        """What differs from the last `apply`; a changed rule is both missing and foreign."""
        installed = Counter(self.rules())
        missing, foreign = self._applied - installed, installed - self._applied
        return Drift(list(missing.elements()), list(foreign.elements()))


@dataclass(frozen=True)
class Drift:
    missing: list[InstalledRule]
    foreign: list[InstalledRule]

    def missing_in(self, chains: Collection[str]) -> set[str]:
        """Comments of the rules that are missing in these chains."""
        return {rule.comment for rule in self.missing if rule.chain in chains}

    def foreign_in(self, chains: Collection[str]) -> list[InstalledRule]:
        return [rule for rule in self.foreign if rule.chain in chains]


def _canonical(expressions: list[dict[str, Any]]) -> str:
    counted = [{"counter": None} if "counter" in expression else expression for expression in expressions]
    return json.dumps(counted, sort_keys=True)
