"""Runs the checks of the public conformance suite for kernels, runtimed/kernel-testbed (BSD-3;
https://github.com/runtimed/kernel-testbed), on one TypeScript kernel: its 27 checks in order, rewritten for
jupyter_client with cells for this kernel. Writes {check: true or the actual result} as JSON to standard output."""
import json
import sys
import time
import uuid
from subprocess import DEVNULL

from jupyter_client.manager import KernelManager

TIMEOUT_S = 60
IOPUB_WELCOME = "iopub_welcome"


class Kernel:
    """A kernel, its channels, and the results of requests."""

    def __init__(self, cwd):
        self.manager = KernelManager(kernel_name="typescript")
        self.manager.start_kernel(cwd=cwd, stdout=DEVNULL, stderr=DEVNULL)
        self.client = self.manager.blocking_client()
        self.client.start_channels()

    def send(self, channel, kind, content):
        message = self.client.session.msg(kind, content)
        getattr(self.client, f"{channel}_channel").send(message)
        return message["header"]["msg_id"]

    def published(self, request, until_s=TIMEOUT_S):
        """Returns the messages published for a request until the kernel is idle again."""
        messages = []
        end = time.monotonic() + until_s
        while time.monotonic() < end:
            message = self.client.get_iopub_msg(timeout=end - time.monotonic())
            if message["parent_header"].get("msg_id") != request:
                continue
            messages.append(message)
            if message["content"].get("execution_state") == "idle":
                return messages
        raise TimeoutError("idle")

    def ask(self, kind, content, channel="shell"):
        request = self.send(channel, kind, content)
        reply = getattr(self.client, f"get_{channel}_msg")(timeout=TIMEOUT_S)
        assert reply["parent_header"]["msg_id"] == request, "a reply to something else"
        self.published(request)
        return reply

    def run(self, code, answer=None):
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}}
        content |= {"allow_stdin": answer is not None, "stop_on_error": True}
        request = self.send("shell", "execute_request", content)
        asked = None
        if answer is not None:
            asked = self.client.get_stdin_msg(timeout=TIMEOUT_S)
            self.client.input(answer)
        published = self.published(request)
        return self.client.get_shell_msg(timeout=TIMEOUT_S), published, asked


def replies(kind, content, channel="shell"):
    """Returns a check that a request gets its type of reply, with status ok."""

    def check(kernel):
        reply = kernel.ask(kind, content, channel)
        expected = (kind.replace("_request", "_reply"), "ok")
        came = (reply["msg_type"], reply["content"].get("status"))
        return came == expected or came

    return check


def publishes(cell, kind, **content):
    """Returns a check that a cell publishes messages of a type, with this content."""

    def check(kernel):
        _, published, _ = kernel.run(cell)
        came = [(message["msg_type"], message["content"]) for message in published]
        return any(name == kind and content.items() <= found.items() for name, found in came) or came

    return check


def welcome(kernel):
    for _ in range(20):
        message = kernel.client.get_iopub_msg(timeout=TIMEOUT_S)
        if message["msg_type"] == IOPUB_WELCOME:
            return message["content"] == {"subscription": ""} or message["content"]
    return "none"


def heartbeat(kernel):
    time.sleep(1)
    return kernel.client.hb_channel.is_beating() or "silence"


def info(**wanted):
    def check(kernel):
        content = kernel.ask("kernel_info_request", {})["content"]
        return all(test(content) for test in wanted.values()) or content

    return check


def executes(kernel):
    reply, _, _ = kernel.run("const x = 1")
    return (reply["msg_type"], reply["content"]["status"]) == ("execute_reply", "ok") or reply["content"]


def busy_then_idle(kernel):
    _, published, _ = kernel.run("const x = 1")
    states = [m["content"]["execution_state"] for m in published if m["msg_type"] == "status"]
    return states == ["busy", "idle"] or states


def completes(kernel):
    kernel.run("const testVariableForCompletion = 42")
    content = kernel.ask("complete_request", {"code": "testVariableFor", "cursor_pos": 15})["content"]
    return (content["status"] == "ok" and "testVariableForCompletion" in content["matches"]) or content


def inspects(kernel):
    asked = {"code": "testVariableForCompletion", "cursor_pos": 25, "detail_level": 0}
    content = kernel.ask("inspect_request", asked)["content"]
    return (content["status"] == "ok" and content["found"]) or content


def is_complete(code, status):
    def check(kernel):
        content = kernel.ask("is_complete_request", {"code": code})["content"]
        return content["status"] == status or content

    return check


