"""Leakage: texts of an evaluation split that the model may have seen in training, in the same or another language."""

import pandas as pd
from datasets import DatasetDict

from .cleaning import near_duplicates, normalize_text

_FIELDS = ["language", "split", "id", "label", "text"]


def find_leakage(data: DatasetDict, threshold: float = 0.7) -> pd.DataFrame:
    """Find texts that stand, equal or nearly equal, in more than one split.

    All languages are searched together: an English training tweet that was retweeted into the French test set leaks
    just as well. Similar texts within one split are no leak, and translations in a parallel test set are not reported.

    Args:
        data: splits in the course's schema.
        threshold: similarity from which texts count as equal, see :func:`~xlft_helpers.data.cleaning.near_duplicates`.

    Returns:
        One row for each pair, the most similar first: ``language``, ``split``, ``id``, ``label``, ``text`` of the row
        in the later split (test after dev after train), the same with ``seen_`` of the row in the earlier split, and
        ``similarity`` (1 where the texts are equal up to case, mentions, links and spaces). A text that occurs several
        times in a split of a language is reported once.
    """
    parts = [part.select_columns(_FIELDS).to_pandas() for part in data.values()]
    rows = pd.concat(parts, ignore_index=True)
    rows["key"] = rows["text"].map(normalize_text)
    rows = rows.drop_duplicates(["key", "language", "split"], ignore_index=True)
    names = next(iter(data.values())).features["label"].names
    rows["label"] = rows["label"].map(dict(enumerate(names)))
    splits = rows["split"].tolist()
    pairs = [
        pair for pair in near_duplicates(rows["key"].tolist(), threshold) if splits[pair.first] != splits[pair.second]
    ]
    # The splits stand in the order train, dev, test, so a pair's first row is in the earlier one.
    later = rows.loc[[pair.second for pair in pairs], _FIELDS].reset_index(drop=True)
    seen = rows.loc[[pair.first for pair in pairs], _FIELDS].reset_index(drop=True).add_prefix("seen_")
    found = later.join(seen).assign(similarity=[pair.similarity for pair in pairs])
    return found.sort_values("similarity", ascending=False, kind="stable", ignore_index=True)
