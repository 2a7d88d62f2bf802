"""Settings from environment variables: where this installation runs and which services it uses.

The mirror itself (sections, channels, sites, limits) is configured in `config/`, which
`load_mirror` reads.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from feedproxy.errors import ConfigError

PREFIX = "FEEDPROXY_"
_FILE = "_FILE"
_MAX_PORT = 65_535
# A key is part of URLs, unescaped.
_KEY, _MIN_KEY_CHARACTERS = re.compile(r"[A-Za-z0-9_-]+"), 16
# The example values of config/deploy/environment: if one is left, the setup is not finished.
_EXAMPLES = frozenset(
    (
        "put-a-long-random-word-here",
        "https://mirror.example.org",
        "operator@example.org",
        "https://hooks.example.org/feedproxy",
        "postgresql+psycopg://feedproxy:password@database.example.org/feedproxy",
        "postgresql+psycopg://feedproxy:password@replica.example.org/feedproxy",
        "redis://redis.example.org:6379/0",
        "redis://redis.example.org:6379/1",
    )
)
# The URL schemes that each setting allows.
_ENGINE_SCHEMES = {
    "redis_url": ("redis", "rediss", "unix"),
    "broker_url": ("redis", "rediss", "amqp", "amqps"),
}
_PROXY_SCHEMES = ("http", "https", "socks5", "socks5h")


def _pairs(value: Any) -> Any:  # noqa: ANN401 (a value that is not validated yet)
    if not isinstance(value, str):
        return value
    pairs = [part.partition("=")[::2] for part in value.split(",") if part.strip()]
    return {host.strip().lower(): origin.strip().rstrip("/") for host, origin in pairs}


def _words(value: Any) -> Any:  # noqa: ANN401 (the same)
    return (
        tuple(word.strip().lower() for word in value.split(",") if word.strip())
        if isinstance(value, str)
        else value
    )


def _secrets(value: Any) -> Any:  # noqa: ANN401 (the same)
    return (
        tuple(word.strip() for word in value.split(",") if word.strip())
        if isinstance(value, str)
        else value
    )


class Settings(BaseModel):
    """One field for each ``FEEDPROXY_*`` variable.

    ``FEEDPROXY_*_FILE`` names a file that contains the variable's value.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True
    )  # some are secrets

    config: Path = Field(
        default=Path("config"), description="folder with feedproxy.toml, sections/ and sites/"
    )
    data: Path = Field(
        default=Path("var"), description="folder for the store, the response cache and media"
    )
    bind: str = Field(default="127.0.0.1:8000", description="address and port of the web side")
    operator_token: str = Field(
        default="",
        description="opens /status, /metrics and the details of /readyz; 16 characters or more",
    )
    workers: int = Field(default=2, ge=1, le=64, description="web processes")
    database_url: str = Field(
        default="", description="SQLAlchemy URL of the store; unset: SQLite in the data folder"
    )
    database_read_url: str = Field(
        default="", description="SQLAlchemy URL of a replica that the web side reads from"
    )
    redis_url: str = Field(
        default="",
        repr=False,
        description="Redis shared by all machines: "
        "response cache, host budgets, the leader's lease, rate limits",
    )
    broker_url: str = Field(
        default="",
        repr=False,
        description="broker of `worker` and `scheduler`: redis://... or amqp://...",
    )
    media_url: str = Field(
        default="",
        description="folder or s3://bucket/prefix with pictures; unset: media/ in the data folder",
    )
    media_endpoint: str = Field(
        default="", description="address of an S3 server other than Amazon's"
    )
    media_key: str = Field(
        default="",
        repr=False,
        description="access key of the S3 server; unset: found as the AWS tools do",
    )
    media_secret: str = Field(default="", repr=False, description="secret key of the S3 server")
    public_url: str = Field(
        default="",
        description="public address of the mirror; unset: that of the request, for trusted hosts",
    )
    trusted_hosts: Annotated[tuple[str, ...], BeforeValidator(_words)] = Field(
        default=("localhost", "127.0.0.1", "[::1]"),
        description="hosts that requests may have while public_url is unset",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        le=10,
        description="number of reverse proxies whose X-Forwarded headers are trusted",
    )
    origins: Annotated[dict[str, str], BeforeValidator(_pairs)] = Field(
        default={},
        description="other addresses of upstream hosts: "
        "host=http://address:port, separated by commas",
    )
    proxy: str = Field(
        default="",
        description="HTTP or SOCKS5 proxy for requests to upstream; "
        "socks5h:// also resolves names there",
    )
    contact: str = Field(
        default="",
        description="contact address of the operator, sent to upstream in the User-Agent",
    )
    webhook_url: str = Field(
        default="", description="address that receives alarms, as JSON by POST"
    )
    access_keys: Annotated[tuple[str, ...], BeforeValidator(_secrets)] = Field(
        default=(),
        description="keys of a private mirror, separated by commas, "
        "of 16 characters and more; unset: open to all",
    )
    websub_hub: str = Field(
        default="",
        description="WebSub hub that feeds announce and that is notified of changes; "
        "needs public_url",
    )
    signing_key: str = Field(
        default="",
        repr=False,
        description="minisign secret key that signs what the mirror publishes",
    )
    serial_base: int = Field(
        default=0,
        ge=0,
        le=10**14,
        description="added to the serials of signed content; "
        "raise it after an older store was restored",
    )
    indexed: bool = Field(default=False, description="whether search engines may index the mirror")
    log: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="minimum level of log messages"
    )
    log_format: Literal["auto", "human", "json"] = Field(
        default="auto",
        description="format of log lines; auto: human on a terminal, JSON elsewhere",
    )

    @field_validator("redis_url", "broker_url")
    @classmethod
    def _is_engine(cls, value: str, info: ValidationInfo) -> str:
        schemes = _ENGINE_SCHEMES[info.field_name or ""]
        if value and (urlsplit(value).scheme not in schemes or not _port_is_fine(value)):
            raise ValueError(
                f"must begin with one of {', '.join(f'{scheme}://' for scheme in schemes)}"
            )  # the rest may be secret
        return value

    @field_validator("media_url")
    @classmethod
    def _is_media_store(cls, value: str) -> str:
        parts = urlsplit(value)
        if "://" in value and (parts.scheme != "s3" or not parts.netloc):
            raise ValueError(
                f"{value!r} is neither a folder nor an address such as s3://bucket/prefix"
            )
        return value.rstrip("/")

    @field_validator("database_read_url")
    @classmethod
    def _has_a_primary(cls, value: str, info: ValidationInfo) -> str:
        if value and not str(info.data.get("database_url", "")).startswith("postgresql"):
            raise ValueError(
                "is a replica of the PostgreSQL server that FEEDPROXY_DATABASE_URL must name"
            )
        return value

    @field_validator("webhook_url", "websub_hub")
    @classmethod
    def _is_hook(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in ("http", "https") or not parts.hostname or not _port_is_fine(value)
        ):
            shown = parts.hostname or value.partition("/")[0]  # the rest may be a secret
            raise ValueError(f"{shown!r} is not an http or https address")
        return value

    @field_validator("websub_hub")
    @classmethod
    def _has_feeds_for_all(cls, value: str, info: ValidationInfo) -> str:
        if value and not info.data.get("public_url"):
            raise ValueError(
                "needs FEEDPROXY_PUBLIC_URL, the address at which the hub finds the feeds"
            )
        if value and info.data.get("access_keys"):
            raise ValueError(
                "can't be used with FEEDPROXY_ACCESS_KEYS: a hub can't read a private mirror"
            )
        return value

    @field_validator("public_url", "proxy", "media_endpoint")
    @classmethod
    def _is_address(cls, value: str) -> str:
        if value and (
            urlsplit(value).scheme not in _PROXY_SCHEMES
            or not urlsplit(value).hostname
            or not _port_is_fine(value)
        ):
            shown = value.rpartition("@")[2]  # without a password
            raise ValueError(f"{shown!r} is not an address such as https://mirror.example.org")
        return value.rstrip("/")

    @field_validator("public_url")
    @classmethod
    def _is_web_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (
            parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username
        ):
            raise ValueError(f"{value!r} is not an address such as https://mirror.example.org/path")
        return value

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, value: dict[str, str]) -> dict[str, str]:
        for host, origin in value.items():
            parts = urlsplit(origin)
            if (
                not host
                or parts.scheme not in ("http", "https")
                or not parts.hostname
                or parts.path
                or not _port_is_fine(origin)
            ):
                raise ValueError(f"{f'{host}={origin}'!r}: expected host=http://address:port")
        return value

    @field_validator("contact")
    @classmethod
    def _fits_a_header(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"{value!r} must be of printable ASCII, as it is sent in a header")
        return value

    @field_validator("access_keys")
    @classmethod
    def _are_keys(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(len(key) < _MIN_KEY_CHARACTERS or not _KEY.fullmatch(key) for key in value):
            raise ValueError(
                f"each key must have at least {_MIN_KEY_CHARACTERS} letters, digits, - or _"
            )
        return value

    @field_validator("operator_token")
    @classmethod
    def _is_token(cls, value: str) -> str:
        if value and (
            len(value) < _MIN_KEY_CHARACTERS or not value.isascii() or not value.isprintable()
        ):
            raise ValueError(f"must have at least {_MIN_KEY_CHARACTERS} printable ASCII characters")
        return value

    @field_validator("data")
    @classmethod
    def _is_plain(cls, value: Path) -> Path:
        if "?" in str(value):
            raise ValueError(f"{str(value)!r} must not hold a question mark")
        return value

    @field_validator("bind")
    @classmethod
    def _is_bind(cls, value: str) -> str:
        host, colon, port = value.rpartition(":")
        if not host or not colon or not port.isdecimal() or int(port) > _MAX_PORT:
            raise ValueError(f"{value!r} is not address:port")
        return value

    @property
    def is_local(self) -> bool:
        """Whether only this machine is served: no public URL, and a loopback address to bind."""
        return not self.public_url and is_loopback(self.bind.rpartition(":")[0])

    @property
    def media(self) -> Path:
        """The folder of stored pictures, unless they are on an S3 server."""
        return Path(self.media_url) if self.media_url else self.data / "media"

    @property
    def books(self) -> Path:
        """The folder of generated books."""
        return self.data / "books"

    @property
    def has_store(self) -> bool:
        """Whether a store exists already: a database is configured, or the SQLite file exists."""
        return bool(self.database_url) or (self.data / "feedproxy.sqlite").is_file()

    @property
    def store_url(self) -> str:
        """The SQLAlchemy URL of the store."""
        return self.database_url or f"sqlite:///{(self.data / 'feedproxy.sqlite').absolute()}"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings in *environ*; an empty variable is unset.

    Raises:
        ConfigError: a variable is unknown, its value is wrong or still an example, or its file
            is empty or can't be read.

    """
    known = Settings.model_fields
    values: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX):
            continue
        key = variable.removeprefix(PREFIX).lower()
        is_file = key not in known and variable.endswith(_FILE)
        key = key.removesuffix(_FILE.lower()) if is_file else key
        if key not in known:
            raise ConfigError("environment", variable, "no such setting")
        if value.strip():
            values[key] = _read_secret(variable, value) if is_file else value
    for key in known:
        if values.get(key, "").rstrip("/") in _EXAMPLES:
            why = "is still the example of config/deploy/environment; set a value of your own"
            raise ConfigError("environment", PREFIX + key.upper(), why)
    try:
        return Settings.model_validate(values)
    except ValidationError as e:
        first = e.errors()[0]
        raise ConfigError(
            "environment", PREFIX + str(first["loc"][0]).upper(), reason(first)
        ) from e


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine's loopback address.

    *host* is as in a URL, or as in a `Host` header without its port.

    >>> (
    ...     is_loopback("127.1.2.3"),
    ...     is_loopback("[::1]"),
    ...     is_loopback("localhost"),
    ...     is_loopback("0.0.0.0"),
    ... )
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def reason(error: Mapping[str, Any]) -> str:
    """Return pydantic's message for one error, without its prefix and beginning in lower case."""
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _port_is_fine(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def _read_secret(variable: str, file: str) -> str:
    try:
        secret = Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError("environment", variable, f"{file} can't be read: {e}") from e
    if not secret:  # an unset key would allow the access that it is meant to restrict
        raise ConfigError(
            "environment",
            variable,
            f"{file} is empty; write the value into it, or unset the variable",
        )
    return secret
