"""Configuration files of the stand-ins' services, from Jinja2 templates: a folder `templates` in their family's own."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2


def render(template: Path, **variables: Any) -> str:
    """The text of a template; raises UndefinedError for a variable that it was not given."""
    return _environment(template.parent).get_template(template.name).render(**variables)


@cache
def _environment(folder: Path) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # configuration files, not web pages
    )
