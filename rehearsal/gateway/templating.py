"""The gateway's configuration templates, in `rehearsal/gateway/templates`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,  # configuration files, not web pages
)


def render(template: str, **variables: Any) -> str:
    """The text of a template; a variable that it lacks is a fault of the caller's and raises UndefinedError."""
    return _environment.get_template(template).render(**variables)
