# %% [markdown]
# # Derive the fine-tuning objectives
#
# {{badges}}
#
# > **You will** derive the fine-tuning objective and its gradient, take an optimizer's step by hand, show on a real
# > model that several languages are one sum, turn a sampling rule into language weights, measure whether languages help
# > or hinder each other, smooth labels, weigh classes, and decide which layers to train.
# >
# > **You need** notebook 00 and a little torch (tensors, `backward`). Notebooks 05 and 06 use what is derived here.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Turn scores into probabilities
#
# A classifier is a network that computes one number for each class from a text, the *logits* $z_1, \dots, z_C$, and
# then has to commit itself: how probable is each class? Probabilities are positive and add up to 1. The **softmax**
# makes them so, by an exponential and a division:
#
# $$p_c = \frac{e^{z_c}}{\sum_{j=1}^{C} e^{z_j}} \qquad\qquad \log p_c = z_c - \log \sum_{j=1}^{C} e^{z_j}$$
#
# Divide two of them: $p_a / p_b = e^{z_a - z_b}$. Only *differences* of logits matter. Add the same number to all of
# them, and nothing should change. On paper. What do you expect from the cell below, where the second row is the first
# one plus 1,000?

# %% tags=["nbval-check-output"]
import torch

z = torch.tensor([[2.0, 3.0, 0.0], [1002.0, 1003.0, 1000.0]])
naive = z.exp() / z.exp().sum(dim=1, keepdim=True)
centred = z - z.max(dim=1, keepdim=True).values
stable = centred.exp() / centred.exp().sum(dim=1, keepdim=True)
assert torch.allclose(stable, z.softmax(dim=1)), "torch's softmax differs"
assert torch.allclose(stable[0], stable[1]), "a constant must not matter"
for name, result in {"as written": naive, "maximum taken off": stable}.items():
    print(f"{name:17}", [[round(p, 3) for p in row] for row in result.tolist()])

# %% [markdown]
# $e^{1000}$ is larger than any floating-point number, and infinity divided by infinity is "not a number". So every
# library takes the largest logit off first, which changes no probability. Keep the habit: work with `log_softmax` and
# logits, and never with the logarithm of a probability that you computed yourself.
#
# ## Multiply probabilities, then take the logarithm
#
# Now real messages. The data are labelled messages in four languages, and the model is USE-M, by name and in every
# profile, because this notebook looks *inside* the model. It has a fresh **head**: a linear layer that turns the
# sentence embedding of 512 numbers into three logits.

# %% tags=["nbval-check-output"]
from transformers import set_seed

from xlft_helpers import settings
from xlft_helpers.data import label_names, load_data, select_language
from xlft_helpers.models import load_model, load_tokenizer

languages = ["en", "fr", "ar", "hi"]
data = load_data(settings.default_data(), languages=languages)
names, train, tokenizer = label_names(data), data["train"], load_tokenizer("use-m")
set_seed(settings.SEED)
model = load_model("use-m", label_names=names)
sizes = {k: len(select_language(train, k)) for k in languages}
print(f"Labels {names}; training messages {sizes}, {sum(sizes.values())} in all.")

# %% [markdown]
# As long as the encoder does not change, its embeddings are plain numbers, computed once. Call them $X$, one row a
# message, with a column of ones at the end so that one matrix $W$ holds the head's weights and its bias. (USE-M scales
# its embeddings by a constant before the head, the `head_scale`.) The logits are then $XW$. We take float64, so that
# rounding can hide no mistake.

# %% tags=["nbval-check-output"]
from xlft_helpers.inference import embed


def features(rows):
    """Embeddings of messages (N, 512), scaled as the head wants them, and a column of ones: (N, 513), float64."""
    scaled = embed(model, tokenizer, rows).cpu().double() * model.config.head_scale
    return torch.cat([scaled, torch.ones(len(rows), 1, dtype=torch.float64)], dim=1)


X = {k: features(select_language(train, k)) for k in languages}
y = {k: torch.tensor(select_language(train, k)["label"]) for k in languages}
W = torch.cat([model.classifier.weight, model.classifier.bias[:, None]], dim=1).detach().cpu().T.double()
all_X, all_y = torch.cat(list(X.values())), torch.cat(list(y.values()))
print(f"X {tuple(all_X.shape)}, W {tuple(W.shape)}, logits {tuple((all_X @ W).shape)}")

# %% [markdown]
# How good is $W$? Ask how probable the model finds the labels that people gave. If the messages are independent of
# each other, the probability of *all* labels is a product, the **likelihood**, and the best parameters are those that
# make it largest (maximum likelihood). A logarithm turns the product into a sum and moves no maximum, because it only
# grows. That sum is the objective of fine-tuning:
#
# $$\prod_{i=1}^{N} p(y_i \mid x_i; \theta) \quad\longrightarrow\quad
# L_{fine}(\theta) = \sum_{i=1}^{N} \log p(y_i \mid x_i; \theta)$$
#
# A fresh head knows nothing, so each probability should be near $\frac{1}{3}$. Then what is the product of some
# hundreds of them, and what does the computer make of it?

# %%
from xlft_helpers.objectives import fine_tuning_objective

log_p = (all_X @ W) - torch.logsumexp(all_X @ W, dim=1, keepdim=True)
of_truth = log_p[torch.arange(len(all_y)), all_y]
L_fine = of_truth.sum()
assert torch.isclose(L_fine, fine_tuning_objective(all_X @ W, all_y)), "the package's objective differs"
loss = torch.nn.functional.cross_entropy(all_X @ W, all_y)
assert torch.isclose(-L_fine / len(all_y), loss), "torch's loss differs"
print(f"product of {len(all_y)} probabilities: {of_truth.exp().prod().item()}")
print(f"L_fine: {L_fine:.0f} nats;  without knowledge: {-len(all_y) * torch.tensor(3.0).log():.0f} nats")

# %% [markdown]
# The product is not zero, it is about $10^{-400}$, and float64 ends near $10^{-308}$. The sum has no such trouble. It is
# measured in **nats**, the unit of natural logarithms, and it is never positive. A fresh head can be worse than no
# knowledge: it has opinions, and they are random.
#
# ## Read the number that a trainer reports
#
# A trainer *minimizes*, so it turns the sign. And it divides by the number of messages, so that the number does not
# grow with the data and the step does not grow with the batch. Its **loss** is the mean negative log-likelihood:
#
# $$\text{loss} = -\frac{L_{fine}}{N} \qquad\qquad e^{\text{loss}} = \Big(\prod_i p(y_i \mid x_i)\Big)^{-1/N}$$
#
# The second form is easier to picture. It is the number of equally probable labels between which the model is as
# undecided as it is now (language models call it *perplexity*). One trap: batches. Take the first 100 English
# messages in batches of 32. Is the mean of the batches' losses the loss of all messages?

# %%
batches = [slice(start, min(start + 32, 100)) for start in range(0, 100, 32)]
losses = [torch.nn.functional.cross_entropy(X["en"][b] @ W, y["en"][b]).item() for b in batches]
counts = [b.stop - b.start for b in batches]
of_batches = sum(losses) / len(losses)
weighted = sum(n * value for n, value in zip(counts, losses)) / sum(counts)
of_messages = -fine_tuning_objective(X["en"][:100] @ W, y["en"][:100]).item() / 100
assert abs(weighted - of_messages) < 1e-12, "weighted by size, batch losses must give the loss of all messages"
print("batches of", counts, "with losses", [round(value, 4) for value in losses])
print(f"mean of the batches {of_batches:.4f}, mean of the messages {of_messages:.4f}")
print(f"as undecided as between {torch.tensor(of_messages).exp():.2f} equally probable labels")

