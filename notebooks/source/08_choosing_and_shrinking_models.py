# %% [markdown]
# # Choose a model, and make it smaller and faster
#
# {{badges}}
#
# > **You will** choose a model by its languages, its published and measured scores and its size; count parameters from
# > a configuration; predict the memory of fine-tuning and confirm it; find out where the time of a training step goes;
# > train less of a model; cut its vocabulary; and decide when one machine is not enough.
# >
# > **You need** notebook 04 (pieces, padding), notebook 05 (zero-shot transfer and its gap) and notebook 06 (the
# > paired test). Python, some torch.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Ask three questions first
#
# Before you compare scores, ask three questions. They rule out most models.
#
# 1. **Which languages?** A model that cannot write a language down cannot learn it. Coverage comes before quality.
# 2. **Which data?** With a few hundred labelled texts, most of what the model knows must come from pretraining.
# 3. **Which hardware?** Memory decides whether you can train at all, time decides how often you can try.
#
# The first question can be answered without any training. We take the two models that the course brings along:
# **USE-M** (Yang et al. 2020), a sentence encoder that was trained on pairs of texts in 16 languages, and **`mini`**, a
# small BERT that was pretrained for this course. We look at what their tokenizers make of the test messages: the
# *fertility* (pieces a word, or a character in Chinese), pieces a message, the share of the characters that can be
# written down at all, and the share of unknown pieces. Both models were pretrained on most of the ten languages, and
# only one of the two has read Hindi. What do you expect there?

# %% tags=["nbval-check-output"]
import pandas as pd

from xlft_helpers.data import character_coverage, load_data, select_language, tokenizer_report
from xlft_helpers.models import load_tokenizer

data, views = load_data("tweets"), {}
for name in ("use-m", "mini"):
    tokenizer = load_tokenizer(name)
    report = tokenizer_report(data["test"], tokenizer).set_index("language")
    texts = {k: select_language(data["test"], k)["text"][:] for k in report.index}
    report["characters %"] = [100 * character_coverage(texts[k], tokenizer) for k in report.index]
    report["unknown %"] = 100 * report["unknown"]
    views[name] = report[["fertility", "pieces", "characters %", "unknown %"]]
pd.concat(views, axis=1).round(1)

# %% [markdown]
# Every test message exists in all ten languages, so `pieces` can be compared down a column. (The unknown pieces in
# English are emoji that were too rare for the vocabulary.) Two lessons. In Hindi, USE-M cannot write most characters:
# what its vocabulary lacks is lost before the first layer sees it. And `mini` pays for its small vocabulary (16,000
# pieces against 128,000) with longer inputs: every piece costs memory and time, as we will see.
#
# > **A misconception.** *"The model covers 100 languages, so it is the better choice for my two."* Capacity is shared.
# > With the size fixed, more languages first help the small ones and then cost all of them (Conneau et al. 2020, the
# > curse of multilinguality). Coverage is a condition, not a score.
#
# ## Look at published scores
#
# For the models that everybody asks about there are published numbers. These are accuracies on XNLI, a task with three
# classes (does one sentence follow from another, contradict it, or neither), after fine-tuning on **English only**:
# zero-shot transfer. Source: Conneau et al. 2020, table 1; some of its fifteen languages, and the average over all of
# them. We did *not* measure them, and the table has no intervals.

# %% tags=["nbval-check-output"]
published = pd.DataFrame(
    {
        "mBERT": [82.1, 73.8, 71.1, 69.3, 64.9, 60.0, 50.4, 58.0, 66.3],
        "XLM-R base": [85.8, 79.7, 78.7, 76.7, 73.8, 72.4, 66.5, 68.3, 76.2],
        "XLM-R large": [89.1, 84.1, 83.9, 80.2, 79.8, 76.9, 73.9, 73.8, 80.9],
    },
    index=["en", "fr", "de", "zh", "ar", "hi", "sw", "ur", "average of 15"],
).T
published["gap"] = published["en"] - (15 * published["average of 15"] - published["en"]) / 14
published.round(1)

# %% [markdown]
# Read it by rows: each model is better than the one above it in *every* language, and its gap is smaller as well. Read
# it by columns: the step from mBERT to XLM-R base is small in English and large in Swahili, Hindi and Urdu. A likely
# reason is that mBERT had only small Wikipedias to read in these languages. That is the first question again.
#
# On tweets, which are closer to our data, there is the table of UMSAB (published, Barbieri et al. 2022 and the README
# of their repository; macro-F1, average of eight languages). XLM-T is XLM-R that went on reading, 198 million tweets.
#
# | | per language | merged |
# | --- | --- | --- |
# | fastText | 51.0 | |
# | XLM-R base | 64.8 | 66.8 |
# | XLM-T | 66.8 | 69.4 |
#
# Each of the two changes, *text of your own kind* and merging the languages, was worth about 2 points, and both
# together 4.6. No intervals were published, and one language, Hindi, makes most of what merging gained.
#
# These numbers say what to expect, not what *your* data will give. Measuring means training, and training costs memory
# and time. So we first learn to count both, and then measure (*Measure two models*).
#
# ## Count the parameters
#
# The parameters of a Transformer follow from five sizes in its configuration: the vocabulary $V$, the
# number of positions $S$, the width $H$, the width inside the feed-forward part $I$, and the number of layers $L$. For
# BERT, with tables for pieces, positions and two segments and a layer norm behind them:
#
# $$P = \underbrace{(V + S + 2)\,H + 2H}_{\text{embeddings}} + L \cdot \Big(\underbrace{4(H^2 + H)}_{\text{attention}} +
# \underbrace{HI + I + IH + H}_{\text{feed-forward}} + \underbrace{4H}_{\text{two norms}}\Big)$$
#
# Attention has four square matrices with biases (queries, keys, values, output). First by hand for `mini`, then the
# parameters that torch counts. (`load_model` *freezes* the table of pieces, that is, leaves it out of the training,
# unless told otherwise: the few pieces of a small training set would move away from all others. Here we want the whole
# bill.)

# %% tags=["nbval-check-output"]
from xlft_helpers.data import label_names
from xlft_helpers.models import load_model

names = label_names(data)
model = load_model("mini", "sequence-classification", names, trainable_embeddings=True)
config = model.config
V, S, H = config.vocab_size, config.max_position_embeddings, config.hidden_size
L, inner = config.num_hidden_layers, config.intermediate_size  # the latter is I in the formula
embeddings = (V + S + 2) * H + 2 * H
layer = 4 * (H * H + H) + (H * inner + inner) + (inner * H + H) + 4 * H
head = (H * H + H) + (H * len(names) + len(names))  # BERT's pooler, and one row of weights a label
counted = sum(parameter.numel() for parameter in model.parameters())
assert embeddings + L * layer + head == counted, "the formula and torch disagree"
print(f"mini: {embeddings:,} in the embeddings + {L} layers of {layer:,} + {head:,} in the head = {counted:,}")

# %% [markdown]
# For the real models we need no download: a model can be built from its configuration on torch's `meta` device, where
# tensors have a shape and no content. The sizes below are those of the models' published configurations.

# %% tags=["nbval-check-output"]
import torch
from transformers import AutoModelForSequenceClassification, BertConfig, XLMRobertaConfig

xlmr = {"vocab_size": 250_002, "max_position_embeddings": 514, "type_vocab_size": 1, "num_labels": 3}
large = {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096}
configurations = {
    "mini": config,
    "mBERT": BertConfig(vocab_size=119_547, num_labels=3),
    "XLM-R base": XLMRobertaConfig(**xlmr),
    "XLM-R large": XLMRobertaConfig(**xlmr, **large),
}
with torch.device("meta"):
    built = {k: AutoModelForSequenceClassification.from_config(one) for k, one in configurations.items()}
print({name: f"{sum(p.numel() for p in one.parameters()):,}" for name, one in built.items()})

# %% [markdown]
# Now split the numbers into tables that are looked up and layers that are computed with. Before you run the cell: what
# share of XLM-R base is its dictionary?

