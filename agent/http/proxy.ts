/** Which proxy a request goes through, by the variables that other programs honour too. */
import { BlockList, isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, lower case first. Null for a direct connection; loopback is always direct.
 * Throws when the variable holds no http or https URL.
 */
export function proxyFor(target: URL, environment: Environment): URL | null {
  const name = target.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = environment[name.toLowerCase()] || environment[name];
  if (value === undefined || value === '') return null;
  const host = target.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (isLoopback(host)) return null;
  const port = target.port || (target.protocol === 'https:' ? '443' : '80');
  const exceptions = (environment.no_proxy || environment.NO_PROXY || '').split(',');
  if (exceptions.some((rule) => matches(rule.trim().toLowerCase(), host, port))) return null;
  return parseProxy(value, name);
}

function parseProxy(value: string, name: string): URL {
  const text = value.includes('://') ? value : `http://${value}`;
  const proxy = URL.canParse(text) ? new URL(text) : null;
  if (proxy === null || !['http:', 'https:'].includes(proxy.protocol)) {
    // Not the value itself: it may hold a password.
    throw new Error(`${name} must be an http:// or https:// URL`);
  }
  return proxy;
}

/** `Proxy-Authorization` for the user and password in the proxy's URL, if any. */
export function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'Proxy-Authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || host.endsWith('.localhost') || inSubnet('127.0.0.0/8', host) || host === '::1'
  );
}

/** `*`, a host and its subdomains, an address, or a subnet; with a port only for that port. */
function matches(rule: string, host: string, port: string): boolean {
  if (rule === '') return false;
  if (rule === '*') return true;
  if (rule.includes('/')) return inSubnet(rule, host);
  const [, name = rule, rulePort] = /^(.*?):(\d+)$/.exec(isIP(rule) === 6 ? '' : rule) ?? [];
  if (rulePort !== undefined && rulePort !== port) return false;
  const bare = name.replace(/^\*?\./, '').replace(/^\[|\]$/g, '');
  return host === bare || (isIP(host) === 0 && host.endsWith(`.${bare}`));
}

function inSubnet(subnet: string, host: string): boolean {
  const [network = '', bits = ''] = subnet.split('/');
  const family = isIP(network);
  if (family === 0 || isIP(host) !== family || !/^\d{1,3}$/.test(bits)) return false;
  if (Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(bits), type);
  return list.check(host, type);
}
