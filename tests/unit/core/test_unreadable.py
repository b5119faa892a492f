"""Files that are no YAML: what is wrong, in which line, and the line itself."""

import pytest
from configurations import only_problem
from hypothesis import given, settings
from hypothesis import strategies as st

from pneumobench.core.config.reading import check_config_text
from pneumobench.core.errors import UserError


def refusal(text: str) -> str:
    with pytest.raises(UserError) as caught:
        check_config_text(text, "mine.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said", "line", "shown"),
    [
        # Tabs
        ("split:\n\tfolds: 3\n", "begins with a tab", 2, "<tab>folds: 3"),
        ("split:\n  seed: 1\n\tfolds: 3\n", "begins with a tab", 3, "<tab>folds: 3"),
        ("runs:\n  - a\n\t- b\n", "begins with a tab", 3, "<tab>- b"),
        ("experiment:\tmine\n", "a tab, where", 1, "experiment:<tab>mine"),
        # Indentation
        ("a:\n  b: 1\n c: 2\n", "by 1 space, the lines above it by 0 or 2", 3, " c: 2"),
        ("a:\n   b: 1\n  c: 2\n", "by 2 spaces, the lines above it by 0 or 3", 3, "  c: 2"),
        (" a: 1\nb: 2\n", "by 0 spaces, the lines above it by 1", 2, "b: 2"),
        ("a:\n  b: 1\n   c: 2\n", "by 3 spaces, the one above it by 2, and", 3, "   c: 2"),
        ("runs:\n  - a\n - b\n", "by 1 space, the lines above it by 0, 2 or 4", 3, " - b"),
        ("runs:\n- model: a\nrecipe: b\n- c\n", "did not find", 4, "- c"),
        ("runs:\n  - model: a\n  recipe: b\n", "a dash is missing", 3, "  recipe: b"),
        # Colons, dashes, marks
        ("split:\n  folds 3\n  seed: 1\n", "a colon is missing", 2, "  folds 3"),
        ("folds:3\nseed: 1\n", "a space is missing after the colon", 1, "folds:3"),
        ("runs:\n- a\n-b\n", "a space is missing after the dash", 3, "-b"),
        ("runs: - a\n", "begins in the line below its key", 1, "runs: - a"),
        ("report:\n  title: A: b\n", "needs quotes", 2, "  title: A: b"),
        ("report:\n  title: %a\n", "begins with % needs quotes", 2, "  title: %a"),
        ("report:\n  title: {disease} b\n", "the whole text", 2, "  title: {disease} b"),
        ("report:\n  title: 'A\nsplit:\n", "' is not closed", 2, "  title: 'A"),
        ("runs: [a,\n b\nsplit: {}\n", "[ is not closed", 1, "runs: [a,"),
        ('a: "C:\\x\\users"\n', "a backslash begins a code", 1, 'a: "C:\\x\\users"'),
    ],
)
def test_the_line_is_named_and_shown_with_what_is_wrong_in_it(text, said, line, shown):
    message = refusal(text)
    assert said in message, message
    assert f"where:    mine.yaml, line {line}\n" in message
    assert f"\n    {line} | {shown}\n" in message


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter2\nsplit:\n\tfolds: 3\n",
        "api_token:\n\thunter2\n",
        "downloads:\n\tdata_mirror: https://me:hunter2@host\n",
        "downloads:\n\tdata_mirror: me:hunter2@host\n",
        '{"token": "hunter2",\n\t"a": b: c}',
    ],
)
def test_no_line_is_shown_of_a_file_with_a_secret(text):
    message = refusal(text)
    assert "hunter2" not in message and "mine.yaml, line " in message and " | " not in message


def test_what_a_terminal_would_obey_and_long_lines_are_not_repeated():
    message = refusal(f"a:\n  b: \x9b31m{'x' * 500}\n c: 1\n")
    assert "\x9b" not in message
    assert max(map(len, message.splitlines())) < 120


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from(list("ab:- \t\n\r'\"[]{},#|>&*!%\\\x85\u2028")), max_size=40))
def test_every_text_is_read_or_refused_in_one_message(text):
    try:
        check_config_text(text, "mine.yaml")
    except UserError as error:
        assert "to do:" in str(error)


# What YAML reads, though not as it was meant


def test_a_colon_or_a_dash_without_its_space_makes_a_text_of_a_section_or_a_list():
    assert "a space is missing after the colon: folds: ..." in only_problem("split: folds:3").hint
    assert "after the dash" in only_problem("runs:\n  -alexnet\n  -vgg16").hint


def test_dashes_that_do_not_stand_below_one_another_make_one_entry_of_two():
    assert "below one another" in only_problem("runs:\n- alexnet\n  - vgg16").hint
