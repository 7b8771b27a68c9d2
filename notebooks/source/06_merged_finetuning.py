# %% [markdown]
# # Merge languages: one model for all
#
# {{badges}}
#
# > **You will** write down the objective over several languages and check it, merge the data of several languages,
# > choose how often each is drawn, compare one merged model with zero-shot and with one model a language, add a few
# > target examples to an English model, and find out when merging hurts.
# >
# > **You need** notebook 05 (zero-shot, the fine-tuning objective) and some torch.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Put the languages into one sum
#
# Notebook 05 maximized $L_{fine}(\theta) = \sum_i \log p(y_i \mid x_i; \theta)$ over the examples of one language.
# Now there are $K$ languages, and language $k$ has $M_k$ labelled examples $(x_{ki}, y_{ki})$. Merged fine-tuning
# keeps *one* set of parameters $\theta$ for all of them:
#
# $$L_{cross}(\theta) = \sum_{k=1}^{K} \sum_{i=1}^{M_k} \log p(y_{ki} \mid x_{ki}; \theta)$$
#
# The formula says more than it seems to. There is no term for the language, no weight, no switch. Let us compute it
# on a small batch: three English and two French messages, three classes. Each row holds the logits of one message.

# %% tags=["nbval-check-output"]
import torch

logits = {
    "en": torch.tensor([[2.0, 0.0, -1.0], [0.5, 1.5, 0.0], [-1.0, 0.0, 3.0]], dtype=torch.float64),
    "fr": torch.tensor([[0.0, 1.0, 0.0], [1.0, 0.5, -0.5]], dtype=torch.float64),
}
labels = {"en": torch.tensor([0, 1, 2]), "fr": torch.tensor([1, 2])}
L_cross = 0.0
for language in logits:
    p = torch.exp(logits[language]) / torch.exp(logits[language]).sum(dim=1, keepdim=True)
    terms = [float(torch.log(p[i, y])) for i, y in enumerate(labels[language])]
    L_cross += sum(terms)
    print(language, [round(term, 3) for term in terms], f"sum {sum(terms):.3f}")
print(f"L_cross = {L_cross:.3f} nats")

# %% [markdown]
# French has fewer messages and still contributes more than half of the sum, because the model is wrong about one of
# them. Training works where the sum is most negative, whichever language that is.
#
# Since nothing in the sum names a language, it must not matter whether we sum language by language or lay all
# messages end to end and compute $L_{fine}$. And torch's cross-entropy, summed and with its sign turned, must be the
# same number.

# %% tags=["nbval-check-output"]
from xlft_helpers.objectives import cross_lingual_objective, fine_tuning_objective

all_logits, all_labels = torch.cat(list(logits.values())), torch.cat(list(labels.values()))
by_language = float(cross_lingual_objective(logits, labels))
end_to_end = float(fine_tuning_objective(all_logits, all_labels))
with_torch = -float(torch.nn.functional.cross_entropy(all_logits, all_labels, reduction="sum"))
for name, value in {"by hand": L_cross, "end to end": end_to_end, "torch": with_torch}.items():
    assert abs(value - by_language) < 1e-9, f"{name} gives {value}, the package {by_language}"
print(f"By language, end to end, with torch: {by_language:.3f}, {end_to_end:.3f}, {with_torch:.3f}")

# %% [markdown]
# Equal values are half of the story, since training follows the *gradient*. Take a linear layer with weights $W$ over
# random inputs, in float64, so that rounding cannot hide a mistake. For a softmax the gradient has a closed form,
# $\partial L / \partial W = X^\top (Y - P)$, with $Y$ the labels as ones and zeros and $P$ the probabilities. We
# expect the gradient of the merged sum to be the sum of the languages' gradients, and both to be the closed form.

# %% tags=["nbval-check-output"]
generator = torch.Generator().manual_seed(0)
X = {k: torch.randn(len(y), 4, dtype=torch.float64, generator=generator) for k, y in labels.items()}
W = torch.randn(4, 3, dtype=torch.float64, generator=generator, requires_grad=True)

