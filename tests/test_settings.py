"""The settings, and what they refuse."""

import os
import time
from pathlib import Path

import pytest

from xlft_helpers import settings
from xlft_helpers.errors import XlftError


def test_profile_changes_model_and_data_and_nothing_else(monkeypatch):
    monkeypatch.delenv("XLFT_PROFILE", raising=False)
    assert (settings.profile(), settings.default_model(), settings.default_data()) == ("offline", "use-m", "tweets")
    monkeypatch.setenv("XLFT_PROFILE", "full")
    assert (settings.profile(), settings.default_model(), settings.default_data()) == ("full", "xlmr", "umsab")


def test_unknown_profile_names_the_known_ones(monkeypatch):
    monkeypatch.setenv("XLFT_PROFILE", "Full")
    with pytest.raises(XlftError, match="'offline' or 'full'"):
        settings.profile()


def test_cache_folder_is_made_where_it_is_asked_for(monkeypatch, tmp_path):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path / "a" / "b"))
    assert settings.cache_dir() == tmp_path / "a" / "b"
    assert settings.cache_dir().is_dir()


def test_cache_folder_that_cannot_be_made_names_the_remedy(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path / "file" / "cache"))
    with pytest.raises(XlftError, match="Set XLFT_CACHE_DIR"):
        settings.cache_dir()


def test_scratch_of_a_killed_process_goes_and_that_of_a_running_one_stays(monkeypatch, tmp_path):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path))
    running = settings.scratch_folder()
    left = tmp_path / "scratch" / "left"
    left.mkdir()
    (left / "checkpoint").write_text("")
    long_ago = time.time() - 31 * 24 * 3600
    os.utime(left, (long_ago, long_ago))
    with settings.scratch_folder() as fresh:
        assert sorted((tmp_path / "scratch").iterdir()) == sorted(map(Path, (running.name, fresh)))
    running.cleanup()
    assert not list((tmp_path / "scratch").iterdir())


def test_precision_gives_its_reason():
    chosen = settings.precision()
    assert "bfloat16" in chosen.reason
    assert isinstance(chosen.bf16, bool)
