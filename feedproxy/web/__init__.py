"""Flask: look up, answer. The only room that imports flask; it reads the store and never reaches for upstream."""

from feedproxy.web.app import create_app, make_app

__all__ = ["create_app", "make_app"]