# %% tags=["nbval-check-output"]
sizes = {}
for name, one in built.items():
    millions = {"embeddings": 0.0, "layers": 0.0, "head": 0.0}
    for path, parameter in one.named_parameters():
        part = "embeddings" if ".embeddings." in path else "layers" if ".layer." in path else "head"
        millions[part] += parameter.numel() / 1e6
    sizes[name] = millions
sizes = pd.DataFrame(sizes).T
sizes["all"] = sizes.sum(axis=1)
sizes["embeddings %"] = 100 * sizes["embeddings"] / sizes["all"]
sizes.round(1)

# %% [markdown]
# Of XLM-R base more than two thirds are embeddings, mostly rows for pieces of languages that your texts will never
# contain. Its layers are exactly as large as mBERT's.
#
# > **A misconception.** *"Twice the parameters, twice the time."* A table is looked up: one row a piece, no
# > multiplication, however long the table is. XLM-R base has 56 % more parameters than mBERT and nearly the same time a
# > piece.
#
# We can count that, too. A product of matrices takes 2 operations (one multiplication, one addition) for every weight
# and piece, and the attention between $T$ pieces another $4TH$ a layer and piece. So a **forward** pass over $N$ pieces
# takes
#
# $$F = 2N \cdot L\,(4H^2 + 2HI) + 4N \cdot L\,T H$$
#
# floating-point operations (FLOP) in the layers. The **backward** pass needs two products for each of the forward ones,
# one for the gradient of the weights and one for that of the inputs, so about $2F$. torch can count what it really
# does.

# %% tags=["nbval-check-output"]
from torch.utils.flop_counter import FlopCounterMode

B, T = 8, 128
batch = {
    "input_ids": torch.randint(5, V, (B, T), generator=torch.Generator().manual_seed(0)),
    "attention_mask": torch.ones(B, T, dtype=torch.long),
    "labels": torch.zeros(B, dtype=torch.long),
}
model.set_attn_implementation("eager")  # its parts one by one, so that all are counted
with FlopCounterMode(display=False) as forward:
    loss = model(**batch).loss
with FlopCounterMode(display=False) as backward:
    loss.backward()

# %% tags=["nbval-check-output"]
F = 2 * B * T * L * (4 * H * H + 2 * H * inner) + 4 * B * T * L * T * H
print(f"forward: {forward.get_total_flops() / 1e9:.2f} GFLOP counted, {F / 1e9:.2f} by the formula")
print(f"backward / forward: {backward.get_total_flops() / forward.get_total_flops():.2f}")
share = 4 * T * H / (8 * H * H + 4 * H * inner + 4 * T * H)
print(f"share of attention between the pieces: {100 * share:.1f} %")
assert abs(forward.get_total_flops() / F - 1) < 0.01, "the formula should fit within a percent"
assert abs(backward.get_total_flops() / forward.get_total_flops() - 2) < 0.02, "backward takes two products for one"

# %% [markdown]
# The vocabulary $V$ does not occur in the formula. Three things save time: fewer or narrower layers, fewer pieces, and
# a shorter way back. Keep the last one in mind for freezing. (What a head adds is the small rest.)
#
# ## Predict the memory of fine-tuning
#
# With $P$ parameters of which $P_t$ are trained, in float32 (4 bytes a number), training with AdamW holds
#
# $$M = \underbrace{4P}_{\text{weights}} + \underbrace{4P_t}_{\text{gradients}} + \underbrace{8P_t}_{\text{AdamW}} +
# \underbrace{4 \cdot L \cdot B \cdot T \cdot (8H + 2I + aT)}_{\text{activations}}$$
#
# - **Gradients**: one number for each trained parameter.
# - **AdamW** keeps two running averages of every trained parameter's gradient, of its value and of its square.
# - **Activations**: what the layers compute on the way forward and need again on the way back, for a batch of $B$ texts
#   of $T$ pieces. A layer keeps eight vectors of width $H$ a piece (its input, queries, keys, values, what attention
#   returns, two inputs of norms, the input of the feed-forward part), two of width $I$ (before and after its
#   activation function), and the attention weights, $T$ a piece for each of $a$ heads, the sixth size that counts.
#   (Dropout would add its masks. Korthikanti et al. 2022 count the same in half precision, dropout included: a layer
#   keeps $34H + 5aT$ bytes a piece.)
#
# The last claim is the boldest, so we check it first. torch lets us watch what the backward pass will need: every
# tensor that is put aside goes through a *hook*, a function of ours that torch calls for it
# (`saved_tensors_hooks`). We add up the distinct ones, without the weights.


