"""Answers the jobs of a test program, so that PyTorch is loaded once for all of them.

    python jobs.py

A line of standard input is a job, as JSON: an array of a command and its arguments, which interchange.py and events.py describe. A line of
standard output is the job's answer: {"ok": RESULT}, or {"error": TRACEBACK}. The program ends with its standard input.
"""

import json
import os
import sys
import traceback

import events
import interchange

COMMANDS = {**interchange.COMMANDS, **events.COMMANDS}


def answer(line):
    try:
        command, *arguments = json.loads(line)
        return json.dumps({"ok": COMMANDS[command](*arguments)})
    except Exception:
        return json.dumps({"error": traceback.format_exc()})


def main():
    answers = os.fdopen(os.dup(1), "w")
    # Standard error takes what the packages print, in Python or not.
    os.dup2(2, 1)
    for line in sys.stdin.buffer:
        print(answer(line), file=answers, flush=True)


if __name__ == "__main__":
    main()
