# %% [markdown]
# # Prepare multilingual data
#
# {{badges}}
#
# > **You will** verify and unpack downloads, read multilingual tables without losing a row, bring different sources into
# > one schema, clean them, split them without leakage, tokenize them, and measure what tokenization costs each language.
# >
# > **You need** notebook 00 and some pandas. There is no training here, and no network is needed.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Follow the path of a data set
#
# Between "there is a data set somewhere" and `finetune(model, train, dev)` lie eight steps: **find, download, verify,
# unpack, read, clean, split, tokenize**. None is hard. Each has a mistake that raises no error and still changes the
# score. With several languages there are more of them, because a mistake that spares English can hit Arabic.
#
# So this notebook breaks things on purpose. We make small broken files, read them the usual way, look at the damage,
# and then do it right. The files live in a folder of their own inside the course's cache; it goes away with the kernel.

# %%
import tempfile
from pathlib import Path

from xlft_helpers import settings

scratch = tempfile.TemporaryDirectory(dir=settings.cache_dir(), prefix="notebook-04-")
folder = Path(scratch.name)

# %% [markdown]
# ## Find a data set and pin it
#
# A data set is pinned when its address cannot silently change: a *commit* or a release, never a branch. Note four
# things before anything else: where it is, which version, under which licence, and who labelled it and how.
#
# The course's real benchmark is **UMSAB**: tweets in eight languages, three balanced labels. Its address holds a commit,
# and the package keeps a checksum for each of its files.

# %% tags=["nbval-check-output"]
from xlft_helpers.data.umsab import SHA256, URL

name = "french/test_text.txt"
print(f"{len(SHA256)} files, for example\n{URL}/{name}\nwith sha256 {SHA256[name]}")

# %% [markdown]
# In the full profile (`XLFT_PROFILE=full`) one call downloads all of it, compares every file with its checksum, and
# keeps nothing that does not match. It is shown here and not run:
#
# ```python
# from xlft_helpers.data import load_data
#
# data = load_data("umsab")                           # downloads, verifies, reads
# data = load_data("umsab", data_dir="my/copy")       # or reads a copy that you already have
# ```
#
# ## Verify what was downloaded
#
# A download can be cut short, or a log-in page can arrive in place of the file. Both leave a file with the right name.
# A **checksum** tells: SHA-256 turns any content into 64 hexadecimal digits, and nobody knows two contents with the same
# ones. We make a small file, publish its checksum, and then lose its last three bytes.

# %% tags=["nbval-check-output"]
import hashlib

published_file = folder / "labels.txt"
published_file.write_bytes(b"positive\nnegative\nneutral\n")
published = hashlib.sha256(published_file.read_bytes()).hexdigest()

cut_short = folder / "labels_cut_short.txt"
cut_short.write_bytes(published_file.read_bytes()[:-3])
for path in (published_file, cut_short):
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name:21} {digest[:16]}…  {'accepted' if digest == published else 'REFUSED'}")

# %% [markdown]
# Three bytes are missing, and the checksum is an entirely different one. The cut file would have been read without complaint: its last
# label would just be `neutr`. The package's `fetch` does the same comparison. Where the right file is there already, it
# returns at once and needs no network; where it is not, it fetches it (full profile) or says what to do (offline).

# %% tags=["nbval-check-output"]
from xlft_helpers.data import fetch
from xlft_helpers.errors import DownloadError

address = "https://example.org/labels.txt"
print("Accepted:", fetch(address, published, published_file).name)
try:
    fetch(address, published, cut_short)
except DownloadError:
    print("Refused:", cut_short.name)

# %% [markdown]
# > **A misconception.** *"The file has the right size, so it is complete."* A page of the right length, or one flipped
# > byte, passes. And a checksum from the *same* place as the file shows that nothing broke on the way, not that the
# > place was honest. Keep checksums where your code is.
#
# ### Exercise 1: write the check
#
# Write a function that says whether a file has the content that was published. Checksums are sometimes printed in
# capital letters; that must make no difference.
#
# *Hint:* `pathlib.Path(path).read_bytes()`, then one line of `hashlib`. `str.lower` evens out the letters.

# %%
from xlft_helpers.teaching import check


def has_checksum(path, sha256):
    """Return True if the SHA-256 of the file at `path` is `sha256` (64 hexadecimal digits), else False."""
    # --- stub
    return ...
    # --- solution
    return hashlib.sha256(Path(path).read_bytes()).hexdigest() == sha256.lower()
    # --- end


check.has_checksum(has_checksum)

# %% [markdown]
# ## Unpack without trusting
#
# Inside an archive, each member carries its own *path*, and the author chose it. `../train.tsv` means: one folder up. Old
# lessons call `extractall` and hope. Here is a zip with two members, an honest one and one that tries to climb out. What
# do you expect `extractall` to do: refuse, write outside, or something else?

