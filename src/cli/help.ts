// The help text (one screen of 80 × 24) and the version.

import { readFileSync } from 'node:fs';

/** What `sluice --help` prints. */
export const helpText = `Sluice: many backends behind one public address.

  sluice [run] [CONFIG] [flags]     start; CONFIG is .yaml, .json, .ts or .js
  sluice --listen :8080 --to http://127.0.0.1:9001    start without a file
  sluice check|trust [CONFIG]       all that is wrong | trust 'tls: internal'
  sluice schema | demo | reload     JSON Schema | an example | read CONFIG again
  sluice explain URL [CONFIG] [-X METHOD] [-H FIELD]   where it goes, and why
  sluice purge URL|--prefix URL|--tag TAG|--all [--soft]   forget answers
  sluice warm FILE [--via HOST:PORT] [--parallel N]   ask for all URLs in it
  sluice peers list|add|remove|weight|drain|undrain UPSTREAM URL [--weight N]

  --cores N|auto          worker processes
  --listen [HOST]:PORT, --to URL      public address, backend; both repeatable
  --admin HOST:PORT|off   health, metrics, peers and reload (127.0.0.1:9900)
  --log-access json|combined|off      --access-file PATH
  --log-level debug|info|warn|error|silent
  --set path=value        any other setting, repeatable
  --print   check: the effective configuration, with where each value came from
  --env     check: every setting as environment variable   --json   for programs
  --pem     trust: the certificate alone      -h, --help      -V, --version

Flags win over SLUICE_* variables, over the file, over defaults. Without CONFIG:
SLUICE_CONFIG, else sluice.config.{ts,mts,js,mjs,yaml,yml,json} found here.
Exit codes: 0 fine, 1 not valid or refused, 2 not understood, 3 no Sluice there.
`;

/** Returns the version of this package. */
export function readVersion(): string {
  // The same distance from src/cli and from dist/cli.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
