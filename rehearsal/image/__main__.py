"""``python -m rehearsal.image``: build the host and service images into the machine's cache, if they are not there."""

from console import console, step
from rehearsal.image import build
from toolchain.folders import cache

if __name__ == "__main__":
    with step("Host and service images"):
        images = build(cache(), lambda line: console.print(f"  [dim]{line}[/]"))
    console.print(f"{images.base}\n{images.edge}")
