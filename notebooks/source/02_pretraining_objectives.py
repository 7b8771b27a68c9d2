# %% [markdown]
# # Derive the pretraining objectives, and train with each
#
# {{badges}}
#
# > **You will** write down causal, masked and translation language modelling, check each against two libraries and
# > train a small model with it, turn one sum into loss, perplexity and bits per character, sample from your model,
# > hide pieces the way BERT does, look at blanks and at attention in a multilingual model, and, at the end, find what
# > makes two languages meet, in a lab.
# >
# > **You need** notebook 01 (what a multilingual model is), Python, and a little torch.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Get a corpus, and cut it into pieces
#
# Pretraining needs text and nothing else: no labels. Our text is the interface of JupyterLab, about 3,000 messages in
# English, and the French that its volunteers made of them. The messages are split into train, dev and test, so that no
# held-out message has a near-copy in the training part. We select nothing by score here, so dev and test together are
# the **held-out** text.

# %% tags=["nbval-check-output"]
import pandas as pd

from xlft_helpers.data.parallel import load_parallel
from xlft_helpers.teaching.tables import show_messages

messages = load_parallel(["fr"])
train, held_out = messages[messages["split"] == "train"], messages[messages["split"] != "train"]
print(f"{len(train)} messages to train on, {len(held_out)} held out; English has {train['en'].str.len().sum()} characters")
examples = train[train["en"].str.len().between(25, 60)].iloc[[3, 60, 160]]
texts = pd.concat([examples[k].rename("text").to_frame().assign(language=k) for k in ("en", "fr")]).sort_index()
show_messages(texts, "Three messages and their translations")

# %% [markdown]
# That is tiny. `mini`, which we meet below, read about 500 times as much, and XLM-R millions of times as much. So do not
# expect eloquence. Expect to *see the objectives work*.
#
# A model reads pieces, and at every blank it chooses among all $V$ pieces of its vocabulary. `mini`'s tokenizer has
# 16,000 of them. Here most would never occur, and the choice among them would be most of the work. So we train a
# tokenizer of our own on the training messages of both languages, in less than a second: **byte-pair encoding** (BPE)
# starts from single characters and merges the most frequent pair of neighbours, again and again, until it has as many
# pieces as we ask for.

# %%
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def learn_pieces(texts, size):
    """A tokenizer of `size` pieces that puts [CLS] before a text and [SEP] behind it."""
    bpe = Tokenizer(models.BPE(unk_token="[UNK]"))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.Metaspace(), decoders.Metaspace()
    wanted = trainers.BpeTrainer(vocab_size=size, special_tokens=list(SPECIAL.values()), show_progress=False)
    bpe.train_from_iterator(texts, wanted)
    ends = [("[CLS]", bpe.token_to_id("[CLS]")), ("[SEP]", bpe.token_to_id("[SEP]"))]
    bpe.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, **SPECIAL)


# %% tags=["nbval-check-output"]
tokenizer = learn_pieces([*train["en"], *train["fr"]], 1000)
V = len(tokenizer)
print(V, "pieces, the first merges:", tokenizer.convert_ids_to_tokens(range(160, 172)))
for text in ("Save the notebook as a template.", "Enregistrer le notebook comme modèle."):
    print(tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]))

# %% [markdown]
# `▁` marks the start of a word. Frequent words are one piece, rare ones fall apart. `[CLS]` opens every text and
# `[SEP]` closes it; `[MASK]` will be the blank.
#
# ## Predict the next piece
#
# **Causal language modelling** (CLM) asks, at every place of a text: which piece comes next, given all that came
# *before*? Text $i$ of $N$ has the pieces $w_{i1}, \dots, w_{iT_i}$. The objective is the log-probability of all of them,
# and by the chain rule of probability it is the log-probability of the texts themselves:
#
# $$L_{pre}(\theta) = \sum_{i=1}^{N} \sum_{j} \log p(w_{ij} \mid w_{i1}, \dots, w_{i,j-1}; \theta)$$
#
# The labels are the text, one place further on. That is the whole trick, and the place where the mistakes happen. The
# model's output at place $j-1$ is compared with the piece at place $j$. The first piece is `[CLS]` in every text; it is
# given, not predicted. We take a model with random weights: what should each term be, roughly?

