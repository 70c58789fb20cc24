// Checks JupyterLab in a bare system: it answers, only with its token, and has the kernel.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

const START_SECONDS = 120;
const STOP_SECONDS = 10;

/** Waits until JupyterLab has printed its address; returns port and token. */
async function addressOf(lab) {
  let printed = "";
  for (const stream of [lab.stdout, lab.stderr])
    stream.on("data", (text) => {
      printed += text;
    });
  for (let waited = 0; waited < START_SECONDS * 10; waited++) {
    const [, port, token] = /http:\/\/127\.0\.0\.1:(\d+)\/lab\S*\?token=(\w+)/.exec(printed) ?? [];
    if (token) return { port, token };
    assert.equal(lab.exitCode, null, `JupyterLab ended:\n${printed.slice(-2000)}`);
    await sleep(100);
  }
  throw new Error(`JupyterLab printed no address within ${START_SECONDS} s:\n${printed.slice(-2000)}`);
}

/**
 * Checks a JupyterLab that was just started, then ends it by SIGTERM, as Docker does.
 * @param host of this machine: 127.0.0.1, or 127.0.0.2, on which only a server for all addresses answers
 */
export async function checkJupyter(lab, host) {
  const ended = new Promise((resolve) => lab.once("close", resolve));
  try {
    const { port, token } = await addressOf(lab);
    const ask = (query) => fetch(`http://${host}:${port}/api/kernelspecs${query}`);
    assert.equal((await ask("")).status, 403, "JupyterLab answers without its token");
    const { kernelspecs } = await (await ask(`?token=${token}`)).json();
    assert.ok(kernelspecs.typescript, `kernels: ${Object.keys(kernelspecs)}`);
    assert.equal((await fetch(`http://${host}:${port}/lab?token=${token}`)).status, 200);
    lab.kill("SIGTERM");
    const inTime = await Promise.race([ended.then(() => true), sleep(STOP_SECONDS * 1000, false)]);
    assert.ok(inTime, `JupyterLab does not end within ${STOP_SECONDS} s of SIGTERM`);
  } finally {
    lab.kill("SIGKILL");
  }
}
