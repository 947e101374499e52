import { describe, expect, it } from 'vitest';
import { proxyFor } from '../../../agent/http/proxy.ts';

const PROXY = 'http://proxy.corp:3128';
const proxied = (url: string, noProxy: string) =>
  proxyFor(new URL(url), { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY: noProxy }) !== null;

describe('which proxy', () => {
  it('follows the scheme of the target, lower case first', () => {
    const environment = {
      HTTPS_PROXY: 'http://upper:1',
      https_proxy: 'http://lower:2',
      HTTP_PROXY: 'http://plain:3',
    };
    expect(proxyFor(new URL('https://a.test'), environment)?.host).toBe('lower:2');
    expect(proxyFor(new URL('http://a.test'), environment)?.host).toBe('plain:3');
    expect(proxyFor(new URL('https://a.test'), { HTTP_PROXY: PROXY })).toBeNull();
    expect(proxyFor(new URL('https://a.test'), { https_proxy: '' })).toBeNull();
  });

  it.each([
    ['https://a.example.com', 'example.com', false],
    ['https://a.example.com', '.example.com', false],
    ['https://a.example.com', '*.example.com', false],
    ['https://notexample.com', 'example.com', true],
    ['https://a.example.com', 'other.com, EXAMPLE.com', false],
    ['https://a.example.com:8443', 'example.com:8443', false],
    ['https://a.example.com', 'example.com:8443', true],
    ['https://a.example.com', '*', false],
    ['https://10.1.2.3', '10.0.0.0/8', false],
    ['https://11.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.0.0.0/99', true],
    ['https://10.1.2.3', '10.1.2.3', false],
    ['https://110.1.2.3', '10.1.2.3', true],
    ['https://[fd00::1]', 'fd00::/8', false],
    ['https://[fd00::1]', 'fd00::1', false],
    ['https://localhost:8787', '', false],
    ['http://127.0.0.1:8787', '', false],
    ['http://[::1]:8787', '', false],
    ['https://a.test', '', true],
  ])('%s with NO_PROXY=%s: through the proxy is %s', (url, noProxy, expected) => {
    expect(proxied(url, noProxy)).toBe(expected);
  });

  it('names the variable, not its value, when it is no URL of a proxy', () => {
    const environment = { HTTPS_PROXY: 'socks5://me:hidden@proxy' };
    expect(() => proxyFor(new URL('https://a.test'), environment)).toThrow(
      new Error('HTTPS_PROXY must be an http:// or https:// URL'),
    );
  });
});
