"""Prints the scalars that TensorBoard's own reader finds in a folder, as JSON: of each tag its steps, values and wall times.

    python events.py FOLDER
"""

import json
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

# 0: all of them, where TensorBoard itself takes a sample.
events = EventAccumulator(sys.argv[1], size_guidance={"scalars": 0})
events.Reload()
scalars = {
    tag: [[event.step, event.value, event.wall_time] for event in events.Scalars(tag)]
    for tag in events.Tags()["scalars"]
}
json.dump(scalars, sys.stdout)
