import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../helpers/fixtures.js';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly datasource?: { readonly uid: string };
  readonly targets?: readonly { readonly expr: string }[];
}

/** What grafana/dashboard.json holds. */
export function readDashboard() {
  const text = readFileSync(path.join(ROOT, 'grafana/dashboard.json'), 'utf8');
  const { panels, templating } = JSON.parse(text) as {
    panels: Panel[];
    templating: { list: { name: string }[] };
  };
  const queries = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));
  return { panels, queries, variables: templating.list.map(({ name }) => name) };
}

interface Rule {
  readonly name: string;
  readonly expr: string;
  readonly runbook: string | undefined;
}

/** The rules of these files, which are written so that this finds them: an expression is one line, or a block that follows `|`. */
export function readRules(files: readonly string[]): Rule[] {
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split(/^ {6}- (?:alert|record): /m)
      .slice(1)
      .map((text) => {
        const [, block, inline] = /^ {8}expr: (?:\|\n((?: {10}.*\n)+)|(.*)\n)/m.exec(text) ?? [];
        return {
          name: text.slice(0, text.indexOf('\n')),
          expr: block ?? inline ?? '',
          runbook: /runbook_url: (.*)/.exec(text)?.[1],
        };
      }),
  );
}
