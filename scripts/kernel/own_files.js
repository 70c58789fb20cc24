// Checks a person's own modules and JSON files before every cell, so that an edit counts at once, even if the system
// notifies the compiler late.
const { statSync } = require("node:fs");
const ts = require("@tslab/typescript-for-tslab");
const { forgetFound, NOT_OWN } = require("./compiler");

/** Watchers of own files as { path, callback, stamp }. */
const watchers = new Set();

function stampOf(path) {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
}

/** Records the watchers that the compiler creates. */
function recordWatchers() {
  const { watchFile } = ts.sys;
  ts.sys.watchFile = (path, callback, ...rest) => {
    const watcher = watchFile(path, callback, ...rest);
    if (NOT_OWN.test(path)) return watcher;
    const kept = { path, callback, stamp: stampOf(path) };
    watchers.add(kept);
    const close = () => {
      watchers.delete(kept);
      watcher.close();
    };
    return { close };
  };
}

/**
 * Notifies the compiler of own files changed since the last cell, and unloads changed JSON from Node.
 * @returns their paths
 */
function noticeEdits() {
  forgetFound();
  const changed = new Set();
  for (const kept of [...watchers]) {
    const stamp = stampOf(kept.path);
    if (stamp === kept.stamp) continue;
    kept.stamp = stamp;
    changed.add(kept.path);
    kept.callback(kept.path, stamp ? ts.FileWatcherEventKind.Changed : ts.FileWatcherEventKind.Deleted);
    if (kept.path.endsWith(".json")) delete require.cache[kept.path];
  }
  return changed;
}

module.exports = { recordWatchers, noticeEdits };
