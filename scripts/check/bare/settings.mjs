// Copies this machine's settings for package downloads (certificates, proxies, registries) into another root.
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** Environment variables of the machine, as opposed to this process. */
const VARIABLES = [
  /^(NODE_EXTRA_CA_CERTS|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)$/,
  /^(https?|all|no)_proxy$/i,
  /^npm_config_(registry|proxy|https_proxy|noproxy|cafile|strict_ssl)$/i,
  /^PIP_(CERT|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|TRUSTED_HOST|PROXY|RETRIES|DEFAULT_TIMEOUT)$/,
];

/** Folder in the other root for files named by the settings; no package writes there. */
const FOLDER = "/etc/settings-of-the-machine";

function output(command, args) {
  return spawnSync(command, args, { encoding: "utf8" }).stdout ?? "";
}

/** Returns the settings of pip's configuration files as environment variables. */
function pipVariables() {
  const lines = output("python3", ["-m", "pip", "config", "list"]).matchAll(
    /^(?:global|install)\.([\w-]+)='(.*)'$/gm,
  );
  const variables = [...lines].map(([, name, value]) => [
    `PIP_${name.toUpperCase().replaceAll("-", "_")}`,
    value.replaceAll("\\n", " ").trim(),
  ]);
  return Object.fromEntries(variables.filter(([name]) => VARIABLES.some((pattern) => pattern.test(name))));
}

/** Returns the folders that a value names, by path or file address; an index's files are next to its `simple`. */
function foldersIn(value) {
  return value
    .split(" ")
    .map((word) => word.replace(/^file:\/\/(localhost)?(?=\/)/, ""))
    .filter((path) => path.startsWith("/") && existsSync(path) && statSync(path).isDirectory())
    .map((path) => path.replace(/(?<=.)\/simple\/?$/, ""));
}

/**
 * Writes this machine's settings into `root`.
 * @returns environment variables for commands, and folders that must be visible there
 */
export function copySettings(root) {
  mkdirSync(join(root, FOLDER), { recursive: true });
  const given = Object.entries(process.env).filter(([name]) =>
    VARIABLES.some((pattern) => pattern.test(name)),
  );
  const env = { ...pipVariables(), ...Object.fromEntries(given) };
  const folders = new Set();
  for (const [name, value] of Object.entries(env)) {
    for (const folder of foldersIn(value)) folders.add(folder);
    if (!value.startsWith("/") || !existsSync(value) || !statSync(value).isFile()) continue;
    env[name] = `${FOLDER}/${name}`;
    copyFileSync(value, join(root, env[name]));
  }
  const npmrc = process.env.npm_config_userconfig ?? join(homedir(), ".npmrc");
  if (existsSync(npmrc)) {
    env.npm_config_userconfig = `${FOLDER}/npmrc`;
    copyFileSync(npmrc, join(root, env.npm_config_userconfig));
    // An ordinary user reads it there; the root itself is in a folder that only its owner can enter
    chmodSync(join(root, env.npm_config_userconfig), 0o644);
  }
  const acquire = output("apt-config", ["dump"]).match(/^Acquire::(https?|Retries|ForceIPv4)\b.*$/gim);
  writeFileSync(join(root, "etc/apt/apt.conf.d/99settings"), `${(acquire ?? []).join("\n")}\n`);
  for (const file of ["/etc/resolv.conf", "/etc/hosts"]) copyFileSync(file, join(root, file));
  return { env, folders: [...folders] };
}
