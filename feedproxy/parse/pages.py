"""Parse HTML pages as listings, by the site's rules. Pure."""

from feedproxy import markup, urls
from feedproxy.dates import DateReader
from feedproxy.model import Listing, ListingItem, Page, Site, Url


def parse_page(page: Page, site: Site) -> Listing:
    """Return the articles of an HTML listing; items that link to no article are skipped."""
    text = markup.decode(page.body, page.content_type)
    root = markup.parse(text)
    dates = DateReader(site.timezone)
    elements = markup.select_elements(root, site.listing.item)
    items = tuple(
        item
        for item in (_item(page.url, site, element, dates) for element in elements)
        if item is not None
    )
    following = urls.resolve(page.url, markup.select_text(root, site.listing.next_page))
    has_next = (
        following is not None and following != page.url and urls.host_of(following) in site.hosts
    )
    lost = tuple(filter(None, [markup.undecodable(text)]))
    return Listing(items, following if has_next else None, lost=lost)


def _item(base: Url, site: Site, element: markup.Element, dates: DateReader) -> ListingItem | None:
    rules = site.listing
    url = urls.resolve(base, markup.select_text(element, rules.link))
    found = urls.identify(site, url) if url else None
    if found is None or url == base:
        return None
    date = dates.read(markup.select_text(element, rules.date))
    return ListingItem(
        *found,
        title=markup.select_text(element, rules.title),
        published=date.moment if date else None,
        excerpt=markup.select_text(element, rules.excerpt),
        has_time=date.has_time if date else True,
    )