# %% tags=["nbval-check-output"]
import zipfile

with zipfile.ZipFile(folder / "climbing.zip", "w") as archive:
    archive.writestr("train.tsv", "positive\tan honest row\n")
    archive.writestr("../train.tsv", "negative\ta row that somebody slipped in\n")

with zipfile.ZipFile(folder / "climbing.zip") as archive:
    archive.extractall(folder / "unchecked")  # the mistake
for path in sorted((folder / "unchecked").iterdir()):
    print(path.name, "holds:", path.read_text().strip())

# %% [markdown]
# Something else. Python's `zipfile` drops the `../` without a word. Nothing climbs out, but the second member lands *on*
# the first and overwrites it: two members went in, one came out, with the wrong content. `tarfile` is worse: before
# Python 3.14 its `extractall` wrote wherever the member said, unless one passed `filter="data"`.
#
# The other attack is size. A **bomb** is an archive of a few kilobytes that unpacks to fill the disk. The package's
# `unpack` counts bytes *while* it unpacks, since the sizes that an archive declares are claims too. It unpacks all, or
# nothing.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import unpack
from xlft_helpers.errors import ArchiveError

with zipfile.ZipFile(folder / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("train.tsv", bytes(8 * 2**20))
print(f"bomb.zip has {(folder / 'bomb.zip').stat().st_size:,} bytes and unpacks to {8 * 2**20:,}.")
for name in ("climbing.zip", "bomb.zip"):
    try:
        unpack(folder / name, folder / "checked", max_bytes=2**20)
    except ArchiveError as error:
        print("Refused:", str(error).replace(str(folder), "…"))
print("Anything left behind?", (folder / "checked").exists())

# %% [markdown]
# Both are refused with the member's name, and no half-filled folder stays behind. The default limit is one gigabyte.
# A data set that is honestly larger can be given a larger `max_bytes`, once you know why it is.
#
# ## Read every row, and only the rows
#
# Now a table: six French messages, label and text separated by a tab, no header, as many collections are published.
# It has three traps, all of them common on social media. One text holds U+2028, an invisible *line separator*. Two texts
# hold a single quotation mark. And the last line has no line feed at its end.

# %% tags=["nbval-check-output"]
rows = [
    ("positif", "Merci à toute l'équipe,\u2028vous êtes au top"),
    ("negatif", '"Bientôt livré, disaient-ils'),
    ("neutre", "Ouverture du guichet à 9 h demain"),
    ("negatif", 'Encore le message "sera traité sous peu'),
    ("positif", "Le soleil est revenu, enfin"),
    ("neutre", "Qui connaît un bon dentiste à Lyon ?"),
]
french_table = folder / "french.tsv"
french_table.write_bytes("\n".join(f"{label}\t{text}" for label, text in rows).encode())
print(f"{len(rows)} messages, {french_table.stat().st_size} bytes")

# %% [markdown]
# There are six messages. Let us count them in four ways. Guess each number first: counting line feeds, as `wc -l` does;
# `str.splitlines`; `pandas.read_csv` with a tab and otherwise its defaults; and the package's `read_table`.

# %% tags=["nbval-check-output"]
import pandas as pd

from xlft_helpers.data import read_table

content = french_table.read_text(encoding="utf-8")
careless = pd.read_csv(french_table, sep="\t")
careful = read_table(french_table, language="fr", split="train")
print("line feeds: ", content.count("\n"))
print("splitlines: ", len(content.splitlines()))
print("read_csv:   ", len(careless), "rows, in columns called", [column[:12] for column in careless.columns])
print("read_table: ", len(careful))
assert careful["text"].tolist() == [text for _, text in rows], "read_table must return the texts exactly"

# %% [markdown]
# Only the last is right, and none of the others raised an error.
#
# - **Line feeds** miss the last line. With texts and labels in two files this loses the last label.
# - **`splitlines`** breaks at U+2028 (and at U+0085, form feeds and others). Half a tweet becomes a row, and in a pair of
#   files every later label belongs to the wrong text.
# - **`read_csv`** takes the first message for the header, and a text that *begins* with a quotation mark runs on to the
#   next mark, across line ends. Look at what it made of rows 2 to 4:

# %% tags=["nbval-check-output"]
for cell in careless.iloc[:, 1]:
    print(ascii(cell))

# %% [markdown]
# Three messages have melted into one, with the label of the first of them. If you must use `read_csv` for a TSV, say
# `header=None, names=[...], quoting=csv.QUOTE_NONE, keep_default_na=False`: the last one because a message that says just
# `null` or `NA` would otherwise come back as a missing value.
#
# ### Line up the label names
#
# Now a Spanish table from somebody else, whose labels are called `bueno`, `malo` and `neutro`. A classifier wants class
# *numbers*. The usual encoder sorts the names and counts. What happens when each language is encoded on its own?

# %% tags=["nbval-check-output"]
from sklearn.preprocessing import LabelEncoder

for language, names in {"fr": ["positif", "negatif", "neutre"], "es": ["bueno", "malo", "neutro"]}.items():
    encoder = LabelEncoder().fit(names)
    print(language, {str(name): number for number, name in enumerate(encoder.classes_)})

# %% [markdown]
# Class 0 is *bad* in French and *good* in Spanish. Merged training would be taught nonsense, and a zero-shot score would
# drop below guessing, which looks like a failure of transfer. The cure is a **label map** written by a person: from
# every name that occurs to the name to use. Without one, the package refuses to guess.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import load_data
from xlft_helpers.errors import DataError

spanish = [("bueno", "Qué alegría verte"), ("malo", "Otra vez sin agua"), ("neutro", "Salgo a las ocho")]
tables = {"fr": rows, "es": spanish}
for language, content in tables.items():
    (folder / "own" / language).mkdir(parents=True, exist_ok=True)
    lines = "\n".join(f"{label}\t{text}" for label, text in content)
    (folder / "own" / language / "train.tsv").write_bytes(lines.encode())
try:
    load_data(folder / "own")
except DataError as error:
    print(str(error).replace(str(folder), "…"))

# %% [markdown]
# A folder per language with a file per split (`fr/train.tsv`) is one of the layouts that `load_data` reads. With the map
# it gives the **one schema** of the course: a `DatasetDict` with one entry a split and the columns `text`, `label`,
# `language`, `split`, `id`. The label is a `ClassLabel`: numbers that know their names, in one order for all languages.
# Everything later in the course takes this and only this.

# %% tags=["nbval-check-output"]
label_map = {"negatif": "negative", "neutre": "neutral", "positif": "positive"}
label_map |= {"malo": "negative", "neutro": "neutral", "bueno": "positive"}
own = load_data(folder / "own", label_map=label_map)
print(own["train"].features["label"])
frame = own["train"].to_pandas()
frame["label"] = frame["label"].map(own["train"].features["label"].int2str)
pd.crosstab(frame["language"], frame["label"])

# %% [markdown]
# > **A misconception.** *"Five stars map to three labels by cutting in the middle."* That is a decision about meaning,
# > and reviewers of different languages and cultures use the scale differently. Write such a map down where a reader
# > finds it.
#
# ### Exercise 2: write a label map
#
# A Portuguese collection has the labels `pos`, `neg`, `neu` and, in some rows, `POS` and `misto` (mixed feelings, to be
# counted as neutral). Write the map to `negative`, `neutral`, `positive`.
#
# *Hint:* a map must name *every* spelling that occurs. Its keys are the file's names, its values the names to use.

# %%
# --- stub
portuguese_map = ...
# --- solution
portuguese_map = {
    "pos": "positive",
    "POS": "positive",
    "neg": "negative",
    "neu": "neutral",
    "misto": "neutral",
}
# --- end
check.label_map(portuguese_map)

# %% [markdown]
# ## Clean: one spelling for what looks the same
#
# Unicode can write é as one character (U+00E9) or as e with a combining accent (U+0065 U+0301). They look the same, and
# to a program they are different strings: two texts that are equal for a reader are no duplicates, and a tokenizer may
# cut them differently. The **normal form C** (NFC) composes what can be composed.

# %% tags=["nbval-check-output"]
import unicodedata

one, other = "caf\u00e9", "cafe\u0301"
print(one, other, len(one), len(other), one == other)
print(unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other))