# %%
def kept_for_backward(model, batch):
    """Bytes of everything that the forward pass keeps for the backward pass, without the parameters."""
    own, kept = {p.untyped_storage().data_ptr() for p in model.parameters()}, {}

    def put_aside(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # held, so that its address stays in use
        return tensor.detach()  # with its history, an output would hold itself and never be freed

    with torch.autograd.graph.saved_tensors_hooks(put_aside, lambda tensor: tensor):
        model(**batch)
    return sum(storage.nbytes() for storage in kept.values())


# %% tags=["nbval-check-output"]
heads = config.num_attention_heads
for B, T in ((2, 32), (8, 32), (8, 128)):
    part = {name: values[:B, :T] if values.ndim == 2 else values[:B] for name, values in batch.items()}
    formula = 4 * L * B * T * (8 * H + 2 * inner + heads * T)
    counted = kept_for_backward(model, part)
    print(f"B = {B:2}, T = {T:3}: {counted / 1e6:6.1f} MB kept, {formula / 1e6:6.1f} MB by the formula")
    assert abs(counted / formula - 1) < 0.06, "the formula should fit within a few percent"

# %% [markdown]
# The formula fits within a few percent; the rest is what embeddings and head keep. Activations grow with the batch
# *and* the length; everything else in $M$ depends on neither.
#
# Now part by part, against the memory of the process as the operating system reports it. `mini` is too small to stand
# out, so we take a model of more weight: two layers of XLM-R base's width with 4,000 pieces. We read the memory
# five times: before, with the model, after the forward pass, after the backward pass (the activations are gone, the
# gradients have come), and after the first step of the optimizer.

# %%
import psutil

from xlft_helpers import settings

del model, loss, built


def resident():
    """Megabytes that this process holds, after giving back what is free."""
    settings.release_memory()
    return psutil.Process().memory_info().rss / 1e6


no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
two_layers = BertConfig(vocab_size=4000, num_hidden_layers=2, attn_implementation="eager", **no_dropout)

# %%
B, T = 8, 96
part = {name: values[:B, :T] % 4000 if values.ndim == 2 else values for name, values in batch.items()}
read = {"before": resident()}
two_layers = AutoModelForSequenceClassification.from_config(two_layers).train()
optimizer = torch.optim.AdamW(two_layers.parameters(), lr=1e-4)
read["weights"] = resident()
loss = two_layers(**part).loss
read["activations"] = resident()
loss.backward()
del loss
read["gradients"] = resident()
optimizer.step()
read["AdamW"] = resident()

# %% [markdown]
# What each step added, beside what the formula says. After the backward pass the activations have been given back, so
# that row is the gradients' 4 bytes a parameter minus the activations. So activations enter the sum once with plus and
# once with minus: what remains after the step is $16P$, and the activations are checked in their own row. Expect
# deviations of some megabytes: the process does other things, too.

# %%
P = sum(parameter.numel() for parameter in two_layers.parameters())
kept = 4 * 2 * B * T * (8 * 768 + 2 * 3072 + 12 * T) / 1e6
computed = {"weights": 4 * P / 1e6, "activations": kept, "gradients": 4 * P / 1e6 - kept, "AdamW": 8 * P / 1e6}
steps = pd.DataFrame({"computed MB": computed, "measured MB": pd.Series(read).diff()}).loc[list(computed)]
remains, activations = steps.sum(), steps.loc["activations"]
del two_layers, optimizer
print(f"{P / 1e6:.1f} million parameters. After the step, in MB:", remains.round(0).to_dict())
if settings.device().type == "cpu":
    assert abs(remains["measured MB"] / remains["computed MB"] - 1) < 0.15, "16 bytes a parameter should remain"
    assert abs(activations["measured MB"] / activations["computed MB"] - 1) < 0.3, "the activations should fit"
steps.round(0)

# %% [markdown]
# So the arithmetic can be trusted, and with it one can plan. The package's `estimate_memory` does it for any
# architecture, precision and way of training: it plays a step through with tensors that have no content. We compare
# it with our sum for XLM-R base, everything trained, a batch of 16 texts of 128 pieces, in gigabytes. Two columns come
# from the package: without dropout, as in our formula, and with the dropout of 0.1 that XLM-R's configuration says.

# %% tags=["nbval-check-output"]
from xlft_helpers.finetuning import estimate_memory

B, T, base = 16, 128, configurations["XLM-R base"]


def parts(config, precision="float32", **options):
    """Gigabytes of weights, of gradients and activations at their worst moment, and of the optimizer."""
    one = estimate_memory(config, precision=precision, **options)
    sizes = {"weights": one.weights, "gradients + activations": one.gradients + one.activations}
    return {name: size / 1e9 for name, size in (sizes | {"optimizer": one.optimizer}).items()}


# %% tags=["nbval-check-output"]
step = {"tune": "full", "batch_size": B, "length": T}
kept = 4 * base.num_hidden_layers * B * T * (8 * 768 + 2 * 3072)  # fused attention keeps no weights of its own
P = 1e6 * sizes.loc["XLM-R base", "all"]
by_hand = {"weights": 4 * P / 1e9, "gradients + activations": (4 * P + kept) / 1e9, "optimizer": 8 * P / 1e9}
plain = XLMRobertaConfig(**xlmr, **no_dropout)
table = pd.DataFrame({"by hand": by_hand, "no dropout": parts(plain, **step), "dropout 0.1": parts(base, **step)})
assert ((table["by hand"] - table["no dropout"]).loc[["weights", "optimizer"]].abs() < 0.01).all()
assert table.loc["gradients + activations", "no dropout"] < 0.7 * table.loc["gradients + activations", "by hand"]
table.round(2)

# %% [markdown]
# Weights and optimizer agree. The line between them is smaller, and the package is right: activations *go* on the way
# back while gradients *come*, and the largest gradient, that of the embeddings, comes last, when the activations are
# gone. The two are never there in full at once, so our sum is an upper bound. Dropout costs memory, too: its masks, and
# torch's fused attention on a CPU does not drop out attention weights, so attention is then computed in its parts and
# keeps them. Below we count with dropout, as XLM-R is configured.
#
# More than five gigabytes, then, for a model of 1.1: Binder, with two, is out. What would help? Ways to train the same
# model on the same batch of 16:
#
# - **frozen embeddings**: no gradient and no averages for the largest table;
# - **Adafactor** (Shazeer and Stern 2018) in place of AdamW. For the squares of a matrix's gradient it keeps one number
#   for each row and one for each column, and no average of the gradient itself: $4(r + c)$ bytes for $r \times c$
#   numbers instead of $8rc$;
# - **LoRA** (low-rank adaptation): freeze the model, and train two thin matrices beside some of its matrices (more
#   below);
# - LoRA with **gradient accumulation**: four batches of 4, their gradients added up before one step;
# - LoRA with **gradient checkpointing** (Chen et al. 2016): keep only what passes between the layers, and compute the
#   rest again on the way back. It costs about one more forward pass.
#
# Adafactor's formula first, on one matrix of XLM-R's feed-forward part, against what the optimizer holds after a step.

# %% tags=["nbval-check-output"]
from transformers.optimization import Adafactor

matrix = torch.nn.Parameter(torch.ones(3072, 768))
adafactor = Adafactor([matrix])
matrix.grad = torch.ones_like(matrix)
adafactor.step()
held = sum(value.nbytes for value in adafactor.state[matrix].values() if torch.is_tensor(value) and value.ndim)
assert held == 4 * (3072 + 768), "the formula and the optimizer disagree"
print(f"AdamW: {8 * 3072 * 768:,} bytes; Adafactor: {held:,}")
del matrix, adafactor

# %% [markdown]
# Now the bars. Python and its libraries take memory before any model does, so they get a part of their own: 0.7 GB,
# what `estimate_memory(...).base` says in a fresh process. (This notebook holds more by now.)

# %%
frozen = {"tune": "frozen-embeddings", "batch_size": 16}
ways = {
    "everything": {"tune": "full", "batch_size": 16},
    "frozen embeddings": frozen,
    "frozen, Adafactor": frozen | {"optimizer": "adafactor"},
    "LoRA": {"tune": "lora", "batch_size": 16},
    "LoRA, 4 batches of 4": {"tune": "lora", "batch_size": 4},
    "LoRA, checkpointing": {"tune": "lora", "batch_size": 16, "checkpointing": True},
}
memory = pd.DataFrame({way: parts(base, length=T, **options) for way, options in ways.items()}).T
python = 0.7  # gigabytes, `base` in a fresh process on the machine of the committed outputs
memory.insert(0, "Python, libraries", python)

# %%
from xlft_helpers import plots

plots.set_style()
plots.show(
    plots.plot_memory(memory, budget=2.0, budget_label="all that Binder has"),
    alt="Stacked bars of the memory of fine-tuning XLM-R base in six ways, made of Python, weights, gradients with "
    "activations, and optimizer, with a dashed line at two gigabytes.",
    caption="XLM-R base, 16 texts of 128 pieces a step, float32, by `estimate_memory`.",
)
backward = memory["gradients + activations"]
assert abs(backward["everything"] - backward["frozen embeddings"]) < 0.05
assert memory.sum(axis=1).min() > 2.0 > memory[["weights", "Python, libraries"]].sum(axis=1).max()
assert backward[["LoRA, 4 batches of 4", "LoRA, checkpointing"]].max() < 0.5 * backward["LoRA"]

# %% [markdown]
# Look for the longest part of a bar first. With everything trained it is the optimizer. Freezing the embeddings takes
# most of it away, and Adafactor nearly all of the rest. (With the embeddings *trained* Adafactor would save less: its
# step makes two passing results as large as the largest matrix.) Gradients and activations do not shrink by freezing
# the embeddings, since the gradient of that table comes when the activations have gone. LoRA shortens the part a
# little, and what shortens it much are smaller batches and checkpointing. And the **weights** stay: no way of training
# makes a model of 278 million float32 parameters smaller. Together with Python they take 1.8 of Binder's 2 GB (and
# XLM-R's tokenizer, which the bars leave out, another 0.3), and no bar ends before the line. So for that budget the model itself must shrink, and we come to it (*Cut the vocabulary*). With
# `finetune(..., memory_limit="2GB")` the package chooses accumulation and checkpointing by itself so that a stated
# budget is kept.
#
# > **A misconception.** *"LoRA trains 0.3 % of the parameters, so it takes 0.3 % of the memory."* It takes 0.3 % of the
# > gradients and of the optimizer. Weights and most activations are still there.
#
# ## Do not compute on padding
#
# A batch is a rectangle: shorter texts are filled up with padding, and a Transformer computes on it as on text. The
# share of padding is the share of the work that is wasted. Three habits, on the first 64 English training messages,
# with `mini`'s pieces and batches of 16: pad everything to 128, as old recipes do; pad to the longest of each batch;
# and sort by length first. (The last two round the length up to a multiple of 8. The CPU library compiles and keeps its
# kernels for every shape that it meets, so a few lengths take less memory and time than many.)

# %%
tokenizer = load_tokenizer("mini")
encoded = tokenizer(select_language(data["train"], "en")["text"][:64])["input_ids"]


def padded(rows, **how):
    """Batches of 16 as the model takes them; the labels do not matter here."""
    parts = [rows[i : i + 16] for i in range(0, len(rows), 16)]
    tensors = [tokenizer.pad({"input_ids": part}, return_tensors="pt", **how) for part in parts]
    return [{**one, "labels": torch.zeros(16, dtype=torch.long)} for one in tensors]


# %% tags=["nbval-check-output"]
shapes = {"padded to 128": padded(encoded, padding="max_length", max_length=128)}
eights = {"pad_to_multiple_of": 8}
shapes |= {"to the longest": padded(encoded, **eights), "sorted by length": padded(sorted(encoded, key=len), **eights)}
real = sum(map(len, encoded))
waste = {name: 100 * (1 - real / sum(one["input_ids"].numel() for one in parts)) for name, parts in shapes.items()}
print("share of padding, %:", {name: round(value, 1) for name, value in waste.items()})

# %% [markdown]
# Notebook 13 derives the share and compares buckets with packing. Here we ask what it costs. We also vary the
# **precision**: under `torch.autocast`, matrix products run in **bf16**, a format of 2 bytes with the range of float32
# and two to three decimal digits, while weights, gradients and the optimizer stay in float32 (*mixed precision*,
# Micikevicius et al. 2018). Some CPUs have units for it, others run it more slowly than float32. The course measures at
# start-up and says what it chose.

# %%
import time


def forward_and_backward(one, bf16):
    """One batch through the model and back."""
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        loss = model(**one).loss
    loss.backward()


# %%
def seconds(batches, bf16):
    """CPU seconds, all cores together, of a forward and a backward pass over the batches, after one to warm up."""
    for part in (batches[:1], batches):
        start = time.process_time()
        for one in part:
            forward_and_backward(one, bf16)
    taken = time.process_time() - start
    model.zero_grad()
    settings.release_memory()
    return taken


# %% [markdown]
# We take CPU time, not time on the clock, because other programs on the machine disturb it less. Each number is one
# run, and a repeat differs a little, so look at large differences only. What do you expect between the first row and
# the last?

# %%
model = load_model("mini", "sequence-classification", names).train()
measured = {name: [seconds(parts, bf16) for bf16 in (False, True)] for name, parts in shapes.items()}
costs = pd.DataFrame(measured, index=["float32 s", "bf16 s"]).T
costs.insert(0, "padding %", pd.Series(waste))
assert costs.loc["padded to 128", "float32 s"] > 1.5 * costs.loc["sorted by length", "float32 s"]
print("The course computes in", "bf16" if settings.precision().bf16 else "float32", "on this machine.")
costs.round(2)

# %% [markdown]
# Compare the first row with the last: the difference is work on nothing. Where bf16 is faster, the two savings
# multiply.
#
# > **A misconception.** *"bf16 halves the memory."* Under autocast the trained weights, their gradients and averages
# > stay float32; what shrinks is a part of the activations. And copies of the weights in bf16 are made for the
# > products. Frozen matrices are another matter: nothing changes them, so they can be *kept* in bf16, and `finetune`
# > does so where they are most of the model, as with LoRA on a trimmed one (*Cut the vocabulary*).
#
# The same estimate as above says how much is left of the halving, for XLM-R base and 16 texts of 128 pieces:

# %% tags=["nbval-check-output"]
for way in ("everything", "LoRA"):
    half, full = parts(base, "bfloat16", length=T, **ways[way]), memory.loc[way].drop("Python, libraries")
    print(f"{way:10} {full.sum():.2f} GB in float32, {sum(half.values()):.2f} in bf16")
    assert sum(half.values()) > 0.75 * full.sum(), "far from a half"

# %% [markdown]
# Does the lower precision cost points? We train USE-M twice for one pass over the English messages: same seed, same
# batches, once in each precision. The loop below is what a Trainer does when you take everything else away.

# %%
from transformers import set_seed

english, use_m_pieces = select_language(data["train"], "en"), load_tokenizer("use-m")
order = torch.randperm(len(english), generator=torch.Generator().manual_seed(0)).tolist()
batches = []
for i in range(0, len(order), 32):
    rows = english.select(order[i : i + 32])
    tensors = use_m_pieces(rows["text"][:], padding=True, pad_to_multiple_of=8, return_tensors="pt")
    batches.append({**tensors, "labels": torch.tensor(rows["label"][:])})


# %%
def train(bf16):
    """USE-M after one pass over the batches, and the loss at each step."""
    set_seed(0)
    model, losses = load_model("use-m", "sequence-classification", names).train(), []
    rate = 4e-4  # that of USE-M's recipe
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=rate)
    for batch in batches:
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return model.eval(), losses