# %% [markdown]
# Not quite. In the mean of batches, each of the four messages of the last batch counts eight times as much as the
# others. The difference is small here and becomes large where batches differ much in size, for example when each
# language has a batch of its own. To recover the objective, multiply each loss by its number of messages. That is the
# first exercise.
#
# > **A misconception.** *"The training loss in the log is the loss of my model."* It is a mean over steps, and the
# > model changed at every step. Dropout was on, too, and with label smoothing (below) it is not even the same
# > quantity. To know the loss of the model you have, compute it at the end, in evaluation mode.
#
# ## Take the gradient
#
# Training changes the logits so that $\log p_y$ rises. In which direction, and how hard? Take the derivative of
# $\log p_y = z_y - \log \sum_j e^{z_j}$ by one logit $z_c$. The first term gives 1 if $c$ is the true class and 0
# otherwise. The second gives $e^{z_c} / \sum_j e^{z_j}$, which is $p_c$ again:
#
# $$\frac{\partial \log p_y}{\partial z_c} = [c = y] - p_c$$
#
# In words: *truth minus belief*. The true class is pushed up by $1 - p_y$, every other class is pushed down by its own
# $p_c$, and the pushes cancel. Before you run the cell: how do the value $\log p_y$ and the push on $z_y$ behave when
# the model is more and more wrong?

# %% tags=["nbval-check-output"]
import pandas as pd

rows = []
for p in (0.999, 0.9, 0.5, 1 / 3, 0.1, 0.001):
    logits = torch.tensor([p, (1 - p) / 2, (1 - p) / 2], dtype=torch.float64).log().requires_grad_()
    value = fine_tuning_objective(logits[None], torch.tensor([0]))
    push = torch.autograd.grad(value, logits)[0]
    assert torch.allclose(push, torch.tensor([1.0, 0, 0]) - logits.softmax(dim=0)), "not truth minus belief"
    rows.append([p, value.item(), *push.tolist()])
columns = ["p of the truth", "log p", "push on the truth", "on the second class", "on the third"]
pd.DataFrame(rows, columns=columns).round(3).set_index("p of the truth")

# %% [markdown]
# The value falls without limit, but the push never exceeds 1. So a message with a wrong label can ruin the *reported*
# loss and still pull no harder than an honest mistake. And a message that the model has understood (top row) hardly
# pulls at all: as training goes on, the few messages that it still gets wrong decide where it goes.
#
# The head's weights are one step further. Since $z = xW$, the chain rule multiplies each push by the features $x$. In
# one matrix product, with the labels as rows $Y$ of ones and zeros and the probabilities as $P$:
#
# $$\frac{\partial L_{fine}}{\partial W} = X^\top (Y - P)$$
#
# We compute it on the English messages, and check it twice: against autograd, and for one weight by the definition of
# a derivative, the difference quotient.

# %% tags=["nbval-check-output"]
Y, P = torch.eye(3, dtype=torch.float64)[y["en"]], (X["en"] @ W).softmax(dim=1)
G = X["en"].T @ (Y - P)

leaf = W.clone().requires_grad_()
autograd = torch.autograd.grad(fine_tuning_objective(X["en"] @ leaf, y["en"]), leaf)[0]
nudge = torch.zeros_like(W)
nudge[7, 2] = 1e-5
up, down = (fine_tuning_objective(X["en"] @ (W + sign * nudge), y["en"]).item() for sign in (1, -1))
assert torch.allclose(G, autograd, atol=1e-9), "autograd differs from the closed form"
assert abs((up - down) / 2e-5 - G[7, 2].item()) < 1e-5, "the difference quotient differs"
print(f"X'(Y - P) has shape {tuple(G.shape)}; autograd and the difference quotient agree.")

# %% [markdown]
# What does it say? Column $c$ is $\sum_{i: y_i = c} x_i - \sum_i p_{ic} x_i$: the sum of the features *observed* in
# class $c$, minus the sum that the model *expects* there. Training stops where the two agree. The last feature is the
# constant 1, so its row compares plain counts: how many messages of each class there are, and how many the model
# believes there are.

# %%
counted = pd.DataFrame(
    {"observed": Y.sum(dim=0), "expected by the model": P.sum(dim=0), "gradient": G[-1]}, index=names
)
assert torch.allclose(G[-1], Y.sum(dim=0) - P.sum(dim=0)), "the row of the bias compares counts"
assert torch.allclose(G.sum(dim=1), torch.zeros(513, dtype=torch.float64), atol=1e-9), "the pushes must cancel"
counted.round(1)

# %% [markdown]
# So a trained head with a bias gets the *shares* of the classes in its training data right, whatever else it gets
# wrong. Remember this when we come to class weights: a head trained on unbalanced data believes that the world is
# unbalanced in the same way.
#
# ## Take the step by hand
#
# Gradient ascent goes a little way along the gradient. With the mean instead of the sum, and a learning rate $\eta$:
#
# $$W \leftarrow W + \frac{\eta}{N} X^\top (Y - P)$$
#
# That is what `torch.optim.SGD` does with the loss. The optimizer of nearly all fine-tuning is another one, **AdamW**
# (Loshchilov and Hutter 2019). It divides by a running root mean square of the gradient, $\sqrt{\hat v}$, and shrinks
# the weights a little (decay $\lambda$). At the very first step the running means *are* the gradient $g$ of the loss
# and its square:
#
# $$W \leftarrow (1 - \eta \lambda) W - \eta \frac{\hat m}{\sqrt{\hat v} + \epsilon}
# = (1 - \eta \lambda) W - \eta \frac{g}{|g| + \epsilon}$$

# %%
N, rate, decay, epsilon = len(y["en"]), 0.01, 0.1, 1e-8
g = -G / N
by_hand = {"SGD": W - rate * g, "AdamW": (1 - rate * decay) * W - rate * g / (g.abs() + epsilon)}
for name, optimizer_class, options in (
    ("SGD", torch.optim.SGD, {}),
    ("AdamW", torch.optim.AdamW, {"weight_decay": decay, "eps": epsilon}),
):
    leaf = W.clone().requires_grad_()
    optimizer = optimizer_class([leaf], lr=rate, **options)
    torch.nn.functional.cross_entropy(X["en"] @ leaf, y["en"]).backward()
    optimizer.step()
    assert torch.allclose(leaf, by_hand[name], atol=1e-12), f"{name}: the optimizer took another step"
    moved = (leaf - W).abs()
    print(f"{name:5} moves a weight by {moved.median():.6f} (median), {moved.max():.6f} (largest)")

# %% [markdown]
# Both steps are ours, to twelve digits. Compare the two lines. SGD moves a weight as far as its gradient is large.
# AdamW's first step moves nearly *every* weight by about $\eta$: only the sign of the gradient is left. Two
# consequences. AdamW's step does not care whether you hand it the sum or the mean, while SGD's is $N$ times as long
# with the sum. And AdamW's learning rate reads directly as "how far a weight moves a step", which is why one rate
# can serve layers whose gradients differ much in size.
#
# How far is "a little way"? To first order, a step $\eta g$ along the gradient $g$ raises the objective by
# $\eta \lVert g \rVert^2$. We compare that promise with what happens.

# %%
rows = []
for rate in (0.01, 0.1, 1.0, 10.0):
    before, after = (fine_tuning_objective(X["en"] @ M, y["en"]).item() / N for M in (W, W + rate * G / N))
    rows.append([rate, rate * (G / N).square().sum().item(), after - before])
steps = pd.DataFrame(rows, columns=["learning rate", "promised", "happened"]).set_index("learning rate")
assert abs(steps.loc[0.01, "happened"] / steps.loc[0.01, "promised"] - 1) < 0.05, "a short step keeps its promise"
assert steps.loc[10.0, "happened"] < 0.5 * steps.loc[10.0, "promised"], "a long step does not"
steps.round(4)

# %% [markdown]
# A short step keeps the promise. A long one overshoots, because the gradient is true only at the place where it was
# taken. Move the slider and watch whole runs: forty steps of plain gradient ascent on the head. Where does it still
# rise smoothly, and where does it begin to jump?

# %%
import ipywidgets as widgets

from xlft_helpers import plots
from xlft_helpers.teaching import explore


def ascent(rate, steps=40):
    """L_fine per English message after each step of gradient ascent, from a head of zeros."""
    M, values = torch.zeros_like(W), []
    for _ in range(steps):
        M = M + rate * X["en"].T @ (Y - (X["en"] @ M).softmax(dim=1)) / N
        values.append(fine_tuning_objective(X["en"] @ M, y["en"]).item() / N)
    return pd.DataFrame({"value": values}, index=range(1, steps + 1))


