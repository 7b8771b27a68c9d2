"""The search engine: finds what brute force finds, streams, survives a round trip, refuses what it cannot use."""

import json

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from xlft_helpers.data import load_tweets, select_language
from xlft_helpers.errors import DataError, ModelError
from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.tasks import neighbours, retrieval
from xlft_helpers.tasks.retrieval import Retriever, bitext_accuracy

TEXTS = [
    "The train is late again",
    "Das Essen schmeckt wunderbar",
    "J'ai perdu mes clés ce matin",
    "It will rain tomorrow",
    "El concierto fue increíble",
]


@pytest.fixture(scope="module")
def model():
    return load_model("use-m", "embedding")


@pytest.fixture(scope="module")
def tweets():
    test = load_tweets(["en", "fr"])["test"]
    return {code: list(select_language(test, code)["text"])[:40] for code in ("en", "fr")}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XLFT_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def indexed(model):
    retriever = Retriever(model)
    retriever.index(TEXTS, progress=False)
    return retriever


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def test_bitext_accuracy_counts_both_directions(model, tweets):
    english, french = (embed(model, load_tokenizer("use-m"), tweets[code]).numpy() for code in ("en", "fr"))
    found = bitext_accuracy(model, tweets["en"], tweets["fr"])
    nearest = NearestNeighbors(n_neighbors=1, metric="cosine")
    forward = nearest.fit(french).kneighbors(english)[1].ravel() == np.arange(40)
    backward = nearest.fit(english).kneighbors(french)[1].ravel() == np.arange(40)
    assert (found.forward, found.backward, found.n) == (forward.mean(), backward.mean(), 40)
    assert found.forward > 0.9
    shifted = bitext_accuracy(model, tweets["en"], tweets["fr"][1:] + tweets["fr"][:1])
    assert shifted.forward < 0.1, "a wrong pairing must not score"


def test_bitext_accuracy_takes_a_name_and_a_model_with_a_head(model, tweets):
    few = [texts[:8] for texts in tweets.values()]
    headed = load_model("use-m", label_names=["no", "yes"])
    expected = bitext_accuracy(model, *few)
    for other in ("use-m", headed):
        np.testing.assert_array_equal(bitext_accuracy(other, *few).backward_hits, expected.backward_hits)
    mini = load_model("mini", "embedding")
    assert bitext_accuracy(mini, *few, tokenizer=load_tokenizer("mini")).forward == bitext_accuracy(mini, *few).forward


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [([], [], "at least one"), (["a"], ["b", "c"], "1 source texts and 2"), (["a"], [" "], "target text number 0")],
)
def test_bitext_accuracy_refuses(model, source, target, message):
    with pytest.raises(DataError, match=message):
        bitext_accuracy(model, source, target)


def test_a_model_from_nowhere_needs_its_tokenizer():
    model = load_model("mini", "embedding")
    model.config.name_or_path = ""
    with pytest.raises(ModelError, match="tokenizer"):
        Retriever(model)


def test_finds_across_languages(indexed):
    hits = indexed.search("Morgen regnet es", k=2)
    assert hits[0].text == "It will rain tomorrow"
    assert hits[0].number == 3
    assert hits[0].score > hits[1].score
    assert indexed.search("Le train est encore en retard", k=99)[0].number == 0
    assert len(indexed.search("Hallo", k=99)) == len(TEXTS)


def test_shards_make_no_difference(indexed, model, monkeypatch):
    monkeypatch.setattr(retrieval, "SHARD", 2)
    small = Retriever(model)
    small.index(iter(TEXTS), progress=False)
    queries = ["Das Konzert", "mes clés"]
    for one, other in zip(indexed.rank(queries, 5), small.rank(queries, 5), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_collection_is_read_as_it_goes(model, monkeypatch):
    monkeypatch.setattr(retrieval, "SHARD", 2)
    read, embedded = [], []
    real = retrieval.embed
    monkeypatch.setattr(
        retrieval, "embed", lambda m, t, texts: embedded.append((len(texts), len(read))) or real(m, t, texts)
    )
    retriever = Retriever(model)
    retriever.index((read.append(text) or text for text in TEXTS), progress=False)
    assert embedded == [(2, 2), (2, 4), (1, 5)], "each pair should be embedded before the next one is read"


def test_exact_search_is_brute_force():
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(90, 8)).astype(np.float32), rng.normal(size=(30, 8)).astype(np.float32)
    numbers, products = neighbours.merge_best(queries, np.array_split(vectors, 4), k=25)
    expected = queries @ vectors.T
    np.testing.assert_array_equal(numbers, np.argsort(-expected, axis=1)[:, :25])
    np.testing.assert_allclose(products, np.sort(expected, axis=1)[:, ::-1][:, :25], rtol=1e-6)


