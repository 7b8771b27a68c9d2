"""Benchmarks that the Hugging Face Hub has as Parquet: fetched at one commit, or read from a folder of the same layout.

A file a split, ``<configuration>/<split>/0000.parquet``, as the Hub's own conversion to Parquet names them. `datasets`
runs no scripts any more, so this conversion is how a benchmark that once came with a script is still to be had.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pooch
from datasets import Dataset
from datasets.exceptions import DatasetGenerationError
from huggingface_hub import constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import HfHubHTTPError, HTTPError, LocalEntryNotFoundError
from tqdm import tqdm

from xlft_helpers import settings
from xlft_helpers.errors import DataError, DownloadError

from .languages import check_language
from .tables import SPLIT_NAMES

SPLITS = ("train", "validation", "test")
"""The splits by the names that the files have."""


@dataclass(frozen=True)
class HubTables:
    """A benchmark on the Hub.

    Attributes:
        name: what the course calls it.
        repository: the Hub's data set, ``owner/name``.
        commit: the commit that is read.
        configurations: ISO 639-1 code to the name of the configuration, and so of the folder.
        columns: the columns that are used.
        megabytes: of a language's files, about, to say beforehand what a download takes.
    """

    name: str
    repository: str
    commit: str
    configurations: Mapping[str, str]
    columns: tuple[str, ...]
    megabytes: float


class _NoBar(tqdm):
    """The Hub's client would draw a bar a file; one for all files is enough."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **{**keywords, "disable": True})


def read_tables(
    source: HubTables, languages: Sequence[str] | None, data_dir: Path | str | None
) -> Iterator[tuple[str, str, Dataset, Path]]:
    """Read the splits of some languages.

    Args:
        source: the benchmark.
        languages: ISO 639-1 codes; default: all that ``data_dir`` has, or all that there are.
        data_dir: a folder with files such as ``de-DE/train/0000.parquet`` (or ``de/train-00000-of-00001.parquet``, as a
            repository's main branch may name them). Default: the Hub client's cache (``HF_HOME``), which the full profile
            fills and the offline profile only reads.

    Yields:
        For each language and split: the code, the split's name in the course, its rows as the files have them, and the
        file, or its folder, for messages. What is read is kept, as Arrow, in the course's cache folder.

    Raises:
        DataError: a language is not in the benchmark or not in the folder, a split or a column is missing, or a file is
            no Parquet or has no rows.
        DownloadError: without ``data_dir``, a file is not in the cache and cannot be downloaded.
    """
    chosen = _choose(source, languages, None if data_dir is None else Path(data_dir))
    files = _fetch(source, chosen) if data_dir is None else _find(source, chosen, Path(data_dir))
    for (language, split), paths in files.items():
        yield language, SPLIT_NAMES[split], _read(source, paths), paths[0]


def _choose(source: HubTables, languages: Sequence[str] | None, folder: Path | None) -> list[str]:
    known = source.configurations
    for code in languages or ():
        if check_language(code) not in known:
            raise DataError(f"{source.name} has no language {code!r}; it has {', '.join(known)}. Choose among them.")
    if languages or folder is None:
        return list(dict.fromkeys(languages or known))
    found = _present(source, folder)
    if not found:
        raise DataError(f"{folder}: {_layout(source, next(iter(known)))}, and there is no folder of any language.")
    return found


def _present(source: HubTables, folder: Path) -> list[str]:
    return [code for code, name in source.configurations.items() if (folder / name).is_dir()]


def _layout(source: HubTables, language: str) -> str:
    configuration = source.configurations[language]
    return f"{source.name} is expected as {configuration}/train/0000.parquet, {configuration}/validation/..., and so on"


def _find(source: HubTables, languages: Sequence[str], folder: Path) -> dict[tuple[str, str], list[Path]]:
    files = {}
    for language in languages:
        place = folder / source.configurations[language]
        for split in SPLITS:
            paths = sorted(place.glob(f"{split}/*.parquet")) or sorted(place.glob(f"{split}-*.parquet"))
            if not paths:
                raise DataError(
                    f"{place}: no Parquet file of the split {split!r}. {_layout(source, language)}; folders of languages "
                    f"there: {', '.join(_present(source, folder)) or 'none'}. Bring what is missing, or choose other languages."
                )
            files[language, split] = paths
    return files


