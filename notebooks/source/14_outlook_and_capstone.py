# %% [markdown]
# # Look ahead, and bring your own languages
#
# {{badges}}
#
# > **You will** measure six open problems in small (few labels, distant languages, a shift of domain, no labels at all,
# > a language that the model cannot read, two tasks at once), see what cleaning, stemming and augmentation are worth,
# > choose a model by rules that state their reasons, and take your own data from a file to a report.
# >
# > **You need** notebooks 02 (masked language modelling), 04 (data preparation), 05 (zero-shot), 06 (merged fine-tuning),
# > 07 (paired tests) and 11 (the voice commands).
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Embed once, ask many questions
#
# The questions below need hundreds of trained models. So we use **frozen features**: USE-M embeds every message once,
# and what we train is only a head, a logistic regression that takes milliseconds. What we learn is about heads on a
# frozen encoder. Fine-tuning the encoder too would move the scores, and could move a conclusion. We say so here, once.

# %%
import numpy as np
import pandas as pd

from xlft_helpers.adaptation import answers, fit_head, frozen_features
from xlft_helpers.data import load_tweets
from xlft_helpers.models import load_model, load_tokenizer

encoder, tokenizer = load_model("use-m", "embedding"), load_tokenizer("use-m")
tweets = load_tweets()
train, test = (frozen_features(encoder, tokenizer, tweets[split]) for split in ("train", "test"))
english, targets = train.of("en"), ["fr", "de", "es", "it", "pt", "ru", "ar", "zh", "hi"]
labels = {k: test.of(k).labels for k in targets}
print(f"{len(train)} training and {len(test)} test messages in {len(targets) + 1} languages, embedded once")

# %% [markdown]
# Every result is a mean of macro-F1 over languages, or a difference of two such means, with a 95 % interval. The test
# set of `tweets` is parallel, so the bootstrap draws a message in all languages and for both methods at once:
# `mean_difference` is a *paired* comparison. First the two ends that everything below lies between: English labels only,
# and all labels of all ten languages.

# %%
from xlft_helpers.evaluation import bootstrap_weighted_sum, mean_difference


def mean_f1(found, truth=labels, classes=3):
    """The mean macro-F1 of the languages in points with its interval, as text."""
    mean = bootstrap_weighted_sum(truth, found, dict.fromkeys(found, 1 / len(found)), classes, parallel=True)
    return f"{100 * mean.estimate:.1f} [{100 * mean.low:.1f}, {100 * mean.high:.1f}]"


def compared(first, second, truth=labels, classes=3):
    """The first method minus the second in points, with its interval and what it allows us to say."""
    d = mean_difference({k: truth[k] for k in first}, first, second, classes)
    word = "no change" if d.low == d.high == 0 else "better" if d.low > 0 else "worse" if d.high < 0 else "cannot tell"
    return f"{100 * d.estimate:+.1f} [{100 * d.low:+.1f}, {100 * d.high:+.1f}]: {word}"


# %% [markdown]
# One rule holds in the whole notebook: two methods are *distinguishable* where the interval of their difference leaves
# out 0. Runs are drawn together, too: run $s$ of both methods shares its draw of the data.

# %%
targets_of = test.of(*targets)
zero_shot = answers(fit_head(english), targets_of)
merged = answers(fit_head(train), targets_of)
constant = {k: np.zeros(len(rows), dtype=int) for k, rows in labels.items()}
print(f"mean macro-F1 of {len(targets)} target languages, {len(labels['fr'])} test messages each")
for name, found in {"one class": constant, "English labels": zero_shot, "all labels": merged}.items():
    print(f"{name:15} {mean_f1(found)}")
print(f"all labels minus English labels: {compared(merged, zero_shot)}")

# %% [markdown]
# Between the last two rows lies what target labels can still bring on this task, with this encoder.
#
# ## Problem 1: little data. Which messages should be labelled?
#
# Labels cost money, and you may choose what to have labelled. **Active selection** asks the model. Two classic rules:
#
# - **uncertain**: label where the *margin* between the two most probable classes is smallest,
#   $\;x^* = \arg\min_x \, p(y_1 \mid x) - p(y_2 \mid x)$;
# - **spread**: label what is farthest from everything labelled so far (greedy *k-center*), so that no corner of the
#   space is left out.
#
# The baseline is **random**. Compute the margin by hand on three messages, and compare with the package.

# %% tags=["nbval-check-output"]
from xlft_helpers.adaptation import margins, most_uncertain

P = np.array([[0.50, 0.45, 0.05], [0.40, 0.31, 0.29], [0.90, 0.06, 0.04]])
by_hand = [round(sorted(row)[-1] - sorted(row)[-2], 2) for row in P.tolist()]
assert np.allclose(by_hand, margins(P))
print("margins:", by_hand, "; to be labelled first: message", int(most_uncertain(P, 1)[0]))

# %% [markdown]
# The second message has the *lowest confidence*, and yet the first one is chosen: there, one label decides between two
# classes. Now draw learning curves on two tasks. **Sentiment**: start from the English labels, choose among the target
# languages' training messages. **Intents**: the voice commands of notebook 11, start from English, choose among
# commands in French, German and Polish. Five seeds, each with its own random half of the pool. We stop while most of that
# half is still unlabelled: who labels nearly all of it labels nearly the same messages by every rule. We expect selection
# to help where the classes are many and some are rarely met at random: 35 intents rather than 3 feelings.

# %%
from tqdm import tqdm

from xlft_helpers.adaptation import STRATEGIES, label_in_rounds
from xlft_helpers.data import load_intents

spoken = ["fr", "de", "pl"]
commands = load_intents(["en", *spoken], per_intent=8)
intents, intents_test = (frozen_features(encoder, tokenizer, commands[s], max_length=32) for s in ("train", "test"))
tasks = {
    "sentiment": (english, train.of(*targets), targets_of, [0, 8, 32, 128], 1.0),
    "intents": (intents.of("en"), intents.of(*spoken), intents_test.of(*spoken), [0, 35, 140], 10.0),
}
for task, (start, pool, tested, sizes, _) in tasks.items():
    print(f"{task}: {len(start)} English labels; at most {sizes[-1]} of the {len(pool) // 2} messages of a seed's half "
          f"are labelled; {len(tested)} test messages")  # fmt: skip

# %%
runs = {}
for task, (start, pool, tested, sizes, strength) in tasks.items():
    for strategy in tqdm(STRATEGIES, desc=task, leave=False):
        for seed in range(5):
            labelled = label_in_rounds(start, pool, sizes, strategy, seed=seed, strength=strength)
            for n, rows in labelled.items():
                runs.setdefault((task, strategy, n), []).append(fit_head(rows, strength).predict(tested.embeddings))

# %% [markdown]
# How to score? The tweets are parallel: nine translations of a message are right or wrong together, so a resample must
# draw them together, and the score is the mean over languages as above. The commands are not parallel, so they form one
# set with one macro-F1. The baselines: one class for all, and the whole pool labelled.


# %%
def in_parts(task, values):
    """Sentiment by language, the commands as one set; ``values`` has one entry a test message on its last axis."""
    languages = tasks[task][2].languages
    return {k: values[..., languages == k] for k in targets} if task == "sentiment" else {"all": values}


