// The native proxies, each on the configuration in peers/NAME/ that its own documentation recommends for
// speed. Values that depend on the run are filled in here.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, type Lane, missingProgram, writeConfig } from './contender.ts';
import { programPath, versionOf } from './harness/machine.ts';
import type { Wire, Work } from './scenario.ts';

const WEB_SOCKET_AND_LOG = { webSocket: true, accessLog: true };
const EVERY_WIRE: readonly Wire[] = ['http', 'https', 'h2'];

/** Where Debian has the modules of Apache. */
const APACHE_MODULES = '/usr/lib/apache2/modules';

const nginx: Contender = {
  ...native('nginx', 'nginx', ['-v']),
  can: {
    ...WEB_SOCKET_AND_LOG,
    works: ['forward', 'gzip', 'cache', 'cache-gzip'],
    wires: EVERY_WIRE,
  },
  command: (lane) => {
    const file = lane.work.startsWith('cache') ? 'cache.conf' : 'nginx.conf';
    const config = writeConfig(`nginx/${file}`, lane, {
      gzip: lane.work.endsWith('gzip') ? 'on' : 'off',
      accessLog: lane.accessLog ? `${accessLogOf(lane)} combined buffer=64k flush=1s` : 'off',
      reusePort: lane.workers > 1 ? 'reuseport' : '',
      secure: { http: '', https: 'ssl', h2: 'ssl http2' }[lane.wire],
      tls: includedTls(lane),
    });
    const errorLog = join(lane.directory, 'error.log');
    return { program: 'nginx', args: ['-p', lane.directory, '-c', config, '-e', errorLog] };
  },
};

const haproxy: Contender = {
  ...native('haproxy', 'haproxy', ['-v']),
  can: { ...WEB_SOCKET_AND_LOG, wires: EVERY_WIRE },
  command: (lane) => {
    // Standard output is a file of the bench.
    const log = lane.accessLog ? 'log stdout format raw local0\n  option httplog' : 'no log';
    const { certificate, wire } = lane;
    const protocol = wire === 'h2' ? 'h2' : 'http/1.1';
    const secure = certificate === null ? '' : `ssl crt ${certificate.bothFile} alpn ${protocol}`;
    return {
      program: 'haproxy',
      args: ['-db', '-f', writeConfig('haproxy/haproxy.cfg', lane, { log, secure })],
    };
  },
};

const varnish: Contender = {
  ...native('varnish', 'varnishd', ['-V']),
  // It logs into memory; a second program, varnishncsa, would write the file.
  can: { webSocket: true, accessLog: false, works: ['forward', 'cache', 'cache-gzip'] },
  command: (lane) => ({
    program: 'varnishd',
    args: [
      ...['-F', '-n', join(lane.directory, 'state'), '-a', `127.0.0.1:${lane.port}`],
      ...['-f', writeConfig(`varnish/${vclOf(lane.work)}`, lane), '-j', 'none'],
      ...['-s', 'Transient=malloc', '-s', 'malloc,256M'],
      ...['-p', 'thread_pools=1', '-p', `thread_pool_min=${threadsOf(lane)}`],
      ...['-p', 'thread_pool_max=5000', '-p', 'timeout_idle=75', '-p', 'listen_depth=4096'],
      ...['-p', 'vsl_mask=-VCL_trace,-ReqHeader,-RespHeader,-BereqHeader,-BerespHeader'],
    ],
  }),
};

const caddy: Contender = {
  ...native('caddy', 'caddy', ['version']),
  can: { ...WEB_SOCKET_AND_LOG, wires: EVERY_WIRE },
  command: (lane) => {
    const log = lane.accessLog ? `log {\n    output file ${accessLogOf(lane)}\n  }` : '';
    const { certificate, wire } = lane;
    const config = writeConfig('caddy/Caddyfile', lane, {
      log,
      protocols: wire === 'h2' ? 'h1 h2' : 'h1',
      scheme: certificate === null ? 'http' : 'https',
      tls: certificate === null ? '' : `tls ${certificate.certFile} ${certificate.keyFile}`,
    });
    return {
      program: 'caddy',
      args: ['run', '--config', config, '--adapter', 'caddyfile'],
      environment: { GOMAXPROCS: `${lane.workers}`, HOME: lane.directory },
    };
  },
};

