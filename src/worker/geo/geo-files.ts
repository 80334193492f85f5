// Where clients are, from MaxMind databases: countries, cities, autonomous systems, whatever the files have.
// A lookup costs microseconds, so what was found is remembered per network.

import { isIP } from 'node:net';
import { Reader, type Response } from 'mmdb-lib';
import type { Events } from '../../core/events.ts';
import type { GeoLookup } from '../../routing/asked.ts';
import { WatchedFile } from '../../std/watched-file.ts';

const FILE_BYTES_MAX = 1024 * 1024 * 1024;

/** Addresses that are remembered; when there are more, all are forgotten. */
const PLACES_MAX = 16_384;

interface Place {
  country: string;
  continent: string;
  asn: number;
}

const NOWHERE: Place = { country: '', continent: '', asn: 0 };

/** Fields that the usual databases have. */
interface GeoRecord {
  readonly country?: { readonly iso_code?: string } | string;
  readonly country_code?: string;
  readonly continent?: { readonly code?: string };
  readonly autonomous_system_number?: number;
}

/** Looks in several files, the first that knows something wins; they are watched. */
export class GeoFiles implements GeoLookup {
  readonly #files: WatchedFile[];
  readonly #readers: (Reader<Response> | null)[] = [];
  readonly #places = new Map<string, Place>();

  constructor(paths: readonly string[], events: Events, lookMs?: number) {
    this.#files = paths.map((path, at) => {
      const onProblem = (reason: string) =>
        events.error({ path, reason }, 'geo database can not be used');
      const onContent = (content: Buffer) => this.#take(at, content);
      const look = lookMs === undefined ? {} : { lookMs };
      return new WatchedFile({ path, bytesMax: FILE_BYTES_MAX, onProblem, onContent, ...look });
    });
  }

  country(address: string): string {
    return this.#placeOf(address).country;
  }

  continent(address: string): string {
    return this.#placeOf(address).continent;
  }

  asn(address: string): number {
    return this.#placeOf(address).asn;
  }

  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Throws on what is no database; the file before it stays. */
  #take(at: number, content: Buffer): void {
    this.#readers[at] = new Reader<Response>(content);
    this.#places.clear();
  }

  #placeOf(address: string): Place {
    const known = this.#places.get(address);
    if (known !== undefined) return known;
    if (isIP(address) === 0) return NOWHERE;
    const place = { ...NOWHERE };
    for (const reader of this.#readers) {
      if (reader !== null && reader !== undefined) add(place, recordOf(reader, address));
    }
    if (this.#places.size >= PLACES_MAX) this.#places.clear();
    this.#places.set(address, place);
    return place;
  }
}

/** A database of IPv4 alone knows no IPv6 addresses; a broken one knows nothing. */
function recordOf(reader: Reader<Response>, address: string): GeoRecord {
  try {
    return (reader.get(address) as GeoRecord | null) ?? {};
  } catch {
    return {};
  }
}

function add(place: Place, record: GeoRecord): void {
  const { country, continent } = record;
  const code = typeof country === 'string' ? country : country?.iso_code;
  place.country ||= code ?? record.country_code ?? '';
  place.continent ||= continent?.code ?? '';
  place.asn ||= record.autonomous_system_number ?? 0;
}
