"""A comparison and its data as one HTML file that needs nothing else: no script, no link, figures inside.

The file says what the numbers rest on before it shows them: sizes, balance of the labels, what the tokenizer makes of
each language, duplicates and leaks; then scores with intervals, paired tests, and the errors that the model was most
sure of.
"""

import base64
import html
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import DatasetDict

from xlft_helpers.data import (
    class_priors,
    find_leakage,
    label_names,
    language_name,
    languages_of,
    near_duplicates,
    select_language,
    tokenizer_report,
)
from xlft_helpers.errors import DataError
from xlft_helpers.files import write_whole
from xlft_helpers.models import load_tokenizer
from xlft_helpers.plots import figure_png, plot_scores, set_style
from xlft_helpers.results import BASELINES, SMALL_TEST_SET, Comparison
from xlft_helpers.teaching.tables import messages_html

STYLE = """
body { font-family: system-ui, sans-serif; line-height: 1.5; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
caption { text-align: left; font-style: italic; padding-bottom: .3rem; }
th, td { border: 1px solid #bbb; padding: .25rem .6rem; text-align: left; vertical-align: top; }
th { background: #f0f0f0; }
img { max-width: 100%; height: auto; }
""".strip()


def confident_errors(comparison: Comparison, data: DatasetDict, method: str, per_language: int = 3) -> pd.DataFrame:
    """The wrong answers that a method was surest of, in its first seed: the first thing to read after a score.

    Args:
        comparison: of this data.
        data: what was compared; its test rows stand in the order of the predictions.
        method: e.g. ``"merged"``; no baseline, which has no confidence.
        per_language: errors a language, at most.

    Returns:
        Rows with ``language``, ``text``, ``label``, ``answer`` (names) and ``confidence``, the surest first in each
        language.

    Raises:
        DataError: the method was not run, or the comparison is of other data.
    """
    known = [name for name in comparison.methods if name not in BASELINES]
    if method not in known:
        raise DataError(f"method={method!r} was not run; choose one of {', '.join(known)}.")
    names, rows = np.array(label_names(data)), []
    seed = min(p.seed for p in comparison.predictions if p.method == method)
    for prediction in comparison.predictions:
        if (prediction.method, prediction.seed) != (method, seed) or not prediction.is_own_use:
            continue
        language = prediction.test_language
        test = select_language(data["test"], language)
        if list(test["label"]) != comparison.labels[language].tolist():
            raise DataError(
                f"The test rows of {language!r} are not those of the comparison: pass the data it was made of."
            )
        answers, confidence = prediction.probabilities.argmax(axis=1), prediction.probabilities.max(axis=1)
        wrong = np.flatnonzero(answers != comparison.labels[language])
        rows += [
            {
                "language": language,
                "text": test["text"][int(row)],
                "label": names[comparison.labels[language][row]],
                "answer": names[answers[row]],
                "confidence": float(confidence[row]),
            }
            for row in wrong[np.argsort(-confidence[wrong], kind="stable")][:per_language]
        ]
    return pd.DataFrame(rows, columns=["language", "text", "label", "answer", "confidence"])


def report_html(comparison: Comparison, data: DatasetDict, title: str = "Cross-lingual comparison") -> str:
    """The report as one HTML page.

    Args:
        comparison: what was measured.
        data: what it was measured on.
        title: heading of the page.

    Raises:
        DataError: the comparison is of other data.
    """
    body = "\n".join([_summary(comparison), _data(comparison, data), _scores(comparison), _errors(comparison, data)])
    heading = html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en" dir="ltr">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<title>{heading}</title>\n'
        f"<style>\n{STYLE}\n</style>\n</head>\n<body>\n<h1>{heading}</h1>\n{body}\n</body>\n</html>\n"
    )


def write_report(
    path: Path | str, comparison: Comparison, data: DatasetDict, title: str = "Cross-lingual comparison"
) -> None:
    """Write :func:`report_html` to ``path``; an existing file is replaced only once the new one is complete.

    Raises:
        DataError: the folder does not exist, or the comparison is of other data.
    """
    path = Path(path)
    if not path.resolve().parent.is_dir():
        raise DataError(f"{path} cannot be written: the folder {path.parent} does not exist. Make it first.")
    write_whole(path, report_html(comparison, data, title))


def _summary(comparison: Comparison) -> str:
    settings = comparison.settings
    facts = {
        "Model": settings["model"],
        "Methods": ", ".join(settings["methods"]),
        "Source language": _named(settings["source"]),
        "Trained on": ", ".join(map(_named, settings["train_languages"])),
        "Labels": ", ".join(settings["labels"]),
        "Seeds": str(settings["seeds"]),
    }
    items = "".join(f"<li>{html.escape(name)}: {html.escape(value)}</li>" for name, value in facts.items())
    return f"<h2>What was compared</h2>\n<ul>{items}</ul>"