classes, truth, ends = {"sentiment": 3, "intents": 35}, {}, {}
for task, (start, pool, tested, _, strength) in tasks.items():
    truth[task] = in_parts(task, tested.labels)
    ends[task] = in_parts(task, fit_head(start.joined(pool), strength).predict(tested.embeddings))
    one_class = in_parts(task, np.zeros_like(tested.labels))
    for name, found in {"one class": one_class, f"all {len(pool)} labelled": ends[task]}.items():
        print(f"{task:9} {name:18} {mean_f1(found, truth[task], classes[task])}")

# %%
from xlft_helpers.evaluation import score

rows = []
for (task, strategy, n), found in runs.items():
    parts, right, share = in_parts(task, np.stack(found)), truth[task], dict.fromkeys(truth[task], 1 / len(truth[task]))
    f1 = bootstrap_weighted_sum(right, parts, share, classes[task], resamples=300, parallel=True)
    each = [100 * np.mean([score(right[k], parts[k][s], classes[task]).macro_f1 for k in right]) for s in range(5)]
    rows.append((task, strategy, n, 100 * f1.estimate, 100 * f1.low, 100 * f1.high, each))
curves = pd.DataFrame(rows, columns=["task", "curve", "labelled", "macro_f1", "low", "high", "runs"])
spread = curves.assign(sd=curves["runs"].map(lambda each: np.std(each, ddof=1)))
spread = spread.rename(columns={"curve": "strategy", "macro_f1": "macro-F1", "sd": "sd over 5 seeds"})
spread.pivot(index=["task", "labelled"], columns="strategy", values=["macro-F1", "sd over 5 seeds"]).round(1)

# %% [markdown]
# The table has means over five seeds, and their standard deviation. The curves add the intervals.

# %%
from xlft_helpers import plots

plots.set_style()
for task, part in curves.groupby("task", sort=False):
    top = 100 * np.mean([score(truth[task][k], ends[task][k], classes[task]).macro_f1 for k in truth[task]])
    plots.show(
        plots.plot_curves(part, x="labelled", x_label="labelled messages of the target languages", baseline=top,
                          baseline_label="whole pool labelled"),
        alt=f"Learning curves of {task}: macro-F1 against the number of labelled target messages, for random, uncertain "
        "and spread choice, with overlapping intervals, below a dotted line for the whole pool.",
        caption=f"{task.capitalize()}: macro-F1 of a head on English labels and those chosen by three rules; mean of five "
        "seeds with 95 % interval, small marks are single seeds.",
    )  # fmt: skip

# %% [markdown]
# Do not compare the intervals of two curves with each other: the methods share messages and seeds. The difference to
# random choice at the largest size, paired in both:

# %%
for task, (_, _, _, sizes, _) in tasks.items():
    for strategy in ("uncertain", "spread"):
        pair = [in_parts(task, np.stack(runs[task, s, sizes[-1]])) for s in (strategy, "random")]
        print(f"{task:9} n = {sizes[-1]}, {strategy:9} minus random: {compared(*pair, truth[task], classes[task])}")
last, first = (curves.query(f"task == 'sentiment' and labelled == {n}")["macro_f1"] for n in (128, 0))
assert last.min() > first.max() + 1, "labels should help by whatever rule they are chosen"
del runs, ends

# %% [markdown]
# Read these verdicts before you pay for a clever rule; published work finds gains that depend on task and model
# (Lowell, Lipton and Wallace 2019). "Cannot tell" after five seeds means no more than that: gains of a point or two
# would need more seeds and more test messages to show. One property speaks for random choice whatever the verdict: a
# random sample is a fair test set, a selected one is not.
#
# ## Problem 2: distant languages. Can the gap be foreseen?
#
# Notebook 11 looked at family, script and pieces. Here is a quicker look that needs neither labels nor linguistics: how
# far does the *encoder* place a language from English? Take the mean embedding of unlabelled commands of every
# language, and its distance from the English mean: $d_k = \lVert \mu_k - \mu_{en} \rVert$. Parallel or not, if an
# encoder shares its space well, commands should lie where commands lie. We expect larger $d_k$ with larger gaps.

# %%
from xlft_helpers.data import languages_of

everything = load_intents(per_intent=4)
rows, rows_test = (frozen_features(encoder, tokenizer, everything[s], max_length=32) for s in ("train", "test"))
head, codes = fit_head(rows.of("en"), 10.0), languages_of(everything["test"])
found = answers(head, rows_test)
asked = {k: rows_test.of(k).labels for k in codes}
right = {k: found[k] == asked[k] for k in codes}
mu = {k: rows.of(k).embeddings.mean(axis=0) for k in codes}

# %% [markdown]
# Some languages have commands for fewer intents than English. So each gap takes the English commands of *the same*
# intents. Both accuracies come with an interval: resampling n answers, right or wrong, is a binomial draw.

# %%
rng, table = np.random.default_rng(0), {}
for k in [k for k in codes if k != "en"]:
    same = right["en"][np.isin(asked["en"], asked[k])]
    draws = [100 * rng.binomial(len(r), r.mean(), 2000) / len(r) for r in (same, right[k])]
    low, high = np.quantile(draws[0] - draws[1], [0.025, 0.975])
    gap = 100 * (same.mean() - right[k].mean())
    table[k] = (np.linalg.norm(mu[k] - mu["en"]), gap, low, high, len(same), len(right[k]), len(np.unique(asked[k])))
distance = pd.DataFrame(table, index=["distance", "gap", "low", "high", "n in English", "n", "intents"]).T
counts = distance[["n in English", "n", "intents"]].astype(int).agg(["min", "max"])
print(f"accuracy in English, all {len(np.unique(asked['en']))} intents: {100 * right['en'].mean():.0f} %, "
      f"n = {len(right['en'])}; one class for all: {100 * np.bincount(asked['en']).max() / len(asked['en']):.0f} %")  # fmt: skip
counts

# %% [markdown]
# How sure can we be of a rank correlation over 21 languages? Bootstrap the *languages*. And look twice: at all
# languages, and at those that USE-M was pretrained on, because coverage may be what lies behind both numbers.

# %%
from scipy.stats import spearmanr

from xlft_helpers.models import CANDIDATES

covered = [k for k in distance.index if k in CANDIDATES["use-m"].languages]
rng, spearman = np.random.default_rng(0), {}
for name, part in {"all": distance, "covered": distance.loc[covered]}.items():
    draws = [part.iloc[rng.integers(len(part), size=len(part))] for _ in range(1000)]
    low, high = np.nanquantile([spearmanr(d["distance"], d["gap"]).statistic for d in draws], [0.025, 0.975])
    spearman[name] = spearmanr(part["distance"], part["gap"]).statistic
    print(f"{name:8} Spearman {spearman[name]:+.2f} [{low:+.2f}, {high:+.2f}], n = {len(part)} languages")
assert spearman["all"] > 0.5, "the distance should go with the gap"

# %%
points = distance.rename(columns={"distance": "x", "gap": "y"})
plots.show(
    plots.plot_labelled_points(points, x_label="distance of the language's mean from the English mean",
                               y_label="gap in accuracy (points)", zoom=covered),
    alt="Scatter plot of 21 languages: the farther a language's mean embedding lies from the English one, the larger "
    "its gap; the eleven covered languages crowd together at the left and are drawn larger in a second panel.",
    caption="Zero-shot gap of an intent head trained on English, on the same intents, against the distance of the mean "
    "embeddings; bars are 95 % intervals over commands. Orange: the languages USE-M has read, drawn larger on the right.",
)  # fmt: skip

