from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feedproxy.dates import parse_date

SHANGHAI = "Asia/Shanghai"
NOON = datetime(2021, 11, 9, 4, 0, tzinfo=UTC)
MIDNIGHT = datetime(2021, 11, 8, 16, 0, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)).map(lambda moment: moment.replace(second=0, microsecond=0))  # noqa: DTZ001


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
    ["2021-11-09 2:05 PM", "2021/11/9 02:05pm", "2021年11月9日 下午2:05", "2021年11月9日14时5分", "2021年11月9日 14点05分"],
)
def test_an_afternoon_is_not_read_as_a_night(text: str) -> None:
    assert parse_date(text, SHANGHAI) == datetime(2021, 11, 9, 6, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "昨天", "3小时前", "yesterday", "1 day ago", "11月9日", "2021年", "November 2021", "12:00", "石桥修好了"),
        *("2021年13月9日", "2021-02-30", "2021-11-09 25:61", "2021-11-09T99:99:00Z", "0001-01-01T00:00:00+23:59", "12021-11-099"),
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
    assert parse_date(f"{moment.year}年{moment.month}月{moment.day}日 {moment:%H:%M}", zone) == expected
    assert parse_date(moment.isoformat() + "+05:30", zone) == (moment - timedelta(hours=5.5)).replace(tzinfo=UTC)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.sampled_from((*"0123456789-/:.年月日时分 T+Z", "2021", "PM", "Nov", "石桥", "１", "\x00")), max_size=16).map(
        "".join
    )
)
def test_whatever_the_text_the_answer_is_in_utc_or_none(text: str) -> None:
    moment = parse_date(text, SHANGHAI)
    assert moment is None or moment.utcoffset() == timedelta(0)
