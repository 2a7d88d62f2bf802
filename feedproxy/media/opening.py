"""Choose the picture store by the settings."""

from feedproxy.configuration.settings import Settings
from feedproxy.media.folder import FolderMedia, Media


def open_media(settings: Settings) -> Media:
    """Return the configured picture store; this does not access it yet."""
    if not settings.media_url.startswith("s3://"):
        return FolderMedia(settings.media)
    from feedproxy.media.bucket import S3Media  # noqa: PLC0415 (a large, optional dependency)

    given = {
        "endpoint": settings.media_endpoint,
        "key": settings.media_key,
        "secret": settings.media_secret,
    }
    return S3Media(settings.media_url, **given)
