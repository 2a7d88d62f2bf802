"""Servers on this machine, each in a thread; and the shipped nginx, made ready for this machine."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import BaseServer

from flask import Flask
from werkzeug.serving import make_server

_NGINX_CONF = Path(__file__).resolve().parents[1] / "config" / "deploy" / "nginx.conf"
_LISTEN = re.compile(r"(?m)^    listen .*;\n")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        return int(unused.getsockname()[1])


@contextmanager
def serving(server: BaseServer) -> Iterator[None]:
    """Have a server answer, and end it."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """Serve an application; yield its address, without a "/" at the end."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    with serving(server):
        yield f"http://127.0.0.1:{server.server_port}"


def nginx_site(folder: Path, upstream_port: int, listen: str) -> Path:
    """Write the shipped configuration into a folder, with its upstream and its own address here."""
    site = _NGINX_CONF.read_text("utf-8")
    assert "include /etc/nginx/feedproxy-upstream.conf;" in site
    site = _LISTEN.sub("", site).replace(
        "    server_name _;", f"    listen {listen};\n    server_name _;"
    )
    upstream = folder / "upstream.conf"
    upstream.write_text(f"server 127.0.0.1:{upstream_port};\n", "utf-8")
    site = site.replace("/etc/nginx/feedproxy-upstream.conf", str(upstream))
    assert "proxy_cache_path /var/cache/nginx/feedproxy " in site
    file = folder / "site.conf"
    file.write_text(site.replace("/var/cache/nginx/feedproxy", str(folder / "cache")), "utf-8")
    return file