const h2o: Contender = {
  ...native('h2o', 'h2o', ['--version']),
  can: { ...WEB_SOCKET_AND_LOG, wires: EVERY_WIRE },
  command: (lane) => {
    const log = lane.accessLog ? `access-log: ${accessLogOf(lane)}` : '';
    const { certificate } = lane;
    const files = `certificate-file: ${certificate?.certFile}, key-file: ${certificate?.keyFile}`;
    const tls = certificate === null ? '' : `ssl: { ${files}, minimum-version: TLSv1.2 }`;
    return {
      program: 'h2o',
      args: ['-m', 'worker', '-c', writeConfig('h2o/h2o.conf', lane, { log, tls })],
    };
  },
};

const nghttpx: Contender = {
  ...native('nghttpx', 'nghttpx', ['--version']),
  can: { ...WEB_SOCKET_AND_LOG, wires: EVERY_WIRE },
  command: (lane) => {
    const accessLog = lane.accessLog ? accessLogOf(lane) : '/dev/null';
    const { certificate } = lane;
    const config = writeConfig('nghttpx/nghttpx.conf', lane, {
      accessLog,
      secure: certificate === null ? ';no-tls' : '',
      tls:
        certificate === null
          ? ''
          : `certificate-file=${certificate.certFile}\nprivate-key-file=${certificate.keyFile}`,
    });
    // The certificate and key of its usage line are those of the file, if there are any.
    return { program: 'nghttpx', args: [`--conf=${config}`] };
  },
};

const apache: Contender = {
  ...native('apache', 'apache2', ['-v']),
  command: (lane) => {
    const log = [
      'LogFormat "%h %l %u %t \\"%r\\" %>s %b" common',
      `CustomLog ${accessLogOf(lane)} common`,
      'BufferedLogs On',
    ].join('\n');
    const threads = threadsOf(lane);
    const config = writeConfig('apache/httpd.conf', lane, {
      log: lane.accessLog ? log : '',
      modules: APACHE_MODULES,
      threads,
      threadsInAll: threads * lane.workers,
    });
    return { program: 'apache2', args: ['-DFOREGROUND', '-f', config] };
  },
};

const trafficserver: Contender = {
  ...native('trafficserver', 'traffic_server', ['-V']),
  can: { webSocket: true, accessLog: false },
  command: (lane) => {
    mkdirSync(join(lane.directory, 'body_factory'), { recursive: true });
    for (const file of ['records.config', 'remap.config', 'storage.config', 'ip_allow.yaml']) {
      writeConfig(`trafficserver/${file}`, lane);
    }
    const runRoot = writeConfig('trafficserver/runroot.yaml', lane);
    return { program: 'traffic_server', args: [`--run-root=${runRoot}`] };
  },
};

export const nativePeers: readonly Contender[] = [
  nginx,
  haproxy,
  varnish,
  caddy,
  h2o,
  nghttpx,
  apache,
  trafficserver,
];

function native(
  name: string,
  program: string,
  args: readonly string[],
): Omit<Contender, 'command'> {
  return {
    name,
    kind: 'native',
    missing: () => missingProgram(program),
    version: () => versionOf(programPath(program) ?? program, args) ?? 'missing',
    can: WEB_SOCKET_AND_LOG,
  };
}

function accessLogOf(lane: Lane): string {
  return join(lane.directory, 'access.log');
}

/** One line for the server's block, none without TLS. */
function includedTls(lane: Lane): string {
  if (lane.certificate === null) return '';
  const { certFile, keyFile } = lane.certificate;
  return `include ${writeConfig('nginx/tls.conf', lane, { certFile, keyFile })};`;
}

function vclOf(work: Work): string {
  return work === 'forward' ? 'default.vcl' : 'cache.vcl';
}

/** Proxies of a thread per request need as many as there are requests at a time. */
function threadsOf(lane: Lane): number {
  return Math.max(64, lane.upstreamConnections);
}