# %%
plots.set_style()
explore(
    widgets.SelectionSlider(options=[0.01, 0.03, 0.1, 0.3, 1, 3], value=0.1, description="rate"),
    lambda rate: plots.plot_lines(
        {f"rate {r}": ascent(r) for r in dict.fromkeys((rate, 0.03, 1))},
        x_label="step",
        y_label="L_fine per message (nats)",
        reference=-float(torch.tensor(3.0).log()),
        reference_label="no knowledge",
    ),
    alt="The objective per message over forty steps for learning rates 0.1, 0.03 and 1: small rates rise slowly and "
    "smoothly, the largest jumps.",
)

# %% [markdown]
# For a linear head the objective has a single summit, so that every rate that is small enough gets there in the end.
# With the whole encoder trainable there is no such promise. What a rate does is then a question for a dev set.
#
# ## Add the languages, on the real model
#
# Several languages give several sums, and cross-lingual fine-tuning simply adds them, with one set of parameters
# $\theta$. Optional weights $w_k$ say how loud a language is:
#
# $$L_{cross}(\theta) = \sum_{k=1}^{K} w_k \sum_{i=1}^{M_k} \log p(y_{ki} \mid x_{ki}; \theta)$$
#
# With all $w_k = 1$ this must be $L_{fine}$ of the messages laid end to end, in value *and* in gradient. For a formula
# on paper that is obvious. For a network it is a claim about the code: no message may influence what the network
# computes for its neighbours in the batch. So we test it on all of USE-M's trainable parameters, with real messages of
# different lengths, once language by language and once in one batch (where short messages are padded).


# %%
def objective(rows):
    """L_fine of some messages under the whole model, differentiable."""
    inputs = tokenizer(list(rows["text"]), padding=True, return_tensors="pt").to(model.device)
    return fine_tuning_objective(model(**inputs).logits, torch.tensor(rows["label"], device=model.device))


def gradient(value, keep=False):
    """The gradient of a value by every trainable parameter, as one long vector."""
    return torch.cat([g.flatten() for g in torch.autograd.grad(value, trainable, retain_graph=keep)])


trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
print(f"{sum(p.numel() for p in trainable):,} trainable parameters; the table of pieces is frozen.")

# %%
from datasets import concatenate_datasets

picked = {"en": 16, "fr": 8, "ar": 4, "hi": 4}
parts = {k: select_language(train, k).shuffle(seed=0).select(range(n)) for k, n in picked.items()}
together = concatenate_datasets(list(parts.values()))
values = {k: float(objective(rows).detach()) for k, rows in parts.items()}
pulls = {k: gradient(objective(rows)) for k, rows in parts.items()}
merged_value, merged = float(objective(together).detach()), gradient(objective(together))

apart = float((merged - sum(pulls.values())).norm() / merged.norm())
print(f"L_cross {sum(values.values()):.3f} language by language, {merged_value:.3f} in one batch")
print(f"gradients: {len(merged):,} numbers each, relative distance below 0.0001: {apart < 1e-4}")
assert abs(merged_value / sum(values.values()) - 1) < 1e-5, "the values differ"
assert apart < 1e-4, f"the gradients differ by {apart:.1e} of their length, more than rounding explains"

# %% [markdown]
# Equal up to the rounding of float32. It would *not* hold for every network. Batch normalization mixes the messages of
# a batch. A loss with negatives from the same batch (as in retrieval) compares them with each other. And padding that
# leaks into a sentence embedding makes a message's result depend on the longest neighbour. USE-M and BERT-like models
# do none of this, and now it is measured and not assumed.
#
# How much does each language pull? One can look at its part of the value, at the length of its gradient, or at its
# gradient's part of the step, $g_k \cdot g / \lVert g \rVert^2$ with $g = \sum_k g_k$, which adds up to 100 %.

# %%
share = {}
for k, n in picked.items():
    of_step = float(pulls[k] @ merged / merged.square().sum())
    share[k] = [n, 100 * n / 32, 100 * values[k] / merged_value, float(pulls[k].norm()), 100 * of_step]
columns = ["messages", "% of the messages", "% of L_cross", "length of the gradient", "% of the step"]
pd.DataFrame(share, index=columns).T.astype({"messages": int}).round(1)

# %% [markdown]
# At the start every message is about equally badly fitted, so that the share of the value is nearly the share of the
# messages. The lengths are less unequal than the counts: pulls of single messages partly cancel, and few cancel less.
#
# Now weights. $w_k = N / (K M_k)$ gives every language the same say, whatever its size. The gradient is linear, so we
# know what it must be: $\sum_k w_k g_k$. The reference is torch's loss on the merged batch with the weight of its
# language at each message.

# %%
from xlft_helpers.objectives import cross_lingual_objective


def by_package_and_torch(rows, weights):
    """The weighted L_cross of a mixed batch and its gradient, once by the package and once by torch's loss."""
    inputs = tokenizer(list(rows["text"]), padding=True, return_tensors="pt").to(model.device)
    logits, labels = model(**inputs).logits, torch.tensor(rows["label"], device=model.device)
    of = {k: [i for i, language in enumerate(rows["language"]) if language == k] for k in weights}
    package = cross_lingual_objective(
        {k: logits[i] for k, i in of.items()}, {k: labels[i] for k, i in of.items()}, weights
    )
    each = torch.tensor([weights[k] for k in rows["language"]], device=model.device)
    with_torch = -(each * torch.nn.functional.cross_entropy(logits, labels, reduction="none")).sum()
    return [(float(value.detach()), gradient(value, keep=True)) for value in (package, with_torch)]


# %%
weights = {k: 32 / (4 * n) for k, n in picked.items()}
by_hand = sum(weights[k] * pulls[k] for k in picked)
for value, found in by_package_and_torch(together, weights):
    assert abs(value / sum(weights[k] * values[k] for k in picked) - 1) < 1e-5, "another weighted objective"
    assert float((found - by_hand).norm() / by_hand.norm()) < 1e-4, "another gradient"
mean_of_means = sum(values[k] / n for k, n in picked.items()) / len(picked)
print("weights:", weights)
print("The gradient of the weighted L_cross is the weighted sum of the languages' gradients.")
print(f"weighted L_cross / N = {value / 32:.3f}; mean of the languages' means = {mean_of_means:.3f}")
assert abs(value / 32 - mean_of_means) < 1e-4, "these weights should make it the mean of means"

# %% [markdown]
# The last line closes a circle. Averaging the languages' mean losses, which looks innocent and is what many training
# loops do (one batch a language, then `sum(losses) / K`), *is* this weighting. There is no neutral way to average. One
# either counts messages or counts languages, and should know which.
#
# ## Sample, or weigh?
#
# Notebook 06 draws the next message from language $k$ with probability $p_k \propto M_k^\alpha$, and in it each message
# is equally likely. That changes the data, not the objective. Or does it? Write the expected gradient of one draw:
#
# $$\mathbb{E}\big[\nabla \log p(y \mid x)\big] = \sum_k p_k \frac{1}{M_k} \sum_i \nabla \log p(y_{ki} \mid x_{ki})
# = \frac{1}{N} \nabla \sum_k w_k \sum_i \log p(y_{ki} \mid x_{ki}) \qquad\text{with}\qquad w_k = \frac{p_k N}{M_k}$$
#
# So in expectation, sampling *is* a weighted $L_{cross}$. With $\alpha = 1$ all weights are 1. With $\alpha = 0$ they
# are those of the last cell. First exactly: list the gradient of every training message by the head's weights ($x_i$
# times its row of $Y - P$), and average them with the probability of being drawn.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import sampling_probabilities

