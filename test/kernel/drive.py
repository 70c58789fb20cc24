"""Runs cells in one TypeScript kernel, for the tests. Reads {"cwd", "cells": [{"code", "interruptAt"?}]} as JSON
from standard input and writes [{"status", "messages": [{"type", "content"}]}] to standard output. The kernel is
interrupted once a cell with "interruptAt" has printed that text; a cell with "sentAfter" is queued after that code
without waiting for it; with "goOn", waiting cells run even if this one fails; "answer" is the answer to the cell's
question. A cell with "ask" is not run: it requests completions ("complete") or documentation ("inspect") at its end,
and its result is {"status", "reply"}."""
import json
import sys
from subprocess import DEVNULL

from jupyter_client.manager import start_new_kernel

TIMEOUT_S = 90


def ask(client, cell):
    """Presses Tab or Shift-Tab at the end of the code."""
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

    go_on = {"stop_on_error": not cell.get("goOn")}
    if cell.get("sentAfter"):
        client.execute(cell["sentAfter"], **go_on)
    reply = client.execute_interactive(
        cell["code"],
        output_hook=keep,
        timeout=TIMEOUT_S,
        allow_stdin="answer" in cell,
        stdin_hook=lambda question: client.input(cell["answer"]),
        **go_on,
    )
    return {"status": reply["content"]["status"], "messages": messages, "reply": reply["content"]}


def main():
    task = json.load(sys.stdin)
    # Node makes its inherited pipes non-blocking, for every process that shares them: the kernel gets none of ours.
    manager, client = start_new_kernel(kernel_name="typescript", cwd=task["cwd"], stdout=DEVNULL, stderr=DEVNULL)
    try:
        json.dump([run(manager, client, cell) for cell in task["cells"]], sys.stdout)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main()
