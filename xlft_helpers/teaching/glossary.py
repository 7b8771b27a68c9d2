"""The course's terms, each said once and used the same everywhere."""

from xlft_helpers.errors import DataError

GLOSSARY = {
    "monolingual model": "A model pretrained on the text of one language, with a vocabulary made for it.",
    "multilingual model": "One model, with one vocabulary and one set of weights, pretrained on the text of several languages.",
    "cross-lingual": "Across languages: learned or asked in one language, applied or answered in another.",
    "coverage": "The languages whose text a model was pretrained on.",
    "source language": "The language whose labelled examples a model is fine-tuned on.",
    "target language": "A language that the fine-tuned model is applied to.",
    "zero-shot": "Applied to a target language without a single labelled example of it.",
    "few-shot": "Fine-tuned with a handful of labelled examples of the target language added.",
    "per-language fine-tuning": "One model a language, each fine-tuned on that language only.",
    "merged fine-tuning": "One model fine-tuned on the labelled data of all languages together (also: multilingual).",
    "transfer gap": "The score on the source language minus the mean score on the target languages.",
    "transfer matrix": "The scores of models trained on each language (rows), tested on each language (columns).",
    "encoder": "A network that turns text into vectors; pretrained once, fine-tuned for many tasks.",
    "head": "The small layer on top of an encoder that turns its vectors into scores for the labels.",
    "piece": "What a tokenizer cuts text into: a word, part of a word, or a character (also: subword, token).",
    "fertility": "Pieces a tokenizer spends on a word; where the script has no spaces, on a character.",
    "premium": "Pieces of a text divided by the pieces of the same text in a reference language.",
    "unknown piece": "What a tokenizer writes where its vocabulary lacks a character; what stood there is lost.",
    "character coverage": "The share of a text's characters that a tokenizer can write down without its unknown piece.",
    "byte fallback": "Writing a character that the vocabulary lacks as its UTF-8 bytes, one to four pieces each.",
    "truncation": "Cutting off what exceeds the longest input a model takes.",
    "language sampling": "Drawing language k with probability p_k proportional to M_k^α, M_k being its number of examples.",
    "curse of multilinguality": "At a fixed size, a model that covers more and more languages ends up worse at each of them.",
    "draw": "One random choice of the few labelled examples that a few-shot model is trained on.",
    "parallel texts": "The same texts in several languages, aligned one to one.",
    "shared space": "A space of vectors in which texts of similar meaning lie close together whatever their language.",
    "mean-centring": "Taking a language's mean vector off all of its vectors, which moves the languages onto each other.",
    "precision at 1": "The share of queries whose nearest candidate is the right one, in retrieval across languages the translation (P@1).",
    "macro-F1": "The mean of the classes' F1 scores, each class counting the same.",
    "confidence": "The probability that a model gives to its own answer.",
    "confidence interval": "A range computed from a sample so that, over many samples, a stated share of such ranges holds the true value.",
    "bootstrap": "Estimating the uncertainty of a score by computing it on resamples of the data, drawn with replacement.",
    "paired test": "A test that compares two systems on the same examples.",
    "calibration": "How well a model's confidence matches how often it is right.",
    "expected calibration error": "The mean distance between confidence and accuracy over bins of confidence, weighted by their size.",
    "leakage": "Test material, or a near-copy of it, among the training data.",
    "class prior": "The share of a label in a data set.",
    "logit": "What a classifier computes for a class before the softmax; only differences between logits matter.",
    "softmax": "The exponentials of the logits divided by their sum: positive numbers that add up to 1.",
    "likelihood": "The probability that a model gives to all observed labels together, as a function of its parameters.",
    "nat": "The unit of a natural logarithm of a probability; 1 nat is 1.44 bits.",
    "objective": "What training makes as large as it can; here a sum of log-probabilities, in nats.",
    "loss": "What a trainer makes as small as it can and reports: the objective with the sign turned, per example.",
    "learning rate": "How far a training step goes along the gradient; with AdamW, about how far a weight moves.",
    "interference": "What a step for one task takes away from another; to first order, a negative product of their gradients.",
    "gradient cosine": "The cosine of the angle between two gradients: 1 the same direction, 0 indifferent, below 0 opposed.",
    "label smoothing": "Training towards labels of which a share ε is spread evenly over all classes.",
    "class weight": "A factor on the log-probability of each example of a class; usually larger for rare classes.",
    "freezing": "Leaving a part of a model's parameters as they are while the others are trained.",
    "recall": "The share of a class's examples that are found.",
    "baseline": "A simple method whose score a result is compared with.",
    "seed": "The number that fixes a run's random choices: the head's first weights, the order of the batches, dropout.",
    "causal language modelling": "Pretraining by predicting each piece from the pieces before it (CLM).",
    "masked language modelling": "Pretraining by predicting hidden pieces from the pieces on both sides (MLM).",
    "translation language modelling": "Masked language modelling on a text and its translation side by side (TLM).",
    "perplexity": "e to the mean negative log-likelihood a piece: as if the model chose among so many equally likely pieces.",
    "bits per character": "Negative log-likelihood in bits, divided by the characters: comparable between tokenizers.",
    "distillation": "Training a small model (student) to give the answers or the vectors of another one (teacher).",
    "mean pooling": "Taking the mean of a text's piece vectors as the vector of the text.",
    "Fake-English": "English with every piece id shifted by the size of the vocabulary: a second language with the same grammar and no shared piece.",
    "position embedding": "A learned vector for each place in the input, added to the piece's vector; without it a Transformer sees a bag of pieces.",
    "overlap": "The share of a vocabulary's pieces that two languages have in common.",
    "over-parameterised": "With room for more than the task needs, so that a model can keep its languages apart at no loss.",
    "ablation": "Taking one ingredient away, with all else equal, to see what it contributed.",
    "lexical expert": "A score for every piece and label, learned beside the encoder's head and multiplied with its answer.",
}


def define(term: str) -> str:
    """The definition of a term.

    Raises:
        DataError: the glossary does not have it.
    """
    if term not in GLOSSARY:
        raise DataError(f"The glossary has no {term!r}; it has: {', '.join(GLOSSARY)}.")
    return GLOSSARY[term]
