# %% [markdown]
# # Ask in one language, find in another
#
# {{badges}}
#
# > **You will** search by meaning across languages, compute P@1, recall, MRR and nDCG from their formulas, find out which
# > queries fail and why, damp hubs with the margin score and the language with mean-centring, fuse two rankings (and
# > see when not to), and build a search engine that stays fast when the collection grows.
# >
# > **You need** the shared space of notebook 01, intervals and paired comparisons (notebook 07) and a little numpy.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Embed once, compare everywhere
#
# **Retrieval** means: there is a *collection* of texts, somebody asks a *query*, and the system ranks the texts. In
# **cross-lingual** retrieval the answer may be in another language than the query. A *dense* system embeds both with one
# multilingual encoder and ranks by the cosine of the vectors. Nothing is trained in this notebook: what is measured is
# what pretraining left in the space.
#
# First the test set of `tweets`: 150 messages, each in ten languages. A message and its translation have the same id,
# so for every query the right answer is known. The encoder is USE-M, in any profile; to try another model, change the
# name in the cell.

# %% tags=["nbval-check-output"]
import numpy as np
import pandas as pd

from xlft_helpers.data import load_data, select_language
from xlft_helpers.teaching import show_messages

languages = ["en", "fr", "de", "es", "it", "pt", "ru", "zh", "ar", "hi"]
tweets = load_data("tweets", languages=languages)
test = tweets["test"].to_pandas().pivot(index="id", columns="language", values="text")
texts = {k: list(test[k]) for k in languages}
print({k: len(messages) for k, messages in texts.items()})
one = pd.DataFrame({"language": languages, "text": [texts[k][24] for k in languages]})
show_messages(one.iloc[[0, 1, 7, 8, 9]], caption="One message of the test set in five of its ten languages.")

# %%
from xlft_helpers.inference import embed
from xlft_helpers.models import load_model, load_tokenizer

model, tokenizer = load_model("use-m", "embedding"), load_tokenizer("use-m")
E = {k: embed(model, tokenizer, texts[k]).numpy() for k in languages}
print(f"{len(E)} languages, vectors of shape {E['en'].shape} each")

# %% [markdown]
# ## Find the translation
#
# Take the English messages as queries and the French ones as the collection. A query is a *hit* if the nearest French
# message is its own translation. The share of hits is **precision at 1**:
#
# $$\mathrm{P@1} = \frac{1}{n}\sum_{i=1}^{n} \big[\operatorname{argmax}_j \cos(q_i, c_j) = i\big], \qquad
# \cos(q, c) = \frac{q^\top c}{\lVert q \rVert \, \lVert c \rVert}$$
#
# Guessing scores $1/n$, here 0.7 %. The cell computes P@1 by hand and compares it with the package, whose
# `bitext_accuracy` starts from the texts and does both directions.

# %%
from xlft_helpers.tasks.retrieval import bitext_accuracy

q, c = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True) for vectors in (E["en"], E["fr"]))
cosines = q @ c.T
by_hand = np.mean(cosines.argmax(axis=1) == np.arange(len(q)))
package = bitext_accuracy(model, texts["en"], texts["fr"])
assert np.isclose(by_hand, package.forward), f"{by_hand} by hand, {package.forward} in the package"
print(f"en to fr {100 * package.forward:.1f} %, fr to en {100 * package.backward:.1f} %, n = {package.n}")

# %% [markdown]
# Now every language, in both directions. A search that finds everything needs a baseline that shows how easy the test
# is. **BM25** is the classic of lexical search: it scores the *words* that query and text share, rare words more. It
# cannot translate. But names, numbers and hashtags stay the same in many languages, and it finds those. We expect BM25
# to do better between languages that share an alphabet, and to be far below the encoder wherever the encoder
# can read. For Hindi, which USE-M was not trained on, we expect little.

# %%
from xlft_helpers.evaluation import bootstrap_mean, retrieval_hits
from xlft_helpers.tasks.lexical import LexicalIndex

right = np.arange(len(texts["en"]))
hits, words, rows = {}, {}, {}
for k in languages[1:]:
    hits[k] = retrieval_hits(E["en"], E[k])
    words[k] = LexicalIndex(texts[k]).rank(texts["en"], k=1)[0][:, 0] == right
    forward = bootstrap_mean(hits[k])
    back = retrieval_hits(E[k], E["en"]).mean()
    rows[k] = [100 / len(right), 100 * words[k].mean(), 100 * forward.estimate, 100 * forward.low, 100 * forward.high]
    rows[k].append(100 * back)
columns = ["guess", "BM25 en→x", "USE-M en→x", "low", "high", "USE-M x→en"]
pd.DataFrame(rows, index=columns).T.round(1)

