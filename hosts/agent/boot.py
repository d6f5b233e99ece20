"""First thing that runs on the host: imports the agent from the message on standard input and starts it.

The operator's side sends two parts, each a line with its length and then so many bytes, deflated: this file's text,
and ``{"modules": {name: source}, "document": …}`` as JSON. What follows on standard input is the conversation.
"""

import importlib.abc
import importlib.machinery
import json
import linecache
import os
import sys
import zlib
from collections.abc import Sequence
from types import CodeType, ModuleType


class Modules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Imports modules from their source in memory."""

    def __init__(self, sources: dict[str, str]) -> None:
        self.sources = sources

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self.sources:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=self.is_package(fullname))

    def is_package(self, fullname: str) -> bool:
        return any(name.startswith(f"{fullname}.") for name in self.sources)

    def get_source(self, fullname: str) -> str:
        return self.sources[fullname]

    def get_code(self, fullname: str) -> CodeType:
        source, name = self.sources[fullname], f"<{fullname}>"
        # So that a traceback shows the line although there is no file.
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        return compile(source, name, "exec", dont_inherit=True)


def boot() -> None:
    """Read the message, and run the agent on its document."""
    source = sys.stdin.buffer
    message = json.loads(zlib.decompress(source.read(int(source.readline()))))
    sys.meta_path.insert(0, Modules(message["modules"]))
    from hosts.agent.main import main

    code = main(message["document"], source, sys.stdout.buffer)
    # At once: a thread is still reading standard input, which Python would wait for.
    os._exit(code)


if __name__ == "__main__":
    boot()
