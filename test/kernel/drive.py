"""Runs cells in one TypeScript kernel, for the tests. Reads {"cwd", "cells": [{"code", "interruptAt"?}]} as JSON
from standard input and writes [{"status", "messages": [{"type", "content"}]}] to standard output. The kernel is
interrupted as soon as a cell with "interruptAt" has printed that text; a cell with "sentAfter" is queued behind that
code without waiting for it; a cell after a failed one waits until the kernel has settled. A cell with "ask" is not run:
it asks for completions ("complete") or documentation ("inspect") at its end, whose reply is {"status", "reply"}."""
import json
import sys
import time
from subprocess import DEVNULL

from jupyter_client.manager import start_new_kernel

TIMEOUT_S = 90


def ask(client, cell):
    """Tab or Shift-Tab at the end of the code."""
    reply = getattr(client, cell["ask"])(cell["code"], reply=True, timeout=TIMEOUT_S)
    return {"status": reply["content"]["status"], "messages": [], "reply": reply["content"]}


def run(manager, client, cell):
    if cell.get("ask"):
        return ask(client, cell)
    messages = []

    def keep(message):
        messages.append({"type": message["msg_type"], "content": message["content"]})
        text = message["content"].get("text", "") if message["msg_type"] == "stream" else ""
        if cell.get("interruptAt") and cell["interruptAt"] in text:
            manager.interrupt_kernel()

    if cell.get("sentAfter"):
        client.execute(cell["sentAfter"])
    reply = client.execute_interactive(cell["code"], output_hook=keep, timeout=TIMEOUT_S)
    if reply["content"]["status"] != "ok":
        time.sleep(0.3)  # tslab cancels the cells that come within 200 ms of a failure
    return {"status": reply["content"]["status"], "messages": messages}


def main():
    task = json.load(sys.stdin)
    # Node makes the pipes it is given non-blocking, for everyone who shares them: the kernel gets none of ours.
    manager, client = start_new_kernel(kernel_name="typescript", cwd=task["cwd"], stdout=DEVNULL, stderr=DEVNULL)
    try:
        json.dump([run(manager, client, cell) for cell in task["cells"]], sys.stdout)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main()
