/** The benchmark's page and its files on localhost, isolated across origins: only then does a page get threads. */
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';

const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};
const TYPES: Readonly<Record<string, string>> = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
const PLATFORM = JSON.stringify({ imports: { '#platform': '/dist/platform/web.js' } });
const PAGE = `<!doctype html><title>gouache</title><link rel="icon" href="data:,">
<script type="importmap">${PLATFORM}</script><script type="module" src="/dist/bench/page.js"></script>`;

export interface Site {
  readonly url: string;
  close(): void;
}

/** Serves a folder, and the page at `/`. */
export async function serve(folder: string): Promise<Site> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    if (pathname === '/') {
      response.writeHead(200, { ...HEADERS, 'content-type': 'text/html' }).end(PAGE);
      return;
    }
    const file = path.join(folder, decodeURIComponent(pathname));
    if (path.relative(folder, file).startsWith('..') || !existsSync(file)) {
      response.writeHead(404, HEADERS).end();
      return;
    }
    const type = TYPES[path.extname(file)] ?? 'application/octet-stream';
    response.writeHead(200, { ...HEADERS, 'content-type': type }).end(readFileSync(file));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
