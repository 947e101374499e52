/**
 * A Cloudflare account in a file, behind the words that the deployment says to Wrangler. Anything else it is asked is an
 * error, so a test notices what the deployment asks beyond them.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.env.TEST_ACCOUNT;
const account = JSON.parse(readFileSync(file, 'utf8'));
const args = process.argv.slice(2);
const option = (name) => args[args.indexOf(name) + 1];
const fail = (text) => {
  console.error(text);
  process.exit(1);
};

account.asked.push(args.slice(0, 3).join(' '));
const config = args.includes('--config') ? readFileSync(option('--config'), 'utf8') : '';
const workerName = /^name = "(.*)"$/m.exec(config)?.[1];

switch (['d1', 'secret', 'r2'].includes(args[0]) ? `${args[0]} ${args[1]}` : args[0]) {
  case 'whoami':
    if (!account.loggedIn) fail('{"loggedIn":false}');
    console.log('{"loggedIn":true}');
    break;
  case 'd1 list':
    console.log(`a banner\n${JSON.stringify(account.databases)}`);
    break;
  case 'd1 create':
    account.databases.push({ name: args[2], uuid: `uuid-of-${args[2]}`, options: args.slice(3) });
    break;
  case 'd1 migrations':
    if (!config.includes(`database_name = "${args[3]}"`)) fail(`no database ${args[3]} in the configuration`);
    account.migrated.push(account.databases.find(({ name }) => name === args[3]).uuid);
    break;
  case 'r2 bucket':
    if (args[2] === 'create') {
      if (account.buckets.includes(args[3]))
        fail('The bucket you tried to create already exists. [code: 10004]');
      account.buckets.push(args[3]);
    } else
      for (const bucket of account.buckets)
        console.log(`name:           ${bucket}\ncreation_date:  2026-11-01`);
    break;
  case 'secret list': {
    const worker = account.workers[workerName];
    if (!worker) fail(`Worker "${workerName}" not found. [code: 10007]`);
    console.log(JSON.stringify(Object.keys(worker.secrets).map((name) => ({ name, type: 'secret_text' }))));
    break;
  }
  case 'deploy': {
    if (account.refusesDeploy)
      fail('✘ [ERROR] The plan of this account allows no more scripts. [code: 10037]');
    const secrets = JSON.parse(readFileSync(option('--secrets-file'), 'utf8'));
    account.workers[workerName] ??= { secrets: {}, vars: {}, deployed: 0 };
    const worker = account.workers[workerName];
    Object.assign(worker.secrets, secrets);
    worker.deployed++;
    const vars = /^\[vars\]\n((?:.+ = ".*"\n)*)/m.exec(config)?.[1] ?? '';
    worker.vars = {
      ...(args.includes('--keep-vars') ? worker.vars : {}),
      ...Object.fromEntries([...vars.matchAll(/^(.+) = "(.*)"$/gm)].map((line) => line.slice(1))),
    };
    const bucket = /^bucket_name = "(.*)"$/m.exec(config)?.[1];
    if (bucket) worker.archive = bucket;
    else delete worker.archive;
    console.log(
      `Deployed ${workerName} triggers\n  https://${workerName}.somebody.workers.dev\n  schedule: * * * * *`,
    );
    break;
  }
  default:
    fail(`unexpected: wrangler ${args.join(' ')}`);
}
writeFileSync(file, JSON.stringify(account));
