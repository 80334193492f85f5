// The backend that every proxy is measured in front of: nginx on the core of the load generator.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  HUGE_BODY_BYTES,
  LARGE_BODY_BYTES,
  LONG_PAGE_BYTES,
  PAGE_BYTES,
  SMALL_BODY_BYTES,
} from '../scenario.ts';
import { fillTemplate } from './template.ts';
import { freePort, type Running, type Workbench } from './workbench.ts';

const echoScript = new URL('../load/web-socket-origin.ts', import.meta.url);
const template = new URL('../peers/origin/nginx.conf', import.meta.url);

/** A running origin. */
export interface Origin {
  readonly port: number;
  readonly running: Running;
}

/**
 * Starts the origin pinned to `core` (null: anywhere) and waits until it accepts connections; on `hosts` of
 * the loopback network as well.
 */
export async function startOrigin(
  workbench: Workbench,
  core: number | string | null,
  hosts: readonly string[] = [],
): Promise<Origin> {
  const { directory } = workbench;
  const originPort = await freePort();
  const files = join(directory, 'files');
  mkdirSync(files);
  writeFileSync(join(files, '64k.bin'), Buffer.alloc(LARGE_BODY_BYTES, 'sluice '));
  writeFileSync(join(files, 'page.json'), jsonPage(PAGE_BYTES));
  writeFileSync(join(files, '1m.json'), jsonPage(LONG_PAGE_BYTES));
  writeFileSync(join(files, '10m.bin'), Buffer.alloc(HUGE_BODY_BYTES, 'sluice '));
  chmodSync(directory, 0o755);
  const smallBody = 'sluice '.repeat(SMALL_BODY_BYTES).slice(0, SMALL_BODY_BYTES);
  const listen = ['127.0.0.1', ...hosts]
    .map((host) => `listen ${host}:${originPort} backlog=4096;`)
    .join('\n    ');
  const config = join(directory, 'origin-nginx.conf');
  writeFileSync(config, fillTemplate(template, { directory, listen, smallBody }));
  const running = workbench.start({
    name: 'origin',
    program: 'nginx',
    args: ['-p', directory, '-c', config, '-e', join(directory, 'origin-error.log')],
    core,
  });
  await workbench.accepting(running, originPort);
  return { port: originPort, running };
}

/** A list of records whose values differ, always the same; gzip makes a fifth of it. */
function jsonPage(bytes: number): string {
  const rows: string[] = [];
  let seed = 1;
  for (let length = 2; length < bytes; length += rows.at(-1)!.length + 1) {
    seed = (seed * 48_271) % 2_147_483_647;
    const [id, stock, cents] = [rows.length, seed % 1000, seed % 100_000];
    const digest = seed.toString(36);
    rows.push(
      JSON.stringify({ id, name: `product ${digest}`, stock, cents, isOnSale: seed % 3 > 1 }),
    );
  }
  const text = `[${rows.join()}]`;
  return text.slice(0, bytes);
}

/** Starts the WebSocket echo pinned to `core` and waits until it accepts connections. */
export async function startWebSocketOrigin(
  workbench: Workbench,
  core: number | string | null,
): Promise<Origin> {
  const port = await freePort();
  const args = [fileURLToPath(echoScript), `${port}`];
  const running = workbench.start({ name: 'echo', program: process.execPath, args, core });
  await workbench.accepting(running, port);
  return { port, running };
}
