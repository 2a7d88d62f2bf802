"""Pictures on an S3 server: the contract of a folder, one request for each, and what happens without the server."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import Clock
from engines import open_s3
from serving import free_port

from feedproxy.configuration.settings import Settings
from feedproxy.errors import StoreError
from feedproxy.fetch import HttpFetcher
from feedproxy.ingest import ChannelPoller, Services
from feedproxy.media import FolderMedia, Media, PictureFile, open_media
from feedproxy.model import MediaFile, Mirror
from feedproxy.store import Store
from feedproxy.web import create_app

s3fs = pytest.importorskip("s3fs", reason="needs s3fs, which is not installed here")
NAME, OTHER = f"{'ab' * 16}.png", f"{'cd' * 16}.webp"
KEYS = {"media_key": "somebody", "media_secret": "secret"}


def variant(name: str, body: bytes) -> PictureFile:
    return PictureFile(MediaFile(name, "image/png", len(body), 1, 1), body)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with open_s3() as url:
        yield url


@pytest.fixture
def on_s3(endpoint: str, settings: Settings, tmp_path: Path) -> Settings:
    """Settings for a bucket that holds nothing."""
    bucket = f"b{abs(hash(tmp_path)):x}"
    files = s3fs.S3FileSystem(
        endpoint_url=endpoint, key="somebody", secret="secret", skip_instance_cache=True
    )
    files.mkdir(bucket)
    return settings.model_copy(
        update={"media_url": f"s3://{bucket}/pictures", "media_endpoint": endpoint, **KEYS}
    )


@pytest.fixture(params=["folder", "s3"])
def media(request: pytest.FixtureRequest, settings: Settings) -> Media:
    return open_media(request.getfixturevalue("on_s3") if request.param == "s3" else settings)


def test_what_is_put_can_be_read_until_it_is_removed(media: Media) -> None:
    assert (media.read(NAME), list(media.names())) == (None, [])
    media.put(variant(NAME, b"body"))
    media.put(variant(NAME, b"body"))
    media.put(variant(OTHER, b"other"))
    assert (media.read(NAME), sorted(media.names()), list(media.leftovers(datetime.now(UTC)))) == (
        b"body",
        [NAME, OTHER],
        [],
    )
    assert (media.size(NAME), media.remove(NAME), media.read(NAME), media.size(NAME)) == (
        4,
        4,
        None,
        0,
    )
    assert list(media.names()) == [OTHER]


@pytest.mark.parametrize(
    "name", ["../secret.png", "ab.png", f"{'ab' * 16}.exe", "", f"{'AB' * 16}.png"]
)
def test_no_other_name_is_looked_for(media: Media, name: str) -> None:
    assert media.read(name) is None


def test_pictures_of_a_harvest_are_served_from_there_by_one_request_each(
    on_s3: Settings,
    mirror: Mirror,
    store: Store,
    fetcher: HttpFetcher,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    media = open_media(on_s3)
    ChannelPoller(Services(mirror, store, fetcher, media, clock)).poll(mirror.channels[0])
    names = sorted(media.names())
    assert names
    assert store.pictures.used_files() == set(names)
    asked: list[str] = []
    call = s3fs.S3FileSystem._call_s3

    async def counted(self: object, method: str, *arguments: object, **more: object) -> object:
        asked.append(method)
        return await call(self, method, *arguments, **more)

    monkeypatch.setattr(s3fs.S3FileSystem, "_call_s3", counted)
    client = create_app(on_s3, mirror, store, open_media(on_s3), clock).test_client()
    answer = client.get(f"/media/{names[0]}")
    assert (answer.status_code, answer.data, asked) == (
        200,
        media.read(names[0]),
        ["get_object"] * 2,
    )
    assert "immutable" in answer.headers["Cache-Control"]
    asked.clear()
    assert (
        client.get(
            f"/media/{names[0]}", headers={"If-None-Match": answer.headers["ETag"]}
        ).status_code
        == 304
    )
    assert client.get(f"/media/{names[0]}", headers={"Range": "bytes=0-3"}).status_code == 206
    assert len(asked) <= 2
    assert client.get(f"/media/{OTHER}").status_code == 404
    assert not on_s3.data.joinpath("media").exists()


def test_a_server_that_is_away_costs_pictures_only_and_is_told_in_a_line(
    settings: Settings, mirror: Mirror, store: Store, clock: Clock
) -> None:
    away = {"media_url": "s3://bucket", "media_endpoint": f"http://127.0.0.1:{free_port()}", **KEYS}
    media = open_media(settings.model_copy(update=away))
    with pytest.raises(
        StoreError, match=r"^media: s3://bucket .* can't be read: .*; check FEEDPROXY_MEDIA_URL"
    ):
        media.read(NAME)
    client = create_app(settings, mirror, store, media, clock).test_client()
    assert client.get(f"/media/{NAME}").status_code == 503
    assert client.get("/feed/town.xml").status_code == 200


def test_a_folder_needs_no_library_of_s3() -> None:
    for rooms, libraries in (
        ("feedproxy.web.app", {"s3fs", "redis", "celery"}),
        ("feedproxy.cli", {"s3fs", "celery"}),
    ):
        code = f"import sys, {rooms}; sys.exit(bool({libraries} & set(sys.modules)))"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0, rooms


def test_another_folder_may_be_named(settings: Settings, tmp_path: Path) -> None:
    media = open_media(settings.model_copy(update={"media_url": str(tmp_path / "pictures")}))
    assert isinstance(media, FolderMedia)
    media.put(variant(NAME, b"body"))
    assert (tmp_path / "pictures" / NAME[:2] / NAME).read_bytes() == b"body"