def _fetch(source: HubTables, languages: Sequence[str]) -> dict[tuple[str, str], list[Path]]:
    """The files of the Hub client's cache; what is there is used without asking anybody."""
    names = {
        (code, split): f"{source.configurations[code]}/{split}/0000.parquet" for code in languages for split in SPLITS
    }
    kept = {key: _cached(source, name) for key, name in names.items()}
    absent = [key for key, path in kept.items() if path is None]
    if absent and settings.profile() == "offline":
        raise DownloadError(_how_to_bring(source, names[absent[0]], "the offline profile downloads nothing"))
    if absent:
        size = source.megabytes * len({code for code, _ in absent})
        print(
            f"{source.repository}: downloading {len(absent)} files, at most about {size:.0f} MB, to "
            f"{constants.HF_HUB_CACHE}; what is there stays if you interrupt.",
            file=sys.stderr,
        )
    for key in tqdm(absent, desc=source.name, unit="file", leave=False, disable=not absent):
        kept[key] = _download(source, names[key])
    return {key: [path] for key, path in kept.items() if path}


def _cached(source: HubTables, name: str) -> Path | None:
    path = try_to_load_from_cache(source.repository, name, revision=source.commit, repo_type="dataset")
    return Path(path) if isinstance(path, str) else None


def _download(source: HubTables, name: str) -> Path:
    where = f"{source.repository} on the Hub ({constants.ENDPOINT}), commit {source.commit[:8]}"
    try:
        path = Path(
            hf_hub_download(source.repository, name, repo_type="dataset", revision=source.commit, tqdm_class=_NoBar)
        )
    except LocalEntryNotFoundError as error:
        reason = f"the Hub ({constants.ENDPOINT}) cannot be asked ({type(error.__cause__ or error).__name__})"
        raise DownloadError(_how_to_bring(source, name, reason)) from error
    except HfHubHTTPError as error:
        raise DownloadError(
            f"{name}: {where} answered with the error {error.response.status_code}. At 404, it has moved: update the course, "
            "or give a folder that has the files as data_dir (--data-dir). At 429 or 500 and above, try again later."
        ) from error
    except HTTPError as error:
        raise DownloadError(
            f"{name}: the connection to {where} broke off ({type(error).__name__}). What is complete is kept: try again."
        ) from error
    except OSError as error:
        raise DownloadError(
            f"{name} of {where} did not arrive, or cannot be written to {constants.HF_HUB_CACHE}: {error}. Try again; see "
            "that there is room, or set HF_HOME to a folder that you may write to."
        ) from error
    _check_content(path, where)
    return path


def _check_content(path: Path, where: str) -> None:
    """The Hub client names the file behind its link by the SHA-256 that the Hub lists; make sure that it is so."""
    blob = path.resolve()
    if len(blob.name) == 64 and pooch.file_hash(str(blob)) != blob.name:
        path.unlink()
        blob.unlink()
        raise DownloadError(f"{path}: the content is not what {where} lists (its SHA-256 differs). Try again.")


def _how_to_bring(source: HubTables, name: str, reason: str) -> str:
    folder = f"datasets--{source.repository.replace('/', '--')}"
    return (
        f"{source.name}: {name} (commit {source.commit[:8]} of {source.repository}) is not in the cache "
        f"{Path(constants.HF_HUB_CACHE) / folder}, and {reason}. Set XLFT_PROFILE=full where there is a network. Or bring the "
        f"files from a machine that has one: copy its folder {folder} into {constants.HF_HUB_CACHE}, or put the files into "
        f"any folder under names such as {name}, and give that folder as data_dir (--data-dir)."
    )


def _read(source: HubTables, paths: Sequence[Path]) -> Dataset:
    try:
        # Not `load_dataset("parquet", ...)`: that one counts its use at the Hub, even for files on this machine.
        rows = Dataset.from_parquet([str(path) for path in paths], cache_dir=str(settings.cache_dir() / "datasets"))
    except (ValueError, DatasetGenerationError) as error:  # Arrow's word for what is no Parquet is a ValueError
        cause = error.__cause__ or error
        if isinstance(cause, OSError):
            raise DataError(
                f"{paths[0]} cannot be read, or not be kept in {settings.cache_dir()}: {cause}. See that there is room."
            ) from error
        raise DataError(f"{paths[0]} is no Parquet file with rows ({cause}). Get the file again.") from error
    missing = [column for column in source.columns if column not in rows.column_names]
    if missing:
        raise DataError(
            f"{paths[0]}: the columns {missing} are missing; found {rows.column_names}. Is it a file of {source.name}?"
        )
    return cast(Dataset, rows)