# %% [markdown]
# The package's `normalize_text` does this and a little more. White space of every kind becomes one space. Control
# characters go. Mentions become `@user` and links `http`: whom somebody writes to says nothing about the feeling, and the
# name is private. Letters, case, punctuation and emoji stay, because they carry feeling. The joiners *inside* Hindi
# words and composed emoji stay too, though they are as invisible as control characters.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import normalize_text

samples = [
    "Thanks @anna_k42 ,\u2028see https://example.org/x?y=1 !!",
    "Un cafe\u0301\u00a0 s'il  vous plai\u0302t\u0007",
    "太好了@小李 看www.example.org吧",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 \u200bSO happy",
]
for text in samples:
    print(ascii(text), "\n   ->", ascii(normalize_text(text)))
    assert normalize_text(normalize_text(text)) == normalize_text(text), "normalizing twice changes nothing"

# %% [markdown]
# Read the third sample closely. Chinese puts no space behind an address, so a pattern such as `www\S+` would have eaten
# the rest of the sentence. Cleaning rules that were tried on English only do such things. (`@小李` stays: on many
# networks handles are ASCII, and a rule that takes any letter would eat Chinese sentences.)
#
# ### Measure how much two texts overlap
#
# Exact copies are found with a set. *Near*-duplicates, such as a retweet with one word added, need a measure. Let $A$ and
# $B$ be the sets of character trigrams (three characters in a row) of two texts. Their **Jaccard similarity** is
#
# $$J(A, B) = \frac{|A \cap B|}{|A \cup B|}$$
#
# It is 1 for equal sets and 0 for disjoint ones. Trigrams need no word boundaries, so the measure works in Chinese too.
# We compute it by hand, with the package, and with scikit-learn.

