"""Ask a generative model behind an OpenAI-compatible endpoint: what it will cost first, then the requests.

The library `openai` speaks the protocol. What is added: nothing is sent that costs more than was allowed, replies that are no label are
counted, an interrupted run does not pay twice, and errors say what to do without ever showing the key.
"""

import json
import math
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import openai
from numpy.typing import NDArray
from tqdm import tqdm

from xlft_helpers import settings
from xlft_helpers.errors import EndpointError

from .prompting import Message, PromptStyle, label_probabilities, parse_label

MAX_TOKENS = 8
"""Longest reply that is paid for: a label word takes a few tokens."""

OUTCOMES = ("label", "no label", "refused")
"""What a reply can be; the last two get the fallback label and are counted."""


@dataclass(frozen=True)
class Endpoint:
    """Where the model is, and what asking it may cost.

    Attributes:
        url: address of the API, up to and including its version, e.g. ``http://127.0.0.1:8080/v1``.
        model: the name by which the endpoint knows the model.
        key: the secret; it is never printed, saved or part of an error.
        price_in: price of a million tokens of the prompts, in any currency; ``None``: not known.
        price_out: the same for the replies.
        max_cost: most that one call of :meth:`PromptClient.ask` may cost, in the same currency. Default: nothing.
        timeout: seconds to wait for one reply.
        retries: how often a request is repeated after a rate limit, a server error or a broken connection.
    """

    url: str
    model: str
    key: str = field(repr=False)
    price_in: float | None = None
    price_out: float | None = None
    max_cost: float = 0.0
    timeout: float = 30.0
    retries: int = 4

    @property
    def is_local(self) -> bool:
        """Whether the endpoint is on this machine, where requests cost nothing and no text leaves it."""
        return urlsplit(self.url).hostname in ("127.0.0.1", "::1", "localhost")


def endpoint_from_environment() -> Endpoint | None:
    """The endpoint that the user has set up, or ``None`` where ``XLFT_LLM_MODEL`` is not set.

    Variables: ``XLFT_LLM_MODEL`` (name of the model), ``OPENAI_BASE_URL`` (default: OpenAI's), ``OPENAI_API_KEY``,
    ``XLFT_LLM_PRICE_IN`` and ``XLFT_LLM_PRICE_OUT`` (a million tokens), ``XLFT_LLM_MAX_COST`` (of one experiment). A key
    alone does nothing: it may be there for another program.

    Raises:
        EndpointError: the key is missing, a price is no number, or the endpoint is elsewhere and the profile is offline.
    """
    model = os.environ.get("XLFT_LLM_MODEL")
    if not model:
        return None
    url, key = os.environ.get("OPENAI_BASE_URL", "https://api.openai.com/v1"), os.environ.get("OPENAI_API_KEY")
    if not key:
        raise EndpointError(
            f"XLFT_LLM_MODEL is {model!r}, and there is no key. Set OPENAI_API_KEY before Jupyter starts (never in a "
            "cell, where it would be saved). A server on this machine takes any word."
        )
    endpoint = Endpoint(
        url,
        model,
        key,
        price_in=_number("XLFT_LLM_PRICE_IN"),
        price_out=_number("XLFT_LLM_PRICE_OUT"),
        max_cost=_number("XLFT_LLM_MAX_COST") or 0.0,
    )
    if not endpoint.is_local and settings.profile() == "offline":
        raise EndpointError(
            f"The endpoint {url} is not on this machine, and the profile is offline. Set XLFT_PROFILE=full to allow it."
        )
    return endpoint


@dataclass(frozen=True)
class Estimate:
    """What a set of requests will take at most, before anything is sent.

    Attributes:
        requests: number of requests.
        tokens_in: estimated tokens of the prompts.
        tokens_out: tokens of the replies at their longest.
        cost: in the currency of the prices; ``None`` where they are not known.
    """

    requests: int
    tokens_in: int
    tokens_out: int
    cost: float | None

    def __str__(self) -> str:
        cost = "cost unknown (no prices set)" if self.cost is None else f"cost at most {self.cost:.4f}"
        return f"{self.requests:,} requests, about {self.tokens_in:,} tokens in, {self.tokens_out:,} out; {cost}"