merged = torch.autograd.grad(cross_lingual_objective({k: X[k] @ W for k in X}, labels), W)[0]
single = {k: torch.autograd.grad(fine_tuning_objective(X[k] @ W, labels[k]), W)[0] for k in X}
inputs = torch.cat(list(X.values()))
closed = inputs.T @ (torch.eye(3, dtype=torch.float64)[all_labels] - (inputs @ W).softmax(dim=1))
assert torch.allclose(merged, single["en"] + single["fr"], atol=1e-12), "the gradients do not add up"
assert torch.allclose(merged, closed, atol=1e-12), "autograd and the closed form differ"
print("Gradient of L_cross = sum of the languages' gradients = X'(Y - P).")

# %% [markdown]
# So "merged" needs no new trainer: concatenate the data and fine-tune. It also means that each language pulls at the
# *same* weights. Where two languages pull in the same direction, both gain. Where they pull apart, the one with more
# (or worse fitted) examples wins. Everything below follows from this one sum.
#
# ## Count what is merged
#
# We use four languages: English, the source with the most data; French, close to it; Arabic, in another script; and
# Hindi, which is in another script too and outside the 16 languages that the offline model USE-M was pretrained on.
# Before training, count: how many examples does each language bring, and how many tokens does the model spend on one?

# %% tags=["nbval-check-output"]
from xlft_helpers import settings
from xlft_helpers.data import label_names, load_data

languages, model_name = ["en", "fr", "ar", "hi"], settings.default_model()
data = load_data(settings.default_data(), languages=languages)
names, train = label_names(data), data["train"]
print(f"{len(train)} training, {len(data['dev'])} dev and {len(data['test'])} test messages in {', '.join(languages)}")

# %% tags=["nbval-check-output"]
import numpy as np
import pandas as pd

from xlft_helpers.data import tokenizer_report
from xlft_helpers.models import load_tokenizer

report = tokenizer_report(train, load_tokenizer(model_name), max_length=128).set_index("language")
counted = train.to_pandas()["language"].value_counts()[languages].to_frame("examples M_k")
counted["share of examples %"] = 100 * counted["examples M_k"] / len(train)
counted["tokens an example"] = report["pieces"]
tokens = counted["examples M_k"] * report["pieces"]
counted["share of tokens %"] = 100 * tokens / tokens.sum()
counted["unknown tokens %"] = 100 * report["unknown"]
counted.round(1)

# %% [markdown]
# English brings the most examples (the corpus has 480 English training messages and 120 in each other language). In
# $L_{cross}$ that is also its weight. The share of tokens is roughly the share of the *computing*. Hindi falls into
# many pieces, so it takes more of that than its share of examples: what a language costs and how much it counts are
# two different things. And remember the last column. Offline, more than half of the Hindi pieces are unknown to the
# tokenizer, so the model cannot see what they say.
#
# ## Choose how often each language is drawn
#
# If a large language counts too much, draw it less often. **Temperature-based sampling** draws the next example from
# language $k$ with probability
#
# $$p_k = \frac{M_k^{\alpha}}{\sum_{j=1}^{K} M_j^{\alpha}}, \qquad 0 \le \alpha \le 1$$
#
# With $\alpha = 1$ a language is drawn as often as it has examples; with $\alpha = 0$ all languages are drawn equally
# often. Published choices lie between: mBERT was pretrained with 0.7, XLM with 0.5, XLM-R with 0.3. (Some papers
# write $1/T$ for $\alpha$ and call $T$ the temperature.) Because $M^\alpha = e^{\alpha \log M}$, it is a softmax over
# $\alpha \log M_k$, which gives us an independent check.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import sampling_probabilities

counts = {k: int(counted.loc[k, "examples M_k"]) for k in languages}
shares = {}
for alpha in (1.0, 0.7, 0.3, 0.0):
    total = sum(M**alpha for M in counts.values())
    by_hand = {k: M**alpha / total for k, M in counts.items()}
    softmax = (alpha * torch.tensor(list(counts.values()), dtype=torch.float64).log()).softmax(dim=0)
    package = list(sampling_probabilities(counts, alpha).values())
    assert np.allclose(list(by_hand.values()), package, atol=1e-12), "the package computes other shares"
    assert np.allclose(package, softmax, atol=1e-12), "the softmax of alpha log M differs"
    shares[alpha] = {k: 100 * p for k, p in by_hand.items()}
pd.DataFrame(shares).T.rename_axis("alpha").round(1)

