/** A way through an HTTP proxy to an https host: CONNECT. */
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { proxyAuthorization } from './proxy.ts';

/** Resolves to a socket that ends at the target; TLS with the target is still to be made on it. */
export function openTunnel(
  proxy: URL,
  target: URL,
  options: { readonly signal: AbortSignal; readonly tlsOptions: ConnectionOptions },
): Promise<Socket> {
  const isSecure = proxy.protocol === 'https:';
  const authority = `${target.hostname}:${target.port || 443}`;
  return new Promise((resolve, reject) => {
    const request = (isSecure ? https : http).request({
      ...options.tlsOptions,
      agent: false,
      hostname: proxy.hostname.replace(/^\[|\]$/g, ''),
      port: proxy.port || (isSecure ? 443 : 80),
      method: 'CONNECT',
      path: authority,
      headers: { Host: authority, ...proxyAuthorization(proxy) },
      signal: options.signal,
    });
    request.on('error', (error) => reject(new Error(`proxy ${proxy.host}: ${error.message}`)));
    request.on('connect', (response, socket) => {
      if (response.statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      reject(new Error(`proxy ${proxy.host} answered ${response.statusCode} to CONNECT ${authority}`));
    });
    // A proxy that answers CONNECT as if it were a GET.
    request.on('response', (response) => {
      response.destroy();
      reject(new Error(`proxy ${proxy.host} answered ${response.statusCode} to CONNECT ${authority}`));
    });
    request.end();
  });
}
