"""Check HTML that stands inside a feed: well-nested, harmless, free of relative addresses.

Pure. The allow-lists are those elements and attributes of HTML that the W3C feed validator lets pass without a
security warning.
"""

import re
from collections.abc import Iterator
from html.entities import html5
from html.parser import HTMLParser

from .values import show, words

_VOID = words("area base br col embed hr img input link meta param source track wbr")
_ELEMENTS = words(
    "a abbr acronym address area article aside audio b bdi bdo big blockquote br caption center cite code col "
    "colgroup dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i "
    "img ins kbd li main map mark nav ol p picture pre q rp rt ruby s samp section small source span strike strong "
    "sub summary sup table tbody td tfoot th thead time tr track tt u ul var video wbr"
)
_ATTRIBUTES = words(
    "abbr align alt axis background bgcolor border cellpadding cellspacing char charoff cite class clear color cols "
    "colspan coords crossorigin datetime decoding default dir download face frame headers height hidden high href "
    "hreflang hspace id ismap itemid itemprop itemref itemscope itemtype kind label lang list loading longdesc loop "
    "media muted name nohref noshade nowrap open playsinline poster preload referrerpolicy rel rev reversed rows "
    "rowspan rules scope shape size sizes span src srclang srcset start summary tabindex target title translate "
    "type usemap valign value vspace width wrap xml:lang xmlns"
)
_URL_ATTRIBUTES = words("background cite href longdesc poster src")
_HARMFUL_SCHEMES = frozenset({"data", "file", "javascript", "vbscript"})
# end tags that HTML lets one leave out (HTML Standard section 13.1.2.4)
_OPTIONAL_END = words("colgroup dd dt li p rp rt tbody td tfoot th thead tr")
# start tags that end an open <p> (HTML Standard section 4.4.1)
_ENDS_P = words(
    "address article aside blockquote center details div dl figcaption figure footer h1 h2 h3 h4 h5 h6 header "
    "hgroup hr main nav ol p pre section table ul"
)


def html_faults(html: str, *, relative_urls: bool = False) -> list[str]:
    """Return what is wrong with the HTML fragment *html*; relative URLs only if there is a base for them."""
    fragment = _Fragment(relative_urls=relative_urls)
    fragment.feed(html)
    fragment.close()
    return fragment.faults


class _Fragment(HTMLParser):
    """Collects faults and keeps the stack of open elements."""

    def __init__(self, *, relative_urls: bool) -> None:
        super().__init__(convert_charrefs=False)
        self.faults: list[str] = []
        self._relative_urls = relative_urls
        self._open: list[str] = []

    def close(self) -> None:
        super().close()
        self._pop_to(0)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ELEMENTS:
            self.faults.append(f"HTML element <{tag}> does not belong in a feed")
        if tag == "a" and tag in self._open:
            self.faults.append("HTML element <a> stands inside another")
        if tag in _ENDS_P and self._open[-1:] == ["p"]:
            self._open.pop()
        for name, value in attrs:
            self.faults.extend(
                f"HTML <{tag}>: {fault}" for fault in self._attribute_faults(name, value or "")
            )
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.faults.append(f"HTML <{tag}/> is not closed by its slash")
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in self._open:
            self.faults.append(f"HTML end tag </{tag}> has no start tag")
            return
        last = len(self._open) - 1 - self._open[::-1].index(tag)
        self._pop_to(last + 1)
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "<" in data and self._open[-1:] not in (["script"], ["style"]):
            self.faults.append(f"HTML text holds a bare '<': {show(data.strip())}")

    def handle_entityref(self, name: str) -> None:
        if f"{name};" not in html5:
            self.faults.append(f"HTML entity &{name}; does not exist")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"HTML declaration in a fragment: {show(decl)}")

    def handle_pi(self, data: str) -> None:
        self.handle_decl(data)

    def unknown_decl(self, data: str) -> None:
        self.handle_decl(data)

    def _pop_to(self, depth: int) -> None:
        unclosed = [tag for tag in self._open[depth:] if tag not in _OPTIONAL_END]
        self.faults.extend(f"HTML element <{tag}> is not closed" for tag in unclosed)
        del self._open[depth:]

    def _attribute_faults(self, name: str, value: str) -> Iterator[str]:
        if name not in _ATTRIBUTES and not name.startswith("data-"):
            yield f"attribute {name} does not belong in a feed"
        urls = (
            _srcset_urls(value) if name == "srcset" else [value] if name in _URL_ATTRIBUTES else []
        )
        for url in urls:
            yield from (
                f"{name}: {fault}" for fault in _url_faults(url, relative=self._relative_urls)
            )


def _srcset_urls(srcset: str) -> list[str]:
    candidates = re.split(r"\s*,\s+", srcset.strip())
    return [candidate.split()[0] for candidate in candidates if candidate.strip()]


def _url_faults(url: str, *, relative: bool) -> Iterator[str]:
    # browsers drop white space and control characters from addresses before they look at the scheme
    scheme = re.match(r"([a-z][a-z0-9+.-]*):", re.sub(r"[\x00-\x20\x7f]", "", url).lower())
    if scheme is None:
        if not relative:
            yield f"relative URL {show(url)}"
    elif scheme[1] in _HARMFUL_SCHEMES and not re.match(r"\s*data:image/(?!svg)", url.lower()):
        yield f"harmful URL {show(url)}"
