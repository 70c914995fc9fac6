import { parseArgs } from 'node:util';

export interface BenchOptions {
  json: boolean;
  quick: boolean;
}

export interface BenchRequest extends BenchOptions {
  name: string;
}

/** What the user typed can't be run; `message` says why and what can. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Reads `<name> [--json] [--quick]`, or `--help`. Throws a UsageError for anything else. */
export function readArguments(argv: string[], names: string[]): BenchRequest | 'help' {
  const { values, positionals } = parse(argv);
  if (values.help) return 'help';

  const [name, extra] = positionals;
  const known = names.join(', ');
  if (name === undefined) throw new UsageError(`Name a bench: ${known}.`);
  if (!names.includes(name)) throw new UsageError(`There is no bench '${name}'; there are: ${known}.`);
  if (extra !== undefined) throw new UsageError(`One bench at a time: '${extra}' is too many.`);
  return { name, json: values.json, quick: values.quick };
}

function parse(argv: string[]) {
  try {
    return parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        json: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
