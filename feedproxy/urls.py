"""Upstream address arithmetic: resolve, normalise, recognise. Pure."""

import hashlib
import re
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit, urlunsplit

from feedproxy.model import ArticleId, Site, Url

# Query parameters that only track: the list of the Firefox "query stripping" feature and the utm_ family.
_TRACKING = re.compile(r"(?:utm_\w+|fbclid|gclid|dclid|msclkid|mc_eid|mc_cid|igshid|yclid|_openstat|vero_id|wbraid|gbraid)\Z")
# RFC 3986, 3.1; browsers ignore white space and controls inside (WHATWG URL, 4.4), so they are removed first.
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_IGNORED = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]+")
_SAFE = "%/:=&?~#+!$,;'@()*[]|"
_MAX_LENGTH = 2_000


def resolve(base: str, href: str) -> Url | None:
    r"""Return the absolute http(s) address that *href* means on the page *base*, or None if it is no such address.

    >>> resolve("https://example.org/a/b.htm", " ../c.htm?x=1#y ")
    'https://example.org/c.htm?x=1#y'
    >>> resolve("https://example.org/", "java\nscript:alert(1)") is None
    True
    >>> resolve("https://example.org/", "//i.example.org/新.png")
    'https://i.example.org/%E6%96%B0.png'
    """
    href = _IGNORED.sub("", href) if _SCHEME.match(_IGNORED.sub("", href)) else href.strip()
    try:
        parts = urlsplit(urljoin(base, href))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    netloc = _host(host) + (f":{port}" if port else "")
    if netloc.startswith(":"):
        return None
    path, query, fragment = (quote(part, safe=_SAFE) for part in (parts.path or "/", parts.query, parts.fragment))
    url = urlunsplit((parts.scheme, netloc, path, query, fragment))
    return Url(url) if len(url) <= _MAX_LENGTH else None


def without_tracking(url: Url) -> Url:
    """Drop query parameters that only serve to track readers; any other address stays byte for byte.

    >>> without_tracking(Url("https://example.org/a?utm_source=x&id=3&fbclid=9#top"))
    'https://example.org/a?id=3#top'
    """
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [(name, value) for name, value in pairs if not _TRACKING.match(name)]
    return url if len(kept) == len(pairs) else Url(urlunsplit(parts._replace(query=urlencode(kept))))


def host_of(url: str) -> str:
    """Return the lower-case host of an address, "" if it has none.

    >>> host_of("https://WWW.example.org:8080/a")
    'www.example.org'
    """
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def identify(site: Site, url: Url) -> tuple[ArticleId, Url] | None:
    """Return the ID and the canonical address of the article that *url* leads to, or None if it is no article's.

    Scheme, host, query and fragment make no difference where the site has an `article_url` rule.
    """
    if host_of(url) not in site.hosts:
        return None
    if site.article_url is None:
        plain = without_tracking(Url(url.partition("#")[0]))
        return ArticleId("u" + hashlib.sha256(plain.partition("://")[2].encode()).hexdigest()[:16]), plain
    match = site.article_url.search(unquote(urlsplit(url).path))
    if match is None:
        return None
    canonical = Url(site.canonical_url.format_map(match.groupdict())) if site.canonical_url else url
    return ArticleId(match["id"]), canonical


def tag_name(site: Site, url: Url) -> str | None:
    """Return the tag that a tag page's address stands for, as readers write it, or None if it is no tag page's."""
    if site.tag_url is None or host_of(url) not in site.hosts:
        return None
    match = site.tag_url.search(urlsplit(url).path)
    return unquote(match["tag"]).strip() or None if match else None


def _host(host: str) -> str:
    try:
        ascii_host = host.encode("ascii").decode() if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return ""
    bracketed = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    return bracketed.lower() if re.fullmatch(r"[\w.\-\[\]:]+", bracketed) else ""
