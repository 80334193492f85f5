// A configuration as a whole: defaults, precedence, origins, environment names, files beside it.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import type { Assignment } from '../../../src/config/draft.ts';
import { findEnvPaths, listEnvNames } from '../../../src/config/environment.ts';
import { configFields, type Field } from '../../../src/config/field-tree.ts';
import { fingerprint } from '../../../src/config/fingerprint.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { parseConfig } from '../../../src/config/parse.ts';
import { formatPath, valueAt } from '../../../src/config/path.ts';
import { formatConfig } from '../../../src/config/print.ts';
import { ConfigError } from '../../../src/config/problem.ts';
import { createTempDir } from '../../support/temp-dir.ts';

const yaml = `cores: 4
listeners:
  - port: 8080
upstreams:
  app:
    peers:
      - http://127.0.0.1:9001
      - { url: http://127.0.0.1:9002, weight: 2 }
  my-api.v2:
    peers: [http://127.0.0.1:9003]
    timeouts: { connectMs: 1s }
routes:
  - match: { host: app.example.com, path: /images/* }
    to: app
  - to: my-api.v2
limits:
  requestBodyBytes: 1MiB
`;

interface Setting {
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: Assignment[];
  readonly text?: string;
}

/** Loads `yaml` (or `text`) as app.yaml from a directory of its own. */
function load(context: TestContext, { env = {}, flags = [], text = yaml }: Setting = {}) {
  const dir = createTempDir(context);
  writeFileSync(dir.file('app.yaml'), text);
  return loadConfig({ file: 'app.yaml', cwd: dir.path, env, flags });
}

