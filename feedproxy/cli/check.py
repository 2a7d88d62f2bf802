"""`feedproxy check URL`: what is recognised at one address."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.console import Console

from feedproxy import sanitise, urls
from feedproxy.cli.parts import now, sleep
from feedproxy.errors import FetchError, ListingError
from feedproxy.fetch import open_fetcher
from feedproxy.harvest import article_parts, join_clean
from feedproxy.model import Extract, Listing, Page, Site
from feedproxy.parse import is_feed, parse_listing
from feedproxy.settings import Settings
from feedproxy.sources import load_mirror
from feedproxy.store import open_store


@click.command()
@click.argument("url")
@click.pass_obj
def check(settings: Settings, url: str) -> None:
    """Fetch one listing or article address and print what is recognised there; nothing is kept.

    Ends with 0, or with 2 if nothing is recognised.
    """
    mirror = load_mirror(settings.config)
    address = urls.resolve(url, url)
    if address is None:
        raise FetchError(url, "is no http or https address")
    host = urls.host_of(address)
    site = mirror.site_of(host) or Site(name=host, title=host, hosts=(host,))
    budget = open_store(settings.store_url, settings.data).budget
    more_hosts = (host, host.removeprefix("www."), f"www.{host}")
    fetcher = open_fetcher(settings, mirror, budget, now, sleep, more_hosts=more_hosts)
    page = fetcher.fetch(address)
    listing = _as_listing(page, site)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    if listing is None:
        _print_article(console, page, site, article_parts(page, mirror, site, fetcher.fetch))
    else:
        _print_listing(console, site, *listing)


def _as_listing(page: Page, site: Site) -> tuple[str, Listing] | None:
    """Return kind and content of a listing, None for what is to be read as an article."""
    if is_feed(page):
        return "feed", parse_listing(page, site, "feed")
    is_article = site.article_url is not None and urls.identify(site, page.url) is not None
    if is_article or not site.listing.item:
        return None
    try:
        return "html", parse_listing(page, site, "html")
    except ListingError:
        return None


def _print_listing(console: Console, site: Site, kind: str, listing: Listing) -> None:
    more = f", goes on at {listing.next_url}" if listing.next_url else ""
    console.print(f"listing ({kind}): {len(listing.items)} articles{more}")
    for item in listing.items:
        console.print(f"{item.id}  {_shown(item.published, site):16}  {item.url}  {item.title}")


def _print_article(console: Console, page: Page, site: Site, parts: list[tuple[Page, Extract]]) -> None:
    found = parts[0][1]
    text = sanitise.plain_text(join_clean(parts))
    identity = urls.identify(site, page.url)
    picture = found.picture
    rows = {
        "ID": identity[0] if identity else "-",
        "title": found.title,
        "date": _shown(found.published, site),
        "author": found.author or f"- (shown as {site.title})",
        "tags": ", ".join(found.tags) or "-",
        "picture": f"{picture.url} {picture.caption}".strip() if picture else "-",
        "text": f"{len(text)} characters: {text[:80]}…",
        "rule": found.rule,
    }
    console.print(f"article: {page.url}")
    for name, value in rows.items():
        console.print(f"{name:>8}  {value}")


def _shown(moment: datetime | None, site: Site) -> str:
    """Return a date in the site's own zone."""
    return f"{moment.astimezone(ZoneInfo(site.timezone)):%Y-%m-%d %H:%M}" if moment else "-"
