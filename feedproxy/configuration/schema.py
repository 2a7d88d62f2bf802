"""The files in `config/`, as far as their tables are not values of `model`. Pure.

Each class is one table, and each field is one key. Any other key is an error.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.dataclasses import dataclass

from feedproxy.model import (
    NAME,
    About,
    ExportRules,
    FeedRules,
    FetchLimits,
    ImageRules,
    Images,
    KeepRules,
    NavigationLink,
    PollRules,
    PublishTarget,
    RequestRules,
    RuleTest,
    TextSource,
)
from feedproxy.model.sites import TABLE, Address, Words

Kind = Literal["html", "feed", "mirror", "feedproxy"]
# A minisign public key: 42 bytes in base64, the first two of which are "Ed".
SigningKey = Annotated[str, Field(pattern=r"^(RW[A-Za-z0-9+/]{54})?$")]
SectionName = Annotated[str, Field(pattern=r"^([a-z0-9][a-z0-9-]*)?$")]
# A URL, or an absolute path on this machine: a mirror may be a local folder.
ListingUrl = Annotated[str, Field(pattern=r"^(https?://.+|/.+)$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MirrorFile(_Table):
    """feedproxy.toml."""

    mirror: About
    navigation: tuple[NavigationLink, ...] = ()
    feeds: FeedRules = FeedRules()
    fetch: FetchLimits = FetchLimits()
    poll: PollRules = PollRules()
    keep: KeepRules = KeepRules()
    images: ImageRules = ImageRules()
    requests: RequestRules = RequestRules()
    export: ExportRules = ExportRules()
    publish: tuple[PublishTarget, ...] = ()


class ChannelTable(_Table):
    """A channel whose settings differ from its section's."""

    title: str = Field(min_length=1)
    kind: Kind | None = None
    url: str = Field(default="", pattern=r"^(https?://.+|/.+)?$")
    site: str = ""
    end_marker: bool = True


class FallbackTable(_Table):
    """A source to use while the first source fails; {channel} stands for the channel's ID."""

    kind: Kind
    listing: ListingUrl
    key: SigningKey = ""
    section: SectionName = ""
    allow_older: bool = False


class SectionFile(_Table):
    """sections/<name>.toml."""

    title: str = Field(min_length=1)
    description: str = ""
    site: str
    kind: Kind
    images: Images = Images.STORE
    text: TextSource = TextSource.AUTO
    listing: dict[Kind, ListingUrl] = Field(default_factory=dict)
    key: SigningKey = ""
    section: SectionName = ""
    allow_older: bool = False
    fallback: tuple[FallbackTable, ...] = ()
    channels: dict[Annotated[str, Field(pattern=NAME)], str | ChannelTable] = Field(min_length=1)


@dataclass(frozen=True, slots=True, config=TABLE)
class TestTable(RuleTest):
    """A table [[test]]; other than in a text file, it must say what the article contains."""

    contains: Words = Field(min_length=1)


class SiteFile(_Table):
    """The keys of sites/<name>.toml that become other values; the others are those of `Site`."""

    short_links: dict[Address, Address] = Field(default_factory=dict)
    test: tuple[TestTable, ...] = ()
