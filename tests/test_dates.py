import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedproxy.dates import date_in_address, parse_date, parse_dateline
from feedproxy.model import Site, Url

SHANGHAI = "Asia/Shanghai"
NOON = datetime(2021, 11, 9, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2021, 11, 8, 16, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(second=0, microsecond=0)
)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2021-11-09 12:00 山村时间", NOON),
        ("更新: 2021-11-09 12:00", NOON),
        ("2021年11月9日 12:00", NOON),
        ("2021年11月9日12时00分", NOON),
        ("【2021年 11 月 9 日讯】", MIDNIGHT),
        ("2021/11/9 12:00:00", NOON),
        ("2021.11.09", MIDNIGHT),
        ("2021-11-09 12：00", NOON),
        ("2021-11-09T12:00", NOON),
        ("2021-11-09T04:00:00Z", NOON),
        ("2021-11-09T12:00:00.000+08:00", NOON),
        ("2021-11-09T00:00:00-0400", NOON),
        ("Tue, 09 Nov 2021 04:00:00 GMT", NOON),
        ("Tue, 09 Nov 2021 13:00:00 +0900", NOON),
        ("November 9, 2021 12:00 PM", NOON),
        ("9 Nov 2021", MIDNIGHT),
    ],
)
def test_a_date_is_read_in_the_forms_that_news_sites_use(text: str, moment: datetime) -> None:
    assert parse_date(text, SHANGHAI) == moment


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-09 04:00 GMT",
        "2021-11-09 04:00:00 UTC",
        "2021-11-09T13:00:00 +09:00",
        "2021/11/09 13:00 +0900",
        "2021-11-09 4:00 Z",
    ],
)
def test_a_zone_that_the_text_names_counts_and_not_the_site_s(text: str) -> None:
    assert parse_date(text, SHANGHAI) == NOON


@pytest.mark.parametrize(
    "text",
    [
        "2021-11-09 2:05 PM",
        "2021/11/9 02:05pm",
        "2021年11月9日 下午2:05",
        "2021年11月9日14时5分",
        "2021年11月9日 14点05分",
    ],
)
def test_an_afternoon_is_not_read_as_a_night(text: str) -> None:
    assert parse_date(text, SHANGHAI) == datetime(2021, 11, 9, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "昨天",
            "3小时前",
            "yesterday",
            "1 day ago",
            "11月9日",
            "2021年",
            "November 2021",
            "12:00",
            "石桥修好了",
        ),
        *(
            "2021年13月9日",
            "2021-02-30",
            "2021-11-09 25:61",
            "2021-11-09T99:99:00Z",
            "0001-01-01T00:00:00+23:59",
            "12021-11-099",
        ),
        "x" * 500 + "2021-11-09",
    ],
)
def test_what_names_no_whole_date_gives_none_and_is_not_guessed(text: str) -> None:
    assert parse_date(text, SHANGHAI) is None


@settings(deadline=None, max_examples=200)
@given(MOMENTS, st.sampled_from((SHANGHAI, "UTC", "America/New_York")))
def test_the_site_s_zone_is_meant_where_the_text_names_none(moment: datetime, zone: str) -> None:
    expected = moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert parse_date(f"{moment:%Y-%m-%d %H:%M}", zone) == expected
    assert (
        parse_date(f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}", zone)
        == expected
    )
    assert parse_date(moment.isoformat() + "+05:30", zone) == (
        moment - timedelta(hours=5.5)
    ).replace(tzinfo=UTC)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.sampled_from(
            (*"0123456789-/:.年月日时分 T+Z", "2021", "PM", "Nov", "石桥", "１", "\x00")
        ),
        max_size=16,
    ).map("".join)
)
def test_whatever_the_text_the_answer_is_in_utc_or_none(text: str) -> None:
    moment = parse_date(text, SHANGHAI)
    assert moment is None or moment.utcoffset() == timedelta(0)


GROUPED = r"^/gb/(?P<yy>\d+)/(?P<m>\d+)/(?P<d>\d+)/(?P<id>n\d+)"


@pytest.mark.parametrize(
    ("path", "pattern", "day"),
    [
        ("/gb/21/12/7/n5.htm", GROUPED, (2021, 12, 7)),
        ("/gb/9/12/17/n5.htm", GROUPED, (2009, 12, 17)),
        ("/gb/1/1/5/n5.htm", GROUPED, (2001, 1, 5)),
        ("/gb/00/1/5/n5.htm", GROUPED, (2000, 1, 5)),
        ("/gb/98/1/5/n5.htm", GROUPED, (1998, 1, 5)),
        ("/gb/2011/1/5/n5.htm", GROUPED, (2011, 1, 5)),
        ("/gb/21/13/7/n5.htm", GROUPED, None),
        ("/a/2009/n5.htm", r"/(?P<yyyy>\d{4})/(?P<id>n\d+)", None),
        ("/2009/12/17/bridge", "", (2009, 12, 17)),
        ("/2009/1/7/bridge", "", (2009, 1, 7)),
        ("/news/2009-12-17-bridge.html", "", (2009, 12, 17)),
        ("/news/20091217/bridge", "", (2009, 12, 17)),
        ("/2009/dec/17/bridge", "", (2009, 12, 17)),
        ("/story?date=2009-12-17&id=20101111", "", (2009, 12, 17)),
        ("/story?id=20101111", "", None),
        ("/story/120091217345", "", None),
        ("/story/20093217", "", None),
        ("/2009/12/bridge", "", None),
        ("/gb/9/12/17/n5.htm", "", None),
    ],
)
def test_an_address_names_the_day_as_its_site_says_or_in_a_usual_form(
    path: str, pattern: str, day: tuple[int, int, int] | None
) -> None:
    site = Site(
        "news.example",
        "山村新闻",
        ("news.example",),
        timezone=SHANGHAI,
        article_url=re.compile(pattern) if pattern else None,
    )
    expected = datetime(*day, tzinfo=ZoneInfo(SHANGHAI)) if day else None
    assert date_in_address(Url(f"https://news.example{path}"), site) == expected
    assert date_in_address(Url(f"https://other.example{path}"), site) is None


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("【山城报2021年11月9日讯】去年的5月1日……", MIDNIGHT),
        ("（山城社2021年11月09日电）桥", MIDNIGHT),
        ("编按：特此推荐。 【山城报2021年11月9日讯】", MIDNIGHT),
        ("【山城报11月9日讯】", None),
        ("2021年11月9日，桥修好了。", None),
        ("桥（建于2021年11月9日）修好了", None),
        ("", None),
    ],
)
def test_a_dateline_in_brackets_is_a_date_and_one_in_the_text_is_none(
    text: str, moment: datetime | None
) -> None:
    assert parse_dateline(text, SHANGHAI) == moment
