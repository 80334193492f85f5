// Which role is this process? The only file that knows all of them; each role loads only its own code.

import type { CliIo, RunCommand } from './cli/command.ts';
import type { LoadRequest } from './config/load.ts';
import type { Config } from './config/schema.ts';

switch (process.env['SLUICE_ROLE']) {
  case 'worker':
    (await import('./worker/worker.ts')).runWorker();
    break;
  case 'sidecar':
    (await import('./sidecar/sidecar.ts')).runSidecar(process);
    break;
  default:
    // Exits although handles are open: whatever a role left behind must not keep a finished command.
    exitWith(await runCommandLine(process.argv.slice(2)));
}

/** Not before what was written has left: a pipe takes 64 KiB at once. */
function exitWith(code: number): void {
  process.stdout.on('error', () => process.exit(code));
  process.stdout.write('', () => process.exit(code));
}

async function runCommandLine(argv: readonly string[]): Promise<number> {
  const { parseCli } = await import('./cli/cli.ts');
  const io: CliIo = {
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    env: process.env,
    cwd: process.cwd(),
  };
  const command = parseCli(argv);
  if (command.name === 'run') return runProxy(command, io);
  if (command.name === 'demo') return (await import('./demo/demo.ts')).runDemo(command.flags, io);
  return (await import('./cli/run-command.ts')).runCommand(command, io);
}

async function runProxy(command: RunCommand, io: CliIo): Promise<number> {
  // Before there is something to reload it must not end the process, which is what it does by default.
  process.on('SIGHUP', () => {});
  const { toLoadRequest } = await import('./cli/request.ts');
  const request = toLoadRequest(command, io);
  if ('name' in request) {
    io.stderr(`sluice: ${request.message}\n`);
    return 2;
  }
  const { loadConfig } = await import('./config/load.ts');
  const { ConfigError } = await import('./config/problem.ts');
  try {
    const { config } = await loadConfig(request);
    return await runPrimary(request, config);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    io.stderr(`sluice: ${error.message}`);
    return 1;
  }
}

async function runPrimary(request: LoadRequest, config: Config): Promise<number> {
  const { resolve } = await import('node:path');
  const { loadConfig } = await import('./config/load.ts');
  const { EventLog } = await import('./observe/events.ts');
  const primary = await import('./primary/primary.ts');
  const log = new EventLog({ level: config.log.level, role: 'primary', worker: null });
  const file = request.file ?? null;
  const code = await primary.runPrimary({
    config,
    load: async () => (await loadConfig(request)).config,
    configPath: file === null ? null : resolve(request.cwd ?? '.', file),
    label: file ?? 'from the command line',
    events: log.events,
    onLive: (live) => log.setLevel(live.log.level),
  });
  await log.close();
  return code;
}
