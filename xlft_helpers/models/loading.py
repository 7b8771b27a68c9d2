"""`load_model` and `load_tokenizer`: one door for the offline model, the Hub's models and local folders."""

import hashlib
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
    get_verbosity,
    set_verbosity,
    set_verbosity_error,
)

from xlft_helpers import settings
from xlft_helpers.errors import ModelError

from .hub import CONFIG, TOKENIZER_FILES, fetch_snapshot
from .memory import check_memory
from .use_m import (
    UseMConfig,
    UseMForSequenceClassification,
    UseMForTokenClassification,
    UseMModel,
    load_use_m,
    load_use_m_tokenizer,
)
from .xlm import load_xlm_tokenizer


@dataclass(frozen=True)
class HubModel:
    """Where a model of the Hub is, and the SHA-256 of its ``model.safetensors`` where that is known."""

    repository: str
    revision: str = "main"
    weights_sha256: str | None = None


HUB_MODELS = {
    "mbert": HubModel("google-bert/bert-base-multilingual-cased", "3f076fdb1ab68d5b2880cb87a0886f315b8146f8"),
    "xlm": HubModel("FacebookAI/xlm-mlm-100-1280"),  # no commit could be confirmed: see its model page and pin one
    "xlmr": HubModel(
        "FacebookAI/xlm-roberta-base",
        "e73636d4f797dec63c3081bb6ed5c7b0bb3f2089",
        "6fd4797bc397c3b8b55d6bb5740366b57e6a3ce91c04c77f22aafc0c128e6feb",
    ),
}
"""The short names of the ``full`` profile. Commits and hash stand in many public projects that pin the same models."""

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
            ``"xlmr"`` or any Hub id, also at a revision: ``"owner/name@revision"`` (``full`` profile); or a folder with
            a saved model.
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
        ModelError: unknown task or name, no network for a Hub model, a checkpoint with another number of labels or that
            needs code of its own, or less free memory than the weights need.
        DownloadError: a Hub model's files cannot be had whole.
    """
    config = load_config(name, task, label_names, trainable_embeddings, lexical_expert)
    use_m_class, auto_class = TASKS[task]
    if name == "use-m":
        check_memory(use_m_class, config, name)
        return load_use_m(use_m_class, cast(UseMConfig, config))
    check_memory(auto_class, config, name)  # before the weights are downloaded
    model = _load(auto_class, _locate(name), config=config, use_safetensors=True)
    model.config.name_or_path = name  # not the folder in the cache: results and the retriever name models by it
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
    # On a CPU, torch's fused attention takes several times as long backward in bfloat16 as its parts do one by one.
    slow_fusion = settings.device().type == "cpu" and settings.precision().bf16
    attention = {"attn_implementation": "eager"} if slow_fusion else {}
    config: PretrainedConfig = _load(AutoConfig, _locate(name, weights=False), **attention)
    _check_labels(name, config, labels, task)
    for key, value in labels.items():
        setattr(config, key, value)
    return config


def weights_fingerprint(name: str) -> str | None:
    """SHA-256 of the model and tokenizer in a folder, which may change; ``None`` for a model that has a name."""
    if name in ("use-m", "mini") or not Path(name).is_dir():
        return None
    digest = hashlib.sha256()
    for path in sorted(Path(name).iterdir()):
        if path.suffix == ".safetensors" or path.name in (CONFIG, *TOKENIZER_FILES):
            digest.update(path.name.encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def load_tokenizer(name: str) -> PreTrainedTokenizerBase:
    """Load the tokenizer that belongs to a model; names as in :func:`load_model`.

    Raises:
        ModelError: unknown name, no network for a Hub model, or a package that the tokenizer needs is not installed.
        DownloadError: a Hub model's files cannot be had whole.
    """
    if name == "use-m":
        return load_use_m_tokenizer()
    folder = _locate(name, weights=False)
    file = folder / "tokenizer.json"
    if file.is_file():
        return _read_tokenizer(folder, file.stat().st_mtime_ns)
    config = _load(AutoConfig, folder)
    return load_xlm_tokenizer(folder, config) if config.model_type == "xlm" else _load(AutoTokenizer, folder)


@lru_cache(maxsize=2)
def _read_tokenizer(folder: Path, modified: int) -> PreTrainedTokenizerBase:
    """A folder's tokenizer; read once, since a large vocabulary takes seconds and hundreds of megabytes to parse.

    ``modified`` is the time of the file's last change: a tokenizer that was saved anew is read anew.
    """
    return _load(AutoTokenizer, folder)


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


def _locate(name: str, weights: bool = True) -> Path:
    """The folder with the files of ``name``; a Hub model's are fetched, its weights only where they are needed."""
    if name == "mini":
        return MINI
    if Path(name).is_dir():
        if not (Path(name) / "config.json").is_file():
            raise ModelError(
                f"The folder {name} has no config.json: it is not a saved model. Name a folder made by save_pretrained()."
            )
        return Path(name)
    if name not in HUB_MODELS and "/" not in name:
        known = ", ".join(map(repr, ["use-m", "mini", *HUB_MODELS]))
        raise ModelError(
            f"There is no model {name!r}: choose {known}, a Hub id such as 'owner/name', or an existing folder."
        )
    repository, _, revision = name.partition("@")
    hub = HUB_MODELS.get(name) or HubModel(repository, revision or "main")
    return fetch_snapshot(hub.repository, hub.revision, weights=weights, weights_sha256=hub.weights_sha256)


def _load(auto_class: Any, folder: Path, **options: Any) -> Any:
    disable_progress_bar()  # reading from disk takes no time worth a bar
    verbosity = get_verbosity()
    set_verbosity_error()  # a report of weights that the task has no use for, or that are fresh, would only worry
    try:
        return auto_class.from_pretrained(folder, local_files_only=True, trust_remote_code=False, **options)
    except (OSError, ValueError, ImportError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"The model in {folder} needs code of its own, and the course runs none that comes with a model. Choose a "
                "model whose architecture transformers has."
            ) from error
        raise ModelError(
            f"The model in {folder} cannot be loaded: {error} If a file is damaged, delete the folder and get it again."
        ) from error
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
