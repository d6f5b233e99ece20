"""The shapes of the supported resource types, read from schema.json (see generate.py)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

SCHEMA_FILE = Path(__file__).with_name("schema.json")

Spec = Any
"""``"string"``, ``"integer"``, ``"number"``, ``"boolean"``, ``"any"``, or a dict with one key of ``array``, ``map``
(whose value is a Spec), ``object`` or ``enum`` (whose value is a name within the schema)."""


def configuration() -> list[str]:
    """The settings of the provider itself, without ``azure-native:``."""
    found: list[str] = document()["configuration"]
    return found


@cache
def document() -> dict[str, Any]:
    """The committed schema."""
    loaded: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return loaded


def resource(token: str) -> dict[str, Any]:
    """``api``, ``properties``, ``required`` and ``outputs`` of a type that the stand-in knows.

    Raises LookupError for one that is not in the file yet.
    """
    resources: dict[str, dict[str, Any]] = document()["resources"]
    if token not in resources:
        raise LookupError(
            f"{token} is not in {SCHEMA_FILE.name}. A new type: run `python -m rehearsal.provider.generate`."
        )
    return resources[token]


def input_object(name: str) -> dict[str, Any]:
    """``properties`` and ``required`` of a nested input shape."""
    found: dict[str, Any] = document()["inputs"][name]
    return found


def output_object(name: str) -> dict[str, Spec]:
    """Property names and specs of a nested output shape."""
    found: dict[str, Spec] = document()["outputs"][name]
    return found


def enum_values(name: str) -> list[str]:
    found: list[str] = document()["enums"][name]
    return found