def _data(comparison: Comparison, data: DatasetDict) -> str:
    priors = class_priors(data).set_index(["language", "split"])
    names = label_names(data)
    sizes = (100 * priors[names]).round(0).astype(int).add_suffix(" %")
    sizes.insert(0, "n", priors["n"])
    cost = tokenizer_report(
        data["test"], load_tokenizer(comparison.settings["model"]), comparison.settings["recipe"]["max_length"]
    ).set_index("language")
    read = pd.DataFrame(
        {
            "pieces a text": cost["pieces"],
            "fertility": cost["fertility"].round(2).astype(str) + " a " + cost["unit"],
            "truncated %": 100 * cost["truncated"],
            "unknown pieces %": 100 * cost["unknown"],
        }
    )
    texts = {k: list(select_language(data["train"], k)["text"]) for k in languages_of(data["train"])}
    twins = {k: len({pair.second for pair in near_duplicates(rows)}) for k, rows in texts.items()}
    # A text may resemble several; each is counted and shown once, beside the one that it resembles most.
    leaks = find_leakage(data).drop_duplicates(["language", "split", "text"])
    later = sum(len(part) for split, part in data.items() if split != "train")
    repeated = ", ".join(f"{_named(k)} {count}" for k, count in twins.items())
    parts = [
        "<h2>The data</h2>",
        _table(sizes, "Examples and the share of each label, by language and split"),
        _table(read, "What the model's tokenizer makes of the test texts"),
        f"<p>Training texts that nearly repeat an earlier one of their language: {html.escape(repeated)}.</p>",
        f"<p>Texts of dev or test that also stand, equal or nearly equal, in an earlier split: {len(leaks)} of {later}."
        f"{' Scores on them flatter. Remove them and compare again.' if len(leaks) else ''}</p>",
    ]
    if len(leaks):
        shown = leaks.head(5)[["language", "split", "text", "seen_split", "similarity"]]
        parts.append(messages_html(shown, f"The {len(shown)} most similar"))
    return "\n".join(parts)


def _scores(comparison: Comparison) -> str:
    parts = ["<h2>Scores</h2>", _table(comparison.table(), "Macro-F1 in points, mean over seeds [95 % interval]")]
    set_style()
    methods = ", ".join(name for name in comparison.methods if name not in BASELINES)
    languages = ", ".join(map(language_name, comparison.labels))
    alternative = (
        f"Macro-F1 with 95 % intervals of {methods}, beside baselines, on {languages}; the table above has the numbers."
    )
    parts.append(_image(figure_png(plot_scores(comparison.summary)), alternative))
    gap = comparison.transfer_gap()
    if gap is not None:
        low, high = 100 * gap.low, 100 * gap.high
        parts.append(f"<p>Transfer gap of zero-shot: {100 * gap.estimate:.1f} points [{low:.1f}, {high:.1f}].</p>")
    small = [f"{_named(k)} ({len(rows)})" for k, rows in comparison.labels.items() if len(rows) < SMALL_TEST_SET]
    if small:
        parts.append(
            f"<p>Few test messages, so that only large differences can show: {html.escape(', '.join(small))}.</p>"
        )
    differences = comparison.differences()
    if len(differences):
        shown = pd.DataFrame(
            {
                "language": differences["test_language"],
                "methods": differences["first"] + " minus " + differences["second"],
                "points": 100 * differences["difference"],
                "low": 100 * differences["ci_low"],
                "high": 100 * differences["ci_high"],
                "p": differences["p_value"].map("{:.3f}".format),
                "verdict": differences["distinguishable"].map({True: "distinguishable", False: "cannot tell"}),
            }
        ).set_index(["language", "methods"])
        chance = 0.05 * len(differences)
        caption = f"Paired tests; of {len(differences)}, about {chance:.1f} would look distinguishable by chance alone"
        parts.append(_table(shown, caption))
    return "\n".join(parts)


def _errors(comparison: Comparison, data: DatasetDict) -> str:
    method = [name for name in comparison.methods if name not in BASELINES][-1]
    wrong = confident_errors(comparison, data, method)
    heading = "<h2>Errors to read</h2>"
    if wrong.empty:
        return f"{heading}\n<p>{html.escape(method)} made no error in its first seed.</p>"
    return f"{heading}\n{messages_html(wrong, f'The errors that {method} was surest of, first seed')}"


def _table(frame: pd.DataFrame, caption: str) -> str:
    """A frame with its index as row headings; every cell is escaped."""
    shown = frame.reset_index()
    depth = frame.index.nlevels
    head = "".join(f'<th scope="col">{html.escape(str(column))}</th>' for column in shown.columns)
    body = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{_cell(value)}</th>' if place < depth else f"<td>{_cell(value)}</td>"
            for place, value in enumerate(row)
        )
        + "</tr>\n"
        for row in shown.itertuples(index=False)
    )
    return f"<table><caption>{html.escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    return f"{value:.1f}" if isinstance(value, float) else html.escape(str(value))


def _image(png: bytes, alternative: str) -> str:
    data = base64.b64encode(png).decode("ascii")
    return f'<figure><img src="data:image/png;base64,{data}" alt="{html.escape(alternative)}"></figure>'


def _named(code: str) -> str:
    return f"{language_name(code)} ({code})"