# %% [markdown]
# Over all languages the order is foreseen well, from unlabelled text alone. Within the covered ones the interval is
# wide: compare the two lines above. Each gap is uncertain as well, as the bars say. So the distance may tell little
# more than "was it in the pretraining?". Other traps: 21 languages are few, relatives are no independent draws, and
# commands of different intents move a mean as well.
#
# ## Problem 3: another domain
#
# A model meets other topics and other kinds of text than it was trained on. First a shift that we can measure fairly:
# leave one of the fifteen **topics** out of training (in all languages) and test on it. Leaving messages out costs
# something anyway, so the control leaves out *as many* messages of other topics, at random, five times.

# %%
topic, topic_test = (np.array(tweets[s]["topic"]) for s in ("train", "test"))
# What the control must leave out as often as the topic did: each language with each label.
kinds = np.array([f"{k} {y}" for k, y in zip(train.languages, train.labels)])
shifted, control = (np.zeros((5, len(test)), dtype=int) for _ in range(2))
for name in tqdm(np.unique(topic), desc="topics", leave=False):
    asked, kept = topic_test == name, np.flatnonzero(topic != name)
    shifted[:, asked] = fit_head(train.take(kept)).predict(test.embeddings[asked])
    left_out = dict(zip(*np.unique(kinds[topic == name], return_counts=True)))
    for seed in range(5):
        rng = np.random.default_rng(seed)
        gone = [rng.choice(kept[kinds[kept] == kind], n, replace=False) for kind, n in left_out.items()]
        rest = np.setdiff1d(np.arange(len(train)), np.concatenate(gone))
        control[seed, asked] = fit_head(train.take(rest)).predict(test.embeddings[asked])

# %%
by_language = [{k: a[:, test.languages == k] for k in targets} for a in (shifted, control)]
print(f"topic never seen        {mean_f1(by_language[0])}")
print(f"as many others left out {mean_f1(by_language[1])}")
print(f"difference              {compared(*by_language)}")

# %% [markdown]
# A new topic in the same kind of message is a mild shift, and the difference says how mild. (The interval draws
# messages, not topics: for a claim about *new topics* one would have to draw the fifteen topics, and it may well
# be wider.) Now a hard one: voice **commands** have no feeling at all. What does the sentiment head say about "turn on the
# lamp"? The honest answer would be "neutral", or better, none. We expect neither. Beside it, two scores that could
# raise the alarm: the head's confidence, and the cosine to the nearest training message. How well does each tell a
# tweet from a command? Measure the **AUROC**: the chance that a random tweet scores higher than a random command. 0.5
# is useless, 1 is perfect. For the first two columns we need a comparison, too: the same head on test tweets, of which
# two in three do have a feeling.

# %%
from xlft_helpers.evaluation import auroc

head, rows = fit_head(train), []
for k in ("en", "fr", "de"):
    parts = {"tweets": test.of(k).embeddings, "commands": intents_test.of(k).embeddings}
    p = {name: head.predict_proba(part) for name, part in parts.items()}
    sure = auroc(*(each.max(axis=1) for each in p.values()), resamples=200)
    near = auroc(*((x @ train.of(k).embeddings.T).max(axis=1) for x in parts.values()), resamples=200)
    assert min(sure.low, near.low) > 0.55, "both scores should tell something"
    for name, each in p.items():
        rows.append((k, name, len(each), round(100 * np.mean(each.argmax(axis=1) != 1)), round(100 * each.max(axis=1).mean()),
                     *(f"{a.estimate:.2f} [{a.low:.2f}, {a.high:.2f}]" for a in (sure, near))))  # fmt: skip

# %%
assert all(50 < row[3] < 85 for row in rows), "feelings should come at about the rate of blind guessing"
columns = ["language", "text", "n", "given a feeling %", "mean confidence %", "AUROC, confidence", "AUROC, nearest"]
pd.DataFrame(rows, columns=columns).set_index(["language", "text"])

# %% [markdown]
# Compare the commands with 67 %, which blind guessing among three balanced classes gives. That is about the rate at
# which the head hands out feelings to lamps: it never abstains, because a softmax has no way to say "not my business".
# Compare the two AUROC columns: what separates the domains better may be one or the other, and you can only know by
# testing with text of the *wrong* kind, which costs no labels at all. Keep such a set next to your test set.
#
# ## Problem 4: no labels at all
#
# **Self-training** lets the English head label the target language's training messages, keeps what it is sure of
# (confidence of at least $\tau = 0.8$) as **pseudo-labels**, and fits a new head on both, three times. It can help,
# because the new words next to sure ones get a label too. It can hurt, because sure is not right, and an error once
# learned is confirmed (*confirmation bias*). We run it plain, and after mean-centring (notebook 05). Three seeds, each
# with 400 of the 480 English messages. `self_train` uses a bolder head than the other sentiment heads here ($C = 10$, weaker
# regularization, since the default one seldom reaches 0.8), so its "before" is not the 'English labels' row at the top.

# %%
from xlft_helpers.adaptation import self_train

self_trained, kept = {}, []
for seed in tqdm(range(3), desc="self-training", leave=False):
    source = english.take(np.sort(np.random.default_rng(seed).choice(480, 400, replace=False)))
    for centred, k in [(centred, k) for centred in (False, True) for k in targets]:
        own = train.of(k)
        shift = centred * (own.embeddings.mean(axis=0) - source.embeddings.mean(axis=0))
        result = self_train(source, own.embeddings - shift, rounds=3)
        for n in (0, 3):
            found = answers(result.heads[n], test.of(k), {k: shift})[k]
            self_trained.setdefault((centred, n), {}).setdefault(k, []).append(found)
        kept += [(k, centred, n, given, own.labels) for n, given in enumerate(result.pseudo_labels, 1) if n != 2]
self_trained = {key: {k: np.stack(a) for k, a in found.items()} for key, found in self_trained.items()}

# %% [markdown]
# First the pseudo-labels themselves, of the first and the last round. How many are kept, how many of those are right,
# and how many of those have the class that is given most often? (The labels of the target languages serve only to check
# this.)

# %%
rows = [
    ("Hindi" if k == "hi" else "eight covered", "centred" if centred else "plain", n, len(y), np.sum(given >= 0),
     np.sum(given == y), np.bincount(given[given >= 0], minlength=3).max())
    for k, centred, n, given, y in kept
]  # fmt: skip
columns = ["part", "head", "round", "n", "kept", "right", "in one class"]
total = pd.DataFrame(rows, columns=columns).groupby(columns[:3]).sum()

# %%
share = pd.DataFrame({"n": total["n"], "kept %": 100 * total["kept"] / total["n"]})
for column in ("right", "in one class"):
    share[f"{column}, % of kept"] = 100 * total[column] / total["kept"]
assert share.loc["eight covered", "right, % of kept"].min() > 60, "sure should mostly be right where the encoder reads"
collapsed = share.loc[("Hindi", "plain", 3)]
assert collapsed["right, % of kept"] < 50 < collapsed["kept %"], "most should be kept, and most of those wrong"
assert collapsed["in one class, % of kept"] > 75, "one class should swallow Hindi"
share.round(0).astype(int)

# %% [markdown]
# Here `n` counts each message once a seed; blind guessing would be right in 33 %, and three balanced classes would have
# 33 % in each. Now the heads that learned from these labels.

