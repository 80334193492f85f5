// The routes of the admin server that look only: alive, ready, metrics, everything at a glance.

import { PROMETHEUS_CONTENT_TYPE } from '../observe/prometheus.ts';
import { json } from './admin-answer.ts';
import type { AdminRoute } from './admin-routes.ts';
import { breakerText } from './breaker-metrics.ts';
import { acmeText } from './certificates/acme-metrics.ts';
import type { Hub } from './hub.ts';
import type { MetricsPage } from './metrics-page.ts';
import { type Overview, statusReport, unreadyReasons } from './status.ts';

export interface ProbeRoutesOptions {
  readonly hub: Hub;
  readonly metrics: MetricsPage;
  readonly overview: () => Overview;
  readonly certificates: () => Parameters<typeof acmeText>[0];
}

/** Creates the routes of probes and of Prometheus, and GET /api/status. */
export function createProbeRoutes(options: ProbeRoutesOptions): AdminRoute[] {
  const { hub, metrics, overview, certificates } = options;
  const get = (path: string, answer: AdminRoute['answer']) => {
    return { method: 'GET', path, answer } as const;
  };
  return [
    // Alive: this process answers and at least one worker does too. A new sidecar is not for the
    // fraction of a second until the workers have linked again.
    get('/healthz', () => {
      const linked = hub.workers.length;
      return json(linked > 0 ? 200 : 503, { status: linked > 0 ? 'ok' : 'no worker', linked });
    }),
    get('/readyz', () => {
      const reasons = unreadyReasons(overview());
      const isReady = reasons.length === 0;
      return json(isReady ? 200 : 503, { status: isReady ? 'ready' : 'not ready', reasons });
    }),
    get('/metrics', async () => ({
      status: 200,
      contentType: PROMETHEUS_CONTENT_TYPE,
      body:
        metrics.render(await hub.scrape(), hub.counters) +
        breakerText(hub.upstreams) +
        acmeText(certificates()),
    })),
    get('/api/status', () => json(200, statusReport(overview(), hub.peers, hub.counters))),
  ];
}
