// What the bench needs to know of a proxy that it measures, and how one is started on its cores.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Certificate, createCertificate } from './harness/certificate.ts';
import { programPath } from './harness/machine.ts';
import { fillTemplate } from './harness/template.ts';
import { type Command, freePort, type Running, type Workbench } from './harness/workbench.ts';
import type { Wire, Work } from './scenario.ts';

/** What a contender is told to do. */
export interface Lane {
  /** Exists, and is this contender's alone. */
  readonly directory: string;
  readonly port: number;
  readonly originPort: number;
  /** Where Sluice's admin listener goes. */
  readonly adminPort: number;
  /** Idle connections to the origin that must be kept: as many as the client opens. */
  readonly upstreamConnections: number;
  /** Worker processes or threads. */
  readonly workers: number;
  /** Whether every request is logged into a file. */
  readonly accessLog: boolean;
  readonly work: Work;
  readonly wire: Wire;
  /** Null without TLS. */
  readonly certificate: Certificate | null;
}

/** `works`: only forwarding when left out; `wires`: only plain HTTP/1.1. */
export interface Abilities {
  readonly webSocket: boolean;
  readonly accessLog: boolean;
  readonly works?: readonly Work[];
  readonly wires?: readonly Wire[];
}

export interface Contender {
  readonly name: string;
  readonly kind: 'sluice' | 'native' | 'node' | 'command';
  /** Says what is not installed; null when it can run. */
  readonly missing: () => string | null;
  readonly version: () => string;
  /** What it can do, in the bench's configuration of it. */
  readonly can: Abilities;
  readonly command: (lane: Lane) => Omit<Command, 'name' | 'core'>;
}

/** A contender that answers on its port. */
export interface Contestant {
  readonly name: string;
  /** Path of what is streamed beside the load; '' for nothing. */
  readonly beside: string;
  readonly port: number;
  readonly running: Running;
}

/** What differs between starts; the rest of a lane is found here. */
export interface Start {
  /** The name in this run, for instance `nginx with log`; the contender's own when left out. */
  readonly as?: string;
  readonly originPort: number;
  readonly upstreamConnections: number;
  /** Core number, a list like `0-1`, or null for any. */
  readonly core: number | string | null;
  readonly workers?: number;
  readonly accessLog?: boolean;
  readonly work?: Work;
  readonly beside?: string;
  readonly wire?: Wire;
}

/** Starts `contender` and waits until it accepts connections. Throws with its log when it does not. */
export async function startContender(
  contender: Contender,
  workbench: Workbench,
  start: Start,
): Promise<Contestant> {
  const { originPort, upstreamConnections, core, as: name = contender.name } = start;
  const directory = join(workbench.directory, name.replace(/[^\w-]+/g, '-'));
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const [port, adminPort] = [await freePort(), await freePort()];
  const { workers = 1, accessLog = false, work = 'forward', wire = 'http' } = start;
  const lane: Lane = {
    ...{ directory, originPort, upstreamConnections, port, adminPort },
    ...{ workers, accessLog, work, wire },
    certificate: wire === 'http' ? null : createCertificate(workbench.directory),
  };
  const running = workbench.start({ ...contender.command(lane), name, core });
  await workbench.accepting(running, port);
  return { name, port, running, beside: start.beside ?? '' };
}

/** Writes `peers/PATH`, filled in, into the lane's directory and returns where it lies. */
export function writeConfig(
  path: string,
  lane: Lane,
  values: Record<string, string | number> = {},
): string {
  const file = join(lane.directory, path.slice(path.lastIndexOf('/') + 1));
  const { directory, port, originPort, upstreamConnections, workers } = lane;
  const known = { directory, port, originPort, upstreamConnections, workers };
  const template = new URL(path, new URL('./peers/', import.meta.url));
  writeFileSync(file, fillTemplate(template, { ...known, ...values }));
  return file;
}

/** Says that `program` is not installed, or null. */
export function missingProgram(program: string): string | null {
  return programPath(program) === null ? `${program} is not installed` : null;
}
