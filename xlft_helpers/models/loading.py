"""`load_model` and `load_tokenizer`: one door for the offline model, the Hub's models and local folders."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils.logging import (
    disable_progress_bar,
    enable_progress_bar,
    get_verbosity,
    set_verbosity,
    set_verbosity_error,
)

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

from .memory import check_memory
from .use_m import (
    UseMConfig,
    UseMForSequenceClassification,
    UseMForTokenClassification,
    UseMModel,
    load_use_m,
    load_use_m_tokenizer,
)


@dataclass(frozen=True)
class HubModel:
    """Where a model of the Hub is."""

    repository: str
    revision: str = "main"


HUB_MODELS = {
    "mbert": HubModel("google-bert/bert-base-multilingual-cased"),
    "xlm": HubModel("FacebookAI/xlm-mlm-100-1280"),
    "xlmr": HubModel("FacebookAI/xlm-roberta-base"),
}
"""The short names of the ``full`` profile."""

MINI = Path(__file__).parent / "mini"
"""The course's own BERT, in the package; its MODEL_CARD.md says how it was made."""

TASKS: dict[str, Any] = {
    "embedding": (UseMModel, AutoModel),
    "masked-lm": (None, AutoModelForMaskedLM),
    "sequence-classification": (UseMForSequenceClassification, AutoModelForSequenceClassification),
    "token-classification": (UseMForTokenClassification, AutoModelForTokenClassification),
}
"""Task name to the class for USE-M (``None``: it cannot do this) and the `transformers` auto class for the others."""

HEADLESS = ("embedding", "masked-lm")
"""The tasks without labels."""


def load_model(
    name: str,
    task: str = "sequence-classification",
    label_names: Sequence[str] | None = None,
    trainable_embeddings: bool = False,
    lexical_expert: bool = False,
) -> PreTrainedModel:
    """Load a pretrained model with a head for a task.

    Args:
        name: ``"use-m"`` (offline default); ``"mini"``, the course's own BERT (offline); ``"mbert"``, ``"xlm"``,
            ``"xlmr"`` or any Hub id (``full`` profile); or a folder with a saved model.
        task: ``"sequence-classification"`` (default), ``"token-classification"``, ``"masked-lm"`` (fill in blanks, with
            the head of the pretraining; not for USE-M) or ``"embedding"`` (no head).
        label_names: names of the classes in the order of their indices; required with a head, except for a folder
            whose checkpoint has a head already.
        trainable_embeddings: let training change the piece embeddings. Default ``False``: they hold most of the
            parameters and little training text touches them.
        lexical_expert: give a new USE-M sequence classifier a lexical expert beside its head (default: none). A folder's
            checkpoint knows whether it has one, and no other model can.

    Returns:
        The model in evaluation mode. A new head has fresh weights: set the seed first.

    Raises:
        ModelError: unknown task or name, no network for a Hub model, a checkpoint with another number of labels, or
            less free memory than the weights need.
    """
    config = load_config(name, task, label_names, trainable_embeddings, lexical_expert)
    use_m_class, auto_class = TASKS[task]
    if name == "use-m":
        check_memory(use_m_class, config, name)
        return load_use_m(use_m_class, cast(UseMConfig, config))
    repository, options = _locate(name)
    check_memory(auto_class, config, name)
    model = _load(auto_class, repository, {**options, "config": config, "use_safetensors": True})
    model.get_input_embeddings().requires_grad_(trainable_embeddings)
    return model.float().eval()  # a checkpoint in half precision is trained in float32 all the same


