/** `npm start`: the whole of Wattshed on this machine. */
import { requireNode } from '../require-node.mjs';

requireNode('npm start');
const { main } = await import('./main.ts');
await main(process.argv.slice(2));