# %% tags=["nbval-check-output"]
import numpy as np
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import jaccard_score

from xlft_helpers.data import near_duplicates

pair = ["so happy with my new bike", "so happy with my new bike today"]
A, B = ({text[i : i + 3] for i in range(len(text) - 2)} for text in pair)
by_hand = len(A & B) / len(A | B)
by_package = near_duplicates(pair, threshold=0.5)[0].similarity
presence = CountVectorizer(analyzer="char", ngram_range=(3, 3), binary=True).fit_transform(pair).toarray()
np.testing.assert_allclose([by_package, jaccard_score(*presence)], by_hand)
print(f"|A ∩ B| = {len(A & B)}, |A ∪ B| = {len(A | B)}, J = {by_hand:.3f}")

# %% [markdown]
# Three ways, one number. One added word leaves the similarity well above 0.7, the course's default threshold. Where the
# threshold should lie is a judgement: too low and honest messages go ("good morning!" and "good morning all!"), too high
# and copies stay.
#
# ### Exercise 3: write Jaccard yourself
#
# Write the similarity of two texts by their character $n$-grams, $n$ as an argument. Two texts too short to have an
# $n$-gram share nothing: return 0.0 then, and do not divide by zero.
#
# *Hint:* a text of length $m$ has $m - n + 1$ places where an $n$-gram can start. Use sets, not lists.


# %%
def jaccard(one, other, n=3):
    """Return |A ∩ B| / |A ∪ B| of the sets of character n-grams of two strings; 0.0 if both sets are empty."""
    # --- stub
    return ...
    # --- solution
    first, second = ({text[i : i + n] for i in range(len(text) - n + 1)} for text in (one, other))
    return len(first & second) / len(first | second) if first | second else 0.0
    # --- end


check.jaccard(jaccard)

# %% [markdown]
# ### Clean a table and read the report
#
# Now the whole step on 60 rows of the bundled corpus, English and Arabic. We first plant faults whose number we know:
# three exact copies, two near-copies, one empty row, and four texts with stray control characters. A cleaning step
# should give a report, and the report should be *checked*; with planted faults we can.

# %%
corpus = load_data("tweets")
train = corpus["train"].to_pandas()
train["label"] = train["label"].map(dict(enumerate(corpus["train"].features["label"].names)))
good = train[train["language"].isin(["en", "ar"])].groupby("language").head(30).reset_index(drop=True)
good["text"] = good["text"].map(normalize_text)
copies = good.iloc[[0, 1, 40]].assign(id=["copy-1", "copy-2", "copy-3"])
close = good.iloc[[5, 45]].assign(id=["close-1", "close-2"], text=lambda frame: frame["text"] + " RT")
empty = good.iloc[[9]].assign(id="empty-1", text=" \u200b ")
messy = pd.concat([good, copies, close, empty], ignore_index=True)
messy.loc[[20, 21, 50, 51], "text"] += "\u0007"

# %% tags=["nbval-check-output"]
from xlft_helpers.data import clean

cleaned, report = clean(messy)
print(report)
assert report.removed["reason"].value_counts().to_dict() == {"exact duplicate": 3, "near duplicate": 2, "empty": 1}
assert len(cleaned) == len(good), "exactly the planted rows must go"
report.removed[["language", "id", "reason", "kept_id"]]

# %% [markdown]
# The report finds what was planted and nothing else: six rows go, and five texts are changed (the four with a control
# character, and the empty one). `kept_id` names the row that stays for each duplicate. Of duplicates with *different
# labels* one stays as well, so look at `kept_label` beside `label` in your own data: every such pair is a doubt about
# the labelling. And where a duplicate stands in two splits, the training row goes and the test row stays.
#
# ## Split without leakage
#
# **Leakage** means that test material, or a near-copy of it, is among the training data. The score then measures memory.
# `find_leakage` compares the splits of a data set with each other, in all languages at once.

