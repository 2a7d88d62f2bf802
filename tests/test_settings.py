"""Settings: everything an operator can set is read, and what is wrong is named in one line."""

import re
from pathlib import Path

import pytest

from feedproxy.configuration.settings import Settings, load_settings
from feedproxy.errors import ConfigError

VARIABLES = [
    ("FEEDPROXY_CONFIG", "/etc/village", "config", Path("/etc/village")),
    ("FEEDPROXY_DATA", "/srv/village", "data", Path("/srv/village")),
    ("FEEDPROXY_BIND", "[::1]:8080", "bind", "[::1]:8080"),
    ("FEEDPROXY_WORKERS", "3", "workers", 3),
    (
        "FEEDPROXY_DATABASE_URL",
        "postgresql+psycopg://db.example/village",
        "database_url",
        "postgresql+psycopg://db.example/village",
    ),
    ("FEEDPROXY_REDIS_URL", "redis://redis.example/3", "redis_url", "redis://redis.example/3"),
    (
        "FEEDPROXY_BROKER_URL",
        "amqp://u:p@mq.example/village",
        "broker_url",
        "amqp://u:p@mq.example/village",
    ),
    ("FEEDPROXY_MEDIA_URL", "s3://mirror/pictures/", "media_url", "s3://mirror/pictures"),
    ("FEEDPROXY_MEDIA_ENDPOINT", "https://s3.example", "media_endpoint", "https://s3.example"),
    ("FEEDPROXY_MEDIA_KEY", "somebody", "media_key", "somebody"),
    ("FEEDPROXY_MEDIA_SECRET", "secret", "media_secret", "secret"),
    ("FEEDPROXY_PUBLIC_URL", "https://mirror.example/", "public_url", "https://mirror.example"),
    (
        "FEEDPROXY_ACCESS_KEYS",
        "Bridge-and-river-1, market_and_garden",
        "access_keys",
        ("Bridge-and-river-1", "market_and_garden"),
    ),
    ("FEEDPROXY_INDEXED", "true", "indexed", True),
    (
        "FEEDPROXY_TRUSTED_HOSTS",
        "mirror.example, other.example",
        "trusted_hosts",
        ("mirror.example", "other.example"),
    ),
    ("FEEDPROXY_TRUSTED_PROXIES", "2", "trusted_proxies", 2),
    (
        "FEEDPROXY_ORIGINS",
        "news.example=http://10.0.0.5:80",
        "origins",
        {"news.example": "http://10.0.0.5:80"},
    ),
    ("FEEDPROXY_PROXY", "socks5h://127.0.0.1:9050", "proxy", "socks5h://127.0.0.1:9050"),
    ("FEEDPROXY_CONTACT", "owner@mirror.example", "contact", "owner@mirror.example"),
    (
        "FEEDPROXY_WEBHOOK_URL",
        "https://hooks.example/village?to=us",
        "webhook_url",
        "https://hooks.example/village?to=us",
    ),
    ("FEEDPROXY_OPERATOR_TOKEN", "Open, Sesame: seeds", "operator_token", "Open, Sesame: seeds"),
    ("FEEDPROXY_SIGNING_KEY", "RWQ=", "signing_key", "RWQ="),
    ("FEEDPROXY_LOG", "debug", "log", "debug"),
    ("FEEDPROXY_LOG_FORMAT", "json", "log_format", "json"),
]
# Variable, value, and a word that the message must hold beside the variable's name.
FAULTS = [
    ("FEEDPROXY_REDIS_URL", "amqp://u:secret@mq.example", "redis://"),
    ("FEEDPROXY_BROKER_URL", "sqs://u:secret@mq.example", "amqp://"),
    ("FEEDPROXY_MEDIA_URL", "gs://mirror", "s3://bucket/prefix"),
    ("FEEDPROXY_BIND", "8000", "8000"),
    ("FEEDPROXY_BIND", ":8000", ":8000"),
    ("FEEDPROXY_BIND", "localhost:http", "localhost:http"),
    ("FEEDPROXY_BIND", "127.0.0.1:70000", "70000"),
    ("FEEDPROXY_WORKERS", "many", "integer"),
    ("FEEDPROXY_WORKERS", "0", "1"),
    ("FEEDPROXY_TRUSTED_PROXIES", "-1", "0"),
    ("FEEDPROXY_LOG", "loud", "debug"),
    ("FEEDPROXY_LOG_FORMAT", "xml", "human"),
    ("FEEDPROXY_ACCESS_KEYS", "a-key-that-is-long,short", "16"),
    ("FEEDPROXY_ACCESS_KEYS", "a key with blanks in it", "letters"),
    ("FEEDPROXY_PUBLIC_URL", "mirror.example", "mirror.example"),
    ("FEEDPROXY_PUBLIC_URL", "https://", "https://"),
    ("FEEDPROXY_PUBLIC_URL", "socks5://mirror.example", "http"),
    ("FEEDPROXY_PUBLIC_URL", "https://[::1", "IPv6"),
    ("FEEDPROXY_PUBLIC_URL", "https://mirror.example:https", "mirror.example:https"),
    ("FEEDPROXY_PROXY", "127.0.0.1:9050", "127.0.0.1:9050"),
    ("FEEDPROXY_PROXY", "ftp://127.0.0.1:9050", "ftp"),
    ("FEEDPROXY_PROXY", "socks5h://127.0.0.1:tor", "127.0.0.1:tor"),
    ("FEEDPROXY_WEBHOOK_URL", "hooks.example/village", "hooks.example"),
    ("FEEDPROXY_WEBHOOK_URL", "socks5h://hooks.example/village", "http"),
    ("FEEDPROXY_ORIGINS", "news.example", "news.example"),
    ("FEEDPROXY_ORIGINS", "=http://10.0.0.5", "10.0.0.5"),
    ("FEEDPROXY_ORIGINS", "news.example=10.0.0.5:80", "10.0.0.5"),
    ("FEEDPROXY_ORIGINS", "news.example=ftp://10.0.0.5", "ftp"),
    ("FEEDPROXY_ORIGINS", "news.example=http://10.0.0.5/gb/", "/gb"),
    ("FEEDPROXY_ORIGINS", "news.example=http://10.0.0.5:port", "10.0.0.5:port"),
    ("FEEDPROXY_ORIGINS", "a.example=http://10.0.0.5,b.example=http://10.0.0.6:99999", "99999"),
    ("FEEDPROXY_OPERATOR_TOKEN", "fifteen-letters", "16"),
    ("FEEDPROXY_OPERATOR_TOKEN", "a-token-that-no-header-can-hold-é", "ASCII"),
    ("FEEDPROXY_OPERATOR_TOKEN", "a-token-of\ntwo-lines", "printable"),
    ("FEEDPROXY_ORIGINS", "news\n.example=ftp://10.0.0.5", "ftp"),
]


