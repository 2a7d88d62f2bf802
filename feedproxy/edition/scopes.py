"""What a feed covers, and what its address is. Pure."""

from dataclasses import dataclass

from feedproxy import paths
from feedproxy.model import Channel, Mirror, MirrorPath
from feedproxy.paths import Layout
from feedproxy.urls import MAX_TAG_CHARACTERS

ALL = "all"


@dataclass(frozen=True, slots=True)
class Scope:
    """A section, one of its channels, a tag, or everything (`ALL`); *label* is its name among the others.

    *channels* are those whose changes change it.
    """

    name: str
    label: str
    title: str
    description: str
    channels: tuple[Channel, ...]
    channel: str = ""
    tag: str = ""

    @property
    def channel_ids(self) -> frozenset[str]:
        """The IDs of its channels."""
        return frozenset(channel.id for channel in self.channels)

    def path(self, form: str = "xml") -> MirrorPath:
        """Return its feed's address."""
        return paths.tag_feed(self.tag, form=form) if self.tag else paths.feed(self.name, self.channel, form=form)

    def home(self, layout: Layout) -> MirrorPath:
        """Return the page that shows the same articles."""
        if self.tag:
            return layout.tag(self.tag) or layout.home
        if self.channel:
            return layout.index(self.name, self.channel)
        return layout.home if self.name == ALL else layout.section(self.name)


def scope_of(mirror: Mirror, name: str, channel_id: str = "") -> Scope | None:
    """Return the scope that a feed's address names, None if there is none."""
    if name == ALL and not channel_id:
        return Scope(ALL, "全部", mirror.name, mirror.description, mirror.channels)
    section = mirror.section(name)
    if section is None:
        return None
    if not channel_id:
        return Scope(name, section.title, f"{section.title} - {mirror.name}", section.description, section.channels)
    channel = next((channel for channel in section.channels if channel.id == channel_id), None)
    if channel is None:
        return None
    return Scope(name, channel.title, f"{channel.title} - {mirror.name}", channel.title, (channel,), channel_id)


def tag_scope(mirror: Mirror, tag: str) -> Scope | None:
    """Return the scope of a tag, None if no tag is so long."""
    if not 0 < len(tag) <= MAX_TAG_CHARACTERS:
        return None
    return Scope("", tag, f"{tag} - {mirror.name}", f"话题：{tag}", mirror.channels, tag=tag)
