"""Where pictures are, by the settings."""

from feedproxy.media.folder import Media, MediaFolder
from feedproxy.settings import Settings


def open_media(settings: Settings) -> Media:
    """Return the place of all pictures; nothing is asked of it yet."""
    if not settings.media_url.startswith("s3://"):
        return MediaFolder(settings.media)
    from feedproxy.media.bucket import MediaBucket  # noqa: PLC0415 (its library is large, and only where it is needed)

    given = {"endpoint": settings.media_endpoint, "key": settings.media_key, "secret": settings.media_secret}
    return MediaBucket(settings.media_url, **given)
