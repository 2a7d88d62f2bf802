"""Create the template environments, one for each kind of document; they differ in their filters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined


def make_environment(**filters: Callable[..., Any]) -> Environment:
    """Return an environment for the templates beside this module.

    Text is escaped; an undefined variable raises an error.
    """
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
