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
# laptop. `finetune` puts a fresh classification *head* on it and trains both on 480 English messages. The dev messages
# decide which epoch is kept. They are English too: not one label of another language is used.
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
from xlft_helpers.finetuning import predict

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
import pandas as pd

from xlft_helpers.evaluation import bootstrap_macro_f1

rows = []
for language, group in test.groupby("language", sort=False):
    labels, answers = (group[column].map(names.index).to_numpy() for column in ("label", "prediction"))
    interval = bootstrap_macro_f1(labels, answers, num_labels=len(names))
    rows.append({"language": language, "n": len(group), "macro-F1": interval.estimate, "low": interval.low, "high": interval.high})
scores = pd.DataFrame(rows).set_index("language")
(100 * scores[["macro-F1", "low", "high"]]).round(1).assign(n=scores["n"], majority=16.7)