# %%
covered = ["fr", "de", "es", "it", "pt", "ru", "zh", "ar"]
average = bootstrap_mean(np.mean([hits[k] for k in covered], axis=0))  # by message: translations fail together
print(f"P@1 en→x, mean of {', '.join(covered)}: {100 * average.estimate:.1f} % ", end="")
print(f"[{100 * average.low:.1f}, {100 * average.high:.1f}], n = {len(right)} messages")
assert average.estimate > 0.9 > 0.5 > np.mean([words[k].mean() for k in covered])
hindi = bootstrap_mean(hits["hi"] * 1.0 - words["hi"])
print(f"Hindi, USE-M minus BM25: {100 * hindi.estimate:+.1f} points [{100 * hindi.low:+.1f}, {100 * hindi.high:+.1f}]")
assert hindi.low < 0 < hindi.high, "in Hindi the two should not be distinguishable"

# %% [markdown]
# P@1 in percent, with 95 % bootstrap intervals over the messages. For the covered languages the search is practically
# solved on this test, and that is a statement about the *test* as much as about the model: 150 long messages about
# different things are easy to tell apart. (An interval from 100 to 100 does not mean certainty. The bootstrap cannot
# invent a miss that it has not seen; with no miss in $n$, the true rate of misses may still be about $3/n$, here 2 %.)
# BM25 finds the translation of a fair share, from what does not get translated. In Hindi USE-M cannot be told
# from it: see the last line, which compares the two on the same queries.
#
# ## Look at Hindi
#
# Hindi stands far below the others. Why? The tokenizer knows hardly any Devanagari, so most of what it writes is the
# unknown piece. Let us look at both at once: the share of unknown pieces, and what a Hindi query finds in English.

# %%
from xlft_helpers.data import tokenizer_report

unknown = tokenizer_report(tweets["test"], tokenizer).set_index("language")["unknown"]
found = (E["hi"] @ E["en"].T).argmax(axis=1)
answered = np.bincount(found, minlength=len(right))
print(f"unknown pieces: English {100 * unknown['en']:.0f} %, Hindi {100 * unknown['hi']:.0f} %")
print(f"the 150 Hindi queries find {np.count_nonzero(answered)} different English messages;", end=" ")
print(f"one of them is the answer to {answered.max()} queries")
assert unknown["hi"] > 0.4 and np.count_nonzero(answered) < 100

# %%
rows = []
for i in [j for j in right if found[j] == answered.argmax()][:2] + [j for j in right if found[j] == j][:2]:
    rows.append(("hi", texts["hi"][i], "query"))
    rows.append(("en", texts["en"][found[i]], "right" if found[i] == i else "wrong"))
show_messages(
    pd.DataFrame(rows, columns=["language", "text", "found"]),
    caption="Two Hindi queries that the same English message answers, and two that find their translation.",
)

# %% [markdown]
# The right answers are no understanding of Hindi. Look for what the two sides share. Here it is digits; elsewhere it may
# be a name in Latin letters or an emoji. And one English message answers a crowd of queries, because vectors of mostly unknown pieces lie
# close together and have the same neighbour. A search engine would show these answers like all others, without a
# warning. So check coverage *before* you promise a language.
#
# ## Take a harder collection
#
# The interface of JupyterLab has been translated by its users. `load_parallel` gives about 3,000 English messages with
# their French and Chinese translations. They are short, technical and *alike* ("Restart Kernel…", "Restart Kernel and
# Run All Cells…"), which is what makes search hard. Since nothing is trained, no split is needed. Every second English message is a query
# (that is enough to see the effects, and saves memory); the collection is complete.
#
# One trap first: different English messages may share a translation. A collection with copies would count a right
# answer as wrong, so the collection holds each text once, and `answer` says where a query's translation stands.

# %% tags=["nbval-check-output"]
from xlft_helpers.data.parallel import load_parallel

messages = load_parallel(["fr", "zh"])
queries = list(messages["en"][::2])
collection, answer = {}, {}
for k in ("fr", "zh"):
    collection[k] = list(dict.fromkeys(messages[k]))
    answer[k] = np.array([collection[k].index(text) for text in messages[k][::2]])
    print(f"{len(queries)} English queries, {len(collection[k])} different texts in {k}")

# %%
from xlft_helpers.tasks.ranking import cosine_scores

Q = embed(model, tokenizer, queries).numpy()
C = {k: embed(model, tokenizer, collection[k]).numpy() for k in collection}
S = {k: cosine_scores(Q, C[k]) for k in C}
print({k: scores.shape for k, scores in S.items()})