# %% [markdown]
# We expect the two losses to walk side by side, and the answers on the test messages to differ in a few cases at most.
# One seed says nothing about the recipe; here it is the *same* run twice, and the question is what rounding does to it.

# %%
from xlft_helpers.evaluation import paired_test, score
from xlft_helpers.inference import predict

test_rows, losses, answers = select_language(data["test"], "en"), {}, {}
for name in ("float32", "bf16"):
    trained, losses[name] = train(name == "bf16")
    answers[name] = predict(trained, use_m_pieces, test_rows).argmax(axis=1)
apart = max(abs(a - b) for a, b in zip(losses["float32"], losses["bf16"], strict=True))
print(f"largest difference of the two losses in {len(batches)} steps: {apart:.3f} nats")
f1 = {name: round(100 * score(test_rows["label"][:], answer, 3).macro_f1, 1) for name, answer in answers.items()}
changed = (answers["float32"] != answers["bf16"]).sum()
print(f"macro-F1 on English: {f1}; other answers: {changed} of {len(test_rows)}")
assert changed < 15, "rounding should move a few answers at most"
test = paired_test(test_rows["label"][:], answers["bf16"], answers["float32"], 3)
print(f"bf16 minus float32: {100 * test.difference:+.1f} [{100 * test.low:+.1f}, {100 * test.high:+.1f}]")

# %% [markdown]
# Rounding can move answers that lie near the border between two labels. The number of *other answers* says how many
# that were: none on the machine that made the committed outputs, and then the difference and its interval are 0 by
# necessity. Where a few have changed and the interval includes 0, rounding cannot be told from no rounding on these
# messages.
#
# ## Read a profiler
#
# We know what a step *should* cost. A **profiler** says what it does cost: it records every operation, how often it ran
# and how long. Start with what must be true on any machine. A layer of BERT has six linear maps (four in attention, two
# in the feed-forward part), two norms and one GELU, its activation function. With pooler, head and the norm of the embeddings, how many of each
# do you expect in a forward pass of `mini`?

# %% tags=["nbval-check-output"]
from torch.profiler import ProfilerActivity, profile

with profile(activities=[ProfilerActivity.CPU]) as record, torch.no_grad():
    model(**shapes["sorted by length"][0])
calls = {event.key: event.count for event in record.key_averages()}
for operation, expected in {"aten::addmm": 6 * L + 2, "aten::layer_norm": 2 * L + 1, "aten::gelu": L}.items():
    print(f"{operation:18} {calls[operation]:3} calls, expected {expected}")
    assert calls[operation] == expected, operation

# %% [markdown]
# Now a training step, forward and backward, with attention in two variants: `sdpa`, torch's fused attention (one
# operation), and `eager`, its parts one by one. Both compute the same. The fused one keeps less in memory, and
# everybody expects it to be faster. The table shows the milliseconds of the most expensive operations in one
# step in bf16, after a first one to warm up.


# %%
def profiled(attention):
    """Milliseconds by operation of one training step in bf16."""
    model.set_attn_implementation(attention)
    one = shapes["to the longest"][0]
    forward_and_backward(one, bf16=True)
    with profile(activities=[ProfilerActivity.CPU]) as record:
        forward_and_backward(one, bf16=True)
    return pd.Series({event.key: event.self_cpu_time_total / 1000 for event in record.key_averages()})


times = pd.DataFrame({attention: profiled(attention) for attention in ("sdpa", "eager")}).fillna(0.0)
most = times.max(axis=1).nlargest(7).index.union(["aten::_softmax"], sort=False)
pd.concat([times.reindex(most, fill_value=0.0), times.sum().rename("all operations").to_frame().T]).round(1)

# %% [markdown]
# How to read it: `aten::mm` are the products of the backward pass, `aten::addmm` the linear layers of the forward pass.
# They are what we counted above, and should be on top. `aten::bmm` and `aten::_softmax` are the attention's parts,
# `aten::copy_` moves and converts numbers (into bf16 and back), and names with `flash_attention` are the fused
# attention. By the formula, attention between the pieces is a few percent of the work at this length. Is it a few
# percent of the *time* in both columns (compare with the last row)? If one operation takes far more than its share of
# the work, you have found something. Then change one thing and measure again.

