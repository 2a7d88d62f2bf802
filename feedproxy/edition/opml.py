"""All feeds as one list, that readers can take in at once."""

from feedproxy import render
from feedproxy.edition.ground import Ground
from feedproxy.edition.scopes import Scope, scope_of
from feedproxy.model import ALL


def make_opml(ground: Ground, form: str = "xml") -> bytes:
    """Return OPML 2.0 with the feed of everything, of each section and of each channel, in one of `paths.FORMATS`."""
    mirror = ground.mirror

    def outline(scope: Scope | None) -> tuple[render.Outline, ...]:
        if scope is None:
            return ()
        address, home = ground.absolute(scope.path(form)), ground.absolute(scope.home(ground.layout))
        return (render.Outline(scope.label, scope.title, address, home, scope.description),)

    groups = [
        render.Outline(
            section.title,
            section.title,
            children=(
                *outline(scope_of(mirror, section.name)),
                *(each for channel in section.channels for each in outline(scope_of(mirror, section.name, channel.id))),
            ),
        )
        for section in mirror.sections
    ]
    return render.render_opml(mirror.name, (*outline(scope_of(mirror, ALL)), *groups))