# %% [markdown]
# ## Compute the metrics of a ranking
#
# P@1 looks at the first text only. A person looks at a list. Say that for one query $r_i = 1$ if the text at rank $i$ is
# relevant, and that $R$ texts are relevant in all:
#
# $$\text{recall@}k = \frac{1}{R}\sum_{i=1}^{k} r_i \qquad
# \mathrm{MRR} = \operatorname{mean}\Big(\frac{1}{\text{first } i \text{ with } r_i = 1}\Big) \qquad
# \mathrm{nDCG@}k = \frac{\sum_{i=1}^{k} r_i / \log_2(i+1)}{\sum_{i=1}^{\min(R, k)} 1 / \log_2(i+1)}$$
#
# MRR (mean reciprocal rank) is 1 for a right text at the top, 1/2 at the second place, 1/10 at the tenth; our lists end
# at ten, and an answer that is not in them counts 0. nDCG
# also pays for the second and third relevant text, and divides by what a perfect list would get. Take one small list
# and do the sums: ten texts, of which numbers 3 and 8 are relevant.

# %% tags=["nbval-check-output"]
from sklearn.metrics import ndcg_score

from xlft_helpers.evaluation import ranking_metrics

ranking, relevant = [5, 3, 0, 9, 8, 1, 2, 4, 6, 7], {3, 8}
r = np.array([text in relevant for text in ranking])
discount = 1 / np.log2(np.arange(1, 6) + 1)
recall, rr, ndcg = r[:5].sum() / 2, 1 / (1 + r.argmax()), (r[:5] @ discount) / discount[:2].sum()
package = ranking_metrics([ranking], [relevant], k=5).loc[0]
assert np.allclose([recall, rr, ndcg], package[["recall@5", "MRR", "nDCG@5"]])
gains, scores = [[text in relevant for text in range(10)]], [[-ranking.index(text) for text in range(10)]]
assert np.isclose(ndcg, ndcg_score(gains, scores, k=5)), "scikit-learn computes another nDCG"
print(f"recall@5 = {recall:.2f}, reciprocal rank = {rr:.2f}, nDCG@5 = {ndcg:.3f}")

# %% [markdown]
# Now the real thing, by USE-M's cosine and by BM25. Each query has one relevant text, so recall@10 is the share of
# queries whose translation is among the first ten. With about 2,900 candidates instead of 150, and all of them alike,
# we expect lower scores than on the tweets, and a gap between P@1 and recall@10: the right text is near, but not nearest.


# %%
def top(scores, k=10):
    """Numbers of the k best texts of each query."""
    return np.argsort(-scores, axis=1)[:, :k]


relevant = {k: [{text} for text in answer[k]] for k in answer}
by_words = {k: LexicalIndex(collection[k]).rank(queries)[0] for k in collection}
results = {("USE-M", k): ranking_metrics(top(S[k]), relevant[k]) for k in S}
results |= {("BM25", k): ranking_metrics(by_words[k], relevant[k]) for k in S}

# %%
rows = {}
for k in S:
    size, ranks = len(collection[k]), np.arange(1, 11)
    chance = np.array([1, 1, 1, 10, (1 / ranks).sum(), (1 / np.log2(ranks + 1)).sum()]) / size
    rows[k, "guess"] = 100 * chance
    for method in ("BM25", "USE-M"):
        p, means = bootstrap_mean(results[method, k]["P@1"]), results[method, k].mean()
        rows[k, method] = 100 * np.array([p.estimate, p.low, p.high, *means[1:]])
columns = ["P@1", "low", "high", "recall@10", "MRR", "nDCG@10"]
pd.DataFrame(rows, index=columns).T.round(1)

# %% [markdown]
# All in percent, n = 1,501 queries a language; what guessing scores follows from the formulas. Compare P@1 with
# recall@10: for most of the misses the right text *is* in the list, a little further down. For a person who reads ten lines that is a success; for a program that takes the
# first answer it is not. Which metric counts depends on who reads the list.
#
# BM25 is left with what both sides write alike, and that is more in French than in Chinese.
#
# ## See which queries fail
#
# A score says how many, not why. Let us read some misses, spread evenly over the alphabet.

