// The backend that every proxy is measured in front of: nginx on the core of the load generator.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LARGE_BODY_BYTES, SMALL_BODY_BYTES } from '../scenarios.ts';
import { fillTemplate } from './template.ts';
import { freePort, type Running, type Workbench } from './workbench.ts';

const template = new URL('../peers-config/origin-nginx.conf', import.meta.url);

/** A running origin. */
export interface Origin {
  readonly port: number;
  readonly running: Running;
}

/** Starts the origin pinned to `core` (null: anywhere) and waits until it accepts connections. */
export async function startOrigin(workbench: Workbench, core: number | null): Promise<Origin> {
  const { directory } = workbench;
  const originPort = await freePort();
  const files = join(directory, 'files');
  mkdirSync(files);
  writeFileSync(join(files, '64k.bin'), Buffer.alloc(LARGE_BODY_BYTES, 'sluice '));
  chmodSync(directory, 0o755);
  const smallBody = 'sluice '.repeat(SMALL_BODY_BYTES).slice(0, SMALL_BODY_BYTES);
  const config = join(directory, 'origin-nginx.conf');
  writeFileSync(config, fillTemplate(template, { directory, originPort, smallBody }));
  const running = workbench.start({
    name: 'origin',
    program: 'nginx',
    args: ['-p', directory, '-c', config, '-e', join(directory, 'origin-error.log')],
    core,
  });
  await workbench.accepting(running, originPort);
  return { port: originPort, running };
}
