"""The queue between the workers and the main thread."""

import threading

import pytest

from matrix_runner.model.events import Event, Tick
from matrix_runner.schedule.event_queue import EventQueue

LONG = 30.0


def test_events_come_out_in_order_and_none_is_lost() -> None:
    """However many are fetched at a time, a reader gets what one writer left, in its order."""
    box = EventQueue(200, at_once=100)

    def write() -> None:
        for number in range(1000):
            box.put(Tick(at=float(number)))

    writer = threading.Thread(target=write)
    writer.start()
    read = [box.get(LONG) for _ in range(1000)]
    writer.join(LONG)
    assert [event.at for event in read if event] == [float(number) for number in range(1000)]
    assert box.is_empty


def test_nothing_comes_of_nothing() -> None:
    """Without an event the reader gets its time back."""
    assert EventQueue(200, at_once=100).get(0.001) is None


def test_a_sleeping_reader_is_woken() -> None:
    """The first event ends the reader's sleep, whether somebody hurries it or not."""
    for is_urgent in (False, True):
        box = EventQueue(200, at_once=100)
        read: list[Event | None] = []
        reader = threading.Thread(target=lambda box=box, read=read: read.append(box.get(LONG)))
        reader.start()
        event = Tick(at=1.0)
        box.put(event)
        if is_urgent:
            box.hurry()
        reader.join(LONG / 2)
        assert read == [event]


def test_somebody_who_waits_ends_the_nap(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that waits for more events stops waiting when it is hurried, and naps again the next time."""
    monkeypatch.setattr("matrix_runner.schedule.event_queue.NAP", LONG)
    box = EventQueue(200, at_once=100)
    read: list[Event | None] = []
    reader = threading.Thread(target=lambda: read.append(box.get(LONG)))
    reader.start()
    box.put(Tick(at=1.0))
    reader.join(0.05)
    assert read == []
    box.hurry()
    reader.join(LONG / 2)
    assert read == [Tick(at=1.0)]


def test_a_full_box_makes_writers_wait_until_there_is_room() -> None:
    """A writer that found no room goes on when the reader has fetched, and not before."""
    box = EventQueue(101, at_once=100)
    box.put(Tick(at=0.0))
    is_through = threading.Event()

    def write() -> None:
        box.put(Tick(at=1.0))
        is_through.set()

    writer = threading.Thread(target=write)
    writer.start()
    assert not is_through.wait(0.05)
    assert box.get(LONG) == Tick(at=0.0)
    assert is_through.wait(LONG)
    assert box.get(LONG) == Tick(at=1.0)