# %%
missed = np.flatnonzero(results["USE-M", "fr"]["P@1"] == 0)
first = S["fr"].argmax(axis=1)
table = pd.DataFrame(
    {
        "query": [queries[i] for i in missed],
        "found": [collection["fr"][first[i]] for i in missed],
        "wanted": [collection["fr"][answer["fr"][i]] for i in missed],
    }
)
short = table[table.map(len).max(axis=1) < 45]
short.iloc[:: len(short) // 14].head(14).reset_index(drop=True)

# %% [markdown]
# You will find these kinds (which of them stand in the table depends on the model):
#
# - **The answer is right and the key is wrong.** Two French messages say the same, with another verb or a
#   capital letter. The key knows one of them.
# - **A frame wins over its content.** Placeholders (`%1`), brackets and dots make up much of a short message.
# - **Opposites are neighbours.** *Select* and *deselect*, *show* and *hide* are used in the same sentences, so their
#   vectors are close. A cosine measures "about the same thing", not "says the same".
# - **One word has two readings.** A *kernel*, a *notebook* or a *cell* outside of Jupyter is something else.
#
# How many are of each kind? Nobody can tell without labelling a sample by hand. But a number for the first kind has a
# lower bound, which you can compute: how many of the misses differ from the wanted text only in case or punctuation?

# %%
import re


def letters(text):
    """The text in lower case, without anything but letters and digits."""
    return re.sub(r"[\W_]+", "", text.lower())


same = [letters(found) == letters(wanted) for found, wanted in zip(table["found"], table["wanted"])]
print(f"{len(missed)} misses; {sum(same)} of them differ from the key in case or punctuation only")

# %%
length = np.array([len(query.split()) for query in queries])
groups = {"1 or 2 words": length <= 2, "3 to 5": (length > 2) & (length <= 5), "6 or more": length > 5}
for name, chosen in groups.items():
    share = bootstrap_mean(results["USE-M", "fr"]["P@1"][chosen])
    print(
        f"{name:13} P@1 {100 * share.estimate:.1f} [{100 * share.low:.1f}, {100 * share.high:.1f}], n = {chosen.sum()}"
    )

# %% [markdown]
# The intervals lie far apart: the longer the query, the more often its translation comes first. What is short says
# little, and many texts are near to it.
#
# ## Count the hubs
#
# > **A misconception.** *"Being the nearest neighbour is mutual: if B is nearest to A, then A is nearest to B."* For
# > the cosine of two points, yes, $\cos(A, B) = \cos(B, A)$. For *nearest*, no. You may have a best friend who has
# > another best friend.
#
# In spaces with many dimensions this becomes a nuisance. Some points are nearest neighbours of very many others:
# **hubs** (Radovanović et al. 2010). Others are nobody's neighbour and are never found. Count how often each French
# text is among the ten nearest of a query. If all were found equally often, each would stand in about five lists.

# %%
nearest = S["fr"].argmax(axis=1)
mutual = np.mean(S["fr"].argmax(axis=0)[nearest] == np.arange(len(queries)))
lists = np.bincount(top(S["fr"]).ravel(), minlength=len(collection["fr"]))
print(f"The query is also the nearest of its nearest text in {100 * mutual:.0f} % of the {len(queries)} cases.")
print(f"A text stands in {lists.mean():.1f} of the top-ten lists on average, at most in {lists.max()}.")
hubs = np.argsort(-lists)[:5]
print("Most often found:", "; ".join(f"{collection['fr'][j]} ({lists[j]})" for j in hubs))
assert mutual < 0.95 and lists.max() > 3 * lists.mean()

# %% [markdown]
# ## Judge a pair by its surroundings
#
# A hub is near to many queries, so nearness to it says less. The **margin score** (Artetxe and Schwenk 2019) divides
# the cosine by how near the two are to their $k$ nearest neighbours on the other side:
#
# $$\operatorname{margin}(x, y) = \cos(x, y) \Big/ \Big(\sum_{z \in NN_k(x)} \frac{\cos(x, z)}{2k} +
# \sum_{z \in NN_k(y)} \frac{\cos(y, z)}{2k}\Big)$$
#
# $NN_k(x)$ are the neighbours of the query in the collection, $NN_k(y)$ those of the text *among the queries*. So the
# margin needs many queries, or a sample of them, and is no help for the first query of the day. We take $k = 4$, as
# the paper does.

# %%
from xlft_helpers.tasks.ranking import margin_scores

k = 4
of_queries = np.sort(S["fr"], axis=1)[:, -k:].sum(axis=1, keepdims=True) / (2 * k)
of_texts = np.sort(S["fr"], axis=0)[-k:].sum(axis=0, keepdims=True) / (2 * k)
by_hand = S["fr"] / (of_queries + of_texts)
M = {language: margin_scores(Q, C[language], k=k) for language in C}
assert np.allclose(by_hand, M["fr"], atol=1e-5), "the package computes another margin"

# %%
rows = {}
for language in M:
    found = ranking_metrics(top(M[language]), relevant[language])
    gain = bootstrap_mean(found["P@1"] - results["USE-M", language]["P@1"])
    rows[language] = [100 * found["P@1"].mean(), 100 * gain.estimate, 100 * gain.low, 100 * gain.high]
    rows[language].append(np.bincount(top(M[language]).ravel()).max())
    assert gain.low > 0, "the margin should help on this collection"
pd.DataFrame(rows, index=["P@1 margin", "gain", "low", "high", "most lists"]).T.round(1)

# %% [markdown]
# P@1 in percent, the gain in points. And the hubs? Draw how many texts stand in ten lists or more.

# %%
from xlft_helpers import plots

plots.set_style()
counted = {}
for name, scores in {"cosine": S["fr"], "margin": M["fr"]}.items():
    lists = np.bincount(top(scores).ravel(), minlength=scores.shape[1])
    at_least = np.arange(10, 41, 2)
    counted[name] = pd.DataFrame({"value": [(lists >= n).sum() for n in at_least]}, index=at_least)
plots.show(
    plots.plot_lines(counted, x_label="top-ten lists a text stands in, at least", y_label="French texts"),
    alt="Number of French texts that stand in at least so many top-ten lists, from ten lists on. Both lines fall; that of "
    "the margin lies below that of the cosine and reaches zero earlier: fewer texts stand in very many lists.",
    caption=f"Hubs: {len(queries)} English queries, {len(collection['fr'])} French texts, ten found a query. On "
    "average a text stands in five lists; drawn are those that stand in ten or more.",
)

# %% [markdown]
# The gain of the table is *paired*: the difference of the same query's hit under both scores, with a bootstrap interval over the
# queries. It is well above zero in both languages, and nothing was trained for it. In the figure the tail of the
# cosine, which is the hubs, is lower and shorter under the margin. From here on we need these large matrices no more, and free
# their memory.

# %%
from xlft_helpers.settings import release_memory

del S, M, by_hand, of_queries, of_texts, scores
release_memory()

# %% [markdown]
# ## Mix the languages in one collection
#
# So far the collection had one language. In real ones the languages are mixed, and a new fault appears: **language
# bias**. Vectors carry the language beside the meaning, and if the language weighs more, the top of the list is filled
# with texts of the *query's* language instead of answers (Roy et al. 2020). To see it, put the 1,500 test tweets of all
# ten languages into one collection. Each is a query once; its nine translations are relevant.
#
# **Mean-centring** (notebook 01) takes each language's mean vector off its vectors. The means come from *training*
# messages, 120 a language, not from the test. We compare USE-M with `mini`, the course's own small BERT, pretrained for
# about 80 minutes on a CPU, on far less text. We expect more language bias there, and a larger gain from centring.

# %%
small, small_tokenizer = load_model("mini", "embedding"), load_tokenizer("mini")
V = {"USE-M": dict(E), "mini": {k: embed(small, small_tokenizer, texts[k]).numpy() for k in languages}}
means = {"USE-M": {}, "mini": {}}
for k in languages:
    sample = list(select_language(tweets["train"], k)["text"])[:120]
    means["USE-M"][k] = embed(model, tokenizer, sample).numpy().mean(axis=0)
    means["mini"][k] = embed(small, small_tokenizer, sample).numpy().mean(axis=0)

# %%
n, m = len(languages), len(right)
language_of, message_of = np.repeat(np.arange(n), m), np.tile(right, n)
translations = [set(np.flatnonzero(message_of == message_of[i])) - {i} for i in range(n * m)]
pooled, rows = {}, {}
for name in V:
    for centred in ("as they are", "centred"):
        P = np.concatenate([V[name][k] - (means[name][k] if centred == "centred" else 0) for k in languages])
        scores = cosine_scores(P, P)
        np.fill_diagonal(scores, -np.inf)  # a query must not find itself
        found = top(scores, k=9)
        same = 100 * np.mean(language_of[found] == language_of[:, None])
        pooled[name, centred] = ranking_metrics(found, translations, k=9)
        rows[name, centred] = [same, *(100 * pooled[name, centred].mean())]
columns = ["query's language in the list", *pooled["mini", "centred"].columns]
pd.DataFrame(rows, index=columns).T.round(1)

# %% [markdown]
# In percent, 1,500 queries. The first column is the bias: among 1,499 texts, 149 have the query's language, so a list
# without bias and without knowledge would have about 10 % of them, and a perfect list none. How large is the gain by
# language, and is it more than chance? The translations of a message are not independent, so the bootstrap below takes
# each language's 150 queries by themselves.

# %%
rows = []
for name in V:
    gain = pooled[name, "centred"]["nDCG@9"] - pooled[name, "as they are"]["nDCG@9"]
    for number, k in enumerate(languages):
        interval = bootstrap_mean(100 * gain[language_of == number])
        rows.append((name, k, "centring", interval.estimate, interval.low, interval.high))
gains = pd.DataFrame(rows, columns=["panel", "place", "kind", "estimate", "low", "high"])
plots.show(
    plots.plot_estimates(gains, y_label="gain in nDCG@9 (points)"),
    alt="Gain in nDCG@9 by mean-centring for each query language, for USE-M and for mini, with 95 % intervals. USE-M "
    "gains little apart from Hindi; mini gains in all ten, most in Russian, Chinese, Arabic and Hindi.",
    caption="What mean-centring changes when ten languages share a collection (150 queries a language).",
)
by_model = gains.groupby("panel")["estimate"].mean()
assert by_model["mini"] > by_model["USE-M"] > 0

# %% [markdown]
# USE-M was trained to rank translations first, so the offset of the language is small and there is little to take off.
# For `mini` centring brings a large gain, for one mean vector a language, and the largest where the script is not the
# Latin one: much of its offset is the script. It does need to know the language of each
# text. And look at Hindi under USE-M: it gains the most, since its heap moves in among the others. But P@1 between
# Hindi and English stayed low above: centring repairs an offset, not blindness.
#
# ## Fuse two rankings
#
# Words know names and numbers, vectors know meanings. Together they should be better, so many systems are **hybrids**.
# But a cosine and a BM25 score have no common scale. **Reciprocal rank fusion** (Cormack et al. 2009) looks at the ranks
# only. With $\operatorname{rank}_s(d)$ the place of text $d$ in the list of system $s$:
#
# $$\mathrm{RRF}(d) = \sum_{s} \frac{1}{60 + \operatorname{rank}_s(d)}$$

# %% tags=["nbval-check-output"]
from xlft_helpers.tasks.ranking import reciprocal_rank_fusion

dense, by_words = ["a", "b", "c", "d"], ["c", "a", "e"]
by_hand = dict.fromkeys("abcde", 0.0)
for ranking in (dense, by_words):
    for rank, d in enumerate(ranking, start=1):
        by_hand[d] += 1 / (60 + rank)
fused = reciprocal_rank_fusion([dense, by_words])
assert all(np.isclose(by_hand[d], score) for d, score in fused)
print(", ".join(f"{d} {score:.4f}" for d, score in fused))

# %% [markdown]
# `a` and `c` stand in both lists and come first. Now with real rankings: queries in each language, the English tweets
# as the collection; BM25 alone, each encoder alone (centred), and each fused with BM25. Think before you run it: when
# should fusion help, and can it *hurt*?

# %%
rows, changes = [], []
for k in languages[1:]:
    by_words = [[j for j in ranked if j >= 0] for ranked in LexicalIndex(texts["en"]).rank(texts[k], k=m)[0]]
    for name in V:
        order = top(cosine_scores(V[name][k] - means[name][k], V[name]["en"] - means[name]["en"]), k=m).tolist()
        fused = [reciprocal_rank_fusion(pair)[0][0] for pair in zip(order, by_words)]
        alone = np.array([ranked[0] for ranked in order]) == right
        gain = bootstrap_mean(100.0 * ((np.array(fused) == right) * 1.0 - alone))
        rows.append((name, k, f"minus {name} alone", gain.estimate, gain.low, gain.high))
        bm25 = np.mean([ranked[:1] == [i] for i, ranked in enumerate(by_words)])
        changes.append((name, k, 100 * bm25, 100 * alone.mean(), 100 * np.mean(np.array(fused) == right)))
fusion = pd.DataFrame(changes, columns=["encoder", "queries", "BM25", "encoder alone", "fused"])
fusion.pivot(index="queries", columns="encoder").round(0).loc[languages[1:]]

# %%
difference = pd.DataFrame(rows, columns=["panel", "place", "kind", "estimate", "low", "high"]).assign(kind="fused")
plots.show(
    plots.plot_estimates(difference, y_label="fused minus encoder alone, P@1 (points)"),
    alt="Change of P@1 by fusing BM25 into the ranking of USE-M and of mini, for each query language with 95 % "
    "intervals: losses where the encoder alone is far better than BM25, small gains for Arabic with mini and for Hindi, "
    "whose intervals reach down to about zero.",
    caption="What fusion with BM25 changes, English collection, 150 queries a language. Below zero it hurts.",
)
wide = difference.set_index(["panel", "place"])
assert wide.loc[("USE-M", "fr"), "high"] < 0 < wide.loc[("mini", "hi"), "estimate"]

# %% [markdown]
# Fusion is a vote with equal weights, and strength is not all. Compare the languages: BM25 alone is about equally good
# in Italian, Portuguese, Russian, Chinese and Arabic, but fusion costs USE-M far more in the first two. Why? The dense
# list holds every text, so a text that BM25 names gets two terms and one that it does not name gets one. If the right
# text shares no word with the query and any other does, the right one loses. Between two alphabets BM25 often has
# nothing to name, and an empty list has no vote. The gains are small, and their intervals begin at
# about zero or below, but for Arabic with `mini`. So "hybrid is better" is
# no law: measure both alone first.
#
# > **A misconception.** *"More evidence cannot hurt."* It can, if the rule that combines it does not know how good each
# > piece is. Ranks carry no confidence: the first place of a ranking that knows nothing looks like the first place of a
# > ranking that is sure.
#
# ## Let the collection grow
#
# Comparing a query with *every* vector is exact, and its cost grows with the collection. `Retriever` is the course's
# search engine. It embeds a collection batch by batch from any iterator and writes the vectors to disk, so that memory
# stays flat. For large collections it also sorts the vectors into **lists** around centres found by k-means. A
# search then looks only into the lists whose centres are nearest to the query (an *inverted file*): an **approximate**
# index, which now and then misses a neighbour that lies just across a border. We index the test tweets and JupyterLab's messages, and
# force the lists, which would come by themselves from 20,000 texts on.

# %%
from xlft_helpers.tasks.retrieval import Retriever

everything = [text for k in languages for text in texts[k]] + [text for k in ("en", "fr", "zh") for text in messages[k]]
everything = list(dict.fromkeys(everything))
retriever = Retriever(model)
retriever.index(everything, approximate=True)
print(f"{len(retriever):,} different texts indexed")
for hit in retriever.search("Wie starte ich den Kernel neu?", k=4):
    print(f"{hit.score:.2f}  {hit.text}")

# %% [markdown]
# A German question, answered from messages in other languages. How good is the approximation? Its yardstick is exact
# search: **recall@10 of the index** is the share of the ten true neighbours that it finds. (This says nothing about
# whether the neighbours are *right*; that was P@1.) The queries are tweets from the *training* split, which the
# collection does not contain, without the Hindi ones, whose vectors are a heap of their own. We expect recall to rise with the number of lists that are probed, and to be close to 1
# when most of them are (there are about 200 lists; we probe up to 128).

# %%
outside = [text for k in languages[:9] for text in list(select_language(tweets["train"], k)["text"])[:100]]
vectors = embed(model, tokenizer, outside).numpy()
exact, _ = retriever.nearest(vectors, k=10, exact=True)
probed = [1, 2, 4, 8, 16, 32, 64, 128]
rows = []
for probes in probed:
    found = retriever.nearest(vectors, k=10, probes=probes)[0]
    shares = [len(set(a) & set(b)) / 10 for a, b in zip(found, exact)]
    interval = bootstrap_mean(shares)
    rows.append((interval.estimate, interval.low, interval.high))
recall_of = pd.DataFrame(rows, columns=["value", "low", "high"], index=probed)
assert recall_of["value"].is_monotonic_increasing and recall_of.loc[64, "value"] > 0.95

# %%
import ipywidgets as widgets

from xlft_helpers.teaching import explore

explore(
    widgets.SelectionSlider(options=probed, value=8, description="probes"),
    lambda probes: plots.plot_lines(
        {f"{probes} lists: recall {recall_of.loc[probes, 'value']:.3f}": recall_of},
        x_label="lists that are probed", y_label="recall@10 of the index",
        reference=recall_of.loc[probes, "value"], reference_label="chosen", log_x=True,
    ),
    alt="Recall at ten of the approximate index against the number of probed lists: it rises steeply at first and "
    "levels off near 1.",
)  # fmt: skip

# %% [markdown]
# Read in the figure how few lists find most of the neighbours, and how many more the last percent costs. For a
# collection of this size exact search is fast enough, so there is no reason to approximate. `benchmarks/retrieval.py`
# does it with 100,000 sentences, and prints the memory, the queries per second and the recall.
#
# An index is worth keeping. But it holds the vectors of *one* model; with another one, every answer would be nonsense
# that looks fine. So a saved index knows the weights that made it, and refuses others. It also refuses an empty query.

# %%
from xlft_helpers.errors import XlftError
from xlft_helpers.settings import cache_dir

folder = cache_dir() / "notebook-09-index"
retriever.save(folder)
again = Retriever.load(folder, model)
assert again.search("redémarrer", k=5) == retriever.search("redémarrer", k=5)
for attempt in (lambda: Retriever.load(folder, small), lambda: again.search("   ")):
    try:
        attempt()
    except XlftError as error:
        print(f"{type(error).__name__}:", re.sub(r"\S*notebook-09-index", "notebook-09-index", str(error)), "\n")

# %% [markdown]
# ## Search yourself
#
# Type a question in any language and press the button or the Enter key. The collection holds tweets in ten languages and
# JupyterLab's messages in three.

# %%
import html

from xlft_helpers.teaching import ask


def look_up(text):
    if not text.strip():
        return "<p>Type something to search for.</p>"
    cells = [(f"{hit.score:.2f}", html.escape(hit.text)) for hit in again.search(text, k=5)]
    lines = [f"<tr><td>{score}</td><td dir='auto'>{found}</td></tr>" for score, found in cells]
    return f"<table><tr><th>cosine</th><th>text</th></tr>{''.join(lines)}</table>"


ask(look_up, start="Il treno è di nuovo in ritardo", description="Search", button="Find")

# %% [markdown]
# The start query is Italian ("The train is late again"). Look at its cosines: no text of the collection says that, and
# the engine answers all the same, with whatever is nearest. It never says "there is nothing about that". A threshold on
# the cosine would help, and would have to be chosen on data, for each language. Now try "Come riavvio il kernel?" ("How
# do I restart the kernel?"), a language of your own, a number, the opposite of what you mean, and Hindi. A Hindi
# question gets nonsense with a cosine as high as that of the right answer above: one threshold for all languages would let
# it through.
#
# ## Exercise 1: compute the mean reciprocal rank
#
# Write MRR as a function of rankings (lists of text numbers, best first) and of the one right number for each. A query
# whose answer is not in its list counts as 0.
#
# *Hint:* ranks start at 1, `list.index` starts at 0.

# %%
from xlft_helpers.teaching import check


def my_mrr(rankings, answers):
    """Return the mean reciprocal rank; ``answers[i]`` is the right number for ``rankings[i]``."""
    # --- stub
    return ...
    # --- solution
    ranks = [list(ranking).index(a) + 1 if a in ranking else None for ranking, a in zip(rankings, answers)]
    return sum(1 / rank for rank in ranks if rank) / len(ranks)
    # --- end


check.mean_reciprocal_rank(my_mrr)

# %% [markdown]
# ## Exercise 2: take the hub out
#
# A query $x$ has two candidates. Candidate A is a hub: its cosine with $x$ is 0.80, and the mean cosine with its four
# nearest queries is 0.82. Candidate B is a quiet text: its cosine with $x$ is 0.75, and the mean cosine with its four
# nearest queries is 0.50. The mean cosine of $x$ with its own four nearest texts is 0.70. Compute both margins.
#
# *Hint:* the denominator is the mean of two means.

# %%
# --- stub
margin_a, margin_b = ..., ...
# --- solution
margin_a, margin_b = 0.80 / ((0.70 + 0.82) / 2), 0.75 / ((0.70 + 0.50) / 2)
# --- end
check.two_margins((margin_a, margin_b))

# %% [markdown]
# ## Exercise 3: fuse rankings
#
# Write reciprocal rank fusion: a function of several rankings that returns the items in their new order. Items that a
# ranking does not hold get nothing from it. Of equal scores, the item that was named first comes first.
#
# *Hint:* a dictionary of scores, filled in the order of the lists; `sorted` keeps the order of equal ones.


# %%
def my_fusion(rankings, k=60):
    """Return the items of all rankings as a list, best first."""
    # --- stub
    return ...
    # --- solution
    scores = {}
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0) + 1 / (k + rank)
    return sorted(scores, key=lambda item: -scores[item])
    # --- end


