"""The report is one valid page: everything escaped, described and inside; nothing fetched, nothing half-written."""

import hashlib
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from xlft_helpers.data import build_dataset
from xlft_helpers.errors import DataError
from xlft_helpers.reporting import confident_errors, report_html, write_report
from xlft_helpers.results import Comparison, Prediction

VOID = {"meta", "img", "br"}


class Page(HTMLParser):
    """Collects tags and attributes, and checks that tags close in order."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.open, self.text = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def data():
    rows = []
    for language, word in (("en", "good"), ("ar", "جيد")):
        for split, count in (("train", 6), ("dev", 2), ("test", 4)):
            for number in range(count):
                label = ("no", "yes")[number % 2]
                # A text of its own for each: by chance, none resembles another.
                unlike = hashlib.sha256(f"{split} {language} {number}".encode()).hexdigest()
                text = f"{word} <script>alert({number})</script> & {unlike}"
                rows.append((text, label, language, split, f"{language}-{split}-{number}"))
    frame = pd.DataFrame(rows, columns=["text", "label", "language", "split", "id"])
    leak = frame.loc[frame["id"] == "en-test-0", "text"].item()  # one text, and two that it resembles
    frame.loc[frame["id"] == "en-train-0", "text"] = leak
    frame.loc[frame["id"] == "en-train-2", "text"] = leak + "!"
    return build_dataset(frame, ["no", "yes"], "test")


@pytest.fixture(scope="module")
def comparison():
    random = np.random.default_rng(0)
    labels = {k: np.array([0, 1, 0, 1]) for k in ("en", "ar")}
    predictions = [
        Prediction(method, seed, trained, k, random.dirichlet([1, 1], 4), 1.0)
        for method, trained in (("zero-shot", ("en",)), ("merged", ("en", "ar")), ("majority", ("en",)))
        for seed in range(2)
        for k in labels
    ]
    settings = {
        "model": "use-m", "methods": ["zero-shot", "merged"], "source": "en", "train_languages": ["en", "ar"], "seeds": 2,
        "labels": ["no", "yes"], "parallel_test": False, "recipe": {"max_length": 64, "lexical_expert": False}, "centred": False,
    }  # fmt: skip
    return Comparison(settings, labels, predictions)


@pytest.fixture(scope="module")
def page(comparison, data):
    return report_html(comparison, data, title="A < B & C")


def test_structure(page):
    parsed = Page(page)
    assert page.startswith("<!DOCTYPE html>")
    assert parsed.all("html") == [{"lang": "en", "dir": "ltr"}]
    assert [len(parsed.all(tag)) for tag in ("title", "h1")] == [1, 1]
    headings = ("What was compared", "The data", "Scores", "Errors to read")
    assert [text for text in parsed.text if text in headings] == list(headings)
    assert len(parsed.all("caption")) == len(parsed.all("table"))
    assert all("scope" in cell for cell in parsed.all("th"))


def test_everything_is_escaped(page):
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "<title>A &lt; B &amp; C</title>" in page


def test_figures_are_inside_and_described(page):
    images = Page(page).all("img")
    assert images
    assert all(image["src"].startswith("data:image/png;base64,") for image in images)
    assert all(len(image["alt"].split()) > 5 for image in images)


def test_nothing_is_fetched(page):
    parsed = Page(page)
    for tag, attributes in parsed.tags:
        assert tag not in ("script", "link", "iframe", "object", "embed")
        for name in ("href", "src", "srcset", "action", "background"):
            assert attributes.get(name, "data:").startswith("data:")
    style = page[page.index("<style>") : page.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style


def test_texts_know_language_and_direction(page):
    cells = [cell for cell in Page(page).all("td") if "lang" in cell]
    assert {(cell["lang"], cell["dir"]) for cell in cells} == {("en", "ltr"), ("ar", "rtl")}


def test_the_data_are_described_and_the_leak_is_reported(page):
    text = " ".join(Page(page).text)
    for part in (
        "unknown pieces %",
        "fertility",
        "in an earlier split: 1 of 12.",
        "flatter",
        "Few test messages",
        "cannot tell",
    ):
        assert part in text, part


def test_errors_are_the_surest_wrong_answers(comparison, data):
    found = confident_errors(comparison, data, "merged", per_language=1)
    for prediction in comparison.predictions:
        if prediction.method == "merged" and prediction.seed == 0:
            labels = comparison.labels[prediction.test_language]
            wrong = prediction.probabilities.argmax(axis=1) != labels
            shown = found[found["language"] == prediction.test_language]["confidence"].tolist()
            assert shown == pytest.approx([prediction.probabilities.max(axis=1)[wrong].max()] if wrong.any() else [])
    with pytest.raises(DataError, match="choose one of zero-shot, merged"):
        confident_errors(comparison, data, "majority")


def test_other_data_are_noticed(comparison, data):
    other = data.filter(lambda row: row["id"] != "ar-test-1")
    with pytest.raises(DataError, match="not those of the comparison"):
        confident_errors(comparison, other, "merged")


def test_file_is_whole_or_not_there(comparison, data, page, tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    write_report(path, comparison, data, title="A < B & C")
    assert path.read_text(encoding="utf-8") == page
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]
    with pytest.raises(DataError, match="does not exist"):
        write_report(tmp_path / "no" / "report.html", comparison, data)