# %%
from xlft_helpers.data import find_leakage

data = load_data(settings.default_data())
found = find_leakage(data)
print(f"{len(found)} leaking pairs at similarity 0.7 among {sum(map(len, data.values())):,} rows.")
found[["language", "split", "id", "seen_split", "seen_id", "similarity"]].head()

# %% [markdown]
# The bundled corpus was checked in this way when it was made, so the table should be empty there. Published data sets are
# not always so clean: UMSAB has French tweets that stand in train and in test. A check that finds nothing must first
# show that it *can* find something. So we put one test message, in capital letters and with a mention in front, into
# train.

# %% tags=["nbval-check-output"]
from datasets import DatasetDict, concatenate_datasets

victim = corpus["test"].select([7])
retweet = victim.map(lambda row: {"text": "@user " + row["text"].upper(), "split": "train", "id": "retweet"})
leaky = DatasetDict({**corpus, "train": concatenate_datasets([corpus["train"], retweet])})
found = find_leakage(leaky)
assert found["seen_id"].tolist() == ["retweet"], "exactly the planted leak must be found"
found[["language", "split", "id", "seen_split", "seen_id", "similarity"]]

# %% [markdown]
# ### Mind the translations
#
# The test set of `tweets` is *parallel*: the same 150 messages in every language. Suppose somebody adds the French ones to
# the training data and tests on the English ones, "another language, so no overlap". The model would train on the
# answers. Would the leakage check see it? Compare each English test message with its own translation:

# %% tags=["nbval-check-output"]
test = corpus["test"].to_pandas().pivot_table(index="id", columns="language", values="text", aggfunc="first")
grams = test.map(lambda text: {text[i : i + 3].casefold() for i in range(len(text) - 2)})
overlap = {
    language: [len(a & b) / len(a | b) for a, b in zip(grams["en"], grams[language], strict=True)]
    for language in ("fr", "de", "es", "ru", "ar", "zh")
}
overlap = pd.DataFrame(overlap)
assert overlap.max().max() < 0.5, "a translation should look different"
overlap.describe().loc[["count", "mean", "max"]].round(2)

# %% [markdown]
# Every value lies far below 0.7, the largest included. Characters cannot see a translation, and no threshold would
# separate it from chance. What knows is the **id**: rows that translate each other share one. Hence the rule: *split by
# message, then by language*. All translations of a message go to the same split.
#
# How bad is the naive way, splitting *rows* at random? With $K$ languages and a share $q$ of rows in test, a test row has at
# least one translation in train with probability
#
# $$P(\text{leak}) \approx 1 - q^{K-1}$$
#
# since each of its $K-1$ translations escapes train only with probability $q$. We draw such a split and count.

# %% tags=["nbval-check-output"]
from sklearn.model_selection import GroupShuffleSplit, train_test_split

parallel = corpus["test"].to_pandas()
for languages in (["en", "fr"], ["en", "fr", "ar", "zh"]):
    part = parallel[parallel["language"].isin(languages)].reset_index(drop=True)
    train_rows, test_rows = train_test_split(part, test_size=0.2, random_state=0)
    counted, formula = test_rows["id"].isin(train_rows["id"]).mean(), 1 - 0.2 ** (len(languages) - 1)
    assert abs(counted - formula) < 0.15, "the count should lie near the formula"
    print(f"{len(languages)} languages, n = {len(test_rows)} test rows: counted {counted:.2f}, formula {formula:.2f}")
    train_at, test_at = next(GroupShuffleSplit(test_size=0.2, random_state=0).split(part, groups=part["id"]))
    print("   split by id instead:", part.loc[test_at, "id"].isin(part.loc[train_at, "id"]).mean())

# %% [markdown]
# With two languages most test rows leak; with four nearly all do. Splitting by id (scikit-learn calls the ids *groups*) brings
# it to zero. The same holds for other groups: several messages of one author, or sentences of one article.
#
# ### Exercise 4: find the translated leaks
#
# Write a function that takes rows (dictionaries with `id`, `language`, `split`) and returns the *set* of ids that stand in
# train **and** in test, whatever the language. Rows of the dev split do not count here.
#
# *Hint:* two sets and one `&`.


# %%
def translated_leaks(rows):
    """Return the set of ids that occur in the split 'train' and in the split 'test'."""
    # --- stub
    return ...
    # --- solution
    ids = {split: {row["id"] for row in rows if row["split"] == split} for split in ("train", "test")}
    return ids["train"] & ids["test"]
    # --- end


check.translated_leaks(translated_leaks)

