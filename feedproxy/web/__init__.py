"""The web server's Flask application. Only this package imports flask.

It answers from the store and the media files, and sends no requests to upstream.
"""

from feedproxy.web.app import create_app, make_app

__all__ = ["create_app", "make_app"]
