"""The application for a WSGI server, built from the environment."""

import os
from datetime import UTC, datetime

from feedproxy.web.app import make_app

app = make_app(os.environ, lambda: datetime.now(UTC))