# %%
import math

import torch

from xlft_helpers.pretraining import small_model

torch.manual_seed(0)
clm = small_model(tokenizer, "causal", layers=2, hidden=64, max_length=64, spread=0.1)
ids = tokenizer("Save the notebook.", return_tensors="pt")["input_ids"]
with torch.no_grad():
    log_p = clm(input_ids=ids).logits.log_softmax(dim=-1)
terms = [log_p[0, j - 1, ids[0, j]].item() for j in range(1, ids.shape[1])]
pieces = tokenizer.convert_ids_to_tokens(ids[0])
pd.DataFrame({"given": pieces[:-1], "next": pieces[1:], "log p": terms}).round(2).set_index("given").T

# %% [markdown]
# About $\log \frac{1}{V} = -\log 1000 \approx -6.9$ nats each, up or down a little: nothing is known yet. Now the sum,
# checked against the package, against torch's cross-entropy on shifted ids, and against the loss that `transformers`
# computes when it is given `labels` (it shifts by itself, and takes the mean).

# %%
from torch.nn.functional import cross_entropy

from xlft_helpers.objectives import causal_objective

with torch.no_grad():
    out = clm(input_ids=ids, labels=ids)
L_pre, predicted = sum(terms), ids.shape[1] - 1
of_torch = -cross_entropy(out.logits[0, :-1], ids[0, 1:], reduction="sum")
assert math.isclose(L_pre, causal_objective(out.logits, ids), rel_tol=1e-5), "the package's objective differs"
assert math.isclose(L_pre, of_torch, rel_tol=1e-5), "torch's loss differs"
assert math.isclose(-L_pre / predicted, out.loss, rel_tol=1e-5), "transformers' loss differs"
print(f"L_pre = {L_pre:.2f} nats for {predicted} predicted pieces; reported loss {out.loss:.3f}")

# %% [markdown]
# Why can all places be trained in one pass, if no place may see what follows? Because the **causal mask** sets the
# attention to later places to zero. A claim like that is easy to test. Exchange the *last* piece: the outputs before it
# must stay as they are. A masked model (we make one with `"masked"`) has no such mask, and all its outputs must move.

# %% tags=["nbval-check-output"]
other = ids.clone()
other[0, -2] = 200
torch.manual_seed(0)
mlm = small_model(tokenizer, "masked", layers=2, hidden=64, max_length=64, spread=0.1)
for name, model in {"causal": clm, "masked": mlm}.items():
    with torch.no_grad():
        moved = (model(input_ids=ids).logits - model(input_ids=other).logits).abs().amax(dim=-1)[0] > 1e-4
    print(name, ["moved" if flag else "same" for flag in moved.tolist()])
    assert moved[:-2].any() == (name == "masked"), "only the masked model may look ahead"

# %% [markdown]
# > **A misconception.** *"A causal model reads a text in as many steps as it has pieces."* It *writes* that way. In
# > training it reads all places at once, and every place is a training example: a text of 20 pieces gives 19 of them.
#
# ## Turn one sum into three numbers
#
# A sum grows with the text, so people report it in one of three ways. With $M$ predicted pieces and $C$ characters:
#
# $$\text{loss} = -\frac{L_{pre}}{M} \qquad \text{perplexity} = e^{\text{loss}} \qquad
# \text{bits per character} = -\frac{L_{pre}}{C \ln 2}$$
#
# The loss is in nats a piece. Perplexity says: as undecided as among so many equally likely pieces. Bits per character
# divides by something that no tokenizer can change. No such number means anything alone, so we start with two
# baselines that need no network. **Uniform**: all pieces equally likely, so perplexity is $V$. **Unigram**: each piece as
# likely as it was frequent in the training text (one is added to every count, so that nothing is impossible). To see why
# bits per character exist, we do it with tokenizers of four sizes. Which column can be compared down the rows?

# %%
from xlft_helpers.objectives import bits_per_character, mean_negative_log_likelihood, perplexity