# %% [markdown]
# Move the slider. The bars start at the languages' own shares and move towards the dashed line of equal shares.

# %%
import ipywidgets as widgets

from xlft_helpers import plots
from xlft_helpers.teaching import explore

plots.set_style()
explore(
    widgets.FloatSlider(value=0.3, min=0, max=1, step=0.1, description="alpha"),
    lambda alpha: plots.plot_shares(
        {"alpha = 1": sampling_probabilities(counts, 1), f"alpha = {alpha:.1f}": sampling_probabilities(counts, alpha)}
    ),
    alt="Bars of each language's share of the training draws: with alpha 1 English has the largest share, with alpha "
    "0.3 the four shares are nearly equal.",
)

# %% [markdown]
# A share is not free. The size of an epoch stays the same, so if Hindi is drawn more often, its messages are
# *repeated*, and English messages are *left out*. In $E$ epochs of $N = \sum_k M_k$ draws, a message of language $k$
# is seen $E \, p_k N / M_k$ times on average. The course's sampler draws each language's messages without replacement
# for as long as they last, and then starts again. Count what it does.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import sample_languages

rows = []
for alpha in (1.0, 0.3, 0.0):
    drawn = sample_languages(train, alpha=alpha, seed=0).to_pandas()
    for k, p in sampling_probabilities(counts, alpha).items():
        own = drawn[drawn["language"] == k]
        expected = p * len(train) / counts[k]
        assert abs(len(own) / counts[k] - expected) < 1 / counts[k], "the sampler misses its shares"
        rows.append((alpha, k, len(own), own["id"].nunique(), counts[k] - own["id"].nunique(), expected))
columns = ["alpha", "language", "drawn", "different messages", "left out", "times each, an epoch"]
pd.DataFrame(rows, columns=columns).set_index(["alpha", "language"]).round(2)

# %% [markdown]
# With $\alpha = 1$ every message is there once: this *is* concatenation. With smaller values English loses messages
# that nothing replaces, and the others repeat messages they have already shown.
#
# > **A misconception.** *"$\alpha = 0$ treats the languages equally, so it is fair, so it is best."* Equal shares are
# > not equal scores. Repeating 120 messages adds no information, and leaving out English ones removes some that the
# > other languages may have been learning from. Whether the exchange pays is a question for a test set, and we ask it
# > below.
#
# ## Compare three ways to use the data
#
# - **zero-shot**: one model, English labels only (notebook 05; here without mean-centring, so that the three ways
#   differ in the labelled examples and in nothing else);
# - **per-language**: one model a language, each trained on its own examples only;
# - **merged**: one model, all examples, $\alpha = 1$.
#
# What do we expect? English has the most data of its own, so merging has the least to add there. French and Arabic
# are covered by the encoder: zero-shot should be good, and 120 examples alone should do worse than 480 English ones
# *plus* 120. For Hindi, where the model cannot read most of the letters, other languages' data may not help at all.
# Three seeds each. Two settings save your time. Two epochs instead of the recipe's three: on the dev sets the merged
# model scored about the same with both. And inputs are cut off after 64 pieces instead of 128, which touches hardly any
# message but the Hindi ones, and of those the part that comes after 64 mostly unknown pieces. The recipe is the encoder
# with its head; `compare` without a recipe adds USE-M's *lexical expert*, a score for every piece and label.

# %%
from dataclasses import replace

from xlft_helpers.comparison import compare
from xlft_helpers.finetuning import default_recipe

recipe = replace(default_recipe(model_name), epochs=2, max_length=64)
comparison = compare(data, model_name, languages=languages, seeds=3, alpha=1.0, centre=False, recipe=recipe)
sizes = ", ".join(f"{k} {len(rows)}" for k, rows in comparison.labels.items())
print(f"macro-F1 in points, mean over 3 seeds (other baselines than random: 1) [95 % interval]; test messages: {sizes}")
comparison.table().T

# %%
plots.show(
    plots.plot_scores(comparison.summary),
    alt="Macro-F1 of zero-shot, per-language and merged fine-tuning on English, French, Arabic and Hindi with 95 % "
    "intervals, beside the majority and TF-IDF baselines.",
    caption="Three ways to use the same data, on the same test messages (3 seeds; bars are 95 % bootstrap intervals "
    "over messages and seeds). Grey: baselines. For English, zero-shot and per-language are the same model.",
)

