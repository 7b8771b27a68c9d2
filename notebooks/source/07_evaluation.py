# %% [markdown]
# # Judge a cross-lingual result and report it
#
# {{badges}}
#
# > **You will** compute every score from its formula, put an interval on it, test whether two methods differ, draw the
# > transfer matrix, check how far confidence can be believed in each language, find out which messages are misread, and
# > write a result down so that a reader can believe it.
# >
# > **You need** zero-shot and merged fine-tuning (notebooks 05 and 06, on which this one builds) and a little numpy.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Train a model to judge
#
# We need predictions before we can judge them. As in notebook 05, a pretrained encoder is fine-tuned on English
# messages only, and then reads the test messages of every language. It is one model with one seed; the
# seeds come later in this notebook. Here are the data.

# %% tags=["nbval-check-output"]
from xlft_helpers import settings
from xlft_helpers.data import label_names, language_name, languages_of, load_data, select_language

data = load_data(settings.default_data())
names, languages = label_names(data), languages_of(data["test"])
english = {split: select_language(data[split], "en") for split in ("train", "dev")}
print("labels:", ", ".join(names))
print(f"{len(english['train'])} English messages to train on, {len(english['dev'])} to choose the epoch with")
print("test messages:", {code: len(select_language(data["test"], code)) for code in languages})

# %%
import numpy as np

from xlft_helpers.finetuning import finetune
from xlft_helpers.inference import predict

result = finetune(settings.default_model(), english["train"], english["dev"], seed=settings.SEED)
labels, probabilities = {}, {}
for code in languages:
    rows = select_language(data["test"], code)
    labels[code] = np.asarray(rows["label"])
    probabilities[code] = predict(result.model, result.tokenizer, rows)
answers = {code: values.argmax(axis=1) for code, values in probabilities.items()}

# %% [markdown]
# `answers` now holds one predicted class index a message, and `probabilities` one row of three numbers. Everything
# below is computed from these two and the true labels. No model is needed to follow along: if you have predictions of
# your own, the rest of the notebook applies to them as it stands.
#
# ## Count before you score
#
# All the scores of a classifier come from one table of counts. The **confusion matrix** has a row for each true label
# and a column for each predicted one:
#
# $$C_{ij} = \sum_{m=1}^{n} \mathbb{1}[\,y_m = i\,]\;\mathbb{1}[\,\hat y_m = j\,]$$
#
# The diagonal holds the messages that were read right. We expect most of each row there, and most of the rest next to
# it: *negative* taken for *neutral* is a likelier mistake than *negative* taken for *positive*.

# %%
import pandas as pd
from sklearn import metrics

from xlft_helpers.evaluation import confusion_matrix

true, answer = labels["fr"], answers["fr"]
confusion = np.array([[((true == i) & (answer == j)).sum() for j in range(3)] for i in range(3)])
assert (confusion == confusion_matrix(true, answer, num_labels=3)).all()
assert (confusion == metrics.confusion_matrix(true, answer)).all()
pd.DataFrame(confusion, index=[f"true {name}" for name in names], columns=[f"predicted {name}" for name in names])

# %% [markdown]
# The row sums are given by the test set: in the course's corpus every label is equally frequent. The column sums are
# the model's doing. A column that is much larger than its row says that the model favours that label in French.
#
# ## Work out every metric
#
# For class $c$, the *true positives* are on the diagonal, the rest of its column are *false positives*, and the rest of
# its row *false negatives*:
#
# $$\text{precision}_c = \frac{TP_c}{TP_c + FP_c} \qquad \text{recall}_c = \frac{TP_c}{TP_c + FN_c} \qquad
# F_{1,c} = \frac{2\, TP_c}{2\, TP_c + FP_c + FN_c}$$
#
# Precision asks "of those called positive, how many are?", recall "of those that are positive, how many were found?".
# F1 is their harmonic mean: it is high only if both are. In the matrix, precision divides by a column sum, recall by a
# row sum, and F1 by the average of the two.

# %%
hits, row_sums, column_sums = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
by_class = pd.DataFrame(
    {
        "precision": hits / column_sums,
        "recall": hits / row_sums,
        "F1": 2 * hits / (row_sums + column_sums),
        "n": row_sums,
    },
    index=names,
)
expected = metrics.precision_recall_fscore_support(true, answer)
assert np.allclose(by_class.T, expected), "the formulas and scikit-learn must agree"
by_class.round(3)

# %% [markdown]
# Compare the two columns *precision* and *recall*. Where recall is the higher one, the model uses that label too
# freely; where precision is, it uses the label too seldom.
#
# Now one number for all classes. There are two ways to average, and they answer different questions:
#
# $$\text{accuracy} = \frac{1}{n}\sum_c TP_c \qquad\qquad
# \text{macro-}F_1 = \frac{1}{C}\sum_{c=1}^{C} F_{1,c}$$
#
# Accuracy counts every *message* the same. The **macro** averages (precision, recall, F1) count every *class* the same.
# The cell below checks both against the package's `score` and against scikit-learn.

# %%
from xlft_helpers.evaluation import score

accuracy, macro_f1 = hits.sum() / confusion.sum(), by_class["F1"].mean()
scores = score(true, answer, num_labels=3)
assert np.allclose([scores.accuracy, metrics.accuracy_score(true, answer)], accuracy)
assert np.allclose([scores.macro_f1, metrics.f1_score(true, answer, average="macro")], macro_f1)
assert np.isclose(by_class["precision"].mean(), scores.macro_precision)
assert np.isclose(by_class["recall"].mean(), scores.macro_recall)
# In single-label classification "micro-F1" is nothing new: it is the accuracy.
assert np.isclose(metrics.f1_score(true, answer, average="micro"), accuracy)
print(f"French, n = {scores.n}: accuracy {100 * accuracy:.1f}, macro-F1 {100 * macro_f1:.1f} points (one run)")

# %% [markdown]
# The two numbers are close here, because the labels are balanced and no class is read much worse than the others.
# (There is a second thing that some papers call macro-F1: the F1 *of* macro-precision and macro-recall. The two can
# differ by several points, so a report says which one it means; see Opitz & Burst in the reading list.)
#
# ## Ask what accuracy hides
#
# > **Misconception: "accuracy is enough."** It is, as long as every class is equally frequent and matters equally.
#
# Real timelines are seldom balanced. Suppose that 80 % of the messages were neutral and 10 % each of the others. Recall
# in each row of the confusion matrix would stay what it is; only the rows' weights would change. So we can rescale the
# rows and see what the scores would be, beside the baseline that always answers *neutral*.
# We expect the baseline to look good on accuracy and bad on macro-F1.

