// Talks to the admin address of a running Sluice: one request, JSON in and out.

import { request as httpRequest } from 'node:http';
import { readAddress } from './flags.ts';

export interface AdminAddress {
  readonly host: string;
  readonly port: number;
}

/** What `admin` of a configuration is when nobody says otherwise (config/schema). */
const usual: AdminAddress = { host: '127.0.0.1', port: 9900 };

/** Longer than the server waits for its workers. */
const timeoutMs = 120_000;
const answerBytesMax = 64 * 1024 * 1024;

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}

export type AdminReply =
  | { readonly kind: 'done'; readonly value: unknown }
  /** The server said why not. */
  | {
      readonly kind: 'refused';
      readonly status: number;
      readonly message: string;
      readonly problems: readonly string[];
    }
  /** Nobody is there, or somebody else. */
  | { readonly kind: 'unreachable'; readonly message: string };

/** Finds the address: `--admin`, else SLUICE_ADMIN_HOST and _PORT, else the usual one. Null when malformed. */
export function adminAddress(flag: string | null, env: NodeJS.ProcessEnv): AdminAddress | null {
  const { SLUICE_ADMIN_HOST: host, SLUICE_ADMIN_PORT: port } = env;
  const fallback = { host: host || usual.host, port: Number(port || usual.port) };
  const address = flag === null ? fallback : readAddress(flag);
  if (address === null || !Number.isInteger(address.port)) return null;
  if (address.port < 1 || address.port > 65_535) return null;
  return { host: reachable(address.host ?? fallback.host), port: address.port };
}

/** Sends one request. Never rejects. */
export function askAdmin({ host, port }: AdminAddress, asked: AdminRequest): Promise<AdminReply> {
  const body = asked.body === undefined ? '' : JSON.stringify(asked.body);
  const shown = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve) => {
    const unreachable = (why: string) => {
      const message = `no Sluice answers at ${shown} (${why}); name its admin address with --admin`;
      resolve({ kind: 'unreachable', message });
    };
    const request = httpRequest(
      {
        ...{ host, port, method: asked.method, path: asked.path, agent: false, timeout: timeoutMs },
        headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        const parts: Buffer[] = [];
        let sizeBytes = 0;
        response.on('data', (part: Buffer) => {
          sizeBytes += part.length;
          if (sizeBytes > answerBytesMax) request.destroy(new Error('its answer has no end'));
          else parts.push(part);
        });
        response.on('error', (error) => unreachable(error.message));
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          const reply = readReply(response.statusCode ?? 0, text);
          if (reply === null) unreachable('what answers there is something else');
          else resolve(reply);
        });
      },
    );
    request.on('timeout', () => request.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    request.on('error', (error: NodeJS.ErrnoException) => unreachable(error.code ?? error.message));
    request.end(body);
  });
}

function readReply(status: number, text: string): AdminReply | null {
  if (status === 204) return { kind: 'done', value: null };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (status >= 200 && status < 300) return { kind: 'done', value };
  if (!isProblem(value)) return null;
  const problems = value.problems.map(({ path, message }) => {
    return path === '' ? message : `${path}: ${message}`;
  });
  return { kind: 'refused', status, message: value.message, problems };
}

interface ProblemBody {
  readonly message: string;
  readonly problems: readonly { readonly path: string; readonly message: string }[];
}

function isProblem(value: unknown): value is ProblemBody {
  if (typeof value !== 'object' || value === null) return false;
  const { message, problems } = value as Record<string, unknown>;
  return typeof message === 'string' && Array.isArray(problems);
}

/** What listens on every address is asked on this machine's own. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
