import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { spawn } from '../../lib/index.js';
import { until } from '../helpers/deadline.js';

/** A series of an instant query's answer. */
export interface Series {
  readonly metric: Readonly<Record<string, string>>;
  /** The time, and the value as text. */
  readonly value: readonly [number, string];
}

export interface RuleGroup {
  readonly rules: readonly {
    name: string;
    health: string;
    lastError?: string;
    type: string;
    state?: string;
  }[];
}

/** Debian's prometheus, which scrapes each second and ends with the test. */
export class PrometheusServer {
  private constructor(private readonly url: string) {}

  static async start(
    t: ExecutionContext,
    targets: readonly string[],
    ruleFiles: readonly string[],
  ): Promise<PrometheusServer> {
    const folder = await mkdtemp(path.join(tmpdir(), 'procguard-prometheus-'));
    const config = path.join(folder, 'prometheus.yml');
    // YAML includes JSON.
    await writeFile(
      config,
      JSON.stringify({
        global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
        rule_files: ruleFiles,
        scrape_configs: [{ job_name: 'procguard', static_configs: [{ targets }] }],
      }),
    );
    const address = `127.0.0.1:${await freePort()}`;
    const server = spawn(
      'prometheus',
      [
        `--config.file=${config}`,
        `--storage.tsdb.path=${path.join(folder, 'data')}`,
        `--web.listen-address=${address}`,
        '--log.level=warn',
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    let stderr = '';
    server.stderr?.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    const ended = new Promise<void>((resolve) => server.once('close', () => resolve()));
    t.teardown(async () => {
      server.kill('SIGKILL');
      await ended;
      await rm(folder, { recursive: true, force: true });
    });
    const started = new PrometheusServer(`http://${address}`);
    await until(async () => {
      if (server.exitCode !== null) throw new Error(`prometheus ended: ${stderr}`);
      const response = await fetch(`${started.url}/-/ready`).catch(() => undefined);
      return response?.ok ? true : undefined;
    }, 'prometheus to be ready');
    return started;
  }

  /** Throws when the expression is wrong. */
  async query(expr: string): Promise<readonly Series[]> {
    const { result } = await this.#get<{ result: Series[] }>(`query?query=${encodeURIComponent(expr)}`);
    return result;
  }

  async rules(): Promise<readonly RuleGroup[]> {
    return (await this.#get<{ groups: RuleGroup[] }>('rules')).groups;
  }

  async #get<Data>(what: string): Promise<Data> {
    const response = await fetch(`${this.url}/api/v1/${what}`);
    const { status, data, error } = (await response.json()) as { status: string; data: Data; error?: string };
    if (status !== 'success') throw new Error(`${what}: ${error}`);
    return data;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
