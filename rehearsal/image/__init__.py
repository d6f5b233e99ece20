"""The images that hosts and services run from, built from the machine's own apt sources."""

from rehearsal.image.trees import Images, build, existing

__all__ = ["Images", "build", "existing"]
