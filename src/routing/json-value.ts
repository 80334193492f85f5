// Values in JSON that somebody else wrote: reading it, and finding what stands in a place (`/user/tier`,
// `/items/0/sku`: RFC 6901).

/** Returns the value of a text; undefined when it is no JSON. Never throws. */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Tells whether a text is a pointer to something inside. */
export function isJsonPointer(text: string): boolean {
  return /^(?:\/(?:[^/~]|~[01])*)+$/.test(text);
}

/** Makes a pointer of its text: returns what stands there, undefined for nothing. Never throws. */
export function compileJsonPointer(text: string): (json: unknown) => unknown {
  const steps = text
    .slice(1)
    .split('/')
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  return (json) => {
    let value = json;
    for (const step of steps) {
      // Own keys only: `/constructor` is there when the client wrote it.
      if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) {
        return undefined;
      }
      // The one own key of an array that JSON does not give it.
      if (step === 'length' && Array.isArray(value)) return undefined;
      value = (value as Readonly<Record<string, unknown>>)[step];
    }
    return value;
  };
}

/** Returns a string as it is, numbers, booleans and null as JSON writes them; null for what is no scalar. */
export function scalarText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'object' && value !== null ? null : String(value);
}
