"""Articles as mirrors exchange them: one JSON object each. Pure.

The text is part of the object or elsewhere, as on the page of a git-hosted mirror. A record comes
from upstream and is not trusted: its form is checked here, its text and addresses are sanitised
later.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from feedproxy import urls
from feedproxy.model import (
    Article,
    ArticleId,
    DateSource,
    Details,
    DirtyHtml,
    Enclosure,
    Picture,
    ReplicatedArticle,
    StoredPicture,
    Url,
)

# An article's ID, as in `urls`; the file name of a stored picture.
_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
_File = Annotated[str, Field(pattern=r"^[0-9a-f]{32}\.[a-z]{3,4}$")]


def _resolved(address: str) -> str:
    """Return an address in the normal form of `urls`, with no character that may end it early."""
    found = urls.resolve("", address)
    if found is None:
        raise ValueError("is not an http or https address")
    return found


_Address = Annotated[str, Field(pattern=r"^https?://", max_length=2_000), AfterValidator(_resolved)]
_Line = Annotated[str, Field(max_length=2_000)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a newer mirror may send more keys


class _PictureRecord(_Record):
    url: _Address
    alt: _Line = ""
    caption: _Line = ""


class _EnclosureRecord(_Record):
    url: _Address
    media_type: Annotated[str, Field(pattern=r"^([a-z0-9.+-]+/[a-z0-9.+-]+)?$")] = ""
    size: int = Field(default=0, ge=0, lt=2**53)
    duration_s: int = Field(default=0, ge=0, lt=2**31)


class _DetailsRecord(_Record):
    enclosures: tuple[_EnclosureRecord, ...] = Field(default=(), max_length=100)
    language: Annotated[str, Field(pattern=r"^([A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4})?$")] = ""
    comments: _Address | Literal[""] = ""
    source_title: _Line = ""
    source_url: _Address | Literal[""] = ""


class _ArticleRecord(_Record):
    id: _Id
    url: _Address
    title: _Line
    published: AwareDatetime
    updated: AwareDatetime
    dated: DateSource = DateSource.STATED
    authors: tuple[Annotated[str, Field(max_length=300)], ...] = Field(default=(), max_length=100)
    tags: tuple[_Line, ...] = ()
    picture: _PictureRecord | None = None
    rule: _Line = ""
    gone: AwareDatetime | None = None
    channels: tuple[_Id, ...] = ()
    pictures: dict[_Address, tuple[_File, _File]] = Field(default_factory=dict)
    links: dict[_Id, _Address] = Field(default_factory=dict)
    body: str = ""
    details: _DetailsRecord = Field(default_factory=_DetailsRecord)


def record_of(
    article: Article,
    channels: Collection[str],
    pictures: Mapping[Url, StoredPicture],
) -> dict[str, Any]:
    """Return an article as a JSON object with keys in a fixed order; empty values are left out.

    *pictures* may contain other pictures, too; each picture of the article is given by its file
    names, in original and reading size.
    """
    return _record(article, channels, pictures) | {"body": article.body}


def page_record_of(article: Article, pictures: Mapping[Url, StoredPicture]) -> dict[str, Any]:
    """Return the record of an article whose page has its text.

    Instead of the text, it has the upstream URLs of the links that lead inside the mirror.
    """
    links = {"links": dict(article.links)} if article.links else {}
    return _record(article, (), pictures) | links


def _record(
    article: Article, channels: Collection[str], pictures: Mapping[Url, StoredPicture]
) -> dict[str, Any]:
    picture, shown = article.picture, sorted(set(article.pictures))
    record = {
        "id": article.id,
        "url": article.url,
        "title": article.title,
        "published": _moment(article.published),
        "updated": _moment(article.updated),
        "dated": article.dated.value if article.dated is not DateSource.STATED else "",
        "authors": list(article.authors),
        "tags": list(article.tags),
        "picture": {"url": picture.url, "alt": picture.alt, "caption": picture.caption}
        if picture
        else None,
        "rule": article.rule,
        "gone": _moment(article.gone) if article.gone else None,
        "channels": sorted(channels),
        "pictures": {
            url: [pictures[url].original.name, pictures[url].reading.name]
            for url in shown
            if url in pictures
        },
        "details": json.loads(article.details.to_json() or "{}"),
    }
    return {key: value for key, value in record.items() if value or key == "title"}


def read_record(record: bytes | Mapping[str, Any]) -> ReplicatedArticle:
    """Return the article in another mirror's record.

    Raises:
        ValueError: the record is invalid; the message names the wrong key, in one line.

    """
    try:
        model = _ArticleRecord
        found = (
            model.model_validate_json(record)
            if isinstance(record, bytes)
            else model.model_validate(record)
        )
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "article"
        raise ValueError(f"{place}: {first['msg'].lower()}"[:200]) from None
    return ReplicatedArticle(
        id=ArticleId(found.id),
        url=Url(found.url),
        title=found.title,
        body=DirtyHtml(found.body),
        published=found.published,
        updated=found.updated,
        authors=found.authors,
        tags=found.tags,
        picture=Picture(Url(found.picture.url), found.picture.alt, found.picture.caption)
        if found.picture
        else None,
        rule=found.rule,
        gone=found.gone,
        channels=found.channels,
        files={Url(url): names for url, names in found.pictures.items()},
        dated=found.dated,
        links={ArticleId(to): Url(url) for to, url in found.links.items()},
        details=Details(
            enclosures=tuple(
                Enclosure(Url(each.url), each.media_type, each.size, each.duration_s)
                for each in found.details.enclosures
            ),
            language=found.details.language,
            comments=found.details.comments,
            source_title=found.details.source_title,
            source_url=found.details.source_url,
        ),
    )


def _moment(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