def unigram(tok, texts):
    """Log-probability of every piece by its frequency in the texts, [SEP] included: (V,)."""
    found = torch.tensor([piece for row in tok(list(texts))["input_ids"] for piece in row[1:]])
    counts = torch.bincount(found, minlength=len(tok)) + 1
    return (counts / counts.sum()).log()


rows = []
for size in (150, 300, 1000, 3000):
    tok = tokenizer if size == 1000 else learn_pieces([*train["en"], *train["fr"]], size)
    found = torch.tensor([piece for row in tok(list(held_out["en"]))["input_ids"] for piece in row[1:]])
    L, M, C = unigram(tok, train["en"])[found].sum(), len(found), held_out["en"].str.len().sum()
    numbers = mean_negative_log_likelihood(L, M), perplexity(L, M), bits_per_character(L, C)
    rows.append([len(tok), M, len(tok), *(number.item() for number in numbers)])
columns = ["pieces V", "predicted M", "uniform perplexity", "unigram loss", "unigram perplexity", "unigram bits/character"]
by_size = pd.DataFrame(rows, columns=columns).set_index("pieces V").round(2)
by_size

# %%
assert by_size["unigram perplexity"].is_monotonic_increasing, "larger pieces are harder to guess"
assert by_size["unigram bits/character"].is_monotonic_decreasing, "but there are fewer of them"
ratio = by_size["unigram perplexity"].max() / by_size["unigram perplexity"].min()
print(f"The same kind of model, the same {len(held_out)} messages: perplexity differs by a factor of {ratio:.0f}.")

# %% [markdown]
# The model with the highest perplexity is the best one by bits per character. Perplexity rose because each piece covers
# more text, so there is more to guess at once, less often.
#
# > **A misconception.** *"Perplexity 30 beats perplexity 90."* Only with the same pieces on the same text. Between
# > tokenizers compare bits per character, and between languages not even those without care: a Chinese character
# > says more than a Latin one.
#
# ## Train a causal model while you watch
#
# Two layers of width 64 and 400 steps of about 500 pieces. `spread` is the size of the random first weights. The usual
# 0.02 was chosen for wide layers; at width 64 the signal through the layers would be so weak that the model spends
# the whole run learning how frequent the pieces are.
#
# We expect three phases. First the loss falls from $\ln V$ to about the unigram loss: frequencies are the easiest
# thing to learn. Then it must find out that neighbours matter.

# %%
from xlft_helpers.pretraining import PretrainRecipe, pretrain

english = [{"en": text} for text in train["en"]]
recipe = PretrainRecipe(objectives=("clm",), steps=400, batch_tokens=512, learning_rate=8e-3)
trained = pretrain(clm, tokenizer, english, recipe, seed=0, log_every=10)
print(f"{trained.tokens:,} pieces read, each message about {trained.tokens / sum(map(len, tokenizer(list(train['en']))['input_ids'])):.0f} times")

# %%
from xlft_helpers import plots

plots.set_style()
frequencies = unigram(tokenizer, train["en"])
entropy = -(frequencies.exp() * frequencies).sum().item()
plots.show(
    plots.plot_losses(
        {"causal model": trained.history.set_index("step")["loss"]},
        references={"uniform": math.log(V), "unigram": entropy},
    ),
    alt="Training loss of the causal model over 400 steps: it falls from the uniform line to the unigram line, and then "
    "further below it.",
    caption="Loss on the training batches (left axis) and the same as perplexity (right axis, logarithmic). Dashed: "
    "baselines without a network.",
)

# %% [markdown]
# One curve, two scales. But it is a curve of *training* batches, and the model sees each message several times. What
# counts is the held-out text. Beside the baselines stands the interval: we draw messages with replacement, 1,000 times,
# and see how much the loss varies (a bootstrap over messages, since the pieces of one message are not independent).

# %%
import numpy as np


def with_interval(sums, counts, seed=0):
    """Loss over all messages with a 95 % bootstrap interval; `sums` are the messages' objectives, `counts` their M."""
    drawn = np.random.default_rng(seed).integers(len(sums), size=(1000, len(sums)))
    low, high = np.quantile(-sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [0.025, 0.975])
    return -sums.sum() / counts.sum(), low, high


