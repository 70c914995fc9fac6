import { ProcguardError } from '../errors.js';
import { protocolVersion } from '../wire/limits.js';
import type { ControlFromHost, Request } from '../wire/messages.js';
import { Control } from './control.js';
import { Data } from './data.js';
import { watchForEnds } from './ends.js';
import { breakOff } from './exit.js';
import { handlerNames } from './handlers.js';
import { sendLogsTo } from './log.js';
import { Work } from './work.js';

// Of the 3 seconds that the protocol gives, some are for the exit itself, on a busy machine too.
const leaveMs = 2500;
// The host says drain when it writes no more. One of another make that writes to a closed channel may lose the answers that it hasn't read.
const drainMs = 1000;
// A cancellation can overtake its request. Ids of requests that were answered get here too, so old ones go.
const maxEarlyCancels = 1000;

/**
 * Serves the pool that has started this program, until the pool or its process ends it. Call it last, once. Installs
 * handlers for SIGTERM and SIGINT, and ends the process when the host is gone.
 *
 * Requests are served at the same time, as far as their handlers wait and the pool's `concurrency` allows. A handler that
 * computes without a pause keeps the event loop busy, and cancellations from being seen: compute in a `worker_threads`
 * worker. The pool ends such a worker when one of its requests was cancelled, by `timeoutMs` or a `signal`, and isn't
 * answered within `cancelGraceMs`: give calls a `timeoutMs`.
 *
 * Throws `ERR_PROCGUARD_NOT_A_WORKER` when no pool has started the program.
 */
export function serve(): void {
  if (process.env.PROCGUARD_PROTOCOL === undefined) {
    throw new ProcguardError(
      'ERR_PROCGUARD_NOT_A_WORKER',
      'serve() needs the sockets of a pool: start this program through `new Pool(…)` of procguard.',
    );
  }
  new Server().start();
}

class Server {
  readonly #control = new Control((message) => this.#onControl(message));
  readonly #data = new Data((request) => this.#onRequest(request));
  readonly #works = new Map<number, Work>();
  readonly #earlyCancels = new Set<number>();
  #last = 0;
  #isDraining = false;
  #isStopping = false;
  #isLeaving = false;

  start(): void {
    watchForEnds(() => this.#onSigterm());
    this.#control.send({
      type: 'hello',
      protocol: protocolVersion,
      sdk: 'node/1',
      pid: process.pid,
      handlers: handlerNames(),
    });
    sendLogsTo((line) => this.#control.sendLine(line));
  }

  #onControl(message: ControlFromHost): void {
    switch (message.type) {
      case 'ping':
        this.#control.send({ type: 'pong', seq: message.seq });
        break;
      case 'cancel':
        this.#cancel(message.id);
        break;
      case 'credit':
        this.#works.get(message.id)?.addCredit(message.items);
        break;
      case 'refused':
        breakOff(`refused by the host: ${message.message}`);
        break;
      case 'drain':
        this.#isDraining = true;
        // A request that was sent before may still have to be read.
        setImmediate(() => setImmediate(() => this.#leaveWhenDone()));
    }
  }

  #cancel(id: number): void {
    const work = this.#works.get(id);
    if (work !== undefined) {
      work.cancel();
      return;
    }
    this.#earlyCancels.add(id);
    const [oldest] = this.#earlyCancels;
    if (this.#earlyCancels.size > maxEarlyCancels) this.#earlyCancels.delete(oldest as number);
  }

  #onRequest(request: Request): void {
    this.#last = request.id;
    const work = new Work(request, this.#data);
    this.#works.set(request.id, work);
    if (this.#earlyCancels.delete(request.id)) work.cancel();
    void work.run().then(() => {
      this.#works.delete(request.id);
      this.#leaveWhenDone();
    });
  }

  #onSigterm(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#data.stop();
    this.#control.send({ type: 'leaving', last: this.#last });
    setTimeout(() => process.exit(0), leaveMs);
    this.#leaveWhenDone();
  }

  #leaveWhenDone(): void {
    if (this.#works.size > 0) return;
    if (this.#isDraining && (this.#isStopping || !this.#data.isWithinFrame)) this.#leave();
    else if (this.#isStopping) setTimeout(() => this.#leave(), drainMs);
  }

  #leave(): void {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    this.#data.finish(() => process.exit(0));
  }
}
