import type { Notes } from './schema.js';
import { poolSchema } from './schema.js';

/** One key of the schema, or a group of them, in words. */
export interface Key {
  /** As in `heartbeat.intervalMs`. */
  readonly path: string;
  readonly segments: readonly string[];
  readonly isGroup: boolean;
  readonly isRequired: boolean;
  readonly isDerived: boolean;
  readonly isSecret: boolean;
  readonly scalar: 'number' | 'boolean' | 'string' | undefined;
  /** The environment variable that sets it; scalars have one. */
  readonly variable: string | undefined;
  readonly about: string;
  /** What it may be, as in an error. */
  readonly allowed: string;
  /** The default in words; undefined: it is required, or a group. */
  readonly otherwise: string | undefined;
  readonly hasDefault: boolean;
  /** In TypeScript. */
  readonly type: string;
}

/** The parts of a valibot schema that are read here; its guide "Integrate Valibot" documents them. */
interface Node {
  readonly type: string;
  readonly wrapped?: Node;
  readonly default?: unknown;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly options?: readonly string[];
  readonly pipe?: readonly Node[];
  readonly requirement?: unknown;
  readonly metadata?: Notes;
}

let known: readonly Key[] | undefined;

/** All keys of the schema, in its order, each group before its members. */
export function poolKeys(): readonly Key[] {
  known ??= [...keysOf(poolSchema() as unknown as Node, [])];
  return known;
}

/** The rule for names: `heartbeat.intervalMs` is `PROCGUARD_HEARTBEAT_INTERVAL_MS`. */
export function variableName(path: string): string {
  const words = path.replaceAll('.', '_').replace(/([a-z])([A-Z])/g, '$1_$2');
  return `PROCGUARD_${words.toUpperCase()}`;
}

function* keysOf(node: Node, above: readonly string[]): Generator<Key> {
  for (const [name, entry] of Object.entries(node.entries ?? {})) {
    const segments = [...above, name];
    yield describeKey(segments, entry);
    yield* keysOf(entry.wrapped ?? entry, segments);
  }
}

function describeKey(segments: readonly string[], entry: Node): Key {
  const node = entry.wrapped ?? entry;
  const notes = step(node, 'metadata')?.metadata;
  if (notes === undefined) throw new Error(`The key ${segments.join('.')} of the schema has no note.`);
  const path = segments.join('.');
  const isGroup = node.entries !== undefined;
  const scalar = scalarType(node);
  return {
    path,
    segments,
    isGroup,
    isRequired: entry.wrapped === undefined,
    isDerived: notes.isDerived ?? false,
    isSecret: notes.isSecret ?? false,
    scalar,
    variable: scalar === undefined ? undefined : variableName(path),
    about: notes.about,
    allowed: notes.allowed ?? allowedValues(node),
    otherwise: isGroup ? undefined : (notes.otherwise ?? literal(entry.default)),
    hasDefault: entry.default !== undefined,
    type:
      notes.type ?? node.options?.map((option) => `'${option}'`).join(' | ') ?? scalar ?? groupType(segments),
  };
}

function scalarType({ type }: Node): Key['scalar'] {
  if (type === 'picklist') return 'string';
  return type === 'number' || type === 'boolean' || type === 'string' ? type : undefined;
}

function groupType(segments: readonly string[]): string {
  const [last = ''] = segments.slice(-1);
  return `${last.charAt(0).toUpperCase()}${last.slice(1)}Options`;
}

function allowedValues(node: Node): string {
  if (node.entries !== undefined)
    return `an object with ${Object.keys(node.entries)
      .map((key) => `\`${key}\``)
      .join(', ')}`;
  if (node.options !== undefined) return node.options.map((option) => `'${option}'`).join(', ');
  if (node.type === 'boolean') return 'true, false';
  const from = step(node, 'min_value')?.requirement;
  const to = step(node, 'max_value')?.requirement;
  if (to === Number.POSITIVE_INFINITY) return `a whole number of at least ${from}, or Infinity for never`;
  return `a whole number from ${from} to ${to}`;
}

/** The step of this kind in a schema's pipe, also inside the pipes that it is made of. */
function step(node: Node, type: string): Node | undefined {
  for (const item of node.pipe ?? []) {
    const found = item === node ? undefined : item.type === type ? item : step(item, type);
    if (found !== undefined) return found;
  }
  return undefined;
}

function literal(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'function') return undefined;
  return typeof value === 'string' ? `'${value}'` : String(value);
}