encoded = [tokenizer(text, return_tensors="pt", truncation=True, max_length=64)["input_ids"] for text in held_out["en"]]
counts = np.array([row.shape[1] - 1 for row in encoded])
with torch.inference_mode():
    sums = {"causal model": [causal_objective(clm(input_ids=row).logits, row).item() for row in encoded]}
sums["unigram"] = [frequencies[row[0, 1:]].sum().item() for row in encoded]
sums["uniform"] = [-math.log(V) * count for count in counts]

# %%
characters = sum(len(tokenizer.decode(row[0], skip_special_tokens=True)) for row in encoded)
results = {}
for name, values in sums.items():
    loss, low, high = with_interval(np.array(values), counts)
    bits = bits_per_character(torch.tensor(sum(values)), characters).item()
    results[name] = [f"{loss:.2f} [{low:.2f}, {high:.2f}]", f"{math.exp(loss):.0f} [{math.exp(low):.0f}, {math.exp(high):.0f}]", bits]
difference = np.array(sums["causal model"]) - np.array(sums["unigram"])
assert with_interval(difference, counts)[2] < -0.5, "the trained model should beat the unigram clearly"
print(f"{len(encoded)} held-out messages, {counts.sum()} predicted pieces, {characters} characters [95 %]")
pd.DataFrame(results, index=["loss (nats a piece)", "perplexity", "bits per character"]).T

# %% [markdown]
# The model knows more than frequencies: context has narrowed its choice by the factor between the two perplexities. And
# the last loss of the training curve is lower than the held-out loss. That gap is what it has learned by heart.
#
# ## Let it write
#
# A causal model can write: draw the next piece from $p$, append it, ask again. The **temperature** $\tau$ decides how
# bold the draws are. It divides the logits before the softmax:
#
# $$p_\tau(w) = \frac{e^{z_w / \tau}}{\sum_v e^{z_v / \tau}}$$
#
# With $\tau \to 0$ the likeliest piece always wins; $\tau = 1$ draws from the model's own belief; above 1, rare pieces get
# more than their due. Move the slider. At which temperature do the messages begin to repeat themselves, and at which do
# they stop being words?

# %%
import html

import ipywidgets as widgets

from xlft_helpers.teaching import explore


def write(temperature, starts=("Show the", "Whether to", "Cannot", "Open", "The name"), length=16):
    """One message for each start, drawn piece by piece."""
    torch.manual_seed(1)
    texts = []
    for start in starts:
        given = tokenizer(start, return_tensors="pt")["input_ids"][:, :-1]
        drawn = clm.generate(given, attention_mask=torch.ones_like(given), max_new_tokens=length, do_sample=True, temperature=temperature, top_k=0)
        texts.append(tokenizer.decode(drawn[0], skip_special_tokens=True))
    return texts


explore(
    widgets.FloatSlider(value=0.7, min=0.1, max=2, step=0.1, description="temperature", continuous_update=False),
    lambda temperature: "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in write(temperature)) + "</ul>",
    alt="Five messages that the small causal model wrote at temperature 0.7.",
)

# %% [markdown]
# Read them honestly. Some look like interface messages at first glance: the right kind of beginning, an article before a
# noun. None of them means anything. The model has no idea what a kernel is; it knows which pieces follow which. Let us
# count how far that goes: of all pairs of neighbouring words in what it writes, how many occur in the training text?
# Beside it the same count for real held-out messages, and for messages drawn piece by piece from the unigram.

# %%
from xlft_helpers.evaluation import bootstrap_mean

known = {pair for text in train["en"] for pair in zip(text.split(), text.split()[1:])}


def share_known(text):
    pairs = list(zip(text.split(), text.split()[1:]))
    return sum(pair in known for pair in pairs) / len(pairs) if pairs else math.nan


starts = held_out["en"].sample(80, random_state=0).str.split().str[0]
drawn = torch.multinomial(frequencies.exp(), 80 * 16, replacement=True, generator=torch.Generator().manual_seed(0)).view(80, 16)
written = {"held-out messages": held_out["en"], "causal model": write(0.7, starts), "unigram": tokenizer.batch_decode(drawn)}
for name, texts in written.items():
    shares = np.array([share for share in map(share_known, texts) if not math.isnan(share)])
    found = bootstrap_mean(shares)
    copied = np.mean([text in set(train["en"]) for text in texts])
    print(f"{name:18} word pairs known {found.estimate:.0%} [{found.low:.0%}, {found.high:.0%}], n = {len(shares)}; verbatim {copied:.0%}")

