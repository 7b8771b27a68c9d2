# %% [markdown]
# # Start here: train in English, read French, Arabic and Chinese
#
# {{badges}}
#
# > **You will** train a classifier on English messages only, apply it to nine other languages, and read the result with
# > a baseline and an interval beside it. **You will** also check that your set-up works and learn how the course is used.
# >
# > **You need** Python, and a rough idea of what "training a model" means. No GPU, no network once the course is installed.
# >
# > **Time:** {{time}}.

# %% [markdown]
# ## Know what this course is about
#
# A *multilingual* model has read text in many languages. If you fine-tune it on labelled examples of one language, it
# can often do the same task in the others. This is called **zero-shot cross-lingual transfer**: zero labelled examples
# of the target language.
#
# It sounds like translation, but nothing is translated. The pretrained encoder gives sentences of similar meaning
# similar vectors, whatever their language. A classifier that has learned which *region* of that space is "positive"
# finds other languages' positive sentences in about the same region. "About" is the word to watch: how well this works
# differs from language to language, and this course is largely about measuring it.

# %% [markdown]
# ## Check the set-up
#
# The next cell looks at everything the course needs. If a line says `MISSING`, it also says how to get it.

# %%
from xlft_helpers.doctor import examine

for finding in examine():
    if not finding.ok:
        print("MISSING", finding.subject, finding.text)
print("Set-up checked.")

# %% [markdown]
# ## Look at the data
#
# The bundled corpus, `tweets`, holds short messages written for this course in ten languages, each labelled with the
# feeling its author expresses: negative, neutral or positive. The test messages are the same 150 in every language, so
# that scores can be compared between languages.

# %% tags=["nbval-check-output"]
from xlft_helpers.data import languages_of, load_data, select_language

data = load_data("tweets")
for split, rows in data.items():
    print(f"{split:5}  {len(rows):5} messages in {len(languages_of(rows))} languages")

# %% [markdown]
# Here is one test message in five of the languages. Arabic runs from right to left; Chinese has no spaces. A method
# that looks for the same *words* in two of these rows would find almost nothing.

# %% tags=["nbval-check-output"]
from xlft_helpers.teaching import show_messages

test = data["test"].to_pandas()
one = test[(test["id"] == "test-025") & test["language"].isin(["en", "fr", "ar", "zh", "hi"])]
show_messages(one[["language", "text"]], caption="Test message 25 in five languages. Its label is: positive.")

# %% [markdown]
# ## Train on English only
#
# The offline model is **USE-M**, Google's multilingual universal sentence encoder: 16 languages, small enough for a
# laptop. `finetune` puts a fresh classification *head* on it, a small layer that turns the encoder's vectors into scores
# for the labels, and trains both on 480 English messages, three times over. After each of these *epochs* the dev
# messages are scored, and they decide which epoch is kept. They are English too: not one label of another language is used.
#
# What do we expect? Three balanced labels mean that guessing scores about 33 points. The model has read all of these
# languages but Hindi, so it should do clearly better than guessing everywhere else.

# %%
from xlft_helpers.finetuning import finetune

english = {split: select_language(data[split], "en") for split in ("train", "dev")}
result = finetune("use-m", english["train"], english["dev"], seed=0)
print(f"Kept epoch {result.best_epoch}.")

# %% [markdown]
# ## Read the other languages
#
# `predict` returns one row of probabilities a message. The column `prediction` is the label with the highest one, and
# `confidence` is that probability.

# %%
from xlft_helpers.data import label_names
from xlft_helpers.inference import predict

names = label_names(data)
probabilities = predict(result.model, result.tokenizer, data["test"])
test["label"] = [names[label] for label in test["label"]]
test["prediction"] = [names[label] for label in probabilities.argmax(axis=1)]
test["confidence"] = probabilities.max(axis=1)

# %%
sample = test[test["language"].isin(["fr", "ar", "zh"])].groupby("language").head(3)
show_messages(
    sample[["language", "text", "label", "prediction", "confidence"]],
    caption="The first three test messages in French, Arabic and Chinese, read by a model trained on English.",
)

# %% [markdown]
# Some are right and some are not, and nine messages prove nothing. So let us count over all 150 in each language.
#
# ## Put a number on it
#
# The score is **macro-F1**, in points from 0 to 100: the F1 score of each label, averaged so that each label counts the
# same. With 150 messages a score is uncertain by several points, so each comes with a 95 % bootstrap interval. And it
# stands beside a baseline, here the label that is most frequent in training.

# %%
import numpy as np
import pandas as pd

from xlft_helpers.evaluation import bootstrap_macro_f1, score

