"""Templates: rendered on the operator's side, where a variable that is not given is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jinja2

from console import ExpectedError

TEMPLATES = Path(__file__).resolve().parent.parent / "templates"

_environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(TEMPLATES),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    # Configuration files, not web pages.
    autoescape=False,
)


def render(template: str, **variables: Any) -> tuple[str]:
    """A template of `hosts/templates` as a file's content. Raises ExpectedError naming template, line and variable."""
    try:
        return (_environment.get_template(template).render(**variables),)
    except jinja2.TemplateSyntaxError as error:
        raise ExpectedError(f"hosts/templates/{template}, line {error.lineno}: {error.message}.") from error
    except jinja2.UndefinedError as error:
        raise ExpectedError(f"hosts/templates/{template}: {error.message}.") from error
