"""Tell addresses of the operator's what happened: a webhook of alarms, a WebSub hub of feeds that changed."""

from collections.abc import Sequence
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import HTTPError

from feedproxy import __version__
from feedproxy.errors import FetchError
from feedproxy.model import Alarm

_TIMEOUT_S = 5
_MAX_GOOD = 299
# Hubs bound what they read; so many addresses are 5 KB.
_FEEDS_AT_ONCE = 50


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
            "fits again"
            if alarm.closed
            else f"fits no more, for example at {alarm.url}: {alarm.reason}"
        )
        _post("webhook", self._url, json=message)


class Hub:
    """Tells a WebSub hub of feeds that changed; it is the operator's, too."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, feeds: Sequence[str]) -> None:
        """Tell of feeds by their absolute addresses, some at a time (PubSubHubbub 0.3, 7.1, which WebSub leaves as it was).

        Raises:
            FetchError: the hub did not take all.

        """
        for start in range(0, len(feeds), _FEEDS_AT_ONCE):
            urls = [("hub.url", feed) for feed in feeds[start : start + _FEEDS_AT_ONCE]]
            _post("hub", self._url, data=[("hub.mode", "publish"), *urls])


def _post(
    name: str, url: str, *, json: object = None, data: list[tuple[str, str]] | None = None
) -> None:
    """Post something to an address of the operator's.

    Raises:
        FetchError: it was not taken.

    """
    headers = {"User-Agent": f"feedproxy/{__version__}"}
    shown = f"the {name} at {urlsplit(url).hostname}"  # the rest is a secret
    try:
        answer = requests.post(
            url, json=json, data=data, headers=headers, timeout=_TIMEOUT_S, allow_redirects=False
        )
    except (requests.RequestException, HTTPError, OSError, ValueError) as e:
        raise FetchError(shown, f"no usable answer: {type(e).__name__}") from e
    if answer.status_code > _MAX_GOOD:
        raise FetchError(shown, f"answered {answer.status_code}")