rows = {}
for language, group in test.groupby("language", sort=False):
    labels, answers = (group[column].map(names.index).to_numpy() for column in ("label", "prediction"))
    interval = bootstrap_macro_f1(labels, answers, num_labels=len(names))
    majority = score(labels, np.zeros_like(labels), num_labels=len(names)).macro_f1
    rows[language] = [interval.estimate, interval.low, interval.high, majority]
scores = (100 * pd.DataFrame(rows, index=["macro-F1", "low", "high", "majority"]).T).round(1)
scores

# %% [markdown]
# Read the table in three steps. First, the baseline: every score of a covered language should lie well above the 16.7
# points of the constant answer. Second, the intervals: most of the differences *between* languages are smaller than
# they are wide. Third, the last rows: **Hindi** was not among the 16 languages USE-M was trained on, and its interval
# shows what a model does outside its coverage.
#
# One run with one seed is a look, not a result. Notebook 05 repeats it with several seeds and asks what explains the gaps.

# %% [markdown]
# ## Try it yourself
#
# Type a message in any language and press the button or the Enter key. The table shows the probability of each label.

# %%
import html

from xlft_helpers.teaching import ask


def read(text):
    values = predict(result.model, result.tokenizer, [text])[0]
    cells = "".join(f"<td>{name}: {value:.2f}</td>" for name, value in zip(names, values))
    return f"<table><tr><td dir='auto'>{html.escape(text)}</td>{cells}</tr></table>"


ask(read, start="Quel bonheur, le train est à l'heure et le café est chaud !")

# %% [markdown]
# The message in the box at the start is a happy one ("What a joy, the train is on time and the coffee is hot!"). Was it
# read so? One model with one seed makes such mistakes, with confidence. Try irony ("Great, another delay"), a language that USE-M has never seen, or an emoji alone. The model has no way to
# say "I don't know": it always spreads probability 1 over three labels.

# %% [markdown]
# ## Use the course
#
# - **In order or not.** Notebooks 04 to 07 are the core: data, zero-shot, merged, evaluation. Each says at its top which
#   earlier notebook it builds on, so you may begin with the core and come back to the theory.
# - **Words.** `from xlft_helpers.teaching import define`, then `define("bootstrap")`: the glossary knows the course's
#   terms.
# - **Exercises** are cells with three dots. Replace the dots, run the cell, and the check below explains what it finds.
#   A notebook runs to its end with the exercises untouched. The folder `solutions` holds the same notebooks solved.
# - **Full size.** Everything here runs offline on two CPU cores. Where you have a GPU and a network, set
#   `XLFT_PROFILE=full` before starting Jupyter, and the same cells run XLM-R on real tweets.
#
# ## Exercise 1: find the most confident row
#
# Confidence is the highest probability in a row, whichever class it belongs to. Write a function that takes a table of
# probabilities (a list of rows) and returns the index of the row the model is most confident about.
#
# *Hint:* `max(row)` is a row's confidence; `numpy.argmax` gives the index of the largest of several numbers.

# %%
from xlft_helpers.teaching import check


def most_confident(probabilities):
    """Return the index of the row with the highest confidence."""
    # --- stub
    return ...
    # --- solution
    return int(np.argmax([max(row) for row in probabilities]))
    # --- end


check.most_confident(most_confident)

# %% [markdown]
# ## Exercise 2: compute the baseline
#
# Which macro-F1, in points, does a "model" get that always answers *neutral*, on a test set with equally many messages
# of each of three labels? Work it out with F1 = 2 · precision · recall / (precision + recall), then check it against the
# table above.

# %%
# --- stub
baseline = ...
# --- solution
baseline = 100 * (2 * (1 / 3) * 1 / (1 / 3 + 1) + 0 + 0) / 3
# --- end
check.majority_macro_f1(baseline)

# %% [markdown]
# ## Quiz
#
# Choose an answer; every choice is explained.

# %%
from xlft_helpers.teaching import quiz

quiz("00_start_here")

# %% [markdown]
# <details><summary>The same questions without a running kernel</summary>
#
# {{quiz}}
#
# </details>

# %% [markdown]
# ## Recap
#
# You trained on English and read nine other languages. The scores beat the constant answer clearly where the model was
# pretrained on the language, and their intervals are wide, because 150 messages are few. Zero-shot means zero *labelled*
# examples, not zero knowledge of the language.
#
# ## Read on
#
# Yang et al. 2020, *Multilingual Universal Sentence Encoder for Semantic Retrieval* (ACL, system demonstrations), is
# the paper behind the offline model. Hu et al. 2020, *XTREME* (ICML), is the benchmark that made zero-shot transfer a
# standard test.
#
# {{navigation}}
