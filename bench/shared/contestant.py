"""A contestant in Python: repeats a benchmark's work on request. It reads the lines "run" and "end", and answers each
with a line of JSON; `contestant.mjs` starts it, and has the same for Node.
"""

import json
import resource
import sys
import time


ALONE = (resource.RUSAGE_SELF,)
WITH_WORKERS = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def answer(value):
    print(json.dumps(value), flush=True)


def serve(iterate, finish=dict, kinds=ALONE):
    """Answers requests until the line "end".

    `finish` runs at the end and returns further numbers; `kinds` are the processes whose memory counts.
    """
    answer({"ready": True})
    for line in sys.stdin:
        if line.strip() == "end":
            more = finish()
            peak = sum(resource.getrusage(kind).ru_maxrss for kind in kinds) // 1024
            answer({"peakMB": peak, "more": more})
            break
        started = time.perf_counter()
        iterate()
        answer({"ms": 1000 * (time.perf_counter() - started)})