def load_config(
    name: str,
    task: str = "sequence-classification",
    label_names: Sequence[str] | None = None,
    trainable_embeddings: bool = False,
    lexical_expert: bool = False,
) -> PretrainedConfig:
    """The configuration that :func:`load_model` would build its model from; no weights are read.

    Args and errors: as for :func:`load_model`.
    """
    if task not in TASKS:
        raise ModelError(f"task={task!r} is unknown; choose one of {', '.join(map(repr, TASKS))}.")
    labels = _label_settings(label_names) if task not in HEADLESS else {}
    if name == "use-m":
        if TASKS[task][0] is None:
            raise ModelError("USE-M was not pretrained to fill in blanks. Choose 'mini' for the task 'masked-lm'.")
        if task not in HEADLESS and not labels:
            raise ModelError(f"load_model('use-m', {task!r}) needs label_names, e.g. ['negative', 'positive'].")
        return UseMConfig(quantized_embeddings=not trainable_embeddings, lexical_expert=lexical_expert, **labels)
    repository, options = _locate(name)
    if settings.device().type == "cpu" and settings.precision().bf16:
        # On a CPU, torch's fused attention takes several times as long backward in bfloat16 as its parts do one by one.
        options = {**options, "attn_implementation": "eager"}
    config = _load(AutoConfig, repository, options)
    _check_labels(name, config, labels, task)
    for key, value in labels.items():
        setattr(config, key, value)
    return config


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the fast tokenizer that belongs to a model; names as in :func:`load_model`.

    Raises:
        ModelError: unknown name, or no network for a Hub model.
    """
    if name == "use-m":
        return load_use_m_tokenizer()
    repository, options = _locate(name)
    file = Path(repository) / "tokenizer.json"
    return (
        _read_tokenizer(repository, file.stat().st_mtime_ns)
        if file.is_file()
        else _load(AutoTokenizer, repository, options)
    )


@lru_cache(maxsize=2)
def _read_tokenizer(folder: str, modified: int) -> PreTrainedTokenizerBase:
    """A folder's tokenizer; read once, since a large vocabulary takes seconds and hundreds of megabytes to parse.

    ``modified`` is the time of the file's last change: a tokenizer that was saved anew is read anew.
    """
    return _load(AutoTokenizer, folder, {"local_files_only": True})


def _label_settings(label_names: Sequence[str] | None) -> dict[str, Any]:
    if label_names is None:
        return {}
    if len(label_names) < 2:
        raise ModelError(f"label_names holds {len(label_names)} name(s); classification needs two or more.")
    return {
        "num_labels": len(label_names),
        "id2label": dict(enumerate(label_names)),
        "label2id": {label: index for index, label in enumerate(label_names)},
    }


def _locate(name: str) -> tuple[str, dict[str, Any]]:
    """The folder or repository behind ``name``, and the options of ``from_pretrained``."""
    if name == "mini":
        return str(MINI), {"local_files_only": True}
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise ModelError(
                f"The folder {name} has no config.json: it is not a saved model. Name a folder made by save_pretrained()."
            )
        return name, {"local_files_only": True}
    if name not in HUB_MODELS and "/" not in name:
        known = ", ".join(map(repr, ["use-m", "mini", *HUB_MODELS]))
        raise ModelError(
            f"There is no model {name!r}: choose {known}, a Hub id such as 'owner/name', or an existing folder."
        )
    hub = HUB_MODELS.get(name, HubModel(name))
    offline = settings.profile() == "offline"
    return hub.repository, {"revision": hub.revision, "local_files_only": offline}


def _load(auto_class: Any, repository: str, options: dict[str, Any]) -> Any:
    if options["local_files_only"]:
        disable_progress_bar()  # reading from disk takes no time worth a bar
    else:
        enable_progress_bar()
    verbosity = get_verbosity()
    set_verbosity_error()  # a report of weights that the task has no use for, or that are fresh, would only worry
    try:
        return auto_class.from_pretrained(repository, **options)
    except (OSError, ValueError, SafetensorError) as error:
        if Path(repository).is_dir():
            raise ModelError(f"The model in {repository} cannot be loaded: {error}") from error
        if options["local_files_only"]:
            raise ModelError(
                f"{repository} is not in the local cache and the offline profile downloads nothing. Set XLFT_PROFILE=full "
                "where there is a network, or give the folder of a saved copy."
            ) from error
        raise ModelError(f"{repository} cannot be loaded from the Hub: {error}") from error
    finally:
        set_verbosity(verbosity)


def _check_labels(name: str, config: Any, labels: dict[str, Any], task: str) -> None:
    """A checkpoint that already has a head must have it for the labels asked for."""
    architectures = config.architectures or []
    suffix = {"sequence-classification": "ForSequenceClassification", "token-classification": "ForTokenClassification"}
    has_head = any(architecture.endswith(suffix.get(task, "?")) for architecture in architectures)
    if has_head and labels and config.num_labels != labels["num_labels"]:
        raise ModelError(
            f"The checkpoint {name} was fine-tuned for {config.num_labels} labels {list(config.id2label.values())}, and "
            f"{labels['num_labels']} are asked for {list(labels['label2id'])}. Use the data it was made for, or start "
            "from the pretrained model."
        )
    if not has_head and not labels and task not in HEADLESS:
        raise ModelError(f"The checkpoint {name} has no head for {task}: say label_names=[...].")
