// Which role is this process? The only file that knows all of them; each role loads only its own code.

switch (process.env['SLUICE_ROLE']) {
  case 'worker': {
    const { runWorker } = await import('./worker/worker.ts');
    runWorker();
    break;
  }
  case 'sidecar': {
    const { runSidecar } = await import('./sidecar/sidecar.ts');
    runSidecar(process);
    break;
  }
  default: {
    const { runCli } = await import('./cli/cli.ts');
    process.exitCode = await runCli(process.argv.slice(2));
  }
}
