"""What the program's components have in common."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi


class Component(pulumi.ComponentResource):
    """A subsystem as Pulumi shows it: a node with the subsystem's resources below.

    The name of the class is part of its type, and so of every URN below it: renaming one replaces all of these.
    """

    def __init__(self, name: str, depends_on: Sequence[pulumi.Resource] = ()) -> None:
        kind = type(self).__name__
        super().__init__(f"livegang:infra:{kind}", name, None, pulumi.ResourceOptions(depends_on=list(depends_on)))

    def below(self, protect: bool | None = None, depends_on: Sequence[pulumi.Resource] = ()) -> pulumi.ResourceOptions:
        """Options of a resource that belongs to this component."""
        return pulumi.ResourceOptions(parent=self, protect=protect, depends_on=list(depends_on))


def set_options_for_all() -> None:
    """Set the options that every azure-native resource needs.

    No aliases for old type names: every class lists up to sixty names of earlier API versions, for stacks that were
    created with one of them. Ours were not, and computing the aliases takes more time than all else in a preview.

    Delete before replace: all names are explicit, so Azure would refuse to create the new resource next to the old one
    ("cannot create already existing resource"), also when someone replaces it on purpose with `--target-replace`.
    """

    def with_options(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if not args.type_.startswith("azure-native:"):
            return None
        args.opts.aliases = None
        args.opts.delete_before_replace = True
        return pulumi.ResourceTransformationResult(args.props, args.opts)

    pulumi.runtime.register_stack_transformation(with_options)
