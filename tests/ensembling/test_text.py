"""Tweets become ordinary text, and ordinary text stays what it is."""

import pytest

from xlft_helpers.ensembling import plain_text


@pytest.mark.parametrize(
    ("tweet", "text"),
    [
        ("I\\u2019m sorry\\u002c really", "I’m sorry, really"),
        ("nice \\ud83d\\ude02", "nice tears of joy"),
        ("this &amp; that &amp;lt;3", "this & that <3"),
        ("so 😡❤️", "so pouting face heart"),
        ("ok 👍🏽", "ok thumbs up"),
        ("#GoodNews from #são_paulo", "Good News from são paulo"),
        ("noooooo!!!", "noo!!!"),
        ("@user @user @user hello", "@user hello"),
    ],
)
def test_each_kind_of_obstacle_is_undone(tweet, text):
    assert plain_text(tweet) == text


@pytest.mark.parametrize(
    "text", ["Der Zug kommt zu spät.", "यह फ़िल्म अच्छी है", "صباح الخير", "火车晚点了", "50 % off – really?", ""]
)
def test_ordinary_text_stays(text):
    assert plain_text(text) == text


def test_a_lone_half_of_a_pair_of_escapes_is_no_error():
    assert plain_text("cut \\ud83d").startswith("cut")
