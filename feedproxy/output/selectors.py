"""Select the articles of a feed, and give its address. Pure."""

from collections.abc import Container
from dataclasses import dataclass
from urllib.parse import quote

from feedproxy import paths
from feedproxy.model import ALL, Channel, Mirror, MirrorPath
from feedproxy.paths import Layout
from feedproxy.search_terms import Query
from feedproxy.urls import MAX_TAG_CHARACTERS

# The most feeds that can be merged; more would make addresses too long for feed readers.
_MAX_MERGED = 20


@dataclass(frozen=True, slots=True)
class FeedSelector:
    """Selects the articles of a feed.

    That is a section, a channel, a tag, everything (`ALL`), a search or a merged feed. *label* is
    its name among other feeds. *channels* are all channels that its articles can come from, so
    changes to other channels do not affect it. *merged* are the names of the sections and channels
    of a merged feed.
    """

    name: str
    label: str
    title: str
    description: str
    channels: tuple[Channel, ...]
    channel: str = ""
    tag: str = ""
    merged: tuple[str, ...] = ()
    words: Query | None = None

    @property
    def channel_ids(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(channel.id for channel in self.channels)

    @property
    def log(self) -> str:
        """The name of its archive, "" if it has none."""
        return (
            ""
            if self.tag or self.merged or self.words
            else f"{self.name}/{self.channel}"
            if self.channel
            else self.name
        )

    @property
    def query(self) -> str:
        """The query of its address: the search terms of a search, otherwise ""."""
        return f"q={quote(self.words.text, safe='')}" if self.words else ""

    def query_with(self, chosen: str) -> str:
        """Return the query of its address with a reader's options (`FeedOptions.query`) added."""
        return "&".join(part for part in (self.query, chosen) if part)

    def archive_path(self, number: int, feed_format: str = "xml") -> MirrorPath:
        """Return the address of a page of its archive; page 1 is the oldest."""
        return paths.archive(self.name, self.channel, number, feed_format=feed_format)

    def path(self, feed_format: str = "xml") -> MirrorPath:
        """Return its feed's address."""
        if self.words:
            return paths.feed("search", feed_format=feed_format)
        if self.merged:
            return paths.merged_feed(self.merged, feed_format=feed_format)
        return (
            paths.tag_feed(self.tag, feed_format=feed_format)
            if self.tag
            else paths.feed(self.name, self.channel, feed_format=feed_format)
        )

    def home(self, layout: Layout) -> MirrorPath:
        """Return the page that shows the same articles."""
        if self.words:
            return paths.SEARCH
        if self.merged:
            return layout.home
        if self.tag:
            return layout.tag(self.tag) or layout.home
        if self.channel:
            return layout.index(self.name, self.channel)
        return layout.home if self.name == ALL else layout.section(self.name)


def selector_of(mirror: Mirror, name: str, channel_id: str = "") -> FeedSelector | None:
    """Return the selector of everything, a section or a channel by its names in an address.

    Return None if there is no such section or channel.
    """
    if name == ALL and not channel_id:
        return FeedSelector(
            ALL, "全部", mirror.about.name, mirror.about.description, mirror.channels
        )
    section = mirror.section(name)
    if section is None:
        return None
    if not channel_id:
        return FeedSelector(
            name,
            section.title,
            f"{section.title} - {mirror.about.name}",
            section.description,
            section.channels,
        )
    channel = next((channel for channel in section.channels if channel.id == channel_id), None)
    if channel is None:
        return None
    return FeedSelector(
        name,
        channel.title,
        f"{channel.title} - {mirror.about.name}",
        channel.title,
        (channel,),
        channel_id,
    )


def tag_selector(mirror: Mirror, tag: str) -> FeedSelector | None:
    """Return the selector of a tag, None if the text is empty or too long for a tag."""
    if not 0 < len(tag) <= MAX_TAG_CHARACTERS:
        return None
    return FeedSelector(
        "", tag, f"{tag} - {mirror.about.name}", f"话题：{tag}", mirror.channels, tag=tag
    )


def search_selector(mirror: Mirror, words: Query) -> FeedSelector:
    """Return the selector of the articles that match all *words*."""
    # Feed readers may interpret titles as HTML, so markup characters are left out.
    label = "".join(letter for letter in words.text if letter.isprintable() and letter not in "<>&")
    return FeedSelector(
        "",
        label,
        f"搜索：{label} - {mirror.about.name}",
        f"搜索：{label}",
        mirror.channels,
        words=words,
    )


def merged_selector(mirror: Mirror, names: str) -> FeedSelector | None:
    """Return the selector of a merged feed; *names* are comma-separated.

    A name is a section or section/channel. Order and repetition of names do not matter, and
    channels of a section that is named too are dropped. If one name remains, its own selector is
    returned. Return None if a name is unknown or there are too many.
    """
    given = sorted(set(names.split(",")))
    found = {
        name: selector_of(mirror, *name.split("/"))
        for name in given[:_MAX_MERGED]
        if name.count("/") <= 1
    }
    selectors = {name: selector for name, selector in found.items() if selector}
    if len(given) > _MAX_MERGED or len(selectors) < len(given):
        return None
    wider = {name for name in selectors if name == ALL} or {
        name for name in selectors if not _is_inside(name, selectors)
    }
    kept = [selector for name, selector in selectors.items() if name in wider]
    if len(kept) == 1:
        return kept[0]
    label = " + ".join(selector.label for selector in kept)
    channels = tuple(
        {channel.id: channel for selector in kept for channel in selector.channels}.values()
    )
    section = kept[0].name if len({selector.name for selector in kept}) == 1 else ""
    return FeedSelector(
        section,
        label,
        f"{label} - {mirror.about.name}",
        label,
        channels,
        merged=tuple(sorted(wider)),
    )


def _is_inside(name: str, others: Container[str]) -> bool:
    section, slash, _ = name.partition("/")
    return bool(slash) and section in others
