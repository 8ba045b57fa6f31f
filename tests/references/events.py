"""A job of jobs.py, on the events of a run.

    scalars FOLDER    # the scalars that TensorBoard's own reader finds: of each tag its steps, values and wall times
"""


def scalars(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # 0: all of them, where TensorBoard itself takes a sample.
    events = EventAccumulator(folder, size_guidance={"scalars": 0})
    events.Reload()
    return {
        tag: [[event.step, event.value, event.wall_time] for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


COMMANDS = {"scalars": scalars}
