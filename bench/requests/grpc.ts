import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client, credentials } from '@grpc/grpc-js';
import { ended, PYTHON, programPath, spawnPiped, started } from './child.js';
import { type Contender, Fleet, LeftOut, type Payload, type Setting, type Value } from './contender.js';
import { readLines } from './lines.js';

/** Debian's python3-grpcio belongs to Debian's Python. */
const PYTHONS = ['/usr/bin/python3', PYTHON];
const LOOK_LIMIT_MS = 10_000;

/** gRPC on the loopback interface, one unary method. The message is JSON text, or the bytes as they are. */
export function grpc({ workers, payload }: Setting): Contender {
  return new Fleet(Array.from({ length: workers }, () => new Grpc(payload)));
}

class Grpc implements Contender {
  readonly name = 'gRPC';
  #child: ReturnType<typeof spawnPiped> | undefined;
  #client: Client | undefined;

  constructor(private readonly payload: Payload) {}

  async start(): Promise<void> {
    const child = spawnPiped(await findPython(), [programPath('grpc_server.py'), this.payload]);
    this.#child = child;
    const line = new Promise<string>((resolve) => readLines(child.stdout, resolve));
    const port = await started(this.name, child, line);
    this.#client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  }

  async echo(value: Value): Promise<unknown> {
    if (this.payload === 'bytes') return this.#call(value as Buffer);
    return JSON.parse((await this.#call(Buffer.from(JSON.stringify(value)))).toString('utf8'));
  }

  #call(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client?.makeUnaryRequest('/bench.Worker/Echo', same, same, request, (error, answer) => {
        if (answer === undefined) reject(error);
        else resolve(answer);
      });
    });
  }

  async stop(): Promise<void> {
    this.#client?.close();
    if (this.#child === undefined) return;
    this.#child.stdin.end();
    await ended(this.#child);
  }
}

const same = (message: Buffer) => message;

async function findPython(): Promise<string> {
  for (const python of PYTHONS) {
    const found = promisify(execFile)(python, ['-c', 'import grpc'], { timeout: LOOK_LIMIT_MS });
    if (await found.then(Boolean, () => false)) return python;
  }
  throw new LeftOut('there is no grpc for Python (Debian: apt-get install python3-grpcio)');
}