# %%
from xlft_helpers.evaluation import macro_f1_from_confusion

english_shares = confusion_matrix(labels["en"], answers["en"], num_labels=3).astype(float)
english_shares /= english_shares.sum(axis=1, keepdims=True)
constant_shares = np.tile(np.eye(3)[names.index("neutral")], (3, 1))
lines = {}
for title, priors in {"balanced": [1 / 3] * 3, "80 % neutral": [0.1, 0.8, 0.1]}.items():
    for model, shares in {"fine-tuned": english_shares, "always neutral": constant_shares}.items():
        weighted = np.array(priors)[:, None] * shares
        lines[title, model] = [100 * weighted.trace(), 100 * float(macro_f1_from_confusion(weighted))]
reweighted = pd.DataFrame(lines, index=["accuracy", "macro-F1"]).T
ahead = reweighted.loc[("80 % neutral", "fine-tuned")] - reweighted.loc[("80 % neutral", "always neutral")]
assert ahead["macro-F1"] > ahead["accuracy"], "macro-F1 should separate the model from the constant answer better"
reweighted.round(1)

# %% [markdown]
# Read the last two rows. A program that never looks at the message has an accuracy of 80, and on that scale the
# trained model is not far above it. Macro-F1 keeps them apart: the program stays below 30, since two of its three
# classes have F1 = 0. Macro-F1 is therefore the course's main score. It is not free of the class shares either:
# precision, and with it F1, can fall for a rare class even though the model is the same. So compare macro-F1 only
# between test sets with the same class shares.

# %% [markdown]
# ## Exercise 1: macro-F1 from a confusion matrix
#
# Write the function for any number of classes. One trap: a class that neither occurs nor is predicted gives 0/0. Follow
# scikit-learn's convention (with all labels named) and count its F1 as 0; the mean is still over all classes.
#
# *Hint:* `confusion.diagonal()`, the row sums and the column sums are all you need; `numpy.maximum(x, 1)` keeps a
# divisor from being zero.

# %%
from xlft_helpers.teaching import check


def my_macro_f1(confusion):
    """Return macro-F1 (0 to 1) of an array (C, C) of counts: rows are true labels, columns predictions."""
    # --- stub
    return ...
    # --- solution
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float(np.mean(2 * confusion.diagonal() / np.maximum(both, 1)))
    # --- end


check.macro_f1(my_macro_f1)

# %% [markdown]
# ## Read confusion matrices language by language
#
# One score a language says *how much* goes wrong. The matrices say *what*. Each row below adds up to 100 %, so that the
# diagonal shows recall. If transfer only added noise, all the matrices would look like the English one with a paler
# diagonal. What often happens instead is that a model *drifts* in a foreign language: it prefers one label there.

# %%
from xlft_helpers import plots

plots.set_style()
confusions = {
    f"{language_name(code)} ({code})": confusion_matrix(labels[code], answers[code], num_labels=3) for code in languages
}
plots.show(
    plots.plot_confusions(confusions, names),
    alt="Grid of confusion matrices of a model trained on English, one matrix for each test language.",
    caption="Share of each true label (rows) that got each prediction (columns), in per cent. One model, trained on "
    "English, one seed; about 50 messages a row in the course's corpus.",
)

# %% [markdown]
# With about 50 messages a row, a cell is uncertain by more than ten points. Look for patterns over whole columns, not
# at single cells. The next table sums them up: how often each label is *answered* (the first three columns, in per
# cent), and how many of the errors are **flips** between positive and negative, the kind that hurts most in use.


# %%
def error_profile(code):
    matrix = confusion_matrix(labels[code], answers[code], num_labels=3)
    wrong, flips = matrix.sum() - matrix.trace(), matrix[0, 2] + matrix[2, 0]
    shares = dict(zip(names, 100 * matrix.sum(axis=0) / matrix.sum(), strict=True))
    return shares | {"wrong": wrong, "of them flips": flips, "n": matrix.sum()}


profile = pd.DataFrame({language_name(code): error_profile(code) for code in languages}).T.round(0).astype(int)
share = profile["of them flips"].sum() / profile["wrong"].sum()
print(
    f"{100 * share:.0f} % of all errors are flips; if wrong answers fell on any label alike, it would be about a third."
)
profile

# %% [markdown]
# We expected the errors next to the diagonal. Where flips are the majority, that was wrong: the model notices *that*
# somebody has feelings about something more reliably than *which*. Negative and positive messages share their topics
# and words ("the queue", "finally"), and irony and negation turn a message round. A neutral question looks like
# neither. The order of the labels on paper is not their order in the model.
#
# If the shares answered are far from those of the test set in one language, its errors are not only noise: the
# border between labels sits in the wrong place for that language. Centring the language (notebook 05) or a few
# labelled examples of it (notebook 06) may move the border; another look at this table says whether they did.
#
# ## Put an interval on a score
#
# Another 150 messages would have given another score. How different? We can't collect a thousand test sets, but we can
# imitate it: draw 150 messages *with replacement* from the 150 we have, score them, and repeat. The spread of these
# scores estimates the spread we would see over new test sets. This is the **bootstrap** (Efron & Tibshirani 1993), and
# its middle 95 % is the percentile interval:
#
# $$\left[\,q_{0.025}(s^{*1}, \dots, s^{*R}),\; q_{0.975}(s^{*1}, \dots, s^{*R})\,\right],\qquad
# s^{*r} = \text{score of resample } r$$

# %%
from xlft_helpers.evaluation import bootstrap_macro_f1

rng = np.random.default_rng(0)
drawn = rng.integers(len(true), size=(2000, len(true)))  # 2,000 resamples of n message numbers
cells = (3 * true + answer)[drawn]
resampled = macro_f1_from_confusion([np.bincount(row, minlength=9).reshape(3, 3) for row in cells])
low, high = np.quantile(resampled, [0.025, 0.975])
interval = bootstrap_macro_f1(true, answer, num_labels=3)
assert max(abs(low - interval.low), abs(high - interval.high)) < 0.02, "two bootstraps of the same data must be close"
print(f"by hand:  macro-F1 {100 * macro_f1:.1f} [{100 * low:.1f}, {100 * high:.1f}]")
print(f"package:  macro-F1 {100 * interval.estimate:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]")

