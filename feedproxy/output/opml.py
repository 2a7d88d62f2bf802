"""The OPML list of all feeds, which feed readers import."""

from feedproxy.feed_options import convert
from feedproxy.model import ALL
from feedproxy.output import render
from feedproxy.output.context import RenderContext
from feedproxy.output.script import query_of
from feedproxy.output.selectors import FeedSelector, selector_of


def make_opml(context: RenderContext, feed_format: str = "xml") -> bytes:
    """Return OPML 2.0 with the feeds of everything, of all sections and of all channels.

    *feed_format* is the format of the feeds, one of `paths.FORMATS`. Texts and addresses are in the
    render context's script.
    """
    mirror = context.mirror
    chosen = query_of(context.script)

    def outline(selector: FeedSelector | None) -> tuple[render.Outline, ...]:
        if selector is None:
            return ()
        address, home = (
            context.absolute(selector.path(feed_format), chosen),
            context.absolute(selector.home(context.layout), chosen),
        )
        label, title, description = (
            convert(text, context.script)
            for text in (selector.label, selector.title, selector.description)
        )
        return (render.Outline(label, title, address, home, description),)

    groups = [
        render.Outline(
            convert(section.title, context.script),
            convert(section.title, context.script),
            children=(
                *outline(selector_of(mirror, section.name)),
                *(
                    each
                    for channel in section.channels
                    for each in outline(selector_of(mirror, section.name, channel.id))
                ),
            ),
        )
        for section in mirror.sections
    ]
    return render.render_opml(
        convert(mirror.about.name, context.script), (*outline(selector_of(mirror, ALL)), *groups)
    )
