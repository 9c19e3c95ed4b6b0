import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest

from nextclick import signals
from nextclick.signals import StoppedBySignal, raised_at_signal


def signal_myself(*numbers: signal.Signals) -> None:
    """Send signals to this process and wait for what they do."""
    for number in numbers:
        os.kill(os.getpid(), number)
        time.sleep(0.01)


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_raised_with_its_exit_code(number: signal.Signals, exit_code: int) -> None:
    """And afterwards the handlers are the ones from before."""
    before = signal.getsignal(number)
    with pytest.raises(StoppedBySignal) as raised, raised_at_signal():
        signal_myself(number)
    assert raised.value.exit_code == exit_code
    assert signal.getsignal(number) is before


def test_what_ends_on_the_way_up_is_not_disturbed_by_another_signal() -> None:
    """Ctrl-C again while a `with` block cleans up, also in the middle of an error there: it cleans up to the end."""
    cleaned_up = []

    @contextlib.contextmanager
    def cleaning_up() -> Iterator[None]:
        try:
            yield
        finally:
            signal_myself(signal.SIGINT)
            try:
                int("an error while cleaning up")
            except ValueError:
                signal_myself(signal.SIGINT, signal.SIGTERM)
            cleaned_up.append("all of it")

    with pytest.raises(StoppedBySignal) as raised, raised_at_signal(), cleaning_up():
        signal_myself(signal.SIGTERM)
    assert cleaned_up == ["all of it"]
    assert raised.value.exit_code == 143


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_stop_that_python_drops_is_raised_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception inside a finaliser is lost; the next attempt is not."""
    monkeypatch.setattr(signals, "RAISE_AGAIN_S", 0.05)
    reached = []

    class Finalised:
        def __del__(self) -> None:
            signal_myself(signal.SIGINT)

    def drop_it_and_go_on() -> None:
        thing = Finalised()
        del thing
        reached.append("the statement after it")
        time.sleep(5)

    with pytest.raises(StoppedBySignal) as raised, raised_at_signal():
        drop_it_and_go_on()
    assert reached == ["the statement after it"]
    assert raised.value.exit_code == 130