# %% [markdown]
# The two agree up to the luck of the draw. The interval is wide: with 150 messages it reaches about seven points to
# each side. The width shrinks with $1/\sqrt{n}$, so half the width takes four times the messages.
#
# Now all the languages with their intervals, the constant answer as the floor, and n. We expect every language that
# the model was pretrained on to lie far above the floor.

# %%
table = {}
for code in languages:
    interval = bootstrap_macro_f1(labels[code], answers[code], num_labels=3)
    floor = score(labels[code], np.zeros_like(labels[code]), num_labels=3).macro_f1
    values = [interval.estimate, interval.low, interval.high, floor]
    table[language_name(code)] = [*(100 * np.array(values)).round(1), len(labels[code])]
pd.DataFrame(table, index=["macro-F1", "low", "high", "constant answer", "n"]).T.astype({"n": int})

# %% [markdown]
# Most of the intervals overlap with those of their neighbours, so a ranking of the languages from this table would be
# mostly luck. What can be said is coarser: which languages lie clearly above the floor, and which are clearly behind
# English.
#
# ## Know what an interval says
#
# > **Misconception: "the interval holds 95 % of the scores."** It speaks about one number, the score on the whole
# > population of messages that the test set was drawn from, and about the *procedure*: over many test sets, about 95
# > % of the intervals made this way hold that number.
#
# We can watch this happen where the truth is known. Invent a population by fixing the shares of its confusion matrix,
# draw 60 test sets of 150 messages from it, and make an interval from each. About 57 of the 60 should hold the truth.

