"""Templates: one environment for each kind of document, alike but for its filters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def make_environment(**filters: Callable[..., Any]) -> Environment:
    """Return an environment over the templates beside this module; what is text is escaped, what is missing is an error."""
    loader = FileSystemLoader(Path(__file__).parent / "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(filters)
    return environment
