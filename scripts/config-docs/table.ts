import { type Key, poolKeys } from '../../lib/config/keys.js';

/** The table of `docs/configuration.md`. */
export function renderTable(): string {
  const rows = poolKeys().filter(({ isGroup }) => !isGroup);
  return [
    '| key | allowed | default | variable | meaning |',
    '|---|---|---|---|---|',
    ...rows.map(renderRow),
  ].join('\n');
}

function renderRow(key: Key): string {
  const { path, allowed, otherwise = 'none, required', variable, about } = key;
  const cells = [
    code(path),
    withUnit(key, allowed),
    otherwise,
    variable === undefined ? 'none' : code(variable),
    about,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

/** The range with its unit, which every name of a duration or a size ends in. */
export function withUnit({ path, scalar }: Key, allowed: string): string {
  if (scalar !== 'number') return allowed;
  const unit = path.endsWith('Ms') ? ' ms' : path.endsWith('Bytes') ? ' bytes' : '';
  return allowed.replace(/^a whole number (from|of) /, '').replace(/(?<=\d)(?=$|,)/, unit);
}

const code = (text: string) => `\`${text}\``;
