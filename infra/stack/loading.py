"""Loading a topology: the result is complete and consistent, or else one error lists every mistake."""

from __future__ import annotations

from pathlib import Path

from console.validation import salvage, structural_mistakes
from infra.stack.consistency import contradictions
from infra.stack.errors import TopologyError
from infra.stack.topology import KEY, Topology
from landscape.host_order import in_listing_order


def load(document: object, stack: str, root: Path) -> Topology:
    """Validate the value of ``livegang:topology``.

    ``root`` is the folder that relative paths start from. Raises TopologyError with everything that is wrong:
    unknown and missing keys, values, contradictions between them, and named files that cannot be used.
    """
    mistakes = structural_mistakes(Topology, document)
    # After a mistake in a single value, the other checks run on what can be salvaged of the document.
    topology = salvage(Topology, document) if mistakes else Topology.model_validate(document)
    mistakes += contradictions(topology, root)
    if mistakes:
        raise TopologyError(f"Pulumi.{stack}.yaml", KEY, mistakes)
    return topology.model_copy(update={"hosts": in_listing_order(topology.hosts)})
