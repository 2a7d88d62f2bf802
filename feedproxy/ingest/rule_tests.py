"""Run the tests in site files: articles with words that the rules must find. Stores nothing."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from feedproxy import urls
from feedproxy.errors import UpstreamError
from feedproxy.fetch import Fetcher
from feedproxy.ingest.drafts import article_parts, join_clean
from feedproxy.ingest.reextract import stored_page
from feedproxy.model import ArticleRules, Mirror, Page, Site, Url
from feedproxy.sanitise import plain_text
from feedproxy.store import Store


@dataclass(frozen=True, slots=True)
class FileTest:
    """A test in a rule *file*: the text of the article at *url* must contain some phrases."""

    file: str
    url: Url
    contains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of a test.

    *rule* is the rule that found the text, *fault* what is wrong, "" if nothing is. *is_stored* is
    False if the article's page is not stored, so that the test could not run.
    """

    test: FileTest
    rule: str = ""
    fault: str = ""
    is_stored: bool = True


def rule_tests(mirror: Mirror, site: str = "") -> tuple[FileTest, ...]:
    """Return the tests of all rule files, or of the file named *site* (without its extension)."""
    files: dict[str, ArticleRules] = {each.name: each.article for each in mirror.sites}
    chosen = [
        rules for name, rules in (*files.items(), *mirror.rules.items()) if site in ("", name)
    ]
    return tuple(
        FileTest(rules.name, test.url, test.contains) for rules in chosen for test in rules.tests
    )


def check_stored(test: FileTest, mirror: Mirror, store: Store) -> RuleResult:
    """Run a test on the stored pages of its article."""
    site = _site(test.url, mirror)
    found = urls.identify(site, test.url)
    pages = store.pages(found[0]) if found else []
    if not pages:
        return RuleResult(test, is_stored=False, fault="is not stored")
    return _check(test, mirror, site, lambda _: pages[0], partial(stored_page, pages))


def check_fetched(test: FileTest, mirror: Mirror, fetcher: Fetcher) -> RuleResult:
    """Run a test on its article as fetched from upstream now."""
    return _check(test, mirror, _site(test.url, mirror), fetcher.fetch, fetcher.fetch)


def _check(
    test: FileTest,
    mirror: Mirror,
    site: Site,
    first: Callable[[Url], Page],
    further: Callable[[Url], Page],
) -> RuleResult:
    try:
        parts = article_parts(first(test.url), mirror, site, further)
        text = plain_text(join_clean(parts)[0])
    except UpstreamError as e:
        return RuleResult(test, fault=e.reason)
    rule = parts[0][1].rule
    missing = next(_missing(text, test.contains), "")
    return RuleResult(test, rule, f"{missing!r} is not in its text" if missing else "")


def _missing(text: str, contains: tuple[str, ...]) -> Iterator[str]:
    """Yield the phrases that a text does not contain, ignoring all white space."""
    plain = "".join(text.split())
    return (words for words in contains if "".join(words.split()) not in plain)


def _site(url: Url, mirror: Mirror) -> Site:
    host = urls.host_of(url)
    return mirror.site_of(host) or Site(name=host, title=host, hosts=(host,))