def estimate(prompts: Sequence[Sequence[Message]], endpoint: Endpoint) -> Estimate:
    """Estimate tokens and cost from the prompts alone.

    Each model has its own tokenizer, and this one's is not known. A token of three UTF-8 bytes, and four tokens around
    each message, is a rule of thumb on the high side for English and most other languages; what the endpoint counted is
    in :class:`Answers` afterwards.
    """
    tokens_in = sum(math.ceil(len(message["content"].encode()) / 3) + 4 for messages in prompts for message in messages)
    tokens_out = MAX_TOKENS * len(prompts)
    if endpoint.price_in is not None and endpoint.price_out is not None:
        cost: float | None = (tokens_in * endpoint.price_in + tokens_out * endpoint.price_out) / 1e6
    else:
        cost = 0.0 if endpoint.is_local else None
    return Estimate(len(prompts), tokens_in, tokens_out, cost)


@dataclass(frozen=True)
class Reply:
    """One reply: its text, the log-probabilities of its first piece, and what the endpoint counted."""

    text: str
    refused: bool
    first_piece: Mapping[str, float]
    tokens_in: int
    tokens_out: int
    retries: int


@dataclass(frozen=True)
class Answers:
    """The answers to a list of prompts.

    Attributes:
        labels: (n,) label indices; the fallback where a reply named no label.
        probabilities: (n, C); where a reply came without log-probabilities of the label words, 1 for its label.
        unscored: how many rows of ``probabilities`` are such.
        outcomes: how many replies were each of :data:`OUTCOMES`.
        replies: n texts, as the model wrote them.
        tokens_in: tokens of the prompts as the endpoint counted them; ``tokens_out``: of the replies.
        retries: requests that had to be repeated.
        seconds: wall time of the requests that were sent in this call.
        sent: number of requests sent; the others had been answered before.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float64]
    unscored: int
    outcomes: Mapping[str, int]
    replies: tuple[str, ...]
    tokens_in: int
    tokens_out: int
    retries: int
    seconds: float
    sent: int


class PromptClient:
    """Sends prompts to an endpoint, one after another, and keeps the replies in memory."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._replies: dict[tuple[str, bool], Reply] = {}
        self._client = openai.OpenAI(
            base_url=endpoint.url,
            api_key=endpoint.key,
            timeout=endpoint.timeout,
            max_retries=endpoint.retries,
            # A proxy is for the way out; it cannot find a server on this machine.
            http_client=openai.DefaultHttpxClient(trust_env=not endpoint.is_local),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def ask(
        self,
        prompts: Sequence[Sequence[Message]],
        style: PromptStyle,
        *,
        fallback: int,
        probabilities: bool = True,
        progress: bool = True,
    ) -> Answers:
        """Ask for the label of each prompt, at temperature 0.

        A prompt that was answered before is not sent again: after an error, call once more to go on.

        Args:
            prompts: conversations, see :func:`~xlft_helpers.tasks.prompting.build_prompt`.
            style: the label words asked for.
            fallback: label index for replies that name no label; they are counted in ``outcomes``.
            probabilities: also ask for the log-probabilities of the first piece. Some endpoints refuse that.
            progress: show a bar with the time left.

        Raises:
            EndpointError: it may cost more than ``endpoint.max_cost``; the endpoint cannot be reached, refuses the
                request or the key, keeps failing after all retries, or answers with something else than the protocol's.
        """
        keyed = [(self._key(messages, probabilities), messages) for messages in prompts]
        self._check_cost([messages for key, messages in keyed if key not in self._replies])
        start, sent, replies = time.perf_counter(), 0, []
        for key, messages in tqdm(keyed, desc="requests", disable=not progress, leave=False):
            if key not in self._replies:
                self._replies[key] = self._request(messages, probabilities)
                sent += 1
            replies.append(self._replies[key])
        found = [None if reply.refused else parse_label(reply.text, style) for reply in replies]
        labels = np.array([fallback if label is None else label for label in found], dtype=np.int64)
        rows = [label_probabilities(reply.first_piece, style.words) for reply in replies]
        counts = Counter(
            "refused" if reply.refused else "no label" if label is None else "label"
            for reply, label in zip(replies, found, strict=True)
        )
        return Answers(
            labels=labels,
            probabilities=np.array(
                [
                    np.eye(len(style.words))[label] if row is None else row
                    for row, label in zip(rows, labels, strict=True)
                ]
            ),
            unscored=sum(row is None for row in rows),
            outcomes={outcome: counts[outcome] for outcome in OUTCOMES},
            replies=tuple(reply.text for reply in replies),
            tokens_in=sum(reply.tokens_in for reply in replies),
            tokens_out=sum(reply.tokens_out for reply in replies),
            retries=sum(reply.retries for reply in replies),
            seconds=time.perf_counter() - start,
            sent=sent,
        )

    def _key(self, messages: Sequence[Message], probabilities: bool) -> tuple[str, bool]:
        return json.dumps(list(messages), ensure_ascii=False), probabilities

    def _check_cost(self, prompts: Sequence[Sequence[Message]]) -> None:
        expected = estimate(prompts, self.endpoint)
        if expected.cost is None:
            raise EndpointError(
                f"Nothing was sent: {expected}. Set XLFT_LLM_PRICE_IN and XLFT_LLM_PRICE_OUT (a million tokens) and "
                "XLFT_LLM_MAX_COST (of one experiment)."
            )
        if expected.cost > self.endpoint.max_cost:
            raise EndpointError(
                f"Nothing was sent: {expected}, and {self.endpoint.max_cost:.4f} is allowed. Send fewer prompts, or "
                "raise XLFT_LLM_MAX_COST."
            )

    def _request(self, messages: Sequence[Message], probabilities: bool) -> Reply:
        options: dict[str, Any] = {"logprobs": True, "top_logprobs": 5} if probabilities else {}
        try:
            raw = self._client.chat.completions.with_raw_response.create(
                model=self.endpoint.model,
                messages=list(messages),  # type: ignore[arg-type]
                max_completion_tokens=MAX_TOKENS,
                temperature=0,
                **options,
            )
            return _read(raw.parse(), raw.retries_taken)
        except openai.OpenAIError as error:
            # Not chained: the library's errors carry the request, and some services repeat the key in theirs.
            raise EndpointError(self._explain(error)) from None
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise EndpointError(
                f"{self.endpoint.url} answered with something else than the protocol's JSON ({type(error).__name__}). "
                "Does the address end where the API begins, usually in /v1?"
            ) from None

    def _explain(self, error: openai.OpenAIError) -> str:
        where, tries = self.endpoint.url, f"after {self.endpoint.retries} retries"
        if isinstance(error, openai.APITimeoutError):
            return f"{where} gave no answer within {self.endpoint.timeout:g} s, {tries}. Try again, or allow more time."
        if isinstance(error, openai.APIConnectionError):
            return f"{where} cannot be reached or broke off, {tries}. Is the address right, and the server running?"
        if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
            return f"{where} does not accept the key (status {error.status_code}). Check OPENAI_API_KEY; it is not shown here."
        if isinstance(error, openai.RateLimitError):
            wait = error.response.headers.get("retry-after")
            return (
                f"{where} is still limiting the rate {tries}"
                f"{f' and asks to wait {wait} s' if wait else ''}. Run the cell again later: what was answered is kept."
            )
        if isinstance(error, openai.APIStatusError):
            said = str(error.body.get("message", "")) if isinstance(error.body, dict) else ""
            said = said.replace(self.endpoint.key, "***")[:200]
            hint = "Run the cell again later: what was answered is kept." if error.status_code >= 500 else (
                "Does the endpoint know the model, and does it offer log-probabilities? Else ask with probabilities=False."
            )  # fmt: skip
            return f"{where} refused the request (status {error.status_code}{f': {said}' if said else ''}). {hint}"
        return f"{where} answered with something that cannot be read ({type(error).__name__})."


def _read(completion: Any, retries: int) -> Reply:
    choice = completion.choices[0]
    refused = bool(choice.message.refusal) or choice.finish_reason == "content_filter"
    content = choice.logprobs.content if choice.logprobs else None
    return Reply(
        text=choice.message.content or choice.message.refusal or "",
        refused=refused,
        first_piece={top.token: top.logprob for top in content[0].top_logprobs} if content else {},
        tokens_in=completion.usage.prompt_tokens if completion.usage else 0,
        tokens_out=completion.usage.completion_tokens if completion.usage else 0,
        retries=retries,
    )


def _number(name: str) -> float | None:
    value = os.environ.get(name)
    if not value:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise EndpointError(f"{name} is {value!r}; it must be a number of at least 0, such as 0.15.")
    return number
