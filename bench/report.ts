import type { Leftovers } from './survivors.js';

export type Row = Record<string, string | number | boolean | undefined>;

export interface Column {
  key: string;
  title: string;
  /** Digits after the point, for numbers. */
  digits?: number;
}

/** A figure and the most, or the least, that it may be. Further fields say what it was measured on. */
export type Target = Row & {
  what: string;
  measured: number;
  target: number;
  /** 'at most' unless told. */
  bound?: 'at most' | 'at least';
};

/** Prints what a bench found: tables to read, or one JSON object a line. */
export class Report {
  constructor(
    private readonly bench: string,
    private readonly json: boolean,
  ) {}

  /** As JSON every field of a row is printed; in a table only those that have a column. */
  table(name: string, title: string, columns: Column[], rows: Row[]): void {
    if (this.json) {
      for (const row of rows) console.log(JSON.stringify({ bench: this.bench, table: name, ...row }));
    } else {
      console.log(`${title}\n${formatTable(columns, rows)}\n`);
    }
  }

  targets(targets: Target[]): void {
    const columns = [
      { key: 'what', title: 'target' },
      { key: 'measured', title: 'measured', digits: 3 },
      { key: 'bound', title: '' },
      { key: 'target', title: 'bound', digits: 3 },
      { key: 'verdict', title: '' },
    ];
    const rows = targets.map(({ bound = 'at most', ...target }) => ({
      ...target,
      bound,
      verdict: isWithin(target.measured, bound, target.target) ? 'pass' : 'MISS',
    }));
    this.table('targets', 'Targets', columns, rows);
  }

  /** The last line of a bench. True when nothing was left. */
  leftovers({ pids, cgroups }: Leftovers): boolean {
    if (this.json) {
      const row = { survivors: pids.length, pids: pids.join(' '), cgroups: cgroups.join(' ') };
      this.table('survivors', '', [], [row]);
    } else {
      console.log(
        pids.length === 0 ? 'Survivors: 0' : `Survivors: ${pids.length}, killed now: ${pids.join(' ')}`,
      );
      if (cgroups.length > 0) console.log(`Cgroups left behind: ${cgroups.join(' ')}`);
    }
    return pids.length === 0 && cgroups.length === 0;
  }

  /** Something that the reader of the figures must know. */
  note(text: string): void {
    if (this.json) this.table('notes', '', [], [{ note: text }]);
    else console.log(`Note: ${text}\n`);
  }

  /** For a person who waits. */
  progress(text: string): void {
    if (!this.json) console.error(text);
  }
}

function isWithin(measured: number, bound: 'at most' | 'at least', target: number): boolean {
  return bound === 'at most' ? measured <= target : measured >= target;
}

function formatTable(columns: Column[], rows: Row[]): string {
  const body = rows.map((row) => columns.map((column) => formatCell(row[column.key], column.digits)));
  const lines = [columns.map((column) => column.title), ...body];
  const cells = columns.map((column, index) => {
    const width = Math.max(...lines.map((line) => (line[index] as string).length));
    const isNumber = rows.some((row) => typeof row[column.key] === 'number');
    return lines.map((line) =>
      isNumber ? (line[index] as string).padStart(width) : (line[index] as string).padEnd(width),
    );
  });
  return lines.map((_, line) => `  ${cells.map((column) => column[line]).join('  ')}`.trimEnd()).join('\n');
}

function formatCell(value: Row[string], digits = 0): string {
  if (value === undefined) return '-';
  return typeof value === 'number' ? value.toFixed(digits) : String(value);
}
