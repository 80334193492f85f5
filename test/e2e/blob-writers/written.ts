// What the writers of test/e2e/cache-disk.test.ts write, so that it can be recognised.

export const keysMax = 60;

export function keyOf(at: number): { high: number; low: number; variant: number } {
  return { high: Math.imul(at + 1, 0x9e3779b1) >>> 0, low: at, variant: 0 };
}

export function headOf(at: number): Buffer {
  return Buffer.from(`key ${at}`);
}

/** Returns a body of which every 4 bytes are the key's number. */
export function bodyOf(at: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.from([at, at ^ 0x55, 0xaa, at]));
}