language_of = [k for k in languages for _ in range(sizes[k])]
pushes = torch.eye(3, dtype=torch.float64)[all_y] - (all_X @ W).softmax(dim=1)
single = (all_X[:, :, None] * pushes[:, None, :]).flatten(1)  # (N, 513 * 3), a message's gradient in a row
leaf, rows = W.clone().requires_grad_(), {}
for alpha in (1.0, 0.5, 0.0):
    p = sampling_probabilities(sizes, alpha)
    w = {k: p[k] * len(all_y) / sizes[k] for k in languages}
    drawn = torch.tensor([p[k] / sizes[k] for k in language_of], dtype=torch.float64)
    weighted = cross_lingual_objective({k: X[k] @ leaf for k in languages}, y, w) / len(all_y)
    exact = torch.autograd.grad(weighted, leaf)[0].flatten()
    assert torch.allclose(drawn @ single, exact, atol=1e-12), "sampling and weighting differ in expectation"
    rows[alpha] = w
pd.DataFrame(rows).T.rename_axis("alpha").round(3)

# %% [markdown]
# The table holds the weights $w_k$: sampling with $\alpha = 0.5$ is training with those. The identity was checked for all
# 1,539 weights of the head to twelve digits.
#
# An expectation is a promise about many draws. Does a simulation agree? We draw 2,000 batches of 32 messages with
# $\alpha = 0.5$ and average their gradients. Each of the 1,539 averages gets a 95 % interval (mean ± 1.96 standard
# errors). If the algebra is right, about 95 % of the intervals should hold the exact value. The control is the exact
# gradient of *another* $\alpha$: those intervals should miss it more often.

# %%
p = sampling_probabilities(sizes, 0.5)
chance = torch.tensor([p[k] / sizes[k] for k in language_of], dtype=torch.float64)
generator = torch.Generator().manual_seed(0)
batches = torch.multinomial(chance, 2000 * 32, replacement=True, generator=generator).view(2000, 32)
means = torch.stack([single[batch].mean(dim=0) for batch in batches])
centre, half = means.mean(dim=0), 1.96 * means.std(dim=0) / len(means) ** 0.5
exact, plain = chance @ single, single.mean(dim=0)
held, control = (((centre - value).abs() <= half).double().mean().item() for value in (exact, plain))
print(f"Intervals that hold the gradient of the weighted objective: {100 * held:.0f} %")
print(f"Intervals that hold the gradient of the unweighted one:     {100 * control:.0f} %")
assert 0.85 < held < 0.995, "the simulation contradicts the exact computation"
assert control < held - 0.2, "the control should be told apart"

# %% [markdown]
# Sampling and weighting have the same *mean* gradient. They are not the same algorithm, because a step is taken along
# one batch and not along the mean, and the **noise** differs. Its size is exact too: for one draw with probability
# $q_i$ and factor $f_i$ it is $\sum_i q_i \lVert f_i g_i \rVert^2 - \lVert \sum_i q_i f_i g_i \rVert^2$. When sampling,
# $q$ does the work and $f = 1$; when weighting, $q = 1/N$ and $f = w$. Which one should be noisier?

# %%
squared = single.square().sum(dim=1)
rows = {}
for alpha in (1.0, 0.5, 0.0):
    w = torch.tensor([sampling_probabilities(sizes, alpha)[k] / sizes[k] * len(all_y) for k in language_of])
    q, uniform = w.double() / len(all_y), torch.full((len(all_y),), 1 / len(all_y), dtype=torch.float64)
    mean = (q @ single).square().sum()
    sampling, weighting = q @ squared - mean, uniform @ (w.double().square() * squared) - mean
    rows[alpha] = [sampling.item(), weighting.item(), weighting.item() / sampling.item()]
noise = pd.DataFrame(rows, index=["noise of sampling", "noise of weighting", "ratio"]).T.rename_axis("alpha")
assert noise.loc[0.0, "ratio"] > noise.loc[0.5, "ratio"] > noise.loc[1.0, "ratio"] - 1e-9
noise.round(2)

# %% [markdown]
# Weighting is noisier, and the more so the more the weights differ: a batch that happens to hold three Hindi messages
# jumps, one without any jumps the other way. Sampling spreads the same emphasis over more draws. The price is paid
# elsewhere: in an epoch of fixed length it repeats small languages and leaves out messages of large ones (notebook 06
# counts them). The course's `sample_languages` draws without replacement within a language, which keeps the expectation
# and takes off more noise.
#
# ## See the languages as tasks
#
# Multi-task learning trains one network on several tasks. Here each language is a task, and the sum shares
# *everything*: the n-gram branches, the sentence layers and the head are the same numbers for all languages. Nothing in
# this model belongs to one language but the rows of its piece table, and these are frozen. So a step for one language
# is a step for all, wanted or not. Which way does it carry the others?
#
# Take a short step of length $\eta$ along the French gradient $g_{fr}$. To first order it changes the objective of
# another language $l$ by the inner product of the two gradients:
#
# $$L_l(\theta + \eta\, g_{fr}) - L_l(\theta) \approx \eta\; g_{fr} \cdot g_l$$
#
# A positive product means help, a negative one **interference**. Let us see whether the whole network keeps this
# promise: predict the change by inner products, take the step, measure, and put the weights back.

# %%
twenty = {k: select_language(train, k).shuffle(seed=1).select(range(20)) for k in languages}
pulls = {k: gradient(objective(rows) / 20) for k, rows in twenty.items()}
rate = 0.02 / float(pulls["fr"].square().sum())  # by its own prediction, French gains 0.02 nats a message
start = torch.nn.utils.parameters_to_vector(trainable).detach().clone()
with torch.no_grad():
    before = {k: float(objective(rows)) / 20 for k, rows in twenty.items()}
    torch.nn.utils.vector_to_parameters(start + rate * pulls["fr"], trainable)
    after = {k: float(objective(rows)) / 20 for k, rows in twenty.items()}
    torch.nn.utils.vector_to_parameters(start, trainable)

# %%
change = {k: [1000 * rate * float(pulls["fr"] @ pulls[k]), 1000 * (after[k] - before[k])] for k in languages}
table = pd.DataFrame(change, index=["predicted", "measured"]).T
assert abs(table.loc["fr", "measured"] / table.loc["fr", "predicted"] - 1) < 0.2, (
    "the step was too long for first order"
)
del pulls, merged, start, by_hand  # vectors of 14 MB each
settings.release_memory()
print("Change of the objective per message after a step for French (thousandths of a nat):")
table.round(1)

# %% [markdown]
# The promise holds closely. A step computed from French messages alone is felt in every language that has a product
# with it, and how much differs a good deal between the languages.
#
# ## Measure what interferes
#
# The inner product mixes direction with length. For the direction alone take the **cosine**:
#
# $$\cos(g_k, g_l) = \frac{g_k \cdot g_l}{\lVert g_k \rVert \, \lVert g_l \rVert}$$
#
# A number like 0.2 means nothing without baselines, and there are two. *Random directions* in $d$ dimensions have a
# cosine of about $\pm 1 / \sqrt{d}$, which is nearly zero. And a batch is a sample: even two batches of the *same*
# language do not agree, since they hold different messages. The cosine between those is what one can hope for
# between two languages, as long as the messages differ. Only what stays *below* it is a matter of the languages.


# %%
def deal(rows, number=6, each=5):
    """Split rows into batches that hold every class equally often."""
    label = torch.tensor(rows["label"])
    of_class = [torch.nonzero(label == c).flatten()[: number * each].view(number, each) for c in range(len(names))]
    return [rows.select(torch.cat([found[b] for found in of_class])) for b in range(number)]


batches = {k: deal(select_language(data["test"], k)) for k in languages}
one, two = (gradient(objective(batches[k][b])) for k, b in (("en", 0), ("fr", 1)))
by_hand = float(one @ two / (one.norm() * two.norm()))
assert abs(by_hand - float(torch.cosine_similarity(one, two, dim=0))) < 1e-4, "torch disagrees"
print(f"{len(batches['en'])} batches of {len(batches['en'][0])} messages a language; d = {len(one):,} parameters")
print(f"one English and one French batch: cosine {by_hand:.3f}; random directions: about {len(one) ** -0.5:.4f}")

