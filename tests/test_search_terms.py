"""What search takes for words, and what it finds in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedproxy.errors import OptionError
from feedproxy.search_terms import MAX_CHARACTERS, Query, fold, parse_query, tokens_of

CHINESE = st.text(
    st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=2, max_size=12
)
# What reaches a server as text: no lone surrogates.
ANYTHING = st.text(st.characters(codec="utf-8"), max_size=MAX_CHARACTERS)


@given(before=ANYTHING, wanted=CHINESE, after=ANYTHING)
def test_two_and_more_neighbouring_chinese_characters_of_a_text_find_it(
    before: str, wanted: str, after: str
) -> None:
    text, query = before + wanted + after, parse_query(wanted)
    assert query.tokens <= set(tokens_of(text))
    assert query.is_in(text)


@given(ANYTHING)
def test_whatever_is_asked_becomes_a_query_whose_normal_form_asks_for_the_same_or_is_refused(
    asked: str,
) -> None:
    try:
        query = parse_query(asked)
    except OptionError:
        return
    assert parse_query(query.text) == query
    assert all(token.isalnum() for token in query.tokens)  # nothing of an engine's own syntax


@given(text=ANYTHING, asked=CHINESE)
def test_what_is_marked_stands_in_the_text_in_order(text: str, asked: str) -> None:
    spans = parse_query(asked).spans(text + asked)
    assert spans[-1][1] == len(text + asked)
    assert [end for _, end in spans[:-1]] < [start for start, _ in spans[1:]] or len(spans) == 1
    assert all(fold(asked) in fold((text + asked)[start:end]) for start, end in spans)


@given(ANYTHING)
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(fold(text)) == len(text)
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("早市 山城", ("山城", "早市")),
        ("《山城》、早市，早市", ("山城", "早市")),
        ("臺灣 ＩＰＨＯＮＥ", ("iphone", "台湾")),
        ('"new   york" 纽约', ("new york", "纽约")),
        ("“山城 早市”", ("山城 早市",)),
        ("茶 山城", ("山城", "茶")),
        ('山城 OR NEAR(a) -b* "', ("a", "b", "near", "or", "山城")),
    ],
)
def test_words_are_apart_by_what_is_no_letter_and_quotation_marks_hold_them_together(
    asked: str, words: tuple[str, ...]
) -> None:
    assert parse_query(asked) == Query(words)


@pytest.mark.parametrize(
    "asked", ["", " ", "茶", "🙂🙂", '""', "*", "\0", "山" * 101, "aa bb cc dd ee ff gg hh ii"]
)
def test_what_asks_for_nothing_or_too_much_is_refused_in_one_line(asked: str) -> None:
    with pytest.raises(OptionError, match=r"^q: takes [^\n]+$"):
        parse_query(asked)


def test_letters_of_scripts_with_words_are_taken_as_words() -> None:
    assert tokens_of("ㄅㄆㄇ 한국어 English") == ["한국", "국어", "ㄅㄆㄇ", "english"]
