import { type Key, poolKeys } from '../../lib/config/keys.js';
import { withUnit } from './table.js';

const lineWidth = 110;

/** `lib/config/pool-options.ts`: the types of the options, and of what `pool.config()` returns. */
export function renderDeclarations(): string {
  const keys = poolKeys();
  const groups = keys.filter(({ isGroup, type }) => isGroup && !imported.has(type));
  return [
    '// Written by `npm run docs:config` from the schema in schema.ts. Change that one.',
    "import type { Logger } from '../events/logger.js';",
    "import type { GuardOptions } from '../guard/policy.js';",
    "import type { OutputLine } from '../worker/output.js';",
    "import type { Setting } from './origin.js';",
    '',
    '/** Each can be left out but `command`; environment variables and defaults stand in: `docs/configuration.md`. */',
    ...renderInterface('PoolOptions', membersOf(keys, undefined)),
    ...groups.flatMap((group) => [
      '',
      comment(group.about, ''),
      ...renderInterface(group.type, membersOf(keys, group)),
    ]),
    '',
    '/** The values in force in a pool, and where each came from. */',
    'export interface PoolSettings {',
    ...keys.filter(({ isGroup, isSecret }) => !isGroup && !isSecret).map(renderSetting),
    '}',
    '',
  ].join('\n');
}

// Declared elsewhere.
const imported = new Set(['GuardOptions']);

function membersOf(keys: readonly Key[], group: Key | undefined): Key[] {
  const above = group === undefined ? '' : group.path;
  return keys.filter(({ segments }) => segments.slice(0, -1).join('.') === above);
}

function renderInterface(name: string, members: readonly Key[]): string[] {
  return [
    `export interface ${name} {`,
    ...members.flatMap((key) => {
      const own = key.segments.at(-1);
      const type = key.type.includes('=>') ? `(${key.type})` : key.type;
      const member = key.isRequired ? `${own}: ${key.type}` : `${own}?: ${type} | undefined`;
      return [comment(docstring(key), '  '), `  ${member};`];
    }),
    '}',
  ];
}

function docstring(key: Key): string {
  if (key.isGroup || key.otherwise === undefined) return key.about;
  const isBounded = key.scalar === 'number' || key.scalar === 'string';
  const range = isBounded ? `${capital(withUnit(key, key.allowed))}; the` : 'The';
  const variable = key.variable === undefined ? '' : ` Variable: \`${key.variable}\`.`;
  return `${key.about} ${range} default is ${key.otherwise}.${variable}`;
}

function renderSetting({ path, segments, type, hasDefault, isRequired, isDerived }: Key): string {
  const name = segments.length > 1 ? `'${path}'` : path;
  const isSet = hasDefault || isRequired || isDerived;
  const optional = type.includes('=>') ? `(${type})` : type;
  return `  readonly ${name}: Setting<${isSet ? type : `${optional} | undefined`}>;`;
}

const capital = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

/** On one line where it fits, else one that is wrapped. */
function comment(text: string, indent: string): string {
  if (indent.length + text.length + '/**  */'.length <= lineWidth) return `${indent}/** ${text} */`;
  const lines: string[] = [];
  let line = `${indent} *`;
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > lineWidth) {
      lines.push(line);
      line = `${indent} *`;
    }
    line += ` ${word}`;
  }
  return [`${indent}/**`, ...lines, line, `${indent} */`].join('\n');
}
