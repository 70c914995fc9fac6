interface ShutdownActions {
  drain(): Promise<unknown>;
  hurry(): void;
}

const signals = ['SIGTERM', 'SIGINT'] as const;

/** Drains at the first signal, hurries at the second, and then lets the signal do what it does by default. */
export function onShutdownSignals({ drain, hurry }: ShutdownActions): () => void {
  let first: NodeJS.Signals | undefined;
  const listener = (signal: NodeJS.Signals) => {
    if (first !== undefined) return hurry();
    first = signal;
    const end = () => {
      stop();
      process.kill(process.pid, signal);
    };
    drain().then(end, (error: unknown) => {
      process.stderr.write(
        `procguard: the drain failed: ${error instanceof Error ? error.message : error}\n`,
      );
      end();
    });
  };
  const stop = () => {
    for (const signal of signals) process.off(signal, listener);
  };
  for (const signal of signals) process.on(signal, listener);
  return stop;
}