# %%
# Like the times above, one run each.
measured = {}
for attention in ("sdpa", "eager"):
    model.set_attn_implementation(attention)
    measured[attention] = [seconds(shapes["sorted by length"], bf16) for bf16 in (False, True)]
attention_costs = pd.DataFrame(measured, index=["float32 s", "bf16 s"]).T
chosen = load_model("mini", "embedding").config._attn_implementation
print(f"load_model chose {chosen} here.")
attention_costs.round(2)

# %% [markdown]
# On the machine that made the committed outputs, a server CPU with bf16 units, the backward pass of the fused attention
# took about as long in bf16 as all other products of the backward pass together, for a few percent of their work. In
# float32 the two variants took about the same time (the first column of the last table). Nobody would have guessed it;
# the profile showed it in a minute. So where the course computes in bf16 on a CPU, `load_model` takes attention in its
# parts. For GPUs fused attention was made to be faster (FlashAttention, Dao et al. 2022). Do not believe a rule about
# speed, this one included: measure on your machine.
#
# ## Measure two models
#
# What can we measure here? USE-M and `mini`, on five languages: fine-tuned on English, three seeds each, applied to the
# others. The recipe of `compare` is the one of notebook 05. We expect both well above the constant answer, and we do
# not know which of the two is ahead: USE-M has seen far more text, `mini` is a Transformer. Six trainings.

# %%
from xlft_helpers.comparison import compare
from xlft_helpers.finetuning import default_recipe

languages = ["en", "fr", "de", "zh", "ar"]


def transfer(model_name, tune=None):
    """Fine-tune on English with three seeds and test in five languages: plain zero-shot transfer."""
    recipe = default_recipe(model_name, tune)
    found = compare(data, model_name, ["zero-shot"], languages=languages, seeds=3, centre=False, recipe=recipe)
    settings.release_memory()
    return found


# %%
found = {"use-m": transfer("use-m"), "mini": transfer("mini")}

# %% [markdown]
# One line a model: macro-F1 in points with 95 % intervals over the 150 test messages a language and the seeds. The
# baselines are the constant answer and TF-IDF, trained on each language's own messages. (A gap is rounded by itself, so
# it may differ by 0.1 from the difference of two rounded scores.)


# %%
def points(interval):
    """An interval in points, as text."""
    return f"{100 * interval.estimate:5.1f} [{100 * interval.low:.1f}, {100 * interval.high:.1f}]"


rows = {name: found["use-m"].table().loc[name, ["en", "mean of targets"]] for name in ("majority", "tf-idf")}
rows |= {name: one.table().loc["zero-shot", ["en", "mean of targets"]] for name, one in found.items()}
models = pd.DataFrame(rows).T
models["gap"] = ["–", "–", *(points(one.transfer_gap()) for one in found.values())]
for name, one in found.items():
    assert one.mean_of_targets("zero-shot").low > one.mean_of_targets("majority").high, f"{name} should transfer"
models

# %% [markdown]
# The intervals of two models may overlap and the models differ all the same, so we ask the paired test (notebook 06),
# on the same messages, language by language.

# %%
behind = []
for k in languages:
    first, second = (found[name].answers("zero-shot", k) for name in ("mini", "use-m"))
    test = paired_test(found["mini"].labels[k], first, second, 3)
    low, high = 100 * test.low, 100 * test.high
    verdict = "distinguishable" if test.distinguishable else "cannot tell"
    print(f"{k}: mini minus use-m {100 * test.difference:+5.1f} [{low:+.1f}, {high:+.1f}]: {verdict}")
    behind.append(test.difference < -0.03 and test.distinguishable)
assert sum(behind) >= 3, "USE-M should be ahead"

# %% [markdown]
# In most of the five languages, if not all, USE-M is distinguishably ahead of `mini`, so for sentiment in these
# languages the choice between the two is made. (Not *why*: they differ in pretraining text, size and architecture at
# once.) Do not lean on a single verdict whose interval ends close to 0: of five tests at the 5 % level, at least one
# calls a difference where there is none in up to 23 % of all such lists ($1 - 0.95^5$, if they were independent). And
# look once more at TF-IDF in the table above. It had labelled messages of *every* language, which zero-shot transfer
# does without. But if you have them, and the simple method is ahead of a small encoder, the encoder has to earn its
# keep.
#
# `mini` stays with us for another reason: it is a Transformer like mBERT and XLM-R, and small enough to take apart. The
# next sections make its training cheaper and the model smaller, and look at what that does to the scores.
#
# ## Train less: freezing and LoRA
#
# Wu and Dredze (2019) froze the lower layers of mBERT and fine-tuned the rest; in several of their tasks, freezing a
# few of the lowest layers even *helped* the transfer. The idea: the lower layers hold what the languages share, and
# English examples should not overwrite it. **LoRA** (Hu et al. 2022) goes further. It leaves every matrix $W$ as it is,
# and learns beside it a product of two thin ones, with rank $r$ and a fixed factor $\alpha$:
#
# $$h = W x + \frac{\alpha}{r} B A x \qquad W \in \mathbb{R}^{m \times n},\; B \in \mathbb{R}^{m \times r},\;
# A \in \mathbb{R}^{r \times n}$$
#
# ($A$ and $B$ are matrices here, as in the paper; $B$ has nothing to do with the batch above.) So a matrix costs $r(m +
# n)$ trained numbers instead of $mn$. $B$ starts at zero, so training starts from the unchanged model. After training,
# $\frac{\alpha}{r} BA$ is added to $W$, and the model is as fast as before. By hand, and here with random numbers in
# $B$ (`init_lora_weights=False`), since a product with zeros would check nothing; against `peft`, which does it for the
# package:

# %% tags=["nbval-check-output"]
from peft import LoraConfig, LoraModel

torch.manual_seed(0)
plain, x = torch.nn.Linear(20, 10), torch.randn(4, 20)
settings_of_lora = LoraConfig(r=3, lora_alpha=6, target_modules=["0"], init_lora_weights=False)
tuned = LoraModel(torch.nn.Sequential(plain), settings_of_lora, "task")
A_, B_ = tuned.model[0].lora_A["task"].weight, tuned.model[0].lora_B["task"].weight
expected = x @ plain.weight.T + plain.bias + 6 / 3 * (x @ A_.T) @ B_.T
assert torch.allclose(tuned(x), expected, atol=1e-6), "peft computes something else"
trained_numbers = sum(p.numel() for p in tuned.parameters() if p.requires_grad)
merged = tuned.merge_and_unload()
assert torch.allclose(merged(x), expected, atol=1e-6), "merging should change nothing"
print(f"{trained_numbers} trained numbers = 3 * (10 + 20); the matrix itself has {10 * 20}")

# %% [markdown]
# `finetune(..., tune=...)` offers these choices by name. We compare four on `mini`, with three seeds each: all layers
# (the default, `frozen-embeddings`, which we have already), the two upper layers (`freeze-2`), LoRA on queries and
# values (`lora`), and the head alone (`head`). Where few numbers are trained each must move farther, so the recipes of
# `lora` and `head` have larger learning rates, chosen on dev sets. We expect less memory for less training, and a price
# in points for the head alone: it must read everything off states that were made for something else. Nine trainings.

# %%
sweep = {"frozen-embeddings": found["mini"]}
for tune in ("freeze-2", "lora"):
    sweep[tune] = transfer("mini", tune)

# %%
sweep["head"] = transfer("mini", "head")

# %% [markdown]
# To compare the costs fairly, we let each choice do the same four batches once more and take CPU seconds, and let
# `estimate_memory` say what a batch of 32 messages of 48 pieces takes in float32.

# %%
from xlft_helpers.finetuning.tuning import apply_tuning

