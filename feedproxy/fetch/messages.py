"""Describe the failure of a request in words. Pure."""

from collections.abc import Iterator

import requests

from feedproxy.fetch.guard import RefusedError
from feedproxy.fetch.transport import UnusableBodyError
from feedproxy.fetch.wire import DeadlineError, LimitError
from feedproxy.model import FetchLimits

# An exception's message may quote what upstream sent.
_MAX_CHARACTERS = 300


def describe_failure(error: Exception, limits: FetchLimits, secret: str) -> str:
    """Return one line about a failed request, with *secret* masked."""
    causes = list(_causes(error))
    messages = {
        RefusedError: "refused: {}",
        LimitError: "{}",
        DeadlineError: f"did not end within {limits.total_timeout_s:g} s",
        UnusableBodyError: "{}",
        requests.ConnectTimeout: f"no connection within {limits.connect_timeout_s:g} s",
        requests.TooManyRedirects: f"more than {limits.max_redirects} redirects",
    }
    for kind, words in messages.items():
        cause = next((cause for cause in causes if isinstance(cause, kind)), None)
        if cause:
            return words.format(_short(cause))
    if is_silence(error):
        return f"silent for {limits.read_timeout_s:g} s"
    words = _short(causes[-1]) or type(causes[-1]).__name__
    return f"no usable response: {words.replace(secret, '***') if secret else words}"


def is_silence(error: Exception) -> bool:
    """Return whether a request failed because the host sent nothing, or stopped sending."""
    # requests raises a ConnectionError where a body stops arriving
    is_over = any(isinstance(cause, DeadlineError) for cause in _causes(error))
    return is_over or isinstance(error, requests.Timeout) or "Read timed out" in str(error)


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:_MAX_CHARACTERS]


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes, down to the first one."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