# %% [markdown]
# ## Compare the class priors
#
# The **class prior** of label $y$ in language $k$ is its share among the $M_k$ rows of the language:
#
# $$p_k(y) = \frac{1}{M_k} \sum_{i=1}^{M_k} [\, y_i = y \,]$$
#
# If the priors differ between languages, a model trained on all of them can earn points by recognizing the *language*.
# And a score on one test set cannot be compared with that on another. The bundled corpus is balanced by design. To see a
# difference, we drop two thirds of the positive German messages, as a collection of complaints might.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import class_priors, select_language

some = select_language(corpus["train"], "en", "fr", "de")
kept = [i for i, row in enumerate(some) if row["language"] != "de" or row["label"] != 2 or i % 3 == 0]
priors = class_priors(some.select(kept)).set_index("language")
by_hand = np.mean([row["label"] == 2 for row in some.select(kept) if row["language"] == "de"])
assert abs(by_hand - priors.loc["de", "positive"]) < 1e-12
priors[["n", "negative", "neutral", "positive"]].round(3)

# %% [markdown]
# English and French have a third of each label; German has not. Over all three languages together the difference would
# nearly vanish, because English has the most rows. So look at priors *per language*. Real sources differ much more than
# this. What helps: report macro-F1 and not accuracy, put the majority baseline of each language beside it, and balance
# where you can afford to drop rows.
#
# ## Tokenize in batches
#
# A model reads numbers, one a **piece**. The old mistake here is to treat a pandas column like a `datasets` column:

# %% tags=["nbval-check-output"]
from xlft_helpers.models import load_tokenizer

tokenizer = load_tokenizer(settings.default_model())


def to_pieces(batch):
    return tokenizer(batch["text"], truncation=True, max_length=128)


frame = corpus["dev"].to_pandas()
try:
    frame[["text"]].map(to_pieces, batched=True)  # the mistake: pandas' map
except TypeError as error:
    print("TypeError:", error)

# %% [markdown]
# Pandas' `map` is *element-wise*: it hands over one cell at a time, and `batched` is handed on to our function, which has
# never heard of it. Without `batched` it fails differently: a cell is a string, and a string has no `["text"]`.
#
# `datasets.Dataset.map(batched=True)` hands over a dictionary of lists, a thousand rows at a time. That suits fast
# tokenizers, which work on many texts at once. The package's `tokenize` is this call with the length added.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import tokenize

pieces = corpus["dev"].map(to_pieces, batched=True, keep_in_memory=True, load_from_cache_file=False)
tokenized = tokenize(corpus["dev"], tokenizer, max_length=128)
assert list(pieces["input_ids"]) == list(tokenized["input_ids"]), "the two must agree row by row"
print(len(pieces), "rows;", "new columns:", [name for name in tokenized.column_names if name not in frame])

# %% [markdown]
# Nothing is *padded* yet. Padding every row to 128 would make the model read mostly padding, so batches are padded
# when they are formed, each to its own longest row.
#
# ## See what tokenization costs each language
#
# A tokenizer learned its pieces from some mixture of languages. Where a language was rare in it, words fall apart. The
# **fertility** of language $k$ is the number of pieces a word, over all its texts together:
#
# $$f_k = \frac{\sum_i \text{pieces}(x_i)}{\sum_i \text{words}(x_i)}$$
#
# A fertility of 1 means a piece a word. Where the script puts no spaces between words (Chinese), we divide by *characters*,
# and the value cannot be compared with the others. We count for English and let the package count for all.

# %%
from xlft_helpers.data import tokenizer_report

english = select_language(data["test"], "en")["text"]
by_hand = sum(len(tokenizer.tokenize(text)) for text in english) / sum(len(text.split()) for text in english)
costs = tokenizer_report(data["test"], tokenizer, max_length=64).set_index("language")
assert abs(by_hand - costs.loc["en", "fertility"]) < 1e-9, "by hand and by the package"
print(f"English: {by_hand:.3f} pieces a word. Cut off above 64 pieces:")
costs.round(3)

# %%
from xlft_helpers.plots import plot_bar_panels, set_style, show

set_style()
words = costs.loc[costs["unit"] == "word", "fertility"]
figure = plot_bar_panels({"fertility (pieces a word)": words, "mean pieces a message": costs["pieces"]})
show(
    figure,
    alt="Two bar charts by language: on the left pieces a word, without languages written without spaces; on the "
    "right the mean number of pieces a message, for all languages.",
    caption="Left: fertility, only where the script has spaces. Right: what the model has to read for one message.",
)