# %% tags=["nbval-check-output"]
population = np.array([[0.24, 0.07, 0.02], [0.08, 0.19, 0.07], [0.02, 0.06, 0.25]])
truth = float(macro_f1_from_confusion(population))
rng = np.random.default_rng(2)
intervals = []
for _ in range(60):
    drawn_cells = rng.choice(9, size=150, p=population.ravel())
    intervals.append(bootstrap_macro_f1(drawn_cells // 3, drawn_cells % 3, num_labels=3, resamples=500))
simulated = pd.DataFrame([vars(interval) for interval in intervals])[["estimate", "low", "high"]]
held = ((simulated["low"] <= truth) & (truth <= simulated["high"])).sum()
assert 50 <= held <= 60, "a 95 % interval should hold the truth nearly always"
print(f"True macro-F1 {100 * truth:.1f}. It lies within {held} of 60 intervals.")

# %%
plots.show(
    plots.plot_intervals(100 * simulated, reference=100 * truth, x_label="macro-F1 (points), n = 150 each"),
    alt="Sixty horizontal intervals around a dashed line at the true macro-F1; nearly all of them cross the line.",
    caption="Sixty test sets from one invented population. The dashed line is its true macro-F1. Each interval is a "
    "different one; the truth stays where it is.",
)

# %% [markdown]
# The intervals jump about, and the line stands still: it is the interval that is random, not the truth. You have only
# one of them, and can't know whether yours is one of the few that miss. Three things an interval does **not** say:
#
# - nothing about *other* messages than those the test set stands for. Tweets about football are not covered by an
#   interval from product reviews, nor are next year's tweets by this year's;
# - nothing about label errors: if annotators disagree on one message in ten, that is on top of it;
# - nothing about the seed, if there was one run only. To that we come below.
#
# ## Exercise 2: the interval of an accuracy
#
# Write the bootstrap for a simpler score. `correct` holds 1 for each message that was read right and 0 for the others.
#
# *Hint:* the accuracy of a resample is the mean of n values drawn from `correct` with replacement;
# `numpy.random.default_rng(0).choice(correct, size=...)` draws them. `numpy.quantile` does the rest.


# %%
def my_accuracy_interval(correct, resamples=2000):
    """Return (low, high), the 95 % percentile bootstrap interval of the mean of an array of n zeros and ones."""
    # --- stub
    return ...
    # --- solution
    rng = np.random.default_rng(0)
    means = [rng.choice(correct, size=len(correct)).mean() for _ in range(resamples)]
    return tuple(np.quantile(means, [0.025, 0.975]))
    # --- end


check.accuracy_interval(my_accuracy_interval)

# %% [markdown]
# ## Tell seeds from messages
#
# A second training run with another seed starts from another head and sees the batches in another order. It gives
# another score on the *same* messages. So a score has two sources of uncertainty, and a mean over $S$ runs on $n$
# messages has roughly the variance
#
# $$\operatorname{Var}(\bar s) \approx \frac{\sigma^2_{\text{seed}}}{S} + \frac{\sigma^2_{\text{message}}}{n}$$
#
# More seeds shrink the first part only, more messages the second only. To see both we train for real: three seeds of
# zero-shot, per-language and merged models on three languages. `compare` shares models where it can: the zero-shot
# model *is* the per-language model of English. With `centre=False` each model is used as it is, without the centring of
# notebook 05, which needs unlabelled text of the targets; `matrix=True` lets every model answer in every language, to
# be drawn further below; and `default_recipe` is the encoder with its head and nothing else. This is the longest cell
# of the notebook.

# %%
from xlft_helpers.comparison import compare
from xlft_helpers.finetuning import default_recipe

compared, model_name = ["en", "fr", "ar"], settings.default_model()
recipe = default_recipe(model_name)
comparison = compare(data, model_name, languages=compared, centre=False, matrix=True, recipe=recipe)
parallel = comparison.settings["parallel_test"]
print("The test messages are", "the same in every language." if parallel else "different ones in every language.")

# %% [markdown]
# Which source should be the larger one? The messages' part can be guessed: near 70 points the standard error of a
# share is $\sqrt{0.7 \cdot 0.3 / 150} \approx 3.7$ points. The seeds' part depends on model and recipe, and a
# standard deviation from three values is itself a rough guess. Large pretrained models on small data are known for
# large spreads (Reimers & Gurevych 2017).

# %%
lines = {}
for code in compared:
    runs = comparison.answers("zero-shot", code)  # (3 seeds, n messages)
    by_seed = [100 * score(comparison.labels[code], run, num_labels=3).macro_f1 for run in runs]
    one, three = (bootstrap_macro_f1(comparison.labels[code], part, num_labels=3) for part in (runs[0], runs))
    lines[language_name(code)] = {
        "three seeds": ", ".join(f"{value:.1f}" for value in by_seed),
        "SD over seeds": round(float(np.std(by_seed, ddof=1)), 1),
        "SE from messages": round(100 * (one.high - one.low) / (2 * 1.96), 1),
        "one run": f"{100 * one.estimate:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]",
        "mean of three": f"{100 * three.estimate:.1f} [{100 * three.low:.1f}, {100 * three.high:.1f}]",
    }
pd.DataFrame(lines).T

# %% [markdown]
# The interval in the last column resamples *both*, seeds and messages, and is the one to report for a method. The
# column *one run* speaks about one trained model only: enough if you will ship exactly that model, not enough if you
# claim that a method is better. A seed is never tuned: choosing the best of three on the test set is choosing luck.
#
# ## Compare two methods on the same messages
#
# Merged against zero-shot in Arabic, say: is the difference real? A tempting shortcut is to see whether the two
# intervals overlap. It is wrong, because both methods read *the same* messages, and a hard message is hard for both:
#
# $$\operatorname{Var}(A - B) = \operatorname{Var}(A) + \operatorname{Var}(B) - 2\operatorname{Cov}(A, B)$$
#
# The covariance is what the two separate intervals don't know about. A made-up case shows how much it can matter. B
# is right on 90 of 150 messages. A is right on the same 90, and on 15 more.

# %% tags=["nbval-check-output"]
from scipy.stats import binomtest

from xlft_helpers.evaluation import bootstrap_mean

right_a, right_b = np.repeat([1, 0], [105, 45]), np.repeat([1, 0], [90, 60])
for title, values in {"A": right_a, "B": right_b, "A minus B": right_a - right_b}.items():
    interval = bootstrap_mean(values)
    print(f"{title:9} {100 * interval.estimate:5.1f} [{100 * interval.low:5.1f}, {100 * interval.high:5.1f}]")
p_value = binomtest((right_a > right_b).sum(), (right_a != right_b).sum()).pvalue
print(f"exact sign test on the {(right_a != right_b).sum()} messages where they differ: p = {p_value:.5f}")

# %% [markdown]
# The intervals of A and B overlap, and yet A is better beyond reasonable doubt: wherever the two differ, A is right.
# Overlapping intervals do **not** mean "no difference". (The other direction holds: intervals far apart do mean one.)
#
# So we test the *difference*, on pairs. Two ways that suit macro-F1, for one run of each method:
#
# - the **paired bootstrap**: resample messages, score both systems on the same resample, and look at the differences;
# - **approximate randomization** (Noreen 1989; Yeh 2000): if the systems were equal, swapping their answers on any
#   message would change nothing. Swap each pair with probability 1/2, many times. The p-value is the share of shuffles
#   with a difference at least as large as the observed one, $p = \frac{1 + \#\{|d^*| \ge |d|\}}{1 + R}$.

# %%
true = comparison.labels["ar"]
merged, zero_shot = (comparison.answers(method, "ar")[0] for method in ("merged", "zero-shot"))


def f1_of(labels, predictions):
    """Macro-F1 of rows of predictions: (R, n) and (R, n) to (R,)."""
    found = [np.bincount(row, minlength=9).reshape(3, 3) for row in np.atleast_2d(3 * labels + predictions)]
    return macro_f1_from_confusion(found)


observed = float((f1_of(true, merged) - f1_of(true, zero_shot))[0])
drawn = rng.integers(len(true), size=(2000, len(true)))
differences = f1_of(true[drawn], merged[drawn]) - f1_of(true[drawn], zero_shot[drawn])
swap = rng.random((2000, len(true))) < 0.5
shuffled = f1_of(true, np.where(swap, zero_shot, merged)) - f1_of(true, np.where(swap, merged, zero_shot))

# %%
from xlft_helpers.evaluation import paired_test

low, high = np.quantile(differences, [0.025, 0.975])
p_value = (1 + (np.abs(shuffled) >= abs(observed) - 1e-12).sum()) / (1 + len(shuffled))
test = paired_test(true, merged, zero_shot, num_labels=3)
assert abs(test.difference - observed) < 1e-9
assert abs(test.p_value - p_value) < 0.06
assert max(abs(test.low - low), abs(test.high - high)) < 0.025
for title, values in {"by hand": (low, high, p_value), "package": (test.low, test.high, test.p_value)}.items():
    print(f"{title}: {100 * observed:+.1f} [{100 * values[0]:+.1f}, {100 * values[1]:+.1f}], p = {values[2]:.3f}")

# %% [markdown]
# The hand-made numbers and the package's agree up to the draw. That compared two trained *models* in Arabic. To
# compare two *methods*, all three seeds go in: `paired_test` also takes answers of the shape (seeds, n), and then
# draws seeds as well as messages for its interval. The p-value takes the runs as given, so it tends to be too small
# when seeds vary a lot. The package calls a difference *distinguishable* only if the interval leaves out zero **and**
# p is below 0.05.
#
# We run it for each of the three languages. Three tests are three chances to be fooled. If nothing differed and the
# tests were independent, at least one of $m$ would fall below 0.05 with probability
#
# $$1 - (1 - 0.05)^m$$
#
# which is 14 % for three tests and 40 % for ten. Holm's correction guards against that: sort the p-values, multiply the
# smallest by $m$, the next by $m - 1$, and so on, and never let a later one be smaller.

# %%
lines = {}
for code in compared:
    runs = [comparison.answers(method, code) for method in ("merged", "zero-shot")]
    lines[language_name(code)] = vars(paired_test(comparison.labels[code], *runs, num_labels=3))
tests = pd.DataFrame(lines).T.sort_values("p_value")
steps = tests["p_value"].astype(float) * np.arange(len(tests), 0, -1)
tests["Holm p"] = steps.cummax().clip(upper=1)
tests[["difference", "low", "high"]] = (100 * tests[["difference", "low", "high"]].astype(float)).round(1)
tests.round({"p_value": 3, "Holm p": 3})

# %% [markdown]
# *Difference* is merged minus zero-shot in points of macro-F1: three seeds of each, the same messages. Rows are
# sorted by p-value. In some rows the p-value may be small while the interval still holds zero. The interval knows
# about the seeds, and three of them leave much open. (Notebook 06 compared the same two methods and printed other
# differences: its recipe had two epochs instead of three, and it merged four languages. Every number belongs to its
# settings.)
#
# > **Misconception: "no significant difference means equal."** Where a row is not distinguishable, look at its
# > interval. It lists the differences that the data can't rule out, and with 150 messages that list is long. "Equal"
# > would need an interval that is *narrow* around zero.
#
# There is a better plan than one test a language, if the question is "does merging help the target languages?": ask
# that once, of the average. The average has less noise, and one question needs no correction. In a parallel test set
# message $i$ is the same in every language, so whole messages are drawn, with all their translations and for both
# methods at once. `bootstrap_weighted_sum` takes each column of answers with a weight: $+\frac12$ for merged,
# $-\frac12$ for zero-shot, since there are two targets.

# %%
from xlft_helpers.evaluation import bootstrap_weighted_sum

targets = [code for code in compared if code != "en"]
weights = {("merged", code): 1 / 2 for code in targets} | {("zero-shot", code): -1 / 2 for code in targets}
all_answers = {pair: comparison.answers(*pair) for pair in weights}
all_labels = {(method, code): comparison.labels[code] for method, code in weights}
average = bootstrap_weighted_sum(all_labels, all_answers, weights, num_labels=3, parallel=parallel)
verdict = "leaves out" if average.low > 0 or average.high < 0 else "holds"
print(f"merged minus zero-shot, mean over {', '.join(targets)}:")
print(f"{100 * average.estimate:+.1f} [{100 * average.low:+.1f}, {100 * average.high:+.1f}] points; it {verdict} zero")

# %% [markdown]
# The interval of an average tends to be narrower than those of single languages, and may settle what they leave open.
# (On a test set that is not parallel, all the columns are drawn apart here, which errs on the wide side.) Decide which
# question you ask *before* you look: the average or the single languages. Asking both and reporting the
# one that came out well is the multiple-comparisons problem again, only hidden.
#
# ## Draw the transfer matrix
#
# Zero-shot from English is one row of a larger picture. The **transfer matrix** has a row for each training language
# and a column for each test language. The diagonal is per-language fine-tuning. Training on the
# test language itself should give the best entry of each *column*, if the training sets are equally large; and the two
# European languages should serve each other better than either serves Arabic.

# %%
matrix = 100 * comparison.transfer_matrix().loc[compared, compared]
sizes = {code: len(select_language(data["train"], code)) for code in compared}
matrix.index = [f"{language_name(code)} ({sizes[code]})" for code in compared]
matrix.columns = [language_name(code) for code in compared]
plots.show(
    plots.plot_matrix(matrix, x_label="test language", y_label="training language (messages)"),
    alt="Heatmap of the transfer matrix: macro-F1 of models trained on one of three languages, tested on each.",
    caption="Mean macro-F1 over three seeds of models trained on one language (row), tested on each (column). In "
    "brackets: training messages. With 150 test messages a cell is uncertain by about seven points to each side.",
)

# %% [markdown]
# Read *columns* to ask which training language serves a test language best, and *rows* to ask how well one model
# travels. Then look at the numbers in brackets. In the course's corpus English has four times the training messages
# of the others, so a strong English row may say "more data" rather than "English is a good source". A fair contest
# between source languages gives them the same number of messages. A matrix that hides the sizes hides the explanation.
# (In UMSAB, the full profile, the sizes are equal.)
#
# ## Average over languages, with an interval
#
# The **transfer gap** (Hu et al. 2020) of a model trained on source language $s$, with the other $K-1$ languages as
# targets:
#
# $$\text{gap} = F(s) - \frac{1}{K-1} \sum_{k \ne s} F(k)$$
#
# On a parallel test set a hard message lowers source and targets together. In the gap, a difference, that cancels; in
# an average over languages, it adds up. So treating the languages as independent gives a gap too wide an interval,
# and an average too narrow a one.

# %%
from xlft_helpers.evaluation import gap_weights, transfer_gap

runs = {code: comparison.answers("zero-shot", code) for code in compared}
means = {code: bootstrap_macro_f1(comparison.labels[code], runs[code], num_labels=3).estimate for code in compared}
by_hand = means["en"] - np.mean([means[code] for code in targets])
assert np.isclose(by_hand, transfer_gap(means, source="en"))
for title, weights in {"gap": gap_weights(compared, "en"), "average": dict.fromkeys(compared, 1 / 3)}.items():
    for together in (True, False) if parallel else (False,):
        found = bootstrap_weighted_sum(comparison.labels, runs, weights, num_labels=3, parallel=together)
        how = "messages drawn together" if together else "languages drawn apart"
        ends = f"{100 * found.estimate:5.1f} [{100 * found.low:5.1f}, {100 * found.high:5.1f}]"
        print(f"{title:8} {ends}  width {100 * (found.high - found.low):4.1f}  ({how})")

# %% [markdown]
# On the parallel corpus the lines *messages drawn together* are the right ones, and the package chooses them by
# itself. A gap whose interval holds zero is not "no gap": it says that this test set can't tell. And a small gap is
# no success in itself, since a model that is equally bad everywhere has none. Report the gap beside the scores, never
# in their place.
#
# ## Compare confidence with being right
#
# A classifier gives each answer a **confidence**, its largest probability. If we only act on confident answers, it had
# better mean something. A model is *calibrated* if, of the answers with confidence 0.8, 80 % are right. Guo et al.
# (2017, eq. 3) measure the distance. Put the answers into $M$ bins of equal width by confidence, and average
# the gaps between accuracy and mean confidence, weighting each bin $B_m$ by its size:
#
# $$\text{ECE} = \sum_{m=1}^{M} \frac{|B_m|}{n}\,\bigl|\operatorname{acc}(B_m) - \operatorname{conf}(B_m)\bigr|$$
#
# We go back to the first model, trained on English, and start with English.

# %%
from sklearn.calibration import calibration_curve

from xlft_helpers.evaluation import expected_calibration_error, reliability

bins = reliability(probabilities["en"], labels["en"], bins=10)
filled = bins[bins["count"] > 0]
by_hand = (filled["count"] / len(labels["en"]) * (filled["accuracy"] - filled["confidence"]).abs()).sum()
assert np.isclose(by_hand, expected_calibration_error(probabilities["en"], labels["en"]))
right, confidence = answers["en"] == labels["en"], probabilities["en"].max(axis=1)
accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=10)
assert np.allclose([accuracy, mean_confidence], [filled["accuracy"], filled["confidence"]])
print(f"English, n = {len(right)}: expected calibration error {100 * by_hand:.1f} points")
filled.round(2)

# %% [markdown]
# Some bins hold only a handful of messages, and their accuracy is mostly chance. Therefore the error is above zero
# even for a perfectly calibrated model. How far above? Let us compute that baseline: keep the confidences, and let
# each answer be right with exactly that probability. The value below which 95 % of such draws stay is the *noise
# floor*, and a measured error means something only above it.
#
# > **Misconception: "confidence is the probability of being right, in every language."** The head learned its scale
# > on English. Nothing in training makes it lower its voice where it reads less well.
#
# So for languages that the model reads less well we expect the same confidence at a lower accuracy.


# %%
def noise_floor(values, repeats=100):
    """The 95 % quantile of the error that a perfectly calibrated model with these probabilities would show."""
    winner, rng = values.argmax(axis=1), np.random.default_rng(0)
    fake = [np.where(rng.random(len(values)) < values.max(axis=1), winner, (winner + 1) % 3) for _ in range(repeats)]
    return np.quantile([expected_calibration_error(values, labels) for labels in fake], 0.95)


lines = {}
for code in languages:
    values = [probabilities[code].max(axis=1).mean(), (answers[code] == labels[code]).mean()]
    values += [expected_calibration_error(probabilities[code], labels[code]), noise_floor(probabilities[code])]
    lines[language_name(code)] = [*(100 * np.array(values)).round(1), len(labels[code])]
columns = ["mean confidence", "accuracy", "calibration error", "noise floor", "n"]
calibration = pd.DataFrame(lines, index=columns).T.astype({"n": int})
calibration

# %% [markdown]
# Compare *mean confidence* with *accuracy* first: confidence above accuracy is over-confidence, below it
# under-confidence. See how much less the first column moves between languages than the second. Then compare the error
# with the noise floor. The next cell says which languages stand out. Each would do so by chance one time in twenty, so
# one of ten that is barely above means little. The figure shows where on the scale the gap opens. Languages that USE-M was pretrained on are pooled there, because 150 messages fill the bins badly.

# %%
above = calibration.index[calibration["calibration error"] > calibration["noise floor"]]
print("Above the noise floor:", ", ".join(above) or "no language")
covered = [code for code in languages if code not in ("en", "hi")]
lines = []
for title, codes in {"English": ["en"], f"{len(covered)} languages pooled": covered, "Hindi": ["hi"]}.items():
    rows = [np.concatenate([part[code] for code in codes]) for part in (probabilities, labels)]
    table = reliability(*rows, bins=5).assign(group=f"{title} (n = {len(rows[1])})")
    lines.append(table[table["count"] >= 10])
plots.show(
    plots.plot_reliability(pd.concat(lines)),
    alt="Reliability diagram: accuracy against confidence for English, Hindi, and the other languages pooled.",
    caption="Reliability of one model trained on English, five bins; bins with fewer than 10 messages are left out. "
    "Above the dashed line the model is under-confident, below it over-confident.",
)

# %% [markdown]
# One line near the diagonal does not vouch for another. English may be calibrated well enough, or even
# under-confident, while the model claims more than it knows in a language that it was not pretrained on. And pooling
# hides what happens in single languages: over-confident and under-confident ones cancel in the pooled line. Report
# calibration for each language.

# %% [markdown]
# ## Turn the temperature
#
# The usual repair has one parameter. **Temperature scaling** (Guo et al. 2017, section 4.2) divides the logits by
# $T$ before the softmax and chooses the $T$ under which held-out labels are most likely:
#
# $$\hat p_c = \frac{e^{z_c / T}}{\sum_j e^{z_j / T}}, \qquad T^\star = \arg\min_T \; -\sum_i \log \hat p_{y_i}(T)$$
#
# $T > 1$ softens an over-confident model, $T < 1$ sharpens an under-confident one. No answer changes, since dividing
# all the logits of a message by the same number keeps their order. Zero-shot means that only *English* dev messages
# may be used for fitting.

# %%
from scipy.special import softmax

from xlft_helpers.evaluation import fit_temperature

dev_labels = np.asarray(english["dev"]["label"])
dev_probabilities = predict(result.model, result.tokenizer, english["dev"])
dev_logits = np.log(dev_probabilities)  # logits up to a constant in each row, which softmax ignores
grid = np.linspace(0.2, 5, 481)
loss = [-np.log(softmax(dev_logits / t, axis=1))[np.arange(len(dev_labels)), dev_labels].mean() for t in grid]
temperature = fit_temperature(dev_probabilities, dev_labels)
assert abs(grid[np.argmin(loss)] - temperature) < 0.02 or not 0.2 < temperature < 5
state = "over-confident" if temperature > 1 else "under-confident"
print(f"T = {temperature:.2f} on {len(dev_labels)} English dev messages: the model was {state} there.")

# %% [markdown]
# Now apply the same $T$ everywhere. It fits English; for another language it is a guess that its confidence is off by
# the same factor. The *oracle* column fits $T$ on that language's own dev messages, which zero-shot does not have. It
# shows what labels would buy, and is no zero-shot result. Both are fitted on few messages, so expect noise.


# %%
def cooled(values, t):
    return softmax(np.log(values) / t, axis=1)


# %%
lines = {}
for code in languages:
    dev = select_language(data["dev"], code)
    oracle = fit_temperature(predict(result.model, result.tokenizer, dev), np.asarray(dev["label"]))
    assert (cooled(probabilities[code], temperature).argmax(axis=1) == answers[code]).all(), "T must not change answers"
    scales = [cooled(probabilities[code], t) for t in (1, temperature, oracle)]
    errors = [expected_calibration_error(values, labels[code]) for values in scales]
    lines[language_name(code)] = [*(100 * np.array(errors)).round(1), round(oracle, 2), len(labels[code])]
scaled = pd.DataFrame(lines, index=["as trained", "T from English dev", "oracle T", "value of oracle T", "n"]).T.astype(
    {"n": int}
)
better = (scaled["T from English dev"] < scaled["as trained"]).drop("English")
print(f"The English T lowered the calibration error in {better.sum()} of {len(better)} other languages.")
scaled

# %% [markdown]
# Compare the columns with the noise floor from before: changes of a point or two mean nothing with this n, and an
# oracle fitted on 30 messages can even do harm. The question to take away is whether the oracle temperatures are all
# about the same. Where a language's own $T$ is far larger than the English one, the model is over-confident there in
# a way that English data cannot reveal. A $T$ of ten or more says that the probabilities tell next to nothing about
# the labels: the best use of them is to flatten them to one third each. Ahuja et al. (2022) report the same of large
# multilingual models: calibration is worse in zero-shot languages, and worst in those with little pretraining text.
#
# ## Exercise 3: the calibration error
#
# Write it from the formula. A confidence of exactly 0.3 belongs to the bin (0.2, 0.3].
#
# *Hint:* the bin of a confidence is `numpy.ceil(confidence * bins)`. Go through the bins, skip empty ones, and add
# `inside.mean() * abs(...)`, where `inside` says which answers are in the bin.


# %%
def my_calibration_error(probabilities, labels, bins=10):
    """Return the expected calibration error (0 to 1) of an array (n, C) of probabilities with n true labels."""
    # --- stub
    return ...
    # --- solution
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = 0.0
    for m in range(1, bins + 1):
        inside = np.ceil(confidence * bins) == m
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error
    # --- end


check.calibration_error(my_calibration_error)

# %% [markdown]
# ## Choose a threshold
#
# Confidence can be useful without being calibrated, if right answers are *more* confident than wrong ones. A system
# may answer only above a threshold and hand the rest to a person. Then two numbers count: **coverage**, the share of
# messages it answers, and the accuracy on those. Move the threshold: accuracy should rise and coverage fall, in every
# language at a different speed.


# %%
def answered_above(threshold):
    lines = {}
    for code in languages:
        kept = probabilities[code].max(axis=1) >= threshold
        share = f"{100 * (answers[code] == labels[code])[kept].mean():.0f} %" if kept.any() else "none answered"
        lines[language_name(code)] = [f"{100 * kept.mean():.0f} %", share, kept.sum(), len(kept)]
    return pd.DataFrame(lines, index=["coverage", "accuracy of the answered", "answered", "n"]).T.to_html()


# %%
import ipywidgets as widgets

from xlft_helpers.teaching import explore

slider = widgets.SelectionSlider(options=[0.0, 0.5, 0.6, 0.7, 0.8, 0.9], value=0.7, description="threshold")
explore(slider, answered_above, alt="Table of coverage and accuracy in each language at a confidence threshold of 0.7.")

# %% [markdown]
# A threshold chosen on English gives other languages another coverage *and* another accuracy. The curve below shows
# all thresholds of one language at once, beside English. A flat curve means that confidence doesn't tell right from
# wrong there. The left end is always ragged: few messages are left.

# %%
from matplotlib.figure import Figure


def coverage_curve(code):
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for shown, style in {"en": "--", code: "-"}.items():
        order = np.argsort(-probabilities[shown].max(axis=1), kind="stable")
        right, kept = (answers[shown] == labels[shown])[order], np.arange(1, len(order) + 1)
        axes.plot(100 * kept / len(kept), 100 * np.cumsum(right) / kept, style, label=language_name(shown))
    axes.set(xlabel="coverage (% of the messages, most confident first)", ylabel="accuracy (%)", ylim=(30, 102))
    axes.legend(frameon=False)
    return figure


# %%
choice = widgets.Dropdown(options=languages, value="ar", description="language")
explore(choice, coverage_curve, alt="Accuracy against coverage for Arabic and English as the threshold falls.")

# %% [markdown]
# ## Read the errors
#
# Numbers say how much is wrong. To learn *why*, read the misread messages. First by topic: the course's corpus names
# one for each message. (A corpus without topics is split by length here.) With ten messages a topic and language, one
# error more or less is ten points, so the table shows counts and not percentages.

# %%
test = data["test"].to_pandas()
for code in languages:
    mask = test["language"] == code
    test.loc[mask, "prediction"] = [names[index] for index in answers[code]]
    test.loc[mask, "confidence"] = probabilities[code].max(axis=1).astype(float)
test["label"] = [names[index] for index in test["label"]]
test["wrong"] = test["label"] != test["prediction"]
if "topic" not in test:
    test["topic"] = np.where(test["text"].str.len() > 80, "long", "short")
counts = test.pivot_table(index="topic", columns="language", values="wrong", aggfunc="sum")[languages]
counts = counts.loc[counts.sum(axis=1).sort_values(ascending=False).index]
sizes = test.groupby(["topic", "language"]).size()
range_of_sizes = " to ".join(str(size) for size in sorted({sizes.min(), sizes.max()}))

# %%
plots.show(
    plots.plot_matrix(counts, x_label="test language", y_label="topic", bar_label="misread messages"),
    alt="Heatmap of the number of misread messages by topic and test language, the topics with most errors first.",
    caption=f"Misread messages by topic and language. Each cell counts errors among {range_of_sizes} messages. "
    "One model, trained on English, one seed.",
)

# %% [markdown]
# It is tempting to tell a story about the top row. But of fifteen topics one must come out worst, even if the topic
# doesn't matter at all. How uneven would chance be? Shuffle the topics among the messages and see how often the
# topics' error rates spread at least as much as they do. In a parallel corpus the shuffled unit is the message with
# all its translations: they share the topic, and tend to go wrong together.

# %%
unit = ["id"] if parallel else ["language", "id"]
messages = test.groupby(unit).agg(topic=("topic", "first"), wrong=("wrong", "mean"))
rng = np.random.default_rng(0)


def spread(topics):
    return messages["wrong"].groupby(topics).mean().std()


found = spread(messages["topic"].to_numpy())
shuffles = np.array([spread(rng.permutation(messages["topic"].to_numpy())) for _ in range(500)])
p_value = (1 + (shuffles >= found).sum()) / (1 + len(shuffles))
print(f"Error rates of the topics: standard deviation {100 * found:.1f} points over {len(messages)} messages")
print(f"By chance alone: {100 * np.median(shuffles):.1f} points (median); p = {p_value:.3f}")
print("Topics differ by", "more than chance would give." if p_value < 0.05 else "no more than chance would give.")

# %% [markdown]
# Keep that in mind for the rows of the heatmap. The *columns* rest on 150 messages each and say more.
#
# Now read some. The most confident errors teach most, because here the model is sure and wrong. Two of each of three
# languages:

# %%
from xlft_helpers.teaching import show_messages

wrong = test[test["wrong"] & test["language"].isin(compared)].sort_values("confidence", ascending=False)
worst = wrong.groupby("language").head(2).sort_values("language")
show_messages(
    worst[["language", "topic", "text", "label", "prediction", "confidence"]],
    caption="The most confident errors in three languages: one model, trained on English.",
)

# %% [markdown]
# Give each error a cause of your own before you count: irony, mixed feelings, negation, a word the tokenizer cut to
# bits, a label you disagree with. Ten errors sorted by hand teach more than another decimal of F1. Be fair to the
# model: some labels are matters of opinion, and people disagree about them too.
#
# ## Follow one message through the languages
#
# A parallel test set allows one more look. The *same* message, right in one language and wrong in another: the
# content is equal, so what differs is language, wording and script. First the counts: if errors came from the content
# alone, every message would be right either everywhere or nowhere; if they came from the language alone, the counts
# would crowd in the middle.

# %%
if parallel:
    right_in = (len(languages) - test.groupby("id")["wrong"].sum()).rename("right in")
    print(f"Number of languages (of {len(languages)}) in which a message is read right:")
    print(right_in.value_counts().reindex(range(len(languages) + 1), fill_value=0).to_string())
    chosen = (right_in - len(languages) / 2).abs().idxmin()
    shown = test[test["id"] == chosen].sort_values("wrong")
else:
    print("The test set is not parallel: no message stands in two languages. Here are five messages of it.")
    shown = test.head(5)

# %%
show_messages(
    shown[["language", "text", "label", "prediction", "confidence"]],
    caption=f"Test message {shown['id'].iloc[0]}: the languages in which it is read right come first.",
)

# %% [markdown]
# Truth is between the two. Many messages are right nearly everywhere, a few are misread nearly everywhere (hard
# content, or a debatable label), and the rest depend on the language. (A language that is read badly throughout, as
# Hindi here, moves most messages down by one.) For a message like this one, compare the wordings: an idiom, or a word
# that carries the feeling in one language and has no twin in another, often explains the difference. "Often" is a
# guess about one message, not a finding.
#
# ## Report the result
#
# A reader should be able to repeat it and to know how far to believe it. A checklist:
#
# 1. **What**: model with its exact name, method, training and test languages by name, number of training messages of
#    each.
# 2. **On what**: data set, version, n of the test set per language, class shares; whether the test set is parallel.
# 3. **How chosen**: on which dev set epochs and settings were selected. Source-language dev, or was a target label
#    seen?
# 4. **Score**: which (macro-F1, as the mean of the classes' F1), averaged over how many seeds.
# 5. **Interval**: of what (messages, seeds, both), at which level, by which method.
# 6. **Baseline**: the constant answer, and a cheap learner such as TF-IDF with logistic regression, on the same test
#    set.
# 7. **Comparison**: paired, with the difference and its interval; how many comparisons were made.
# 8. **Every language**, not only the average, and the ones that went badly too.
# 9. **Limits**: what the test set stands for, and what it doesn't.
#
# Here is such a paragraph, written by code from what was measured. No number in it was typed by hand.


# %%
def points(interval):
    return f"{100 * interval.estimate:.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


zero, tfidf = (comparison.mean_of_targets(method) for method in ("zero-shot", "tf-idf"))
where = " and ".join(f"{language_name(code)} ({code})" for code in targets)
print(
    f"We fine-tuned {settings.default_model()} on {len(english['train'])} English messages and chose the epoch on "
    f"{len(english['dev'])} English dev messages. On {len(labels['fr'])} {'parallel ' if parallel else ''}test "
    f"messages each in {where}, it reaches a mean macro-F1 of {points(zero)} (3 seeds; 95 % bootstrap interval over "
    f"seeds and messages), against {points(tfidf)} for TF-IDF with logistic regression, trained on each language. The "
    f"transfer gap is {points(comparison.transfer_gap())}. Training on all three languages changes the mean by "
    f"{points(average)}; this interval {verdict} zero. Other languages and domains were not part of this comparison."
)

# %% [markdown]
# Long, yes. But each number has its n, its seeds, its interval and its rival beside it, and a reader who doubts one
# can repeat it. Scores of each language belong into a table, which `comparison.table()` prints.
#
# ## Exercise 4: which claims do the data support?
#
# The following numbers are invented for this exercise. Two languages, 150 test messages each, three seeds of both
# methods. Merged minus zero-shot, macro-F1 in points:
#
# | language | difference | 95 % interval | p |
# | --- | --- | --- | --- |
# | French (fr) | +5.0 | [-2.0, +11.8] | 0.064 |
# | Hindi (hi) | +9.1 | [+3.2, +15.0] | 0.002 |
#
# - **A** In French, merged and zero-shot do equally well.
# - **B** In Hindi, merged does better than zero-shot on messages like these.
# - **C** In Hindi, 95 % of training runs would show a difference between 3.2 and 15.0 points.
# - **D** In French, the data are compatible with merged being worse by two points, and with its being better by ten.
# - **E** Merging helps Hindi more than it helps French.
#
# Give the letters of the claims that the data support, as a set such as `{"A", "E"}`.
#
# *Hint:* for each claim, ask which number was tested against what.

# %%
# --- stub
supported = ...
# --- solution
supported = {"B", "D"}
# --- end
check.supported_claims(supported)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("07_evaluation")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# All scores come from the confusion matrix; macro-F1 counts each class the same. A score is one draw: the bootstrap
# says how much it would vary over messages, several seeds how much over training runs. Two methods are compared on
# the same messages, by their difference, and "not distinguishable" is not "equal". Averages and gaps on a parallel
# test set draw whole messages. Confidence has to be checked in every language, and a temperature from English mends
# English. Reading errors gives ideas; counts with n say which of them are more than chance.
#
# ## Read on
#
# - Dror et al. 2018, *The Hitchhiker's Guide to Testing Statistical Significance in Natural Language Processing* (ACL).
# - Reimers & Gurevych 2017, *Reporting Score Distributions Makes a Difference* (EMNLP): one seed is not a result.
# - Card et al. 2020, *With Little Power Comes Great Responsibility* (EMNLP): what small test sets can't show.
# - Yeh 2000, *More accurate tests for the statistical significance of result differences* (COLING).
# - Efron & Tibshirani 1993, *An Introduction to the Bootstrap* (Chapman & Hall).
# - Opitz & Burst 2019, *Macro F1 and Macro F1* (arXiv): two formulas of one name.
# - Guo et al. 2017, *On Calibration of Modern Neural Networks* (ICML), and Ahuja et al. 2022, *On the Calibration of
#   Massively Multilingual Language Models* (EMNLP).
# - Hu et al. 2020, *XTREME* (ICML): transfer gap and a benchmark over 40 languages.
#
# {{navigation}}
