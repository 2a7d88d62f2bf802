"""`feedproxy demo`: run everything with a built-in, invented newspaper, and keep nothing."""

import os
import socket
import sys
import tempfile

import click

from feedproxy import demo
from feedproxy.cli.console import examples
from feedproxy.cli.serve import serve, start
from feedproxy.configuration.settings import PREFIX, Settings, load_settings


@click.command("demo", epilog=examples("demo", "FEEDPROXY_BIND=127.0.0.1:8080 feedproxy demo"))
@click.pass_context
def demo_command(context: click.Context) -> None:
    """Run everything with an invented newspaper, offline.

    Nothing is kept. Prints the address to open, which FEEDPROXY_BIND can change. Ctrl-C ends it.
    Exits with 0.
    """
    settings: Settings = context.obj
    with tempfile.TemporaryDirectory(prefix="feedproxy-demo-") as folder:
        port = _free_port()
        chosen = {
            PREFIX + "CONFIG": str(demo.CONFIG),
            PREFIX + "DATA": folder,
            PREFIX + "BIND": settings.bind,
            PREFIX + "ORIGINS": f"{demo.HOST}=http://127.0.0.1:{port}",
            PREFIX + "LOG": "warning",
        }
        for name in [name for name in os.environ if name.startswith(PREFIX)]:
            del os.environ[name]  # the demo does not depend on the environment
        os.environ |= chosen
        context.obj = load_settings(chosen)
        newspaper = start([sys.executable, "-m", "feedproxy.demo", str(port)])
        click.echo(
            f"In some seconds: http://{settings.bind}/ and a feed, "
            f"http://{settings.bind}/feed/landscape.xml; Ctrl-C ends it"
        )
        try:
            context.invoke(serve)
        finally:
            newspaper.terminate()
            newspaper.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])
