// `sluice warm`: asks for a list of URLs, so that they are stored before anybody else asks, and tells how far
// it is.

import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { type CliIo, exitCodes, type WarmCommand } from './command.ts';

const timeoutMs = 60_000;
const tellEveryMs = 1000;
/** Failures that are shown one by one. */
const shownMax = 10;

/** What became of the URLs so far. */
interface Outcome {
  done: number;
  /** Answers by status. */
  readonly statuses: Map<number, number>;
  readonly failures: string[];
}

/** Returns the exit code: refused when some URL had no answer or one of 500 and above. */
export async function runWarm({ file, via, parallel }: WarmCommand, io: CliIo): Promise<number> {
  const urls = readUrls(file, io);
  if (urls === null) return exitCodes.usage;
  const options = { keepAlive: true, maxSockets: parallel };
  const agents = { http: new Agent(options), https: new TlsAgent(options) };
  const outcome: Outcome = { done: 0, statuses: new Map(), failures: [] };
  const tell = () => io.stderr(`${outcome.done} of ${urls.length} URLs\n`);
  const timer = setInterval(tell, tellEveryMs);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < urls.length) {
      const url = urls[next]!;
      next += 1;
      const status = await ask(url, via, agents);
      outcome.done += 1;
      if (typeof status === 'number') {
        outcome.statuses.set(status, (outcome.statuses.get(status) ?? 0) + 1);
      }
      if (typeof status === 'string' || status >= 500) outcome.failures.push(`${url}: ${status}`);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  clearInterval(timer);
  agents.http.destroy();
  agents.https.destroy();
  io.stdout(summary(urls.length, outcome));
  return outcome.failures.length === 0 ? exitCodes.ok : exitCodes.refused;
}

/** Returns the URLs, one a line, without blank lines and comments; null (and says so) when there are none. */
function readUrls(file: string, io: CliIo): URL[] | null {
  let text: string;
  try {
    text = readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    io.stderr(`sluice: ${file}: ${(error as NodeJS.ErrnoException).code}\n`);
    return null;
  }
  const urls: URL[] = [];
  for (const [at, line] of text.split('\n').entries()) {
    const written = line.trim();
    if (written === '' || written.startsWith('#')) continue;
    const url = URL.parse(written);
    if (url === null || !/^https?:$/.test(url.protocol)) {
      io.stderr(`sluice: ${file}:${at + 1}: expected a URL such as 'http://example.com/'\n`);
      return null;
    }
    urls.push(url);
  }
  return urls;
}

/** Resolves with the status when all of the body has come, or with what went wrong. Never rejects. */
function ask(
  url: URL,
  via: WarmCommand['via'],
  agents: { readonly http: Agent; readonly https: TlsAgent },
): Promise<number | string> {
  const isTls = via === null && url.protocol === 'https:';
  const send = isTls ? requestTls : request;
  const agent = isTls ? agents.https : agents.http;
  const to = via ?? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port };
  return new Promise((resolve) => {
    const path = `${url.pathname}${url.search}`;
    const asked = send({ ...to, path, agent, timeout: timeoutMs, headers: { host: url.host } });
    asked.on('timeout', () => asked.destroy(new Error(`no answer in ${timeoutMs / 1000} s`)));
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    asked.on('response', (response) => {
      response.on('error', () => resolve('broke off'));
      response.on('end', () => resolve(response.statusCode ?? 0));
      response.resume();
    });
    asked.end();
  });
}

function summary(total: number, { statuses, failures }: Outcome): string {
  const counts = [...statuses]
    .sort(([a], [b]) => a - b)
    .map(([code, count]) => `${count} × ${code}`);
  const shown = failures.slice(0, shownMax).map((failure) => `    ${failure}\n`);
  const more = failures.length > shownMax ? `    and ${failures.length - shownMax} more\n` : '';
  const failed = failures.length === 0 ? '' : `, ${failures.length} failed`;
  return `${total} URLs asked for: ${counts.join(', ') || 'none answered'}${failed}\n${shown.join('')}${more}`;
}