def test_the_table_of_variables_names_every_setting() -> None:
    of_its_own = {
        "database_read_url",
        "websub_hub",
        "serial_base",
    }  # read elsewhere: they need others, or something signed
    assert {field for _, _, field, _ in VARIABLES} | of_its_own == set(Settings.model_fields)


@pytest.mark.parametrize(("variable", "value", "field", "expected"), VARIABLES)
def test_each_variable_is_read(variable: str, value: str, field: str, expected: object) -> None:
    assert getattr(load_settings({variable: value}), field) == expected
    assert getattr(load_settings({}), field) != expected


@pytest.mark.parametrize(("variable", "value", "field", "expected"), VARIABLES)
def test_each_variable_may_stand_in_a_file(
    variable: str, value: str, field: str, expected: object, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{value}\n", "utf-8")
    assert getattr(load_settings({f"{variable}_FILE": str(secret)}), field) == expected


def test_variables_of_other_programs_are_left_alone() -> None:
    assert load_settings(
        {"PATH": "/bin", "MY_FEEDPROXY_BIND": "8000", "WORKERS": "many"}
    ) == load_settings({})


@pytest.mark.parametrize(
    "variable", ["FEEDPROXY_WORKRES", "FEEDPROXY_", "FEEDPROXY_COLOUR_FILE", "FEEDPROXY_FILE"]
)
def test_an_unknown_variable_stops_the_start_and_is_named(variable: str) -> None:
    with pytest.raises(ConfigError, match=f"^environment: {variable}: no such setting$"):
        load_settings({"FEEDPROXY_WORKERS": "3", variable: "3"})


@pytest.mark.parametrize(("variable", "value", "word"), FAULTS)
def test_a_wrong_value_is_told_in_one_line_that_names_the_variable(
    variable: str, value: str, word: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_settings({variable: value})
    message = str(caught.value)
    assert message.startswith(f"environment: {variable}: ")
    assert word in message
    assert len(message.splitlines()) == 1


@pytest.mark.parametrize("content", [None, b"\xff\xfe\xfa"])
def test_a_secret_that_can_not_be_read_names_the_variable_and_the_file(
    content: bytes | None, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings({"FEEDPROXY_DATABASE_URL_FILE": str(secret)})
    assert str(caught.value).startswith("environment: FEEDPROXY_DATABASE_URL_FILE: ")
    assert str(secret) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_several_hosts_have_an_origin_each_whatever_the_spacing_and_case() -> None:
    value = " WWW.News.example = http://10.0.0.5:80/ ,i.news.example=https://[::1]:8443, "
    expected = {"www.news.example": "http://10.0.0.5:80", "i.news.example": "https://[::1]:8443"}
    assert load_settings({"FEEDPROXY_ORIGINS": value}).origins == expected


@pytest.mark.parametrize(
    "proxy",
    [
        "http://p.example:3128",
        "https://p.example",
        "socks5://p.example:1080",
        "socks5h://u:p@p.example:1",
    ],
)
def test_http_and_socks_proxies_are_taken(proxy: str) -> None:
    assert load_settings({"FEEDPROXY_PROXY": proxy}).proxy == proxy


@pytest.mark.parametrize(
    "address",
    ["https://hooks.example/village/", "http://10.0.0.5:8080", "https://u:p@hooks.example/a?b=/"],
)
def test_the_webhook_s_address_stays_as_it_is_given(address: str) -> None:
    assert load_settings({"FEEDPROXY_WEBHOOK_URL": address}).webhook_url == address


def test_a_mirror_may_stand_below_a_path() -> None:
    assert (
        load_settings({"FEEDPROXY_PUBLIC_URL": "https://home.example/mirror/"}).public_url
        == "https://home.example/mirror"
    )


def test_the_store_is_a_file_in_the_data_folder_unless_a_database_is_named() -> None:
    assert (
        load_settings({"FEEDPROXY_DATA": "/srv/village"}).store_url
        == "sqlite:////srv/village/feedproxy.sqlite"
    )
    named = load_settings(
        {"FEEDPROXY_DATA": "/srv/village", "FEEDPROXY_DATABASE_URL": "sqlite:///other.sqlite"}
    )
    assert named.store_url == "sqlite:///other.sqlite"


def test_a_replica_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"FEEDPROXY_DATABASE_READ_URL: .*replica of") as caught:
        load_settings({"FEEDPROXY_DATABASE_READ_URL": "postgresql+psycopg://u:secret@replica/d"})
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("bind", "public_url", "is_local"),
    [
        *(
            (f"{host}:8000", "", True)
            for host in ("127.0.0.1", "localhost", "LocalHost", "[::1]", "127.9.8.7")
        ),
        *(
            (f"{host}:8000", "", False)
            for host in ("0.0.0.0", "[::]", "192.0.2.7", "mirror.example", "[2001:db8::1]")
        ),
        ("127.0.0.1:8000", "https://mirror.example", False),
    ],
)
def test_the_mirror_is_for_this_machine_only_where_it_listens_there_and_has_no_public_address(
    bind: str, public_url: str, *, is_local: bool
) -> None:
    assert (
        load_settings({"FEEDPROXY_BIND": bind, "FEEDPROXY_PUBLIC_URL": public_url}).is_local
        is is_local
    )


ENVIRONMENT = (Path(__file__).resolve().parents[1] / "config" / "deploy" / "environment").read_text(
    "utf-8"
)
EXAMPLES = re.findall(r"^#?(FEEDPROXY_\w+)=(.*(?:example|put-).*)$", ENVIRONMENT, re.MULTILINE)


@pytest.mark.parametrize(("variable", "value"), EXAMPLES)
def test_an_example_that_was_left_in_the_environment_stops_the_start(
    variable: str, value: str, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{value}\n", "utf-8")
    for environ in ({variable: value}, {f"{variable}_FILE": str(file)}):
        with pytest.raises(
            ConfigError, match=f"^environment: {variable}: is still the example of "
        ) as caught:
            load_settings(environ)
        assert len(str(caught.value).splitlines()) == 1


def test_the_token_is_among_the_examples() -> None:
    assert "FEEDPROXY_OPERATOR_TOKEN" in dict(EXAMPLES)


@pytest.mark.parametrize("value", ["", " ", "\t\n"])
def test_a_variable_that_is_empty_is_unset_whichever_it_is(value: str) -> None:
    names = [f"FEEDPROXY_{name.upper()}" for name in Settings.model_fields]
    assert (
        load_settings({each: value for name in names for each in (name, f"{name}_FILE")})
        == Settings()
    )


def test_an_empty_variable_does_not_hide_the_file_that_holds_its_value(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("Bridge-and-river-1\n", "utf-8")
    environ = {"FEEDPROXY_OPERATOR_TOKEN_FILE": str(secret), "FEEDPROXY_OPERATOR_TOKEN": ""}
    assert load_settings(environ).operator_token == "Bridge-and-river-1"


def test_a_file_of_a_secret_that_is_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("\n", "utf-8")
    with pytest.raises(ConfigError, match=r"FEEDPROXY_ACCESS_KEYS_FILE: .*keys is empty"):
        load_settings({"FEEDPROXY_ACCESS_KEYS_FILE": str(tmp_path / "keys")})
