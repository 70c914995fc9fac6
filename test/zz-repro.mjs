import { exec } from 'procguard';
const one = (o) => new Promise(r => { try { exec('echo out; echo err >&2', o ?? {}, r); } catch { r(); } });
const mode = process.argv[2];
for (let i = 0; i < Number(process.argv[3] ?? 100); i++) {
  if (mode === 'plain') await one();
  if (mode === 'maxbuf') await one({ maxBuffer: 2 });
  if (mode === 'missing') await new Promise(r => exec('true', { shell: '/no/such' }, r));
  if (mode === 'kill') await new Promise(r => exec('exec sleep 60', r).kill('SIGINT'));
  if (mode === 'timeout') await new Promise(r => exec('exec sleep 60', { timeout: 1 }, r));
  if (mode === 'abort') await new Promise(r => exec('exec sleep 60', { signal: AbortSignal.abort() }, r));
  if (mode === 'big') await new Promise(r => exec('head -c 1048576 /dev/zero', { maxBuffer: Infinity }, r));
  if (mode === 'e2big') await new Promise(r => { try { exec('x'.repeat(200000), r); } catch { r(); } });
  if (mode === 'cwd') await one({ cwd: '/no/such' });
  if (mode === 'env') await one({ env: { A: 'value' } });
  if (mode === 'throw') { const p = new Promise(r => process.once('uncaughtException', r)); exec('true', () => { throw new Error('x'); }); await p; }
}
