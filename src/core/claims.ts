// What a token says about its holder.

export type Claims = Readonly<Record<string, unknown>>;

/** A claim by its name, or by the way to it: `realm_access.roles` is `roles` in `realm_access`. */
export function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const part of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part))
      return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** A claim as a list of texts to choose from: `scope` is one of words, `roles` often a list. */
export function claimValues(claim: unknown): string[] {
  if (Array.isArray(claim)) return claim.filter((value) => typeof value === 'string');
  return typeof claim === 'string' ? claim.split(' ') : [claimText(claim)];
}

/** A claim as the value of a field: lists with commas; '' when it has no plain form. */
export function claimText(claim: unknown): string {
  if (Array.isArray(claim)) return claim.map(claimText).filter(Boolean).join(',');
  return ['string', 'number', 'boolean'].includes(typeof claim) ? String(claim) : '';
}

/** As UTF-8 octets, without those that could end a field. */
export function toByteString(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('latin1')
    .replace(/[\0-\x1f\x7f]/g, '');
}