async function problemsOf(loading: Promise<unknown>): Promise<string[]> {
  const error = await loading.then(
    () => assert.fail('no problem was found'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof ConfigError, String(error));
  return error.problems.map(({ message, suggestion }) => {
    return `${message}${suggestion ? ` → ${suggestion}` : ''}`;
  });
}

/** How a listener without TLS is completed. */
const plain = { engine: 'uws', http2: false, tls: null, proxyFrom: [] };

describe('precedence', () => {
  it('lets flags win over environment, over file, over defaults', async (context) => {
    const env = { SLUICE_CORES: '3', SLUICE_LISTENERS_0_PORT: '8081' };
    const flags = [{ path: ['cores'], value: '2', name: '--cores' }];
    const { config, origins } = await load(context, { env, flags });
    assert.equal(config.cores, 2);
    assert.equal(config.listeners[0]?.port, 8081);
    assert.equal(config.upstreams['app']?.peers[1]?.weight, 2);
    assert.equal(config.upstreams['app']?.peers[0]?.weight, 1);
    const expected = {
      cores: '--cores',
      'listeners[0].port': 'env SLUICE_LISTENERS_0_PORT',
      'listeners[0].name': 'default',
      'upstreams.app.peers[0].url': 'app.yaml:7',
      'upstreams.app.peers[0].weight': 'default',
      'upstreams.app.peers[1].weight': 'app.yaml:8',
      'upstreams["my-api.v2"].timeouts.connectMs': 'app.yaml:11',
      'routes[0].match.host[0]': 'app.yaml:13',
      'routes[1].match.host': 'default',
      'limits.requestBodyBytes': 'app.yaml:17',
      'routes[0].requestBodyBytesMax': 'default',
    };
    for (const [path, origin] of Object.entries(expected))
      assert.equal(origins.get(path), origin, path);
  });

  it('names the origin of every scalar and every empty list', async (context) => {
    const { config, origins } = await load(context);
    for (const { path } of listEnvNames(config)) {
      assert.equal(typeof origins.get(formatPath(path)), 'string', formatPath(path));
    }
    assert.equal(origins.get('trustedProxies'), 'default');
  });

  it('lets a flag replace a list and the environment refine what the flag left open', async (context) => {
    const flags = [{ path: ['listeners'], value: [{ port: 1 }, { port: 2 }], name: '--listen' }];
    const env = { SLUICE_LISTENERS_1_PORT: '9', SLUICE_LISTENERS_1_NAME: 'second' };
    const { config, origins } = await load(context, { env, flags });
    assert.deepEqual(config.listeners, [
      { name: 'http-1', host: null, port: 1, ...plain },
      { name: 'second', host: null, port: 2, ...plain },
    ]);
    assert.equal(origins.get('listeners[1].port'), '--listen');
    assert.equal(origins.get('listeners[1].name'), 'env SLUICE_LISTENERS_1_NAME');
  });

  it('works without any file', async () => {
    const flags: Assignment[] = [
      { path: ['upstreams', 'app', 'peers'], value: [{ url: 'http://a:1' }], name: '--to' },
      { path: ['routes'], value: [{ to: 'app' }], name: '--to' },
    ];
    const env = { SLUICE_UPSTREAMS_APP_PEERS_0_WEIGHT: '3' };
    const { config, origins, files } = await loadConfig({ flags, env });
    const unset = { priority: 0, connectionsMax: 0, zone: null, draining: false };
    assert.deepEqual(config.upstreams['app']?.peers, [{ url: 'http://a:1', weight: 3, ...unset }]);
    assert.equal(origins.get('routes[0].to[0].upstream'), '--to');
    assert.deepEqual(config.listeners, [{ name: 'http-8080', host: null, port: 8080, ...plain }]);
    assert.equal(origins.get('upstreams.app.peers[0].url'), '--to');
    assert.equal(origins.get('log.level'), 'default');
    assert.deepEqual(files, []);
  });
});

describe('the environment', () => {
  it('has a variable for every scalar that there is, which leads back to it', async (context) => {
    const { config } = await load(context);
    const names = listEnvNames(config);
    assert.ok(names.length > 80, `${names.length} variables`);
    for (const { name, path, description } of names) {
      assert.deepEqual(findEnvPaths(name, config), [path], name);
      assert.notEqual(description, '', name);
    }
    assert.equal(new Set(names.map(({ name }) => name)).size, names.length);
  });

  it('changes every scalar through its variable', async (context) => {
    const { config } = await load(context);
    for (const { name, path } of listEnvNames(config)) {
      const value = valueAt(config, path);
      const env = { [name]: value === null ? '' : String(value) };
      const { origins } = await load(context, { env });
      assert.equal(origins.get(formatPath(path)), `env ${name}`);
    }
  });

  it('adds to a list by the next index, and keeps the defaults of a list it changes', async (context) => {
    const env = {
      SLUICE_TRUSTED_PROXIES_0: '10.0.0.0/8',
      SLUICE_TRUSTED_PROXIES_1: '::1',
      SLUICE_HEADERS_REMOVE_FROM_RESPONSE_4: 'X-Secret',
      SLUICE_ROUTES_0_MATCH_METHOD_0: 'GET',
      SLUICE_UPSTREAMS_APP_PEERS_2_URL: 'http://127.0.0.1:9009',
    };
    const { config, origins } = await load(context, { env });
    assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1']);
    assert.equal(config.headers.removeFromResponse[0], 'server');
    assert.equal(config.headers.removeFromResponse.at(-1), 'x-secret');
    assert.deepEqual(config.routes[0]?.match.method, ['GET']);
    assert.equal(config.upstreams['app']?.peers.length, 3);
    assert.equal(origins.get('headers.removeFromResponse[0]'), 'default');
  });

  it('reads texts as the setting wants them', async (context) => {
    const env = {
      SLUICE_LIMITS_REPLAY_BYTES: '1MiB',
      SLUICE_TIMEOUTS_DRAIN_MS: '1m30s',
      SLUICE_TIMEOUTS_WEB_SOCKET_IDLE_MS: '60000',
      SLUICE_ADMIN_ENABLED: 'false',
      SLUICE_HEADERS_VIA: '',
      SLUICE_LISTENERS_0_NAME: '7',
      SLUICE_CORES: 'auto',
    };
    const { config } = await load(context, { env });
    assert.equal(config.limits.replayBytes, 1_048_576);
    assert.equal(config.timeouts.drainMs, 90_000);
    assert.equal(config.timeouts.webSocketIdleMs, 60_000);
    assert.equal(config.admin.enabled, false);
    assert.equal(config.headers.via, null);
    assert.equal(config.listeners[0]?.name, '7');
    assert.ok(config.cores >= 1);
  });

  const wrong: [string, string, string][] = [
    [
      'SLUICE_LIMIT_REPLAY_BYTES',
      '1',
      'no setting has this name (sluice check --env lists all) → SLUICE_LIMITS_REPLAY_BYTES',
    ],
    [
      'SLUICE_LISTENERS',
      '1',
      'no setting has this name (sluice check --env lists all) → SLUICE_LISTENERS_0_NAME',
    ],
    [
      'SLUICE_LISTENERS_5_PORT',
      '1',
      'no setting has this name (sluice check --env lists all) → SLUICE_LISTENERS_0_PORT',
    ],
    [
      'SLUICE_CORES_',
      '1',
      'no setting has this name (sluice check --env lists all) → SLUICE_CORES',
    ],
    [
      'SLUICE_UPSTREAMS_AP_PIPELINING',
      '2',
      'no setting has this name (sluice check --env lists all) → SLUICE_UPSTREAMS_APP_PIPELINING',
    ],
    ['SLUICE_CORES', '', "expected 'auto' or a whole number from 1 to 256, got ''"],
    ['SLUICE_ADMIN_ENABLED', 'yes', "expected true or false, got 'yes'"],
    ['SLUICE_ADMIN_PORT', '1.5', 'expected a whole number from 0 to 65535, got 1.5'],
  ];
  for (const [name, value, message] of wrong) {
    it(`refuses ${name}=${value}`, async (context) => {
      assert.deepEqual(await problemsOf(load(context, { env: { [name]: value } })), [message]);
    });
  }

  it('leaves variables of Sluice itself, of its tests and of others alone', async (context) => {
    const names = ['SLUICE_ROLE', 'SLUICE_RUN_DIR', 'SLUICE_WORKER', 'SLUICE_CONFIG'];
    const env = Object.fromEntries(
      [...names, 'SLUICE_TEST_X', 'SLUICE_BENCH_X', 'PATH'].map((n) => [n, 'x']),
    );
    assert.ok(await load(context, { env }));
  });

  it('refuses a variable that may mean two upstreams', async (context) => {
    const text = `upstreams:\n  a-b: { peers: [http://a] }\n  a.b: { peers: [http://a] }\nroutes: [{ to: a-b }]\n`;
    assert.deepEqual(
      await problemsOf(load(context, { text, env: { SLUICE_UPSTREAMS_A_B_PIPELINING: '2' } })),
      ['may mean upstreams.a-b.pipelining or upstreams["a.b"].pipelining: rename one of them'],
    );
  });
});

describe('--set', () => {
  const set = (path: (string | number)[], value: string) => [{ path, value, name: '--set' }];

  it('changes any setting, lists and maps written as YAML', async (context) => {
    const flags = [
      ...set(['upstreams', 'my-api.v2', 'pipelining'], '8'),
      ...set(['trustedProxies'], '[10.0.0.0/8, "::1"]'),
      ...set(['upstreams', 'app', 'retry'], '{ retriesMax: 0 }'),
    ];
    const { config } = await load(context, { flags });
    assert.equal(config.upstreams['my-api.v2']?.pipelining, 8);
    assert.deepEqual(config.trustedProxies, ['10.0.0.0/8', '::1']);
    assert.equal(config.upstreams['app']?.retry.retriesMax, 0);
  });

  it('reaches an upstream whose name is digits', async (context) => {
    const text = `upstreams:\n  1: { peers: [http://a] }\nroutes: [{ to: '1' }]\n`;
    const { config } = await load(context, {
      text,
      flags: set(['upstreams', 1, 'pipelining'], '2'),
    });
    assert.equal(config.upstreams['1']?.pipelining, 2);
  });

  it('makes no new upstream', async (context) => {
    const flags = set(['upstreams', 'ap', 'pipelining'], '2');
    assert.deepEqual(await problemsOf(load(context, { flags })), [
      "no upstream is called 'ap' → app",
    ]);
  });
});

describe('files that a configuration names', () => {
  it('are found beside the configuration, or beside the caller when a flag names them', async (context) => {
    const dir = createTempDir(context);
    const text = yaml.replace('limits:', 'log: { accessFile: logs/access.log }\nlimits:');
    writeFileSync(dir.file('app.yaml'), text);
    const request = { file: dir.file('app.yaml'), cwd: '/' };
    const fromFile = await loadConfig(request);
    assert.equal(fromFile.config.log.accessFile, dir.file('logs/access.log'));
    const flags = [{ path: ['log', 'accessFile'], value: 'a.log', name: '--access-file' }];
    const fromFlag = await loadConfig({ ...request, flags });
    assert.equal(fromFlag.config.log.accessFile, '/a.log');
  });

  it('must be there and hold certificates where they are authorities', async (context) => {
    const dir = createTempDir(context);
    const text = (name: string) =>
      `upstreams: { app: { peers: [https://a], tls: { caFile: ${name} } } }\nroutes: [{ to: app }]\n`;
    writeFileSync(dir.file('none.pem'), 'nothing');
    writeFileSync(dir.file('ca.pem'), '-----BEGIN CERTIFICATE-----\n');
    const loadWith = (name: string) => {
      writeFileSync(dir.file('app.yaml'), text(name));
      return loadConfig({ file: 'app.yaml', cwd: dir.path });
    };
    assert.deepEqual(await problemsOf(loadWith('gone.pem')), [
      `expected a readable PEM file, got '${dir.file('gone.pem')}' (ENOENT)`,
    ]);
    assert.deepEqual(await problemsOf(loadWith('none.pem')), [
      `expected a PEM file with certificates, got '${dir.file('none.pem')}', which has none`,
    ]);
    assert.equal(
      (await loadWith('ca.pem')).config.upstreams['app']?.tls.caFile,
      dir.file('ca.pem'),
    );
  });

  it('are refused by name when the configuration itself cannot be read', async (context) => {
    const dir = createTempDir(context);
    writeFileSync(dir.file('latin.yaml'), Buffer.from([0x61, 0x3a, 0xe4]));
    writeFileSync(dir.file('app.toml'), '');
    const loadFile = (file: string) => problemsOf(loadConfig({ file, cwd: dir.path }));
    assert.deepEqual(await loadFile('gone.yaml'), ['cannot be read: there is no such file']);
    assert.deepEqual(await loadFile('gone.ts'), ['cannot be read: there is no such file']);
    assert.deepEqual(await loadFile('latin.yaml'), [
      'expected text in UTF-8, got bytes that are not',
    ]);
    assert.deepEqual(await loadFile('app.toml'), [
      "expected a file that ends in one of .ts .mts .js .mjs .yaml .yml .json, got '.toml'",
    ]);
  });
});

describe('the printed configuration', () => {
  it('is YAML that loads as the same configuration', async (context) => {
    const loaded = await load(context);
    const again = await load(context, { text: formatConfig(loaded) });
    assert.deepEqual(again.config, loaded.config);
  });

  it('says behind every value where it came from', async (context) => {
    const lines = formatConfig(await load(context, { env: { SLUICE_ADMIN_PORT: '1' } })).split(
      '\n',
    );
    for (const line of lines)
      assert.match(line, /(?:: *|- *|^)$| # (?:default|app\.yaml:\d+|env \w+)$/, line);
    assert.ok(lines.includes('cores: 4                                     # app.yaml:1'));
    assert.ok(
      lines.includes('  port: 1                                    # env SLUICE_ADMIN_PORT'),
    );
    assert.ok(lines.includes('  drainMs: 30s                               # default'));
    assert.ok(lines.includes('  requestHeadBytes: 32KiB                    # default'));
  });
});

describe('fingerprint', () => {
  const raw = {
    upstreams: { a: { peers: ['http://a'] }, b: { peers: ['http://b'] } },
    routes: [{ to: 'a' }],
  };

  it('is the same whatever the order of keys and the way of writing', () => {
    const { a, b } = raw.upstreams;
    const other = {
      routes: raw.routes,
      upstreams: { b, a: { peers: [{ weight: 1, url: 'http://A:80' }], pipelining: 1 } },
    };
    assert.equal(fingerprint(parseConfig(other)), fingerprint(parseConfig(raw)));
    assert.ok(a);
  });

  it('differs when a value does', () => {
    const seen = new Set([fingerprint(parseConfig(raw))]);
    seen.add(fingerprint(parseConfig({ ...raw, cores: 77 })));
    seen.add(fingerprint(parseConfig({ ...raw, routes: [{ to: 'b' }] })));
    seen.add(fingerprint(parseConfig({ ...raw, headers: { via: 'x' } })));
    assert.equal(seen.size, 4);
  });
});

describe('the schema', () => {
  it('describes every setting', () => {
    const nameless: string[] = [];
    const walk = (field: Field, path: string) => {
      // The elements of a list of texts are described by the list.
      if (field.description === '' && !path.endsWith('[]')) nameless.push(path);
      if (field.kind === 'object')
        for (const [key, inner] of field.fields) walk(inner, `${path}.${key}`);
      if (field.kind === 'map') walk(field.value, `${path}.*`);
      if (field.kind === 'list') walk(field.item, `${path}[]`);
    };
    walk(configFields(), '');
    assert.deepEqual(nameless, []);
  });

  it('reads ten thousand routes, and tells how long it took', async (context) => {
    const routes = Array.from(
      { length: 10_000 },
      (_, n) => `  - { match: { host: h${n}.example.com }, to: app }`,
    );
    const text = `upstreams: { app: { peers: [http://a] } }\nroutes:\n${routes.join('\n')}\n`;
    const startedAtMs = performance.now();
    const { config } = await load(context, { text });
    assert.equal(config.routes.length, 10_000);
    const tookMs = performance.now() - startedAtMs;
    context.diagnostic(`10,000 routes in ${Math.round(tookMs)} ms`);
  });
});
