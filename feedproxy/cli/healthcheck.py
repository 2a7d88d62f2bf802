"""`feedproxy healthcheck`: check the web server or the poller, for supervisors and containers."""

import http.client

import click

from feedproxy.cli.console import as_json, examples, now, say
from feedproxy.configuration.settings import Settings
from feedproxy.store import open_store

_TIMEOUT_S = 5.0
_OK = 200
# A server that listens at all addresses is reached at the loopback address.
_ANY = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}  # noqa: S104 (this does not bind an address)


@click.command(epilog=examples("healthcheck", "healthcheck --poller --json"))
@click.option("--poller", is_flag=True, help="Check instead that a poller leads.")
@as_json
@click.pass_obj
def healthcheck(settings: Settings, *, poller: bool, is_json: bool) -> None:
    """Check that the web side responds and reads its store.

    It is asked at FEEDPROXY_BIND. The state of upstream does not count. Exits with 0, or with 1 if
    the check fails.
    """
    reason = _of_poller(settings) if poller else _of_web(settings.bind)
    say({"healthy": not reason, "reason": reason}, reason or "healthy", is_json=is_json)
    raise SystemExit(1 if reason else 0)


def _of_web(bind: str) -> str:
    host, _, port = bind.rpartition(":")
    connection = http.client.HTTPConnection(
        _ANY.get(host, host.strip("[]")), int(port), timeout=_TIMEOUT_S
    )
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as e:
        return f"nothing answers at {bind}: {str(e).lower()}"
    finally:
        connection.close()
    return "" if status == _OK else f"{bind} answers with {status}"


def _of_poller(settings: Settings) -> str:
    store = open_store(settings.store_url, settings.data, redis_url=settings.redis_url)
    found = store.lease.leader()
    return "" if found and found[1] > now() else "no poller leads"