# %% [markdown]
# The messages come from the test set, for two reasons: no model below has been trained on them, and the bundled test
# set is parallel. Batches with the same number hold the *same* messages in all languages, and batches with different
# numbers share none. No model is chosen here, so the test set stays unspoilt.
#
# `gradient_cosines` computes the gradient of every batch and all cosines between them, for the whole model and for each
# **group of layers**: the token layers (before the sum over tokens), the sentence layers (after it), and the head. We
# measure the pretrained encoder with its fresh head, and then three models (three seeds) that were partly fine-tuned,
# by one epoch on all four languages. What do we expect? Pretraining taught USE-M to give translations similar
# embeddings, so that covered languages should pull alike. Hindi is outside its coverage. (Inputs are cut off after 64
# pieces, which saves memory and touches hardly any message but the Hindi ones.)

# %%
from dataclasses import replace

from xlft_helpers.evaluation import gradient_cosines
from xlft_helpers.finetuning import default_recipe, finetune
from xlft_helpers.inference import predict

token = ("encoder.branch", "encoder.norm", "encoder.token_projection")
groups = {"token layers": token, "sentence layers": ("encoder.dnn",), "head": ("classifier",)}
cosines = {"pretrained": [gradient_cosines(model, tokenizer, batches, groups, max_length=64)]}
assert abs(cosines["pretrained"][0].by_batch["all"][0, 0, 1, 1] - by_hand) < 0.002, "not the cosine computed by hand"
cosines["after one epoch"], recipe = [], replace(default_recipe("use-m"), epochs=1, max_length=64)
for seed in range(3):
    partly = finetune("use-m", train, recipe=recipe, seed=seed)
    cosines["after one epoch"].append(gradient_cosines(partly.model, tokenizer, batches, groups, max_length=64))

# %% [markdown]
# First the matrices, all parameters together: the mean cosine between batches with different messages. The diagonal
# is the baseline, two batches of one language. Below the pretrained matrix stands that of the partly fine-tuned models
# (mean of three seeds).

# %%
for state, measured in cosines.items():
    plots.show(
        plots.plot_matrix(
            sum(found.matrix() for found in measured) / len(measured),
            x_label="language of one batch",
            y_label="language of the other",
            number_format=".2f",
            bar_label="mean cosine",
        ),
        alt=f"Matrix of the mean gradient cosine between languages, {state}, with the same language on the diagonal.",
        caption=f"Gradient cosines, {state} ({len(measured)} model(s), 6 batches of 15 messages a language).",
    )

# %% [markdown]
# Read along the diagonal first, and then compare each cell with the two diagonal cells it belongs to. Now the same for
# each group of layers, with intervals: 95 %, from a bootstrap over the batches (for the partly fine-tuned models, the
# mean of three seeds' intervals). *Same language* is the mean of the diagonal over the covered languages. *Covered* is
# the mean over pairs of English, French and Arabic. *With Hindi* is the mean over the pairs of Hindi with one of
# these.

# %%
from itertools import combinations, product

import numpy as np

covered = ["en", "fr", "ar"]
kinds = {
    "same language (covered)": {(k, k): 1 / 3 for k in covered},
    "two covered languages": dict.fromkeys(combinations(covered, 2), 1 / 3),
    "covered with Hindi": {(k, "hi"): 1 / 3 for k in covered},
}
rows = []
for state, group, kind in product(cosines, groups, kinds):
    found = [one.weighted_sum(kinds[kind], group) for one in cosines[state]]
    rows.append((state, group, kind, *np.mean([(i.estimate, i.low, i.high) for i in found], axis=0)))
pulls_by_layer = pd.DataFrame(rows, columns=["panel", "place", "kind", "estimate", "low", "high"])

# %%
plots.show(
    plots.plot_estimates(pulls_by_layer, y_label="gradient cosine"),
    alt="Gradient cosines by group of layers, for the pretrained model and after one epoch: two batches of the same "
    "language, two covered languages, and a covered language with Hindi, with 95 % intervals.",
    caption="Do languages pull alike? Circles: the baseline, two batches of one language. Bars: 95 % over batches.",
)


# %% [markdown]
# The circles are what one can hope for, and the squares lie below them, here a little and there clearly. How far below
# is a difference between cosines that were measured on the same batches, so it has an interval of its own, narrower
# than those in the figure suggest. For each pair of languages: the cosine, and how far it stays below the mean of the
# two languages' own.


# %%
def shortfall(measured, first, second, group="all"):
    """How far two languages stay below what batches of one language reach, with its interval (mean over the models)."""
    weights = {(first, first): 0.5, (second, second): 0.5, (first, second): -1.0}
    return np.mean([(i.estimate, i.low, i.high) for i in (m.weighted_sum(weights, group) for m in measured)], axis=0)


rows = {}
for state, measured in cosines.items():
    for first, second in combinations(languages, 2):
        seeds = [one.matrix().loc[first, second] for one in measured]
        numbers = [np.mean(seeds), *shortfall(measured, first, second), min(seeds), max(seeds)]
        rows[state, f"{first}-{second}"] = numbers
columns = ["cosine", "below the baseline", "low", "high", "lowest seed", "highest seed"]
shortfalls = pd.DataFrame(rows, index=columns).T
shortfalls.round(2)

# %% [markdown]
# The same in two sentences a state, for all parameters together. And one more table, to which we come back below: for
# each language, the mean probability that the last of the partly fine-tuned models gives to each class.

# %%
for state, measured in cosines.items():
    own, between = (np.mean([m.weighted_sum(kinds[kind]).estimate for m in measured]) for kind in list(kinds)[:2])
    apart = [pair for pair in shortfalls.loc[state].index if shortfalls.loc[(state, pair), "low"] > 0]
    print(f"{state}: covered languages reach {100 * between / own:.0f} % of the baseline's cosine;")
    print(f"  distinguishable from the baseline: {', '.join(apart) or 'no pair'}")
    with_hindi = shortfalls.loc[state].filter(like="hi", axis=0)
    assert between > 0.25 * own, "covered languages should share much of their direction"
    assert with_hindi["low"].min() > 0.05, "Hindi should stay well below its baseline"
shares = {k: predict(partly.model, partly.tokenizer, select_language(data["test"], k)).mean(axis=0) for k in languages}
pd.DataFrame(shares, index=names).T.rename_axis("classes that the last model expects (%)").mul(100).round(0)

# %% [markdown]
# Three readings.
#
# **Covered languages share most of their direction, on the pretrained model.** An Arabic batch pulls almost as an
# English one does, and almost as another Arabic one. The `below the baseline` column tells by how much less, and its
# interval whether that can be told from nothing. Zero-shot transfer lives on this: a step for English is much of a
# step for Arabic.
#
# **After one epoch the languages stand further apart, not closer.** Compare the percentages. A plausible reason: the
# easy, shared part of the task has been learned, and what each language still asks for is more its own. Then compare
# the groups in the figure: where is the distance between circle and square largest, in the layers that see the words
# or in the head? The seeds differ a good deal, so read the last two columns before you build on one pair.
#
# **Hindi is a task of its own.** Its batches agree with each other far more than any others, and with nobody else.
# Both have one reason. Most Hindi pieces are unknown to the tokenizer, so all Hindi messages look alike to the encoder, and
# the gradient can hardly do anything but move the classes that the model expects for "a Hindi message". The small table
# shows them for the last of the models. The true shares are a third each.
#
# > **A misconception.** *"The cosine is near 0, so the languages hurt each other."* Zero is indifference: a step for
# > one does nothing for the other. Hurt begins below zero. And even a negative cosine is a statement about one place
# > and one short step. It does not say that merged training ends badly, which only a test set can (notebook 06).
#
# Methods that act on these cosines exist: PCGrad takes from a gradient the part that points against another task's (Yu
# et al. 2020), and Gradient Vaccine steers the cosines of languages towards set values (Wang et al. 2021). Before
# using one, measure whether there is anything to mend.
#
# What about translations? Batches with the same number hold the same messages in two languages. If meaning decides the
# direction of a pull, they should agree far more than batches of *different* messages in the *same* language.

