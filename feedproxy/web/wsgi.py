"""The application object for a WSGI server, configured by environment variables."""

import os
from datetime import UTC, datetime

from feedproxy.web.app import make_app

app = make_app(os.environ, lambda: datetime.now(UTC))