# %%
without = [k for k in targets if k != "hi"]
for centred in (False, True):
    before, after = self_trained[centred, 0], self_trained[centred, 3]
    print(f"{'centred' if centred else 'plain':8} before {mean_f1(before)}, after three rounds {mean_f1(after)}")
    for name, part in {"eight covered": without, "Hindi": ["hi"]}.items():
        pair = [{k: f[k] for k in part} for f in (after, before)]
        print(f"   {name:13} before {mean_f1(pair[1])}, after minus before {compared(*pair)}")
print(f"centring alone, Hindi: {compared(*({'hi': self_trained[c, 0]['hi']} for c in (True, False)))}")

# %% [markdown]
# Self-training amplifies what is there. In the covered languages the head is right about most of what it is sure of,
# and hears from itself what it knew already. In Hindi, plain, it is sure of few messages at first. Many of these labels
# may even be right, but they lie mostly in one class, and each round finds more for that class: by the third most are kept, in
# one class, and most are wrong. Centring, which uses the same unlabelled text and no pseudo-label, is the safer first
# step here.
#
# > **A misconception.** *"Pseudo-labels are free data."* They are the model's opinion, fed back. They pay where the
# > opinion is right in *every* class and the new text adds something, and you need a labelled dev set to know.
#
# The other use of unlabelled text is **continued pretraining**: masked language modelling on text of the target language
# and domain (Gururangan et al. 2020). USE-M has no such head, so we take `mini`, which has read manuals and hardly any
# Hindi, and let it read the Russian, Hindi and English training messages, without labels: 80 steps, three seeds. Does the
# masked loss on *held-out* messages fall? And does a frozen sentiment head, trained on English, gain?

# %%
import copy

from xlft_helpers import settings
from xlft_helpers.data import select_language
from xlft_helpers.pretraining import PretrainRecipe, evaluate_masked, pretrain

del encoder  # makes room; it comes back further down
settings.release_memory()
mini, mini_tokenizer = load_model("mini", "masked-lm", trainable_embeddings=True), load_tokenizer("mini")
read, held = (select_language(tweets[s], "en", "ru", "hi") for s in ("train", "test"))
to_read, blanks = ([{k: text} for k, text in zip(part["language"], part["text"])] for part in (read, held))
blanks = {k: [row for row in blanks if k in row][:60] for k in ("en", "ru", "hi")}  # 60 messages a language

# %% [markdown]
# Two things to note of every model, before and after reading.

# %%
loss, by_mini = {}, {}


def examine(name, model):
    """Note the masked loss by language, and the answers of an English sentiment head on Russian and Hindi."""
    filled = [evaluate_masked(model, mini_tokenizer, rows) for rows in blanks.values()]
    loss.setdefault(name, []).append(pd.concat(filled).set_index("language")["loss"])
    parts = (select_language(read, "en"), select_language(held, "ru", "hi"))
    source, asked = (frozen_features(model, mini_tokenizer, part) for part in parts)
    for k, found in answers(fit_head(source), asked).items():
        by_mini.setdefault(name, {}).setdefault(k, []).append(found)


# %%
recipe = PretrainRecipe(steps=80, batch_tokens=512, learning_rate=5e-4, bf16=False)
examine("as it is", mini)
for seed in tqdm(range(3), desc="masked language modelling", leave=False):
    reader = pretrain(copy.deepcopy(mini), mini_tokenizer, to_read, recipe, seed=seed, progress=False).model
    examine("continued", reader)
    del reader
    settings.release_memory()
table = pd.DataFrame({name: sum(found) / len(found) for name, found in loss.items()})
over = pd.concat(loss["continued"], axis=1)
table.assign(lowest=over.min(axis=1), highest=over.max(axis=1), messages=60).round(2)

# %% [markdown]
# That was the loss. And the task, from English labels?

