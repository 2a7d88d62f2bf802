"""Tell an address of the operator's what happened."""

from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from feedproxy import __version__
from feedproxy.errors import FetchError
from feedproxy.model import Alarm

_TIMEOUT_S = 5
_MAX_GOOD = 299


class Webhook:
    """Posts alarms as JSON to an address; it is the operator's, so no guard stands before it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, alarm: Alarm) -> None:
        """Tell of an alarm that was opened or closed.

        Raises:
            FetchError: nobody took it.

        """
        message = {
            "event": "closed" if alarm.closed else "opened",
            "channel": alarm.channel,
            "site": alarm.site,
            "rule": alarm.rule,
            "example": alarm.url,
            "reason": alarm.reason,
            "opened": alarm.opened.isoformat(),
            "closed": alarm.closed.isoformat() if alarm.closed else None,
        }
        message["text"] = f"feedproxy: {alarm.rule} of {alarm.channel} " + (
            "fits again" if alarm.closed else f"fits no more, for example at {alarm.url}: {alarm.reason}"
        )
        headers = {"User-Agent": f"feedproxy/{__version__}"}
        shown = f"the webhook at {urlsplit(self._url).hostname}"  # the rest is a secret
        try:
            answer = requests.post(self._url, json=message, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False)
        except (requests.RequestException, HTTPError, OSError, ValueError) as e:
            raise FetchError(shown, f"no usable answer: {type(e).__name__}") from e
        if answer.status_code > _MAX_GOOD:
            raise FetchError(shown, f"answered {answer.status_code}")
