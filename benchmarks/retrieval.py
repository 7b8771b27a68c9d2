"""A collection of 100,000 sentences, indexed and searched: memory, speed, and recall against exact search.

    python benchmarks/retrieval.py                     # 100,000 sentences, the model USE-M
    python benchmarks/retrieval.py --sentences 10000

The sentences are distinct strings: all texts of `tweets` (written for the course), the interface messages of JupyterLab
with their translations, and, in the languages that USE-M was trained on, voice commands sampled by hassil from the
templates of home-assistant-intents. The commands are the bulk. They are what the community's templates produce: people's
wording, but many differ in a number or a word only, and some combinations nobody would say. So a sentence has near
twins, and its tenth neighbour is often about as near as its eleventh, which makes recall harder.

The queries are texts that are *not* in the collection: `--queries` of the sentences, held out at random.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from typing import Any

import numpy as np
import psutil
import torch
from hassil.errors import HassilError
from hassil.intents import Intents
from hassil.sample import sample_sentence
from home_assistant_intents import get_intents

from xlft_helpers.data import load_tweets
from xlft_helpers.data.parallel import PACKS, load_parallel
from xlft_helpers.execution import peak_memory_of_this_process
from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer
from xlft_helpers.tasks.neighbours import PROBES
from xlft_helpers.tasks.retrieval import Retriever

SAMPLES, SEEN = 48, 300
"""Commands taken from a template, out of so many first ones."""

COVERED = [
    "ar",
    "de",
    "en",
    "es",
    "fr",
    "it",
    "ja",
    "ko",
    "nl",
    "pl",
    "pt",
    "pt-BR",
    "ru",
    "th",
    "tr",
    "zh-CN",
    "zh-TW",
]
"""What home-assistant-intents calls the languages that USE-M was trained on."""


def sentences() -> Iterator[tuple[str, str]]:
    """(source, text), with repetitions: first the small sources, then the commands."""
    for split in load_tweets().values():
        yield from (("tweets", text) for text in split["text"])
    for code in PACKS:
        frame = load_parallel([code])
        yield from (("interface", text) for column in ("en", code) for text in frame[column])
    for code in COVERED:
        yield from (("commands", text) for text in commands(code))


def commands(code: str) -> Iterator[str]:
    """Commands of one language; templates that need the names of somebody's rooms and devices are left out."""
    intents = Intents.from_dict(get_intents(code) or {"language": code, "intents": {}})
    rng = random.Random(code)
    for intent in intents.intents.values():
        for data in intent.data:
            rules = {**intents.expansion_rules, **data.expansion_rules}
            lists = {**intents.slot_lists, **data.slot_lists}
            for template in data.sentences:
                try:
                    found = list(islice(sample_sentence(template, lists, rules, language=code), SEEN))
                except HassilError:
                    continue  # a list that only a user's home has
                found = [" ".join(text.split()) for text in found if "{" not in text]
                yield from (text for text in rng.sample(found, min(SAMPLES, len(found))) if text)


def collection(count: int, held_out: int) -> tuple[list[str], list[str], dict[str, int]]:
    """``count`` distinct sentences, as many others as queries, and how many are from where."""
    distinct: dict[str, str] = {}
    for source, text in sentences():
        distinct.setdefault(text, source)
    if len(distinct) < count + held_out:
        raise SystemExit(f"There are only {len(distinct)} distinct sentences; ask for fewer.")
    chosen = random.Random(0).sample(sorted(distinct), count + held_out)
    kept = [distinct[text] for text in chosen[:count]]
    return chosen[:count], chosen[count:], {source: kept.count(source) for source in sorted(set(kept))}


def watched(texts: list[str], note: Callable[[int], None]) -> Iterator[str]:
    """Hand out the texts; note the memory at each quarter."""
    quarters = {len(texts) * part // 4: 25 * part for part in (1, 2, 3, 4)}
    for number, text in enumerate(texts, start=1):
        yield text
        if number in quarters:
            note(quarters[number])


def per_second(action: Callable[[], Any], count: int) -> tuple[Any, float]:
    """The action's result, and how many it did a second."""
    start = time.perf_counter()
    result = action()
    return result, count / (time.perf_counter() - start)


def recall(found: np.ndarray, exact: np.ndarray) -> float:
    """Share of the true neighbours that were found."""
    pairs = zip(found, exact, strict=True)
    return float(np.mean([len(np.intersect1d(mine, true)) / len(true) for mine, true in pairs]))


def main(arguments: Iterable[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sentences", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=1_000)
    parser.add_argument("--model", default="use-m")
    options = parser.parse_args(None if arguments is None else list(arguments))
    # In a process of its own: what sampling takes is not the engine's memory.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        texts, queries, sources = pool.submit(collection, options.sentences, options.queries).result()
    print(f"{len(texts):,} distinct sentences {sources}, {len(queries):,} queries; {options.model}, torch ", end="")
    print(f"{torch.__version__}, {torch.get_num_threads()} threads")

    model, tokenizer = load_model(options.model, "embedding"), load_tokenizer(options.model)
    vectors, speed = per_second(lambda: embed(model, tokenizer, queries).numpy(), len(queries))
    print(f"embedding the queries: {speed:.0f} a second (in batches)")

    process = psutil.Process()

    def note(percent: int) -> None:
        print(f"  {percent:3} % read: {process.memory_info().rss / 2**20:6.0f} MB resident", flush=True)

    retriever = Retriever(options.model)
    print(
        f"    0 % read: {process.memory_info().rss / 2**20:6.0f} MB resident (model and sentences loaded, model used once)"
    )
    start = time.perf_counter()
    retriever.index(watched(texts, note), approximate=True, progress=False)
    seconds = time.perf_counter() - start
    print(f"indexed: {seconds:.0f} s, {len(texts) / seconds:.0f} sentences/s, lists included; ", end="")
    print(f"{process.memory_info().rss / 2**20:.0f} MB resident with the lists")

    (exact, _), speed = per_second(lambda: retriever.nearest(vectors, 10, exact=True), len(queries))
    print(f"{'exact search':24} {speed:8.0f} queries/s  recall@10 1.000 (by definition)")
    for probes in sorted({1, 4, 16, 32, PROBES, 128}):
        (found, _), speed = per_second(
            lambda probes=probes: retriever.nearest(vectors, 10, probes=probes), len(queries)
        )
        default = "  (default)" if probes == PROBES else ""
        name = f"lists, {probes} probed"
        print(f"{name:24} {speed:8.0f} queries/s  recall@10 {recall(found, exact):.3f}{default}")
    one_by_one = queries[:100]
    _, speed = per_second(lambda: [retriever.search(query) for query in one_by_one], len(one_by_one))
    print(f"from text to ten texts, one query at a time: {speed:.0f} queries/s")
    print(f"peak memory of the process: {peak_memory_of_this_process() / 2**20:.0f} MB")


if __name__ == "__main__":
    main()