rows = {}
for tune, one in sweep.items():
    cost = estimate_memory("mini", tune=tune, batch_size=32, length=48, precision="float32")
    model = load_model("mini", "sequence-classification", names).train()
    apply_tuning(model, default_recipe("mini", tune))
    taken = round(seconds(shapes["sorted by length"], settings.precision().bf16), 2)
    megabytes = (cost.weights + cost.gradients + cost.optimizer + cost.activations) / 1e6
    scores = [one.table().loc["zero-shot", "en"], points(one.mean_of_targets("zero-shot")), points(one.transfer_gap())]
    rows[tune] = [f"{cost.gradients // 4:,}", round(megabytes), taken, *scores]
assert rows["lora"][1] > rows["freeze-2"][1], "LoRA keeps the activations of all layers"
pd.DataFrame(rows, index=["trained", "MB", "seconds", "English", "mean of targets", "gap"]).T

# %% [markdown]
# Compare the columns. The trained numbers fall by a factor of about fifty from the first row to the last, the memory by
# far less, and the time by less still: the forward pass is always there. Now compare `freeze-2` with `lora`. LoRA
# trains 17 times fewer numbers and takes *more* memory, and more time as a rule: it sits in all four layers, so the way
# back goes down to the lowest one, and the activations of all must be kept for it. Only freezing from below makes the
# way back shorter.
#
# The scores with their intervals (150 test messages a language, three seeds):

# %%
short, estimates = {tune: tune for tune in sweep} | {"frozen-embeddings": "all layers"}, []
for tune, one in sweep.items():
    english = one.summary.query("method == 'zero-shot' and test_language == 'en'").iloc[0]
    targets = one.mean_of_targets("zero-shot")
    values = {"English": (english["macro_f1_mean"], english["ci_low"], english["ci_high"])}
    values["mean of four targets"] = (targets.estimate, targets.low, targets.high)
    for kind, numbers in values.items():
        estimate, low, high = (100 * number for number in numbers)
        row = {"panel": "mini, trained on English", "place": short[tune], "kind": kind}
        estimates.append({**row, "estimate": estimate, "low": low, "high": high})

# %%
plots.show(
    plots.plot_estimates(
        pd.DataFrame(estimates), y_label="macro-F1 (points)", reference=16.7, reference_label="constant answer"
    ),
    alt="Macro-F1 of mini in English and on the mean of four target languages for four ways of tuning, with intervals, and "
    "a dashed line at the constant answer.",
    caption="What is trained, against the score. Bars: 95 % intervals over messages and three seeds.",
)

# %% [markdown]
# Wide intervals, since 150 messages and three seeds are what we have. The paired test uses them better: each choice
# against all layers, on the same messages, in every language.

# %%
rows = {}
for tune in ("freeze-2", "lora", "head"):
    rows[tune], helped = {}, 0
    for k in languages:
        first, second = (sweep[name].answers("zero-shot", k) for name in (tune, "frozen-embeddings"))
        test = paired_test(sweep[tune].labels[k], first, second, 3)
        mark, (low, high) = "*" if test.distinguishable else "", (100 * test.low, 100 * test.high)
        rows[tune][k] = f"{100 * test.difference:+.1f} [{low:+.1f}, {high:+.1f}]{mark}"
        helped += test.low > 0
    print(f"{tune:8} distinguishably ahead of all layers in {helped} of {len(languages)} languages")
assert found["mini"].mean_of_targets("zero-shot").estimate > sweep["head"].mean_of_targets("majority").high
pd.DataFrame(rows)

# %% [markdown]
# (Each choice minus all layers, points of macro-F1; a star marks what is distinguishable.) Fifteen tests at the 5 %
# level: expect about one star by chance alone. No star means *cannot tell*, not *equal*: the intervals say how large a
# difference may have been missed.
#
# Did freezing the lower layers help, as in the paper? The printed lines count the languages where it can be told. Where
# they say 0, there is no sign of it here. That does not contradict the paper: half of four layers is another thing than
# a few of twelve. Then compare `lora` with `head`. `lora` trains one and a half times as many numbers as `head`, and
# all layers 33 times as many as `lora`. If `lora` is near all layers and `head` is not, the count cannot be the reason
# alone: it matters *where* the trained numbers sit. (The learning rates differ, too.) And look back at the gaps: where
# a gap is the smallest and both scores are the lowest, nothing was gained (notebook 05).
#
# So choose by memory first, and if two ways fit, compare them on your own dev set with three seeds. How far one gets
# with more attempts than fit in a lesson shows `benchmarks/recipes.md` in the repository: some forty recipes for
# real tweets, frozen encoders and sums of several models among them, each with its dev score and what it taught.
#
# **Adapters** (Houlsby et al. 2019) are the third family: small layers put in between. MAD-X (Pfeiffer et al. 2020)
# stacks an adapter of the *task*, trained on English, on an adapter of the *language*, trained on unlabelled text. To
# change the language, swap the lower one. Published gains are largest for languages that the encoder hardly knows. The
# package does it with LoRA in both places (`train_language_adapter`, `swap_language`). For `mini` and five languages that it
# has read it did harm: see `benchmarks/language_adapters.md`.
#
# ## Cut the vocabulary
#
# About half of a multilingual model or more is its table of pieces, and most of these you will not meet. Abdaoui et al.
# (2020) keep the pieces that the wanted languages need and drop the other rows. Published: up to 45 % fewer parameters
# of mBERT at a comparable XNLI accuracy. On text made of kept pieces nothing changes, not even in the last bit: the
# same rows are looked up, under new numbers.
#
# We cut `mini` and USE-M to English and French, the pieces that their training messages contain.

# %% tags=["nbval-check-output"]
from xlft_helpers.models.trimming import trim_vocabulary

pair = select_language(data["train"], "en", "fr")["text"][:]
pieces = {"mini": tokenizer, "use-m": use_m_pieces}
whole = {k: load_model(k, "sequence-classification", names) for k in pieces}
small = {k: trim_vocabulary(whole[k], pieces[k], pair) for k in pieces}
rows = {}
for k, one in small.items():
    r = one.report
    saved = 100 * (1 - r.megabytes_after / r.megabytes_before)
    rows[k] = [r.pieces_before, r.pieces_after, r.megabytes_before, r.megabytes_after, saved]
columns = ["pieces", "pieces kept", "MB", "MB after", "saved %"]
pd.DataFrame(rows, index=columns).T.round(1)

# %% [markdown]
# Is it still the same model? On the messages whose pieces were kept, the logits must be *equal*, not close. We compare
# them on twelve training messages, numbers in and numbers out.

# %% tags=["nbval-check-output"]
sample = [*pair[:6], *pair[-6:]]
for k, one in small.items():
    with torch.inference_mode():
        before = whole[k](**pieces[k](sample, padding=True, return_tensors="pt")).logits
        after = one.model(**one.tokenizer(sample, padding=True, return_tensors="pt")).logits
    assert torch.equal(before, after), f"{k}: trimming changed an answer on kept pieces"
    print(f"{k}: {len(sample)} messages, largest difference of the logits {float((before - after).abs().max())}")

# %% [markdown]
# What about new text? English and French test messages contain words that the training messages did not, and Russian
# was not asked for at all. `coverage` counts the pieces that are lost. More *unlabelled* text is the remedy, and it is
# cheap: here we add the interface sentences of JupyterLab in both languages (`load_parallel`).

# %% tags=["nbval-check-output"]
import warnings

from xlft_helpers.data import load_parallel
from xlft_helpers.models.trimming import coverage

interface = load_parallel(["fr"])
more = [*pair, *interface["en"], *interface["fr"]]
small["use-m, more text"] = trim_vocabulary(whole["use-m"], pieces["use-m"], more)
rows = {}
for name, kept in (("tweets", small["use-m"]), ("tweets and interface", small["use-m, more text"])):
    with warnings.catch_warnings(action="ignore"):  # `coverage` warns of what the table shows
        seen = {k: coverage(use_m_pieces, kept.tokenizer, texts[k]) for k in ("en", "fr", "ru")}
    rows[name] = [kept.report.pieces_after, *(100 * one.pieces_lost / one.pieces for one in seen.values())]
pd.DataFrame(rows, index=["pieces kept", "en lost %", "fr lost %", "ru lost %"]).T.round(1)

