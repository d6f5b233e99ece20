"""Reading sub-resources of ARM properties, and collecting every mistake with its path."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from rehearsal.base.handler import Properties
from rehearsal.gateway.model import Protocol

# What gets into a configuration is checked completely: none of these can end a directive.
NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,79}", re.ASCII)
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
HOST_PATTERN = re.compile(r"[a-z0-9*?.-]+", re.IGNORECASE)
PATH = re.compile(r"/[\w/.~!&()*+,=:@%?-]*", re.ASCII)
URL = re.compile(r"https?://[\w/.~!&()*+,=:@%?-]+", re.ASCII)
STATUSES = re.compile(r"[1-5]\d\d(-[1-5]\d\d)?")

Found = TypeVar("Found")


class Reader:
    """Reads the properties of one gateway; ``problems`` collects what is wrong with them."""

    def __init__(self, identifier: str, properties: Properties) -> None:
        self.id = identifier
        self.given = properties
        self.problems: list[str] = []

    def wrong(self, path: str, reason: str) -> None:
        self.problems.append(f"{path}: {reason}.")

    def items(self, key: str) -> list[tuple[str, str, dict[str, Any]]]:
        """Name, path and properties of each sub-resource."""
        found: dict[str, tuple[str, str, dict[str, Any]]] = {}
        for index, item in enumerate(self.given.get(key) or []):
            name = item.get("name")
            if not NAME.fullmatch(str(name or "")):
                self.wrong(f"{key}[{index}].name", f"{name!r} is not a name: letters, digits, underscore, dot, hyphen")
            elif name in found:
                self.wrong(f"{key}[{index}]", f"the name {name!r} is used twice")
            else:
                found[name] = (name, f"{key}[{name}]", item)
        return list(found.values())

    def refer(self, path: str, reference: Any, key: str, named: dict[str, Found]) -> Found | None:
        """What a sub-resource id of this gateway, or its short form ``$self/{key}/{name}``, refers to."""
        text = str((reference or {}).get("id") or "")
        owner, _, name = text.rpartition(f"/{key}/")
        if not owner or owner.lower() not in (self.id.lower(), "$self"):
            self.wrong(path, f"{text!r} is not an id of this gateway's {key} (InvalidResourceReference)")
            return None
        if name not in named:
            self.wrong(path, f"there is no {name!r} in {key}; there are: {', '.join(named) or 'none'}")
            return None
        return named[name]

    def number(self, path: str, item: dict[str, Any], key: str, default: int, least: int, most: int) -> int:
        value = item.get(key)
        if value is None:
            return default
        if not isinstance(value, int | float) or not least <= value <= most:
            self.wrong(f"{path}.{key}", f"{value!r} is not a number from {least} to {most}")
            return default
        return int(value)

    def text(self, path: str, value: Any, form: re.Pattern[str]) -> str:
        """The text if it matches ``form``, otherwise an empty one."""
        text = str(value or "")
        if form.fullmatch(text):
            return text
        self.wrong(path, f"{text!r} is not valid here")
        return ""

    def protocol(self, path: str, item: dict[str, Any]) -> Protocol:
        match str(item.get("protocol", "Http")).lower():
            case "http":
                return "http"
            case "https":
                return "https"
        self.wrong(f"{path}.protocol", f"{item['protocol']!r} is neither Http nor Https")
        return "http"
