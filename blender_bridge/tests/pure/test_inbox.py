# SPDX-License-Identifier: GPL-3.0-or-later
"""What waits for Blender's thread: little of it, all that matters, and in order."""

from __future__ import annotations

import json
import threading

from movie_director import protocol
from movie_director.inbox import Inbox
from movie_director.protocol import Changes
from movie_director.world import World


def changes(*told):
    """An update with these changes: number, what, and value."""
    listed = [{"seq": seq, "what": what, "value": value} for seq, what, value in told]
    params = {"update": "changes", "summary": {"severity": "ok", "sentence": "x"}, "changes": listed}
    return protocol.read(json.dumps({"jsonrpc": "2.0", "method": "update", "params": params}).encode())


def lamp(seq, number=0, **fields):
    value = {"id": f"lamp@{number}", "kind": "lamp", "state": "connected", "detail": "ready"} | fields
    return changes((seq, "backend", value | {"latency_ms": {"last": seq}}))


def job(seq, state, step=0, number=0):
    return changes((seq, "job", {"id": f"job-{number}", "kind": "lamp", "state": state, "progress": {"step": step}}))


def taken(inbox):
    return list(iter(inbox.take, None))


def world_after(updates, seq=0):
    world = World()
    world.seq = seq
    assert all(world.apply(update) for update in updates)
    return world


def test_of_what_changes_many_times_the_newest_is_left():
    inbox = Inbox(64)
    told = [lamp(seq, seq % 5) for seq in range(1, 10_001)]
    assert all(inbox.put(update, 0.0) for update in told) and len(inbox) == 6
    batch = taken(inbox)
    assert len(batch) == 1 and len(batch[0].changes) == 5 and len(inbox) == 0
    few, all_of_them = world_after(batch), world_after(told)
    assert few.backends == all_of_them.backends and few.seq == all_of_them.seq == 10_000
    assert few.looks <= 6 and few.latencies == 5


def test_every_step_of_a_job_and_of_a_service_is_told_once_and_in_order():
    inbox = Inbox(64)
    seq = iter(range(1, 1000))
    told = [job(next(seq), "queued")]
    told += [job(next(seq), "running", step) for step in range(100)]
    told += [lamp(next(seq)), lamp(next(seq), state="disconnected"), lamp(next(seq)), lamp(next(seq))]
    told += [job(next(seq), "fetching"), job(next(seq), "done")]
    for update in told:
        assert inbox.put(update, 0.0)
    (batch,) = taken(inbox)
    seen = [(change.value.id, change.value.state) for change in batch.changes]
    assert seen == [
        ("job-0", "queued"),
        ("job-0", "running"),
        ("lamp@0", "connected"),
        ("lamp@0", "disconnected"),
        ("lamp@0", "connected"),
        ("job-0", "fetching"),
        ("job-0", "done"),
    ]
    assert batch.changes[1].value.progress.step == 99
    assert world_after([batch]).jobs["job-0"].state == "done"


def test_notices_and_what_is_gone_stay_in_order():
    inbox = Inbox(64)
    notices = [changes((seq, "notice", {"at": "now", "text": f"Message {seq}"})) for seq in (1, 2)]
    for update in [*notices, lamp(3), changes((4, "backend-removed", "lamp@0"))]:
        inbox.put(update, 0.0)
    (batch,) = taken(inbox)
    world = world_after([batch])
    assert [notice.text for notice in world.notices] == ["Message 1", "Message 2"] and world.backends == {}


def test_a_gap_is_seen():
    inbox = Inbox(64)
    for update in (lamp(1), lamp(2), lamp(4), lamp(5)):
        inbox.put(update, 0.0)
    first, second = taken(inbox)
    assert (first.first, first.last, second.first, second.last) == (1, 2, 4, 5)
    world = World()
    assert world.apply(first) and not world.apply(second)
    within = changes((1, "notice", {"text": "a"}), (3, "notice", {"text": "b"}))
    assert not within.is_whole and not World().apply(within)


def test_updates_without_changes_take_no_room():
    inbox = Inbox(4)
    assert inbox.put(lamp(1), 0.0) and all(inbox.put(changes(), 0.0) for _ in range(100)) and inbox.put(lamp(2), 0.0)
    (batch,) = taken(inbox)
    assert (batch.first, batch.last, batch.is_whole) == (1, 2, True)
    assert world_after([batch, changes()]).seq == 2


def test_other_events_keep_their_place():
    inbox = Inbox(64)
    for event in (lamp(1), "an answer", lamp(2), lamp(3)):
        inbox.put(event, 0.0)
    assert [type(event) for event in taken(inbox)] == [Changes, str, Changes]


def test_when_it_is_full_the_writer_waits_until_somebody_takes():
    inbox = Inbox(4)
    assert all(inbox.put(lamp(number, number), 0.0) for number in (1, 2, 3))
    assert not inbox.put(lamp(4, 4), 0.01)
    put = []
    writer = threading.Thread(target=lambda: put.append(inbox.put(lamp(4, 4), 30.0)))
    writer.start()
    assert len(inbox.take().changes) == 3
    writer.join()
    assert put == [True] and inbox.take().first == 4
