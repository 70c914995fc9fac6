import { readFileSync } from 'node:fs';
import { output, readStat, statFields } from '../proc.js';
import type { Context, Subject } from '../scenario.js';

const nobody = 65534;

/** Lines of /proc/self/status that neither time nor the machine's load change, all of which a child inherits. */
const stable =
  /^(Umask|Uid|Gid|Groups|ShdPnd|SigBlk|SigIgn|SigCgt|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp|Seccomp_filters|Speculation_Store_Bypass|Cpus_allowed|Mems_allowed|CoreDumping|THP_enabled|Threads|SigPnd):.*/gm;

export const subject: Subject = {
  'credentials, masks, dispositions and capabilities': async (context) => {
    const { log } = context;
    log('status', await status(context));
    log('limits', (await output(context, 'cat /proc/self/limits')).split('\n'));
    log('oom', await output(context, 'cat /proc/self/oom_score_adj /proc/self/coredump_filter'));
    log(
      'scheduling',
      await output(context, 'cat /proc/self/timerslack_ns; taskset -p $$ | sed "s/.*: //"; ionice'),
    );
    log(
      'personality',
      await output(context, 'cat /proc/self/personality /proc/self/loginuid /proc/self/sessionid'),
    );
  },

  'signals that the host handles are default in the child': async (context) => {
    const listener = () => {};
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR2', 'SIGWINCH', 'SIGCHLD'] as const) {
      process.on(signal, listener);
    }
    context.log('status', await status(context));
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR2', 'SIGWINCH', 'SIGCHLD'] as const) {
      process.removeListener(signal, listener);
    }
  },

  'signals that the host was started with as ignored': {
    alone: true,
    wrapper: ['env', '--ignore-signal=HUP,USR2,TERM,QUIT,RTMIN+3'],
    run: async (context) => context.log('status', await status(context)),
  },

  'signals that the host was started with as blocked': {
    alone: true,
    wrapper: ['env', '--block-signal=HUP,USR2,TERM,CHLD'],
    run: async (context) => context.log('status', await status(context)),
  },

  'the umask of the moment': async (context) => {
    const before = process.umask(0o027);
    context.log('umask', await output(context, 'umask; grep Umask /proc/self/status'));
    process.umask(0o077);
    context.log('umask', await output(context, 'umask'));
    process.umask(before);
  },

  'the working folder of the moment': async (context) => {
    const { dir, log } = context;
    const before = process.cwd();
    process.chdir(dir);
    log('pwd', await output(context, 'pwd -P'));
    process.chdir('/');
    log('pwd', await output(context, 'pwd -P'));
    log('pwd', await output(context, 'pwd -P', { cwd: dir }));
    log('pwd', await output(context, 'pwd -P', { cwd: new URL(`file://${dir}`) }));
    log('pwd', await output(context, 'pwd -P', { cwd: '' }));
    process.chdir(before);
  },

  'a working folder that was removed': async (context) => {
    const { dir, log } = context;
    const before = process.cwd();
    await output(context, 'mkdir gone', { cwd: dir });
    process.chdir(`${dir}/gone`);
    await output(context, 'rmdir gone', { cwd: dir });
    log('link', await output(context, 'readlink /proc/self/cwd'));
    process.chdir(before);
  },

  'the session, process group and terminal of the host': async ({ log, ...context }) => {
    const host = readStat(process.pid);
    const child = statFields(await output(context, 'cat /proc/$$/stat; :'));
    log('same', child(5) === host(5), child(6) === host(6), child(7) === host(7), child(8) === host(8));
    log('parent', child(4) === String(process.pid), 'exit signal', child(38), 'policy', child(41), child(40));
  },

  'detached gives a session and process group of its own': async ({ log, ...context }) => {
    const stat = statFields(await output(context, 'cat /proc/$$/stat; :', { detached: true }));
    const pid = (
      await output(context, 'echo $$ $(cut -d" " -f5,6,7 /proc/$$/stat)', { detached: true })
    ).split(' ');
    log('own', stat(5) === stat(6), pid[0] === pid[1], pid[0] === pid[2], pid[3]);
    log('parent', stat(4) === String(process.pid));
  },

  'a terminal of the host': {
    alone: true,
    wrapper: ['sh', '-c', 'exec script -qec "$*" /dev/null', 'sh'],
    run: async (context) => {
      const { cp, log, follow } = context;
      await follow(
        cp.spawn('sh', ['-c', 'test -t 0; a=$?; test -t 1; b=$?; test -t 2; echo $a $b $?'], {
          stdio: 'inherit',
        }),
      );
      const stat = statFields(await output(context, 'cat /proc/$$/stat; :'));
      const host = readStat(process.pid);
      log(
        'same',
        stat(5) === host(5),
        stat(6) === host(6),
        stat(7) === host(7),
        host(7) !== '0',
        stat(8) === host(8),
      );
      const detached = statFields(await output(context, 'cat /proc/$$/stat; :', { detached: true }));
      log('detached', detached(7), detached(8));
      log('in front', await output(context, 'ps -o stat= -p $$ | grep -c +; tty; :'));
    },
  },

  'the niceness of the moment': {
    alone: true,
    run: async (context) => {
      const { setPriority } = await import('node:os');
      context.log('nice', await output(context, 'nice'));
      setPriority(7);
      context.log('nice', await output(context, 'nice'));
    },
  },

  'the processors of the moment': {
    alone: true,
    run: async (context) => {
      await output(context, 'true');
      await output(context, `taskset -p 1 ${process.pid}`);
      context.log('affinity', await output(context, 'grep Cpus_allowed_list /proc/self/status'));
    },
  },

  'the input and output class of the moment': {
    alone: true,
    run: async (context) => {
      await output(context, 'true');
      await output(context, `ionice -c 3 -p ${process.pid}`);
      context.log('class', await output(context, 'ionice'));
    },
  },

  'the scheduling policy of the moment': {
    alone: true,
    run: async (context) => {
      await output(context, 'true');
      await output(context, `chrt -b -p 0 ${process.pid}`);
      context.log('policy', await output(context, 'chrt -p $$ | sed "s/.*: //"'));
    },
  },

  'the OOM score of the moment': {
    alone: true,
    run: async (context) => {
      const { writeFileSync } = await import('node:fs');
      await output(context, 'true');
      writeFileSync('/proc/self/oom_score_adj', '321');
      context.log('score', await output(context, 'cat /proc/self/oom_score_adj'));
    },
  },

  'the limits of the moment': {
    alone: true,
    run: async (context) => {
      await output(context, 'true');
      await output(context, `prlimit --pid ${process.pid} --nofile=512:600 --core=0 --stack=4194304`);
      context.log('limits', (await output(context, 'cat /proc/self/limits')).split('\n'));
    },
  },

  'uid drops supplementary groups and keeps the gid': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      process.setgroups?.([1, 2, 3, 4]);
      context.log('neither', await status(context));
      context.log('uid', await status(context, { uid: nobody }));
      context.log('gid', await status(context, { gid: nobody }));
      context.log('both', await status(context, { uid: nobody, gid: nobody }));
      context.log('other', await status(context, { uid: 1, gid: 2 }));
      context.log('own', await status(context, { uid: 0 }));
      context.log('own', await status(context, { uid: 0, gid: 0 }));
      context.log('detached', await status(context, { uid: nobody, gid: nobody, detached: true }));
    },
  },

  'the credentials of the moment': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      await output(context, 'true');
      process.setgroups?.([7, 8]);
      context.log('groups', await status(context));
      process.setgid?.(nobody);
      context.log('gid', await status(context));
      process.seteuid?.(nobody);
      context.log('effective', await status(context));
      process.seteuid?.(0);
      process.setuid?.(nobody);
      context.log('uid', await status(context));
      const own = readFileSync('/proc/self/status', 'utf8').match(/^Uid:.*/m)?.[0];
      context.log('host', own);
    },
  },

  'credentials that change while many children are started': {
    alone: true,
    needsRoot: true,
    run: async (context) => {
      const ids = await Promise.all(
        [0, 1, 2, 3, nobody].flatMap((uid) => [
          output(context, 'id -u; id -g', { uid }),
          output(context, 'id -u; id -g', { gid: uid }),
        ]),
      );
      context.log('ids', ids);
      context.log('host', process.getuid?.(), process.getgid?.(), process.getgroups?.());
    },
  },

  'the program path, arguments and name': async (context) => {
    const { cp, follow } = context;
    const script = 'tr "\\0" "|" </proc/$$/cmdline; cat /proc/$$/comm; readlink /proc/$$/exe; :';
    await follow(cp.spawn('sh', ['-c', script, '', 'a b', '"quoted"', '$HOME', '\u00e9\u4e2d\n']), 'plain');
    await follow(cp.spawn('/bin/sh', ['-c', script], { argv0: 'another name' }), 'argv0');
    await follow(cp.spawn('/bin/sh', ['-c', script], { argv0: '' }), 'empty argv0');
    await follow(cp.spawn('/bin/sh', ['-c', script], { argv0: undefined }), 'undefined argv0');
  },

  'no terminal is taken from the host': async ({ log, ...context }) => {
    log('tty', statFields(await output(context, 'cat /proc/$$/stat; :'))(7) === readStat(process.pid)(7));
  },
};

async function status(context: Pick<Context, 'cp'>, options = {}) {
  return [...(await output(context, 'cat /proc/self/status', options)).matchAll(stable)].map(
    ([line]) => line,
  );
}
