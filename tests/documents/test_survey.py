"""What the documents say of the API is a fact of the survey, and the page of the survey has all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import yaml

from tap_servicetitan_dispatch.survey.facts import FACTS
from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch
from tools.markdown import ROOT, rows, section

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = {fact.name for fact in FACTS}
ABOUT_THE_API = re.compile(r"\b(API|feed|vendor|ServiceTitan|servers?|real)\b")
OURS = "what the tap or the sandbox does, not what the API does"
BELIEFS = {
    "concepts": {
        "Each later run asks the API only for changes since": "modified_on_moves",
        "the API's export of changed assignments": "feed_mostly_in_order",
        "a text that only the API understands": "token_is_short_text",
        "Each page of the feed comes with a token": "token_is_short_text",
        "until the feed says `hasMore: false`": "few_empty_pages",
        "If the API rejects the stored token": "rejected_token_is_told",
        "so the feed can resume from any row": "token_may_be_used_again",
        "the feed accepts a date": "from_is_inclusive",
        "about 15 minutes after it was made": "feed_lags_15_minutes",
        "the feed shows changes at once": "recent_come_at_once",
        "the API trims fractions of a second": "times_have_z",
        "as the API spells it": "bound_is_inclusive_and_fine",
        "Only the API's clock counts": "date_comes_with_each_answer",
        "never later than the API's clock": "date_is_the_api_clock",
        "Until the API has answered": "date_is_the_api_clock",
        "is later than the API's clock": "modified_on_is_utc_now",
        "follow the API's clock too": "date_is_the_api_clock",
        "the API does not sort as asked": "sort_is_obeyed",
        "filters after cutting its pages": "more_is_true",
        "a model server does these things": OURS,
        "(by the API's clock)": "date_is_the_api_clock",
        "the API no longer has them": "lists_keep_all_history",
        "than the API had counted": "count_is_exact",
        "only if the API has counted it": "count_is_given",
        "a replica that lags": "reads_do_not_go_back",
        "while the API's clock is behind": "date_is_the_api_clock",
        "the API's clock is behind this machine's": "date_is_the_api_clock",
        "the feed returns deleted data": "feed_tells_deletions",
        "Where the feed is silent": "feed_tells_deletions",
        "then the feed of the last day": "feed_lags_15_minutes",
        "The bookmark is that of the feed": OURS,
        "until the feed has caught up": "feed_lags_15_minutes",
        "the target's active rows equal the API's": OURS,
    },
    "sandbox": {
        "with the answers, limits and errors of the real one": OURS,
        "what nobody knows of the real API": OURS,
        "it answers 60 calls a second": "sixty_a_second",
        "A day goes as on a real board": OURS,
        "A change of an assignment shows in the feed": OURS,
        "Where the real API is unknown": OURS,
        "at a real tenant it finds": OURS,
        "the same 404 as at ServiceTitan": "unknown_tenant_is_unmatched",
        "how the real API behaves where nobody has written it down": OURS,
        "A real contractor may have odder rows": OURS,
        "Ids grow with `createdOn`": "ids_grow",
    },
}
"""Parts of the sentences about the API, and the facts that they state."""


def sentences(page: str) -> Iterator[str]:
    """Yield the sentences of a page that speak of the API, but for code and tables of switches."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^(#.*|\| `--.*)$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\n(?=[-|])", "\n\n", text)
    for paragraph in text.split("\n\n"):
        for sentence in re.split(r"(?<=[.:?])\s+(?=[A-Z`\[])", " ".join(paragraph.split())):
            if ABOUT_THE_API.search(sentence):
                yield sentence


@pytest.mark.parametrize("page", BELIEFS)
def test_each_belief_of_the_page_is_a_fact(page: str) -> None:
    known = BELIEFS[page]
    for sentence in sentences(page):
        assert any(part in sentence for part in known), f"no fact for: {sentence}"
    assert set(known.values()) <= NAMES | {OURS}


@pytest.mark.parametrize("page", BELIEFS)
def test_each_part_stands_on_the_page(page: str) -> None:
    found = list(sentences(page))
    missing = [part for part in BELIEFS[page] if not any(part in each for each in found)]
    assert missing == []


def test_the_page_has_each_fact_with_its_mark() -> None:
    text = section("docs/survey.md", "What the tap believes")
    tables = [rows(part) for part in text.split("### ")[1:]]
    assert sum(map(len, tables)) == len(FACTS)
    for fact in FACTS:
        assert f"`{fact.name}` | {fact.believed} | {fact.mark} |" in text


def test_nothing_is_otherwise_on_the_page() -> None:
    assert "| otherwise" not in section("docs/survey.md", "What the tap believes")


def test_meltano_has_the_command() -> None:
    content = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (extractor,) = content["plugins"]["extractors"]
    options = extractor["commands"]["survey"]["args"].split()
    given = TapServiceTitanDispatch.get_singer_command().make_context("tap", options).params
    assert (given["config"].parse_env, given["survey_as"]) == (True, "table")


def test_the_template_asks_for_the_file() -> None:
    path = ROOT / ".github/ISSUE_TEMPLATE/survey.yml"
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    by_id = {each.get("id"): each for each in template["body"]}
    assert by_id["file"]["validations"] == {"required": True}
    assert "--survey=json" in template["body"][0]["attributes"]["value"]