# %% [markdown]
# Look at the grey marks first: every method must beat the constant answer, and `tf-idf` shows what words alone give
# with the language's own examples. Then compare the coloured marks within a language. Intervals that overlap do not
# settle anything, because both methods answered the *same* messages: a message that is hard for one is hard for the
# other. A **paired test** uses that. Its verdict here needs both an interval of the difference without 0 and $p <
# 0.05$.

# %%
from xlft_helpers.evaluation import paired_test


def verdict(test):
    return "cannot tell" if not test.distinguishable else "better" if test.difference > 0 else "worse"


rows = []
for other, k in [(other, k) for other in ("zero-shot", "per-language", "tf-idf") for k in languages]:
    test = comparison.difference("merged", other, k)
    points = (100 * np.array([test.difference, test.low, test.high])).round(1)
    rows.append((f"merged minus {other}", k, *points, round(test.p_value, 3), verdict(test)))
columns = ["difference", "language", "points", "low", "high", "p", "merged is"]
verdicts = pd.DataFrame(rows, columns=columns).set_index(["difference", "language"])
verdicts

# %%
for other in ("zero-shot", "per-language", "tf-idf"):
    said = verdicts.loc[f"merged minus {other}", "merged is"]
    where = {word: ", ".join(said.index[said == word]) for word in ("better", "worse", "cannot tell")}
    print(f"Merged against {other}: " + "; ".join(f"{word} in {k or 'no language'}" for word, k in where.items()) + ".")
means = {method: comparison.mean_of_targets(method) for method in ("zero-shot", "per-language", "merged", "tf-idf")}
for method, mean in means.items():
    points = [100 * value for value in (mean.estimate, mean.low, mean.high)]
    print(f"Mean of {len(comparison.targets)} targets, {method:12} {points[0]:.1f} [{points[1]:.1f}, {points[2]:.1f}]")
assert means["merged"].estimate > means["per-language"].estimate, "merged should beat per-language on average"

# %% [markdown]
# This is the reason why merging is popular: on average over the targets, one model with everybody's examples does
# better than a model for each language with its own few. But look at the word *average*, and at the rows that say
# "cannot tell". With 150 messages and three seeds, differences of a few points are out of sight. Twelve tests at the
# 5 % level also raise a false alarm now and then (notebook 07 deals with that). And look at the humblest baseline:
# where `tf-idf` is ahead, fine-tuning this encoder was the wrong tool, merged or not. TF-IDF needs no pretrained
# pieces, so it reads every letter of Hindi.
#
# Two things are not equal in this comparison, and an honest report names them. First, at equal *epochs* a model for
# 120 messages makes far fewer *steps* than the merged one, so some of what looks like "more languages" may be "more
# steps". Second, one merged model is a single file to store and serve; per-language means as many as there are
# languages.
#
# ## Change α and ask whether it mattered
#
# The merged model again, now with $\alpha = 0.3$: the same number of draws, fewer English messages, repeated ones of
# the others. It takes no new machinery. Sample, and fine-tune on what was drawn. If English was too loud, the others
# should gain. We expect little: the counts differ only by a factor of four, while the corpora that XLM-R was
# pretrained on, for which 0.3 was chosen, differ by factors of thousands.

# %%
from xlft_helpers.data import select_language
from xlft_helpers.finetuning import finetune
from xlft_helpers.inference import predict

softer = {k: [] for k in languages}
for seed in range(3):
    drawn = sample_languages(train, alpha=0.3, seed=seed)
    result = finetune(model_name, drawn, data["dev"], recipe=recipe, seed=seed)
    for k in languages:
        rows = select_language(data["test"], k)
        softer[k].append(predict(result.model, result.tokenizer, rows, max_length=64).argmax(axis=1))

# %%
rows = {}
for k in languages:
    test = paired_test(comparison.labels[k], np.stack(softer[k]), comparison.answers("merged", k), len(names))
    points = (100 * np.array([test.difference, test.low, test.high])).round(1)
    rows[k] = [*points, round(test.p_value, 3), verdict(test)]
