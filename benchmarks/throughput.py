"""Examples per second and peak memory: USE-M, TF-IDF, and a model of mBERT's size in a plain Trainer, side by side.

    python benchmarks/throughput.py

Each contender runs in a process of its own on the same English messages of the bundled corpus, repeated to the number
of rows given. The large model has mBERT's configuration and random weights: speed and memory do not depend on them.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time

import torch
from datasets import ClassLabel, Dataset, concatenate_datasets

from xlft_helpers.data import load_tweets, select_language
from xlft_helpers.execution import peak_memory_of_this_process

CONTENDERS = ("use-m", "tf-idf", "mbert-size")


def rows(count: int) -> Dataset:
    """``count`` English training messages."""
    english = select_language(load_tweets(["en"])["train"], "en")
    repeated = concatenate_datasets([english] * -(-count // len(english)))
    return repeated.select(range(count))


def measure_use_m(train: Dataset) -> tuple[float, float]:
    """Seconds to fine-tune one epoch, and to predict the same rows."""
    from xlft_helpers.finetuning import Recipe, finetune
    from xlft_helpers.inference import predict

    result = finetune("use-m", train, recipe=Recipe(epochs=1), progress=False)
    start = time.perf_counter()
    predict(result.model, result.tokenizer, train)
    return result.train_seconds, time.perf_counter() - start


def measure_tfidf(train: Dataset) -> tuple[float, float]:
    """Seconds to fit, and to predict the same rows."""
    from xlft_helpers.evaluation import tfidf_classifier

    texts, labels = list(train["text"]), list(train["label"])
    start = time.perf_counter()
    classifier = tfidf_classifier().fit(texts, labels)
    middle = time.perf_counter()
    classifier.predict(texts)
    return middle - start, time.perf_counter() - middle


def measure_mbert_size(train: Dataset) -> tuple[float, float]:
    """The stock recipe: Trainer's defaults, float32, everything padded to 128 pieces."""
    from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

    from xlft_helpers.models import load_tokenizer

    tokenizer = load_tokenizer("use-m")  # mBERT's own needs the network; the ids are cut to mBERT's vocabulary
    vocabulary = 119_547

    def encode(batch: dict) -> dict:
        encoded = tokenizer(batch["text"], truncation=True, max_length=128, padding="max_length")
        return {**encoded, "input_ids": [[i % vocabulary for i in ids] for ids in encoded["input_ids"]]}

    encoded = train.map(encode, batched=True, keep_in_memory=True)
    model = BertForSequenceClassification(BertConfig(vocab_size=vocabulary, num_labels=3))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, num_train_epochs=1, save_strategy="no", report_to="none", disable_tqdm=True, use_cpu=True
        )
        trainer = Trainer(model, arguments, train_dataset=encoded)
        start = time.perf_counter()
        trainer.train()
        middle = time.perf_counter()
        trainer.predict(encoded)
        return middle - start, time.perf_counter() - middle


def run_one(contender: str, count: int) -> dict[str, float]:
    """Measure one contender in this process."""
    measure = {"use-m": measure_use_m, "tf-idf": measure_tfidf, "mbert-size": measure_mbert_size}[contender]
    train = rows(count).cast_column("label", ClassLabel(names=["negative", "neutral", "positive"]))
    train_seconds, predict_seconds = measure(train)
    return {
        "train": count / train_seconds,
        "predict": count / predict_seconds,
        "memory": peak_memory_of_this_process() / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=1920, help="messages for USE-M and TF-IDF (default: 1920)")
    parser.add_argument("--large-rows", type=int, default=96, help="messages for the large model (default: 96)")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(run_one(options.only, options.rows)))
        return
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; English messages of `tweets`")
    print(f"{'':12} {'rows':>6} {'train ex/s':>11} {'predict ex/s':>13} {'peak MB':>8}")
    for contender in CONTENDERS:
        count = options.large_rows if contender == "mbert-size" else options.rows
        command = [sys.executable, __file__, "--only", contender, "--rows", str(count)]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        found = json.loads(output.strip().splitlines()[-1])
        print(f"{contender:12} {count:6} {found['train']:11.1f} {found['predict']:13.1f} {found['memory']:8.0f}")


if __name__ == "__main__":
    main()
