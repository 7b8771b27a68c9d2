"""The client against a real server on this machine, which answers well or does what goes wrong elsewhere.

pytest-socket blocks every host but loopback (see pyproject.toml), so a request that left this machine would fail.
"""

import dataclasses
import http.server
import math
import threading

import numpy as np
import pytest

from xlft_helpers.errors import EndpointError
from xlft_helpers.tasks.endpoint import Endpoint, PromptClient, endpoint_from_environment, estimate
from xlft_helpers.tasks.prompting import STYLES, build_prompt
from xlft_helpers.tasks.stand_in import FAULTS, ClozeModel, StandIn

EN = STYLES["en"]
SECRET = "sk-do-not-show-me"
NEUTRAL = 1


def by_length(messages):
    """A model that answers by the length of the text: short is negative, long is positive."""
    p = [0.7, 0.2, 0.1] if len(messages[-1]["content"]) < 40 else [0.1, 0.2, 0.7]
    return dict(zip(EN.words, map(math.log, p), strict=True))


@pytest.fixture
def server():
    with StandIn(by_length) as running:
        yield running


def endpoint(server, **changes):
    return dataclasses.replace(Endpoint(server.url, "tiny", SECRET, timeout=0.5, retries=1), **changes)


def ask(point, *texts, **options):
    client = PromptClient(point)
    try:
        return client.ask([build_prompt(text, EN) for text in texts], EN, fallback=NEUTRAL, progress=False, **options)
    finally:
        client.close()


def test_answers_are_labels_with_probabilities(server):
    answers = ask(endpoint(server), "short", "a text that is a good deal longer than forty")
    assert answers.labels.tolist() == [0, 2]
    np.testing.assert_allclose(answers.probabilities, [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]])
    assert answers.outcomes == {"label": 2, "no label": 0, "refused": 0}
    assert answers.replies == ("negative", "positive")
    assert (answers.sent, answers.retries, answers.tokens_out) == (2, 0, 2)
    assert answers.tokens_in > 0


def test_without_probabilities(server):
    answers = ask(endpoint(server), "short", probabilities=False)
    assert answers.probabilities.tolist() == [[1, 0, 0]]
    assert answers.unscored == 1


@pytest.mark.parametrize("fault", ["429", "500", "timeout", "cut", "hang up"])
def test_passing_fault_is_overcome_and_counted(server, fault):
    server.patience = 0.7
    server.faults.append(fault)
    answers = ask(endpoint(server), "short")
    assert answers.labels.tolist() == [0]
    assert answers.retries == 1
    assert server.requests == 2


@pytest.mark.parametrize(("fault", "message"), [
    ("429", "still limiting the rate after 0 retries and asks to wait 1 s.*answered is kept"),
    ("500", "status 500: Something broke.*Run the cell again later"),
    ("timeout", "no answer within 0.5 s"),
    ("cut", "cannot be reached or broke off"),
    ("hang up", "cannot be reached or broke off"),
    ("malformed", "something else than the protocol's JSON"),
    ("empty", "something else than the protocol's JSON"),
])  # fmt: skip
def test_lasting_fault_is_a_clear_error(server, fault, message):
    server.patience = 0.7
    server.faults.append(fault)
    with pytest.raises(EndpointError, match=message) as caught:
        ask(endpoint(server, retries=0), "short")
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(("fault", "outcome"), [
    ("no label", "no label"), ("two labels", "no label"), ("refusal", "refused"),
])  # fmt: skip
def test_reply_that_is_no_label_gets_the_fallback_and_is_counted(server, fault, outcome):
    server.faults.append(fault)
    answers = ask(endpoint(server), "short", "also short")
    assert answers.labels.tolist() == [NEUTRAL, 0]
    assert answers.outcomes == {"label": 1, "no label": 0, "refused": 0} | {outcome: 1}
    np.testing.assert_allclose(answers.probabilities, [[0, 1, 0], [0.7, 0.2, 0.1]])
    assert answers.unscored == 1


def test_every_fault_is_tested():
    assert set(FAULTS) == {"429", "500", "timeout", "cut", "hang up", "no label", "two labels", "refusal", "malformed", "empty"}  # fmt: skip


def test_after_an_error_nothing_is_paid_twice(server):
    client = PromptClient(endpoint(server, retries=0))
    prompts = [build_prompt(text, EN) for text in ("one", "two", "three")]
    server.faults.extend(["", "500"])
    with pytest.raises(EndpointError):
        client.ask(prompts, EN, fallback=NEUTRAL, progress=False)
    answers = client.ask(prompts, EN, fallback=NEUTRAL, progress=False)
    client.close()
    assert answers.sent == 2
    assert server.requests == 4  # one, the failed two, two, three


def test_unreachable_endpoint():
    with StandIn(by_length) as gone:
        pass
    with pytest.raises(EndpointError, match="cannot be reached"):
        ask(endpoint(gone, retries=0), "short")


