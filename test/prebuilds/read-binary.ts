/** What the header of a program or of a library says of the machine that it is for. */
export interface Binary {
  format: 'ELF' | 'Mach-O' | 'PE';
  machine: string;
}

const elfMachines: Record<number, string> = { 62: 'x64', 183: 'arm64' };
const machMachines: Record<number, string> = { 16777223: 'x64', 16777228: 'arm64' };
const peMachines: Record<number, string> = { 34404: 'x64', 43620: 'arm64' };
const machMagic = 0xfeedfacf;

export function readBinary(bytes: Buffer): Binary {
  if (bytes.toString('latin1', 0, 4) === '\x7fELF') {
    return { format: 'ELF', machine: elfMachines[bytes.readUInt16LE(18)] ?? 'unknown' };
  }
  if (bytes.readUInt32LE(0) === machMagic) {
    return { format: 'Mach-O', machine: machMachines[bytes.readUInt32LE(4)] ?? 'unknown' };
  }
  const header = bytes.readUInt32LE(0x3c);
  if (bytes.toString('latin1', header, header + 4) !== 'PE\0\0')
    throw new Error('Neither ELF, Mach-O nor PE');
  return { format: 'PE', machine: peMachines[bytes.readUInt16LE(header + 4)] ?? 'unknown' };
}
