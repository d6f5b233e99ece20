"""Component manifests: what of Vivendi runs where, in a form that fits the vendor's packages and the stand-in alike.

One YAML file a component, e.g. `hosts/components/ambulant.yaml`. The folder, and the folder that holds the files
they name, are values of the stack.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from console import ExpectedError
from infra.inventory import PROJECT, Inventory

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""Lower-case word: names folders, units and files."""
SqlName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$")]
Port = Annotated[int, Field(ge=1024, le=65535)]


class ManifestError(ExpectedError):
    """A manifest, or the artifact it names, cannot be used; says which file, which key and what would be right."""


class Part(BaseModel):
    """Base of every part: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Artifact(Part):
    """The component's archive."""

    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]
    """Name within the artifact folder."""
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    target: AbsolutePath
    """Folder on the host; the component is unpacked to ``TARGET/NAME/NAME-VERSION``, with a link ``current``."""


class Service(Part):
    """The systemd unit that runs the component."""

    unit: Name
    """Without ``.service``."""
    command: str
    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]


class Page(Part):
    """A path of the component's HTTP interface."""

    path: UrlPath


class ComponentDatabase(Part):
    """What the component has in PostgreSQL."""

    name: SqlName
    schema_: SqlName = Field(alias="schema")
    role: SqlName
    secret: str
    """Purpose of the role's password in the inventory, e.g. ``postgresql/ambulant``."""


class Manifest(Part):
    """One component."""

    name: Name
    title: str
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+~-]*$")]
    artifact: Artifact
    service: Service
    packages: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]] = Field(default_factory=list)
    """Debian packages it needs."""
    port: Port
    health: Page
    sync: Page
    documents: Page | None = None
    """Below this address the component stores and reads its area's documents; None where it has no such address."""
    database: ComponentDatabase
    settings: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Further sections of the component's configuration file: ``{section: {key: value}}``."""


def load(folder: Path) -> list[Manifest]:
    """All manifests of a folder, by name. Raises ManifestError naming everything that is wrong in all of them."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise ManifestError(
            f"{folder} holds no component manifest.",
            hint="components.manifests of the stack names the folder with one NAME.yaml for each component.",
        )
    manifests: dict[Path, Manifest] = {}
    mistakes: list[str] = []
    for file in files:
        try:
            manifests[file] = Manifest.model_validate(yaml.safe_load(file.read_text()))
        except yaml.YAMLError as error:
            mistakes.append(f"{file}: not YAML: {' '.join(str(error).split())}")
        except ValidationError as error:
            mistakes += [f"{file}: {_describe(part)}" for part in error.errors()]
    mistakes += _conflicts(manifests)
    if mistakes:
        raise ManifestError("\n".join(["Component manifests cannot be used:", *(f"  {line}" for line in mistakes)]))
    return sorted(manifests.values(), key=lambda manifest: manifest.name)


def _describe(error: object) -> str:
    assert isinstance(error, dict)
    key = ".".join(str(part) for part in error["loc"]) or "the file"
    if error["type"] == "extra_forbidden":
        return f"{key} is not a known key: {error['input']!r}. Remove it or correct its name."
    if error["type"] == "missing":
        return f"{key} is missing."
    return f"{key} = {error['input']!r}: {error['msg']}."


def _conflicts(manifests: dict[Path, Manifest]) -> list[str]:
    """What two components of one host cannot share."""
    mistakes = []
    taken: dict[tuple[str, object], Path] = {}
    for file, manifest in manifests.items():
        if file.stem != manifest.name:
            mistakes.append(f"{file}: name = {manifest.name!r}, but the file is named {file.stem}: they must be equal.")
        for what, value in (("name", manifest.name), ("port", manifest.port), ("service.unit", manifest.service.unit)):
            first = taken.setdefault((what, value), file)
            if first != file:
                mistakes.append(f"{file}: {what} = {value!r} is already that of {first.name}; each needs its own.")
    return mistakes


def of_inventory(inventory: Inventory) -> list[Manifest]:
    """The components of a stack's endpoints: each needs the manifest of its name. Raises ManifestError.

    A folder may hold more of them than a landscape has endpoints; what has no endpoint has no database either.
    """
    folder = PROJECT / inventory.components.manifests
    manifests = load(folder)
    names = {manifest.name for manifest in manifests}
    if missing := [endpoint for endpoint in inventory.endpoints if endpoint not in names]:
        raise ManifestError(
            f"{folder} has no manifest for the endpoint{'s' if len(missing) > 1 else ''} {', '.join(missing)}.",
            hint=f"Write {folder}/{missing[0]}.yaml after the one of another component.",
        )
    return [manifest for manifest in manifests if manifest.name in inventory.endpoints]


def artifact_path(inventory: Inventory, file: str) -> Path:
    """Where the file that a manifest names has to be."""
    return PROJECT / inventory.components.artifacts / file


def artifact_mistake(path: Path, sha256: str) -> str | None:
    """What is wrong with an artifact, compared with its manifest's checksum; None when nothing is."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return f"the artifact {path} does not exist; put the file that the manifest names there"
    if digest != sha256:
        return (
            f"the artifact {path} has SHA-256 {digest}, but its manifest says {sha256}; put the right file there, "
            "or correct the manifest after you made sure that this is the right one"
        )
    return None
