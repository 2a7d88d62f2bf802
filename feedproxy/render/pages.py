"""Pages: values in, HTML bytes out. Pure, but for the templates that are read once."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from feedproxy.model import Picture, SafeHtml

_FOLDER = Path(__file__).parent / "templates"
STYLESHEET = (_FOLDER / "mirror.css").read_bytes()


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it is printed."""

    title: str
    href: str


@dataclass(frozen=True, slots=True)
class FeedLink:
    """A feed that a page announces, in all its forms: pairs of media type and address, RSS first.

    *label* is its name among its neighbours, *title* its own; *anchor* is what links to this place name.
    """

    label: str
    title: str
    anchor: str
    forms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around every page."""

    language: str
    title: str
    description: str
    mirror: str
    style: str
    canonical: str
    navigation: tuple[Link, ...] = ()
    feeds: tuple[FeedLink, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedArticle:
    """One row of a list of articles; its date is in the zone in which it is shown."""

    link: Link
    published: datetime


@dataclass(frozen=True, slots=True)
class ListBlock:
    """A heading, where it leads, and articles below it."""

    heading: Link
    articles: tuple[ListedArticle, ...]


@dataclass(frozen=True, slots=True)
class ArticleBody:
    """An article as its page shows it: dates in the zone in which they are shown, *content* already rewritten."""

    title: str
    author: str
    published: datetime
    updated: datetime
    content: SafeHtml
    original: str
    picture: Picture | None
    tags: tuple[Link, ...]
    channels: tuple[Link, ...]


def render_home(frame: Frame, blocks: tuple[ListBlock, ...]) -> bytes:
    """Return the front page."""
    return _render("home.html", frame, blocks=blocks)


def render_section(frame: Frame, blocks: tuple[ListBlock, ...], channels: tuple[FeedLink, ...]) -> bytes:
    """Return a section's front page, with the feeds of its channels."""
    return _render("section.html", frame, blocks=blocks, channels=channels)


def render_article(frame: Frame, article: ArticleBody) -> bytes:
    """Return an article's page."""
    return _render("article.html", frame, article=article)


def render_message(frame: Frame, text: str, original: str = "") -> bytes:
    """Return a page that says one thing: not held, not found, an error."""
    return _render("message.html", frame, text=text, original=original)


def lead_figure(picture: Picture) -> SafeHtml:
    """Return a lead picture with its caption as HTML, as it stands in front of an entry's content."""
    return SafeHtml(_environment.get_template("lead.html").render(picture=picture).strip())


def _render(template: str, frame: Frame, **values: object) -> bytes:
    return _environment.get_template(template).render(frame=frame, **values).encode()


def _make_environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    environment.filters.update(safe_html=Markup)
    return environment


_environment = _make_environment()
