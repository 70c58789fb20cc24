// Runs a script in every process of a cluster on this host.
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Finds free ports of this host. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Returns what each rank of the script prints as JSON; its argument is `{ addresses, rank, ...options }`. */
export async function runRanks(script: string, worldSize: number, options: object = {}) {
  const addresses = (await freePorts(worldSize)).map((port) => `127.0.0.1:${port}`);
  const outputs = await Promise.all(
    addresses.map((_, rank) =>
      run(process.execPath, [script, JSON.stringify({ addresses, rank, ...options })], { timeout: 120_000 }),
    ),
  );
  return outputs.map(({ stdout }) => JSON.parse(stdout));
}
