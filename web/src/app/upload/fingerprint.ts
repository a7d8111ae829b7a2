/** Knows a file again after a reload: by its size and samples of its content, not by a path or a date. */

const SAMPLES = 8;
const SAMPLE_BYTES = 16 * 1024;

/** Where the fingerprints of one user at one service begin. */
export const prefixFor = (userId: string, endpoint: string): string => `roomsplat:${endpoint}:${userId}:`;

/** The same for the same content, whatever the file is called and whenever it was copied. */
export async function fingerprintOf(file: Blob): Promise<string> {
  let hash = FNV_START;
  for (let index = 0; index < SAMPLES; index += 1) {
    const last = Math.max(0, file.size - SAMPLE_BYTES);
    const from = Math.round((last * index) / (SAMPLES - 1));
    hash = fnv(hash, new Uint8Array(await file.slice(from, from + SAMPLE_BYTES).arrayBuffer()));
  }
  return `${file.size}-${hash.toString(16)}`;
}

// FNV-1a, 64 bits (public domain): nobody attacks their own upload, and crypto.subtle is missing without TLS.
const FNV_START = 0xcbf29ce484222325n;
const FNV_LOW = 0x1b3n;

function fnv(start: bigint, data: Uint8Array): bigint {
  // 64-bit arithmetic in two halves of 32 bits; BigInt once a byte would take seconds on a phone.
  let high = Number(start >> 32n);
  let low = Number(start & 0xffffffffn);
  const prime = Number(FNV_LOW);
  for (const byte of data) {
    low = (low ^ byte) >>> 0;
    const product = low * prime;
    // times 2^40 + 0x1b3: the first term moves the low half by 8 bits into the high half
    high = (Math.imul(high, prime) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product % 2 ** 32;
  }
  return (BigInt(high) << 32n) | BigInt(low);
}
