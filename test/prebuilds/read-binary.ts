/** What the header of a program or of a library says of the machine that it is for. */
export interface Binary {
  format: 'ELF' | 'Mach-O' | 'PE';
  machine: string;
  /** Mach-O: arm64 programs that aren't signed, at least ad hoc, are killed when they start. */
  signed?: boolean;
  /** Mach-O: the symbols that it expects from elsewhere. */
  outside?: string[];
}

const elfMachines: Record<number, string> = { 62: 'x64', 183: 'arm64' };
const machMachines: Record<number, string> = { 16777223: 'x64', 16777228: 'arm64' };
const peMachines: Record<number, string> = { 34404: 'x64', 43620: 'arm64' };
const machMagic = 0xfeedfacf;
const codeSignature = 0x1d;
const symbolTable = 0x2;
const symbolBytes = 16;
const isOutside = (type: number) => (type & 0x0f) === 1;

export function readBinary(bytes: Buffer): Binary {
  if (bytes.toString('latin1', 0, 4) === '\x7fELF') {
    return { format: 'ELF', machine: elfMachines[bytes.readUInt16LE(18)] ?? 'unknown' };
  }
  if (bytes.readUInt32LE(0) === machMagic) {
    const commands = loadCommands(bytes);
    return {
      format: 'Mach-O',
      machine: machMachines[bytes.readUInt32LE(4)] ?? 'unknown',
      signed: commands.has(codeSignature),
      outside: symbolsFromElsewhere(bytes, commands.get(symbolTable) as number),
    };
  }
  const header = bytes.readUInt32LE(0x3c);
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0')
    throw new Error('Neither ELF, Mach-O nor PE');
  return { format: 'PE', machine: peMachines[bytes.readUInt16LE(header + 4)] ?? 'unknown' };
}

/** Where in the file each kind of load command stands. */
function loadCommands(bytes: Buffer): Map<number, number> {
  const commands = new Map<number, number>();
  for (let at = 32, left = bytes.readUInt32LE(16); left > 0; left--) {
    commands.set(bytes.readUInt32LE(at), at);
    at += bytes.readUInt32LE(at + 4);
  }
  return commands;
}

function symbolsFromElsewhere(bytes: Buffer, command: number): string[] {
  const [symbols, count, names] = [8, 12, 16].map((at) => bytes.readUInt32LE(command + at)) as [
    number,
    number,
    number,
  ];
  const found: string[] = [];
  for (let at = symbols; at < symbols + count * symbolBytes; at += symbolBytes) {
    const name = names + bytes.readUInt32LE(at);
    if (isOutside(bytes.readUInt8(at + 4)))
      found.push(bytes.toString('latin1', name, bytes.indexOf(0, name)));
  }
  return found;
}
