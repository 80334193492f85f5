// A FakeAuthority behind https, for tests of whole processes and of what makes its own connections.

import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { createAuthority } from './certificates.ts';
import type { Cleanup } from './deadline.ts';
import { FakeAuthority, type FakeAuthorityOptions } from './fake-authority.ts';
import { createTempDir } from './temp-dir.ts';

export interface ServedAuthority {
  readonly fake: FakeAuthority;
  /** As in a configuration. */
  readonly settings: { readonly directory: string; readonly caFile: string };
}

export async function serveAuthority(
  context: Cleanup,
  options: Omit<FakeAuthorityOptions, 'url' | 'context'> = {},
): Promise<ServedAuthority> {
  const authority = createAuthority(context);
  const caFile = createTempDir(context).file('ca.pem');
  writeFileSync(caFile, authority.ca);
  let fake: FakeAuthority | null = null;
  const server = createServer(authority.issue('127.0.0.1'), async (asked, answer) => {
    const body = asked.method === 'POST' ? await text(asked) : undefined;
    const url = `https://${asked.headers.host}${asked.url}`;
    const given = await fake!.send(asked.method as 'GET' | 'HEAD' | 'POST', url, body);
    for (const name of ['replay-nonce', 'location', 'retry-after']) {
      const value = given.header(name);
      if (value !== null) answer.setHeader(name, value);
    }
    answer.writeHead(given.status).end(given.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  context.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const directory = `https://127.0.0.1:${(server.address() as AddressInfo).port}/directory`;
  fake = new FakeAuthority({ ...options, url: directory, context });
  return { fake, settings: { directory, caFile } };
}
