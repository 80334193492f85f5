// Which coding a client gets: Accept-Encoding (RFC 9110 section 12.5.3) against what a route offers.

import type { ContentCoding } from '../../core/compression.ts';
import type { Exchange } from '../../core/exchange.ts';
import type { RawHeaders } from '../../core/headers.ts';

/** What to send. */
export interface CodingChoice {
  /** Null: as it is. */
  readonly coding: ContentCoding | null;
  /** The client does not want it as it is, however small it may be. */
  readonly refusesIdentity: boolean;
}

/** Where the client's wish stands. */
export type CodingWish = Pick<Exchange, 'acceptEncoding' | 'requestHeaders'>;

/** Weights in thousandths, by coding in lower case. */
export type CodingWeights = ReadonlyMap<string, number>;

const AS_IT_IS: CodingChoice = Object.freeze({ coding: null, refusesIdentity: false });
const WEIGHT = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;
/** Nobody has that much to say: it is not read (2 ms for 32 KiB), and gets what everybody understands. */
const VALUE_CHARS_MAX = 1024;
/** Browsers of one kind say the same: a handful of values covers nearly all requests. */
const MEMO_SIZE = 64;

/** Chooses for one list of offers; remembers what it has chosen for the values that come often. */
export class CodingChooser {
  readonly #offers: readonly ContentCoding[];
  readonly #memo = new Map<string, CodingChoice>();

  /** `offers`: the most liked first. */
  constructor(offers: readonly ContentCoding[]) {
    this.#offers = offers;
  }

  /** Returns what the client gets. */
  choose(exchange: CodingWish): CodingChoice {
    const value = wishOf(exchange);
    if (value === null || value.length > VALUE_CHARS_MAX) return AS_IT_IS;
    const known = this.#memo.get(value);
    if (known !== undefined) return known;
    const choice = chooseCoding(parseAcceptEncoding(value), this.#offers);
    if (this.#memo.size === MEMO_SIZE) this.#memo.clear();
    this.#memo.set(value, choice);
    return choice;
  }
}

/** Returns the value of Accept-Encoding, several lines as one list; null without any. */
export function acceptEncoding(headers: RawHeaders): string | null {
  let value: string | null = null;
  for (let at = 0; at < headers.length; at += 2) {
    if (headers[at] !== 'accept-encoding') continue;
    value = value === null ? headers[at + 1]! : `${value},${headers[at + 1]}`;
  }
  return value;
}

/** Reads the weights; what is malformed is left out, of a coding that comes twice the higher one counts. */
export function parseAcceptEncoding(value: string): CodingWeights {
  const weights = new Map<string, number>();
  if (value.length > VALUE_CHARS_MAX) return weights;
  for (const element of value.split(',')) {
    const [word = '', ...parameters] = element.split(';');
    const written = word.trim().toLowerCase();
    const weight = weightOf(parameters);
    if (written === '' || weight === null) continue;
    const coding = written === 'x-gzip' ? 'gzip' : written;
    weights.set(coding, Math.max(weight, weights.get(coding) ?? 0));
  }
  return weights;
}

/** Returns the first offer of the highest weight; null when all have none. `unnamed`: of those not named. */
export function bestOffer<Coding extends string>(
  weights: CodingWeights,
  offers: readonly Coding[],
  unnamed: number,
): { readonly coding: Coding | null; readonly weight: number } {
  let coding: Coding | null = null;
  let weight = 0;
  for (const offer of offers) {
    const its = weights.get(offer) ?? unnamed;
    if (its <= weight) continue;
    coding = offer;
    weight = its;
  }
  return { coding, weight };
}

/** Chooses the offer with the highest weight; identity only where its own is higher still. */
export function chooseCoding(
  weights: CodingWeights,
  offers: readonly ContentCoding[],
): CodingChoice {
  const { coding, weight } = bestOffer(weights, offers, weights.get('*') ?? 0);
  const identity = weights.get('identity') ?? weights.get('*');
  const isPlainBetter = identity !== undefined && identity > weight;
  return { coding: isPlainBetter ? null : coding, refusesIdentity: identity === 0 };
}

/** Tells whether the client understands `coding`; one that says nothing understands only what is plain. */
export function acceptsCoding(exchange: CodingWish, coding: string): boolean {
  const value = wishOf(exchange);
  if (value === null) return false;
  const weights = parseAcceptEncoding(value);
  return (weights.get(coding) ?? weights.get('*') ?? 0) > 0;
}

/** Returns what the client said in Accept-Encoding; null for nothing. */
export function wishOf({ acceptEncoding: kept, requestHeaders }: CodingWish): string | null {
  return kept ?? acceptEncoding(requestHeaders);
}

function weightOf(parameters: readonly string[]): number | null {
  let weight = 1000;
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=', 2);
    if (name.trim().toLowerCase() !== 'q') continue;
    const text = value.trim();
    if (!WEIGHT.test(text)) return null;
    weight = Math.round(Number(text) * 1000);
  }
  return weight;
}