# %% [markdown]
# A lost piece is not a lost word: the tokenizer falls back to shorter pieces that were kept, and only where there are
# none does it write the unknown piece. What does that do to the answers? We take the USE-M that was trained above, cut
# it in both ways, and compare it with itself on the test messages: macro-F1, how many of 150 answers changed, and the
# paired test of the cut model against the whole one.

# %%
tests = {k: select_language(data["test"], k) for k in ("en", "fr", "ru")}
uncut = {k: predict(trained, use_m_pieces, rows).argmax(axis=1) for k, rows in tests.items()}
del whole, small  # they have served
compared = {(k, "not cut"): [100 * score(tests[k]["label"][:], uncut[k], 3).macro_f1, 0, "–"] for k in tests}
for name, kept in {"tweets": pair, "tweets and interface": more}.items():
    cut = trim_vocabulary(trained, use_m_pieces, kept)
    for k, rows in tests.items():
        after = predict(cut.model, cut.tokenizer, rows).argmax(axis=1)
        test = paired_test(rows["label"][:], after, uncut[k], 3)
        change = f"{100 * test.difference:+.1f} [{100 * test.low:+.1f}, {100 * test.high:+.1f}]"
        f1 = 100 * score(rows["label"][:], after, 3).macro_f1
        compared[k, name] = [f1, (after != uncut[k]).sum(), change + ("*" if test.distinguishable else "")]
    assert test.difference < -0.15 and test.distinguishable, "Russian, the last, should fall apart"

# %%
columns = ["macro-F1", "answers changed", "minus whole"]
by_cut = pd.DataFrame(compared, index=columns).T.sort_index(level=0, sort_remaining=False)
by_cut["macro-F1"] = by_cut["macro-F1"].astype(float).round(1)
assert by_cut.loc["fr", "macro-F1"].diff()["tweets"] < -5 and by_cut.loc["fr", "macro-F1"].diff().iloc[-1] > 2
by_cut.rename_axis(["language", "cut to"])

# %% [markdown]
# (One training; the question is what the cut changes, not how good the recipe is. A star: distinguishable.) Russian
# falls apart, as it must: the cut model cannot read it any more. That has to be written on the box: *this model reads
# English and French*. The main result is in the French rows. French was to be *kept*, and the model that was cut to the
# training tweets has lost many points on new French messages, and more than in English. A few hundred short messages
# are far too little to say what a language needs: the table before showed more lost pieces in French than in English.
# Compare with the row *tweets and interface*: more text brings back a part of it, though interface sentences hold few
# of the words of tweets. In earnest, decide with as much unlabelled text of your own kind as you can get (it costs a
# minute), look at `coverage` on text that took no part, and compare the scores before and after.
#
# What would it save on a large model? Suppose that 40,000 of XLM-R base's pieces remain. The formula answers at once:

# %% tags=["nbval-check-output"]
P, H = 1e6 * sizes.loc["XLM-R base", "all"], 768
cut = P - (250_002 - 40_000) * H
print(f"parameters: {P / 1e6:.0f} M -> {cut / 1e6:.0f} M, weights {4 * P / 1e9:.2f} -> {4 * cut / 1e9:.2f} GB")
print(f"everything trained, without activations: {16 * P / 1e9:.2f} -> {16 * cut / 1e9:.2f} GB")
print("operations a piece: unchanged")

# %% [markdown]
# Memory falls by more than half, and a forward pass has as many products a piece as before. (Where the table is
# *trained*, a step of AdamW goes over all its rows, used or not, so there a cut saves time as well. And words that are
# written with more, shorter pieces make texts longer.) `benchmarks/trimming.py` measures memory on a model of XLM-R's
# real configuration.
#
# ## Know when one machine is not enough
#
# First ask whether you need it. A comparison of three methods on eight languages with three seeds is a list of
# **independent trainings**; a second machine halves the time of the list, and no training has to be split. How many
# trainings are that? Zero-shot trains on the source language, per-language on each language (the source's model is
# there already), merged on all together:

# %% tags=["nbval-check-output"]
eight = ["ar", "de", "en", "es", "fr", "hi", "it", "pt"]
jobs = [(seed, trained_on) for seed in range(3) for trained_on in [*eight, "+".join(eight)]]
print(f"{len(jobs)} trainings; the first and the last: {jobs[0]}, {jobs[-1]}")
for machines in (1, 2, 9, 27):
    print(f"{machines:2} machines: {-(-len(jobs) // machines):2} trainings one after another")

# %% [markdown]
# On the command line that is a **plan**: a file that lists the jobs, which any queue can work off, in any order, and
# a lost job is run again. (Commands for a cluster are in the README, *From Binder to laptop to GPU to cluster*.)
#
# Where *one* training is too slow, it can be spread: **data parallel**. Every one of $K$ processes holds the whole
# model and works on its share of the batch; then all average their gradients (*all-reduce*) and make the same step.
# Each process sends and receives about $2\frac{K-1}{K} \cdot 4P_t$ bytes (in a ring, Patarasuk and Yuan 2009). With $s$
# the seconds of a step on one process and $w$ the bytes a second between them, and nothing done at the same time:
#
# $$t(K) = \frac{s}{K} + 2\,\frac{K-1}{K} \cdot \frac{4 P_t}{w} \qquad \text{speed-up} = \frac{t(1)}{t(K)}$$
#
# What speed-up do you expect of eight machines, for XLM-R base, if a step takes 0.3 s on one GPU (an assumption) and
# the network has 10 Gbit/s? And with LoRA at rank 8, which trains 294,912 numbers and the head's 592,899? (We take the
# same 0.3 s for both, in LoRA's disfavour: its way back is a little shorter.)

# %% tags=["nbval-check-output"]
K = pd.Index([1, 2, 4, 8, 16], name="processes")


def speed_up(trained_numbers, gigabits, s=0.3):
    """t(1) / t(K) by the formula; s in seconds."""
    t = s / K + 2 * (K - 1) / K * 4 * trained_numbers / (gigabits * 1e9 / 8)
    return pd.DataFrame({"value": s / t}, index=K)


lines = {
    "all, 10 Gbit/s": speed_up(P, 10),
    "all, 100 Gbit/s": speed_up(P, 100),
    "LoRA, 10 Gbit/s": speed_up(294_912 + 592_899, 10),
}
pd.DataFrame({name: line["value"] for name, line in lines.items()}).round(1)

# %%
plots.show(
    plots.plot_lines(lines, x_label="processes", y_label="speed-up", reference=1.0, reference_label="one process"),
    alt="Speed-up of data-parallel training against the number of processes for three combinations of trained "
    "parameters and network, by the formula.",
    caption="Computed, not measured: XLM-R base, all parameters or LoRA, 0.3 s a step on one process.",
)

# %% [markdown]
# A line below the dotted one means that a second machine makes it *slower*: the gradients take longer to travel than
# the step to compute. Three ways out, and you know them all: train fewer numbers (LoRA), make fewer exchanges
# (accumulation: one exchange for several batches), or do not split a training at all (the plan). Real systems send
# gradients while the next ones are still being computed, so they do better than the formula.
#
# > **A misconception.** *"On two processes the same command gives the same run, faster."* With the batch size *a
# > process* unchanged, the batch has doubled and the number of steps halved: another recipe. Divide the batch size by
# > the number of processes (`xlft compare` does), or say that you changed it.
#
# ## Put it together
#
# The widget plays a step through for the model, the way of training, the batch and the length that you choose, and
# draws its memory, Python and its libraries included, beside a budget of 2 GB. It starts with everything trained. Find
# a setting for XLM-R base that fits. Is there one for XLM-R large?

# %%
from copy import deepcopy
from functools import cache


@cache
def bars(model_name, tune, batch_size, length):
    """The memory of one setting, with the whole vocabulary and with 40,000 pieces at most."""
    rows, whole_vocabulary = {}, configurations[model_name].vocab_size
    for pieces_kept in (whole_vocabulary, min(40_000, whole_vocabulary)):
        one = deepcopy(configurations[model_name])
        one.vocab_size = pieces_kept
        of_model = parts(one, batch_size=batch_size, length=length, tune=tune)
        rows[f"{pieces_kept:,} pieces"] = {"Python, libraries": python} | of_model
    return pd.DataFrame(rows).T


