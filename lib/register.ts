/*
 * `import 'procguard/register'` guards every child that this process starts from now on, in third-party packages too.
 * A child with `detached: true` is one that its caller meant to outlive the host; it is left unguarded.
 */
import { guardEveryChild } from './guard/intercept.js';

guardEveryChild();
