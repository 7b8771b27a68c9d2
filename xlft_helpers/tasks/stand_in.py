"""A server on this machine that speaks the protocol of generative models, backed by the course's small model.

It stands in for the *protocol*, so that the code which asks a large model can be run, and broken on purpose, without a
network. It says nothing about the *quality* of large models: behind it, `mini` fills in a blank.
"""

import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from xlft_helpers import settings
from xlft_helpers.errors import DataError
from xlft_helpers.models import load_model, load_tokenizer

from .prompting import Message

Answer = Callable[[Sequence[Message]], dict[str, float]]
"""Turns a conversation into label words with their log-probabilities."""

FAULTS = ("429", "500", "timeout", "cut", "hang up", "no label", "two labels", "refusal", "malformed", "empty")
"""What the server can be told to do wrong, once each."""


class ClozeModel:
    """Answers a conversation by filling in a blank: which of the quoted words does a masked language model expect next?

    `mini` cannot follow an instruction. So the system message is only searched for the words in straight quotes, the
    rest of the conversation is put in front of the blank, and the words are scored there. A word of k pieces gets k
    blanks, and its score is the mean log-probability of its pieces. What does not fit into 128 pieces is cut off at the
    beginning.
    """

    def __init__(self) -> None:
        self._model = load_model("mini", "masked-lm")
        self._tokenizer = load_tokenizer("mini")

    @property
    def parameters(self) -> int:
        """Number of parameters."""
        return sum(tensor.numel() for tensor in self._model.parameters())

    @torch.inference_mode()
    def __call__(self, messages: Sequence[Message]) -> dict[str, float]:
        """Log-probabilities of the quoted words, which add up to probability 1.

        Raises:
            DataError: the system message quotes fewer than two words.
        """
        instruction = " ".join(message["content"] for message in messages if message["role"] == "system")
        words = re.findall(r'"([^"]+)"', instruction)
        if len(words) < 2:
            raise DataError('The stand-in needs a system message with at least two words in "quotes" to choose from.')
        spoken = " ".join(message["content"] for message in messages if message["role"] != "system")
        context = self._tokenizer(spoken, add_special_tokens=False)["input_ids"]
        pieces = [self._tokenizer(word, add_special_tokens=False)["input_ids"] for word in words]
        scores = {}
        for blanks in sorted({len(ids) for ids in pieces}):
            log_p = self._fill(context, blanks)
            for word, ids in zip(words, pieces, strict=True):
                if len(ids) == blanks:
                    scores[word] = float(log_p[range(blanks), ids].mean())
        return dict(zip(scores, torch.tensor(list(scores.values())).log_softmax(dim=0).tolist(), strict=True))

    def count(self, messages: Sequence[Message]) -> int:
        """Pieces of a conversation."""
        return sum(len(self._tokenizer(message["content"])["input_ids"]) for message in messages)

    def _fill(self, context: list[int], blanks: int) -> torch.Tensor:
        """Log-probabilities (blanks, V) of the pieces at the blanks after the context."""
        tokenizer, longest = self._tokenizer, self._model.config.max_position_embeddings
        context = context[-(longest - blanks - 2) :]
        ids = [tokenizer.cls_token_id, *context, *[tokenizer.mask_token_id] * blanks, tokenizer.sep_token_id]
        # Few distinct lengths: the CPU library compiles and keeps its kernels for each shape it meets.
        batch = tokenizer.pad({"input_ids": [ids]}, pad_to_multiple_of=16, return_tensors="pt")
        head: Any = self._model.cls  # applied to the blanks only: most of the time would go into the other pieces
        with torch.autocast("cpu", torch.bfloat16, enabled=settings.precision().bf16):
            states = self._model.base_model(**batch).last_hidden_state[0, len(ids) - 1 - blanks : len(ids) - 1]
            return head(states).float().log_softmax(dim=-1)


class StandIn:
    """The server; ``with StandIn(model) as server:`` or :meth:`start` and :meth:`stop`.

    Args:
        answer: what answers, e.g. a :class:`ClozeModel`.
        faults: some of :data:`FAULTS`; each spoils one request, in this order. ``faults`` may be added to later.
        count: counts the pieces of a conversation for ``usage``. Default: words.
    """

    def __init__(
        self, answer: Answer, faults: Iterable[str] = (), count: Callable[[Sequence[Message]], int] | None = None
    ) -> None:
        self.answer = answer
        self.faults = deque(faults)
        self.count = count or (lambda messages: sum(len(message["content"].split()) for message in messages))
        self.requests = 0
        self.patience = 5.0
        """Seconds that the fault ``timeout`` keeps a client waiting."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """Address of the API; the port is a free one."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def start(self) -> "StandIn":
        """Serve in a thread of this process."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> "StandIn":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


def _handler(owner: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # header and body are two writes, and the second must not wait for the first

        def do_POST(self) -> None:
            owner.requests += 1
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.path != "/v1/chat/completions":
                return self._error(404, f"There is no {self.path} here; try /v1/chat/completions.")
            if not self.headers.get("Authorization", "").startswith("Bearer "):
                return self._error(401, "There is no key in the request.")
            try:
                request = json.loads(body)
                messages = [{"role": m["role"], "content": m["content"]} for m in request["messages"]]
            except (ValueError, KeyError, TypeError):
                return self._error(400, "The request is no JSON with messages.")
            fault = owner.faults.popleft() if owner.faults else None
            if fault in ("429", "500"):
                return self._error(int(fault), "Slow down." if fault == "429" else "Something broke.")
            if fault == "timeout":
                time.sleep(owner.patience)
            if fault in ("timeout", "hang up"):
                self.close_connection = True
                return None
            try:
                scores = owner.answer(messages)
            except DataError as error:
                return self._error(400, str(error))
            content = json.dumps(_completion(request, messages, scores, fault, owner.count(messages))).encode()
            return self._send(200, content[: len(content) // 2] if fault in ("cut", "malformed") else content, fault)

        def _error(self, status: int, text: str) -> None:
            self._send(status, json.dumps({"error": {"message": text, "type": "stand_in", "code": None}}).encode())

        def _send(self, status: int, content: bytes, fault: str | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(2 * len(content) if fault == "cut" else len(content)))
            if status == 429:
                self.send_header("Retry-After", "1")
            self.end_headers()
            self.wfile.write(content)
            self.close_connection = self.close_connection or fault == "cut"

        def log_message(self, *_: object) -> None:
            pass

    return Handler


def _completion(
    request: dict[str, Any], messages: Sequence[Message], scores: dict[str, float], fault: str | None, tokens: int
) -> dict[str, Any]:
    """The reply in the protocol's form, spoiled where a fault asks for it."""
    best = max(scores, key=lambda word: scores[word])
    text = {"no label": "Hard to say.", "two labels": " or ".join(scores), "refusal": None}.get(str(fault), best)
    message = {"role": "assistant", "content": text, "refusal": "I cannot help." if fault == "refusal" else None}
    top = [
        {"token": word, "logprob": value, "bytes": None} for word, value in sorted(scores.items(), key=lambda s: -s[1])
    ]
    piece = {
        "token": best,
        "logprob": scores[best],
        "bytes": None,
        "top_logprobs": top[: request.get("top_logprobs", 0)],
    }
    choice = {
        "index": 0,
        "message": message,
        "finish_reason": "stop",
        "logprobs": {"content": [piece], "refusal": None} if request.get("logprobs") and not fault else None,
    }
    return {
        "id": "stand-in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": request.get("model", ""),
        "choices": [] if fault == "empty" else [choice],
        "usage": {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1},
    }
