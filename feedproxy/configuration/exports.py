"""Tables of feedproxy.toml for exports. Pure."""

import re

from pydantic import BaseModel, ConfigDict, Field, field_validator

from feedproxy.model import ExportFormat, Links, PageCopies

_NAME = r"^[a-z0-9][a-z0-9-]*$"
_PASSWORD = re.compile(r"//[^/@]*:[^/@]*@")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExportTable(_Table):
    """How the mirror is written to disk."""

    pages: PageCopies = PageCopies.PER_CHANNEL
    max_loss: float = Field(default=0.05, ge=0, le=1)


class PublishTable(_Table):
    """A git remote that an export is pushed to."""

    name: str = Field(pattern=_NAME)
    url: str = Field(min_length=1)
    sections: tuple[str, ...] = ()
    format: ExportFormat = ExportFormat.GIT
    links: Links = Links.MIRROR
    every_hours: float = Field(default=24, gt=0, le=24 * 366)
    branch: str = Field(default="master", pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$")
    force: bool = False
    public: str = Field(default="", pattern=r"^(https?://.+)?$")

    @field_validator("url")
    @classmethod
    def _has_no_password(cls, value: str) -> str:
        if _PASSWORD.search(value):
            raise ValueError(
                "must not hold a password; git asks its credential helpers and ssh its keys"
            )
        if value.startswith("-") or "::" in value:
            raise ValueError(
                f"{value!r} is not a git remote: https://..., ssh://..., host:path, or a folder"
            )
        return value