effect = pd.DataFrame(rows, index=["alpha 0.3 minus alpha 1", "low", "high", "p", "alpha 0.3 is"]).T
unclear = (effect["alpha 0.3 is"] == "cannot tell").sum()
widest = ((effect["high"] - effect["low"]) / 2).max()
print(f"Cannot tell in {unclear} of {len(languages)} languages (n = {len(comparison.labels['en'])} messages, 3 seeds).")
print(f"The widest interval reaches {widest:.0f} points to either side: a smaller effect there could not be seen.")
effect

# %% [markdown]
# Where the table says "cannot tell", that is the result: at this size we do not know whether 0.3 is better or worse
# than 1, and picking the better-looking one would be picking noise. It is *not* the result that $\alpha$ does not
# matter. The last printed line says how large an effect would have had to be.
#
# A row can have a small $p$ and still an interval with 0 in it. Then the *six models we trained* do differ on these
# messages, but runs of the same method differ so much among themselves that other seeds could turn the sign. Such a
# row is a reason to run more seeds, on dev sets, and not a reason to publish.
#
# ## Add a few target examples
#
# Between zero-shot and merged lies the case that many projects are in: English labels, and the budget to label a
# *few* messages of the target. How much do 8, 32 or 120 help? In one pot with 480 English messages, 8 others would be
# 1.6 % of the sum. So one goes in two stages (Lauscher et al. 2020): fine-tune on English, then go on with the target
# examples.
#
# Stage one is a zero-shot model. We keep it in the course's cache folder, so that each run below can start from it.

# %%
target, english = "ar", [select_language(data[split], "en") for split in ("train", "dev")]
stage_one = finetune(model_name, *english, recipe=recipe, seed=settings.SEED)
start = settings.cache_dir() / "06_english"
stage_one.model.save_pretrained(start)
stage_one.tokenizer.save_pretrained(start)
pool, test_rows = (select_language(data[split], target) for split in ("train", "test"))
truth = np.asarray(test_rows["label"])

# %% [markdown]
# Stage two makes eight steps whatever the number of examples, so that the sizes differ in data and not in training.
# It uses an eighth of the learning rate. That was chosen on the dev sets of Arabic, Russian and French, before any
# test score was computed: with the full rate, 8 examples *destroyed* much of what stage one had learned. (The choice
# took labelled target messages too, and a report must say so.) No dev set chooses the epoch here: 30 labelled dev
# messages beside 8 for training would not be few-shot at all.
#
# Which 8 of the 120? A **draw** takes the first $n$ of a shuffled pool. Its seed is one source of chance; the seed of
# the training is another. The function below has both.


