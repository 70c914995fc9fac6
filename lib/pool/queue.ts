import type { Task } from './task.js';

// They hold their arguments.
const maxSettled = 64;

/** Tasks that wait: the higher priority first, and within one the older. */
export class TaskQueue {
  /** Of those that any worker may have. */
  readonly #shared = new Lanes();
  /** Of those that are for one slot's worker. */
  readonly #pinned = new Map<number, Lanes>();
  #depth = 0;
  /** About how many settled tasks still have a place. */
  #settled = 0;

  /** Tasks that wait and aren't settled. */
  get depth(): number {
    return this.#depth;
  }

  push(task: Task): void {
    this.#lanesOf(task).push(task);
    this.#depth++;
  }

  /** A task that has had its turn goes before its like. */
  pushBack(task: Task): void {
    this.#lanesOf(task).unshift(task);
    this.#depth++;
  }

  /** The next task for this slot's worker. */
  take(slot: number): Task | undefined {
    const shared = this.#shared.peek();
    const pinnedLanes = this.#pinned.get(slot);
    const pinned = pinnedLanes?.peek();
    if (shared === undefined && pinned === undefined) return undefined;
    this.#depth--;
    const first = pinned === undefined || (shared !== undefined && isBefore(shared, pinned));
    return first ? this.#shared.shift() : pinnedLanes?.shift();
  }

  /** It was settled while it waited; its place is passed over when its turn comes, which may be in a long time. */
  withdrawn(): void {
    this.#depth--;
    if (++this.#settled > Math.max(maxSettled, this.#depth)) {
      for (const lanes of [this.#shared, ...this.#pinned.values()]) lanes.sweep();
      this.#settled = 0;
    }
  }

  /** Takes out all that wait for one slot. */
  unpin(slot: number): Task[] {
    const tasks = this.#pinned.get(slot)?.all() ?? [];
    this.#pinned.delete(slot);
    this.#depth -= tasks.length;
    return tasks;
  }

  /** Takes out everything. */
  clear(): Task[] {
    const tasks = [this.#shared, ...this.#pinned.values()].flatMap((lanes) => lanes.all());
    this.#pinned.clear();
    this.#depth = 0;
    return tasks;
  }

  #lanesOf({ slot }: Task): Lanes {
    if (slot === undefined) return this.#shared;
    let lanes = this.#pinned.get(slot);
    if (lanes === undefined) {
      lanes = new Lanes();
      this.#pinned.set(slot, lanes);
    }
    return lanes;
  }
}

function isBefore(one: Task, other: Task): boolean {
  const difference = one.policy.priority - other.policy.priority;
  return difference === 0 ? one.sequence < other.sequence : difference > 0;
}

/** One first-in-first-out lane for each priority, the highest first. */
class Lanes {
  readonly #lanes: { priority: number; fifo: Fifo }[] = [];

  push(task: Task): void {
    this.#lane(task).push(task);
  }

  unshift(task: Task): void {
    this.#lane(task).unshift(task);
  }

  peek(): Task | undefined {
    return this.#first()?.peek();
  }

  shift(): Task | undefined {
    return this.#first()?.shift();
  }

  all(): Task[] {
    const tasks: Task[] = [];
    for (let task = this.shift(); task !== undefined; task = this.shift()) tasks.push(task);
    return tasks;
  }

  sweep(): void {
    for (const { fifo } of this.#lanes) fifo.sweep();
  }

  #first(): Fifo | undefined {
    for (const { fifo } of this.#lanes) if (fifo.peek() !== undefined) return fifo;
    return undefined;
  }

  #lane({ policy: { priority } }: Task): Fifo {
    const found = this.#lanes.find((lane) => lane.priority === priority);
    if (found !== undefined) return found.fifo;
    const fifo = new Fifo();
    this.#lanes.push({ priority, fifo });
    this.#lanes.sort((one, other) => other.priority - one.priority);
    return fifo;
  }
}

class Fifo {
  #items: (Task | undefined)[] = [];
  #head = 0;

  push(task: Task): void {
    this.#items.push(task);
  }

  unshift(task: Task): void {
    if (this.#head > 0) this.#items[--this.#head] = task;
    else this.#items.unshift(task);
  }

  peek(): Task | undefined {
    while (this.#items[this.#head]?.settled) this.#drop();
    return this.#items[this.#head];
  }

  shift(): Task | undefined {
    const task = this.peek();
    if (task !== undefined) this.#drop();
    return task;
  }

  /** Takes out what is settled. */
  sweep(): void {
    this.#items = this.#items.slice(this.#head).filter((task) => task?.settled === false);
    this.#head = 0;
  }

  #drop(): void {
    // Its arguments may be large, and the array is cut only now and then.
    this.#items[this.#head] = undefined;
    this.#head++;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
  }
}
