"""A golden event file, written by TensorBoard's own writer; the test compares ours with it byte for byte.

    pip install tensorboard==2.20.0 'setuptools<81'
    python test/golden/make_events.py > test/golden/events.json
"""

import base64
import io
import json

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

file = io.BytesIO()
writer = RecordWriter(file)
events = [
    Event(wall_time=1.5, file_version="brain.Event:2"),
    Event(wall_time=2.25, step=7, session_log=SessionLog(status=SessionLog.START)),
    Event(
        wall_time=3.0,
        step=3_000_000_000,
        summary=Summary(
            value=[
                Summary.Value(tag="train/loss", simple_value=0.1),
                Summary.Value(tag="train/margin", simple_value=0.0),
            ]
        ),
    ),
]
ends = []
for event in events:
    writer.write(event.SerializeToString())
    ends.append(file.tell())
print(json.dumps({"base64": base64.b64encode(file.getvalue()).decode(), "ends": ends}))
