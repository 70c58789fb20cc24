// Runs a benchmark's contestant as several processes on this host: `node all_ranks.mjs WORLD_SIZE COMMAND ARGS...`.
// Rank 0 has this process's standard input and output; it ends all ranks by a signal to this process. With RANK_HOSTS,
// a JSON list of { namespace, address }, each rank runs on its own simulated host (scripts/check/hosts.mjs).
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ROOT } from "../shared/paths.mjs";

const [size, command, ...args] = process.argv.slice(2);
const worldSize = Number(size);
const hosts = JSON.parse(process.env.RANK_HOSTS ?? "[]");
const hostOf = (rank) => hosts[rank]?.address ?? "127.0.0.1";

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  const { port } = /** @type {import("node:net").AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Returns a rank's environment: the addresses of all ranks in the forms that TensorFlow, torch.distributed and
 * bind_address.c expect.
 */
function environmentOf(rank, ports) {
  const addresses = ports.map((port, other) => `${hostOf(other)}:${port}`);
  const threads = String(Math.max(1, Math.floor(availableParallelism() / worldSize)));
  return {
    ...process.env,
    TF_NUM_INTRAOP_THREADS: threads,
    OMP_NUM_THREADS: threads,
    no_grpc_proxy: ports.map((_, other) => hostOf(other)).join(),
    RANK: String(rank),
    WORLD_SIZE: size,
    ADDRESSES: addresses.join(),
    MASTER_ADDR: hostOf(0),
    MASTER_PORT: String(ports[0]),
    GUIE_SERVE_ADDRESS: hostOf(rank),
    GUIE_SERVE_PORT: String(ports[rank]),
    LD_PRELOAD: join(ROOT, "node_modules/.setup/bind_address.so"),
  };
}

const ports = await Promise.all(Array.from({ length: worldSize }, freePort));
const [chief, ...others] = ports.map((_, rank) => {
  const onHost = hosts[rank] ? ["ip", "netns", "exec", hosts[rank].namespace] : [];
  const [file, ...all] = [...onHost, command, ...args];
  return spawn(file, all, {
    env: environmentOf(rank, ports),
    stdio: rank === 0 ? "inherit" : ["ignore", "ignore", "inherit"],
  });
});
const end = (code) => {
  for (const child of [...others, chief]) child.kill("SIGKILL");
  process.exit(code ?? 1);
};
chief.once("close", end);
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => end(1));
for (const child of others)
  child.once("close", (code) => {
    console.error(`bench: a rank ended (${code})`);
    end(1);
  });
