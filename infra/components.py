"""What the program's components have in common."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


class Component(pulumi.ComponentResource):
    """A subsystem as Pulumi shows it: a node with the subsystem's resources below."""

    def __init__(self, name: str, depends_on: Sequence[pulumi.Resource] = ()) -> None:
        kind = type(self).__name__
        super().__init__(f"livegang:infra:{kind}", name, None, pulumi.ResourceOptions(depends_on=list(depends_on)))

    def below(self, protect: bool | None = None, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource that belongs to this component."""
        return pulumi.ResourceOptions(parent=self, protect=protect, depends_on=list(depends_on))


def drop_old_type_names() -> None:
    """Register no aliases for resources' old type names.

    Every azure-native class carries up to sixty names of earlier API versions, for stacks that were born on one of
    them. Ours were not, and computing them takes more time than all else in a preview.
    """

    def without_aliases(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:"):
            return None
        args.opts.aliases = None
        return pulumi.ResourceTransformationResult(args.props, args.opts)

    pulumi.runtime.register_stack_transformation(without_aliases)