# %% [markdown]
# Read the two charts together. On the left, fertility also counts the language's *words*: Russian and Arabic put into one
# word what English says in two, so a higher value is not all waste. The right chart has no such excuse where the test set
# is parallel, as offline: the same message, so a longer bar is a cost. Petrov et al. (2023) call it a premium on the language.
#
# Then look at the column `unknown` of the table. Where it is high, the tokenizer has no pieces for the script, and what
# the model sees is a row of "I don't know". Fine-tuning cannot give it the text back. With USE-M, look at Hindi: before
# any training, this column says what to expect of it.
#
# ### Count what is cut off
#
# A model reads at most $L$ pieces; the rest is **truncated**. The share of texts that are cut,
# $t_k(L) = \frac{1}{n} \sum_i [\, \text{length}(x_i) > L \,]$, depends on the language as soon as fertility does. So one
# value of $L$ is *not* the same limit for every language. We measure the
# lengths once, and check the column for 64 against the package.

# %%
whole = tokenize(data["test"], tokenizer, max_length=512).to_pandas()
cut = {L: 100 * (whole["length"] > L).groupby(whole["language"], sort=False).mean() for L in (32, 48, 64, 128)}
shares = pd.DataFrame(cut)
np.testing.assert_allclose(shares[64], 100 * costs["truncated"].loc[shares.index])
print(f"Share of messages cut, in percent (n = {len(english)} in English), by the longest input L:")
shares.round(1)

# %% [markdown]
# Compare the languages within a column: the same $L$ cuts different shares of them, and English is not the worst off. A
# message is cut at its *end*, where "…but then they ruined it" stands. Choose $L$ from the language that is worst off, not from English.
#
# ### Look at the pieces themselves
#
# Choose a language. Each box is a piece as the model sees it, and dark boxes are unknown pieces. Arabic runs from right to left,
# and the mark `▁` says that a space came before.

# %%
import ipywidgets as widgets

from xlft_helpers.data import language_name, languages_of
from xlft_helpers.teaching import explore, pieces_html


def show_pieces(code):
    texts = select_language(data["test"], code)["text"][:3]
    return "".join(pieces_html(text, tokenizer, code) for text in texts)


options = [(f"{language_name(code)} ({code})", code) for code in languages_of(data["test"])]
start = "ar" if "ar" in costs.index else "en"
control = widgets.Dropdown(options=options, value=start, description="Language")
explore(control, show_pieces, alt="Three test messages of the chosen language, cut into the tokenizer's pieces.")

# %% [markdown]
# Offline, the first messages of the languages are translations of each other, so you can compare how a name or a rare word
# falls apart in each. Try Hindi too.
#
# ## Augment, and say what could break
#
# **Augmentation** makes more training rows from those you have, by changes that should keep the label. Two small ones:
# delete each word with probability $p$ (Wei & Zou 2019), and remove emoji. The question is always what "should" hides.
# Random deletion can take the *not* out of "not good". With $m$ negation words in a text, at least one goes with probability
#
# $$P(\text{a negation is lost}) = 1 - (1 - p)^m$$


# %% tags=["nbval-check-output"]
def delete_words(text, p, generator):
    words = text.split()
    kept = [word for word in words if generator.random() >= p]
    return " ".join(kept or words[:1])


def remove_emoji(text):
    marks = {character for character in text if unicodedata.category(character) == "So"} | {"\ufe0f", "\u200d"}
    return " ".join("".join(character for character in text if character not in marks).split())


text, generator = "this is not good, not at all", np.random.default_rng(0)
lost = [delete_words(text, 0.1, generator).split().count("not") < 2 for _ in range(20_000)]
assert abs(np.mean(lost) - (1 - 0.9**2)) < 0.01, "counted and formula"
print(f"counted {np.mean(lost):.3f} in n = {len(lost):,} draws, formula {1 - 0.9**2:.3f}")

# %% [markdown]
# Nearly one copy in five of this text has lost a negation, at a deletion rate that sounds careful. In about half of these
# it is the first one: "this is good, not at all". Emoji are no safer: in an ironic message the emoji may be the only sign of the irony. And
# deletion word by word has no meaning where there are no spaces: `split` sees a Chinese message as one or two words.
#
# How many messages would emoji removal change, and does it leave an empty text anywhere?

# %% tags=["nbval-check-output"]
rows = corpus["train"].to_pandas()
rows["without"] = rows["text"].map(remove_emoji)
rows["changed"] = rows["without"] != rows["text"].map(lambda text: " ".join(text.split()))
rows["empty"] = rows["without"] == ""
table = rows.groupby("language", sort=False).agg(n=("text", "size"), changed=("changed", "sum"), empty=("empty", "sum"))
table["changed (%)"] = (100 * table["changed"] / table["n"]).round(1)
table

# %% [markdown]
# The shares differ between languages, so this augmentation gives some languages more new rows than others. If you use
# it, count again afterwards, and look at the priors again.
#
# One rule has no exception: **augment after splitting, and the training rows only**. A changed copy of a test message in
# train is a near-duplicate of the test message. Here is what happens when somebody augments first ($p = 0.2$) and splits
# later.

