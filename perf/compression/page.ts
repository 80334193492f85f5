// Text as applications send it: JSON of records, neither random nor all the same.

/** Returns JSON of about `bytes` bytes, cut off there. */
export function recordsJson(bytes: number): Buffer {
  const records: string[] = [];
  let length = 0;
  for (let at = 0; length < bytes; at++) {
    const record = JSON.stringify({
      id: at,
      name: `user ${(at * 7919) % 1000}`,
      email: `u${at}@example.com`,
      active: at % 3 === 0,
      score: Math.sin(at).toFixed(4),
      tags: ['a', 'b', `t${at % 17}`],
    });
    records.push(record);
    length += record.length + 1;
  }
  return Buffer.from(records.join(',')).subarray(0, bytes);
}
