"""Resolve, normalise and recognise upstream URLs. Pure."""

import hashlib
import re
from functools import lru_cache
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from feedproxy.characters import without_hidden
from feedproxy.model import ArticleId, Mirror, Site, Url

# Query parameters that only track: those of Firefox's "query stripping" feature, and the utm_
# family.
_TRACKING = re.compile(
    r"(?:utm_\w+|fbclid|gclid|dclid|msclkid|mc_eid|mc_cid|igshid|yclid|_openstat|vero_id|wbraid|gbraid)\Z"
)
# Characters that browsers ignore in a URL and at its ends (WHATWG URL, 4.4), and surrogates, which
# no text may contain.
_IGNORED = re.compile("[\t\r\n\ud800-\udfff]")
_EDGES = "".join(map(chr, (*range(0x21), *range(0x7F, 0xA1), 0x2028, 0x2029, 0xFEFF)))
_SAFE = "%/:=&?~#+!$,;'@()*[]|"
_MAX_LENGTH = 2_000
# How many URLs are cached with their parts: the links of a few feeds, of 100 bytes each.
_REMEMBERED = 4_000
# Absolute URLs in normal form, as nearly all links are: they need not be parsed.
_SETTLED = re.compile(r"https?://[a-z0-9_-]+(?:\.[a-z0-9_-]+)+/[A-Za-z0-9_.~%/:=&+!$,'@()*|-]*")
_WHOLE = re.compile("https?://[A-Za-z0-9]")
# An ID is part of file names, URLs and `tag:` URIs.
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd\ufffe\uffff]")
MAX_TAG_CHARACTERS = 100


def picture_key(url: Url) -> str:
    """Return the name of a picture by its upstream URL, stored or not: half of a SHA-256.

    >>> picture_key(Url("https://i.example.org/a.jpg"))
    '22b90d8dab6719910bfbcf12b2a3c2df'
    """
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def is_web(url: str) -> bool:
    """Return whether an absolute URL is http or https; any other is no upstream URL.

    >>> is_web("https://example.org/"), is_web("file:///srv/mirror/n1.md")
    (True, False)
    """
    return url.startswith(("http://", "https://"))


def resolve(base: str, href: str) -> Url | None:
    r"""Return the absolute http(s) URL that *href* means on the page *base*, None if there is none.

    >>> resolve("https://example.org/a/b.htm", " ../c.htm?x=1#y ")
    'https://example.org/c.htm?x=1#y'
    >>> resolve("https://example.org/", "java\nscript:alert(1)") is None
    True
    >>> resolve("https://example.org/", "//i.example.org/新.png")
    'https://i.example.org/%E6%96%B0.png'
    """
    if len(href) > _MAX_LENGTH:  # too long for the cache
        return _resolved(base, href)
    if _SETTLED.fullmatch(href):
        return Url(href)
    is_whole = _WHOLE.match(href) is not None  # so that only the scheme of its page matters
    return _remembered(f"{base.partition(':')[0]}://page.invalid/" if is_whole else base, href)


def _resolved(base: str, href: str) -> Url | None:
    href = _IGNORED.sub("", href).strip(_EDGES)
    try:
        parts = urlsplit(urljoin(base, href))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    name = _host(host)
    if not name:
        return None
    netloc = f"{name}:{port}" if port else name
    path, query, fragment = (
        quote(part, safe=_SAFE) for part in (parts.path or "/", parts.query, parts.fragment)
    )
    url = urlunsplit((parts.scheme, netloc, path, query, fragment))
    return Url(url) if len(url) <= _MAX_LENGTH else None


# Each link of an article is resolved for its tag and for its address, and articles have the same
# tags.
_remembered = lru_cache(maxsize=1_000)(_resolved)


def without_tracking(url: Url) -> Url:
    """Remove query parameters that only track readers; any other URL stays byte for byte.

    >>> without_tracking(Url("https://example.org/a?utm_source=x&id=3&fbclid=9#top"))
    'https://example.org/a?id=3#top'
    """
    if "?" not in url:
        return url
    parts = urlsplit(url)
    pairs = parts.query.split("&")
    kept = [pair for pair in pairs if not _TRACKING.match(unquote(pair.partition("=")[0]))]
    return url if len(kept) == len(pairs) else Url(urlunsplit(parts._replace(query="&".join(kept))))


@lru_cache(maxsize=_REMEMBERED)
def host_of(url: str) -> str:
    """Return the lower-case host of a URL, "" if it has none.

    >>> host_of("https://WWW.example.org:8080/a")
    'www.example.org'
    """
    try:
        return (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return ""


@lru_cache(maxsize=_REMEMBERED)
def bare(url: str) -> str:
    """Return a URL without the parts that short links ignore.

    These are the scheme, "www.", the fragment, and "/" at the end.

    >>> bare("HTTPS://www.Short.example/AbC/#top")
    'short.example/AbC'
    """
    address = re.sub(r"\A(?:https?:)?//(?:www\.)?", "", url.partition("#")[0], flags=re.IGNORECASE)
    host, slash, rest = address.partition("/")
    return (host.lower() + slash + rest).rstrip("/")


def site_of(mirror: Mirror, url: Url) -> tuple[Site, Url] | None:
    """Return the site that a URL belongs to, and the URL, or its target if it is a short link.

    None if it belongs to no site.
    """
    short = bare(url)
    for site in mirror.sites:
        url = (
            site.short_links.get(short)
            or site.short_links.get(short.partition("?")[0].rstrip("/"))
            or url
        )
    site_found = mirror.site_of(host_of(url))
    return (site_found, url) if site_found else None


def identify(site: Site, url: Url) -> tuple[ArticleId, Url] | None:
    """Return ID and canonical URL of the article that *url* leads to, None if it leads to none.

    Scheme, host, query and fragment are ignored if the site has an `article_url` rule.
    """
    if host_of(url) not in site.hosts:
        return None
    if site.article_url is None:
        plain = without_tracking(Url(url.partition("#")[0]))
        return ArticleId(
            "u" + hashlib.sha256(plain.partition("://")[2].encode()).hexdigest()[:16]
        ), plain
    match = site.article_url.search(unquote(urlsplit(url).path))
    if match is None or not _ID.fullmatch(match["id"] or ""):
        return None
    parts = {name: quote(part or "", safe="/") for name, part in match.groupdict().items()}
    return ArticleId(match["id"]), Url(
        site.canonical_url.format_map(parts)
    ) if site.canonical_url else url


def tag_name(site: Site, url: Url) -> str | None:
    """Return the tag of a tag page's URL, as readers write it, None if it is no tag page's."""
    if site.tag_url is None or host_of(url) not in site.hosts:
        return None
    match = site.tag_url.search(urlsplit(url).path)
    return plain_tag(unquote(match["tag"])) if match else None


@lru_cache(maxsize=_REMEMBERED)
def plain_tag(text: str) -> str | None:
    """Return a tag in a form that can be part of the mirror's URLs, None if it has none.

    >>> plain_tag(" /台湾 "), plain_tag("..")
    ('台湾', None)
    """
    name = _CONTROLS.sub("", without_hidden(text)).strip().lstrip("/")
    return name if 0 < len(name) <= MAX_TAG_CHARACTERS and name.strip(".") else None


def _host(host: str) -> str:
    try:
        ascii_host = (
            host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
        )
    except UnicodeError:
        return ""
    bracketed = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    name = bracketed.lower().removesuffix(".")
    return name if re.fullmatch(r"[\w.\-\[\]:]+", name) and all(name.split(".")) else ""
