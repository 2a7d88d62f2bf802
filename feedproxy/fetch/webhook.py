"""Notify URLs of the operator: a webhook about alarms, a WebSub hub about changed feeds."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from feedproxy import __version__
from feedproxy.errors import FetchError
from feedproxy.model import Alarm

_TIMEOUT_S = 5
_MAX_GOOD = 299
# Hubs limit the size of a request; fifty feed URLs are about 5 KB.
_FEEDS_AT_ONCE = 50


class Webhook:
    """Posts alarms as JSON to the operator's URL; the address guard does not apply to it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, alarm: Alarm) -> None:
        """Post an alarm that was opened or closed.

        Raises:
            FetchError: the request failed or the response is an error.

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
            "matches again"
            if alarm.closed
            else f"no longer matches, for example at {alarm.url}: {alarm.reason}"
        )
        _post("webhook", self._url, json=message)


class Hub:
    """Notifies a WebSub hub of changed feeds; the address guard does not apply to it either."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, feeds: Sequence[str]) -> None:
        """Post the absolute URLs of *feeds*, at most fifty per request.

        The request is that of PubSubHubbub 0.3, 7.1, which WebSub leaves unchanged.

        Raises:
            FetchError: a request failed or its response is an error; later ones are not sent.

        """
        for start in range(0, len(feeds), _FEEDS_AT_ONCE):
            urls = [("hub.url", feed) for feed in feeds[start : start + _FEEDS_AT_ONCE]]
            _post("hub", self._url, data=[("hub.mode", "publish"), *urls])


def _post(
    name: str, url: str, *, json: object = None, data: list[tuple[str, str]] | None = None
) -> None:
    """Post JSON or a form to a URL of the operator.

    Raises:
        FetchError: the request failed or the response is an error.

    """
    headers = {"User-Agent": f"feedproxy/{__version__}"}
    shown = f"the {name} at {urlsplit(url).hostname}"  # the rest of the URL may be a secret
    try:
        answer = requests.post(
            url, json=json, data=data, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False
        )
    except (requests.RequestException, HTTPError, OSError, ValueError) as e:
        raise FetchError(shown, f"no usable response: {type(e).__name__}") from e
    if answer.status_code > _MAX_GOOD:
        raise FetchError(shown, f"answered {answer.status_code}")
