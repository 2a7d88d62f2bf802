"""The web side for a WSGI server: `gunicorn wsgi:app` serves what the store holds."""

from feedproxy.web.wsgi import app

__all__ = ["app"]
