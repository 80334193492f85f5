// The local authority and PROXY headers in a configuration: what one word gives, and what could never work.

import assert from 'node:assert/strict';
import { dirname } from 'node:path';
import { describe, it } from 'node:test';
import { entryPoints } from '../../../src/config/entry-points.ts';
import { authorityFiles } from '../../../src/config/internal-authority.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { problemsOf } from './problems-of.ts';

const base = {
  upstreams: { app: { peers: ['http://127.0.0.1:1'] } },
  routes: [{ match: { host: ['app.test', '*.app.test', '[::1]'] }, to: 'app' }],
  certificates: { storage: '/var/lib/sluice' },
};

const REFUSED = 'more than one certificate needs engine node';

describe('tls: internal', () => {
  it('is a certificate for all hosts and what is local, without Strict-Transport-Security', () => {
    const config = parseConfig({ ...base, listeners: [{ port: 443, tls: 'internal' }] });
    const { tls, engine, http2 } = config.listeners[0]!;
    assert.deepEqual([engine, http2, tls?.hsts], ['node', true, null]);
    assert.deepEqual(tls?.internal, {
      names: ['app.test', '*.app.test', '::1', 'localhost', '127.0.0.1'],
      lifeMs: 12 * 3_600_000,
    });
    const [served, redirecting] = entryPoints(config);
    const [file] = served!.tls!.managedFiles;
    assert.equal(dirname(file!), authorityFiles('/var/lib/sluice').issued);
    assert.deepEqual(served!.tls!.certificates, [{ certFile: file, keyFile: file }]);
    assert.equal(served!.tls!.demandedFolder, authorityFiles('/var/lib/sluice').asked);
    assert.deepEqual([redirecting?.port, redirecting?.redirectsTo], [80, 443]);
  });

  it('has another file for other names, so that nobody reads one for too few', () => {
    const fileOf = (names: string[]) => {
      const listeners = [{ port: 8443, tls: { internal: { names } } }];
      return entryPoints(parseConfig({ ...base, listeners }))[0]!.tls!.managedFiles[0];
    };
    assert.equal(fileOf(['a.test']), fileOf(['a.test']));
    assert.notEqual(fileOf(['a.test']), fileOf(['b.test']));
  });

  it('stands beside certificates of files where names choose, which is not on uws', () => {
    const certificates = [{ certFile: 'a.crt', keyFile: 'a.key' }];
    const tls = { internal: {}, certificates };
    const problems = problemsOf({ ...base, listeners: [{ port: 8443, engine: 'uws', tls }] });
    assert.ok(problems.includes(`listeners[0].tls.internal: ${REFUSED}`));
    assert.deepEqual(
      problemsOf({ ...base, listeners: [{ port: 1, engine: 'uws', tls: 'internal' }] }),
      [],
    );
  });

  it('lives no shorter than it takes to renew', () => {
    const tls = { internal: { lifeMs: '1s' } };
    const [problem] = problemsOf({ ...base, listeners: [{ port: 8443, tls }] });
    assert.match(problem!, /^listeners\[0\]\.tls\.internal\.lifeMs: expected a duration from 5s/);
  });
});

describe('sendProxy', () => {
  it('is for connections that are not shared', () => {
    const app = { ...base.upstreams.app, sendProxy: 'v2' };
    const problems = (upstream: object) => problemsOf({ ...base, upstreams: { app: upstream } });
    assert.deepEqual(problems(app), []);
    assert.deepEqual(problems({ ...app, transport: 'undici' }), [
      "upstreams.app.sendProxy: expected 'off' with transport 'undici', got 'v2'",
    ]);
    const fastcgi = { ...app, peers: ['fastcgi://127.0.0.1:9000'], fastcgi: { root: '/srv' } };
    assert.deepEqual(problems(fastcgi), [
      "upstreams.app.sendProxy: expected 'off' with FastCGI peers, got 'v2'",
    ]);
  });
});
