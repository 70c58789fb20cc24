// Connections between the launchers of several hosts, and faults that end them at once.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { overrideConfig, type TrainConfig } from "guie/dist/config/config";
import { tiny } from "guie/dist/config/presets";
import {
  dismissMembers,
  type FromChief,
  gatherMembers,
  joinChief,
} from "guie/dist/training/processes/control_link";
import { freePorts } from "../engine/ranks";

const CONFIG = overrideConfig(tiny(), { processes: 3 });
const NOTHING = { onMessage: () => {}, onLost: () => {} };

/** Returns the addresses of three ranks; the port above the chief's was free too. */
async function threeAddresses(): Promise<string[]> {
  for (;;) {
    const ports = await freePorts(3);
    if (!ports.includes(ports[0]! + 1)) return ports.map((port) => `127.0.0.1:${port}`);
  }
}

/** Connects a member's launcher, and collects its messages. */
async function member(rank: number, addresses: readonly string[], config: Readonly<TrainConfig> = CONFIG) {
  const heard: FromChief[] = [];
  const link = await joinChief(
    { rank, addresses, config },
    (message) => heard.push(message),
    () => {},
  );
  const refusal = async () => {
    for (let i = 0; i < 200; i++, await sleep(10)) {
      const refused = heard.find(({ kind }) => kind === "refused");
      if (refused?.kind === "refused") return refused.reason;
    }
    return undefined;
  };
  return { heard, link, refusal };
}

test("a member with other settings ends the chief's waiting at once, for all members", async () => {
  const addresses = await threeAddresses();
  const startedAtMs = Date.now();
  const gathering = gatherMembers(addresses, CONFIG, NOTHING);
  const outcome = assert.rejects(gathering, {
    name: "UserError",
    message: new RegExp(
      `^Rank 2 on ${addresses[2]} was started with other settings \\(chief's -> its own\\): s ${CONFIG.s} -> 99\\.`,
    ),
  });
  const good = await member(1, addresses);
  const bad = await member(2, addresses, overrideConfig(CONFIG, { s: 99 }));
  await outcome;
  for (const { refusal, link } of [good, bad]) {
    assert.match((await refusal()) ?? "", new RegExp(`Rank 2 .*: s ${CONFIG.s} -> 99`));
    link.close();
  }
  assert.ok(Date.now() - startedAtMs < 5000);
});

test("a member of another cluster ends the chief's waiting too", async () => {
  const addresses = await threeAddresses();
  const others = [addresses[0]!, "127.0.0.1:9", addresses[2]!];
  const outcome = assert.rejects(
    gatherMembers(addresses, CONFIG, NOTHING),
    /Rank 1 was started with the TF_CONFIG of another cluster: .*127\.0\.0\.1:9, .*; the chief's is 127/,
  );
  const { refusal, link } = await member(1, others);
  await outcome;
  assert.match((await refusal()) ?? "", /TF_CONFIG of another cluster/);
  link.close();
});

test("a second process of a rank is refused, and the run begins without it", async () => {
  const addresses = await threeAddresses();
  const gathering = gatherMembers(addresses, CONFIG, NOTHING);
  const first = await member(1, addresses);
  await sleep(50);
  const twin = await member(1, addresses);
  assert.match((await twin.refusal()) ?? "", /another process with rank 1/);
  const last = await member(2, addresses);
  const members = await gathering;
  await sleep(200);
  assert.ok(first.heard.some(({ kind }) => kind === "begin"));
  for (const { link } of [first, twin, last]) link.close();
  members.close();
});

test("a chief that does not begin tells all others why, and waits for them no longer", async () => {
  const addresses = await threeAddresses();
  const startedAtMs = Date.now();
  const dismissing = dismissMembers(addresses, { kind: "refused", reason: "The table is gone." });
  const members = [await member(1, addresses), await member(2, addresses)];
  await dismissing;
  for (const { refusal, link } of members) {
    assert.equal(await refusal(), "The table is gone.");
    link.close();
  }
  assert.ok(Date.now() - startedAtMs < 5000);
});

test("a host that dies resets its connection: the chief is told, and goes on", async () => {
  const [chief, other] = await threeAddresses();
  const addresses = [chief!, other!];
  const lost: string[] = [];
  const onLost = (rank: number, cause: string) => lost.push(`${rank}: ${cause}`);
  const gathering = gatherMembers(addresses, CONFIG, { ...NOTHING, onLost });
  await sleep(100);
  const socket = connect(Number(chief!.split(":")[1]) + 1, "127.0.0.1");
  await once(socket, "connect");
  socket.write(`${JSON.stringify({ kind: "hello", rank: 1, addresses, config: CONFIG })}\n`);
  const members = await gathering;
  socket.resetAndDestroy();
  for (let i = 0; i < 200 && lost.length === 0; i++) await sleep(10);
  assert.deepEqual(lost, ["1: the launcher on its host is gone"]);
  members.close();
});
