"""Choose between the text of an article's page and that of its feed entry. Pure."""

import re

from feedproxy.model import TextSource
from feedproxy.policy.quality import Content, covered

# The end of a teaser.
_TEASER = re.compile(
    r"(?:…|\.\.\.|\[\s*(?:…|\.\.\.)\s*\]"
    r"|(?:continue reading|read more|read the full|keep reading)[^.]{0,80}"
    r"|阅读全文|閱讀全文|查看全文|继续阅读|繼續閱讀|阅读更多|閱讀更多"
    r"|weiterlesen|lire la suite|leer más)\W*\Z",
    re.IGNORECASE,
)
# A description of this length, or with several paragraphs, is a text, not a summary.
_MIN_WHOLE_CHARACTERS, _MIN_WHOLE_PARAGRAPHS = 500, 2
# The share of a text that another may lack and still be the same text, and the number of characters
# that are a line more.
_SAME_SHARE, _LINE_CHARACTERS = 0.1, 200
# How much longer another, unrelated text must be to count as the article.
_MUCH_LONGER = 2


def is_whole(feed: Content, *, is_full: bool) -> bool:
    """Return whether a feed's text can stand for the article.

    *is_full* is whether the feed gives it as the content, or without a headline, as a microblog
    does.
    """
    text = feed.text.strip()
    if _TEASER.search(text[-200:]):
        return False
    size = len("".join(text.split()))
    return bool(text) and (
        is_full or size >= _MIN_WHOLE_CHARACTERS or feed.structure >= _MIN_WHOLE_PARAGRAPHS
    )


def choose_text(page: Content, feed: Content, *, is_full: bool, has_rules: bool) -> TextSource:
    """Return which of two texts of the same article is better: that of its page, or the feed's.

    A text with much that the other lacks is better. If neither has more, the one with more
    structure is better, unless the site's rules found the page's text (*has_rules*). If each has
    much that the other lacks, the page may be a wall or another article's: then the feed's text is
    better, unless it is a teaser or the page's is much longer.
    """
    more_in_feed = _lacking(feed.text, page.text)
    more_on_page = _lacking(page.text, feed.text)
    if not more_in_feed:
        is_richer = feed.structure > page.structure and not has_rules
        return TextSource.PAGE if more_on_page or not is_richer else TextSource.FEED
    if not is_whole(feed, is_full=is_full):
        return TextSource.PAGE
    is_longer = len(page.text) > _MUCH_LONGER * len(feed.text)
    return TextSource.PAGE if more_on_page and is_longer else TextSource.FEED


def _lacking(text: str, other: str) -> bool:
    """Return whether *other* lacks much of *text*."""
    size = len("".join(text.split()))
    missing = (1 - covered(text, other)) * size
    return missing > max(min(_LINE_CHARACTERS, size / 2), _SAME_SHARE * size)