# %%
def few_shot(model, n, draw, seed=0):
    """Predicted classes after eight steps on n target examples: from the English model, or from the pretrained one."""
    rate = recipe.learning_rate if model == model_name else recipe.learning_rate / 8
    steps_an_epoch = -(-n // recipe.batch_size)
    few = replace(recipe, epochs=8 // steps_an_epoch, learning_rate=rate)
    result = finetune(model, pool.shuffle(seed=draw).select(range(n)), recipe=few, seed=seed, progress=False)
    return predict(result.model, result.tokenizer, test_rows).argmax(axis=1)


# %% [markdown]
# Two curves: English plus $n$ examples, and for reference per-language training on the *same* examples without
# English. For 8 and 32 we take three draws. With 120 the bundled pool is used up, so the three runs differ in their
# training seed instead; and without English they are the per-language models of the comparison, which made eight
# steps as well. That leaves 15 short trainings; a bar counts them. What do we expect? A covered language should start
# high at $n = 0$, and the curve without English should need many examples to catch up.

# %%
from tqdm import tqdm

answers = {("English plus n", 0): [predict(stage_one.model, stage_one.tokenizer, test_rows).argmax(axis=1)]}
pool_is_used_up = len(pool) == 120
if pool_is_used_up:
    answers["n only", 120] = list(comparison.answers("per-language", target))
jobs = [("English plus n", n, i) for n in (8, 32, 120) for i in range(3)]
jobs += [("n only", n, i) for n in ((8, 32) if pool_is_used_up else (8, 32, 120)) for i in range(3)]
for way, n, i in tqdm(jobs, desc="few-shot runs", leave=False):
    model = str(start) if way == "English plus n" else model_name
    answer = few_shot(model, n, draw=i, seed=i if n == 120 else 0)
    answers.setdefault((way, n), []).append(answer)

# %% [markdown]
# Each run has a score. For the mean over runs there are two intervals. One resamples only the runs
# (`bootstrap_mean`): what if other examples had been drawn, with the test set as it is? The other resamples the test
# messages as well, and is wider. With three runs the first is rather on the short side. At $n = 0$ there is one
# model, so it has no spread over draws.

# %%
from xlft_helpers.evaluation import bootstrap_macro_f1, bootstrap_mean, score

rows = []
for (way, n), found in sorted(answers.items()):
    f1 = [100 * score(truth, answer, len(names)).macro_f1 for answer in found]
    draws = bootstrap_mean(f1) if len(f1) > 1 else None
    both = bootstrap_macro_f1(truth, np.stack(found), len(names))
    over_draws = [draws.low, draws.high] if draws else [np.nan, np.nan]
    rows.append([way, n, np.mean(f1), *over_draws, 100 * both.low, 100 * both.high, f1])
columns = ["curve", "n", "macro_f1", "runs low", "runs high", "low", "high", "runs"]
curve = pd.DataFrame(rows, columns=columns)
curve.drop(columns="runs").set_index(["curve", "n"]).round(1)

# %%
plots.show(
    plots.plot_curves(curve, x="n", x_label=f"labelled {target} examples", baseline=100 / 6, baseline_label="majority"),
    alt="Macro-F1 on the target language against the number of labelled target examples, once starting from the "
    "English model and once without English.",
    caption=f"Few-shot curve, {len(truth)} test messages. Small marks: single runs (3 draws; at 120, 3 seeds). "
    "Large marks: their mean, with 95 % intervals over runs and messages. Dotted: the constant answer.",
)

# %% [markdown]
# Compare the curves at the same $n$. The vertical distance is what the English messages are worth to a target
# language that the encoder covers. The curve without English starts near guessing and climbs; the other one starts
# high. Does it climb at all? Let the paired test say it: $n$ examples against none, on the same messages, all runs
# together.

# %%
zero = answers["English plus n", 0][0]
for n in (8, 32, 120):
    runs = np.stack(answers["English plus n", n])
    gain = paired_test(truth, runs, np.tile(zero, (len(runs), 1)), len(names))
    english_worth = paired_test(truth, runs, np.stack(answers["n only", n]), len(names))
    for what, test in (("minus zero-shot", gain), ("minus without English", english_worth)):
        word = "distinguishable" if test.distinguishable else "not distinguishable"
        points = [100 * value for value in (test.difference, test.low, test.high)]
        interval = f"{points[0]:+5.1f} [{points[1]:+.1f}, {points[2]:+.1f}]"
        print(f"n = {n:3}, {what:22} {interval}, p = {test.p_value:.3f}: {word}")
assert np.mean(curve.query("curve == 'n only' and n == 8")["macro_f1"]) < curve.query("n == 0")["macro_f1"].item()

# %% [markdown]
# A handful of examples is no safe gain. For a language that zero-shot already reads well it can even cost points:
# eight messages say little about the task and much about themselves. Lauscher et al. found the largest gains where
# zero-shot was worst. And where the two curves meet, so many target examples are worth as much as all the English
# ones: from there on, English is a help one could do without.
#
# ## Separate the draw from the seed
#
# How much of the spread is *which* examples were labelled, and how much is chance in training? Keep one thing fixed
# and vary the other. All the runs are there: the three draws of 8, and those of 32, started from the same English
# model; the three runs with 120 examples differ in nothing but the seed of stage two; and the three zero-shot models
# of the comparison in nothing but the seed of stage one. What do we expect? In stage two the head is not fresh any
# more, so its seed should matter little. Another draw changes everything that is learned from.

# %%
few = curve[curve["curve"] == "English plus n"].set_index("n")["runs"]
stage_one_f1 = 100 * comparison.runs.query("method == 'zero-shot' and test_language == @target")["macro_f1"]
chances = {
    "draw of the examples (8)": few[8],
    "draw of the examples (32)": few[32],
    "seed of stage two (120)": few[120],
    "seed of stage one (0)": list(stage_one_f1),
}
spread = {what: [*runs, max(runs) - min(runs), np.std(runs, ddof=1)] for what, runs in chances.items()}
columns = ["run 1", "run 2", "run 3", "range", "standard deviation"]
pd.DataFrame(spread, index=columns).T.rename_axis("what varies (examples)").round(1)

# %% [markdown]
# Macro-F1 in points, on the same messages throughout. Three runs estimate a standard deviation only roughly, so read
# the order of the rows with care. Zhao et al. (2021), with 40 draws a language, found that the choice of examples
# alone can move accuracy by more than ten points. So if you report a few-shot score, vary the draw *and* the seeds,
# and say how many of each the score is the mean of. One draw is one anecdote.
#
# > **A misconception.** *"I may try several draws and keep the one that works best on the test set."* Then the test
# > labels have chosen your training data, and the best of several draws looks better than few-shot learning is. Fix
# > the draws beforehand, by a seed, and report all of them.
#
# ## Know when merging hurts
#
# The multilingual sentiment benchmark UMSAB comes with a table in which the same model, XLM-R, is fine-tuned once per
# language ("mono") and once on all eight languages merged ("multi"). These numbers are *published* (Barbieri et al.
# 2022, table in the XLM-T repository; macro-F1 on 870 test tweets a language, 1,839 training tweets each). We did not
# measure them, the model and the data are not ours, and the table gives no intervals.

# %% tags=["nbval-check-output"]
codes = ["ar", "en", "fr", "de", "hi", "it", "pt", "es"]
mono, multi = [63.6, 68.2, 72.0, 73.6, 36.6, 71.5, 67.1, 65.9], [64.3, 68.5, 70.5, 72.8, 53.4, 68.6, 69.8, 66.0]
published = pd.DataFrame({"per-language": mono, "merged": multi}, index=codes)
published["merged minus per-language"] = published["merged"] - published["per-language"]
published = published.sort_values("merged minus per-language")
everyone, covered = published.mean(), published.drop("hi").mean()
print(f"Average of the rows: per-language {everyone['per-language']:.1f}, merged {everyone['merged']:.1f}.")
print(f"Without Hindi:       per-language {covered['per-language']:.1f}, merged {covered['merged']:.1f}.")
published.round(1)

# %% [markdown]
# The published headline, 64.8 to 66.8 (the last digit differs from ours because the rows are rounded), is true and
# says "merging helps". Row by row, Italian, French and German scored *lower*, and without Hindi the average does not rise
# at all. (By how much of that is chance we cannot tell from a table without intervals.) One language that could hardly be learned alone carries the whole gain.
#
# > **A misconception.** *"Merging always helps: more data cannot hurt."* More data of *another* distribution can. An
# > average over languages can rise while most of its users get a worse model. Always show the rows.
#
# Four reasons to know:
#
# - **Capacity.** With a fixed number of parameters, more languages first help the small ones and then cost all of
#   them. Conneau et al. (2020) call it the *curse of multilinguality*. Wang et al. (2020) measure languages'
#   gradients pointing against each other: the sum at the top of this notebook, with terms that cancel.
# - **Domination.** A language with few examples has little weight in $L_{cross}$. What is special about it (its
#   irony, its politeness) is outvoted. Smaller $\alpha$ turns up its volume, at the price counted above.
# - **Label noise.** If one language was labelled by another team, another rule, or by projecting machine output, its
#   mistakes enter the shared weights and reach the others. Train without it once, and compare by a paired test.
# - **Coverage.** Where the encoder cannot read a language, its examples may teach only shortcuts. Or they may be the
#   only thing that helps. What was it here? Hindi is outside USE-M's coverage.

# %%
for other in ("zero-shot", "per-language", "tf-idf"):
    test = comparison.difference("merged", other, "hi")
    points = [100 * value for value in (test.difference, test.low, test.high)]
    interval = f"{points[0]:+5.1f} [{points[1]:+.1f}, {points[2]:+.1f}]"
    print(f"Hindi, merged minus {other:12} {interval}: {verdict(test)}")
comparison.table()["hi"].rename(f"Hindi, n = {len(comparison.labels['hi'])}").to_frame()

# %% [markdown]
# Read the differences together. Against zero-shot, merging adds 120 labelled Hindi messages to the English ones.
# Against per-language, it adds the other languages' messages to the Hindi ones. Where both are unclear or negative,
# neither the labels nor the neighbours reached the model. That is no contradiction to the published table, in which
# Hindi gained most: XLM-R's vocabulary *has* the letters (and UMSAB's Hindi is written in Latin letters), while here
# most pieces are unknown. Merging shares what the encoder can represent. It cannot share what the tokenizer threw
# away.
#
# ## Exercise 1: write the sampling rule
#
# Write $p_k$ as a function: it takes a dictionary of counts and $\alpha$, and returns a dictionary of shares.
#
# *Hint:* raise each count to the power $\alpha$ *before* you divide by the sum, so that the shares add up to 1.

# %%
from xlft_helpers.teaching import check


def my_shares(counts, alpha):
    """Return the share p_k of each language, a dictionary; ``counts`` maps a code to its number of examples."""
    # --- stub
    return ...
    # --- solution
    powers = {language: count**alpha for language, count in counts.items()}
    return {language: power / sum(powers.values()) for language, power in powers.items()}
    # --- end


check.language_shares(my_shares)

# %% [markdown]
# ## Exercise 2: count how often a message is seen
#
# You merge English (480 messages) with French, Arabic and Hindi (120 each) and train for 2 epochs of 840 draws with
# $\alpha = 0.3$. How many times will the model see a Hindi message, on average? Compute the number.
#
# *Hint:* draws of the language in all epochs, divided by its number of messages. Your function, or the package's
# `sampling_probabilities`, gives $p_k$.

# %%
# --- stub
times_seen = ...
# --- solution
sizes = {"en": 480, "fr": 120, "ar": 120, "hi": 120}
times_seen = 2 * sampling_probabilities(sizes, 0.3)["hi"] * sum(sizes.values()) / sizes["hi"]
# --- end
check.times_seen(times_seen)

# %% [markdown]
# ## Exercise 3: decide from a paired test
#
# A paired test of *merged minus per-language* gives you a difference, the ends `low` and `high` of its 95 % interval,
# and a p-value. Write the function that decides: `"merged"`, `"per-language"`, or `"cannot tell"`. Use the course's
# rule: a winner needs an interval that leaves out 0 *and* $p < 0.05$.
#
# *Hint:* an interval leaves out 0 if both ends have the same sign.


# %%
def decide(difference, low, high, p_value):
    """Return "merged", "per-language" or "cannot tell"; the difference is merged minus per-language."""
    # --- stub
    return ...
    # --- solution
    if p_value >= 0.05 or low <= 0 <= high:
        return "cannot tell"
    return "merged" if difference > 0 else "per-language"
    # --- end


check.merging_decision(decide)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("06_merged_finetuning")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# - $L_{cross}$ is $L_{fine}$ on the concatenated data, in value and in gradient: all languages pull at the same
#   weights.
# - $p_k \propto M_k^\alpha$ chooses how often a language is drawn. Smaller $\alpha$ repeats small languages and
#   leaves out examples of large ones.
# - Merged, zero-shot and per-language are compared on the same messages, by paired tests. Averages hide languages
#   that lose.
# - A few target examples are an anecdote until several draws agree. English labels can be worth more than they are.
# - Merging can hurt: capacity, domination, label noise, coverage. Show the rows, and say where you cannot tell.
#
# ## Read on
#
# - Conneau and Lample 2019, *Cross-lingual Language Model Pretraining* (NeurIPS): the sampling rule (section 3.1).
# - Conneau et al. 2020, *Unsupervised Cross-lingual Representation Learning at Scale* (ACL): XLM-R, $\alpha = 0.3$,
#   and the curse of multilinguality.
# - Wang, Lipton and Tsvetkov 2020, *On Negative Interference in Multilingual Models* (EMNLP).
# - Barbieri, Espinosa Anke and Camacho-Collados 2022, *XLM-T: Multilingual Language Models in Twitter for Sentiment
#   Analysis and Beyond* (LREC): UMSAB and the published table.
# - Lauscher et al. 2020, *From Zero to Hero* (EMNLP), and Zhao et al. 2021, *A Closer Look at Few-Shot Crosslingual
#   Transfer: The Choice of Shots Matters* (ACL).
#
# {{navigation}}