# %%
parallel = all(list(batches[k][0]["id"]) == list(batches["en"][0]["id"]) for k in languages)
for state, measured in cosines.items() if parallel else []:
    same = {k: np.mean([m.matrix(same_batch=True).loc["en", k] for m in measured]) for k in languages[1:]}
    other = np.mean([m.matrix().loc["en", "en"] for m in measured])
    told = ", ".join(f"{k} {value:.2f}" for k, value in same.items())
    print(f"{state}: English with its translation into {told}; with other English messages {other:.2f}")
    assert min(same["fr"], same["ar"]) > other + 0.1, "translations should pull more alike than other English messages"

# %% [markdown]
# They do, by far. What decides where a gradient points is the *message*. The language it is written in is a detail, as
# long as the encoder covers it. In Hindi the same messages pull in a direction of their own.
#
# ## Smooth the labels
#
# $L_{fine}$ has no largest value that a finite model could reach: for a message that is classified right, larger logits
# are always a little better, and the push $1 - p_y$ never becomes 0. **Label smoothing** (Szegedy et al. 2016) sets a
# modest goal instead. A share $\varepsilon$ of the truth is spread over all classes:
#
# $$q_c = (1 - \varepsilon)\,[c = y] + \frac{\varepsilon}{C} \qquad\qquad
# L_\varepsilon(\theta) = \sum_i \sum_c q_{ic} \log p_{ic} \qquad\qquad
# \frac{\partial L_\varepsilon}{\partial z_{ic}} = q_{ic} - p_{ic}$$
#
# The gradient is truth minus belief again, with a softer truth. We check value and gradient against torch, and against
# the class that `Recipe(label_smoothing=...)` uses in the Trainer.

# %%
from transformers.trainer_pt_utils import LabelSmoother

smoothing, logits, labels = 0.1, (X["fr"] @ W).requires_grad_(), y["fr"]
q = (1 - smoothing) * torch.eye(3, dtype=torch.float64)[labels] + smoothing / 3
value = (q * logits.log_softmax(dim=1)).sum()
with_torch = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
with_trainer = LabelSmoother(epsilon=smoothing)({"logits": logits}, labels)
push = torch.autograd.grad(with_torch, logits)[0] * -len(labels)
assert torch.isclose(-value / len(labels), with_torch), "torch smooths in another way"
assert torch.isclose(with_torch, with_trainer, atol=1e-6), "the Trainer smooths in another way"
assert torch.allclose(push, q - logits.softmax(dim=1), atol=1e-12), "the gradient is not q - p"
print(f"loss {-value.item() / len(labels):.4f} by hand, with torch, and in the Trainer; gradient q - p")

# %% [markdown]
# Where is the push zero now? Where $p = q$, so at $p_y = 1 - \varepsilon + \varepsilon / C$. Beyond that, the model is
# pushed *back*.

# %% tags=["nbval-check-output"]
goal = 1 - smoothing + smoothing / 3
rows = [[p, 1 - p, goal - p] for p in (1 / 3, 0.5, 0.8, goal, 0.99, 0.999)]
print(
    f"p of the truth at the optimum: {goal:.3f}, a logit difference of {torch.tensor(goal / (smoothing / 3)).log():.2f}"
)
pd.DataFrame(rows, columns=["p of the truth", "push, plain", "push, smoothed"]).round(3).set_index("p of the truth")

# %% [markdown]
# So a smoothed model should be less confident. Is it better **calibrated**, that is, is its confidence closer to its
# accuracy? That depends on which side it was on. We train heads on the frozen embeddings of English messages, with
# $\varepsilon = 0$ and $0.1$, and look at them on their way: mean confidence minus accuracy, above 0 if the model is
# over-confident. Ten draws of 240 of the 480 messages show how much depends on the choice of messages. A head on
# frozen embeddings costs next to nothing, so we can train dozens.

# %%
checkpoints = (5, 10, 20, 40, 80, 160)


