"""The commands. Apart from wsgi.py, only they read the environment and the clock."""

import logging
import os
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.logging import RichHandler

from feedproxy import __version__, logs
from feedproxy.characters import visible
from feedproxy.cli.add import add
from feedproxy.cli.bundle import bundle
from feedproxy.cli.check import check
from feedproxy.cli.demo import demo_command
from feedproxy.cli.doctor import doctor
from feedproxy.cli.export import export_mirror
from feedproxy.cli.healthcheck import healthcheck
from feedproxy.cli.importing import import_mirror
from feedproxy.cli.migrate_store import migrate_store
from feedproxy.cli.poll import backfill, poll
from feedproxy.cli.prune import prune
from feedproxy.cli.publish import publish_mirror
from feedproxy.cli.reextract import reextract_articles
from feedproxy.cli.rule_tests import rule_tests_command
from feedproxy.cli.serve import serve
from feedproxy.cli.signing import keygen, verify
from feedproxy.cli.worker import scheduler, worker
from feedproxy.configuration.settings import PREFIX, Settings, load_settings
from feedproxy.errors import FeedproxyError
from feedproxy.sign import signing_key

_FAILED = 2


_EPILOG = """\b
Exit codes, where a command says nothing else:
  0    done
  1    done, but something failed: it is named
  2    not done: configuration, arguments or store; one line on stderr says what
  143  ended by SIGTERM before it was done; the same command goes on with it

\b
Environment: FEEDPROXY_*, in docs/configuration.md; NO_COLOR=1 for no colours.
"""


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=_EPILOG,
)
@click.version_option(__version__, message="feedproxy %(version)s")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Folder with the configuration, instead of FEEDPROXY_CONFIG.",
)
@click.pass_context
def cli(context: click.Context, config: Path | None) -> None:
    """Poll a news site's listings, keep its articles, and serve them as full-text feeds and
    mirrored pages.
    """
    environ = {name: value for name, value in os.environ.items() if name.startswith(PREFIX)}
    settings = load_settings(environ | ({PREFIX + "CONFIG": str(config)} if config else {}))
    signing_key(settings)  # reports an unusable key now, not when something is to be signed
    context.obj = settings
    _begin_logs(settings)
    # failures in these libraries reach the user as errors of this program
    for library in ("alembic", "htmldate", "requests_cache", "trafilatura", "urllib3"):
        logging.getLogger(library).setLevel(logging.CRITICAL)


for command in (
    add,
    demo_command,
    serve,
    poll,
    worker,
    scheduler,
    backfill,
    import_mirror,
    export_mirror,
    publish_mirror,
    bundle,
    check,
    reextract_articles,
    rule_tests_command,
    prune,
    migrate_store,
    doctor,
    healthcheck,
    keygen,
    verify,
):
    cli.add_command(command)


def _begin_logs(settings: Settings) -> None:
    console = Console(stderr=True)
    if console.is_terminal and settings.log_format != "json":
        handler = RichHandler(console=console, show_path=False, markup=False, highlighter=None)
        logs.begin(settings.log, logs.OneLine("%(message)s", "%H:%M:%S"), handler)
    else:
        logs.begin(settings.log, logs.formatter(settings.log_format, is_terminal=False))


def main() -> None:
    """Run a command; print an error as one line on stderr, and exit with code 2."""
    try:
        cli(standalone_mode=True)
    except FeedproxyError as e:
        click.echo(f"feedproxy: {visible(str(e))}", err=True)
        sys.exit(_FAILED)
