// Proves names by DNS (dns-01, RFC 8555 section 8.4) through a program of the operator's: it is told by
// its last argument and its environment what to do, and is killed, with all that it started, when it takes
// too long.

import { spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { AcmeProblem } from './acme/problem.ts';
import { type Challenge, type Prover, recordValueOf } from './acme/proof.ts';

/** Of what the program says, for the event about its failure. */
const OUTPUT_LENGTH_MAX = 500;
const LAST_WORDS_MS = 200;

export interface DnsHook {
  /** The program and its first arguments; no shell. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  /** For the record to spread. */
  readonly settleMs: number;
}

/** Creates the prover of dns-01. */
export function createDnsProver(hook: DnsHook): Prover {
  return {
    type: 'dns-01',
    async present(challenge) {
      await run(hook, 'present', challenge);
      await delay(hook.settleMs);
    },
    async cleanup(challenge) {
      // A record that stays does no harm, and the certificate may be there already.
      await run(hook, 'cleanup', challenge).catch(() => {});
    },
  };
}

/** Runs the program; rejects with an AcmeProblem `hookFailed` unless it ends well in time. */
function run(
  { command, timeoutMs }: DnsHook,
  action: 'present' | 'cleanup',
  { name, keyAuthorization }: Challenge,
): Promise<void> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args, action], {
      // A group of its own, so that what it starts can be ended with it.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...ownEnvironment(),
        SLUICE_ACME_ACTION: action,
        SLUICE_ACME_DOMAIN: name,
        SLUICE_ACME_RECORD: `_acme-challenge.${name}`,
        SLUICE_ACME_VALUE: recordValueOf(keyAuthorization),
      },
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-OUTPUT_LENGTH_MAX);
      });
    }
    const fail = (why: string) => {
      const said = output.replace(/\s+/g, ' ').trim();
      const detail = `${program} ${action} ${why}${said === '' ? '' : `: ${said}`}`;
      reject(new AcmeProblem({ type: 'hookFailed', detail }));
    };
    const timer = setTimeout(() => {
      killGroup(child.pid);
      fail(`took more than ${timeoutMs} ms`);
    }, timeoutMs);
    child.once('error', (error) => {
      clearTimeout(timer);
      fail(`can't be run: ${error.message}`);
    });
    const ended = (code: number | null, signal: NodeJS.Signals | null) => {
      clearTimeout(timer);
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      if (code === 0) resolve();
      else fail(signal === null ? `ended with code ${code}` : `was ended by ${signal}`);
    };
    child.once('close', ended);
    // What it left running holds its output: nobody waits for that.
    child.once('exit', (code, signal) =>
      setTimeout(() => ended(code, signal), LAST_WORDS_MS).unref(),
    );
  });
}

/** Without what concerns this process alone. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const { SLUICE_ROLE: _, SLUICE_RUN_DIR: __, NODE_CHANNEL_FD: ___, ...rest } = process.env;
  return rest;
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
