/** In the colours of the dashboard; served by the Worker, because the policy of the page allows no inline style. */
export const DOCS_STYLE = `
:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f6, #101413);
  --card: light-dark(#ffffff, #181e1c);
  --line: light-dark(#dde2e0, #2d3633);
  --text: light-dark(#16201d, #e8eeeb);
  --quiet: light-dark(#53605c, #9eaca7);
  --accent: light-dark(#0f766e, #2dd4bf);
  --warn: light-dark(#9a4b05, #fbbf24);
  --bad: light-dark(#b42318, #fca5a5);
  --badge: light-dark(#e9eeec, #26302d);
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-size: 16px;
  line-height: 1.5;
}
* { box-sizing: border-box; }
body {
  display: grid;
  grid-template-columns: minmax(15rem, 19rem) minmax(0, 1fr);
  gap: 0 2rem;
  max-width: 80rem;
  margin: 0 auto;
  padding: 0 1rem 4rem;
  background: var(--page);
  color: var(--text);
}
nav {
  position: sticky;
  top: 0;
  max-height: 100vh;
  overflow-y: auto;
  padding: 1rem 0;
  font-size: 0.875rem;
}
nav .brand { margin: 0; font-size: 1.25rem; font-weight: 650; }
nav p { display: flex; flex-wrap: wrap; gap: 0 0.75rem; margin: 0.25rem 0 0.75rem; }
nav h2 { margin: 1rem 0 0.25rem; font-size: 0.875rem; color: var(--quiet); }
nav ul { margin: 0; padding: 0; list-style: none; }
nav li a { display: block; padding: 0.15rem 0; text-decoration: none; overflow-wrap: anywhere; }
nav li a:hover { text-decoration: underline; }
main { display: grid; gap: 1rem; align-content: start; min-width: 0; padding-top: 1rem; }
a { color: inherit; text-underline-offset: 0.2em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.card {
  min-width: 0;
  padding: 1.1rem 1.25rem;
  border: 1px solid var(--line);
  border-radius: 0.75rem;
  background: var(--card);
  scroll-margin-top: 1rem;
}
.card:target, .fields > div:target { border-color: var(--accent); box-shadow: 0 0 0 1px var(--accent); }
h1 { margin: 0 0 0.5rem; font-size: 1.4rem; line-height: 1.25; }
h2.tag { margin: 1.25rem 0 0; font-size: 1.2rem; }
.card h2 { margin: 0; font-size: 1.2rem; }
h3 { display: flex; flex-wrap: wrap; align-items: center; gap: 0.25rem 0.6rem; margin: 0; font-size: 1rem; }
h4 { margin: 1rem 0 0.25rem; font-size: 0.875rem; color: var(--quiet); }
p { margin: 0.5rem 0; max-width: 48rem; }
.summary { font-weight: 600; }
code, pre { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
code { padding: 0.1em 0.3em; border-radius: 0.3em; background: var(--badge); font-size: 0.875em; overflow-wrap: anywhere; }
pre { margin: 0.75rem 0 0; padding: 0.75rem 1rem; border-radius: 0.5rem; background: var(--badge); overflow-x: auto; }
pre code { padding: 0; background: none; }
.path { padding: 0; background: none; font-size: 1rem; font-weight: 650; }
.method {
  display: inline-block;
  min-width: 3.6em;
  color: var(--accent);
  font: 650 0.75rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
.method.post, .method.put, .method.patch { color: var(--warn); }
.method.delete { color: var(--bad); }
.scope {
  padding: 0.05rem 0.5rem;
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--badge);
  font-size: 0.8125rem;
  font-weight: 500;
  white-space: nowrap;
}
.scope.public { color: var(--quiet); }
.status { font: 650 0.875rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; color: var(--accent); }
.status-4 { color: var(--warn); }
.status-5 { color: var(--bad); }
.answer p { margin: 0.15rem 0; }
.quiet { color: var(--quiet); font-size: 0.875rem; }
.type { color: var(--quiet); font-size: 0.875rem; }
.fields { margin: 0.25rem 0; }
.fields > div { padding: 0.3rem 0; border-top: 1px solid var(--line); }
.fields > div:first-child { border-top: none; }
.fields dt { margin: 0; }
.fields dd { margin: 0; font-size: 0.9375rem; }
.fields .fields { margin: 0.25rem 0 0.25rem 0.35rem; padding-left: 0.9rem; border-left: 2px solid var(--line); }
details { margin: 0.15rem 0 0.25rem; }
summary { cursor: pointer; font-size: 0.875rem; color: var(--quiet); }
@media (max-width: 50rem) {
  body { grid-template-columns: minmax(0, 1fr); }
  nav { position: static; max-height: none; }
}
`;
