// Runs the command line in the process of a test.
import { makeProgram } from "guie/dist/cli/program";

/** Runs the command line in this process. @returns its exit code and outputs */
export async function guie(...args: string[]): Promise<{ status: unknown; stdout: string; stderr: string }> {
  const said = { stdout: "", stderr: "" };
  const writes = (["stdout", "stderr"] as const).map((name) => [name, process[name].write] as const);
  for (const [name, write] of writes)
    process[name].write = ((text: string | Uint8Array) => {
      if (typeof text !== "string") return write.call(process[name], text); // the test runner's own
      said[name] += text;
      return true;
    }) as typeof process.stdout.write;
  try {
    await (await makeProgram(args)).parseAsync(args, { from: "user" });
    return { status: process.exitCode ?? 0, ...said };
  } catch (error) {
    return { status: (error as { exitCode: number }).exitCode, ...said };
  } finally {
    for (const [name, write] of writes) process[name].write = write;
    process.exitCode = undefined;
  }
}
