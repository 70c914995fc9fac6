/**
 * The slot of an affinity key: the usable one with the highest hash of key and slot. When a slot goes away, only its own keys
 * move; no table is kept.
 */
export function slotOf(key: string, slots: readonly number[]): number | undefined {
  let best: number | undefined;
  let bestHash = -1;
  const seed = hash(key, 0x811c9dc5);
  for (const slot of slots) {
    const value = mix(seed ^ Math.imul(slot + 1, 0x9e3779b1));
    if (value > bestHash) {
      best = slot;
      bestHash = value;
    }
  }
  return best;
}

// FNV-1a.
function hash(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}

// The finalizer of MurmurHash3: neighboring slots get unrelated values.
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
