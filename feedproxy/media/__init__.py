"""Pictures: checked, stripped of metadata, in two forms (`forms`), kept once by the hash of their content.

They lie in a folder (`folder`), or on an S3 server (`bucket`); `open_media` says where. It fetches nothing.
"""

from feedproxy.media.folder import MEDIA_TYPES, FolderMedia, Media, PictureFile, is_named_by
from feedproxy.media.opening import open_media

__all__ = ["MEDIA_TYPES", "FolderMedia", "Media", "PictureFile", "is_named_by", "open_media"]