# %%
import ipywidgets as widgets

from xlft_helpers.teaching import explore

controls = [
    widgets.Dropdown(options=list(configurations), value="XLM-R base", description="Model"),
    widgets.Dropdown(options=["full", "frozen-embeddings", "lora", "head"], value="full", description="Tune"),
    widgets.Dropdown(options=[1, 4, 8, 16, 32], value=8, description="Batch"),
    widgets.Dropdown(options=[32, 64, 128], value=64, description="Length"),
]
explore(
    controls,
    lambda *chosen: plots.plot_memory(bars(*chosen), budget=2.0, budget_label="2 GB"),
    alt="Stacked bars of the memory of the chosen setting, with all and with 40,000 pieces, beside 2 GB.",
)

# %% [markdown]
# When you have tried, compare with four settings worked out (gigabytes in all):

# %%
tried = [("XLM-R base", "frozen-embeddings", 8, 64), ("XLM-R base", "lora", 8, 64)]
tried += [("XLM-R base", "lora", 1, 32), ("XLM-R large", "lora", 1, 32)]
totals = pd.DataFrame([bars(*one).sum(axis=1).to_list() for one in tried], index=map(str, tried))
totals.columns = ["all pieces", "40,000 pieces"]
assert (totals < 2).to_numpy().tolist() == [[False, False], [False, True], [True, True], [False, False]]
totals.round(2)

# %% [markdown]
# All of this is in float32. With 40,000 pieces and LoRA, XLM-R base fits with room to spare. With its whole vocabulary
# only the head, or LoRA with small batches of short texts, stays below the line, and hardly in earnest: its tokenizer,
# which is not in the sum, takes another 0.3 GB (`benchmarks/trimming.md`). XLM-R large does not fit even with 40,000
# pieces and a single short text: its weights take 1.4 GB then, and Python another 0.7. Where the course computes in
# bf16, `finetune` holds LoRA's frozen matrices in two bytes a number, and that changes the sum; try
# `parts(..., precision="bfloat16")`. Leave a margin besides: in `benchmarks/memory.py`, measured peaks were up to 6 %
# above the estimate.
#
# The order in which to try, by what this notebook measured or computed:
#
# | if | then | because |
# | --- | --- | --- |
# | the tokenizer cannot write your language | another model, or another tokenizer | nothing later brings lost characters back |
# | time is short | sort by length, bf16 where it gains, and profile once | the work on padding is for nothing |
# | memory is short, weights fit | look which part is longest. Activations: smaller batches with accumulation, checkpointing | they grow with the batch |
# | | Gradients and optimizer: freeze, LoRA | what is not trained has neither |
# | | Optimizer: `replace(default_recipe(model_name), optimizer="adafactor")` | a number a row and column, not two a parameter |
# | the weights do not fit | cut the vocabulary, or take a smaller model | no way of training makes float32 weights smaller |
# | many trainings | a plan of independent jobs | no exchange of gradients |
# | one training too slow | data parallel, with few trained numbers or a fast network | gradients have to travel |
#
# Whatever you choose: compare on *your* languages, with three seeds and a paired test. Notebook 14, which closes the
# course, turns such questions into a recommendation for your own case.
#
# ## Exercise 1: parameters from a configuration
#
# Write the formula of *Count the parameters* as a function: embeddings (pieces, positions, two segments and their norm)
# and layers, without pooler and head.
#
# *Hint:* every linear map of $n$ inputs and $m$ outputs has $nm$ weights and $m$ biases; a norm over $H$ has $2H$
# numbers.

# %%
from xlft_helpers.teaching import check


def my_parameters(vocabulary, positions, hidden, intermediate, layers):
    """Return the number of parameters of a BERT without pooler and head."""
    # --- stub
    return ...
    # --- solution
    tables = (vocabulary + positions + 2) * hidden + 2 * hidden
    attention = 4 * (hidden * hidden + hidden)
    feed_forward = hidden * intermediate + intermediate + intermediate * hidden + hidden
    return tables + layers * (attention + feed_forward + 4 * hidden)
    # --- end


check.transformer_parameters(my_parameters)

# %% [markdown]
# ## Exercise 2: the largest batch that fits
#
# Training in float32 with AdamW has `budget` bytes. Of the `parameters` only `trained` are trained, and every text of a
# batch takes `activations` bytes. Return how many texts a batch can have at most; 0 if not even one fits. (As by hand
# above: count activations and gradients as if they were there at once.)
#
# *Hint:* what is left of the budget when everything that does not grow with the batch has been paid? Which of those
# parts does a frozen parameter need?


# %%
def my_largest_batch(parameters, trained, activations, budget):
    """Return the largest number of texts in a batch; weights, gradients and averages take 4 bytes a number."""
    # --- stub
    return ...
    # --- solution
    left = budget - 4 * parameters - (4 + 8) * trained
    return max(0, left // activations)
    # --- end


check.largest_batch(my_largest_batch)

# %% [markdown]
# ## Exercise 3: how many numbers LoRA trains
#
# `shapes` lists the rows and columns of every matrix that gets a LoRA, e.g. `[(768, 768), (3072, 768)]`. Return how
# many numbers are trained at rank `rank`, the head aside.
#
# *Hint:* $B$ has a row for each row of $W$, $A$ a column for each of its columns.


# %%
def my_lora(shapes, rank):
    """Return the number of trained parameters of LoRA on matrices of these shapes."""
    # --- stub
    return ...
    # --- solution
    return sum(rank * (rows + columns) for rows, columns in shapes)
    # --- end


check.lora_parameters(my_lora)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("08_choosing_and_shrinking_models")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# - Coverage first: a language that the tokenizer cannot write is out of reach. Then scores on *your* data, then cost.
# - Parameters follow from five sizes. Embeddings take memory, and no time in the forward pass nor in training where the
#   table is frozen; layers take both.
# - Training holds weights ($4P$), gradients ($4P_t$), AdamW's averages ($8P_t$) and activations, which grow with the
#   batch. Measured memory follows the arithmetic.
# - Padding is work on nothing. bf16 pays where the processor has units for it. A profile finds what nobody would have
#   guessed.
# - Freezing and LoRA save gradients and optimizer, and Adafactor nearly the whole optimizer where no large table is
#   trained. What saves weights is a smaller vocabulary or model and, where bf16 is used, frozen matrices of two bytes.
# - A trimmed model gives the same logits on what was kept, and loses the rest. Count it.
# - Spread trainings before you split one: gradients have to travel.
#
# ## Read on
#
# - Conneau et al. 2020, *Unsupervised Cross-lingual Representation Learning at Scale* (ACL): XLM-R, table 1, and the
#   curse of multilinguality. Barbieri et al. 2022, *XLM-T* (LREC): the table of UMSAB.
# - Wu and Dredze 2019, *Beto, Bentz, Becas* (EMNLP): freezing layers of mBERT and cross-lingual transfer (section 4.2).
# - Hu et al. 2022, *LoRA: Low-Rank Adaptation of Large Language Models* (ICLR); Houlsby et al. 2019,
#   *Parameter-Efficient Transfer Learning for NLP* (ICML); Pfeiffer et al. 2020, *MAD-X* (EMNLP).
# - Abdaoui, Pradel and Sigel 2020, *Load What You Need: Smaller Versions of Multilingual BERT* (SustaiNLP).
# - Shazeer and Stern 2018, *Adafactor: Adaptive Learning Rates with Sublinear Memory Cost* (ICML).
# - Korthikanti et al. 2022, *Reducing Activation Recomputation in Large Transformer Models*; Chen et al. 2016,
#   *Training Deep Nets with Sublinear Memory Cost*: where memory goes, and checkpointing.
# - Micikevicius et al. 2018, *Mixed Precision Training* (ICLR); Dao et al. 2022, *FlashAttention* (NeurIPS).
# - Patarasuk and Yuan 2009, *Bandwidth Optimal All-reduce Algorithms for Clusters of Workstations* (Journal of Parallel
#   and Distributed Computing).
#
# {{navigation}}