check.rank_fusion(my_fusion)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("09_retrieval")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# - A multilingual encoder trained on translations searches across the languages it covers, without any training of
#   yours. BM25 sees only what is not translated. What the encoder cannot read, it cannot find.
# - P@1, recall@k, MRR and nDCG ask different questions of the same list. Choose by who reads it.
# - Nearest neighbours are not mutual. The margin score counts hubs for less, if there are queries enough.
# - In a mixed collection the language competes with the meaning. Mean-centring takes an offset off, and cannot give sight.
# - Fusion is a vote between ranks that carry no confidence: measure both voters alone first.
# - An approximate index trades recall for speed. Its recall is against exact search, not against the truth.
#
# ## Read on
#
# - Artetxe and Schwenk 2019, *Margin-based Parallel Corpus Mining with Multilingual Sentence Embeddings* (ACL).
# - Radovanović, Nanopoulos and Ivanović 2010, *Hubs in Space* (JMLR 11).
# - Roy et al. 2020, *LAReQA: Language-Agnostic Answer Retrieval from a Multilingual Pool* (EMNLP): language bias.
# - Cormack, Clarke and Büttcher 2009, *Reciprocal Rank Fusion Outperforms Condorcet and Individual Rank Learning
#   Methods* (SIGIR).
# - Robertson and Zaragoza 2009, *The Probabilistic Relevance Framework: BM25 and Beyond* (Foundations and Trends in IR).
# - Jégou, Douze and Schmid 2011, *Product Quantization for Nearest Neighbor Search* (IEEE TPAMI): inverted files.
#
# {{navigation}}