def test_lists_find_all_when_all_are_probed_and_most_by_default():
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(50, 16))
    vectors = (np.repeat(centres, 100, axis=0) + 0.5 * rng.normal(size=(5000, 16))).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    shards = np.array_split(vectors, 3)
    index = neighbours.build_lists(shards, len(vectors))
    exact, _ = neighbours.merge_best(vectors[:200], shards, k=10)

    def recall(probes):
        found, _ = neighbours.search_lists(index, vectors[:200], 10, probes)
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found, exact, strict=True)])

    assert recall(index.nlist) > 0.98, "only the rounding to half precision may change a neighbour"
    assert recall(1) < recall(8) <= recall(index.nlist)
    found, products = neighbours.search_lists(index, vectors[:5], 2000, 1)
    assert (found[:, -1] == -1).all()
    assert np.isneginf(products[:, -1]).all()


def test_round_trip(indexed, model, tmp_path, cache):
    folder = tmp_path / "index"
    indexed.save(folder)
    indexed.index(TEXTS[:2], progress=False)
    indexed.save(folder)  # in place of the first
    loaded = Retriever.load(folder, model)
    assert loaded.texts == TEXTS[:2]
    assert not loaded.is_approximate
    assert loaded.search("Zug", k=2) == indexed.search("Zug", k=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "index"], "nothing temporary may stay"


def test_round_trip_with_lists(model, tmp_path):
    retriever = Retriever(model)
    retriever.index(TEXTS * 20, approximate=True, progress=False)
    retriever.save(tmp_path / "index")
    loaded = Retriever.load(tmp_path / "index", model)
    assert loaded.is_approximate
    assert loaded.search("Zug", k=3) == retriever.search("Zug", k=3)
    assert loaded.search("Zug", k=20, exact=True)[0].text == TEXTS[0]


def test_refuses_an_index_of_another_model(indexed, tmp_path):
    indexed.save(tmp_path / "index")
    with pytest.raises(ModelError, match=r"made by the model 'use-m'; 'mini' has other weights"):
        Retriever.load(tmp_path / "index", "mini")
    tuned = load_model("use-m", "embedding")
    next(tuned.parameters()).data.add_(1e-3)
    with pytest.raises(ModelError, match="other weights"):
        Retriever.load(tmp_path / "index", tuned)


@pytest.mark.parametrize("name", ["texts.json", "vectors-00000.safetensors", "lists.faiss"])
@pytest.mark.parametrize("harm", [damage, lambda path: path.unlink(), lambda path: path.write_bytes(b"")])
def test_refuses_a_damaged_file(model, tmp_path, name, harm):
    retriever = Retriever(model)
    retriever.index(TEXTS * 9, approximate=True, progress=False)
    retriever.save(tmp_path / "index")
    harm(tmp_path / "index" / name)
    with pytest.raises(DataError, match=f"{name} is missing or damaged"):
        Retriever.load(tmp_path / "index", model)


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", json.dumps({"format": 0, "model": "", "fingerprint": "", "files": {}})]
)
def test_refuses_a_damaged_description(indexed, model, tmp_path, content):
    indexed.save(tmp_path / "index")
    (tmp_path / "index" / "index.json").write_text(content)
    with pytest.raises(DataError, match=r"index\.json"):
        Retriever.load(tmp_path / "index", model)


def test_a_shard_that_vanishes_is_named(indexed, model, tmp_path):
    indexed.save(tmp_path / "index")
    loaded = Retriever.load(tmp_path / "index", model)
    (tmp_path / "index" / "vectors-00000.safetensors").unlink()
    with pytest.raises(DataError, match="missing or damaged"):
        loaded.search("Zug")


def test_refuses_to_overwrite_what_is_no_index(indexed, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(DataError, match="no index of this kind"):
        indexed.save(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "chapter.txt").exists()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "collection is empty"),
        (["a", " \n"], "text number 1 is empty"),
        (["a", None], "number 1 is of type NoneType"),
        ("one string", "is one string"),
    ],
)
def test_a_collection_that_cannot_be_used_leaves_the_old_one(indexed, cache, texts, message):
    with pytest.raises(DataError, match=message):
        indexed.index(texts, progress=False)
    assert indexed.texts == TEXTS
    assert indexed.search("Zug", k=1)
    assert len(list(cache.iterdir())) == 1, "the folder of the failed attempt should be gone"


@pytest.mark.parametrize(
    ("queries", "k", "message"),
    [
        ([""], 1, "query number 0 is empty"),
        (["a", "  "], 1, "query number 1 is empty"),
        ([], 1, "There is no query"),
        ("one string", 1, "one string"),
        (["a"], 6, "k=6, but the collection has 5"),
        (["a"], 0, "k=0"),
    ],
)
def test_queries_that_cannot_be_answered(indexed, queries, k, message):
    with pytest.raises(DataError, match=message):
        indexed.rank(queries, k)


def test_nothing_works_before_index(model, tmp_path):
    retriever = Retriever(model)
    for attempt in (lambda: retriever.search("Zug"), lambda: retriever.save(tmp_path / "index")):
        with pytest.raises(DataError, match="Nothing is indexed yet"):
            attempt()
    with pytest.raises(DataError, match="no saved index"):
        Retriever.load(tmp_path / "index", model)


def test_probes_must_be_positive(model):
    retriever = Retriever(model)
    retriever.index(TEXTS * 9, approximate=True, progress=False)
    with pytest.raises(DataError, match="probes=0"):
        retriever.nearest(np.ones((1, 512), dtype=np.float32), 1, probes=0)
