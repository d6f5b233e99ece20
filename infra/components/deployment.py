"""What every part of the program needs to know: the stack, where it goes, what is wanted, how things are named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pulumi

from console.validation import Mistake, nearest
from infra.components.naming import Names
from infra.stack.errors import TopologyError
from infra.stack.loading import load
from infra.stack.named_files import NamedFiles
from infra.stack.topology import KEY, Topology

PROJECT_KEYS = ("topology",)


@dataclass(frozen=True)
class Deployment:
    """The landscape of one stack: where it goes, what is declared, and how its resources are named."""

    stack: str
    location: str
    subscription: str
    topology: Topology
    files: NamedFiles
    names: Names

    @property
    def tags(self) -> dict[str, str]:
        """On every resource: what it belongs to, and that it should not be changed by hand."""
        return {"landscape": self.topology.landscape, "stack": self.stack, "managed-by": "livegang"}


def of_this_stack() -> Deployment:
    """Read and validate the running stack's configuration.

    Raises pulumi.RunError, which Pulumi shows without a traceback, with every mistake.
    """
    stack, root = pulumi.get_stack(), project_folder()
    try:
        _refuse_unknown_keys(stack)
        topology = load(_document(stack), stack, root)
    except TopologyError as error:
        raise pulumi.RunError(str(error)) from None
    azure = pulumi.Config("azure-native")
    subscription = azure.require("subscriptionId")
    return Deployment(
        stack=stack,
        location=azure.require("location"),
        subscription=subscription,
        topology=topology,
        files=NamedFiles(topology, root),
        names=Names(topology.landscape, stack, subscription),
    )


def project_folder() -> Path:
    """The folder of Pulumi.yaml, from which relative paths start.

    A language host built from an older module does not report it; then it is found from the program's own folder.
    """
    reported: str | None = pulumi.get_root_directory()
    if reported:
        return Path(reported)
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / "Pulumi.yaml").exists()), here)


def _document(stack: str) -> object:
    text = pulumi.Config("livegang").get("topology")
    if text is None:
        missing = Mistake((), "is missing", "See Pulumi.rehearsal.yaml for a commented example.")
        raise TopologyError(f"Pulumi.{stack}.yaml", KEY, [missing])
    try:
        return json.loads(text)
    except ValueError:
        wrong = Mistake((), "is text, not a structured value", "See Pulumi.rehearsal.yaml for a commented example.")
        raise TopologyError(f"Pulumi.{stack}.yaml", KEY, [wrong]) from None


def _refuse_unknown_keys(stack: str) -> None:
    given = [key.partition(":")[2] for key in pulumi.runtime.config.get_config_env() if key.startswith("livegang:")]
    unknown = [key for key in given if key not in PROJECT_KEYS]
    if unknown:
        mistakes = [Mistake((key,), "unknown setting", nearest(key, PROJECT_KEYS)) for key in unknown]
        raise TopologyError(f"Pulumi.{stack}.yaml", "livegang", mistakes)
