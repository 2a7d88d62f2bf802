"""Pictures: checked, stripped of metadata, stored in two variants, each under its content's hash.

`variants` makes the two variants. The files are in a folder (`folder`) or on an S3 server
(`bucket`); `open_media` chooses by the settings. This package fetches nothing.
"""

from feedproxy.media.folder import MEDIA_TYPES, FolderMedia, Media, PictureFile, is_named_by
from feedproxy.media.opening import open_media

__all__ = ["MEDIA_TYPES", "FolderMedia", "Media", "PictureFile", "is_named_by", "open_media"]