def test_wrong_key_and_wrong_address(server):
    with pytest.raises(EndpointError, match=r"refused the request \(status 404.*Does the endpoint know the model"):
        ask(endpoint(server, url=server.url + "1"), "short")

    class Closed(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            content = f'{{"error": {{"message": "Incorrect API key: {SECRET}"}}}}'.encode()
            self.send_response(401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Closed) as closed:
        thread = threading.Thread(target=closed.handle_request)
        thread.start()
        with pytest.raises(EndpointError, match=r"does not accept the key.*not shown") as caught:
            ask(endpoint(server, url=f"http://127.0.0.1:{closed.server_port}/v1"), "short")
        thread.join()
    assert SECRET not in str(caught.value)


def test_key_is_not_in_what_is_printed(server):
    assert SECRET not in repr(endpoint(server))
    assert SECRET not in str(endpoint(server))


def test_estimate_by_hand():
    point = Endpoint("https://models.example/v1", "m", SECRET, price_in=0.5, price_out=2.0)
    prompts = [[{"role": "system", "content": "a" * 30}, {"role": "user", "content": "消息" * 5}]] * 10
    # (10 + 4) + (10 + 4) tokens in, 8 out, ten times
    found = estimate(prompts, point)
    assert (found.requests, found.tokens_in, found.tokens_out) == (10, 280, 80)
    assert found.cost == pytest.approx((280 * 0.5 + 80 * 2) / 1e6)
    assert "10 requests" in str(found)


def test_estimate_is_on_the_high_side_of_the_course_tokenizer():
    from xlft_helpers.models import load_tokenizer

    tokenizer = load_tokenizer("use-m")
    for style in STYLES.values():
        prompt = build_prompt("a text", style)
        pieces = sum(len(tokenizer(message["content"])["input_ids"]) for message in prompt)
        assert estimate([prompt], Endpoint("http://127.0.0.1/v1", "m", SECRET)).tokens_in >= pieces


def test_nothing_is_sent_that_costs_more_than_allowed(server):
    with pytest.raises(EndpointError, match=r"Nothing was sent: 1 requests.*0\.0000 is allowed.*XLFT_LLM_MAX_COST"):
        ask(endpoint(server, price_in=1.0, price_out=1.0), "short")
    with pytest.raises(EndpointError, match=r"Nothing was sent: .*cost unknown.*XLFT_LLM_PRICE_IN"):
        ask(endpoint(server, url="https://models.example/v1"), "short")
    assert server.requests == 0
    assert ask(endpoint(server, price_in=1.0, price_out=1.0, max_cost=0.01), "short").sent == 1


def test_proxy_is_not_asked_for_a_server_on_this_machine(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert ask(endpoint(server), "short").sent == 1


@pytest.fixture
def environment(monkeypatch):
    for name in ("XLFT_LLM_MODEL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "XLFT_LLM_PRICE_IN", "XLFT_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


def test_a_key_alone_sets_nothing_up(environment):
    environment("OPENAI_API_KEY", SECRET)
    assert endpoint_from_environment() is None


def test_environment_is_read(environment):
    environment("XLFT_LLM_MODEL", "some-model")
    with pytest.raises(EndpointError, match=r"there is no key.*OPENAI_API_KEY"):
        endpoint_from_environment()
    environment("OPENAI_API_KEY", SECRET)
    with pytest.raises(EndpointError, match=r"profile is offline.*XLFT_PROFILE=full"):
        endpoint_from_environment()
    environment("OPENAI_BASE_URL", "http://localhost:8080/v1")
    environment("XLFT_LLM_PRICE_IN", "0.15")
    found = endpoint_from_environment()
    assert (found.url, found.model, found.price_in, found.is_local) == ("http://localhost:8080/v1", "some-model", 0.15, True)  # fmt: skip
    environment("XLFT_LLM_PRICE_IN", "cheap")
    with pytest.raises(EndpointError, match="XLFT_LLM_PRICE_IN is 'cheap'"):
        endpoint_from_environment()


def test_cloze_model_scores_the_quoted_words():
    model = ClozeModel()
    scores = model(build_prompt("Der Drucker ist kaputt. " * 40, STYLES["zh"], [("好", 2)]))  # longer than 128 pieces
    assert set(scores) == set(STYLES["zh"].words)
    assert sum(map(math.exp, scores.values())) == pytest.approx(1)
    # It reads the conversation: the same question after other examples gets other probabilities.
    one, two = (model(build_prompt("It works.", EN, [("Nice.", label)])) for label in (0, 2))
    assert one["negative"] > two["negative"]


def test_cloze_model_without_words_is_a_clear_error():
    with StandIn(ClozeModel()) as server, pytest.raises(EndpointError, match=r"status 400.*at least two words"):
        ask_raw(endpoint(server))


def ask_raw(point):
    client = PromptClient(point)
    try:
        client.ask([[{"role": "user", "content": "Hello"}]], EN, fallback=NEUTRAL, progress=False)
    finally:
        client.close()


def test_cloze_model_agrees_with_the_whole_model(monkeypatch):
    import torch

    from xlft_helpers import settings
    from xlft_helpers.models import load_model, load_tokenizer

    monkeypatch.setattr(settings, "precision", lambda: settings.Precision(False, "compared in float32"))
    tokenizer, model = load_tokenizer("mini"), load_model("mini", "masked-lm")
    prompt = build_prompt("It works.", EN)
    text, mask = prompt[-1]["content"], tokenizer.mask_token
    expected = {}
    for word in EN.words:
        ids = tokenizer(word, add_special_tokens=False)["input_ids"]
        context = tokenizer(text, add_special_tokens=False)["input_ids"]
        row = [
            tokenizer.cls_token_id,
            *context,
            *tokenizer.convert_tokens_to_ids([mask] * len(ids)),
            tokenizer.sep_token_id,
        ]
        with torch.no_grad():
            log_p = model(input_ids=torch.tensor([row])).logits[0].log_softmax(-1)
        start = 1 + len(context)
        expected[word] = np.mean([log_p[start + place, piece].item() for place, piece in enumerate(ids)])
    found = ClozeModel()(prompt)
    differences = [found[word] - expected[word] for word in EN.words]
    np.testing.assert_allclose(differences, differences[0], atol=1e-4)  # the same up to the constant of the softmax
