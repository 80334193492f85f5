// How this process is doing: memory, processor time, and how late its event loop runs.

import {
  type EventLoopUtilization,
  type IntervalHistogram,
  monitorEventLoopDelay,
  performance,
} from 'node:perf_hooks';

export type ProcessRole = 'primary' | 'sidecar' | 'worker';

/** One look at a process; plain data. */
export interface ProcessSample {
  readonly role: ProcessRole;
  /** Slot of the worker; null in other processes. */
  readonly worker: number | null;
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** User and system time since the process started. */
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  /** How late timers ran since the sample before. */
  readonly loopDelayP50Seconds: number;
  readonly loopDelayP99Seconds: number;
  readonly loopDelayMaxSeconds: number;
  /** Share of time the event loop was busy since the sample before, 0–1. */
  readonly loopUtilization: number;
}

const RESOLUTION_MS = 20;
const NANOSECONDS_PER_MS = 1_000_000;

/** Watches the event loop from its creation on (50 wake-ups a second), and takes samples. */
export class ProcessSampler {
  readonly #role: ProcessRole;
  readonly #worker: number | null;
  readonly #delay: IntervalHistogram;
  #utilization: EventLoopUtilization;

  constructor(role: ProcessRole, worker: number | null) {
    this.#role = role;
    this.#worker = worker;
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
    this.#utilization = performance.eventLoopUtilization();
  }

  /** Takes a sample; delays and utilisation start anew with it. */
  sample(): ProcessSample {
    const memory = process.memoryUsage();
    const cpu = process.cpuUsage();
    const utilization = performance.eventLoopUtilization();
    const since = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    const sample: ProcessSample = {
      role: this.#role,
      worker: this.#worker,
      pid: process.pid,
      uptimeSeconds: process.uptime(),
      cpuSeconds: (cpu.user + cpu.system) / 1_000_000,
      residentBytes: memory.rss,
      heapUsedBytes: memory.heapUsed,
      externalBytes: memory.external,
      loopDelayP50Seconds: lateness(this.#delay.percentile(50)),
      loopDelayP99Seconds: lateness(this.#delay.percentile(99)),
      loopDelayMaxSeconds: lateness(this.#delay.max),
      loopUtilization: Number.isFinite(since.utilization) ? since.utilization : 0,
    };
    this.#delay.reset();
    return sample;
  }

  stop(): void {
    this.#delay.disable();
  }
}

/** The histogram holds whole intervals: what is over the resolution is the delay. */
function lateness(intervalNanoseconds: number): number {
  return Math.max(0, intervalNanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS) / 1000;
}
