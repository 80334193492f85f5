// The metrics of the whole: the workers' snapshots added up, those of workers that are gone included, and
// the sidecar's own figures. Snapshots and their text are the business of src/observe.

import type { LinkCounters } from '../channel/link.ts';
import {
  decodeSnapshot,
  foldSnapshots,
  type MergedMetrics,
  type MetricsSnapshot,
  mergeSnapshots,
  retiredSnapshot,
} from '../observe/metrics-snapshot.ts';
import type { ProcessSampler } from '../observe/process-sample.ts';
import { prometheusText } from '../observe/prometheus.ts';
import type { ScrapeResult } from './scrape-round.ts';

/** Workers that lost their link and may come back; beyond that they count as gone. */
const awayMax = 32;

/** Remembers the last snapshot of every worker, so that counters do not fall when one dies. */
export class MetricsPage {
  readonly #sampler: ProcessSampler;
  /** By generation. */
  readonly #last = new Map<number, MetricsSnapshot>();
  readonly #away = new Set<number>();
  #gone: MetricsSnapshot | null = null;

  constructor(sampler: ProcessSampler) {
    this.#sampler = sampler;
  }

  /** A worker's link is closed. What it counted since the last scrape is lost with it. */
  left(generation: number): void {
    if (!this.#last.has(generation)) return;
    this.#away.add(generation);
    if (this.#away.size > awayMax) this.#bury(this.#away.values().next().value!);
  }

  /** Returns the text for one scrape; workers that gave no answer go in with their last one. */
  render(scrape: ScrapeResult, links: LinkCounters): string {
    const { merged, processes, answered, unread } = this.#take(scrape);
    const text = prometheusText(merged, [...processes, this.#sampler.sample()]);
    return text + ownText(answered, unread, links);
  }

  /** Returns what all workers counted, those that are gone included. */
  merge(scrape: ScrapeResult): MergedMetrics {
    return this.#take(scrape).merged;
  }

  #take({ answers, missing }: ScrapeResult) {
    let unread = missing.length;
    for (const { generation, bytes, isGone } of answers) {
      const snapshot = decodeSnapshot(bytes);
      if (snapshot === null) {
        unread += 1;
        continue;
      }
      this.#last.set(generation, snapshot);
      this.#away.delete(generation);
      if (isGone) this.left(generation);
    }
    const snapshots = [...this.#last].map(([generation, snapshot]) =>
      this.#away.has(generation) ? retiredSnapshot(snapshot) : snapshot,
    );
    if (this.#gone !== null) snapshots.push(this.#gone);
    const present = [...this.#last].filter(([generation]) => !this.#away.has(generation));
    return {
      merged: mergeSnapshots(snapshots),
      processes: present.map(([, snapshot]) => snapshot.process),
      answered: answers.length + missing.length - unread,
      unread,
    };
  }

  #bury(generation: number): void {
    const snapshot = retiredSnapshot(this.#last.get(generation)!);
    this.#last.delete(generation);
    this.#away.delete(generation);
    this.#gone = foldSnapshots(this.#gone === null ? [snapshot] : [this.#gone, snapshot]);
  }
}

function ownText(answered: number, missing: number, links: LinkCounters): string {
  const rows: [name: string, type: 'gauge' | 'counter', help: string, value: number][] = [
    ['workers_scraped', 'gauge', 'Workers whose metrics are in this page.', answered],
    ['workers_missing', 'gauge', 'Linked workers that gave no metrics in time.', missing],
    ['sidecar_messages_received_total', 'counter', 'Messages from workers.', links.messagesIn],
    ['sidecar_messages_sent_total', 'counter', 'Messages to workers.', links.messagesOut],
    ['sidecar_link_malformed_total', 'counter', 'Links closed for bad data.', links.malformed],
    ['sidecar_link_overflows_total', 'counter', 'Links closed as unread.', links.overflows],
  ];
  return rows
    .map(([name, type, help, value]) => {
      const full = `sluice_${name}`;
      return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${full} ${value}\n`;
    })
    .join('');
}
