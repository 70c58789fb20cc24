// Opens a bare Debian system in a folder: debootstrap makes its base once, each use has a temporary overlay.
// Everything runs in its own mount and process namespace (scripts/check/bare.mjs), and ends with it.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { copySettings } from "./settings.mjs";

/** The project's folder. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const CACHE = join(projectRoot, ".cache/bare");

/** System -> its name in Debian's archive. */
export const SYSTEMS = { "debian-12": "bookworm", "debian-13": "trixie" };

/** The first user of the bare system. */
export const USER = "guie";
const USER_ID = 1000;
/** Search path of commands in the bare system. */
export const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const MAX_OUTPUT_BYTES = 64 * 2 ** 20;

function must(command, ...args) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  const printed = error?.message ?? `${stdout}${stderr}`.trim().split("\n").slice(-5).join("\n");
  assert.equal(status, 0, `${command} ${args.join(" ")}: ${printed}`);
  return stdout;
}

/** Returns the mirror that apt uses. */
function mirror() {
  const lines = must("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages").split(
    "\n",
  );
  return lines.find((address) => /\/debian\/?$/.test(address)) ?? "http://deb.debian.org/debian";
}

/** Returns the folder of a base system; debootstrap makes it if it is missing. */
function baseSystem(system) {
  const base = join(CACHE, system);
  if (existsSync(base)) return base;
  console.log(`${system}: debootstrap, once`);
  rmSync(`${base}.partial`, { recursive: true, force: true });
  mkdirSync(CACHE, { recursive: true });
  must("debootstrap", "--variant=minbase", SYSTEMS[system], `${base}.partial`, mirror());
  renameSync(`${base}.partial`, base);
  return base;
}

/** Mounts a folder of downloads that all bare systems share, so that registries are asked once. */
function sharedFolder(root, name, inside, owner) {
  const folder = join(CACHE, name);
  const target = join(root, inside);
  for (const one of [folder, target]) mkdirSync(one, { recursive: true });
  if (owner) must("chown", "-R", `${owner}:${owner}`, folder);
  must("mount", "--bind", folder, target);
}

const DEVICES = ["null", "zero", "full", "random", "urandom", "tty"];

function mountSystem(root) {
  must("mount", "-t", "proc", "proc", join(root, "proc"));
  must("mount", "-t", "sysfs", "-o", "ro", "sysfs", join(root, "sys"));
  must("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", join(root, "dev"));
  for (const device of DEVICES) must("cp", "-a", `/dev/${device}`, join(root, "dev", device));
  for (const folder of ["shm", "pts"]) mkdirSync(join(root, "dev", folder));
  must("mount", "-t", "tmpfs", "-o", "mode=1777", "tmpfs", join(root, "dev/shm"));
  must("mount", "-t", "devpts", "-o", "newinstance,ptmxmode=666", "devpts", join(root, "dev/pts"));
  must("ln", "-s", "pts/ptmx", join(root, "dev/ptmx"));
  must("ln", "-s", "/proc/self/fd", join(root, "dev/fd"));
  for (const [i, name] of ["stdin", "stdout", "stderr"].entries())
    must("ln", "-s", `/proc/self/fd/${i}`, join(root, "dev", name));
}

/** Returns the environment of a command in the bare system: the machine's settings, but nothing of this process. */
function environment(settings, user, env) {
  return {
    PATH,
    LANG: "C.UTF-8",
    HOME: user === "root" ? "/root" : `/home/${user}`,
    npm_config_cache: "/var/cache/npm",
    PIP_CACHE_DIR: "/var/cache/pip",
    ...settings,
    ...(user === "root" ? { DEBIAN_FRONTEND: "noninteractive" } : {}),
    ...env,
  };
}

/**
 * Opens a bare system in an empty folder.
 * @returns `run(script, options)` waits for a shell script, `start(argv, options)` starts a command; options: { user,
 * cwd, env }
 */
export function openSystem(system, folder) {
  const [upper, work, root] = ["upper", "work", "root"].map((name) => join(folder, name));
  for (const one of [upper, work, root]) mkdirSync(one, { recursive: true });
  const layers = `lowerdir=${baseSystem(system)},upperdir=${upper},workdir=${work}`;
  must("mount", "-t", "overlay", "overlay", "-o", layers, root);
  mountSystem(root);
  // Debian's own images also have this line: nothing in them must survive a power loss
  writeFileSync(join(root, "etc/dpkg/dpkg.cfg.d/unsafe-io"), "force-unsafe-io\n");
  const { env: settings, folders } = copySettings(root);
  sharedFolder(root, `apt-${system}`, "var/cache/apt/archives");
  for (const name of ["npm", "pip"]) sharedFolder(root, name, `var/cache/${name}`, USER_ID);
  for (const one of folders) {
    mkdirSync(join(root, one), { recursive: true });
    must("mount", "--bind", "-o", "ro", one, join(root, one));
  }

  const inSystem = (argv, { user = USER, cwd = "/", env = {} } = {}) => ({
    args: [`--userspec=${user}`, root, "/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, ...argv],
    options: { env: environment(settings, user, env), encoding: "utf8", maxBuffer: MAX_OUTPUT_BYTES },
  });
  return {
    root,
    run(script, given) {
      const { args, options } = inSystem(["/bin/sh", "-c", `{ ${script}\n} 2>&1`], given);
      const { status, stdout, error } = spawnSync("chroot", args, options);
      if (error) throw error;
      return { status, output: stdout };
    },
    start(argv, given) {
      const { args, options } = inSystem(argv, given);
      return spawn("chroot", args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    },
  };
}

/** Runs a script that must succeed; returns its output. */
export function mustRun(system, script, options) {
  const { status, output } = system.run(script, options);
  const tail = output.trim().split("\n").slice(-12).join("\n  ");
  assert.equal(status, 0, `\`${script}\` ended with ${status}:\n  ${tail}`);
  return output;
}

/** Installs Debian packages without recommended ones. */
export function installPackages(system, packages) {
  const install = `apt-get update -q && apt-get install -q -y --no-install-recommends ${packages.join(" ")}`;
  mustRun(system, install, { user: "root" });
}

/** Copies the project like a clone, including edits, to `path` in the bare system; it belongs to its user. */
export function copyProject(system, path) {
  const files = must(
    "git",
    "-C",
    projectRoot,
    "ls-files",
    "-z",
    "--cached",
    "--others",
    "--exclude-standard",
  );
  const present = files.split("\0").filter((file) => file && existsSync(join(projectRoot, file)));
  const target = join(system.root, path);
  mkdirSync(target, { recursive: true });
  const tar = spawnSync("tar", ["-C", projectRoot, "--null", "-T", "-", "-cf", "-"], {
    input: present.join("\0"),
    maxBuffer: 2 ** 30,
  });
  assert.equal(tar.status, 0, `the project could not be packed: ${tar.stderr}`);
  const unpacked = spawnSync("tar", ["-C", target, "--no-same-owner", "-xf", "-"], { input: tar.stdout });
  assert.equal(unpacked.status, 0, `${basename(path)}: ${unpacked.stderr}`);
  mustRun(system, `chown -R ${USER}:${USER} ${path}`, { user: "root" });
}
