"""Pictures: checked, stripped of metadata, in two forms (`forms`), kept once by the hash of their content (`folder`).

It fetches nothing.
"""

from feedproxy.media.folder import MEDIA_TYPES, Form, MediaFolder

__all__ = ["MEDIA_TYPES", "Form", "MediaFolder"]
