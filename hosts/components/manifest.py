"""Component manifests: what of Vivendi runs where, in a form that fits both the vendor's packages and the stand-in.

One YAML file a component, e.g. `hosts/components/ambulant.yaml`. The folder, and the folder that holds the files
they name, are values of the stack.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from console import ExpectedError
from console.documents import read_yaml
from console.validation import shown, structural_mistakes
from infra.inventory.model import Inventory
from landscape.secrets import AREA_DATABASE
from toolchain.folders import PROJECT, fill_in

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,30}$")]
"""Lower-case word: names folders, units and files."""
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f]$")]
"""One line of text: it is written into files that have more of them."""
SqlName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]{0,62}$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$")]
UrlPath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._~/-]*$")]
Port = Annotated[int, Field(ge=1024, le=65535, strict=True)]
SettingName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][\w.-]*$")]
OWN_SECTIONS = ("service", "database", "documents", "DEFAULT")
"""Sections of the component's configuration that are written from the landscape."""


def _not_root(user: str) -> str:
    if user == "root":
        raise ValueError("a component does not run as root")
    return user


def _further_sections(settings: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    if own := sorted(set(settings) & set(OWN_SECTIONS)):
        raise ValueError(f"the section {own[0]} is written from the landscape")
    return settings


class ManifestError(ExpectedError):
    """A manifest, or the artifact it names, cannot be used; says which file, which key and what would be right."""


class Part(BaseModel):
    """Base of every part: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Artifact(Part):
    """The component's archive: on the host it is unpacked to ``TARGET/NAME/NAME-VERSION``, with a link ``current``."""

    file: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")] = Field(
        description="a file's name, without a path, in the folder that the stack names as components.artifacts"
    )
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] = Field(
        description="64 hexadecimal digits in lower case, as `sha256sum FILE` shows them"
    )
    target: AbsolutePath = Field(description="a folder on the host such as /opt/vivendi")


class Service(Part):
    """The systemd unit that runs the component."""

    unit: Name = Field(description="a unit's name without .service, e.g. vivendi-pep")
    command: Line = Field(description="a command in one line, its program by absolute path")
    user: Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$"), AfterValidator(_not_root)] = Field(
        description="a Linux user of its own, e.g. vivendi"
    )


class Page(Part):
    """A path of the component's HTTP interface."""

    path: UrlPath = Field(description="an absolute path such as /health")


class ComponentDatabase(Part):
    """What the component has in PostgreSQL."""

    name: SqlName = Field(description="a database's name in lower case, e.g. vivendi")
    schema_: SqlName = Field(alias="schema", description="a schema's name in lower case, e.g. pep")
    role: SqlName = Field(description="a role's name in lower case, e.g. vivendi_pep")
    secret: Annotated[str, StringConstraints(pattern=r"^[a-z]+/[a-z0-9-]+$")] = Field(
        description="the purpose of the role's password, e.g. postgresql/pep"
    )


class Manifest(Part):
    """One component."""

    name: Name = Field(description="the component's name, which is also the file's, e.g. pep")
    title: Line = Field(description="one line of text")
    version: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9A-Za-z.+~-]*$")] = Field(
        description='a version in quotes, e.g. "1.10": without them YAML reads a number'
    )
    artifact: Artifact = Field(description="{file: …, sha256: …, target: …}")
    service: Service = Field(description="{unit: …, command: …, user: …}")
    packages: list[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.+-]+$")]] = Field(
        default_factory=list, description="a list of Debian packages it needs, or []"
    )
    port: Port = Field(description="a port from 1024 to 65535 that no other component has")
    health: Page = Field(description="{path: /health}")
    sync: Page = Field(description="{path: /sync}")
    documents: Page | None = Field(
        default=None, description="{path: /documents}, below which it keeps documents, or nothing"
    )
    database: ComponentDatabase = Field(description="{name: …, schema: …, role: …, secret: …}")
    settings: Annotated[dict[SettingName, dict[SettingName, Line]], AfterValidator(_further_sections)] = Field(
        default_factory=dict,
        description='a map {section: {key: "text"}} of further sections of the component\'s configuration',
    )


def load(folder: Path) -> list[Manifest]:
    """All manifests of a folder, by name. Raises ManifestError naming everything that is wrong in all of them."""
    files = sorted(folder.glob("*.yaml"))
    if not files:
        what = "holds no component manifest" if folder.is_dir() else "does not exist"
        raise ManifestError(
            f"{folder} {what}.",
            hint="components.manifests of the stack names the folder with one NAME.yaml for each component.",
        )
    manifests: dict[Path, Manifest] = {}
    mistakes: list[str] = []
    for file in files:
        try:
            document = read_yaml(file)
        except ExpectedError as error:
            mistakes.append(f"{error.reason} {error.hint}")
            continue
        if not isinstance(document, dict):
            what = "is empty" if document is None else f"holds no keys, but {shown(document)}"
            mistakes.append(f"{file} {what}. Write it after the one of another component.")
        elif wrong := structural_mistakes(Manifest, document):
            mistakes += [f"{file}: {mistake}" for mistake in wrong]
        else:
            manifests[file] = Manifest.model_validate(document)
    mistakes += _conflicts(manifests)
    if mistakes:
        lines = "\n".join(f"  {line}" for line in mistakes)
        raise ManifestError(f"Component manifests cannot be used. Nothing was touched.\n{lines}")
    return sorted(manifests.values(), key=lambda manifest: manifest.name)


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
    wanted = [manifest for manifest in manifests if manifest.name in inventory.endpoints]
    given = {purpose for host in inventory.hosts_of("application") for purpose in host.secrets}
    unknown = [manifest for manifest in wanted if manifest.database.secret not in given]
    if unknown:
        name, secret = unknown[0].name, unknown[0].database.secret
        raise ManifestError(
            f"{folder / name}.yaml: database.secret: {secret!r} is no secret of stack {inventory.stack}. "
            "Nothing was touched.",
            hint=f"Expected: {AREA_DATABASE.of(name)}.",
        )
    return wanted


def demand_artifacts(inventory: Inventory, manifests: Sequence[Manifest]) -> None:
    """Raises ManifestError, before any host is touched, when a file that the manifests name is missing or another."""
    checked: dict[tuple[str, str], str | None] = {}
    mistakes = []
    for manifest in manifests:
        artifact = manifest.artifact
        key = (artifact.file, artifact.sha256)
        if key not in checked:
            checked[key] = artifact_mistake(artifact_path(inventory, artifact.file), artifact.sha256)
        if mistake := checked[key]:
            folder = PROJECT / inventory.components.manifests
            mistakes.append(f"{folder / manifest.name}.yaml: artifact: {mistake}.")
    if mistakes:
        lines = "\n".join(f"  {line}" for line in mistakes)
        raise ManifestError(f"The components cannot be installed. Nothing was touched.\n{lines}")


def artifact_path(inventory: Inventory, file: str) -> Path:
    """Where the file that a manifest names has to be."""
    return PROJECT / fill_in(inventory.components.artifacts) / file


def artifact_mistake(path: Path, sha256: str) -> str | None:
    """What is wrong with an artifact, compared with its manifest's checksum; None when nothing is."""
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return f"the artifact {path} does not exist; put the file that the manifest names there"
    except OSError as error:
        return f"the artifact {path} cannot be read ({error.strerror}); put the file that the manifest names there"
    if digest != sha256:
        return (
            f"the artifact {path} has SHA-256 {digest}, but its manifest says {sha256}; put the right file there, "
            "or correct the manifest after you made sure that this is the right one"
        )
    return None