def heads(X, y, **options):
    """Train a head with AdamW on the mean loss; ``options`` go to the loss. Yields step and weights on the way."""
    M = torch.zeros(513, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.AdamW([M], lr=3e-3)
    for step in range(1, checkpoints[-1] + 1):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(X @ M, y, **options).backward()
        optimizer.step()
        if step in checkpoints:
            yield step, M.detach().clone()


# %%
from tqdm import tqdm

test_X = {k: features(select_language(data["test"], k)) for k in languages}
test_y = {k: torch.tensor(select_language(data["test"], k)["label"]) for k in languages}
rows = []
for draw in tqdm(range(10), desc="smoothing", leave=False):
    drawn = torch.randperm(len(y["en"]), generator=torch.Generator().manual_seed(draw))[: len(y["en"]) // 2]
    for smoothing in (0.0, 0.1):
        for step, M in heads(X["en"][drawn], y["en"][drawn], label_smoothing=smoothing):
            for k in languages:
                confidence, answer = (test_X[k] @ M).softmax(dim=1).max(dim=1)
                accuracy = (answer == test_y[k]).double().mean().item()
                rows.append([k, smoothing, step, draw, confidence.mean().item(), accuracy])
smoothed = pd.DataFrame(rows, columns=["language", "smoothing", "step", "draw", "confidence", "accuracy"])
smoothed["gap"] = 100 * (smoothed["confidence"] - smoothed["accuracy"])

# %% [markdown]
# A curve is the mean over the ten draws at each step, with its interval. We draw English, the source, and Hindi, which
# the encoder cannot read.

# %%
from xlft_helpers.evaluation import bootstrap_mean


def curve(frame, column):
    """Mean over the draws at each step, with its 95 % interval."""
    found = {step: bootstrap_mean(rows[column].to_numpy()) for step, rows in frame.groupby("step")}
    return pd.DataFrame({step: {"value": i.estimate, "low": i.low, "high": i.high} for step, i in found.items()}).T


lines = {}
for k, smoothing in (("en", 0.0), ("en", 0.1), ("hi", 0.0), ("hi", 0.1)):
    chosen = smoothed[(smoothed["language"] == k) & (smoothed["smoothing"] == smoothing)]
    lines[f"{k}, ε = {smoothing}"] = curve(chosen, "gap")

# %%
plots.show(
    plots.plot_lines(
        lines, x_label="steps of training", y_label="confidence minus accuracy (points)", reference=0,
        reference_label="on average right", log_x=True,
    ),
    alt="Confidence minus accuracy on English and Hindi test messages against the steps of training, with and without "
    "label smoothing; all lines rise, the smoothed ones less.",
    caption="Heads on frozen embeddings, trained on English (10 draws of half the messages; bands: 95 % over draws).",
)  # fmt: skip

# %% [markdown]
# Follow the English line. An early head is *under*-confident: it is right more often than it believes. Training goes on
# fitting the same messages, accuracy stops rising, confidence does not, and the line crosses zero. Smoothing bends it
# downwards at the end. At the beginning it does nothing visible, because no message has come near the goal of 0.933.
# Whether you *want* less confidence depends on where you stop. For Hindi, which the model cannot read, the line is
# above zero almost from the start, and smoothing does not bring it back: confidence learned on English is no knowledge
# about Hindi. What does smoothing change at the last step, in the same draws?

# %%
last = smoothed[smoothed["step"] == checkpoints[-1]].pivot_table(
    index=["language", "draw"], columns="smoothing", values=["confidence", "accuracy"]
)
rows = {}
for k in languages:
    for what in ("confidence", "accuracy"):
        effect = bootstrap_mean(100 * (last.loc[k][what][0.1] - last.loc[k][what][0.0]).to_numpy())
        rows[k, what] = [100 * last.loc[k][what][0.0].mean(), effect.estimate, effect.low, effect.high]
effects = pd.DataFrame(rows, index=["plain (%)", "change by smoothing", "low", "high"]).T
assert (effects.xs("confidence", level=1)["high"] < 0).all(), "smoothing should lower the confidence everywhere"
effects.round(1)

# %% [markdown]
# The confidence falls everywhere. Look at the accuracy before you call that a success: where its interval lies below
# 0, smoothing cost right answers. (A head that has long fitted every training message must now also fit the *soft*
# part of each label exactly, which for hard messages is one more thing to learn by heart.) The interval speaks about
# draws of training messages, on these 150 test messages a language.
#
# > **A misconception.** *"Label smoothing calibrates."* It lowers confidence by a fixed recipe that knows nothing about
# > how often the model is right. Notebook 07 measures calibration and mends it with a temperature, fitted on a dev set.
# > And mind the log: with smoothing on, the reported loss is the smoothed one, also on the dev set. It has a floor above
# > zero and cannot be compared with the loss of a run without.
#
# ## Weigh the classes
#
# A data set in which one class is rare teaches the model that it *is* rare (the gradient of the bias, above). **Class
# weights** make each message of a rare class count more:
#
# $$L_w(\theta) = \sum_i w_{y_i} \log p(y_i \mid x_i; \theta) \qquad\qquad w_c = \frac{N}{C\, n_c} \qquad\qquad
# \frac{\partial L_w}{\partial W} = X^\top \mathrm{diag}(w_{y_1}, \dots, w_{y_N}) (Y - P)$$
#
# with $n_c$ messages of class $c$. This is the language weight once more, $\alpha = 0$, with classes in the place of
# languages, and the same as drawing all classes equally often. One trap in torch: with `weight=`, the mean is
# divided by the sum of the weights *in the batch*, not by the number of messages.

# %% tags=["nbval-check-output"]
n_c = torch.tensor([20, 80, 160], dtype=torch.float64)  # negative, neutral, positive
w = n_c.sum() / (3 * n_c)
of_class = [torch.nonzero(y["en"] == c).flatten() for c in range(3)]
rare = torch.cat([found[: int(n)] for found, n in zip(of_class, n_c)])
leaf = W.clone().requires_grad_()
logits, labels = X["en"][rare] @ leaf, y["en"][rare]
by_hand = (w[labels] * logits.log_softmax(dim=1)[range(len(labels)), labels]).sum()
with_torch = torch.nn.functional.cross_entropy(logits, labels, weight=w)
closed = X["en"][rare].T @ (w[labels][:, None] * (torch.eye(3, dtype=torch.float64)[labels] - logits.softmax(dim=1)))
assert torch.isclose(-by_hand / w[labels].sum(), with_torch), "torch divides by the sum of the weights"
assert torch.allclose(torch.autograd.grad(by_hand, leaf)[0], closed, atol=1e-9), "another gradient"
print("class weights:", *w.numpy().round(3), f"; their sum over all messages: {w[labels].sum():.0f}")

# %% [markdown]
# Over the whole data set these weights add up to $N$, so that nothing differs. In a batch they do not, and a batch that
# happens to hold a rare message has its other messages turned down.
#
# Does it help? We make the English training data lopsided, 20 negative, 80 neutral and 160 positive messages, and train
# heads with and without weights, on ten draws. The test set is balanced. We look at the **recall** of the rare class
# (the share of negative messages that are found), and at the share of negatives that the model *expects*, computed for
# a world that is like the training data, where it should be 20 / 260 = 7.7 %.

# %%
rows = []
for draw in tqdm(range(10), desc="class weights", leave=False):
    generator = torch.Generator().manual_seed(draw)
    shuffled = [found[torch.randperm(len(found), generator=generator)] for found in of_class]
    drawn = torch.cat([found[: int(n)] for found, n in zip(shuffled, n_c)])
    for name, weight in (("plain", None), ("weighted", w)):
        for step, M in heads(X["en"][drawn], y["en"][drawn], weight=weight):
            for k in languages:
                P = (test_X[k] @ M).softmax(dim=1)
                found = [(P.argmax(dim=1) == c)[test_y[k] == c].double().mean().item() for c in range(3)]
                expected = sum(n_c[c] / n_c.sum() * P[test_y[k] == c, 0].mean() for c in range(3)).item()
                rows.append([k, name, step, draw, *(100 * value for value in (found[0], found[2], expected))])
columns = ["language", "loss", "step", "draw", "recall of negative", "recall of positive", "expected negatives"]
lopsided = pd.DataFrame(rows, columns=columns)

# %% [markdown]
# Before you look: a weight of 260 / (3 · 20) = 4.3 makes 20 messages count like 87. Do you expect the gain at the
# beginning of training, at its end, or all along?

# %%
english = lopsided[lopsided["language"] == "en"]
plots.show(
    plots.plot_lines(
        {name: curve(rows, "recall of negative") for name, rows in english.groupby("loss", sort=False)},
        x_label="steps of training", y_label="recall of the rare class (%)", log_x=True,
    ),
    alt="Recall of the rare class on English test messages against the steps of training, with and without class "
    "weights: far apart at the beginning, closer together at the end.",
    caption="Heads on frozen embeddings, 20 negative of 260 messages (10 draws; bands: 95 % over draws; n = 50 "
    "negative test messages).",
)  # fmt: skip


# %%
def with_interval(values):
    found = bootstrap_mean(values.to_numpy())
    return f"{found.estimate:.1f} [{found.low:.1f}, {found.high:.1f}]"


table = lopsided[lopsided["step"].isin((10, checkpoints[-1])) & lopsided["language"].isin(("en", "ar"))]
effect = table.groupby(["language", "step", "loss"], sort=False)[columns[4:]]
early, late = (effect.mean().loc["en", step]["recall of negative"] for step in (10, checkpoints[-1]))
assert early["weighted"] > early["plain"] + 10, "early on, weights should find many more of the rare class"
assert late["weighted"] - late["plain"] < 0.7 * (early["weighted"] - early["plain"]), "the effect should fade"
effect.agg(with_interval)

# %% [markdown]
# Early on, the weights do what they promise: without them the rare class is practically never named. But the two lines
# close up, as training goes on. Byrd and Lipton (2019) found the same in deep networks. Once a model fits *every*
# training message, it does not matter how loudly each one shouts, because none has anything left to say ($1 - p_y$ is
# near 0 for all). Weights need a model that cannot fit everything, or that stops early.
#
# The price stands in the other columns. Recall of the common class goes down. And the weighted model expects more
# negatives than there are in a world like its training data: class weights trade calibrated probabilities for balanced
# decisions. If you need probabilities, train without weights and move the decision threshold instead.
#
# > **A misconception.** *"Rare classes need class weights."* They need them if the cost of a missed negative is higher
# > than its share says, or if the score (macro-F1) says so. Weights put that wish into the training. They bring no
# > information about negatives: 20 messages stay 20 messages.
#
# ## Choose which layers to train
#
# So far: all layers, or the head alone. Between them lies a scale, and each choice is a bet on what pretraining got
# right. Fewer trained parameters cost less memory and cannot distort what the encoder knows about other languages
# (Kumar et al. 2022 show such distortion; Wu and Dredze 2019 had better zero-shot transfer from mBERT when its lowest
# layers were frozen). More trained parameters can learn what the encoder does not offer. `Recipe(trainable=...)` takes
# the beginnings of parameter names and freezes everything else.
#
# We train on English and test on all four languages, zero-shot. Two epochs, no selection of epochs. Each choice has the
# learning rate that gave the lowest loss on the *English dev set* (mean of three seeds), out of three tried beforehand,
# a factor of 2 or 4 apart. It was the largest each time, since two epochs are only 30 steps, and a head alone needs
# steps ten times as large as the rest. No target label was used.

# %%
base = replace(default_recipe("use-m"), epochs=2)
choices = {
    "head": replace(base, trainable=("classifier",), learning_rate=1.6e-2),
    "sentence layers + head": replace(base, trainable=("encoder.dnn", "classifier"), learning_rate=1.6e-3),
    "all but embeddings": replace(base, learning_rate=1.6e-3),
}
english, test = select_language(train, "en"), {k: select_language(data["test"], k) for k in languages}

# %% [markdown]
# Nine trainings. The time we note is that of the processor, summed over its cores, and the least of the three seeds:
# other programs on the machine can only add to it.

# %%
import time

answers, costs = {name: {k: [] for k in languages} for name in choices}, {}
for name, recipe in tqdm(choices.items(), desc="choices of layers", leave=False):
    seconds = []
    for seed in range(3):
        began = time.process_time()
        result = finetune("use-m", english, recipe=recipe, seed=seed, progress=False)
        seconds.append(time.process_time() - began)
        for k in languages:
            answers[name][k].append(predict(result.model, result.tokenizer, test[k]).argmax(axis=1))
    parameters = sum(p.numel() for p in result.model.parameters() if p.requires_grad)
    costs[name] = [parameters, 8 * parameters / 1e6, min(seconds)]

# %%
columns = ["trained parameters", "AdamW's memory (MB)", "processor seconds"]
costs = pd.DataFrame(costs, index=columns).T.astype({"trained parameters": int})
assert costs["trained parameters"].is_monotonic_increasing and costs.loc["head", "trained parameters"] == 513 * 3
relative = costs["processor seconds"] / costs.loc["all but embeddings", "processor seconds"]
costs.drop(columns="processor seconds").assign(**{"time, relative to all": relative.round(1)}).round(2)


# %% [markdown]
# Three orders of magnitude in parameters, and far less in time. The head alone still runs every message *forward*
# through the encoder in every epoch, and saves the way back. (The heads of the sections above were so quick because
# their embeddings were computed once and kept, which one can do only if nothing below the head changes.) AdamW keeps
# two numbers of four bytes for each trained parameter. For USE-M that is small change; for a model of 270 million
# parameters it decides whether a GPU is large enough.
#
# And the scores? Beside them stand two baselines: the constant answer, and TF-IDF with logistic regression trained on
# the *target's own* messages.

# %%
from xlft_helpers.evaluation import baseline_predictions, bootstrap_macro_f1

labels = {k: np.asarray(test[k]["label"]) for k in languages}
for name, method in {"majority": "majority", "tf-idf, own messages": "tfidf"}.items():
    answers[name] = {k: [baseline_predictions(method, select_language(train, k), test[k])] for k in languages}
intervals = {
    name: {k: bootstrap_macro_f1(labels[k], np.stack(found[k]), len(names)) for k in languages}
    for name, found in answers.items()
}
print(f"macro-F1 in points [95 %]; trained on English, 3 seeds; {len(labels['en'])} test messages a language")
pd.DataFrame(intervals).map(lambda i: f"{100 * i.estimate:.1f} [{100 * i.low:.0f}, {100 * i.high:.0f}]").T

# %%
from xlft_helpers.evaluation import paired_test

rows = {}
for first, second in combinations(choices, 2):
    for k in languages:
        found = paired_test(labels[k], *(np.stack(answers[name][k]) for name in (first, second)), len(names))
        points = 100 * np.array([found.difference, found.low, found.high])
        word = "cannot tell" if not found.distinguishable else first if points[0] > 0 else second
        rows[f"{first} minus {second}", k] = [*points.round(1), round(found.p_value, 3), word]
verdicts = pd.DataFrame(rows, index=["points", "low", "high", "p", "better"]).T
unclear = (verdicts["better"] == "cannot tell").sum()
print(f"Cannot tell in {unclear} of {len(verdicts)} comparisons.")
for name in choices:
    assert min(intervals[name][k].low for k in covered) > 0.3, f"{name} should beat the constant answer"
verdicts

# %% [markdown]
# Every choice beats the constant answer in the covered languages. Between the choices, read the last column, row by
# row. Where it says "cannot tell", the widths of the intervals say what could have been missed: with 480 training
# messages, 150 test messages and three seeds that is several points either way, so neither "the head is enough" nor
# "train everything" is shown. What *is* shown is the price list above. If the cheap choice cannot be told from the
# dear one, take the cheap one, and come back to the question when you have more data. Two things usually shift it
# towards training more: more labelled messages, and a task that is further from what the encoder was pretrained for.
#
# Hindi is a case of its own once more. None of the choices can train the model to read pieces that the tokenizer has
# thrown away. Compare its row with `tf-idf, own messages`, which has 120 Hindi messages and needs no tokenizer.
#
# > **A misconception.** *"Freezing protects the other languages."* It keeps the encoder as it was. Whether that
# > protects the *score* is another question: the head is trained on English alone in any case, and it can rely on what
# > only English shows.
#
# ## Exercise 1: recover the objective from a log
#
# A log holds the mean loss of each batch and the number of messages in it. Return $L_{fine}$ over all of them, in nats.
#
# *Hint:* a mean times its count is a sum. And an objective is what training makes *large*.

# %%
from xlft_helpers.teaching import check


def objective_from_log(losses, sizes):
    """Return L_fine; ``losses`` are the batches' mean losses, ``sizes`` their numbers of messages (two lists)."""
    # --- stub
    return ...
    # --- solution
    return -sum(loss * size for loss, size in zip(losses, sizes))
    # --- end


check.objective_from_log(objective_from_log)

# %% [markdown]
# ## Exercise 2: turn α into weights
#
# Write the weights $w_k$ with which $L_{cross}$ does, in expectation, what sampling with $\alpha$ does. `counts` maps a
# language to its number of messages $M_k$.
#
# *Hint:* $w_k = p_k N / M_k$. With $\alpha = 1$ every weight must come out as 1.


# %%
def language_weights(counts, alpha):
    """Return a dictionary of language to weight."""
    # --- stub
    return ...
    # --- solution
    powers = {k: M**alpha for k, M in counts.items()}
    N, total = sum(counts.values()), sum(powers.values())
    return {k: powers[k] / total * N / counts[k] for k in counts}
    # --- end


check.language_weights(language_weights)

# %% [markdown]
# ## Exercise 3: the push of a smoothed label
#
# For one message: given its logits (a tensor of $C$ numbers), the index of the true class and $\varepsilon$, return the
# gradient of $\sum_c q_c \log p_c$ by the logits, a tensor of $C$ numbers.
#
# *Hint:* truth minus belief. The softened truth of *every* class holds $\varepsilon / C$, the true one's too.


# %%
def smoothed_push(logits, label, smoothing):
    """Return q - p for one message."""
    # --- stub
    return ...
    # --- solution
    q = torch.full_like(logits, smoothing / len(logits))
    q[label] += 1 - smoothing
    return q - logits.softmax(dim=0)
    # --- end


check.smoothed_push(smoothed_push)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("03_finetuning_objectives")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# - $L_{fine}$ is the logarithm of the likelihood of the labels. The reported loss is $-L_{fine} / N$, over messages and
#   not over batches.
# - Its gradient is *truth minus belief*, $X^\top (Y - P)$ for the head. AdamW's first step keeps only its sign.
# - $L_{cross}$ is one sum: by language or in one batch, value and gradient are the same on the whole model. A mean of
#   language means is a weighted sum.
# - Sampling with $\alpha$ is, in expectation, weighting with $w_k = p_k N / M_k$, and less noisy.
# - Languages are tasks that share all weights. Gradient cosines need the same-language baseline. Covered languages pull
#   nearly alike on the pretrained model and less so later; Hindi pulls alone.
# - Label smoothing lowers confidence, class weights raise the rare class's recall while the model cannot fit
#   everything. Both have a price. Measure it.
# - Freezing saves memory and some time. Whether it costs or gains score is for a paired test to say, if it can.
#
# ## Read on
#
# - Loshchilov and Hutter 2019, *Decoupled Weight Decay Regularization* (ICLR): AdamW.
# - Yu et al. 2020, *Gradient Surgery for Multi-Task Learning* (NeurIPS), and Wang et al. 2021, *Gradient Vaccine*
#   (ICLR): gradient cosines between tasks and between languages, and what to do about them.
# - Wang, Lipton and Tsvetkov 2020, *On Negative Interference in Multilingual Models* (EMNLP).
# - Szegedy et al. 2016, *Rethinking the Inception Architecture for Computer Vision* (CVPR), section 7: label smoothing.
# - Müller, Kornblith and Hinton 2019, *When Does Label Smoothing Help?* (NeurIPS).
# - Byrd and Lipton 2019, *What is the Effect of Importance Weighting in Deep Learning?* (ICML).
# - Wu and Dredze 2019, *Beto, Bentz, Becas: The Surprising Cross-Lingual Effectiveness of BERT* (EMNLP): freezing
#   layers for zero-shot transfer.
# - Kumar et al. 2022, *Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution* (ICLR).
#
# {{navigation}}
