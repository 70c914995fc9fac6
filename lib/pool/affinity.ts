// So many slots are tried for a key by chance; where nearly all have failed, the rest is tried in turn.
const tries = 16;

/**
 * The slot of an affinity key, of `slots` (1 or more) that are numbered from 0. It takes the time of a logarithm, and no table is
 * kept. When the number of slots changes, no more keys move than must, and when a slot is not usable, only its own.
 */
export function slotOf(key: string, slots: number, isUsable: (slot: number) => boolean): number | undefined {
  let slot = 0;
  for (let attempt = 0, seed = hash(key); attempt < tries; attempt++, seed = mix(seed + 1)) {
    slot = jump(seed, slots);
    if (isUsable(slot)) return slot;
  }
  for (let step = 1; step <= slots; step++) {
    const next = (slot + step) % slots;
    if (isUsable(next)) return next;
  }
  return undefined;
}

// Lamping and Veach, "A fast, minimal memory, consistent hash algorithm": the slots to which the key jumps as their number
// grows, and the last of them.
function jump(seed: number, slots: number): number {
  let slot = 0;
  let state = seed;
  for (let next = 0; next < slots; ) {
    slot = next;
    state = (state + 0x9e3779b9) | 0;
    next = Math.floor((slot + 1) / ((mix(state) + 1) / 2 ** 32));
  }
  return slot;
}

// FNV-1a, finished so that keys which differ in their last letter only are unrelated.
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return mix(value);
}

// The finalizer of MurmurHash3.
function mix(value: number): number {
  let mixed = value;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
