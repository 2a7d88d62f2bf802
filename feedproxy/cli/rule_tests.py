"""`feedproxy test-rules`: run the tests in site files."""

import threading
from collections.abc import Sequence

import click
from rich.table import Table

from feedproxy import urls
from feedproxy.cli.console import as_json, examples, open_services, print_table, progress, say
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.ingest import RuleResult, check_fetched, check_stored, rule_tests


@click.command("test-rules", epilog=examples("test-rules", "test-rules --site example.org --fetch"))
@click.option(
    "--site", default="", help="Only tests of this site (name of its file without extension)."
)
@click.option(
    "--fetch",
    is_flag=True,
    help="Fetch the pages from upstream instead of using stored ones.",
)
@as_json
@click.pass_obj
def rule_tests_command(settings: Settings, site: str, *, fetch: bool, is_json: bool) -> None:
    """Test the rules of sites with their files' test_url.

    The text at each test_url must contain its test_contains. Exits with 0, or with 1 if a test
    fails. A test whose page is not stored is skipped, unless --fetch is given.
    """
    mirror = load_mirror(settings.config)
    tests = rule_tests(mirror, site)
    if not tests:
        where = f"sites/{site}.toml or sites/{site}.txt" if site else "config/sites/"
        raise click.ClickException(
            f"{where}: there is no test; docs/adding-a-site.md says how to write one"
        )
    services = open_services(
        settings,
        threading.Event(),
        more_hosts=tuple({urls.host_of(test.url) for test in tests}) if fetch else (),
    )
    results: list[RuleResult] = []
    with progress("test-rules", len(tests)) as bar:
        for test in tests:
            done = (
                check_fetched(test, mirror, services.fetcher)
                if fetch
                else check_stored(test, mirror, services.store)
            )
            results.append(done)
            bar.advance(bar.task_ids[0])
    (_print_json if is_json else _print)(results)
    if any(result.fault and result.is_stored for result in results):
        raise SystemExit(1)


def _word(result: RuleResult) -> str:
    return "ok" if not result.fault else "failed" if result.is_stored else "not stored"


def _print(results: Sequence[RuleResult]) -> None:
    table = Table("file", "article", "read by", "result")
    rows = (
        (result.test.file, result.test.url, result.rule or "-", _word(result)) for result in results
    )
    print_table(
        table,
        rows,
        [f"{each.test.url}: {each.fault}" for each in results if each.fault and each.is_stored],
    )
    if skipped := sum(not result.is_stored for result in results):
        click.echo(
            f"{skipped} of {len(results)} not tested, as their pages are not stored; "
            "--fetch asks for them"
        )


def _print_json(results: Sequence[RuleResult]) -> None:
    for each in results:
        row = {
            "file": each.test.file,
            "url": each.test.url,
            "rule": each.rule,
            "result": _word(each),
            "fault": each.fault,
        }
        say(row, "", is_json=True)