# %% [markdown]
# The unigram's pairs are almost all new, which is what nonsense looks like. A count near the real messages' would not
# prove sense either. And look at the last figures: some of what seems fluent may be a training message, word for word.
# Large models do that too (Carlini et al. 2021).
#
# ## Hide pieces on both sides
#
# A causal model never sees what follows. To *understand* a text, that is a handicap. **Masked language modelling** (MLM;
# Devlin et al. 2019) gives it up: hide some pieces, show everything else, left and right, and ask for what was hidden.
# $M_i$ are the chosen places of text $i$, and $\tilde w_i$ is the text as the model sees it:
#
# $$L_{MLM}(\theta) = \sum_{i=1}^{N} \sum_{j \in M_i} \log p(w_{ij} \mid \tilde w_i; \theta)$$
#
# How to hide? A model that only ever sees `[MASK]` at the places that count would learn to represent nothing else, and
# no text it is later used on has a `[MASK]`. So each piece is chosen with probability 15 %, and of the chosen ones 80 %
# become `[MASK]`, 10 % become a random piece, and 10 % stay. The model cannot tell which of the pieces it sees are
# right. Five draws on one message:

# %% tags=["nbval-check-output"]
from xlft_helpers.objectives import IGNORED
from xlft_helpers.pretraining import mask_tokens

ids = tokenizer("Open the notebook in a new browser tab.", return_tensors="pt")["input_ids"]
inner = torch.ones_like(ids, dtype=torch.bool)
inner[:, [0, -1]] = False  # [CLS] and [SEP] are never hidden
generator = torch.Generator().manual_seed(3)
options = {"mask_id": tokenizer.mask_token_id, "vocabulary": V, "generator": generator}
for _ in range(5):
    masked = mask_tokens(ids, inner, **options)
    shown = tokenizer.convert_ids_to_tokens(masked.input_ids[0, 1:-1])
    chosen = (masked.labels[0, 1:-1] != IGNORED).tolist()
    print(" ".join(f"({piece})" if flag else piece for piece, flag in zip(shown, chosen)))

# %% [markdown]
# Brackets mark the chosen places, the only ones in the sum. How much is hidden differs from draw to draw: each piece is a
# coin of its own. Over many pieces the counts must be binomial: of $n$ tries with probability $p$ we expect $np$, give or
# take $\sqrt{np(1-p)}$. We try 200,000 pieces. One subtlety: a random piece is the old one again once in $V$ times, and
# then counts as "stayed".

# %% tags=["nbval-check-output"]
many = torch.randint(len(SPECIAL), V, (4000, 50), generator=generator)
masked = mask_tokens(many, torch.ones_like(many, dtype=torch.bool), **options)
chosen = masked.labels != IGNORED
became_mask, same = masked.input_ids == tokenizer.mask_token_id, masked.input_ids == many
found = {
    "chosen": (chosen.sum(), many.numel(), 0.15),
    "chosen, became [MASK]": ((chosen & became_mask).sum(), chosen.sum(), 0.8 + 0.1 / V),
    "chosen, became another piece": ((chosen & ~became_mask & ~same).sum(), chosen.sum(), 0.1 - 0.2 / V),
    "chosen, stayed": ((chosen & same).sum(), chosen.sum(), 0.1 + 0.1 / V),
}
rows = {k: [int(c), float(n * p), math.sqrt(n * p * (1 - p))] for k, (c, n, p) in found.items()}
counted = pd.DataFrame(rows, index=["count", "expected", "give or take"]).T
assert ((counted["count"] - counted["expected"]).abs() < 4 * counted["give or take"]).all(), "not the recipe's shares"
assert bool((same | chosen).all()), "a piece that was not chosen must stay"
counted.round(1)

