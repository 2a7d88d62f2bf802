"""`feedproxy check URL`: show what is recognised in one listing or article."""

from datetime import datetime
from zoneinfo import ZoneInfo

import click

from feedproxy import sanitise, urls
from feedproxy.cli.console import as_json, examples, now, say, sleep
from feedproxy.configuration import load_mirror
from feedproxy.configuration.settings import Settings
from feedproxy.errors import FetchError, ListingError
from feedproxy.fetch import open_fetcher
from feedproxy.ingest import article_parts, join_clean
from feedproxy.model import Extract, Listing, Page, Site
from feedproxy.parse import is_feed, parse_listing
from feedproxy.store import open_store


@click.command(
    epilog=examples(
        "check https://www.example.org/news.htm",
        "check https://www.example.org/21/5/1/n1.htm --json",
    )
)
@click.argument("url")
@as_json
@click.pass_obj
def check(settings: Settings, url: str, *, is_json: bool) -> None:
    """Show what is recognised at an address; store nothing.

    The address is that of a listing or an article. Exits with 0, or with 2 if nothing is
    recognised.
    """
    mirror = load_mirror(settings.config)
    address = urls.resolve(url, url)
    if address is None:
        raise FetchError(url, "is not an http or https address")
    host = urls.host_of(address)
    site = mirror.site_of(host) or Site(name=host, title=host, hosts=(host,))
    budget = open_store(settings.store_url, settings.data).budget
    more_hosts = (host, host.removeprefix("www."), f"www.{host}")
    fetcher = open_fetcher(settings, mirror, budget, now, sleep, more_hosts=more_hosts)
    page = fetcher.fetch(address)
    listing = _as_listing(page, site)
    if listing is None:
        found = _article(page, site, article_parts(page, mirror, site, fetcher.fetch))
        say({"kind": "article", **found}, _article_in_words(found), is_json=is_json)
    else:
        say(_listing(*listing), _listing_in_words(site, *listing), is_json=is_json)


def _as_listing(page: Page, site: Site) -> tuple[str, Listing] | None:
    """Return the kind and content of a listing, None for a page to be read as an article."""
    if is_feed(page):
        return "feed", parse_listing(page, site, "feed")
    is_article = site.article_url is not None and urls.identify(site, page.url) is not None
    if is_article or not site.listing.item:
        return None
    try:
        return "html", parse_listing(page, site, "html")
    except ListingError:
        return None


def _listing(kind: str, listing: Listing) -> dict[str, object]:
    items = [
        {
            "id": item.id,
            "url": item.url,
            "title": item.title,
            "published": item.published,
            "excerpt": item.excerpt,
        }
        for item in listing.items
    ]
    return {"kind": f"listing ({kind})", "next_url": listing.next_url, "items": items}


def _listing_in_words(site: Site, kind: str, listing: Listing) -> str:
    more = f", goes on at {listing.next_url}" if listing.next_url else ""
    lines = (
        f"{item.id}  {_shown(item.published, site):16}  {item.url}  {item.title}"
        for item in listing.items
    )
    return "\n".join((f"listing ({kind}): {len(listing.items)} articles{more}", *lines))


def _article(page: Page, site: Site, parts: list[tuple[Page, Extract]]) -> dict[str, str]:
    """Return the recognised fields of an article by name, as they are printed."""
    found = parts[0][1]
    text = sanitise.plain_text(join_clean(parts)[0])
    identity = urls.identify(site, page.url)
    stated = found.merged(site.timezone)
    picture = stated.picture
    return {
        "article": page.url,
        "ID": identity[0] if identity else "-",
        "title": stated.title,
        "date": _shown(stated.published, site),
        "author": "、".join(stated.authors) or f"- (shown as {site.title})",
        "tags": ", ".join(stated.tags) or "-",
        "picture": f"{picture.url} {picture.caption}".strip() if picture else "-",
        "text": f"{len(text)} characters: {text[:80]}…",
        "rule": found.rule,
    }


def _article_in_words(found: dict[str, str]) -> str:
    rows = (f"{name:>8}  {value}" for name, value in found.items() if name != "article")
    return "\n".join((f"article: {found['article']}", *rows))


def _shown(moment: datetime | None, site: Site) -> str:
    """Return a time in the site's time zone, "-" for None."""
    return f"{moment.astimezone(ZoneInfo(site.timezone)):%Y-%m-%d %H:%M}" if moment else "-"
