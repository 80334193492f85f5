// The suite http-cache-tests as it is used here: its tests, the origin that plays its answers, and one test
// as a promise. The package has no types; what is taken from it is described here.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One test of the suite, as far as it matters for its verdict. */
export interface CacheTest {
  readonly id: string;
  readonly name: string;
  /** `required` when left out. `check`: a question, neither answer is wrong. */
  readonly kind?: 'required' | 'optimal' | 'check';
  readonly browser_only?: boolean;
  /** Tests without which this one tells nothing. */
  readonly depends_on?: readonly string[];
}

export interface CacheTestGroup {
  readonly id: string;
  readonly name: string;
  readonly tests: readonly CacheTest[];
}

/** What a test found: true, or why not: kind of failure (`Assertion`, `Setup`…) and message. */
export type CacheTestResult = true | readonly [kind: string, message: string];

interface ClientConfig {
  setFetch(fetch: unknown): void;
  setBaseUrl(url: string): void;
  setUseBrowserCache(uses: boolean): void;
}

interface Client {
  readonly testResults: Record<string, CacheTestResult>;
  makeCacheTest(test: CacheTest): Promise<void>;
}

type Handler = (
  segments: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
) => void;

/** How many tests run at once: most of them wait for something to become stale. */
const AT_ONCE = 100;

const config = await load<ClientConfig>('client/config.mjs');
const client = await load<Client>('client/test.mjs');

/** Returns all tests that are meant for caches between client and origin. */
export async function loadGroups(): Promise<CacheTestGroup[]> {
  const { default: groups } = await load<{ default: CacheTestGroup[] }>('tests/index.mjs');
  const surrogate = await load<{ default: CacheTestGroup }>('tests/surrogate-control.mjs');
  return [...groups, surrogate.default].map((group) => ({
    ...group,
    tests: group.tests.filter((test) => test.browser_only !== true),
  }));
}

/** Runs tests against the proxy at `baseUrl`; `onDone` is called after each. Never rejects. */
export async function runTests(
  tests: readonly CacheTest[],
  baseUrl: string,
  onDone: (done: number) => void,
): Promise<Map<string, CacheTestResult>> {
  const { default: fetch } = (await import(packagePath('../node-fetch/lib/index.mjs'))) as {
    default: unknown;
  };
  config.setFetch(fetch);
  config.setBaseUrl(baseUrl);
  config.setUseBrowserCache(false);
  // The suite takes a second result of a test for a mistake.
  for (const { id } of tests) delete client.testResults[id];
  const waiting = [...tests];
  let done = 0;
  const runOnes = async () => {
    for (let test = waiting.shift(); test !== undefined; test = waiting.shift()) {
      // A copy: the suite writes what it sends into its tests.
      await client.makeCacheTest(structuredClone(test));
      done += 1;
      onDone(done);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runOnes));
  return new Map(tests.map(({ id }) => [id, client.testResults[id]!]));
}

export interface CacheTestOrigin {
  readonly url: string;
  close(): void;
}

/** Starts the origin of the suite: it answers as the test that is under way wants it to. */
export async function startCacheTestOrigin(): Promise<CacheTestOrigin> {
  const handlers = new Map<string | undefined, Handler>();
  for (const name of ['config', 'test', 'state']) {
    const handler = await load<{ default: Handler }>(`server/handle-${name}.mjs`);
    handlers.set(name, handler.default);
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, 'http://origin');
    const [, first, ...segments] = pathname.split('/');
    const handler = handlers.get(first);
    if (handler === undefined) response.writeHead(404).end();
    else handler(segments, request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function load<T>(path: string): Promise<T> {
  return (await import(packagePath(path))) as T;
}

function packagePath(path: string): string {
  return new URL(`node_modules/http-cache-tests/${path}`, import.meta.url).href;
}
