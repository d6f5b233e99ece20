"""YAML files that people write: one that cannot be read is refused with file, line and remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from console.errors import ExpectedError

CORRECT = "Correct the line that is named."


class _UniqueKeys(yaml.SafeLoader):
    """Refuses duplicate keys, as Pulumi does; otherwise the second one would silently replace the first."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key, (mark, _) in zip(keys, node.value, strict=True):
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(None, None, f"duplicate key {key!r}", mark.start_mark)
        return super().construct_mapping(node, deep)


def read_yaml(file: Path) -> Any:
    """The content of a YAML file; None if it is empty.

    Raises FileNotFoundError if there is no file, and ExpectedError with line, problem and remedy if it is unreadable.
    """
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ExpectedError(
            f"{file} cannot be read: {error.strerror}.", hint="It must be a file that you may read."
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ExpectedError(
            f"{file} is not UTF-8 text: byte {error.object[error.start]:#04x} in line {line}.",
            hint="Save it as UTF-8.",
        ) from error
    try:
        return yaml.load(text, _UniqueKeys)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        raise ExpectedError(f"{file} is not YAML{_reason(error)}", hint=CORRECT) from error
    except yaml.reader.ReaderError as error:
        line, character = text[: error.position].count("\n") + 1, ord(text[error.position])
        raise ExpectedError(
            f"{file} is not YAML: line {line} holds the character {character:#04x}, which is not allowed.", hint=CORRECT
        ) from error
    except RecursionError as error:
        raise ExpectedError(f"{file} is nested too deeply.", hint="Use fewer levels.") from error


def _reason(error: yaml.MarkedYAMLError) -> str:
    """Line, column and problem in one line; PyYAML itself uses six."""
    mark = error.problem_mark or error.context_mark
    where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    context = f" ({error.context})" if error.context else ""
    return f"{where}: {error.problem or 'it cannot be read'}{context}."
