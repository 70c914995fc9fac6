import { readFileSync } from 'node:fs';

/** What tests look at in a program or library of macOS. */
export interface MachO {
  chip: 'arm64' | 'x64' | 'other';
  kind: 'program' | 'library' | 'other';
  /** The oldest macOS that it is for, as in `11.0`. */
  minimum: string;
  /** It carries a signature, as every program for Apple's chips must. */
  isSigned: boolean;
  libraries: string[];
  exported: string[];
  /** What it takes from whatever has loaded it. */
  fromLoader: string[];
}

// As in mach-o/loader.h and mach-o/nlist.h.
const magic64 = 0xfeedfacf;
const chips = new Map([
  [0x0100000c, 'arm64'],
  [0x01000007, 'x64'],
] as const);
const kinds = new Map([
  [2, 'program'],
  [6, 'library'],
] as const);
const commands = { symbols: 2, loadLibrary: 0xc, signature: 0x1d, buildVersion: 0x32 };
const headerBytes = 32;
const symbolBytes = 16;
const types = { mask: 0xe, undefined: 0, external: 1, hidden: 0x10 };
const dynamicLookup = 254;

/** Reads a file for one chip. Throws when it is none. */
export function readMachO(path: string): MachO {
  const bytes = readFileSync(path);
  if (bytes.readUInt32LE(0) !== magic64) throw new Error(`${path} is no 64-bit Mach-O file`);
  const found: MachO = {
    chip: chips.get(bytes.readUInt32LE(4) as 0x0100000c) ?? 'other',
    kind: kinds.get(bytes.readUInt32LE(12) as 2) ?? 'other',
    minimum: '',
    isSigned: false,
    libraries: [],
    exported: [],
    fromLoader: [],
  };
  let at = headerBytes;
  for (let left = bytes.readUInt32LE(16); left > 0; left--) {
    const command = bytes.readUInt32LE(at);
    if (command === commands.signature) found.isSigned = true;
    if (command === commands.buildVersion)
      found.minimum = `${bytes.readUInt16LE(at + 14)}.${bytes.readUInt8(at + 13)}`;
    if (command === commands.loadLibrary)
      found.libraries.push(textAt(bytes, at + bytes.readUInt32LE(at + 8)));
    if (command === commands.symbols) readSymbols(bytes, at, found);
    at += bytes.readUInt32LE(at + 4);
  }
  return found;
}

function readSymbols(bytes: Buffer, command: number, found: MachO): void {
  const [table, count, names] = [8, 12, 16].map((offset) => bytes.readUInt32LE(command + offset)) as [
    number,
    number,
    number,
  ];
  for (let at = table; at < table + count * symbolBytes; at += symbolBytes) {
    const type = bytes.readUInt8(at + 4);
    if ((type & types.external) === 0) continue;
    const name = textAt(bytes, names + bytes.readUInt32LE(at));
    const library = bytes.readUInt16LE(at + 6) >> 8;
    if ((type & types.mask) !== types.undefined) {
      if ((type & types.hidden) === 0) found.exported.push(name);
    } else if (library === dynamicLookup) {
      found.fromLoader.push(name);
    }
  }
}

function textAt(bytes: Buffer, at: number): string {
  return bytes.toString('latin1', at, bytes.indexOf(0, at));
}
