/** `npm run deploy`: the same Worker and database on a Cloudflare account. */
import { requireNode } from '../require-node.mjs';

requireNode('npm run deploy');
const { main } = await import('./main.ts');
process.exitCode = await main(process.argv.slice(2));
