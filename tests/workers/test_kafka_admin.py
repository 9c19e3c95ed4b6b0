"""A broker that is down does not keep a worker from the others."""

import socket
from collections.abc import Iterator

import pytest
from kafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from models.errors import BrokerError
from workers.kafka_admin import answered, require_broker


@pytest.fixture
def silent_server() -> Iterator[str]:
    """The address of something that takes connections and never answers, as a stopped broker does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_question_is_asked_again_while_a_broker_is_down() -> None:
    answers: list[Exception | str] = [KafkaConnectionError("111 ECONNREFUSED"), KafkaConnectionError(), "three topics"]

    def question() -> str:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert answered(question) == "three topics"
    assert answers == []


def test_a_question_that_nobody_answers_ends_with_what_was_wrong() -> None:
    tries = []

    def question() -> None:
        tries.append(1)
        raise KafkaConnectionError("111 ECONNREFUSED")

    with pytest.raises(KafkaConnectionError, match="ECONNREFUSED"):
        answered(question, timeout_s=0.35)
    assert 2 <= len(tries) <= 4


def test_a_refusal_is_not_asked_again() -> None:
    tries = []

    def question() -> None:
        tries.append(1)
        raise TopicAuthorizationFailedError

    with pytest.raises(TopicAuthorizationFailedError):
        answered(question)
    assert len(tries) == 1


def test_the_next_server_is_tried_where_one_hangs_or_is_down(broker: str, silent_server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        down = f"127.0.0.1:{closed.getsockname()[1]}"
    require_broker(f"{down},{silent_server},{broker}", timeout_s=1.0)


def test_servers_that_all_hang_are_an_error_that_names_them(silent_server: str) -> None:
    with pytest.raises(BrokerError, match=f"Something listens at {silent_server}, but it did not answer"):
        require_broker(silent_server, timeout_s=0.3)