# %%
# "as it is" has no seed: its one run is repeated, so that each of the three seeds has it to be compared with.
repeated = {name: {k: np.stack(a * (3 // len(a))) for k, a in found.items()} for name, found in by_mini.items()}
lines = {"one class": {k: constant[k] for k in ("ru", "hi")}, **repeated}
for name, found in lines.items():
    print(f"{name:10} zero-shot from English, mean of Russian and Hindi {mean_f1(found)}")
print(f"continued minus as it is: {compared(repeated['continued'], repeated['as it is'])}")
assert (table["continued"] < table["as it is"]).all(), "reading the domain should lower the masked loss"

# %% [markdown]
# The mean loss (nats a masked piece; *lowest* and *highest* of the three seeds stand beside it) falls in each language,
# on 60 messages that were not read. In some languages by much, in others by little: look at Russian, where 60 messages
# and three seeds are few for so small a step. That is what was trained. Whether the *task* gains is another question,
# and the last line has the answer for this budget. A better language model is not yet a better classifier.
#
# ## Problem 5: a language that the model cannot read
#
# Which of our languages can a model not even spell? Count unknown pieces in the commands, and the words that hold one
# (where the script has spaces between them).

# %%
from xlft_helpers.data import has_spaces, tokenizer_report

unread = {}
for name, one in {"use-m": tokenizer, "mini": mini_tokenizer}.items():
    report = tokenizer_report(everything["test"], one).set_index("language")
    unread[f"unknown pieces %, {name}"] = 100 * report["unknown"]
    for k in filter(has_spaces, report.index):
        words = " ".join(select_language(everything["test"], k)["text"]).split()
        cut = one(words, add_special_tokens=False)["input_ids"]
        unread.setdefault(f"words with one %, {name}", {})[k] = 100 * np.mean([one.unk_token_id in ids for ids in cut])
unread = pd.DataFrame(unread)
assert unread.loc["el", "words with one %, mini"] > 75, "mini should not be able to spell Greek"
unread[unread.max(axis=1) > 10].round(0).astype("Int64").astype(str).fillna("–")

# %% [markdown]
# `mini` sees nearly every *word* of Greek as "unknown". (About half of the *pieces* only because the space before a
# word is a piece of its own.) USE-M fails elsewhere: its list of pieces lacks the scripts of languages it was not made
# for, such as Malayalam and much of Nepali's Devanagari, and that is where these two stand in the figure of problem 2:
# at the far right. More text does not help a model that cannot spell; the course's pretraining refuses such text. What
# does **adapting the vocabulary** buy? Train a small set of Greek pieces on unlabelled commands, append them, give each
# new piece an embedding, and let masked language modelling teach what they mean.
#
# A common start for a new piece is the **mean of the embeddings of its old pieces**. Here is a trap: for Greek these
# are all `[UNK]`, so the mean is *the same vector* for every new piece, and a frozen encoder sees every Greek word as
# repeats of one vector and cannot tell words apart. The package draws such rows from the distribution of the table
# instead.

# %%
from xlft_helpers.adaptation import extend_embeddings, extend_tokenizer

greek = load_intents(["el"], per_intent=30)
unlabelled = list(dict.fromkeys(greek["train"]["text"]))
greek_tokenizer = extend_tokenizer(mini_tokenizer, unlabelled, pieces=1500)
example = unlabelled[3]
print(example)
for name, one in {"before": mini_tokenizer, "after": greek_tokenizer}.items():
    ids = one(example, add_special_tokens=False)["input_ids"]
    print(f"{name:6}", " ".join(one.convert_ids_to_tokens(ids)))
assert set(greek["test"]["label"]) == set(greek["train"]["label"]), "both splits should have the same intents"
print(f"{len(greek_tokenizer) - len(mini_tokenizer)} new pieces from {len(unlabelled)} unlabelled commands")

# %% [markdown]
# Four stages: `mini` as it is; with new pieces that all start from the table's mean (the trap); with new pieces whose
# rows are drawn; and the last ones after 80 short steps of masked language modelling. The measure: a frozen head
# trained on six labelled Greek commands an intent, tested on new templates. Three seeds, each with its own rows, masks
# and labelled commands. The baselines see the same labels: one class for all, and TF-IDF, which reads any script. We
# expect each stage to add something.


# %%
def stages_of(seed):
    """The four stages one after the other; the last three are one model, which changes between two ``yield``."""
    yield "as it is", mini, mini_tokenizer
    model = extend_embeddings(mini, mini_tokenizer, greek_tokenizer, seed=seed)
    table, old = model.get_input_embeddings().weight.data, len(mini_tokenizer)
    drawn = table[old:].clone()
    table[old:] = table[:old].mean(dim=0)
    yield "pieces, all alike", model, greek_tokenizer
    table[old:] = drawn
    yield "pieces, drawn", model, greek_tokenizer
    corpus, recipe = [{"el": text} for text in unlabelled], PretrainRecipe(steps=80, batch_tokens=512, bf16=False)
    pretrain(model, greek_tokenizer, corpus, recipe, seed=seed, progress=False)
    yield "pieces, drawn and taught", model, greek_tokenizer


# %%
from xlft_helpers.evaluation import tfidf_classifier

pool, stages, by_count = greek["train"].to_pandas(), {}, []
for seed in tqdm(range(3), desc="vocabulary", leave=False):
    few = greek["train"].select(pool.sample(frac=1, random_state=seed).groupby("label").head(6).index)
    by_count.append(tfidf_classifier().fit(few["text"][:], few["label"][:]).predict(greek["test"]["text"][:]))
    for name, *pair in stages_of(seed):
        learned, asked = (frozen_features(*pair, part, max_length=48) for part in (few, greek["test"]))
        stages.setdefault(name, []).append(fit_head(learned, 10.0).predict(asked.embeddings))
    del pair, name
    settings.release_memory()
stages = {name: np.stack(found) for name, found in stages.items()}

# %% [markdown]
# The scores, and each stage against the one before it, paired on the same commands and seeds. Greek has commands for
# some of the 35 intents only, so they are numbered anew: a class that cannot occur would count as 0.

# %%
from itertools import pairwise

offered, numbers = np.unique(greek["test"]["label"], return_inverse=True)
y, C = {"el": numbers}, len(offered)
rows = {"one class": np.zeros_like(numbers)} | {
    name: np.searchsorted(offered, found)
    for name, found in {"TF-IDF, same labels": np.stack(by_count), **stages}.items()
}
print(f"{len(few)} labelled commands a seed, {len(numbers)} test commands, {C} intents")
for name, found in rows.items():
    print(f"{name:24} macro-F1 {mean_f1({'el': found}, y, C)}")
for before, after in [*pairwise(stages), ("TF-IDF, same labels", "pieces, drawn and taught")]:
    print(f"{after} minus {before}: {compared({'el': rows[after]}, {'el': rows[before]}, y, C)}")

# %%
f1 = {name: np.mean([score(numbers, run, C).macro_f1 for run in rows[name]]) for name in stages}
assert f1["pieces, drawn"] > f1["as it is"] + 0.15, "to be able to spell should help"
assert f1["pieces, drawn"] > f1["pieces, all alike"] + 0.15, "rows that are all alike should cost"
print(f"Drawn pieces alone multiply the score by {f1['pieces, drawn'] / f1['as it is']:.1f}.")
mini = mini_tokenizer = stages = greek = None  # makes room
settings.release_memory()

# %% [markdown]
# To be able to *spell* is what counts for a head with a few labels: the step from rows that are all alike to drawn rows
# is large, and drawn rows mean nothing yet. Different words have different vectors, and that is enough to learn which
# go with which intent, as in a bag of words. So read the comparison with TF-IDF, too: it *is* a bag of words, and needs
# no model at all. Whether so short a reading of Greek adds something, the line "taught minus drawn" says. And all of it
# is *no transfer from
# English*: nothing has told the model which Greek word means which English one. For that, one needs parallel text, as
# in [notebook 02](02_pretraining_objectives.ipynb)'s translation language modelling, or far more text of many languages
# in one shared model, as XLM-R has read.
#
# ## Frequent questions, answered from what was measured
#
# **One multilingual model or one a language?** And **does training on other languages hurt one?** Heads can answer both
# here: one head a language on its own 120 labels, against one head on all languages' labels.

# %%
alone = {k: fit_head(train.of(k)).predict(test.of(k).embeddings) for k in targets}
print(f"one head a language {mean_f1(alone)}, one head for all {mean_f1(merged)}")
print(f"one for all minus one a language {compared(merged, alone)}")
each = {k: compared({k: merged[k]}, {k: alone[k]}) for k in targets}
for word in ("better", "worse", "cannot tell"):
    print(
        f"with one for all {word}: {', '.join(k for k, said in each.items() if said.endswith(word)) or 'no language'}"
    )
assert compared(merged, alone).endswith("better"), "other languages' labels should help where each has 120"

# %% [markdown]
# With 120 messages a language, labels in other languages help on average. Of nine single tests, each at 5 %, about 0.5
# would look different by chance. For fine-tuned encoders [notebook 06](06_merged_finetuning.ipynb) has the same
# comparison, and published results where merging *hurts* with 1,839 tweets a language (Italian, from 71.5 to 68.6;
# XLM-R, Barbieri et al. 2022). [Notebook 11](11_text_classification.ipynb) shows where word counts win: outside of the
# encoder's coverage.
#
# ## Problem 6: two tasks at once
#
# **Does a second task help?** Caruana (1997): two tasks share a hidden layer. Main task: sentiment. Second task: the
# **topic** of the same message, or its **language**. The sum of the losses is weighted,
# $L = L_{sentiment} + \lambda L_{second}$, here with $\lambda = 0.5$. A topic may sharpen what the layer sees. The
# language should not: we want the layer to forget it. Five seeds, all ten languages' labels. This head has a hidden layer
# and is trained by steps, so "alone" is not the 'all labels' row at the top.

# %%
from xlft_helpers.adaptation import train_shared_layer

names = {"topic": topic, "language": train.languages}
second = {what: np.unique(values, return_inverse=True)[1] for what, values in names.items()}
settings_of = {"alone": {}, "with topic": {"topic": 0.5}, "with language": {"language": 0.5}}
tasks_found = {name: {k: [] for k in targets} for name in settings_of}
for seed in tqdm(range(5), desc="two tasks", leave=False):
    for name, extra in settings_of.items():
        goals = {"sentiment": train.labels} | {what: second[what] for what in extra}
        model = train_shared_layer(train.embeddings, goals, {"sentiment": 1.0} | extra, epochs=20, seed=seed)
        for k in targets:
            tasks_found[name][k].append(model.predict(test.of(k).embeddings, "sentiment"))
tasks_found = {name: {k: np.stack(a) for k, a in found.items()} for name, found in tasks_found.items()}

# %%
for name, found in tasks_found.items():
    against = "" if name == "alone" else f"; minus alone {compared(found, tasks_found['alone'])}"
    print(f"{name:14} {mean_f1(found)}{against}")

# %% [markdown]
# Where the verdict is "cannot tell", there is nothing to explain. Where a second task does change the first, the cosine
# between the two tasks' gradients tells whether they pull together: [notebook 03](03_finetuning_objectives.ipynb)
# measures it between languages, in the same way.
#
# ## What to do to multilingual text
#
# Old advice says: lower-case, strip accents, stem. New advice says: leave the text alone. Is either right here? One
# table, each row one change against the base of its block, paired on the same messages:
#
# - **word counts**: a bag of words a language, trained on its own labels. To lower-case or stem merges forms of a word,
#   which should help where 120 messages show a word once. Stemming here is the crudest kind, cutting after five letters.
#   A word is what stands between spaces, so this block has the eight targets that write them: a Chinese message would be
#   one or two "words", which is a fault of the counting and not of Chinese.
# - **USE-M, zero-shot**: a head on frozen embeddings of the *changed* English text, all nine targets. The encoder was trained
#   on natural text, so we expect changes to cost something.
#
# "No accents" takes more than accents: in Hindi the vowel signs are marks on letters, and go as well.

# %%
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from xlft_helpers.data import normalize_text, stem, strip_accents

spaced = [k for k in targets if has_spaces(k)]
texts = {s: {k: list(select_language(tweets[s], k)["text"]) for k in ["en", *targets]} for s in ("train", "test")}
changes = {
    "as it is": str,
    "cleaned (notebook 04)": normalize_text,
    "lower-cased": str.lower,
    "lower-cased, no accents": lambda text: strip_accents(text.lower()),
    "lower-cased, stemmed": lambda text: stem(text.lower()),
}

# %% [markdown]
# `by_words` trains one classifier a language on its own labels, on changed text, and tests it on text changed likewise.


# %%
def word_counts():
    """Word counts with logistic regression; case and accents stay."""
    return make_pipeline(CountVectorizer(lowercase=False, token_pattern=r"\S+"), LogisticRegression(max_iter=1000))


def by_words(change, classifier=word_counts):
    """Answers by language."""
    found = {}
    for k in spaced:
        learned, asked = ([change(text) for text in texts[split][k]] for split in ("train", "test"))
        found[k] = classifier().fit(learned, train.of(k).labels).predict(asked)
    return found


# %%
words = {name: by_words(change) for name, change in tqdm(changes.items(), desc="words", leave=False)}
words["TF-IDF, words and characters"] = by_words(str, tfidf_classifier)
words["USE-M's embeddings instead"] = {k: alone[k] for k in spaced}

# %% [markdown]
# For the second block, two augmentations join. **Code-switching** (Qin et al. 2020) replaces English words by words of
# other languages, so that the head sees mixed text. The dictionary comes from USE-M itself: words of the training
# messages that are each other's nearest neighbours. **Back-translation** (to another language and back, for a
# paraphrase) needs a translation model in both directions. We do not measure it: the course's own translator takes
# minutes to train in each direction and has seen only user-interface sentences, and [notebook 10](10_translation.ipynb)
# measures how good it is on those (chrF and BLEU beside a dictionary and a memory). Its paraphrases of tweets would
# test the translator and not the idea.

# %%
from xlft_helpers.adaptation import code_switch, word_dictionary


def words_of(language):
    """The different words of a language's training messages, in lower case, without numbers and signs."""
    return sorted({word for text in texts["train"][language] for word in text.lower().split() if word.isalpha()})


encoder = load_model("use-m", "embedding")
dictionaries = [
    word_dictionary(encoder, tokenizer, words_of("en"), words_of(k))
    for k in tqdm(["fr", "de", "es", "it", "pt", "ru"], leave=False)
]

# %%
for k, pairs in zip(["fr", "de"], dictionaries):
    shown = list(pairs.items())[:: len(pairs) // 6][:6]
    print(f"{k}: {len(pairs)} pairs, such as " + ", ".join(f"{a} = {b}" for a, b in shown))
print(code_switch(texts["train"]["en"][0], dictionaries, 0.5, np.random.default_rng(0)))

# %% [markdown]
# Some pairs are translations, some are not: that is the quality of a dictionary that costs nothing. Now embed the
# changed texts, and fit a head on each kind of English. A copy of the messages that is added *unchanged* is the control
# of code-switching: twice the rows weaken the head's regularization, whatever is in them.

# %%
from xlft_helpers.adaptation import Features
from xlft_helpers.inference import embed


def changed(rows, change):
    """Features of changed texts."""
    vectors = embed(encoder, tokenizer, [change(text) for text in rows["text"]]).numpy()
    return Features(vectors, np.array(rows["label"]), np.array(rows["language"]))


english_rows, target_rows = select_language(tweets["train"], "en"), select_language(tweets["test"], *targets)
zero_shots = {"as it is": zero_shot}
for name in tqdm(["lower-cased", "lower-cased, no accents", "lower-cased, stemmed"], desc="USE-M", leave=False):
    head = fit_head(changed(english_rows, changes[name]))
    zero_shots[name] = answers(head, changed(target_rows, changes[name]))

# %%
from functools import partial

shifts = {k: train.of(k).embeddings.mean(axis=0) - english.embeddings.mean(axis=0) for k in targets}
zero_shots["mean-centred (notebook 05)"] = answers(fit_head(english), targets_of, shifts)
switched = []
for seed in tqdm(range(3), desc="code-switching", leave=False):
    draw = partial(code_switch, dictionaries=dictionaries, share=0.5, random=np.random.default_rng(seed))
    mixed = changed(english_rows, draw)
    switched.append(answers(fit_head(english.joined(mixed)), targets_of))
zero_shots["unchanged copy added"] = answers(fit_head(english.joined(english)), targets_of)
zero_shots["code-switched copy added"] = {k: np.stack([found[k] for found in switched]) for k in targets}

# %% [markdown]
# One table of it all, and code-switching against its control.

# %%
rows = []
for block, methods in {"words": words, "USE-M": zero_shots}.items():
    base = methods["as it is"]
    for name, found in methods.items():
        found = {k: np.atleast_2d(a) for k, a in found.items()}
        same = {k: np.stack([base[k]] * len(a)) for k, a in found.items()}
        effect = "base" if name == "as it is" else compared(found, same)
        rows.append((block, name, len(found["fr"]), len(found), mean_f1(found), effect))
effects = pd.DataFrame(rows, columns=["block", "text", "runs", "languages", "macro-F1", "minus base"])
effects = effects.set_index(["block", "text"])
effects

# %%
for name in ("TF-IDF, words and characters", "USE-M's embeddings instead"):
    assert effects.loc[("words", name), "minus base"].endswith("better"), (
        "a richer representation should beat word counts"
    )
effect = {
    (block, name): mean_difference({k: labels[k] for k in found}, found, methods["as it is"], 3)
    for block, methods in {"words": words, "USE-M": zero_shots}.items()
    for name, found in methods.items() if name.startswith("lower-cased")
}  # fmt: skip
assert effect["USE-M", "lower-cased, stemmed"].high < -0.02 < effect["words", "lower-cased, stemmed"].low
assert all(abs(d.estimate) < 0.03 for (_, name), d in effect.items() if name != "lower-cased, stemmed")
copied = {k: np.stack([zero_shots["unchanged copy added"][k]] * 3) for k in targets}
print(f"code-switched minus unchanged copy: {compared(zero_shots['code-switched copy added'], copied)}")

# %% [markdown]
# Read each block against its base; the blocks differ in languages and labels, so do not compare across them. One run
# means that nothing random is in it, and its interval speaks of messages only. "No change" means that every answer
# stayed the same. Of a dozen comparisons, about half a one would look different by chance. The large steps in the first
# block are changes of the *representation*: characters beside words, and embeddings instead of counts. Against them,
# case and accents change little, in both blocks. **Stemming** is another matter: it takes the encoder's words away, and
# costs it several points, while for the word counts we see no such loss. So a rule for one representation need not hold
# for another. (Cleaning finds little to clean in this corpus. In real tweets it does, and its first use is to find
# duplicates.) Mean-centring, which never touches the text, stands beside the changes so that you can compare.
#
# ## Choose a model
#
# What decides is, in this order: does it fit the memory, has it read the languages, can you train it with what you
# have? As a table (sizes and coverage are published, see the module `xlft_helpers.models.recommendation`). *Trained*
# are the parameters that the course's recipe changes: of USE-M and `mini` the large embedding table stays as it is.
# *Aligned* models were pretrained on pairs of translations too. Languages without a two-letter code are not counted, so
# mBERT and XLM-R have fewer here than the 104 and 100 that are usually named.

# %% tags=["nbval-check-output"]
facts = {
    name: (len(c.languages) or "any", c.parameters or "–", c.trained or "–", "yes" if c.aligned else "no")
    for name, c in CANDIDATES.items()
}
columns = ["languages (ISO 639-1)", "parameters, million", "trained, million", "aligned"]
pd.DataFrame(facts, index=columns).T

# %% [markdown]
# `recommend` applies the rules and says its reasons. Type the languages of your texts, as codes with spaces between
# them, and read what it would try first on three machines, without labels and with 500 a language, and which model came
# second. The rules go in this order: it fits the memory; it has read more of the languages; it trains in minutes on
# what you have; it is the larger one. So a model that has read all languages goes before an *aligned* one that has not:
# alignment cannot help where the encoder does not know the words.

# %%
from xlft_helpers.models import recommend

machines = {"laptop, 2 GB": (2, False), "computer, 16 GB": (16, False), "GPU, 16 GB": (16, True)}


def advice(typed):
    """The first recommendation for each machine and number of labels, and the second, as an HTML table."""
    table = {}
    for name, (memory, gpu) in machines.items():
        for n in (0, 500):
            best, second = recommend(typed.split(), n_labels=n, memory_gb=memory, gpu=gpu)[:2]
            table[name, n] = {"try first": best.model, "because": " ".join(best.reasons)}
            table[name, n] |= {"second": second.model, "of which": " ".join(second.reasons)}
    return pd.DataFrame(table).T.rename_axis(["machine", "labels a language"]).to_html()


# %% [markdown]
# Try `fr de`, then `hi sw`, and a language of your own. A code that does not exist is answered with the one that was
# probably meant.

# %%
import html

from xlft_helpers.errors import XlftError
from xlft_helpers.teaching import ask


def view(typed):
    """The advice, or what is wrong with the question."""
    try:
        return advice(typed)
    except XlftError as error:
        return f"<p>{html.escape(str(error))}</p>"


ask(view, start="en hi sw", description="Languages", button="Recommend")

# %% [markdown]
# > **A misconception.** *"The largest model that covers my languages is the best one."* It is where to *start* on a GPU.
# > Whether it beats a small one by more than the interval, on your data, is what `compare` is for.
#
# ## The capstone: bring your own languages and data
#
# Now it is your turn. The template below runs from a file to a report. It works on a small sample that we write first:
# voice commands with four intents in English, Dutch, Arabic and Finnish. To make the sample as real as yours will be,
# one test message is copied into the training rows.
#
# Your own file (.tsv, .csv or .jsonl) needs the columns `text`, `label`, `language` (a code such as `en`) and `split`
# (`train`, `dev`, `test`); `id` is welcome. Skip the next cell then, and set `path` in the one after it.

# %% tags=["nbval-check-output"]
own = load_intents(["en", "nl", "ar", "fi"], per_intent=20)
names = own["train"].features["label"].names
sample = pd.concat([part.to_pandas() for part in own.values()], ignore_index=True)
sample["label"] = sample["label"].map(dict(enumerate(names)))
sample = sample[sample["label"].isin(["TurnOn", "TurnOff", "LightSet", "StartTimer"])]
twin = sample[(sample["split"] == "test") & (sample["language"] == "nl")].head(1).assign(split="train", id="copy")
path = settings.cache_dir() / "capstone.tsv"
columns = ["text", "label", "language", "split", "id"]
pd.concat([sample, twin])[columns].to_csv(path, sep="\t", index=False)
print(f"{len(sample) + 1} rows; the first lines of the file:")
print("\n".join(path.read_text(encoding="utf-8").splitlines()[:3]))

# %% [markdown]
# **Step 1: load, and look before you train.** Does anything stand in two splits?

# %% tags=["nbval-check-output"]
from xlft_helpers.data import find_leakage, load_data

# path = Path("my_data.tsv")  # your own file; with `from pathlib import Path`
mine = load_data(path)
leaks = find_leakage(mine)
print({split: len(part) for split, part in mine.items()}, "leaks:", len(leaks))
assert (leaks["similarity"] == 1).any(), "the planted copy should be found"
leaks[["language", "split", "text", "seen_split", "seen_text", "similarity"]].round(2)

# %% [markdown]
# The planted copy is there, with a similarity of 1. The other rows are near-copies that templates brought along; read
# them, and decide. We drop the *later* row of each pair, the one in dev or test, so that nothing is tested that was
# trained on.

# %% tags=["nbval-check-output"]
leaking = set(leaks["id"])
clean = mine.filter(lambda row: row["id"] not in leaking)
assert find_leakage(clean).empty, "no leak should be left"
print({split: len(part) for split, part in clean.items()})
encoder = tokenizer = train = test = dictionaries = None  # makes room for the training
settings.release_memory()

# %% [markdown]
# **Step 2: compare.** Two seeds keep this short; take three seeds or more for a result of your own. With a source
# language other than English add `source="nl"`, or whichever it is. Zero-shot is mean-centred here, as `compare` does
# it by default; the row 'English labels' at the top of this notebook is plain.

# %%
from xlft_helpers.comparison import compare
from xlft_helpers.finetuning import Recipe

comparison = compare(
    clean, methods=["zero-shot", "merged"], seeds=2, recipe=Recipe(epochs=3, max_length=32), progress=False
)
print("test messages:", {k: len(rows) for k, rows in comparison.labels.items()})
comparison.table().T

# %% [markdown]
# Look at the column `tf-idf` first, the baseline that costs least. Here it leads zero-shot by far, and where it leads
# merged fine-tuning as well, there are reasons: commands made from templates share their words between train and test,
# which is all that word counts need; our training is three epochs with two seeds; and USE-M has not read Finnish. Does
# the lead stand a paired test?

# %%
tests = comparison.differences().query("second == 'tf-idf' or first == 'tf-idf'")
print(f"of {len(tests)} tests, about {0.05 * len(tests):.1f} would look distinguishable by chance")
points = (100 * tests[["difference", "ci_low", "ci_high"]]).round(1).set_axis(["points", "low", "high"], axis=1)
points = points.assign(p=tests["p_value"].round(3), language=tests["test_language"])
points["methods"] = tests["first"] + " minus " + tests["second"]
points["verdict"] = np.where(tests["distinguishable"], "distinguishable", "cannot tell")
means = {m: comparison.mean_of_targets(m).estimate for m in ("tf-idf", "zero-shot")}
assert means["tf-idf"] > means["zero-shot"] + 0.08, "word counts with labels should beat zero-shot on templates"
points.set_index(["methods", "language"])

# %% [markdown]
# (`compare` tests more strictly than our `compared`: it draws the runs of the two methods apart, and asks for an interval
# without 0 *and* $p < 0.05$.) If word counts win on *your* data, use them: a report that says so is a good report.
#
# **Step 3: read the errors the model was surest of.** Sort them by cause in your own words: label, tokenizer, language,
# ambiguity. Half an hour here is worth more than another model.

# %%
from xlft_helpers.reporting import confident_errors, write_report
from xlft_helpers.teaching.tables import show_messages

errors = confident_errors(comparison, clean, "zero-shot", per_language=2)
print(f"confidence {errors['confidence'].min():.2f} to {errors['confidence'].max():.2f}; blind guessing has 0.25")
show_messages(errors, "Errors of zero-shot with the highest confidence, first seed")

# %% [markdown]
# Compare the confidences with 0.25: even the surest errors may be hardly sure. Then read. In these commands a single
# short word decides between on and off: English *off*, Dutch *uit*, Finnish *sammuta* ("switch off") against *sytytä*
# ("switch on"), Arabic *أطفئ* against *شغل*. For example, Finnish *sammuta keittiön valot* is "switch off the kitchen
# lights": all words but the first would be the same for "on", so an encoder that has not read Finnish sees a light and
# a kitchen and has to guess. That would be the cause "language"; a test of it is to look whether Dutch, which it has
# read, has fewer errors of that kind.
#
# **Step 4: write the report.** One HTML file with data, scores, tests and errors; figures are inside, nothing is fetched.
# The command line does the same: `xlft compare --data FILE --report report.html`.

# %%
import re

report = settings.cache_dir() / "capstone.html"
write_report(report, comparison, clean, title="Four commands in four languages")
page = report.read_text(encoding="utf-8")
assert "http" not in re.sub(r"base64,[^\"]+", "", page), "the report should need nothing from the network"
print(f"{report.name}: {len(page) // 1024} kB; sections: {', '.join(re.findall('<h2>(.*?)</h2>', page))}")
print("It lies in the cache folder, settings.cache_dir(); open it with a browser.")

# %% [markdown]
# **Step 5: judge your work by this rubric.**
#
# | | not yet | good | excellent |
# | --- | --- | --- | --- |
# | **Data** | source or licence unknown; no look at duplicates | described, cleaned, split without leaks | a test set written by speakers, a second labelling with agreement |
# | **Baselines** | none | majority and TF-IDF on each language's own labels | also zero-shot by a head on frozen features, and the cost of each |
# | **Uncertainty** | one run, one number | three seeds, intervals, n | paired tests, verdicts as "cannot tell" where due |
# | **Languages** | an average | every language in its row, fertility and unknown pieces beside it | a language outside the coverage, explained |
# | **Errors** | none read | twenty read and sorted by cause | a cause tested by a change, with its effect |
# | **Report** | a screenshot | the HTML report, with what was compared | a reader can repeat it: file, command, versions, seeds |
#
# ## Exercise 1: find what to label next
#
# A rule that asks the model may spend the whole budget on one language. Write a function that takes probabilities (n
# rows, C classes), the language of each row, a budget $k$ and a limit `most`. It returns the row numbers of the $k$
# smallest margins, the smallest first, with at most `most` rows of a language: where a language is full, the next row
# gets the place.
#
# *Hint:* walk through the rows in the order of their margins, and keep a list of what is chosen.

# %%
from xlft_helpers.teaching import check


def to_label(probabilities, languages, k, most):
    """Row numbers of the k smallest margins, at most ``most`` of a language; arrays (n, C) and (n,)."""
    # --- stub
    return ...
    # --- solution
    chosen = []
    for row in np.argsort(margins(probabilities)):
        if len(chosen) < k and sum(languages[chosen] == languages[row]) < most:
            chosen.append(int(row))
    return chosen
    # --- end


check.messages_to_label(to_label)

# %% [markdown]
# ## Exercise 2: give pseudo-labels
#
# Write a function that takes probabilities (n, C) and a threshold, and returns one integer a row: the most probable class
# where its probability is *at least* the threshold, and -1 elsewhere.
#
# *Hint:* `np.where(condition, this, otherwise)`.


# %%
def pseudo_labels(probabilities, threshold):
    """(n,) class indices, -1 where the model is not sure enough."""
    # --- stub
    return ...
    # --- solution
    return np.where(probabilities.max(axis=1) >= threshold, probabilities.argmax(axis=1), -1)
    # --- end


check.pseudo_labels(pseudo_labels)

# %% [markdown]
# ## Exercise 3: start a new piece
#
# A new piece was cut into old pieces with the ids `ids`. Return its first embedding: the mean of their rows of `table`,
# or `None` if the unknown piece (id `unknown`) is among them or there are no ids. (Then the row should be drawn.)
#
# *Hint:* look for the unknown piece first. A mean over the pieces is `mean(axis=0)`.


# %%
def first_embedding(table, ids, unknown):
    """A vector (H,) or None; ``table`` is an array (V, H), ``ids`` a list of row numbers."""
    # --- stub
    return ...
    # --- solution
    if unknown in ids or not ids:
        return None
    return table[ids].mean(axis=0)
    # --- end


check.piece_start(first_embedding)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("14_outlook_and_capstone")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# - Frozen features make many small experiments affordable; what they find is about heads.
# - Random choice is the baseline for labelling. Pay for a clever rule where a paired comparison says so, and test it while
#   most of the pool is unlabelled.
# - The distance of a language's mean from the source foresees much of the gap. Look at covered languages apart: coverage
#   lies behind both.
# - Self-training amplifies what is there, also a class that swallows the others. A lower masked loss is no better classifier yet.
# - A language that cannot be spelt needs pieces first. The mean of unknown pieces is a trap. Word counts need none.
# - What to do to a text depends on the representation: stemming cost the encoder several points here, and word counts none
#   that we could tell. The representation itself matters most.
# - A result is a table with rows, intervals, baselines and n, and errors that somebody has read.
#
# ## Read on
#
# - Settles 2009, *Active Learning Literature Survey*; Lowell, Lipton and Wallace 2019, *Practical Obstacles to Deploying
#   Active Learning* (EMNLP); Sener and Savarese 2018, *Active Learning for Convolutional Neural Networks* (ICLR): k-center.
# - Caruana 1997, *Multitask Learning* (Machine Learning 28).
# - Gururangan et al. 2020, *Don't Stop Pretraining* (ACL): continued pretraining on domain and task text.
# - Dong and de Melo 2019, *A Robust Self-Learning Framework for Cross-Lingual Text Classification* (EMNLP-IJCNLP).
# - Pfeiffer et al. 2021, *UNKs Everywhere: Adapting Multilingual Language Models to New Scripts* (EMNLP).
# - Qin et al. 2020, *CoSDA-ML* (IJCAI): code-switching as augmentation.
# - Joshi et al. 2020, *The State and Fate of Linguistic Diversity and Inclusion in the NLP World* (ACL): who is left out.
#
# {{navigation}}