# %% tags=["nbval-check-output"]
generator = np.random.default_rng(0)
some = select_language(corpus["test"], "en").select(range(30))
augmented = some.map(
    lambda row: {"text": delete_words(row["text"], 0.2, generator), "split": "train", "id": "aug-" + row["id"]},
    load_from_cache_file=False,
)
caught = find_leakage(DatasetDict({"train": augmented, "test": some}))
assert 15 < len(caught) < 30, "most augmented copies should be recognized, not all"
print(f"{len(caught)} of {len(some)} augmented copies are recognized as leaks at similarity 0.7.")

# %% [markdown]
# Most are caught. The others lost so many words that their similarity fell below the threshold, and they leak as well. So
# a check cannot replace the right order.
#
# ## Prepare your own data
#
# Now everything in a row, on a table as one might get it from a colleague: English and German, columns called
# `message`, `rating` and `lang`, ratings from -1 to 1, and copies in it. First we write such a file, from rows of the
# corpus. Then the path takes five calls.

# %%
part = pd.concat([corpus[split].to_pandas() for split in ("train", "dev", "test")])
part = part[part["language"].isin(["en", "de"])].groupby(["split", "language", "label"]).head(9)
part = pd.concat([part, part.head(4)])  # a few copies
table = pd.DataFrame({"message": part["text"], "rating": part["label"] - 1, "lang": part["language"]})
table["split"] = part["split"].replace({"dev": "val"})
lines = ["\t".join(map(str, row)) for row in [tuple(table.columns), *table.itertuples(index=False)]]
(folder / "colleague.tsv").write_bytes("\n".join(lines).encode())
print(f"{len(table)} rows, for example: {lines[1]!r}")

# %% tags=["nbval-check-output"]
from xlft_helpers.data import build_dataset, require_rows

ratings = {"-1": "negative", "0": "neutral", "1": "positive"}
columns = {"text_column": "message", "label_column": "rating", "language_column": "lang"}
frame = read_table(folder / "colleague.tsv", label_map=ratings, **columns)
frame, report = clean(frame)
mine = build_dataset(frame, list(ratings.values()), "colleague.tsv")
for split in ("train", "dev", "test"):
    require_rows(mine, split, ["en", "de"])
print(report)
print(len(find_leakage(mine)), "leaks;", {split: len(rows) for split, rows in mine.items()})

# %% [markdown]
# Read, clean, build, require, look for leaks. `val` was recognized as the schema's `dev`, the ratings became names, and
# the copies are gone. `require_rows` made sure that every language has every class in every split, which is what training and
# a macro-F1 need. The result has the same form as the bundled corpus:

# %% tags=["nbval-check-output"]
for name in ("text", "label", "language", "split", "id"):
    assert mine["train"].features[name] == corpus["train"].features[name], name
print(mine["train"].features["label"], mine["train"].column_names)
class_priors(mine).round(3)

# %% [markdown]
# It is ready. Training on it is what notebook 05 is about, and takes one line:
#
# ```python
# finetune("use-m", select_language(mine["train"], "en"), select_language(mine["dev"], "en"))
# ```
#
# The command line takes the file directly if its columns are called `text`, `label`, `language` and `split`:
# `xlft compare --data colleague.tsv --methods zero-shot merged --source en`.
#
# Write down what you did, in a **data card**: source and version, licence, how it was labelled and by whom, what was removed and
# why (the report), sizes and priors per language, and what the data do not show.

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("04_data_preparation")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# Verify by checksum, unpack with limits, and let only line feeds end a line. Map labels by hand, into one schema. Normalize,
# then remove empty rows and duplicates, and check the report. Split by message, so that no translation of a test message is in
# train. Compare priors, fertility, truncation and unknown pieces *per language*, before any score is. Augment last, and
# the training rows only.
#
# ## Read on
#
# Barbieri, Espinosa Anke & Camacho-Collados 2022, *XLM-T* (LREC), describes UMSAB. Lee et al. 2022, *Deduplicating
# Training Data Makes Language Models Better* (ACL), shows what duplicates do. Rust et al. 2021, *How Good is Your
# Tokenizer?* (ACL), relates fertility to scores; Petrov et al. 2023, *Language Model Tokenizers Introduce Unfairness
# Between Languages* (NeurIPS), compares parallel texts. Wei & Zou 2019, *EDA* (EMNLP), is the source of random deletion.
# Bender & Friedman 2018, *Data Statements for Natural Language Processing* (TACL), says what belongs into a data card.
#
# {{navigation}}
