"""Validation of documents that people write: all mistakes together, each in one sentence with its place and remedy.

pydantic finds what is wrong with a single value. Contradictions between values (an address outside its subnet) are
found by checks that must run even when something else is wrong, or one would correct a mistake only to see the next.
They therefore work on what :func:`salvage` can save of the document.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, TypeVar, cast, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One mistake: its place, the problem, and the remedy."""

    path: Path
    problem: str
    """The rest of the sentence that begins with the key; contains the value."""
    remedy: str

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.problem}. {self.remedy}"


def dotted(path: Path) -> str:
    """``("hosts", "db01", "ports", 0)`` as ``hosts.db01.ports[0]``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def shown(value: object) -> str:
    """A value as it is in the file, shortened."""
    text = value if isinstance(value, str) else str(value)
    text = text if len(text) <= 70 else f"{text[:67]}…"
    return repr(text) if isinstance(value, str) else text


def nearest(word: str, known: Iterable[str]) -> str:
    """The remedy for an unknown word: the most similar known one, and all known ones."""
    names = sorted(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    suggestion = f"Did you mean {close[0]}? " if close else ""
    return f"{suggestion}Known here: {', '.join(names)}."


def present(*values: object) -> bool:
    """Whether salvage kept all of these values: a field that could not be read is None, whatever its type."""
    return all(value is not None for value in values)


def structural_mistakes(model: type[BaseModel], document: object) -> list[Mistake]:
    """The mistakes that pydantic finds, with the description of each field as the remedy."""
    try:
        model.model_validate(document)
    except ValidationError as error:
        return [_describe(model, dict(found)) for found in error.errors(include_url=False)]
    return []


def _describe(model: type[BaseModel], found: dict[str, Any]) -> Mistake:
    # "[key]" marks an error in a map's key; a key is shown like any other place.
    path: Path = tuple(part for part in found["loc"] if part != "[key]")
    owner, field = _field_at(model, path)
    expected = f"Expected: {field.description}." if field is not None and field.description else ""
    value = found["input"]
    if found["type"] == "extra_forbidden":
        known = _names(owner) if owner is not None else []
        return Mistake(path, f"unknown setting with value {shown(value)}", nearest(str(path[-1]), known))
    if found["type"] == "missing":
        return Mistake(path, "is missing", expected)
    reason = str(found["msg"]).removeprefix("Value error, ")
    if found["type"] == "string_pattern_mismatch":
        reason = "it does not have the right form"
    return Mistake(path, f"{shown(value)} is not valid ({reason[:1].lower()}{reason[1:]})", expected)


def _names(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


def _field_at(model: type[BaseModel], path: Path) -> tuple[type[BaseModel] | None, FieldInfo | None]:
    """The model that owns the end of ``path``, and the last described field on the way there."""
    owner: type[BaseModel] | None = model
    nearest_field: FieldInfo | None = None
    for position, part in enumerate(path):
        if owner is None:
            break
        field = _fields(owner).get(str(part))
        if field is None:
            break
        nearest_field = field
        inner, below = _model_in(field.annotation)
        if inner is None:
            break
        # A map or list of models: the next part is the entry's name or number.
        rest = path[position + 1 + below :]
        if not rest:
            return owner, nearest_field
        deeper_owner, deeper_field = _field_at(inner, rest)
        return deeper_owner, deeper_field or nearest_field
    return owner, nearest_field


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _model_in(annotation: object) -> tuple[type[BaseModel] | None, int]:
    """The model within ``Model``, ``Model | None``, ``dict[str, Model]`` or ``list[Model]``.

    With it how many parts of a path name its entry.
    """
    if get_origin(annotation) is UnionType:
        return _model_in(next(part for part in get_args(annotation) if part is not NoneType))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation, 0
    if get_origin(annotation) in (dict, list):
        last = get_args(annotation)[-1]
        if isinstance(last, type) and issubclass(last, BaseModel):
            return last, 1
    return None, 0


def salvage(model: type[Model], document: object) -> Model:
    """The part of ``document`` that can be used.

    Other values and entries of maps are None, whatever their type (see :func:`present`); other items of lists are left
    out.
    """
    given: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    values: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in given:
            values[name] = _salvaged(field, given[key])
        elif field.is_required():
            values[name] = _salvaged(field, None)
        else:
            values[name] = field.get_default(call_default_factory=True)
    return model.model_construct(None, **values)


def _salvaged(field: FieldInfo, value: object) -> object:
    annotation = field.annotation
    inner, below = _model_in(annotation)
    if inner is not None and below == 0:
        return None if value is None and NoneType in get_args(annotation) else salvage(inner, value)
    if get_origin(annotation) is dict:
        entries = value.items() if isinstance(value, Mapping) else ()
        return {name: _entry(inner, annotation, entry) for name, entry in entries}
    if get_origin(annotation) is list:
        items = value if isinstance(value, list) else ()
        return [kept for item in items if (kept := _entry(inner, annotation, item)) is not None]
    return _valid(Annotated[annotation, *field.metadata] if field.metadata else annotation, value)


def _entry(inner: type[BaseModel] | None, annotation: object, value: object) -> object:
    return salvage(inner, value) if inner is not None else _valid(get_args(annotation)[-1], value)


def _valid(annotation: Any, value: object) -> object:
    try:
        return cast(object, TypeAdapter(annotation).validate_python(value))
    except ValidationError:
        return None
