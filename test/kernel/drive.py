"""Runs cells in one TypeScript kernel, for the tests. Reads {"cwd", "cells": [{"code", "interruptAt"?}]} as JSON
from standard input and writes [{"status", "messages": [{"type", "content"}]}] to standard output. The kernel is
interrupted once a cell with "interruptAt" has printed that text; a cell with "sentAfter" is queued after that code
without waiting for it; with "goOn", waiting cells run even if this one fails; "answer" is the answer to the cell's
question. "cellId" is JupyterLab's id of the cell; "takesInput" runs it as a page does, which can move widgets. A cell
with "ask" is not run: it requests completions ("complete") or documentation ("inspect") at its end, and its result is
{"status", "reply"}. Nor is one with "send", {"type", "content", "buffers" (base64)}: it sends this message as a page
does, and its result holds what is published for it; "sendAt" {"text", ...} sends one once the cell has printed that text.
The "published" of a result is everything that came meanwhile, for any request. A "comm_id" that is a number stands for that comm, in the order in which cells have opened them."""
import json
from base64 import b64decode, b64encode
import sys
from subprocess import DEVNULL

from jupyter_client.manager import start_new_kernel

TIMEOUT_S = 90


def ask(client, cell):
    """Presses Tab or Shift-Tab at the end of the code."""
    reply = getattr(client, cell["ask"])(cell["code"], reply=True, timeout=TIMEOUT_S)
    return {"status": reply["content"]["status"], "messages": [], "reply": reply["content"]}


def send(client, opened, message):
    """Sends a message of a page; returns its id."""
    content = dict(message["content"])
    if isinstance(content.get("comm_id"), int):
        content["comm_id"] = opened[content["comm_id"]]
    wire = client.session.msg(message["type"], content)
    buffers = [b64decode(text) for text in message.get("buffers", [])]
    client.session.send(client.shell_channel.socket, wire, buffers=buffers)
    return wire["header"]["msg_id"]


def kept(message):
    """Returns a published message for the test, with the id of the message that it answers."""
    buffers = [b64encode(bytes(part)).decode() for part in message.get("buffers", [])]
    more = {"parent": message["parent_header"].get("msg_id"), "metadata": message["metadata"], "buffers": buffers}
    return {"type": message["msg_type"], "content": message["content"], **more}


def exchange(client, opened, cell):
    """Sends a message and collects everything that is published until the kernel is idle again."""
    request = send(client, opened, cell["send"])
    messages = []
    while True:
        message = client.get_iopub_msg(timeout=TIMEOUT_S)
        messages.append(kept(message))
        ended = message["content"].get("execution_state") == "idle"
        if ended and message["parent_header"].get("msg_id") == request:
            return {"status": "ok", "messages": messages, "request": request}


def run(manager, client, cell, opened):
    if cell.get("ask"):
        return ask(client, cell)
    if cell.get("send"):
        return exchange(client, opened, cell)
    messages = []
    waiting = [cell["sendAt"]] if "sendAt" in cell else []

    def keep(message):
        messages.append(kept(message))
        if message["msg_type"] == "comm_open":
            opened.append(message["content"]["comm_id"])
        text = message["content"].get("text", "") if message["msg_type"] == "stream" else ""
        if cell.get("interruptAt") and cell["interruptAt"] in text:
            manager.interrupt_kernel()
        if waiting and waiting[0]["text"] in text:
            send(client, opened, waiting.pop())

    go_on = {"stop_on_error": not cell.get("goOn")}
    if cell.get("sentAfter"):
        client.execute(cell["sentAfter"], **go_on)
    send_request = client.session.send
    if "cellId" in cell:
        # jupyter_client has no argument for the metadata of a request
        def with_metadata(stream, message, *args, **kwargs):
            if isinstance(message, dict) and message["header"]["msg_type"] == "execute_request":
                message["metadata"]["cellId"] = cell["cellId"]
            return send_request(stream, message, *args, **kwargs)

        client.session.send = with_metadata
    try:
        reply = client.execute_interactive(
            cell["code"],
            output_hook=keep,
            timeout=TIMEOUT_S,
            allow_stdin="answer" in cell or cell.get("takesInput", False),
            stdin_hook=lambda question: client.input(cell["answer"]),
            **go_on,
        )
    finally:
        client.session.send = send_request
    request = reply["parent_header"]["msg_id"]
    return {"status": reply["content"]["status"], "messages": messages, "reply": reply["content"], "request": request}


def main():
    task = json.load(sys.stdin)
    # Node makes its inherited pipes non-blocking, for every process that shares them: the kernel gets none of ours.
    manager, client = start_new_kernel(kernel_name="typescript", cwd=task["cwd"], stdout=DEVNULL, stderr=DEVNULL)
    opened, published = [], []
    next_message = client.iopub_channel.get_msg

    def get_msg(*args, **kwargs):
        message = next_message(*args, **kwargs)
        published.append(kept(message))
        return message

    client.iopub_channel.get_msg = get_msg
    try:
        outcomes = []
        for cell in task["cells"]:
            seen = len(published)
            outcome = run(manager, client, cell, opened)
            outcomes.append({**outcome, "published": published[seen:]})
        json.dump(outcomes, sys.stdout)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


main()