def history(kernel):
    asked = {"hist_access_type": "tail", "n": 10, "output": False, "raw": True}
    reply = kernel.ask("history_request", asked)
    content = reply["content"]
    last = [code for _, _, code in content.get("history", [])][-1:]
    named = reply["msg_type"] == "history_reply" and content["status"] == "ok"
    return (named and last == ["const testVariableForCompletion = 42"]) or content


def fails(kernel):
    reply, published, _ = kernel.run("function function")
    kinds = [message["msg_type"] for message in published]
    return (reply["content"]["status"] == "error" and "error" in kinds) or kinds


def updates(kernel):
    code = 'import { newDisplay } from "tslab"; const d = newDisplay(); d.html("<b>initial</b>"); d.html("<b>updated</b>");'
    _, published, _ = kernel.run(code)
    shown = [m for m in published if m["msg_type"].endswith("display_data")]
    ids = {m["content"]["transient"]["display_id"] for m in shown}
    kinds = [m["msg_type"] for m in shown]
    return (kinds == ["display_data", "update_display_data"] and len(ids) == 1) or kinds


def asks(kernel):
    kernel.run('import { input } from "guie/dist/notebook/output/input"')
    reply, published, asked = kernel.run('console.log(await input("Enter: "))', answer="test_input_42")
    text = "".join(m["content"]["text"] for m in published if m["msg_type"] == "stream")
    return (asked["msg_type"], text) == ("input_request", "test_input_42\n") or reply["content"]


def comms(kernel):
    comm = {"comm_id": str(uuid.uuid4()), "target_name": "jupyter.kernel_testbed.test", "data": {}}
    published = kernel.published(kernel.send("shell", "comm_open", comm))
    closed = [m["content"]["comm_id"] for m in published if m["msg_type"] == "comm_close"]
    kernel.published(kernel.send("shell", "comm_close", {"comm_id": comm["comm_id"], "data": {}}))
    return (closed == [comm["comm_id"]] and executes(kernel) is True) or closed


def counts(kernel):
    first, second = (kernel.run("const x = 1")[0]["content"]["execution_count"] for _ in range(2))
    return second == first + 1 or [first, second]


def correlates(kernel):
    reply, published, _ = kernel.run("console.log('hello')")
    parents = {message["parent_header"].get("msg_id") for message in [reply, *published]}
    return len(parents) == 1 or sorted(parents)


def shuts_down(kernel):
    reply = kernel.ask("shutdown_request", {"restart": False}, "control")
    ended = False
    for _ in range(100):
        ended = ended or not kernel.manager.provisioner or kernel.manager.provisioner.process.poll() == 0
        time.sleep(0.1 if not ended else 0)
    named = (reply["msg_type"], reply["content"]) == ("shutdown_reply", {"status": "ok", "restart": False})
    return (named and ended) or [reply["content"], ended]


CHECKS = {
    "iopub_welcome": welcome,
    "heartbeat_responds": heartbeat,
    "kernel_info_reply_valid": replies("kernel_info_request", {}),
    "kernel_info_has_language_info": info(name=lambda c: c["language_info"]["name"] == "typescript"),
    "kernel_info_has_protocol_version": info(version=lambda c: c["protocol_version"].startswith("5.")),
    "execute_stdout": publishes("console.log('hello')", "stream", name="stdout", text="hello\n"),
    "execute_stderr": publishes("console.error('error')", "stream", name="stderr", text="error\n"),
    "execute_reply_ok": executes,
    "status_busy_idle_lifecycle": busy_then_idle,
    "execute_input_broadcast": publishes("const x = 1", "execute_input", code="const x = 1"),
    "complete_request": completes,
    "inspect_request": inspects,
    "is_complete_complete": is_complete("const x = 1", "complete"),
    "is_complete_incomplete": is_complete("const x = {", "incomplete"),
    "history_request": history,
    "comm_info_request": replies("comm_info_request", {}),
    "error_handling": fails,
    "display_data": publishes('import { display } from "tslab"; display.html("<b>bold</b>");', "display_data"),
    "update_display_data": updates,
    "execute_result": publishes("1 + 1", "execute_result", data={"text/plain": "2"}),
    "rich_execute_result": publishes("[{ letter: 'A', frequency: 0.08167 }]", "execute_result"),
    "stdin_input_request": asks,
    "comms_lifecycle": comms,
    "interrupt_request": replies("interrupt_request", {}, "control"),
    "execution_count_increments": counts,
    "parent_header_correlation": correlates,
    "shutdown_reply": shuts_down,
}


def main():
    kernel = Kernel(sys.argv[1])
    results = {}
    try:
        for name, check in CHECKS.items():
            try:
                results[name] = check(kernel)
            except Exception as error:
                results[name] = f"{type(error).__name__}: {error}"
    finally:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)
    json.dump(results, sys.stdout, default=str)


main()