# %% [markdown]
# Move the rate. At 5 % a text teaches little at a time; at 80 % there is hardly any context left to reason from. 15 % is
# a convention, not a law: Wettig et al. (2023) find 40 % better for large models.

# %%
def hidden(rate):
    """The message with pieces hidden at a rate, as HTML."""
    options["generator"] = torch.Generator().manual_seed(5)
    text = "Whether to show a warning before closing a notebook that has unsaved changes."
    row = tokenizer(text, return_tensors="pt", add_special_tokens=False)["input_ids"]
    masked = mask_tokens(row, torch.ones_like(row, dtype=torch.bool), rate=rate, **options)
    count = int((masked.labels != IGNORED).sum())
    pieces = " ".join(map(html.escape, tokenizer.convert_ids_to_tokens(masked.input_ids[0])))
    return f"<p>{pieces}</p><p>{count} of {row.shape[1]} pieces are predicted.</p>"


explore(
    widgets.FloatSlider(value=0.15, min=0.05, max=0.95, step=0.05, description="mask rate"),
    hidden,
    alt="A message of which 15 % of the pieces are hidden.",
)

# %% [markdown]
# The loss once more against its three independent versions. Label $-100$ means "not predicted" in all of them.

# %%
from xlft_helpers.objectives import masked_objective

masked = mask_tokens(ids, inner, **(options | {"generator": torch.Generator().manual_seed(3)}))
with torch.no_grad():
    out = mlm(input_ids=masked.input_ids, labels=masked.labels)
log_p = out.logits.log_softmax(dim=-1)[0]
places = [j for j, label in enumerate(masked.labels[0].tolist()) if label != IGNORED]
L_mlm = sum(log_p[j, ids[0, j]].item() for j in places)  # no shift: the output at a place is about that place
of_torch = cross_entropy(out.logits[0], masked.labels[0], ignore_index=IGNORED, reduction="sum").item()
assert math.isclose(L_mlm, masked_objective(out.logits, masked.labels), rel_tol=1e-5), "the package differs"
assert math.isclose(L_mlm, -of_torch, rel_tol=1e-5), "torch differs"
assert math.isclose(-L_mlm / len(places), out.loss, rel_tol=1e-5), "transformers' loss differs"
print(f"L_MLM = {L_mlm:.2f} nats for the {len(places)} chosen places, loss {out.loss:.3f}")

# %% [markdown]
# Two differences to CLM: no shift, and only the chosen places count. A pass over the text teaches on 15 % of the pieces
# where CLM teaches on all of them. So we expect MLM to learn more slowly from the same text. Both languages go into one
# model now, each message by itself, nothing says which language it is, and nothing says which messages belong together.

# %%
pairs = train[["en", "fr"]].to_dict("records")
recipe = PretrainRecipe(objectives=("mlm",), steps=300, batch_tokens=1024, learning_rate=8e-3)
trained = pretrain(mlm, tokenizer, pairs, recipe, seed=0)
curves = {f"MLM, {k}": part.set_index("step")["loss"] for k, part in trained.history.groupby("language")}
entropies = {k: -(unigram(tokenizer, train[k]).exp() * unigram(tokenizer, train[k])).sum().item() for k in ("en", "fr")}
plots.show(
    plots.plot_losses(curves, references={"uniform": math.log(V), "unigram (en)": entropies["en"]}),
    alt="Masked training loss over 300 steps for English and French, beside the uniform and the unigram line.",
    caption="One model, two languages. The logged losses jump because few places of a batch are predicted.",
)

# %% [markdown]
# (measured)

# %%
from xlft_helpers.pretraining import evaluate_masked

parts = np.array_split(np.random.default_rng(0).permutation(len(held_out)), 12)
pools = [held_out.iloc[part][["en", "fr"]] for part in parts]


def in_parts(model, tokenizer, pools, pairs=False):
    """`evaluate_masked` on each pool of messages: one row a pool and language."""
    found = [evaluate_masked(model, tokenizer, pool.to_dict("records"), pairs=pairs, max_length=64) for pool in pools]
    return pd.concat(found, keys=range(len(pools)), names=["pool"]).reset_index("pool")


# %% [markdown]
# (cause lab goes here)

# %% [markdown]
# {{navigation}}
